"""Planted copies of evaluation documents in training sets are found, each by its check."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import InputError
from scripts.common.files import read_json, write_json
from scripts.common.tables import table_of_rows, write_table
from scripts.language_model import check_contamination
from scripts.language_model.shared_shingles import ShingleTable
from scripts.language_model.tables import EVALUATION_ITEMS
from tests.language_model.corpus_tables import write_corpus
from tests.language_model.evaluation_builders import item

HELD = "삼성 은 서울에서 말했다 . 부산 에 갔다 가나 다라 . 신삼성은 있다 마가나 ."
OTHER = "대구 는 나 다 라 마 박물관 은 전자를 갔다 , 나 마 라 다 ."
NOVEL = "박물관 은 갔다 . 구 전자 대구 는 신 나 라 다 가 마 . 구박물관은 말했다"
FAR = "나 나 나 가 가 가 다 다 다 라 라 라 마 마 마"


def check(
    folder: Path,
    rows: list[tuple[str, str, str]],
    *,
    trained: list[str],
    groups: dict[str, str] | None = None,
    threshold: float = 0.8,
) -> Any:
    """Check two sets against datasets of which one trains on `trained`."""
    corpus = write_corpus(folder, rows, groups=groups)
    sets = []
    for kind, doc_id, text, answer in (
        ("real_coref", "held", HELD, "삼성"),
        ("gold_coref", "novels:n", NOVEL, "박물관"),
    ):
        made = item(text, answer, kind=kind, doc_id=doc_id)
        sets.append(folder / f"{kind}.parquet")
        write_table(sets[-1], table_of_rows([made], EVALUATION_ITEMS), EVALUATION_ITEMS)
    datasets, manifests = [], []
    for kind, splits in (
        ("mlm", {"train": {"doc_ids": [["far", "x"], trained], "n": [1, 2]}}),
        ("entity_coref", {"train": {"doc_id": ["far"]}, "test": {"doc_id": ["held"]}}),
    ):
        datasets.append(folder / kind / "64" / "dataset")
        DatasetDict(
            {name: Dataset.from_dict(columns) for name, columns in splits.items()}
        ).save_to_disk(datasets[-1])
        manifests.append(datasets[-1].parent / "manifest.json")
        write_json(manifests[-1], {"sha256": f"hash of {kind}"})
    check_contamination.run(
        sets,
        corpus["splits"],
        corpus["documents"],
        datasets,
        manifests,
        folder / "contamination.json",
        shingle_characters=4,
        threshold=threshold,
        seed=1,
        code_hash="c",
        batch_documents=2,
    )
    return read_json(folder / "contamination.json")


CLEAN = [("held", "holdout", HELD), ("other", "train", OTHER), ("far", "train", FAR)]


def test_a_clean_corpus_gives_zeros_and_the_largest_share(tmp_path: Path) -> None:
    found = check(tmp_path, CLEAN, trained=["other"])
    assert all(n == 0 for by in found["contaminated_items"].values() for n in by.values())
    assert found["training_documents"] == {"mlm/64": 3, "entity_coref/64": 1}
    assert 0 < found["largest_share_in_other_documents"]["gold_coref"] < 0.8
    assert found["largest_share_in_other_documents"]["real_coref"] < 0.3


@pytest.mark.parametrize(
    ("document", "groups", "named"),
    [
        (("held", "holdout", HELD), {}, r"real_coref:held:0 \(doc_id: document held\)"),
        (("copy", "train", HELD), {}, r"real_coref:held:0 \(text_hash: document copy\)"),
        (("near", "train", FAR), {"near": "held"}, r"\(near_duplicate_group: document near\)"),
        (("part", "train", FAR + HELD + OTHER), {}, r"\(shared_text: document part\)"),
        (("book", "train", OTHER * 9 + NOVEL), {}, r"gold_coref:novels:n:0 \(shared_text: .*book"),
    ],
)
def test_a_planted_copy_is_found(
    tmp_path: Path, document: tuple[str, str, str], groups: dict[str, str], named: str
) -> None:
    rows = CLEAN if document[0] == "held" else [*CLEAN, document]
    with pytest.raises(InputError, match=named):
        check(tmp_path, rows, trained=[document[0]], groups=groups)
    assert not (tmp_path / "contamination.json").exists()
    check(tmp_path, rows, trained=["other"], groups=groups)


def test_a_folder_without_a_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no dataset"):
        check_contamination.training_documents(tmp_path)


_TEXTS = st.text("가나다 ", max_size=30)


@given(texts=st.lists(_TEXTS, max_size=4), document=_TEXTS, size=st.integers(1, 4))
def test_shares_equal_those_of_sets(texts: list[str], document: str, size: int) -> None:
    def shingles(text: str) -> set[str]:
        letters = "".join(text.split())
        return {letters[i : i + size] for i in range(max(1, len(letters) - size + 1))} - {""}

    found = ShingleTable(texts, size).containment(document)
    wanted = shingles(document)
    assert found.tolist() == [
        len(shingles(text) & wanted) / max(1, len(shingles(text))) for text in texts
    ]
