"""Stops a step of a real run at a chosen moment, or makes its analyser fail; no product code knows.

A test puts a folder with the written `sitecustomize.py` in front of PYTHONPATH: Python runs it when
a process starts, and it runs this file, which arms the fault in the process of the named step only.
This file is run by path inside the step, so it imports nothing of the project.
"""

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "DURE_TEST_FAULT"
_LONGEST_STOP = 120.0


@dataclass(frozen=True)
class Fault:
    """What happens in which step.

    Attributes:
        step: name of the step's script.
        moment: "table" (after rows went into a Parquet file, before it is closed), "stream" (the
            same for an Arrow file of a dataset), "rename" (before a finished file gets its name)
            or "analyser" (Kiwi raises on texts that hold `name`).
        name: end of the file's name; for "analyser" a part of the text.
        times: which of the moments it is, counted from 1.
    """

    step: str
    moment: str
    name: str = ""
    times: int = 1

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the variables of a run with this fault; what they need is written to `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(
            f"import runpy\nrunpy.run_path({__file__!r}, run_name='armed')\n"
        )
        mark(folder).unlink(missing_ok=True)
        stated = json.dumps(asdict(self) | {"mark": str(mark(folder))})
        return {"PYTHONPATH": str(folder), VARIABLE: stated}


def mark(folder: Path) -> Path:
    """The file that a stopped step leaves its process id in."""
    return folder / "stopped"


def _stop(where: Path) -> None:
    """Say that the moment is reached, and wait to be killed; only one process of a run does.

    Two jobs of one step may run side by side. The second goes on as if nothing were armed, since
    a test kills the process that left the mark and knows of no other.
    """
    new = where.with_name(f"new.{os.getpid()}")
    new.write_text(str(os.getpid()))
    try:
        os.link(new, where)
    except FileExistsError:
        return
    finally:
        new.unlink()
    time.sleep(_LONGEST_STOP)
    os._exit(99)


def _arm(fault: Fault, where: Path) -> None:
    if fault.moment == "analyser":
        _break_analyser(fault.name)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    reached = 0

    def count(path: Any) -> None:
        nonlocal reached
        reached += str(path).endswith(fault.name)
        if reached == fault.times and str(path).endswith(fault.name):
            _stop(where)

    if fault.moment == "table":
        write_table = pq.ParquetWriter.write_table

        def stop_in_table(self: Any, *arguments: Any, **options: Any) -> None:
            write_table(self, *arguments, **options)
            count(self.where)

        pq.ParquetWriter.write_table = stop_in_table
    elif fault.moment == "stream":
        writer = pa.ipc.RecordBatchStreamWriter

        def stop_in_stream(self: Any, batch: Any) -> None:
            super(writer, self).write_batch(batch)
            count("")

        writer.write_batch = stop_in_stream
    else:
        replace = os.replace

        def stop_before_rename(source: Any, target: Any) -> None:
            count(target)
            replace(source, target)

        os.replace = stop_before_rename  # type: ignore[assignment]


def _break_analyser(part: str) -> None:
    """Make Kiwi raise in the midst of a batch, as late as its reading ahead lets it."""
    import kiwipiepy

    tokenize = kiwipiepy.Kiwi.tokenize

    def failing(self: Any, texts: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(texts, str):
            if part in texts:
                raise RuntimeError("cannot analyse this")
            return tokenize(self, texts, *arguments, **options)
        return tokenize(self, map(refuse, texts), *arguments, **options)

    def refuse(text: str) -> str:
        if part in text:
            raise RuntimeError("cannot analyse this")
        return text

    kiwipiepy.Kiwi.tokenize = failing


if __name__ == "armed" and VARIABLE in os.environ:
    _stated = json.loads(os.environ[VARIABLE])
    _mark = Path(_stated.pop("mark"))
    _fault = Fault(**_stated)
    if sys.orig_argv[-1].endswith(f".{_fault.step}.py"):
        _arm(_fault, _mark)
