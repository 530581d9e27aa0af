"""Small inputs of the audit, made without the steps that come before it."""

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.classification import audit_labels
from scripts.classification.tables import KEPT, NOISE, ROWS, SPLITS
from scripts.common.files import read_json, write_json
from scripts.common.tables import write_table


@dataclass
class Example:
    """A row of the input."""

    label: str | None
    text: str
    given: str | None = None
    suspect: bool = False


@dataclass
class Inputs:
    """What the steps before the audit would have written about some rows."""

    examples: list[Example]
    threshold: int = 0
    label_type: str = "int64"
    lost: list[tuple[str, int]] = field(default_factory=list)
    stratified: tuple[str, str] = ("full", "all classes are in all three splits")
    split_of: dict[int, str] = field(default_factory=dict)  # overrides by row

    def write(self, folder: Path) -> dict[str, Path]:
        labelled = [(row, x) for row, x in enumerate(self.examples) if x.label is not None]
        sizes = Counter(str(x.label) for _, x in labelled)
        labels = sorted(label for label, n in sizes.items() if n >= self.threshold)
        ids = {label: number for number, label in enumerate(labels)}
        kept = [(row, x) for row, x in labelled if x.label in ids]
        nth: defaultdict[str, int] = defaultdict(int)
        splits = []
        for row, x in kept:
            place = nth[str(x.label)]
            nth[str(x.label)] += 1
            usual = "train" if place == 0 else {1: "test", 2: "validation"}.get(place % 10, "train")
            splits.append(self.split_of.get(row, usual))
        paths = {
            name: folder / f"{name}.parquet" for name in ("rows", "kept", "splits", "label_noise")
        }
        write_table(
            paths["rows"],
            table(
                ROWS,
                row=[row for row, _ in labelled],
                label=[x.label for _, x in labelled],
                text=[x.text for _, x in labelled],
                group=[row for row, _ in labelled],
                given_split=[x.given for _, x in labelled],
            ),
            ROWS,
        )
        kept_rows, kept_ids = [row for row, _ in kept], [ids[str(x.label)] for _, x in kept]
        write_table(
            paths["kept"],
            table(
                KEPT,
                row=kept_rows,
                label=[x.label for _, x in kept],
                label_id=kept_ids,
                text=[x.text for _, x in kept],
                group=kept_rows,
                train_only=[False] * len(kept),
            ),
            KEPT,
        )
        write_table(
            paths["splits"], table(SPLITS, row=kept_rows, label_id=kept_ids, split=splits), SPLITS
        )
        write_table(
            paths["label_noise"],
            table(
                NOISE,
                row=kept_rows,
                label_id=kept_ids,
                predicted_id=[
                    (n + x.suspect) % len(labels) for n, (_, x) in zip(kept_ids, kept, strict=True)
                ],
                own_probability=[0.01 if x.suspect else 0.9 for _, x in kept],
                predicted_probability=[0.9] * len(kept),
                suspect=[x.suspect for _, x in kept],
            ),
            NOISE,
        )
        reports: dict[str, Any] = {
            "read_report": {
                "rows_read": len(self.examples),
                "null_labels": len(self.examples) - len(labelled),
                "null_label_rows": [r for r, x in enumerate(self.examples) if x.label is None],
                "label_type": self.label_type,
                "extraction": {"ratio": 0.1, "lost_classes": [list(pair) for pair in self.lost]},
            },
            "filter_report": {
                "threshold": self.threshold,
                "rare_policy": "drop",
                "removed": {
                    "rows": len(labelled) - len(kept),
                    "classes": len(sizes) - len(labels),
                    "share": 1 - len(kept) / len(labelled),
                },
                "removed_classes": [
                    [label, n, "below_threshold"]
                    for label, n in sizes.items()
                    if n < self.threshold
                ],
            },
            "label_map": {"labels": labels, "count": len(labels), "merged": {}},
            "coverage": {"stratified": self.stratified[0], "reason": self.stratified[1]},
        }
        for name, content in reports.items():
            paths[name] = folder / f"{name}.json"
            write_json(paths[name], content)
        return paths


