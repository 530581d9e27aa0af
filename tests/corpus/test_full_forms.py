"""Shortened names and their full forms: by hand, and against a plain reading of the rules."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.splice import TokenizedText
from scripts.corpus.full_forms import full_forms
from scripts.corpus.pair_mentions import PairLimits, candidates_of_document
from scripts.corpus.pairs import Mention, repeated_entities
from scripts.corpus.tokenize_shard import tokenize_documents
from tests.corpus.builders import hand_wordpiece
from tests.corpus.test_pair_mentions import mentions_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("삼성전자 삼성 삼성전자", {"삼성": "삼성전자"}),
        ("삼성전자 삼성전자 삼성", {"삼성": "삼성전자"}),
        ("삼성 삼성전자 삼성전자", {}),  # the short form comes first
        ("삼성전자 삼성 삼성", {}),  # the full form is not repeated
        ("삼성전자 삼성물산 삼성 삼성전자", {}),  # two longer forms
        ("전라남도 전라 전라남도 전라북도", {}),  # the second one may come later
        ("전라남도 전라남도 전라 남도", {"전라": "전라남도"}),  # endings are left alone
        ("서울대학교 서울대 서울 서울대학교", {"서울대": "서울대학교", "서울": "서울대학교"}),
        ("서울대 서울대학교 서울 서울대학교", {"서울": "서울대학교"}),
        ("서울역 서울대학교 서울대학교 서울대 서울", {"서울대": "서울대학교"}),
        ("삼성전자 삼성전자 삼성전자", {}),
        ("", {}),
    ],
)
def test_by_hand(text, expected):
    assert full_forms(text.split()) == expected


letters = st.lists(st.text(alphabet="가나", min_size=1, max_size=5), max_size=14)


@settings(max_examples=500, deadline=None)
@given(letters)
def test_equals_a_plain_reading_of_the_rules(forms):
    expected = {}
    for short in set(forms):
        longer = {form for form in forms if form[: len(short)] == short and form != short}
        for full in longer:
            chain = all(full[: len(other)] == other for other in longer)
            if chain and forms.count(full) >= 2 and forms.index(full) < forms.index(short):
                expected[short] = full
    found = full_forms(forms)
    assert found == expected
    assert not set(found) & set(found.values())  # no full form is merged itself


# Mentions in any order, some of them overlapping.
mentions = st.lists(
    st.tuples(st.text(alphabet="가나", min_size=1, max_size=5), st.integers(0, 200)), max_size=16
).map(lambda found: [Mention(f, f, start, start + len(f), "") for f, start in found])


@settings(max_examples=300, deadline=None)
@given(mentions, st.integers(1, 3))
def test_merging_only_moves_mentions_between_entities(found, min_syllables):
    plain, merged = (
        repeated_entities(found, min_syllables=min_syllables, merge_substrings=merge)
        for merge in (False, True)
    )
    before = {group[0].entity: group for group in plain}
    after = {group[0].entity: group for group in merged}
    assert after.keys() <= before.keys()
    for entity, group in after.items():
        assert {mention.entity for mention in group} == {entity}
        assert all(entity.startswith(m.form) and len(m.form) >= min_syllables for m in group)
        assert group[0].form == entity
        assert [m.start for m in group] == sorted(m.start for m in group)
        assert len(group) >= len(before[entity])
        own = [(m.start, m.end) for m in group if m.form == entity]
        assert own == [(m.start, m.end) for m in before[entity]]
    spans = [(m.form, m.start) for group in merged for m in group]
    assert Counter(spans) <= Counter((m.form, m.start) for m in found)


WORDPIECE = hand_wordpiece(
    [
        *("삼성", "##전자", "##물산", "##는", "##가", "##의", "말", "##말", "."),
        *("서울", "##대", "##학교", "전라", "##남도", "##북도"),
    ]
)
LIMITS = PairLimits(200, 2, 4, 10, 1000, 1, merge_substrings=True)
FILLER = "말 " * 6
NAMES = [
    *("삼성전자", "삼성물산", "삼성", "서울대학교", "서울대", "서울"),
    *("전라남도", "전라북도", "전라"),
]
NOUNS = {name: (name, "NNP") for name in NAMES}


def candidates(text, limits=LIMITS):
    row = tokenize_documents([(0, text)], WORDPIECE).to_pylist()[0]
    tokens = TokenizedText(text, row["token_ids"], row["token_starts"], row["token_ends"])
    counts: Counter[tuple[str, str]] = Counter()
    document = {"analysed_key": 77, "doc_id": "news:1", "split": "train"}
    samples, outcome = candidates_of_document(
        document, tokens, mentions_of(text, NOUNS), limits, WORDPIECE, counts
    )
    return samples, outcome, counts


def test_samples_of_a_merged_entity_by_hand():
    text = f"삼성전자가 {FILLER}삼성는 {FILLER}삼성전자는 {FILLER}삼성의 {FILLER}삼성"
    samples, outcome, counts = candidates(text)
    assert outcome == "candidate"
    # The antecedent and three more mentions; the fifth is one too many.
    assert [(s["entity"], s["surface"], s["ordinal"]) for s in samples] == [
        ("삼성전자", "삼성", 2),
        ("삼성전자", "삼성전자", 3),
        ("삼성전자", "삼성", 4),
    ]
    assert {(s["antecedent_start"], s["antecedent_end"]) for s in samples} == {(0, 4)}
    assert [WORDPIECE.pieces[n] for n in samples[0]["label_ids"]] == ["삼성"]
    assert counts["candidate", "pairs"] == 3
    apart, _, _ = candidates(text, PairLimits(200, 2, 4, 10, 1000, 1))
    assert [(s["entity"], s["antecedent_start"]) for s in apart] == [
        ("삼성전자", 0),
        ("삼성", 18),
        ("삼성", 18),
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*NAMES, "삼성전자는", "말", "말말", "."]), max_size=50))
def test_every_target_begins_its_antecedent_and_stands_behind_it(words):
    text = " ".join(words)
    for sample in candidates(text)[0]:
        antecedent = text[sample["antecedent_start"] : sample["antecedent_end"]]
        assert antecedent == sample["entity"]
        assert antecedent.startswith(sample["surface"])
        assert text[sample["mention_start"] : sample["mention_end"]] == sample["surface"]
        assert sample["antecedent_end"] + 10 <= sample["mention_start"]
        assert sample["antecedent_end"] + sample["distance"] == sample["mention_start"]


@pytest.mark.parametrize(
    ("stop_list", "left"),
    [
        (set(), ["삼성", "삼성전자", "서울"]),
        ({"삼성"}, ["삼성전자", "서울"]),  # the form is on the list
        ({"삼성전자"}, ["서울"]),  # the entity is, and so all its names
        ({"서울", "삼성전자"}, []),
        ({"전자", "삼", "부산"}, ["삼성", "삼성전자", "서울"]),
    ],
)
def test_stop_list_bars_entities_and_forms(stop_list, left):
    text = f"삼성전자가 서울 {FILLER}삼성는 {FILLER}삼성전자는 {FILLER}서울"
    limits = PairLimits(200, 2, 4, 10, 1000, 1, True, frozenset(stop_list))
    samples, outcome, counts = candidates(text, limits)
    assert [sample["surface"] for sample in samples] == left
    assert counts["stop_list", "pairs"] == 3 - len(left)
    assert outcome == ("candidate" if left else "no_sample")
    # Who is left keeps its place and rank.
    everything, _, _ = candidates(text)
    assert [s for s in everything if s["surface"] in left] == samples
