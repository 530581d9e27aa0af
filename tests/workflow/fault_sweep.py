"""Fault sweep: one job of every rule on a full disk, and with each of its input files damaged.

    python -m tests.workflow.fault_sweep [--finished FOLDER] [--folder FOLDER] [--faults full cut]

Takes a finished run of the tiny config, and runs single steps on copies of it.

- `full` (a tmpfs, hence root): the step's outputs are removed, and the disk has no room at all,
  then half of what the outputs need. The step must end in one line that says so and names a file,
  leave no output that differs from the undisturbed run and no hidden file, and make the same bytes
  when there is room again.
- `cut`: each input file is cut in half. The step must end in one line that names it, or make the
  same bytes as before (where it reads a part that is whole, or nothing of the file).
- `foreign`: each input file is replaced by a whole one of the same format with other contents.
- `bit`: one bit of each input file is changed.

A damaged file is first given to a step that has no notes of checksums, as one from elsewhere would
be: what the formats and the steps notice by themselves. Where that gives other bytes, and with a
changed bit, the step runs with the notes that the finished run has, and must name the file.

The exit code is 1 where a step prints a traceback, gives other bytes, or names nothing.
"""

import csv
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

import tyro

from scripts.common.checksums import NOTES, note_path
from scripts.common.comparison import LEFT_OUT_FIELDS
from scripts.common.files import sha256_file
from tests.common.small_disk import filled, small_disk
from tests.workflow.harness import ROOT, snakemake, succeeded
from tests.workflow.step_jobs import Ran, StepJob, copy_run, load_libraries, step_jobs

Fault = Literal["full", "cut", "foreign", "bit"]
# Verdicts that are as they should be; "checksum" is a file that only the notes tell from its own.
GOOD = ("named", "unharmed", "checksum")
_NOT_RESULTS = ("logs", "benchmarks", "costs", "events")


@dataclass(frozen=True)
class Finding:
    """What one step did with one fault; all verdicts but those in `GOOD` are findings."""

    fault: str
    rule: str
    file: str
    verdict: str
    line: str


def sweep(
    *,
    finished: Path | None = None,
    folder: Path = ROOT / "results/benchmarks/fault_sweep",
    faults: tuple[Fault, ...] = ("full", "cut", "foreign", "bit"),
    rules: tuple[str, ...] = (),
    files_of_folder: int = 4,
) -> None:
    """Run one job of every rule under faults, and tell what a person would see.

    Args:
        finished: working directory of a finished run of tests/config/tiny.yaml; made if not given.
        folder: where copies and the table go.
        faults: which faults.
        rules: names of rules; all if none.
        files_of_folder: files that are damaged of an input that is a folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = ROOT / "tests/config/tiny.yaml"
    if finished is None:
        finished = folder / "finished"
        shutil.copytree(ROOT / "tests/config", finished / "tests/config", dirs_exist_ok=True)
        succeeded(snakemake("--configfile", str(config), directory=finished))
    jobs = [job for job in step_jobs(finished, config) if not rules or job.rule in rules]
    absent = [job for job in jobs if not all((finished / name).exists() for name in job.inputs)]
    for job in absent:
        print(f"fault sweep: {job.rule} is left out, it reads a file that a finished run deletes")
    jobs = [job for job in jobs if job not in absent]
    load_libraries(jobs)
    findings: list[Finding] = []
    with (folder / "fault_sweep.tsv").open("w") as stream:
        table = csv.writer(stream, delimiter="\t", lineterminator="\n")
        table.writerow(("fault", "rule", "file", "verdict", "line"))
        for finding in _findings(
            jobs, finished.resolve(), folder.resolve(), faults, files_of_folder
        ):
            findings.append(finding)
            row = astuple(finding)
            table.writerow(row)
            stream.flush()
            if finding.verdict not in GOOD:
                print("\t".join(row), flush=True)
    for (fault, verdict), count in sorted(Counter((f.fault, f.verdict) for f in findings).items()):
        print(f"fault sweep: {fault:8} {verdict:10} {count:5}")
    if any(finding.verdict not in GOOD for finding in findings):
        raise SystemExit(f"fault sweep: look into {folder / 'fault_sweep.tsv'}")


def _findings(
    jobs: list[StepJob], finished: Path, folder: Path, faults: tuple[Fault, ...], most: int
) -> Iterator[Finding]:
    for fault in faults:
        if fault == "full":
            for job in jobs:
                with small_disk(folder / "disk", "64m") as disk:
                    yield from full_disk(job, copy_run(finished, disk / "run"))
            continue
        work = folder / "work"
        if work.exists():
            shutil.rmtree(work)
        copy_run(finished, work)
        for job in jobs:
            for name in input_files(job, finished, most):
                yield damaged(job, work, finished, name, fault)


def full_disk(job: StepJob, run: Path) -> Iterator[Finding]:
    """Run a step without any room and with half the room, then with enough."""
    whole = digests(job, run)
    needed = sum((run / name).stat().st_size for name in whole)
    temporary = run / "tmp"
    temporary.mkdir()
    for free in (0, needed // 2):
        remove_outputs(job, run)
        with filled(run.parent, free):
            ran = job.run(run, temporary)
            verdict = _of_full_disk(ran, run, digests(job, run), whole)
        yield Finding("full", job.rule, f"{free} of {needed} bytes", verdict, _shown(ran))
    remove_outputs(job, run)
    ran = job.run(run, temporary)
    same = ran.code == 0 and same_bytes(digests(job, run), whole)
    yield Finding("full", job.rule, "room again", "unharmed" if same else "OTHER", _shown(ran))


def _of_full_disk(ran: Ran, run: Path, found: dict[str, str], whole: dict[str, str]) -> str:
    if ran.code == 0 and same_bytes(found, whole):
        return "unharmed"  # small files in the blocks that were left
    if "Traceback" in ran.printed:
        return "TRACEBACK"
    if hidden := sorted(run.rglob("results/**/.part.*")):
        return f"HIDDEN {hidden[0].name}"
    if any(found[name] != whole[name] for name in found.keys() & whole.keys()):
        return "HALF A FILE"
    line = ran.error
    return "named" if ran.code == 1 and "No space left" in line and "/" in line else "UNNAMED"


def damaged(job: StepJob, work: Path, finished: Path, name: str, fault: str) -> Finding:
    """Run a step with one damaged input, and put everything back."""
    whole = digests(job, finished)
    path = work / name
    content = path.read_bytes()
    times = path.stat()
    path.write_bytes(DAMAGE[fault](path, content))
    try:
        if fault != "bit":
            ran, verdict = _judged(job, work, whole, name)
        if fault == "bit" or verdict == "OTHER":
            put_back(job, work, finished)
            shutil.copytree(finished / NOTES, work / NOTES)
            ran, noticed = _judged(job, work, whole, name)
            verdict = noticed if fault == "bit" else "checksum" if noticed == "named" else "OTHER"
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        put_back(job, work, finished)
    return Finding(fault, job.rule, name, verdict, _shown(ran))


def _judged(job: StepJob, work: Path, whole: dict[str, str], name: str) -> tuple[Ran, str]:
    ran = job.run(work)
    shutil.rmtree(work / NOTES, ignore_errors=True)  # its own, too
    return ran, _of_damage(ran, digests(job, work), whole, name)


def _of_damage(ran: Ran, found: dict[str, str], whole: dict[str, str], name: str) -> str:
    if ran.code == 0:
        return "unharmed" if same_bytes(found, whole) else "OTHER"
    if "Traceback" in ran.printed:
        return "TRACEBACK"
    if name in ran.error:
        return "named"
    folder = name.rpartition("/")[0]
    return "named" if folder in ran.error and folder.count("/") > 1 else "UNNAMED"


def _with_other_bit(content: bytes) -> bytes:
    if not content:
        return b"\0"
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def foreign(path: Path) -> bytes:
    """Return a whole file of the format that `path` has, of another content."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors.numpy import save

    if path.suffix == ".parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"foreign": [1, 2]}), sink)
        return sink.getvalue().to_pybytes()
    if path.suffix == ".arrow":
        sink = pa.BufferOutputStream()
        table = pa.table({"foreign": [1, 2]})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()
    if path.suffix == ".safetensors":
        return save({"foreign": np.zeros(2)})
    if path.suffix == ".svg":
        return b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>\n"
    if path.suffix in (".tsv", ".csv"):
        return b"foreign\n1\n"
    if path.suffix == ".trec":
        return b"foreign\n"
    return b'{"foreign": 1}\n'


