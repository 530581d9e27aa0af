"""Peak memory of every job of the corpus track as the number of real documents grows.

Runs the whole track on 10,000 real documents and on copies of them, with one shard, so that each
shard job sees every document, and two workers. Prints each step's peak resident memory at each
size, the growth per 100,000 documents, and where that line would stand at 20 million. A folder that
holds an earlier run is brought up to date only.

    python -m tests.benchmarks.bench_memory --documents DIR/*.parquet --folder DIR --table memory.md
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from scripts.common.job_record import FINISHED, read_record
from tests.benchmarks.real_documents import read_documents, repeated, write_documents

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
corpus:
  sources: sources.tsv
  workers: 2
  lengths: [1536, 2048]
  tokenizer: {vocabulary: 32000}
  entity_coref: {max_characters: measured, drop_near_duplicates: false}
  mlm: {drop_near_duplicates: false}
"""
_PUBLISHED_DOCUMENTS = 20_329_632  # HPLT's Korean texts, of which the earlier script died


@dataclass(frozen=True)
class Peaks:
    """Peak memory of one step.

    Attributes:
        rule: the step.
        megabytes: largest peak of its jobs, by number of documents.
        seconds: their time in all, by number of documents.
    """

    rule: str
    megabytes: dict[int, float]
    seconds: dict[int, float]


def main(
    documents: list[Path],
    folder: Path,
    *,
    sizes: tuple[int, ...] = (10_000, 50_000, 200_000),
    base: int = 10_000,
    table: Path | None = None,
    target: str = "corpus",
) -> None:
    """Run the track at each size and print the peaks.

    Args:
        documents: Parquet files with the columns `id` and `text`.
        folder: where the runs go, one folder per size.
        sizes: numbers of documents.
        base: number of different documents, which larger sizes repeat.
        table: where the Markdown table goes as well.
        target: what Snakemake makes; a file of an early step for a first part of the run.
    """
    for size in sizes:
        directory = folder / str(size)
        _prepare(directory, documents, base=min(base, size), size=size)
        _run(directory, target)
    text = markdown(collect(folder, sizes), sizes)
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _prepare(directory: Path, documents: list[Path], *, base: int, size: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    source = directory / "documents.parquet"
    if not source.exists():
        part = directory / "part.parquet"
        write_documents(repeated(read_documents(documents, number=base), size), part)
        part.replace(source)
        header = "source\tkind\tlocation\tid_field\tshards"
        row = "real\tlocal\tdocuments.parquet\tid\t1"
        (directory / "sources.tsv").write_text(f"{header}\n{row}\n", encoding="utf-8")
        (directory / "my.yaml").write_text(CONFIG, encoding="utf-8")


def _run(directory: Path, target: str) -> None:
    command = [
        *(sys.executable, "-m", "snakemake", target, "--configfile", "my.yaml", "--cores", "2"),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(directory)),
        *("--workflow-profile", str(ROOT / "profiles" / "ci"), "--quiet", "all"),
    ]
    subprocess.run(command, cwd=directory, check=True)


def collect(folder: Path, sizes: tuple[int, ...]) -> list[Peaks]:
    """Read the peaks from the records that the jobs left, sorted by the largest size's peak."""
    steps: dict[str, Peaks] = {}
    for size in sizes:
        for path in sorted((folder / str(size) / "results" / "logs" / "corpus").rglob("*.json")):
            record = read_record(path)
            if record.state != FINISHED or record.peak_mb is None:
                raise RuntimeError(f"{path}: the job is {record.state}")
            peaks = steps.setdefault(record.rule, Peaks(record.rule, {}, {}))
            peaks.megabytes[size] = max(peaks.megabytes.get(size, 0.0), record.peak_mb)
            peaks.seconds[size] = peaks.seconds.get(size, 0.0) + record.seconds
    return sorted(steps.values(), key=lambda peaks: -peaks.megabytes.get(sizes[-1], 0.0))


def markdown(steps: list[Peaks], sizes: tuple[int, ...]) -> str:
    """Return the table: a row per step, megabytes by size, growth and what it implies."""
    low, high = sizes[0], sizes[-1]
    names = [f"{size:,}" for size in sizes]
    header = ["step", *names, f"{high:,} / {low:,}", "MB per 100,000", "at 20.3 M", "s", "s/1,000"]
    lines = [" | ".join(["", *header, ""]).strip(), "|".join(["", "---"] + ["---:"] * 8 + [""])]
    for peaks in steps:
        if low not in peaks.megabytes or high not in peaks.megabytes or low == high:
            continue
        first, last = peaks.megabytes[low], peaks.megabytes[high]
        slope = (last - first) / (high - low)
        cells = [
            peaks.rule,
            *(f"{peaks.megabytes[size]:.0f}" for size in sizes),
            f"{last / first:.2f}",
            f"{slope * 100_000:+.1f}",
            f"{last + slope * (_PUBLISHED_DOCUMENTS - high):,.0f}",
            f"{peaks.seconds[high]:.0f}",
            f"{peaks.seconds[high] / high * 1000:.2f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    tyro.cli(main)
