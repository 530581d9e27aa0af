"""A million rows filtered, split and serialized, beside pandas and scikit-learn on the same rows.

Each step and each peer is a process of its own that states its peak resident memory; start-up,
reading and writing are included. The peers hold everything in memory: pandas filters by
`value_counts`, scikit-learn's `train_test_split` is called twice with `stratify`, `datasets` makes
a DatasetDict of frames and saves it, pandas writes the Parquet files. Prints a Markdown table.

    python -m tests.benchmarks.bench_splits --folder DIR
"""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import tyro

from scripts.classification.tables import ROWS, SPLIT_NAMES
from scripts.common.tables import table_writer

_WORDS = ["식대", "회식비", "택시", "주유", "사무용품", "서버", "이용료", "출장", "숙박", "소모품"]
_CHUNK = 50_000

_PEAK = 'print("VmHWM", next(x for x in open("/proc/self/status") if "VmHWM" in x).split()[1])'
_STEP = f"""
import runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    {_PEAK}
"""
_PEERS = {
    "filter (pandas)": """
import sys, pandas as pd
folder = sys.argv[1]
rows = pd.read_parquet(f"{folder}/rows.parquet")
counts = rows["label"].map(rows["label"].value_counts())
kept = rows[counts >= 10].copy()
kept["label_id"] = pd.factorize(kept["label"], sort=True)[0]
kept.to_parquet(f"{folder}/peer_kept.parquet", compression="zstd")
""",
    "split (scikit-learn)": """
import sys, pandas as pd
from sklearn.model_selection import train_test_split
folder = sys.argv[1]
kept = pd.read_parquet(f"{folder}/peer_kept.parquet", columns=["row", "label_id"])
train, held = train_test_split(kept, test_size=0.2, stratify=kept["label_id"], random_state=42)
validation, test = train_test_split(
    held, test_size=0.5, stratify=held["label_id"], random_state=42)
for name, part in (("train", train), ("validation", validation), ("test", test)):
    part.to_parquet(f"{folder}/peer_{name}_rows.parquet", compression="zstd")
""",
    "serialize (pandas, datasets)": """
import sys, pandas as pd
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, disable_progress_bars
folder = sys.argv[1]
disable_progress_bars()
kept = pd.read_parquet(f"{folder}/peer_kept.parquet").set_index("row", drop=False)
names = sorted(kept["label"].unique())
label = ClassLabel(names=names)
features = Features({"row": Value("int64"), "text": Value("string"), "label": label})
parts = {}
for name in ("train", "validation", "test"):
    rows = pd.read_parquet(f"{folder}/peer_{name}_rows.parquet")["row"]
    part = kept.loc[sorted(rows), ["row", "text", "label_id"]].rename(columns={"label_id": "label"})
    part.to_parquet(f"{folder}/peer_{name}.parquet", compression="zstd", index=False)
    parts[name] = Dataset.from_pandas(part, features=features, preserve_index=False)
DatasetDict(parts).save_to_disk(f"{folder}/peer_dataset")
""",
}
_ARGUMENTS = {
    "filter_classes": {
        "rows": "rows.parquet",
        "kept": "kept.parquet",
        "report": "filter_report.json",
        "label_map": "label_map.json",
    },
    "split_rows": {
        "kept": "kept.parquet",
        "splits": "splits.parquet",
        "coverage": "split_coverage.json",
    },
    "serialize_dataset": {
        "kept": "kept.parquet",
        "splits": "splits.parquet",
        "label_map": "label_map.json",
        "dataset": "dataset",
        "parquet": "parquet",
        "manifest": "manifest.json",
    },
}


def main(
    folder: Path,
    *,
    rows: int = 1_000_000,
    classes: int = 270,
    shared: float = 0.0,
    rounds: int = 3,
) -> None:
    """Write the rows, run steps and peers in turn, and print seconds and peaks.

    Args:
        folder: where everything is written.
        rows: number of rows.
        classes: number of classes, whose sizes fall with the rank's power 1.2.
        shared: share of rows in groups of three rows, most of them of several classes. The peers
            know no groups, so that only the steps' times mean something then.
        rounds: repetitions; the median of the seconds and the largest peak are printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows.parquet", rows, classes, shared)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for step, arguments in _ARGUMENTS.items():
            options = [
                part
                for name, file in arguments.items()
                for part in (f"--{name.replace('_', '-')}", str(folder / file))
            ]
            command = [sys.executable, "-c", _STEP, f"scripts.classification.{step}", *options]
            found.setdefault(step, []).append(_measured(command))
        for name, code in _PEERS.items():
            command = [sys.executable, "-c", code + _PEAK, str(folder)]
            found.setdefault(name, []).append(_measured(command))
    print("| step | seconds | CPU seconds | peak MB |\n|---|---:|---:|---:|")
    for name, runs in found.items():
        wall, cpu = (float(np.median([run[place] for run in runs])) for place in (0, 1))
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {max(run[2] for run in runs):.0f} |")
    coverage = json.loads((folder / "split_coverage.json").read_text(encoding="utf-8"))
    print(f"\n{coverage['stratified']}: {coverage['reason']}")
    for name in SPLIT_NAMES:
        print(f"{name}: {coverage['splits'][name]['rows']} rows")


def write_rows(path: Path, rows: int, classes: int, shared: float) -> None:
    """Write rows of `ROWS` whose texts have about 25 characters; the same for the same numbers."""
    chance = np.random.default_rng(0)
    weights = 1 / np.arange(1, classes + 1) ** 1.2
    labels = np.array([f"{5000 + 7 * number}" for number in range(classes)])
    words = np.array(_WORDS)
    with table_writer(path, ROWS) as writer:
        for start in range(0, rows, _CHUNK):
            size = min(_CHUNK, rows - start)
            numbers = np.arange(start, start + size)
            drawn = chance.choice(classes, size, p=weights / weights.sum())
            chosen = words[chance.integers(0, len(words), (size, 4))]
            texts = [
                f"{' '.join(row)} {number}"
                for row, number in zip(chosen.tolist(), numbers.tolist(), strict=True)
            ]
            in_group = chance.random(size) < shared
            writer.write_table(
                pa.table(
                    {
                        "row": numbers,
                        "label": labels[drawn],
                        "text": texts,
                        "group": np.where(in_group, numbers // 3 * 3, numbers),
                        "given_split": pa.nulls(size, pa.string()),
                    }
                )
            )


def _measured(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return its wall and CPU seconds, and its peak resident memory in MB."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    before = _children_seconds()
    printed, errors = process.communicate()
    wall, cpu = time.monotonic() - started, _children_seconds() - before
    if process.returncode:
        raise SystemExit(errors)
    return wall, cpu, int(printed.rpartition("VmHWM")[2]) / 1024


def _children_seconds() -> float:
    from resource import RUSAGE_CHILDREN, getrusage

    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    tyro.cli(main)
