"""The selection equals a recount in plain Python, reason by reason."""

import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.corpus_tables import SCORES, SELECTION, SPLITS
from scripts.common.errors import IntegrityError
from scripts.corpus import select_documents
from tests.corpus.builders import write_rows

LIMITS: dict[str, Any] = {
    "min_characters": 800,
    "max_characters": 2500,
    "min_sentence_marks": 3,
    "min_hangul_ratio": 0.4,
    "max_symbol_ratio": 0.3,
    "min_nnp_ratio": 0.05,
    "max_nnp_ratio": 0.2,
    "max_pronouns": 2,
    "drop_near_duplicates": True,
}
MLM_LIMITS = {
    name: value
    for name, value in LIMITS.items()
    if name not in ("min_nnp_ratio", "max_nnp_ratio", "max_pronouns")
}
NO_OWN_LIMITS = {"min_characters": 0, "max_characters": 10**9}
GOOD = {
    "characters": 1000,
    "sentence_marks": 5,
    "hangul_ratio": 0.7,
    "symbol_ratio": 0.05,
    "analysis": "analysed",
    "nnp_ratio": 0.1,
    "pronouns": 0,
}


def document(name, *, source="news", text=None, group=None, split="train", **attributes):
    """A document that passes everything, but for the attributes that are given."""
    text = text or f"{source}:{name}"
    return {
        **GOOD,
        "doc_id": f"{source}:{name}",
        "source": source,
        "text_hash": text.encode().ljust(16, b"_"),
        "group": (group or text).encode().ljust(16, b"_"),
        "split": split,
        **attributes,
    }


def select(folder, documents, *, ranks=None, limits=LIMITS, own=None, order=None, fertility=None):
    """Run the step on documents in order of key; its rows by document."""
    ranks = ranks or {"news": 0, "wire": 1}
    order = order or list(ranks)
    documents = [{"key": key, **row} for key, row in enumerate(documents)]
    scores = [
        write_rows(
            folder / "scores" / source / "000.parquet",
            [
                {name: row[name] for name in SCORES.names if name in row}
                for row in documents
                if row["source"] == source
            ],
            SCORES,
        )
        for source in order
    ]
    splits = write_rows(
        folder / "splits.parquet", [{n: row[n] for n in SPLITS.names} for row in documents], SPLITS
    )
    path = folder / "selection.parquet"
    select_documents.run(
        scores,
        splits,
        fertility,
        path,
        sources={
            name: {"rank": rank, **NO_OWN_LIMITS, **(own or {}).get(name, {})}
            for name, rank in ranks.items()
        },
        source_order=order,
        thresholds=limits,
        length=1536,
        tmpdir=folder / "tmp",
    )
    table = pq.read_table(path)
    assert table.schema.equals(SELECTION)
    rows = table.to_pylist()
    place = [(order.index(row["analysed_source"]), row["analysed_key"]) for row in rows]
    assert place == sorted(place)
    assert len({row["doc_id"] for row in rows}) == len(rows)
    return {row["doc_id"]: row for row in rows}


def reason_of(folder, **attributes):
    return select(folder, [document("a", **attributes)])["news:a"]["reason"]


# In the order in which they are tried: what breaks a limit, by how little, and the reason.
BREAKS: list[tuple[dict[str, Any], str]] = [
    ({"characters": 0}, "empty"),
    ({"characters": 799}, "too_short"),
    ({"characters": 2501}, "too_long"),
    ({"sentence_marks": 2}, "few_sentences"),
    ({"hangul_ratio": 0.399999}, "little_hangul"),
    ({"symbol_ratio": 0.300001}, "many_symbols"),
    ({"analysis": "failed"}, "analysis_failed"),
    ({"nnp_ratio": 0.049999}, "few_proper_nouns"),
    ({"nnp_ratio": 0.200001}, "many_proper_nouns"),
    ({"pronouns": 3}, "pronoun"),
]


@pytest.mark.parametrize(("attributes", "reason"), BREAKS)
def test_each_reason(tmp_path, attributes, reason):
    assert reason_of(tmp_path, **attributes) == reason


def test_first_failing_reason_is_named(tmp_path):
    """Documents that break the limits number i and all later ones, as far as they go together."""
    documents = []
    for first in range(len(BREAKS)):
        attributes: dict[str, Any] = {}
        for broken, _ in reversed(BREAKS[first:]):
            attributes |= broken
        documents.append(document(str(first), **attributes))
    found = select(tmp_path, documents)
    assert [found[f"news:{i}"]["reason"] for i in range(len(BREAKS))] == [r for _, r in BREAKS]


