"""Speed of `score_shard` against the form that it succeeds, and against Kiwi alone.

All three run as processes of their own on the same shard of real documents, in turn, `rounds`
times; start-up, reading and writing are in every time. The decisions (which documents pass, their
NNP ratios, pronouns and mentions) must be equal, or the benchmark fails. The goal is 0.95 x 1.2 x
(1 + pass share) times the earlier form's documents/s, since that form analyses what passes twice,
and 90 % of the rate of Kiwi alone.

    python -m tests.benchmarks.bench_scoring --documents DIR/*.parquet --folder DIR
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow.parquet as pq
import tyro

from scripts.common.config import load_schema
from scripts.common.corpus_tables import DUPLICATES
from scripts.common.tables import write_table
from scripts.corpus.fetch_source import run as fetch_source
from scripts.corpus.shard_source import run as shard_source
from tests.benchmarks.real_documents import read_documents, write_documents

ROOT = Path(__file__).resolve().parents[2]
MENTIONS = ("mention_form", "mention_tag", "mention_start", "mention_end", "mention_particle")
GOAL_OF_KIWI = 0.90


@dataclass
class Timing:
    """Seconds of one contestant, a value per round."""

    name: str
    command: list[str]
    seconds: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Run the command and keep its wall time."""
        start = time.perf_counter()
        subprocess.run(self.command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.seconds.append(time.perf_counter() - start)


def main(
    documents: list[Path],
    folder: Path,
    *,
    number: int = 4000,
    workers: int = 2,
    rounds: int = 3,
    table: Path | None = None,
) -> None:
    """Measure and print the rates.

    Args:
        documents: Parquet files with the columns `id` and `text`.
        folder: where the shard and the results go.
        number: real documents, spread evenly over the files.
        workers: Kiwi's threads, and the earlier form's processes.
        rounds: how often every form runs.
        table: where the Markdown goes as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    limits = _default_limits()
    shard = _make_shard(documents, folder, number)
    ours = Timing("score_shard", _score_command(folder, limits["floor"], workers))
    earlier = Timing("earlier form", _earlier_command(folder, shard, limits, workers))
    ours.measure()  # not counted: it tells which documents need Kiwi
    ours.seconds.clear()
    keys = folder / "keys.txt"
    keys.write_text("\n".join(str(row["key"]) for row in _analysed(folder)))
    module = [sys.executable, "-m", "tests.benchmarks.kiwi_alone"]
    options = ["--shard", str(shard), "--keys", str(keys), "--workers", str(workers)]
    alone = Timing("Kiwi alone", [*module, *options])
    for _ in range(rounds):
        for contestant in (earlier, ours, alone):
            contestant.measure()
    analysed = len(_analysed(folder))
    passing = _refuse_other_decisions(folder, limits)
    text = _markdown(number, analysed, passing, earlier, ours, alone)
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _default_limits() -> dict[str, Any]:
    properties = load_schema(ROOT / "config" / "schema.yaml")["properties"]["corpus"]["properties"]
    floor = properties["analysis"]["properties"]
    entity = properties["entity_coref"]["properties"]
    names = [name for name in floor if name != "max_failed_share"]
    return {
        "floor": {name: floor[name]["default"] for name in names},
        "min_nnp_ratio": entity["min_nnp_ratio"]["default"],
        "max_nnp_ratio": entity["max_nnp_ratio"]["default"],
    }


def _make_shard(documents: list[Path], folder: Path, number: int) -> Path:
    source = folder / "documents.parquet"
    write_documents(iter(read_documents(documents, number=number)), source)
    manifest, shards = folder / "manifest.json", folder / "documents"
    fetch_source(
        [source],
        manifest,
        source="real",
        kind="local",
        location="documents.parquet",
        subset=None,
        split=None,
        revision=None,
        sha256=[],
        demo_articles=0,
        seed=0,
    )
    shard_source(
        manifest,
        shards,
        folder / "shards.json",
        folder / "unreadable.parquet",
        source="real",
        shards=1,
        text_fields=["text"],
        separator="\n",
        id_field="id",
        txt_unit="file",
        max_documents=number,
        tmpdir=folder,
    )
    write_table(folder / "duplicates.parquet", DUPLICATES.empty_table(), DUPLICATES)
    return shards / "000.parquet"


def _score_command(folder: Path, floor: dict[str, Any], workers: int) -> list[str]:
    options: dict[str, Any] = {
        "documents": folder / "documents",
        "manifest": folder / "shards.json",
        "duplicates": folder / "duplicates.parquet",
        "scores": folder / "scores.parquet",
        "shard": "000",
        "analyse": True,
        "max_failed_share": 0.001,
        "batch_documents": 1000,
        "chunk_documents": 1000,
        "threads": workers,
        **floor,
    }
    arguments = [
        text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", value)
    ]
    command = [sys.executable, "-m", "scripts.corpus.score_shard"]
    return [str(part) for part in [*command, *arguments]]


def _earlier_command(folder: Path, shard: Path, limits: dict[str, Any], workers: int) -> list[str]:
    parts = [
        *(sys.executable, "-m", "tests.benchmarks.earlier_scoring", "--shard", shard),
        *("--target", folder / "earlier.parquet", "--floor", json.dumps(limits["floor"])),
        *("--min-nnp-ratio", limits["min_nnp_ratio"], "--max-nnp-ratio", limits["max_nnp_ratio"]),
        *("--workers", workers),
    ]
    return [str(part) for part in parts]


def _analysed(folder: Path) -> list[dict[str, Any]]:
    columns = ["key", "analysis", "nnp_ratio", "pronouns", *MENTIONS]
    rows = pq.read_table(folder / "scores.parquet", columns=columns).to_pylist()
    return [row for row in rows if row["analysis"] == "analysed"]


def _refuse_other_decisions(folder: Path, limits: dict[str, Any]) -> int:
    """Return the number of passing documents.

    Raises:
        RuntimeError: the two forms disagree about a document.
    """
    earlier = {row["key"]: row for row in pq.read_table(folder / "earlier.parquet").to_pylist()}
    analysed = _analysed(folder)
    judged = {key for key, row in earlier.items() if row["nnp_ratio"] is not None}
    if judged != {row["key"] for row in analysed}:
        raise RuntimeError("the two forms analysed different documents")
    passing = 0
    for row in analysed:
        other = earlier[row["key"]]
        passes = limits["min_nnp_ratio"] <= row["nnp_ratio"] <= limits["max_nnp_ratio"]
        names = ("nnp_ratio", "pronouns", *(MENTIONS if passes else ()))
        if any(row[name] != other[name] for name in names):
            raise RuntimeError(f"the two forms disagree about document {row['key']}")
        passing += passes
    return passing


def _markdown(
    number: int, analysed: int, passing: int, earlier: Timing, ours: Timing, alone: Timing
) -> str:
    share = passing / analysed
    goal = 0.95 * 1.2 * (1 + share)
    times = {timing.name: median(timing.seconds) for timing in (earlier, ours, alone)}
    faster = times["earlier form"] / times["score_shard"]
    of_kiwi = times["Kiwi alone"] / times["score_shard"]
    rows = [
        f"| {timing.name} | {times[timing.name]:.1f} | "
        f"{' '.join(f'{value:.1f}' for value in timing.seconds)} | "
        f"{number / times[timing.name]:.1f} | {analysed / times[timing.name]:.1f} |"
        for timing in (earlier, ours, alone)
    ]
    return "\n".join(
        [
            f"{number:,} real documents, {analysed:,} analysed, {passing:,} of them within the NNP "
            f"limits (pass share {share:.3f}); decisions and mentions equal.",
            "",
            "| form | median s | rounds | documents/s | analysed/s |",
            "|---|---:|---|---:|---:|",
            *rows,
            "",
            f"- `score_shard` / earlier form: {faster:.2f} (goal 0.95 x 1.2 x (1 + {share:.3f}) = "
            f"{goal:.2f}: {'met' if faster >= goal else 'not met'})",
            f"- `score_shard` / Kiwi alone: {of_kiwi:.3f} (goal {GOAL_OF_KIWI:.2f}: "
            f"{'met' if of_kiwi >= GOAL_OF_KIWI else 'not met'})",
            "",
        ]
    )


if __name__ == "__main__":
    tyro.cli(main)
