"""Serialized splits with planted classes, as the steps before the linear model leave them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.classification.prepare_features import run as prepare_features
from scripts.classification.tables import EXAMPLES
from scripts.classification.train_linear import run as train_linear
from scripts.common.files import write_json
from scripts.common.tables import write_table

# Each class has two words of its own; all share the rest.
_OWN = ["임차료 지급", "출장 숙박", "전기 요금", "광고 집행", "회의 다과", "차량 수리"]
_SHARED = ["정산", "본사", "지점", "월말", "이체", "승인", "담당", "확인", "내역", "청구"]


@dataclass(frozen=True)
class Folders:
    """Where a test's files lie."""

    root: Path

    @property
    def parquet(self) -> Path:
        return self.root / "parquet"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def label_map(self) -> Path:
        return self.root / "label_map.json"


def write_split(folders: Folders, split: str, counts: list[int], *, noise: float, key: int) -> None:
    """Write a split of `counts` rows by class; with chance `noise` a text has no word of its own.

    Such a text has a word of the largest class instead, so that guessing that class pays.
    """
    generator = np.random.default_rng(key)
    labels = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    texts = []
    for label in labels:
        own = _OWN[0] if generator.random() < noise else _OWN[label]
        shared = generator.choice(_SHARED, 4).tolist()
        texts.append(" ".join(generator.permutation([*own.split(), *shared]).tolist()))
    table = pa.table({"row": np.arange(len(labels)) * 3 + key, "text": texts, "label": labels})
    write_table(folders.parquet / f"{split}.parquet", table, EXAMPLES)


def write_planted(
    root: Path, *, train: list[int], held_out: list[int], noise: float = 0.3
) -> Folders:
    """Write three splits, the label map, and the features."""
    folders = Folders(root)
    write_split(folders, "train", train, noise=noise, key=0)
    write_split(folders, "validation", held_out, noise=noise, key=1)
    write_split(folders, "test", held_out, noise=noise, key=2)
    labels = [f"{5000 + number}" for number in range(len(train))]
    write_json(folders.label_map, {"labels": labels, "count": len(labels), "merged": {}})
    prepare_features(
        folders.parquet, folders.features, ngram_min=1, ngram_max=3, max_features=2000, min_count=2
    )
    return folders


def train(folders: Folders, name: str, settings: dict | None = None, **changed) -> Path:
    """Train under a strategy and return the folder of its five outputs."""
    out = folders.root / "runs" / name / str(changed.get("seed", 1))
    arguments = {
        "strategy": name,
        "seed": 1,
        "settings": settings or {},
        "head_above": 100,
        "tail_below": 20,
        "epochs": 6,
        "batch": 32,
        "learning_rate": 0.02,
        "threads": 1,
        "code_hash": "0123456789abcdef",
        **changed,
    }
    train_linear(
        folders.features,
        folders.parquet,
        folders.label_map,
        out / "model",
        out / "metrics.json",
        out / "per_class.tsv",
        out / "predictions.parquet",
        out / "losses.parquet",
        **arguments,
    )
    return out