@pytest.mark.parametrize(
    "attributes",
    [
        {"characters": 800},
        {"characters": 2500},
        {"sentence_marks": 3},
        {"hangul_ratio": 0.4},
        {"symbol_ratio": 0.3},
        {"nnp_ratio": 0.05},
        {"nnp_ratio": 0.2},
        {"pronouns": 2},
    ],
)
def test_limits_include_their_ends(tmp_path, attributes):
    assert reason_of(tmp_path, **attributes) == "kept"


def test_limits_of_a_source_stand_beside_those_of_the_set(tmp_path):
    own = {"news": {"min_characters": 900, "max_characters": 1200}}
    documents = [document(str(n), characters=n) for n in (850, 900, 1200, 1201)]
    documents += [document("w", source="wire", characters=850)]
    found = select(tmp_path, documents, own=own)
    assert {name: row["reason"] for name, row in found.items()} == {
        "news:850": "too_short",
        "news:900": "kept",
        "news:1200": "kept",
        "news:1201": "too_long",
        "wire:w": "kept",
    }


def test_measured_ceiling_is_that_of_the_length(tmp_path):
    fertility = tmp_path / "fertility.json"
    fertility.write_text(json.dumps({"max_characters": {"1536": 1000, "2048": 2000}}))
    limits = {**LIMITS, "max_characters": "measured"}
    documents = [document("a", characters=1000), document("b", characters=1001)]
    found = select(tmp_path, documents, limits=limits, fertility=fertility)
    assert [row["reason"] for row in found.values()] == ["kept", "too_long"]


def test_source_of_the_first_rank_gives_the_kept_one_of_equal_texts(tmp_path):
    documents = [
        document("a", text="same"),
        document("b", source="wire", text="same", analysis="duplicate"),
    ]
    for ranks, kept in (({"news": 0, "wire": 1}, "news:a"), ({"news": 1, "wire": 0}, "wire:b")):
        found = select(tmp_path, documents, ranks=ranks, order=["news", "wire"])
        assert {name for name, row in found.items() if row["reason"] == "kept"} == {kept}
        assert {row["reason"] for row in found.values()} == {"kept", "exact_duplicate"}
        assert all((r["analysed_source"], r["analysed_key"]) == ("news", 0) for r in found.values())


def test_equal_text_that_fails_its_own_source_does_not_win(tmp_path):
    documents = [
        document("a", text="same"),
        document("b", source="wire", text="same", analysis="duplicate"),
    ]
    found = select(tmp_path, documents, own={"news": {"max_characters": 900}})
    assert found["news:a"]["reason"] == "too_long"
    assert found["wire:b"]["reason"] == "kept"


@pytest.mark.parametrize("drop", [True, False])
def test_near_duplicates_are_dropped_where_asked(tmp_path, drop):
    documents = [
        document("b", group="like"),
        document("a", group="like"),
        document("c", group="like", nnp_ratio=0.9),
        document("d", source="wire", group="like"),
    ]
    found = select(tmp_path, documents, limits={**LIMITS, "drop_near_duplicates": drop})
    others = "near_duplicate" if drop else "kept"
    assert {name: row["reason"] for name, row in found.items()} == {
        "news:a": "kept",
        "news:b": others,
        "news:c": "many_proper_nouns",
        "wire:d": others,
    }


def test_first_near_duplicate_that_fails_does_not_win(tmp_path):
    documents = [document("a", group="like", pronouns=9), document("b", group="like")]
    found = select(tmp_path, documents)
    assert [row["reason"] for row in found.values()] == ["pronoun", "kept"]


def test_set_without_proper_noun_limits_needs_no_analysis(tmp_path):
    documents = [
        document("a", analysis="outside", nnp_ratio=None, pronouns=None),
        document("b", analysis="failed", nnp_ratio=None, pronouns=None),
        document("c", sentence_marks=0, analysis="outside", nnp_ratio=None, pronouns=None),
    ]
    found = select(tmp_path, documents, limits=MLM_LIMITS)
    assert [row["reason"] for row in found.values()] == ["kept", "kept", "few_sentences"]


def test_no_pronoun_limit(tmp_path):
    found = select(tmp_path, [document("a", pronouns=99)], limits={**LIMITS, "max_pronouns": None})
    assert found["news:a"]["reason"] == "kept"


def test_passing_document_without_analysis_stops_the_run(tmp_path):
    documents = [document("a"), document("b", analysis="outside", nnp_ratio=None, pronouns=None)]
    with pytest.raises(IntegrityError, match="news:b"):
        select(tmp_path, documents)
    assert not (tmp_path / "selection.parquet").exists()


