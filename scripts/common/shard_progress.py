"""How far a step that works shard by shard is: per source, and over all sources.

The manifest of a source tells the documents of each of its shards, so totals are known for shards
that have not begun. A shard is done when its file holds as many rows as the manifest says; while
its job works, the job's record tells how far it is.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.common.job_states import Job, Span, recent_rate

ANALYSED, KEPT = "analysed", "kept"


@dataclass(frozen=True)
class Shard:
    """One shard of a source.

    Attributes:
        rows: its documents, by the manifest.
        written_passed: documents that passed in the finished file; None where there is none.
        job: the job that works on it, or did.
    """

    rows: int
    written_passed: int | None
    job: Job | None

    @property
    def batch_size(self) -> int | None:
        """Documents of a batch, known once a job began."""
        stage = self.job.stage if self.job is not None else None
        return stage.batch_size if stage is not None else None


@dataclass(frozen=True)
class Tally:
    """How far the work on a source, or on all of them, is.

    Attributes:
        name: the source, or "all sources".
        done, total: finished and all documents; a total is None before the source has its shards.
        passed: documents that passed, among the finished ones.
        batch, batches: finished and all batches; None while no batch size is known.
        total_is_least: some source has no shards yet, so that the total will grow.
        batches_is_least: some source has not begun, so that the number of batches will grow.
        rate: documents per second, None where nothing is known.
        eta: seconds to the end, None while no job works.
        working: number of jobs at work.
    """

    name: str
    done: int
    total: int | None
    passed: int
    batch: int
    batches: int | None
    total_is_least: bool
    batches_is_least: bool
    rate: float | None
    eta: float | None
    working: int


def tally_source(name: str, shards: Sequence[Shard] | None, now: float) -> Tally:
    """Return how far a source is; `shards` is None before it has any.

    The documents of a job that failed or fell silent are not done: nothing of them is written.
    """
    if shards is None:
        return Tally(name, 0, None, 0, 0, None, True, True, None, None, 0)
    done = passed = batch = working = 0
    for shard in shards:
        stage = shard.job.stage if shard.job is not None else None
        if shard.written_passed is not None:
            done += shard.rows
            passed += shard.written_passed
        elif shard.job is not None and shard.job.is_working(now):
            working += 1
            if stage is not None:
                done += stage.done
                passed += stage.passed
                batch += stage.batch or 0
    total = sum(shard.rows for shard in shards)
    size = next((shard.batch_size for shard in shards if shard.batch_size), None)
    batches = None
    if size is not None:
        counts = [-(-shard.rows // (shard.batch_size or size)) for shard in shards]
        batches = sum(counts)
        written = zip(shards, counts, strict=True)
        batch += sum(count for shard, count in written if shard.written_passed is not None)
    rate = recent_rate(_spans(shards), now)
    return Tally(
        name=name,
        done=done,
        total=total,
        passed=passed,
        batch=batch,
        batches=batches,
        total_is_least=False,
        batches_is_least=batches is None,
        rate=rate,
        eta=_eta(total - done, rate, working),
        working=working,
    )


def tally_all(sources: dict[str, Sequence[Shard] | None], now: float) -> Tally:
    """Return how far all sources are together, at the rate of all their jobs."""
    tallies = [tally_source(name, shards, now) for name, shards in sources.items()]
    known = [tally.batches for tally in tallies if tally.batches is not None]
    done, total = sum(t.done for t in tallies), sum(t.total or 0 for t in tallies)
    working = sum(tally.working for tally in tallies)
    rate = recent_rate((span for shards in sources.values() for span in _spans(shards or ())), now)
    return Tally(
        name="all sources",
        done=done,
        total=total,
        passed=sum(tally.passed for tally in tallies),
        batch=sum(tally.batch for tally in tallies),
        batches=sum(known) if known else None,
        total_is_least=any(tally.total_is_least for tally in tallies),
        batches_is_least=any(tally.batches_is_least for tally in tallies),
        rate=rate,
        eta=_eta(total - done, rate, working),
        working=working,
    )


def _spans(shards: Iterable[Shard]) -> list[Span]:
    return [shard.job.span for shard in shards if shard.job is not None]


def _eta(remaining: int, rate: float | None, working: int) -> float | None:
    return remaining / rate if working and rate else None


class CorpusFiles:
    """Reads what the corpus track has written; a file is opened again only when it changed.

    Args:
        results: the results folder.
    """

    def __init__(self, results: Path) -> None:
        self.folder = results / "corpus"
        self._known: dict[Path, tuple[tuple[int, int], Any]] = {}

    def sources(self, jobs: Iterable[Job]) -> dict[str, list[Shard] | None]:
        """Return the shards of every source by its name, with the jobs that score them."""
        scoring = {
            (job.record.wildcards.get("source"), job.record.wildcards.get("shard")): job
            for job in jobs
            if job.record.rule == "score_shard"
        }
        sources: dict[str, list[Shard] | None] = {}
        for folder in sorted((self.folder / "sources").glob("*")):
            manifest = self._read(folder / "shards.json", _read_manifest)
            if manifest is None:
                sources[folder.name] = None
                continue
            sources[folder.name] = [
                self._shard(folder.name, name, rows, scoring.get((folder.name, name)))
                for name, rows in manifest
            ]
        return sources

    def _shard(self, source: str, name: str, rows: int, job: Job | None) -> Shard:
        counted = self._read(self.folder / "scores" / source / f"{name}.parquet", _count_analysed)
        written = counted[1] if counted is not None and counted[0] == rows else None
        return Shard(rows, written, job)

    def kept(self) -> dict[str, tuple[int, int]]:
        """Return kept and all documents of each selection that is not older than the scores."""
        scores = [path.stat().st_mtime_ns for path in self.folder.glob("scores/*/*.parquet")]
        selections = {}
        for path in sorted(self.folder.glob("selection/*.parquet")):
            counted = self._read(path, _count_kept)
            if counted is not None and self._known[path][0][0] >= max(scores, default=0):
                selections[path.stem] = (counted[1], counted[0])
        return selections

    def _read(self, path: Path, read: Any) -> Any:
        """Return what `read` makes of a file, None where it is missing or not whole."""
        try:
            status = path.stat()
            mark = (status.st_mtime_ns, status.st_size)
            if path not in self._known or self._known[path][0] != mark:
                self._known[path] = mark, read(path)
        except (OSError, ValueError, KeyError, TypeError):  # pyarrow's errors are ValueErrors
            return None
        return self._known[path][1]


def _read_manifest(path: Path) -> list[tuple[str, int]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return [(Path(entry["path"]).stem, int(entry["rows"])) for entry in content["shards"]]


def _count_analysed(path: Path) -> tuple[int, int]:
    return _count(path, "analysis", ANALYSED)


def _count_kept(path: Path) -> tuple[int, int]:
    return _count(path, "reason", KEPT)


def _count(path: Path, column: str, value: str) -> tuple[int, int]:
    """Return all rows of a table and those with `value`, in the memory of a row group."""
    with pq.ParquetFile(path) as file:
        hits = sum(
            pc.sum(pc.equal(batch[column].cast(pa.string()), value)).as_py() or 0
            for batch in file.iter_batches(columns=[column])
        )
        return int(file.metadata.num_rows), int(hits)
