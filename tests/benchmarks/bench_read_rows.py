"""Time and peak memory of read_rows beside pandas doing the same steps.

Generates accounting rows, writes them as CSV and as Parquet, and runs each reader in a process of
its own: drop null labels, join four columns as column:value with numbers as sign, mantissa and
exponent, count and link equal and nearly equal texts, write one Parquet table.

    python -m tests.benchmarks.bench_read_rows --folder DIR --rows 1000000
"""

import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tyro

COLUMNS = ["posted", "amount", "counterparty", "memo"]
_ORIGINALS = 20_000


def main(folder: Path, *, rows: int = 1_000_000, near: bool = True) -> None:
    """Print seconds, seconds of CPU and peak megabytes of both on each format.

    Args:
        folder: where inputs and results go.
        rows: rows of the input.
        near: whether nearly equal texts are linked as well.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [folder / f"rows{rows}.csv", folder / f"rows{rows}.parquet"]
    if not all(path.exists() for path in inputs):
        _in_process(write_inputs, *inputs, rows)
    for path in inputs:
        for reader in (read_with_step, read_with_pandas):
            wall, cpu, peak, facts = _in_process(_measured, reader, path, folder, near)
            print(
                f"{reader.__name__:17} {path.suffix:8} {wall:6.1f} s, {cpu:6.1f} s of CPU, ", end=""
            )
            print(f"{peak:6.0f} MB  {json.dumps(facts)}", flush=True)


def _in_process(function: Callable[..., Any], *arguments: object) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def write_inputs(csv: Path, parquet: Path, rows: int) -> None:
    """Write the embedded ledger, repeated with other memos and amounts, in both formats."""
    import numpy as np
    import pandas as pd

    from scripts.classification.generate_rows import generate

    ledger = pd.DataFrame([vars(item.row) for item in generate(_ORIGINALS, 210, 42)])
    frame = ledger.iloc[np.arange(rows) % len(ledger)].reset_index(drop=True)
    copy = np.arange(rows) // len(ledger)
    # A third of the copies stay equal to their originals.
    numbered = copy % 3 != 0
    frame.loc[numbered, "memo"] = frame.memo[numbered] + " " + copy[numbered].astype(str)
    frame.loc[numbered, "amount"] += copy[numbered] * 10.0
    frame = frame.rename(columns={"label": "acct_code"})
    frame["posted"] = pd.to_datetime(frame.posted).astype("datetime64[s]")
    frame.to_csv(csv, index=False)
    frame.to_parquet(parquet, index=False)


def _measured(reader: Callable[..., dict], path: Path, folder: Path, near: bool) -> tuple:
    started, before = time.perf_counter(), time.process_time()
    facts = reader(path, folder, near)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - started, time.process_time() - before, peak, facts


def read_with_step(path: Path, folder: Path, near: bool) -> dict[str, int]:
    """Run the step."""
    from scripts.classification.read_rows import run

    run(
        [path],
        folder / "rows.parquet",
        folder / "report.json",
        label_column="acct_code",
        text_columns=COLUMNS,
        near_duplicates=near,
        mem_mb=1000,
        tmpdir=folder,
    )
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {
        "rows": report["rows"],
        "equal": report["duplicates"]["rows"],
        "conflicting": report["duplicates"]["conflicting_rows"],
        "near": report["near_duplicates"]["rows"],
    }


def read_with_pandas(path: Path, folder: Path, near: bool) -> dict[str, int]:
    """Do the same with pandas, as one would write it down."""
    import pandas as pd

    is_csv = path.suffix == ".csv"
    frame = pd.read_csv(path, parse_dates=["posted"]) if is_csv else pd.read_parquet(path)
    frame = frame[frame.acct_code.notna()]
    amounts = frame.amount.map(lambda won: f"{won:+e}", na_action="ignore")
    values = [frame.posted.dt.strftime("%Y-%m-%d"), amounts, frame.counterparty, frame.memo]
    first, *others = [
        f"{name}:" + column.fillna("NULL") for name, column in zip(COLUMNS, values, strict=True)
    ]
    text = first.str.cat(others, sep=" | ")
    blank = frame[COLUMNS].isna() | frame[COLUMNS].isin(["", "  "])
    frame = frame.assign(text=text.mask(blank.all(axis=1), ""))
    worded = frame[frame.text != ""]
    facts = {
        "rows": len(frame),
        "equal": int(worded.duplicated(["acct_code", "text"], keep=False).sum()),
        "conflicting": int((worded.groupby("text").acct_code.transform("nunique") > 1).sum()),
        "near": 0,
    }
    key = worded.text
    if near:
        key = worded.text.str.normalize("NFKC").str.casefold()
        key = key.str.replace(r"[^\w$+<=>^`|~]|_", "", regex=True)
        facts["near"] = int(key.duplicated(keep=False).sum())
    frame["row"] = frame.index
    frame["group"] = frame.row.loc[worded.index].groupby(key).transform("min")
    frame["group"] = frame.group.fillna(frame.row).astype("int64")
    columns = ["row", "acct_code", "text", "group", "old_split"]
    frame[columns].to_parquet(folder / "pandas.parquet", index=False, compression="zstd")
    return facts


if __name__ == "__main__":
    tyro.cli(main)
