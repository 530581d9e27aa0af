"""Small labelled texts, encoders and trainings for the tests of the transformer."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from scripts.classification import prepare_transformer, train_transformer
from scripts.classification.label_map import LabelMap
from scripts.classification.tables import EXAMPLES, SPLIT_NAMES
from scripts.common.tables import write_table

LABELS = ("교통비", "사무용품", "식대", "접대비", "통신비")
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
_WORDS = (
    "택시 버스 지하철",
    "복사지 볼펜 토너",
    "점심 저녁 국밥",
    "선물 화환 상품권",
    "전화 인터넷 문자",
)
_ROWS = {"train": (40, 20, 12, 8, 5), "validation": (6, 4, 3, 3, 3), "test": (8, 5, 3, 3, 3)}
OUTPUTS = ("metrics.json", "per_class.tsv", "predictions.parquet", "losses.parquet")
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def write_examples(
    folder: Path, rows: dict[str, tuple[int, ...]] | None = None, seed: int = 0
) -> Path:
    """Splits whose texts hold words of their class; one row number after the other."""
    generator = np.random.default_rng(seed)
    number = 0
    for split in SPLIT_NAMES:
        examples = []
        for label, count in enumerate((rows or _ROWS)[split]):
            for _ in range(count):
                words = generator.choice(_WORDS[label].split(), size=2)
                place = generator.choice(["서울", "부산", "본사", "지점"])
                examples.append({"text": f"{place} {' '.join(words)} 결제", "label": label})
        generator.shuffle(examples)
        for example in examples:
            example["row"] = number
            number += 1
        write_table(
            folder / f"{split}.parquet", pa.Table.from_pylist(examples, schema=EXAMPLES), EXAMPLES
        )
    return folder


def prepare(folder: Path, parquet: Path, **options: Any) -> tuple[Path, Path]:
    """Run prepare_transformer into `folder`; encoder and tokens."""
    settings = {
        "pretrained": None,
        "revision": None,
        "architecture": "bert",
        "sizes": SIZES,
        "vocabulary": 200,
        "length": 16,
        "seed": 3,
    }
    places = folder / "encoder", folder / "tokens"
    prepare_transformer.run(parquet, *places, **{**settings, **options})
    return places


class Bench:
    """A folder with splits, an encoder and a label map, and trainings on them."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.encoder, self.tokens = folder / "encoder", folder / "tokens"
        self.labels = folder / "label_map.json"
        if not self.labels.exists():
            prepare(folder, write_examples(folder / "parquet"), **options)
            LabelMap.of(LABELS).write(self.labels)

    def train(self, name: str, **options: Any) -> Path:
        """Run train_transformer; the folder of its outputs."""
        folder = self.folder / "runs" / name
        settings = {
            "strategy": "plain",
            "seed": 1,
            "settings": {},
            "head_above": 30,
            "tail_below": 10,
            "epochs": 3,
            "batch": 8,
            "learning_rate": 0.01,
            "warmup_ratio": 0.1,
            "weight_decay": 0.01,
            "save_steps": 0,
            "threads": 1,
            "gpu": 0,
        }
        train_transformer.run(
            self.encoder,
            self.tokens,
            self.labels,
            folder / "model",
            *(folder / output for output in OUTPUTS),
            **{**settings, **options},
        )
        return folder


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of a training's outputs."""
    files = [*OUTPUTS, *(f"model/{name}" for name in MODEL_FILES)]
    return {name: (folder / name).read_bytes() for name in files}
