"""Hostile Unicode through every step: each document has one fate, and samples fit their texts.

Hypothesis draws the fragments and a seed; documents are put together from them by plain chance,
since it cannot draw thousands of texts in one example. The examples are the same in every run
(`derandomize`), so that a failure on one machine is one on all; shrinking is off, since one example
takes seconds.
"""

import json
import random
import unicodedata
from collections import Counter
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_from_disk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scripts.common.wordpiece import load_wordpiece
from tests.corpus import test_shards_to_datasets as steps_module
from tests.corpus.builders import article_texts, shard_files, write_jsonl
from tests.corpus.test_shards_to_datasets import LENGTH, Steps

EXAMPLES, DOCUMENTS = 8, 1300
FLOOR = {
    "min_characters": 2,
    "max_characters": 1200,
    "min_sentence_marks": 1,
    "min_hangul_ratio": 0.05,
    "max_symbol_ratio": 0.6,
}
REASONS = {
    *("empty", "too_short", "too_long", "few_sentences", "little_hangul", "many_symbols"),
    *("few_proper_nouns", "many_proper_nouns", "exact_duplicate", "near_duplicate"),
    *("no_token", "no_repeated_entity", "no_sample", "entity_cap", "kept"),
}

SPACES = "\t\n\v\f\r \x1c\x85\xa0\u1680\u2000\u2003\u2009\u2028\u2029\u202f\u205f\u3000"
HOSTILE = {
    "surrogates": st.text(st.characters(categories=["Cs"]), min_size=1, max_size=4),
    "direction": st.text("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2069"),
    "joiners": st.text("👩👨👧🏽🇰🇷❤\ufe0f\u200d\u200b\u200c\u2060\ufeff", min_size=1, max_size=8),
    "marks": st.text(st.characters(categories=["Mn", "Mc", "Me"]), min_size=1, max_size=6),
    "jamo": st.text([chr(code) for code in range(0x1100, 0x1200)], min_size=1, max_size=6),
    "letters": st.text("ㅋㅎㅠㅣㄱᅠㅤﾡ가힣\uac00\u11a8\ud7a3", min_size=1, max_size=6),
    "controls": st.text(st.characters(categories=["Cc"]), min_size=1, max_size=5),
    "right_to_left": st.text("אבגדהוشكرا؟،٠١٢\u0670", min_size=1, max_size=10),
    "pictures": st.text("😀👍🎉🫠🏴𓀀𝔊㊗☃", min_size=1, max_size=6),
    "private": st.text("\ue000\uf8ff\U000f0000\U0010fffd\ufffe\uffff\ufdd0\U0010ffff\U000e0041"),
    "spaces": st.text(SPACES, min_size=1, max_size=8),
    "special": st.sampled_from(["[MASK]", "[CLS]", "[UNK]", "##는", "\ufffd", "\\u0000"]),
    "any": st.text(st.characters(), max_size=12),
}  # fmt: skip
LONG = st.tuples(
    st.sampled_from([*"가힣a漢😀.!\u0301\u1100", " ", "ㅋ", "서울", "\x00", "ß", "한"]),
    st.sampled_from([30, 101, 700, 5000]),
).map(lambda drawn: drawn[0] * drawn[1])
POOL = st.fixed_dictionaries(
    {name: st.lists(texts, min_size=2, max_size=4) for name, texts in HOSTILE.items()}
    | {"long": st.lists(LONG, min_size=1, max_size=2)}
)


def compose(pool: dict[str, list[str]], chance: random.Random) -> str:
    """A document: sentences of articles with fragments between, around and within their words."""
    fragments = [fragment for texts in pool.values() for fragment in texts]
    kind = chance.random()
    if kind < 0.1:
        return "".join(chance.choices(fragments, k=chance.randrange(4)))
    article = chance.choice(article_texts(60))
    sentences = article.split(". ")
    start = chance.randrange(len(sentences))
    text = ". ".join(sentences[start : start + chance.randrange(1, 4)]) + "."
    for _ in range(chance.choice([0, 1, 1, 2, 5])):
        at = chance.randrange(len(text) + 1)
        short = [fragment for fragment in fragments if len(fragment) < 50]
        text = text[:at] + chance.choice(short if chance.random() < 0.95 else fragments) + text[at:]
    return text


@pytest.fixture
def low_thresholds(monkeypatch):
    monkeypatch.setattr(steps_module, "FLOOR", FLOOR)
    wide = {"min_nnp_ratio": 0.01, "max_nnp_ratio": 0.9, "max_pronouns": None}
    monkeypatch.setattr(steps_module, "PROPER_NOUNS", wide)


