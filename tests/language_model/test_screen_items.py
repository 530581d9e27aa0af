"""Items whose text stands in a training document are left out, with a count and a list."""

from pathlib import Path
from typing import Any

import pytest

from scripts.common.errors import InputError
from scripts.common.files import read_json, sha256_file, write_json
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.language_model import screen_items
from scripts.language_model.screen_items import SCREENED_ITEMS
from scripts.language_model.tables import EVALUATION_ITEMS
from tests.language_model.corpus_tables import write_corpus
from tests.language_model.evaluation_builders import item

QUOTED = "삼성 은 서울에서 말했다 . 부산 에 갔다 가나 다라 . 신삼성은 있다 마가나 ."
OWN = "박물관 은 갔다 . 구 전자 대구 는 신 나 라 다 가 마 . 구박물관은 말했다"
NOVEL = "대구 는 나 다 라 마 박물관 은 전자를 갔다 , 나 마 라 다 ."
FAR = "나 나 나 가 가 가 다 다 다 라 라 라 마 마 마"
HELD = [("quoted", "holdout", QUOTED), ("own", "holdout", OWN)]


def screen(folder: Path, rows: list[tuple[str, str, str]], threshold: float = 0.8) -> Any:
    """Screen a set of two items and one of another source; return the descriptions."""
    corpus = write_corpus(folder, [*HELD, *rows])
    made = {
        "real_coref": [
            item(QUOTED, "삼성", kind="real_coref", doc_id="quoted"),
            item(OWN, "박물관", kind="real_coref", doc_id="own"),
        ],
        "gold_coref": [item(NOVEL, "박물관", kind="gold_coref", doc_id="novels:n")],
    }
    for kind, items in made.items():
        path = folder / "proposed" / f"{kind}.parquet"
        write_table(path, table_of_rows(items, EVALUATION_ITEMS), EVALUATION_ITEMS)
        write_json(
            folder / "proposed" / f"{kind}.json",
            {"set": kind, "items": len(items), "left_out": {"too_short": 3}, "seed": 7},
        )
    (folder / "final").mkdir()
    proposed, final = folder / "proposed", folder / "final"
    screen_items.run(
        [proposed / f"{kind}.parquet" for kind in made],
        [proposed / f"{kind}.json" for kind in made],
        corpus["splits"],
        corpus["documents"],
        [final / f"{kind}.parquet" for kind in made],
        [final / f"{kind}.json" for kind in made],
        folder / "screened.parquet",
        shingle_characters=4,
        threshold=threshold,
        code_hash="c",
        batch_documents=2,
    )
    return {kind: read_json(final / f"{kind}.json") for kind in made}


def kept(folder: Path, kind: str) -> list[str]:
    table = read_table(folder / "final" / f"{kind}.parquet", EVALUATION_ITEMS)
    return list(table["doc_id"].to_pylist())


def test_an_item_that_a_training_document_quotes_is_left_out(tmp_path: Path) -> None:
    told = screen(tmp_path, [("quoting", "train", FAR + QUOTED + FAR), ("far", "train", FAR)])
    assert kept(tmp_path, "real_coref") == ["own"]
    assert kept(tmp_path, "gold_coref") == ["novels:n"]
    about = told["real_coref"]
    assert about["items"] == about["documents"] == 1
    assert about["left_out"] == {"text_in_training_document": 1, "too_short": 3}
    assert about["seed"] == 7
    assert about["sha256"] == sha256_file(tmp_path / "final/real_coref.parquet")
    assert told["gold_coref"]["left_out"] == {"too_short": 3}
    (row,) = read_table(tmp_path / "screened.parquet", SCREENED_ITEMS).to_pylist()
    assert (row["set"], row["document"], row["share"]) == ("real_coref", "quoting", 1.0)


@pytest.mark.parametrize("split", ["validation", "test", "holdout"])
def test_what_nothing_trains_on_takes_no_item(tmp_path: Path, split: str) -> None:
    screen(tmp_path, [("quoting", split, FAR + QUOTED + FAR)])
    assert sorted(kept(tmp_path, "real_coref")) == ["own", "quoted"]
    assert read_table(tmp_path / "screened.parquet", SCREENED_ITEMS).num_rows == 0


def test_the_threshold_is_a_share_of_the_item(tmp_path: Path) -> None:
    half = QUOTED[: len(QUOTED) // 2]
    rows = [("part", "train", FAR + half)]
    (tmp_path / "strict").mkdir()
    screen(tmp_path / "strict", rows, threshold=0.3)
    assert kept(tmp_path / "strict", "real_coref") == ["own"]
    (tmp_path / "loose").mkdir()
    screen(tmp_path / "loose", rows, threshold=0.8)
    assert sorted(kept(tmp_path / "loose", "real_coref")) == ["own", "quoted"]


def test_a_set_without_any_item_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"gold_coref: no item is left \(text_in_training_document"
    ):
        screen(tmp_path, [("book", "train", FAR + NOVEL)])