# What the file then holds, of its path and its content.
DAMAGE: dict[str, Callable[[Path, bytes], bytes]] = {
    "cut": lambda path, content: content[: len(content) // 2],
    "foreign": lambda path, content: foreign(path),
    "bit": lambda path, content: _with_other_bit(content),
}


def input_files(job: StepJob, run: Path, most: int) -> Iterator[str]:
    """Yield a job's input files, and the first files of its input folders.

    Left out is what no step made: another file there is another task.
    """
    for name in job.inputs:
        path = run / name
        if not (run / note_path(name)).exists():
            continue
        if path.is_file():
            yield name
        elif path.is_dir():
            inner = sorted(
                entry
                for entry in path.rglob("*")
                if entry.is_file() and not entry.name.startswith(".")
            )
            yield from (entry.relative_to(run).as_posix() for entry in inner[:most])


def same_bytes(found: dict[str, str], whole: dict[str, str]) -> bool:
    """Tell whether a job made what a finished run has of it; of temporary files that has none."""
    return {name: found.get(name) for name in whole} == whole


def digests(job: StepJob, run: Path) -> dict[str, str]:
    """Return the digests of a job's output files, of those that comparisons look at."""
    import hashlib

    found = {}
    for name in job.outputs:
        if name.split("/")[1] in _NOT_RESULTS:
            continue
        path = run / name
        files = [path] if path.is_file() else sorted(path.rglob("*")) if path.is_dir() else []
        for file in files:
            if file.is_file() and not file.name.startswith("."):
                digest = (
                    hashlib.sha256(LEFT_OUT_FIELDS.sub(b"", file.read_bytes())).hexdigest()
                    if file.suffix == ".json"
                    else sha256_file(file)
                )
                found[file.relative_to(run).as_posix()] = digest
    return found


def remove_outputs(job: StepJob, run: Path) -> None:
    """Remove a job's outputs and make the folders for them, as Snakemake does before a job."""
    for name in job.outputs:
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    job.make_outputs_folders(run)


def put_back(job: StepJob, work: Path, finished: Path) -> None:
    """Put a job's outputs back as they are in the finished run."""
    remove_outputs(job, work)
    for name in job.outputs:
        if (finished / name).is_dir():
            shutil.copytree(finished / name, work / name)
        elif (finished / name).exists():
            shutil.copy2(finished / name, work / name)


def _shown(ran: Ran) -> str:
    """Return the line that a person reads, or the last one."""
    lines = ran.printed.strip().splitlines()
    return (ran.error or (lines[-1] if lines else ""))[:2000]


if __name__ == "__main__":
    tyro.cli(sweep)
