"""Memory and time of the corpus track's global steps on a synthetic corpus of any size.

    python -m tests.benchmarks.bench_global_steps --rows 5000000 --folder /tmp/global

Each step runs in a process of its own; its peak resident memory is what the system reports of that
process (VmHWM, interpreter and libraries included). Where other work shares the cores, CPU seconds
say more than seconds. The corpus is built first, streamed, and
is left in the folder.
"""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tyro

from tests.benchmarks.synthetic_corpus import (
    SOURCE,
    Corpus,
    write_candidates,
    write_documents,
    write_scores,
    write_signatures,
)

STEPS = (
    "deduplicate",
    "group_near_duplicates",
    "split_documents",
    "select_documents",
    "cap_entities",
)
THRESHOLDS = {
    "min_characters": 800,
    "max_characters": 2500,
    "min_sentence_marks": 3,
    "min_hangul_ratio": 0.4,
    "max_symbol_ratio": 0.3,
    "min_nnp_ratio": 0.05,
    "max_nnp_ratio": 0.2,
    "max_pronouns": None,
    "drop_near_duplicates": True,
}
HEADER = (
    "| step | rows | peak MB | seconds | CPU seconds | CPU µs per row | MB written |\n"
    "|---|---:|---:|---:|---:|---:|---:|\n"
)


def main(
    folder: Path,
    rows: int = 5_000_000,
    shards: int = 100,
    characters: int = 150,
    mentions: int = 100,
    steps: tuple[str, ...] = STEPS,
    mem_mb: int = 1000,
    threads: int = 1,
    table: Path | None = None,
) -> None:
    """Run the steps and print a Markdown table.

    Args:
        folder: where the corpus and the results go.
        rows: documents of the corpus.
        shards: shards of the corpus.
        characters: characters of a text.
        mentions: mentions in the lists of a row of scores.
        steps: steps to run; the earlier ones' results must be in the folder.
        mem_mb: memory that the steps are told to keep to, in MB.
        threads: threads that the steps are given.
        table: file that the table is written to as well.
    """
    corpus = Corpus(folder, rows, shards, characters, mentions)
    if not corpus.manifest.exists():
        _timed("documents", write_documents, corpus)
    lines = []
    for step in steps:
        if step != "deduplicate":
            _build_rest(corpus)
        lines.append(_measured(step, corpus, mem_mb=mem_mb, threads=threads))
        print(lines[-1], file=sys.stderr, flush=True)
    text = HEADER + "".join(f"{line}\n" for line in lines)
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _build_rest(corpus: Corpus) -> None:
    for kind, write in (
        ("signatures", write_signatures),
        ("scores", write_scores),
        ("candidates", write_candidates),
    ):
        if not corpus.files(kind)[-1].exists():
            _timed(kind, write, corpus)


def _timed(name: str, write: Any, corpus: Corpus) -> None:
    start = time.perf_counter()
    write(corpus)
    print(f"built {name} in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)


def _measured(step: str, corpus: Corpus, *, mem_mb: int, threads: int) -> str:
    job = {
        "step": step,
        "corpus": {**asdict(corpus), "folder": str(corpus.folder)},
        "mem_mb": mem_mb,
        "threads": threads,
    }
    start = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_global_steps", "--job", json.dumps(job)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
    )
    seconds = time.perf_counter() - start
    cost = json.loads(finished.stdout.splitlines()[-1])
    return (
        f"| {step} | {corpus.rows:,} | {cost['peak_mb']:,.0f} | {seconds:,.1f} "
        f"| {cost['cpu']:,.1f} | {cost['cpu'] / corpus.rows * 1e6:,.1f} "
        f"| {cost['written_mb']:,.0f} |"
    )


def run_job(job: dict[str, Any]) -> None:
    """Run one step in this process and print what it cost."""
    from scripts.common.logs import start_logging

    start_logging(None)
    corpus = Corpus(**{**job["corpus"], "folder": Path(job["corpus"]["folder"])})
    limits = {
        "tmpdir": corpus.folder / "tmp",
        "mem_mb": job["mem_mb"],
        "threads": job["threads"],
    }
    _run_step(job["step"], corpus, limits)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cost = {
        "peak_mb": _peak_mb(),
        "cpu": usage.ru_utime + usage.ru_stime,
        "written_mb": usage.ru_oublock * 512 / 1e6,
    }
    print(json.dumps(cost))


def _peak_mb() -> float:
    """Peak resident memory of this process; `ru_maxrss` would carry over the parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024 / 1e6


def _run_step(step: str, corpus: Corpus, limits: dict[str, Any]) -> None:
    folders, manifests = [corpus.documents], [corpus.manifest]
    if step == "deduplicate":
        from scripts.corpus import deduplicate

        deduplicate.run(
            folders, manifests, corpus.files("duplicates"), source_order=[SOURCE], **limits
        )
    elif step == "group_near_duplicates":
        from scripts.corpus import group_near_duplicates

        group_near_duplicates.run(
            corpus.files("signatures"),
            folders,
            manifests,
            corpus.groups,
            min_jaccard=0.8,
            shingle_characters=5,
            **limits,
        )
    elif step == "split_documents":
        from scripts.corpus import split_documents

        shares: dict[str, Any] = {"validation": 0.02, "test": 0.02, "holdout": 0.02}
        split_documents.run(
            folders, manifests, corpus.groups, corpus.splits, **shares, seed=1, **limits
        )
    elif step == "select_documents":
        from scripts.corpus import select_documents

        select_documents.run(
            corpus.files("scores"),
            corpus.splits,
            None,
            corpus.folder / "selection.parquet",
            sources={SOURCE: {"rank": 0, "min_characters": 0, "max_characters": 10**9}},
            source_order=[SOURCE],
            thresholds=THRESHOLDS,
            length=1536,
            **limits,
        )
    elif step == "cap_entities":
        from scripts.corpus import cap_entities

        cap_entities.run(
            corpus.files("candidates"),
            corpus.folder / "cutoffs.parquet",
            corpus.folder / "rare.parquet",
            corpus.folder / "entities.parquet",
            min_entity_freq=1,
            max_entity_freq=1000,
            **limits,
        )
    else:
        raise SystemExit(f"{step} is none of {', '.join(STEPS)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--job"]:
        run_job(json.loads(sys.argv[2]))
    else:
        tyro.cli(main, description=__doc__)
