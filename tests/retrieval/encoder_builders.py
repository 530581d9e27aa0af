"""Small documents, base encoders, memories and pairs for the tests of encoders and training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.common.tables import table_of_rows, write_table
from scripts.retrieval import prepare_encoder
from scripts.retrieval.tables import DOCUMENTS

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
TEXTS = (
    "서울의 버스와 지하철은 아침마다 붐빈다",
    "부산 앞바다에서 고등어를 잡는 어부들",
    "국회는 새 예산안을 심의하고 의결하였다",
    "반도체 수출이 석 달째 늘었다고 한다",
    "고양이와 강아지를 함께 기르는 집",
)


def write_documents(path: Path, texts: Sequence[str] = TEXTS) -> Path:
    """A table of documents d0, d1, …"""
    rows = [{"doc_id": f"d{i}", "text": text, "domain": None} for i, text in enumerate(texts)]
    write_table(path, table_of_rows(rows, DOCUMENTS), DOCUMENTS)
    return path


def prepare(folder: Path, texts: Sequence[str] = TEXTS, **options: Any) -> Path:
    """Run prepare_encoder; the folder of the encoder, a hashed one unless `kind` says otherwise."""
    settings: dict[str, Any] = {
        "kind": "hashed",
        "pretrained": None,
        "revision": None,
        "architecture": "bert",
        "sizes": SIZES,
        "vocabulary": 200,
        "dimension": 16,
        "buckets": 512,
        "ngram_min": 2,
        "ngram_max": 3,
        "dropout": 0.1,
        "window": 6,
        "overlap": 2,
        "pooling": "mean",
        "seed": 3,
        "threads": 1,
    }
    encoder = folder / "encoder"
    prepare_encoder.run(
        write_documents(folder / "documents.parquet", texts), encoder, **{**settings, **options}
    )
    return encoder