def test_source_outside_the_set_has_no_rows_but_may_hold_the_analysis(tmp_path):
    documents = [
        document("a", source="wire", text="same"),
        document("b", text="same", analysis="duplicate"),
    ]
    found = select(tmp_path, documents, ranks={"news": 0}, order=["wire", "news"])
    assert list(found) == ["news:b"]
    assert found["news:b"]["reason"] == "kept"
    assert (found["news:b"]["analysed_source"], found["news:b"]["analysed_key"]) == ("wire", 0)


def plain_selection(documents, ranks, own, limits):
    """The same decisions, one document after the other."""
    analysed = {row["text_hash"]: row for row in documents if row["analysis"] != "duplicate"}
    reasons = {}
    passing = []
    for row in documents:
        limit = own[row["source"]]
        values = analysed[row["text_hash"]]
        checks = [
            ("empty", row["characters"] == 0),
            ("too_short", row["characters"] < limits["min_characters"]),
            ("too_short", row["characters"] < limit["min_characters"]),
            ("too_long", row["characters"] > limits["max_characters"]),
            ("too_long", row["characters"] > limit["max_characters"]),
            ("few_sentences", row["sentence_marks"] < limits["min_sentence_marks"]),
            ("little_hangul", row["hangul_ratio"] < limits["min_hangul_ratio"]),
            ("many_symbols", row["symbol_ratio"] > limits["max_symbol_ratio"]),
            ("analysis_failed", values["analysis"] == "failed"),
            ("few_proper_nouns", values["nnp_ratio"] < limits["min_nnp_ratio"]),
            ("many_proper_nouns", values["nnp_ratio"] > limits["max_nnp_ratio"]),
            ("pronoun", values["pronouns"] > limits["max_pronouns"]),
        ]
        reasons[row["doc_id"]] = next((name for name, fails in checks if fails), "kept")
        if reasons[row["doc_id"]] == "kept":
            passing.append(row)
    passing.sort(key=lambda row: (ranks[row["source"]], row["doc_id"]))
    texts, groups = set(), set()
    for row in passing:
        if row["text_hash"] in texts:
            reasons[row["doc_id"]] = "exact_duplicate"
        elif limits["drop_near_duplicates"] and row["group"] in groups:
            reasons[row["doc_id"]] = "near_duplicate"
        texts.add(row["text_hash"])
        groups.add(row["group"])
    return reasons


@st.composite
def tables(draw):
    """A few texts in a few groups, each with attributes, standing in documents of two sources."""
    texts = [
        {
            "text": f"text{number}",
            "group": f"group{draw(st.integers(0, 2))}",
            "characters": draw(st.sampled_from([0, 700, 800, 1000, 1000, 1000, 2500])),
            "sentence_marks": draw(st.sampled_from([2, 3, 3, 4])),
            "hangul_ratio": draw(st.sampled_from([0.3, 0.4, 0.8, 0.8])),
            "symbol_ratio": draw(st.sampled_from([0.1, 0.1, 0.3, 0.5])),
            "nnp_ratio": draw(st.sampled_from([0.01, 0.05, 0.1, 0.1, 0.2, 0.5])),
            "pronouns": draw(st.sampled_from([0, 0, 2, 3])),
            "analysis": draw(st.sampled_from(["analysed"] * 6 + ["failed"])),
        }
        for number in range(draw(st.integers(1, 6)))
    ]
    rows, seen = [], set()
    for number in range(draw(st.integers(1, 14))):
        text = draw(st.sampled_from(texts))
        again = text["text"] in seen
        seen.add(text["text"])
        rows.append(
            document(
                f"{draw(st.integers(0, 9))}-{number}",
                source=draw(st.sampled_from(["news", "wire"])),
                **{**text, "analysis": "duplicate" if again else text["analysis"]},
            )
        )
    own = {
        name: {
            "min_characters": draw(st.sampled_from([0, 0, 1000])),
            "max_characters": draw(st.sampled_from([900, 10**9, 10**9])),
        }
        for name in ("news", "wire")
    }
    ranks = draw(st.sampled_from([{"news": 0, "wire": 1}, {"news": 1, "wire": 0}]))
    return rows, own, ranks, draw(st.booleans())


@settings(max_examples=40, deadline=None)
@given(tables())
def test_selection_equals_a_plain_recount(tmp_path_factory, table):
    rows, own, ranks, drop_near = table
    limits = {**LIMITS, "drop_near_duplicates": drop_near}
    folder = tmp_path_factory.mktemp("select")
    found = select(folder, rows, ranks=ranks, limits=limits, own=own, order=["news", "wire"])
    assert {name: row["reason"] for name, row in found.items()} == plain_selection(
        rows, ranks, own, limits
    )
    assert {name: row["split"] for name, row in found.items()} == {
        row["doc_id"]: row["split"] for row in rows
    }
