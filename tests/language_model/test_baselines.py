"""Baselines by hand: order of nouns by count, by nearness, and by the particle."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.language_model import score_baselines
from scripts.language_model.baselines import (
    DEFINITIONS,
    baseline_rows,
    nouns_of_item,
    rankings,
)
from scripts.language_model.evaluation_sets import Item
from scripts.language_model.tables import BASELINE_SCORES, EVALUATION_ITEMS
from tests.language_model.corpus_tables import write_corpus
from tests.language_model.evaluation_builders import WORDS, item

TEXT = "삼성 은 갔다 . 부산 에 서울 이 있다 . 부산 은 대구 에 . 나 . 삼성 은 있다 . 서울"


def masked(answer: str, particle: str) -> Item:
    """Masks the last 삼성; 서울 stands behind it, too."""
    made = item(TEXT, answer, choices=("삼성", "대구"))
    return {**made, "particle_text": particle}


def test_nouns_are_counted_and_measured_without_the_masked_one() -> None:
    found = {noun.form: noun for noun in nouns_of_item(masked("삼성", "은"))}
    mask = TEXT.rindex("삼성")
    assert {form: noun.mentions for form, noun in found.items()} == {
        "삼성": 1,
        "부산": 2,
        "서울": 2,
        "대구": 1,
        "나": 1,
    }
    assert found["삼성"].distance == mask - 2
    assert found["서울"].distance == mask - TEXT.index("서울") - 2 and not found["서울"].behind


def test_orders_by_hand() -> None:
    orders = rankings(masked("삼성", "은"), {"대구": 5, "부산": 9, "나": 5})
    assert orders == {
        "train_frequency": ["부산", "나", "대구", "삼성", "서울"],
        "nearest_repeated": ["부산", "서울", "나", "대구", "삼성"],
        # 은 needs a final consonant: 부산, 서울, 삼성 have one, 나 and 대구 have none.
        "nearest_fitting": ["부산", "서울", "삼성", "나", "대구"],
    }
    # 로 takes a vowel or ㄹ.
    fitting = rankings(masked("삼성", "로"), {})["nearest_fitting"]
    assert fitting == ["나", "대구", "서울", "부산", "삼성"]


def test_scores_by_hand() -> None:
    rows = {row["baseline"]: row for row in baseline_rows(masked("삼성", "은"), {"삼성": 3})}
    assert rows.keys() == DEFINITIONS.keys()
    assert [rows[name]["rank"] for name in DEFINITIONS] == [1, 5, 3]
    assert [rows[name]["strict_1"] for name in DEFINITIONS] == [True, False, False]
    assert [rows[name]["strict_5"] for name in DEFINITIONS] == [True, True, True]
    assert [rows[name]["choice_1"] for name in DEFINITIONS] == [True, False, True]
    assert {row["candidates"] for row in rows.values()} == {5}


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.integers(0, 5))
def test_every_baseline_ranks_every_noun_once(words: list[str], count: int) -> None:
    made = item(" . ".join([*words, "갔다", words[0]]), words[0])
    nouns = sorted({noun.form for noun in nouns_of_item(made)})
    for ranked in rankings(made, {words[-1]: count}).values():
        assert sorted(ranked) == nouns
    assert words[0] in nouns


def test_frequencies_are_those_of_training_documents(tmp_path: Path) -> None:
    made = [masked("삼성", "은"), {**masked("삼성", "은"), "item_id": "other"}]
    write_table(tmp_path / "set.parquet", table_of_rows(made, EVALUATION_ITEMS), EVALUATION_ITEMS)
    corpus = write_corpus(
        tmp_path,
        [
            ("a", "train", "대구 대구 박물관 대구"),
            ("b", "holdout", "삼성 삼성 삼성 삼성 삼성"),
            ("c", "validation", "부산 부산 부산 부산"),
            ("d", "train", "서울"),
        ],
    )
    for batch_documents in (1, 10):
        score_baselines.run(
            [tmp_path / "set.parquet"],
            corpus["scores"],
            corpus["splits"],
            tmp_path / f"{batch_documents}.parquet",
            batch_documents=batch_documents,
        )
    rows = read_table(tmp_path / "1.parquet", BASELINE_SCORES).to_pylist()
    assert rows == read_table(tmp_path / "10.parquet", BASELINE_SCORES).to_pylist()
    best = {row["baseline"]: row["best"] for row in rows}
    assert len(rows) == 2 * len(DEFINITIONS) and best["train_frequency"] == "대구"