@dataclass(frozen=True)
class Audit:
    """What the audit wrote."""

    folder: Path

    @property
    def imbalance(self) -> dict[str, Any]:
        figures: dict[str, Any] = read_json(self.folder / "imbalance.json")
        return figures

    @property
    def faults(self) -> dict[str, dict[str, str]]:
        return {line["fault"]: line for line in read_tsv(self.folder / "faults.tsv")}

    @property
    def suspects(self) -> dict[str, list[int]]:
        rows: defaultdict[str, list[int]] = defaultdict(list)
        for line in pq.read_table(self.folder / "suspects.parquet").to_pylist():
            rows[line["fault"]].append(line["row"])
        return dict(rows)


def read_tsv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def audit(inputs: Inputs, folder: Path, **options: Any) -> Audit:
    """Write the inputs and audit them."""
    folder.mkdir(parents=True, exist_ok=True)
    return audit_files(inputs.write(folder), folder, **options)


def audit_files(paths: dict[str, Path], folder: Path, **options: Any) -> Audit:
    """Audit inputs that are written."""
    outputs = {
        "imbalance": folder / "imbalance.json",
        "class_counts": folder / "class_counts.tsv",
        "text_lengths": folder / "text_length_by_class.tsv",
        "faults": folder / "faults.tsv",
        "suspects": folder / "suspects.parquet",
    }
    arguments: dict[str, Any] = {**paths, **outputs, "tmpdir": folder, **options}
    audit_labels.run(**arguments)
    return Audit(folder)


def table(schema: pa.Schema, **columns: Any) -> pa.Table:
    return pa.table(columns, schema=schema)


def sound_rows(classes: int = 6, rows: int = 20) -> list[Example]:
    """Rows without a fault: different texts, a given split that has every class everywhere."""
    return [
        Example(f"{100 + number}", f"class {number} text {place}", "train" if place % 5 else "test")
        for number in range(classes)
        for place in range(rows)
    ]


def case_counts() -> np.ndarray:
    """The class sizes of the case: 298,821 rows, 224 classes, 44,098 : 1, ten singletons.

    The five largest hold 137,219 rows; 24 classes have 2 to 9 rows, three of each size.
    """
    largest = [44_098, 30_000, 25_000, 20_000, 18_121]
    rare = [1] * 10 + [size for size in range(2, 10) for _ in range(3)]
    shares = np.arange(6, 6 + 185) ** -1.3
    rest = 298_821 - sum(largest) - sum(rare)
    middle = 10 + np.floor(shares / shares.sum() * (rest - 10 * 185)).astype(np.int64)
    middle[0] += rest - middle.sum()
    middle[-1], middle[0] = 10, middle[0] + middle[-1] - 10
    return np.array([*largest, *middle.tolist(), *rare], np.int64)


def audit_case(folder: Path) -> Audit:
    """Audit rows with the class sizes of the case, filtered at 10 rows."""
    counts = case_counts()
    labels = np.array([f"{number:03d}" for number in range(counts.size)])
    sound = Inputs([Example(label, label) for label in labels], label_type="string")
    paths = sound.write(folder)
    ids = np.repeat(np.arange(counts.size), counts)
    rows = np.arange(ids.size)
    texts = np.char.add("text ", rows.astype(str))
    of_rows = {"row": rows, "label": labels[ids], "text": texts, "group": rows}
    given = pa.nulls(ids.size, pa.string())
    write_table(paths["rows"], table(ROWS, **of_rows, given_split=given), ROWS)
    # Sizes descend, so the ids of what survives stay as they are.
    kept = counts[ids] >= 10
    of_kept = {name: values[kept] for name, values in of_rows.items()} | {"label_id": ids[kept]}
    alone = np.zeros(int(kept.sum()), bool)
    write_table(paths["kept"], table(KEPT, **of_kept, train_only=alone), KEPT)
    places = np.concatenate([np.arange(size) for size in counts])[kept] % 10
    splits = np.array(["train", "test", "validation", *["train"] * 7])[places]
    of_kept = {name: of_kept[name] for name in ("row", "label_id")}
    write_table(paths["splits"], table(SPLITS, **of_kept, split=splits), SPLITS)
    write_table(paths["label_noise"], NOISE.empty_table(), NOISE)
    survive = labels[counts >= 10].tolist()
    write_json(paths["label_map"], {"labels": survive, "count": len(survive), "merged": {}})
    report = read_json(paths["filter_report"])
    gone = {"rows": int((~kept).sum()), "classes": int((counts < 10).sum())}
    write_json(
        paths["filter_report"],
        report | {"threshold": 10, "removed": gone | {"share": gone["rows"] / ids.size}},
    )
    return audit_files(paths, folder)