@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[
        *(HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large),
    ],
)
@given(pool=POOL, seed=st.integers(0, 1 << 32))
@pytest.mark.slow
def test_hostile_documents_are_all_accounted_for(tmp_path_factory, low_thresholds, pool, seed):
    folder = tmp_path_factory.mktemp("fuzz")
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = [
        {"id": f"{n}", "text": compose(pool, chance)} for n in range(DOCUMENTS - 20)
    ]
    rows += [{"id": f"n{n}", "text": chance.choice([None, 7, ["글"]])} for n in range(20)]
    file = write_jsonl(folder / "hostile.jsonl", rows)
    source = shard_files(folder, "hostile", [file], shards=2)
    steps = Steps(folder, [source])
    steps.prepare()
    steps.tokenizer()
    coref, mlm = steps.datasets()

    documents = source.by_id()
    unreadable = pq.read_table(source.unreadable).to_pylist()
    found = [*(row["doc_id"] for row in source.rows()), *(row["doc_id"] for row in unreadable)]
    assert sorted(found) == sorted(f"hostile:{row['id']}" for row in rows)
    # JSON joins two halves of a surrogate pair that stand side by side.
    raw = {f"hostile:{row['id']}": json.loads(json.dumps(row["text"])) for row in rows}
    for name, row in documents.items():
        assert unicodedata.is_normalized("NFC", row["text"])
        replaced = sum("\ud800" <= character <= "\udfff" for character in raw[name])
        assert row["replaced_surrogates"] == replaced

    outcomes = {}
    for dataset in (coref, mlm):
        fates = pq.read_table(dataset / "fates.parquet").to_pylist()
        outcomes[dataset] = {row["doc_id"]: row["outcome"] for row in fates}
        assert len(fates) == len(outcomes[dataset])
        assert outcomes[dataset].keys() == documents.keys()
        assert set(outcomes[dataset].values()) <= REASONS
    for name, row in documents.items():
        expected = first_failing(row["text"])
        for dataset in (coref, mlm):
            if expected is not None:
                assert outcomes[dataset][name] == expected
            else:
                assert outcomes[dataset][name] not in CHEAP
    check_mlm(mlm, outcomes[mlm])
    check_samples(coref, outcomes[coref], documents, load_wordpiece(steps.tokenizer_path))
    counts = Counter(outcomes[coref].values())
    assert counts["kept"] > 100 and len(counts) >= 8, counts


CHEAP = ("empty", "too_short", "too_long", "few_sentences", "little_hangul", "many_symbols")


def first_failing(text: str) -> str | None:
    """The first cheap limit that a normalized text fails, by plain string methods."""
    size = max(1, len(text))
    symbols = sum(not c.isalnum() and not c.isspace() for c in text)
    fails = (
        not text,
        len(text) < FLOOR["min_characters"],
        len(text) > FLOOR["max_characters"],
        sum(map(text.count, ".?!")) < FLOOR["min_sentence_marks"],
        sum("가" <= c <= "힣" for c in text) / size < FLOOR["min_hangul_ratio"],
        symbols / size > FLOOR["max_symbol_ratio"],
    )
    return CHEAP[fails.index(True)] if any(fails) else None


def check_mlm(folder, outcomes) -> None:
    """Every kept document stands in the rows, once."""
    found: list[str] = []
    for part in load_from_disk(str(folder / "dataset")).values():
        for row in part:
            assert sum(row["segment_lengths"]) == len(row["input_ids"]) <= LENGTH
            found += row["doc_ids"]
    pieces = Counter(found)
    assert set(pieces) == {name for name, outcome in outcomes.items() if outcome == "kept"}
    total = json.loads((folder / "manifest.json").read_text())["num_samples"]
    assert sum(len(part) for part in load_from_disk(str(folder / "dataset")).values()) == total


def check_samples(folder, outcomes, documents, wordpiece) -> None:
    """Samples are of kept documents, none stands twice, and each fills back into its text."""
    pieces, normalizer = wordpiece.pieces, wordpiece.tokenizer.normalizer
    seen = set()
    sampled = set()
    for part in load_from_disk(str(folder / "dataset")).values():
        for row in part:
            place = (row["doc_id"], row["mention_start"])
            assert place not in seen
            seen.add(place)
            sampled.add(row["doc_id"])
            text, ids, label = documents[row["doc_id"]]["text"], row["input_ids"], row["label_ids"]
            start = row["mask_token_start"]
            assert len(ids) <= LENGTH and all(
                pieces[i] == "[MASK]" for i in ids[start:][: len(label)]
            )
            assert sum(pieces[i] == "[MASK]" for i in ids) == len(label)
            assert text[row["mention_start"] : row["mention_end"]] == row["surface"]
            assert spelled(label, pieces) == "".join(row["surface"].split()) == row["entity"]
            antecedent = text[row["antecedent_start"] : row["antecedent_end"]]
            assert "".join(antecedent.split()) == row["entity"]
            tokens = ids[row["antecedent_token_start"] : row["antecedent_token_end"]]
            assert row["entity"] in spelled(tokens, pieces)
            assert "[UNK]" not in [pieces[i] for i in [*label, *tokens]]
            filled = spelled([*ids[1:start], *label, *ids[start + len(label) : -1]], pieces)
            if "[UNK]" not in filled:
                assert filled in "".join(normalizer.normalize_str(text).split())
    assert sampled == {name for name, outcome in outcomes.items() if outcome == "kept"}


def spelled(ids, pieces) -> str:
    return "".join(pieces[i].removeprefix("##") for i in ids)
