"""Memory of building a session: texts pass through, they are never held."""

import subprocess
import sys

from tests.retrieval.session_builders import Input
from tests.workflow.harness import ROOT

MB = 2**20
FEW, MANY = 6_000, 24_000
TEXT = "서울 부산 대구 인천 " * 140  # about 4 kB

# The peak of this process alone: what getrusage tells begins with its parent's.
BUILD = r"""
import re, sys
from pathlib import Path
from tests.retrieval.session_builders import Input
from scripts.retrieval.build_session import run
inputs, out = Input(Path(sys.argv[1])), Path(sys.argv[2])
run(
    [inputs.path("corpus.jsonl")], [inputs.path("queries.jsonl")], [inputs.path("qrels.tsv")], [],
    out / "d", out / "q", out / "r", out / "f", out / "s", t=0, name="S0", session_given=False,
    shares=[{"session": "S0", "domain": "가", "share": 0.9}], test_share=0.2, seed=1,
)
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


def peak(folder, count):
    """Peak memory in bytes of a process that builds a session from `count` documents."""
    row = '{"doc_id": "d%d", "text": "%s", "domain": "가"}'
    inputs = Input(folder / "input")
    inputs.put("corpus.jsonl", [row % (number, TEXT) for number in range(count)])
    inputs.put("queries.jsonl", ['{"qid": "q1", "text": "물음", "domain": "가"}'])
    inputs.put("qrels.tsv", ["query-id\tcorpus-id\tscore", "q1\td1\t1"])
    size = inputs.path("corpus.jsonl").stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder / "input"), str(folder / "out")],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return int(done.stdout) * 1024, size


def test_four_times_the_documents_take_hardly_more(tmp_path):
    few, size = peak(tmp_path / "few", FEW)
    many, larger = peak(tmp_path / "many", MANY)
    assert larger - size > 60 * MB
    assert many - few < 20 * MB
