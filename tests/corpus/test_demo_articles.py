"""The demo articles show what they claim, measured by recounts that share no code with them."""

import json
import subprocess
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from itertools import combinations, islice
from statistics import quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kiwipiepy import Kiwi

from scripts.corpus.demo_articles import PLANTED_SHARES, DemoArticle, demo_articles, json_line
from scripts.corpus.demo_vocabulary import (
    CITIES,
    COMPANIES,
    LANDMARKS,
    PEOPLE,
    SIDE_SENTENCES,
    TOPICS,
    UNIVERSITIES,
    WORKS,
    WORLD_CITIES,
    Word,
    with_particle,
)

SEED = 20
COUNT = 400
CHEAP_REASONS = {"empty", "too_short", "too_long", "few_sentences", "little_hangul", "many_symbols"}
# Kinds that no check of a single text rejects, with the default thresholds.
PASSING = {"", "exact_duplicate", "near_duplicate", "pronoun", "control_characters"}
PASSING |= {"lone_surrogate"}


@dataclass(frozen=True)
class Facts:
    """An article as a reader of the repaired text measures it."""

    article: DemoArticle
    text: str
    reasons: frozenset[str]
    proper_nouns: Counter[str]
    pronouns: int


def repaired(text: str) -> str:
    """NFC, plain line ends, without control, format and surrogate characters."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return "".join(
        c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs"}
    )


def measure(article: DemoArticle, text: str, tokens: list) -> Facts:
    """Every reason for which the text alone can be rejected, not only the first."""
    if not text.strip():
        return Facts(article, text, frozenset({"empty"}), Counter(), 0)
    names = [token.form for token in tokens if token.tag == "NNP"]
    share = len(names) / len(tokens)
    forms = Counter(name for name in names if len(name) >= 2)
    hangul = sum("가" <= c <= "힣" for c in text) / len(text)
    symbols = sum(not c.isalnum() and not c.isspace() for c in text) / len(text)
    failed = {
        "too_short": len(text) < 800,
        "too_long": len(text) > 2500,
        "few_sentences": sum(map(text.count, ".?!")) < 3,
        "little_hangul": hangul < 0.40,
        "many_symbols": symbols > 0.30,
        "few_proper_nouns": share < 0.05,
        "many_proper_nouns": share > 0.20,
        "no_repeated_entity": not any(n > 1 for n in forms.values()),
    }
    reasons = frozenset(reason for reason, holds in failed.items() if holds)
    return Facts(article, text, reasons, forms, sum(token.tag == "NP" for token in tokens))


def shingles(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 5] for i in range(len(text) - 4))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


@pytest.fixture(scope="module")
def facts() -> list[Facts]:
    articles = list(demo_articles(COUNT, SEED))
    texts = [repaired(article.text) for article in articles]
    analyses = Kiwi(num_workers=2).tokenize(texts)
    return [measure(*row) for row in zip(articles, texts, analyses, strict=True)]


def of_kind(facts: list[Facts], kind: str) -> list[Facts]:
    return [fact for fact in facts if fact.article.planted == kind]


# --- the stream


def test_same_seed_gives_the_same_bytes_in_another_process() -> None:
    here = "".join(map(json_line, demo_articles(200, 5)))
    program = (
        "from scripts.corpus.demo_articles import demo_articles, json_line\n"
        "print(''.join(map(json_line, demo_articles(200, 5))), end='')"
    )
    there = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": "77", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert there.stdout == here


@settings(deadline=None)
@given(short=st.integers(0, 60), more=st.integers(0, 60), seed=st.integers(0, 10**9))
def test_a_longer_run_begins_with_the_shorter_one(short: int, more: int, seed: int) -> None:
    longer = demo_articles(short + more, seed)
    assert list(islice(longer, short)) == list(demo_articles(short, seed))


def test_seeds_differ_and_ids_are_unique_and_sorted() -> None:
    articles = list(demo_articles(2_000, 1))
    ids = [article.id for article in articles]
    assert ids == sorted(set(ids))
    other = list(demo_articles(200, 2))
    assert not {a.text for a in articles if a.text.strip()} & {
        a.text for a in other if a.text.strip()
    }


def test_json_lines_are_ascii_and_give_back_every_text() -> None:
    for article in demo_articles(200, SEED):
        line = json_line(article)
        assert line.isascii() and line.endswith("\n") and line.count("\n") == 1
        assert json.loads(line) == {
            "id": article.id,
            "text": article.text,
            "planted": article.planted,
        }


@pytest.mark.parametrize("start", [0, 100, 700])
def test_every_hundred_holds_the_stated_shares(start: int) -> None:
    hundred = islice(demo_articles(start + 100, 3), start, None)
    counts = Counter(article.planted for article in hundred)
    assert counts == {**PLANTED_SHARES, "": 100 - sum(PLANTED_SHARES.values())}
    assert sum(PLANTED_SHARES.values()) == 25


# --- particles


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("한강", "은", "한강은"),
        ("제주", "은", "제주는"),
        ("서울", "이", "서울이"),
        ("대구", "이", "대구가"),
        ("수원", "을", "수원을"),
        ("파주", "를", "파주를"),
        ("대전", "와", "대전과"),
        ("여수", "과", "여수와"),
        ("부산", "로", "부산으로"),
        ("광주", "으로", "광주로"),
        ("서울", "으로", "서울로"),
        ("서울", "과", "서울과"),
        ("3", "으로", "3으로"),
        ("7", "으로", "7로"),
        ("2", "은", "2는"),
        ("10", "이", "10이"),
        ("KTX", "은", "KTX는"),
        ("KBL", "을", "KBL을"),
        ("GDP", "과", "GDP와"),
        ("한국전력(KEPCO)", "은", "한국전력(KEPCO)은"),
        ("포스코(POSCO)", "은", "포스코(POSCO)는"),
        ("‘한강’", "를", "‘한강’을"),
        ('"춘향전"', "는", '"춘향전"은'),
    ],
)
def test_particles_agree_with_a_hand_table(word: str, particle: str, expected: str) -> None:
    assert with_particle(word, particle) == expected
    assert f"{Word(word):{particle}}" == expected


@settings(deadline=None)
@given(
    st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3),
    st.sampled_from(["은는", "이가", "을를", "과와"]),
)
def test_particles_follow_the_final_consonant_of_any_syllable(syllable: str, pair: str) -> None:
    final = unicodedata.normalize("NFD", syllable)[2:]
    expected = pair[0] if final else pair[1]
    assert with_particle("가" + syllable, pair[0]) == "가" + syllable + expected
    assert with_particle(syllable, pair[1]) == syllable + expected
    direction = "으로" if final and final != "\u11af" else "로"
    assert with_particle(syllable, "로") == with_particle(syllable, "으로") == syllable + direction


def test_no_entity_carries_a_wrong_particle(facts: list[Facts]) -> None:
    names = {*PEOPLE, *CITIES, *WORLD_CITIES, *COMPANIES, *UNIVERSITIES, *LANDMARKS, *WORKS}
    text = "\n".join(fact.text for fact in facts if fact.article.planted in PASSING)
    for name in names:
        closed = len(unicodedata.normalize("NFD", name[-1])) == 3
        for wrong in ("는", "가", "를", "와") if closed else ("은", "을", "과"):
            assert f" {name}{wrong} " not in text


# --- vocabulary


def test_vocabulary_is_large_and_its_topics_are_distinct() -> None:
    assert len(set(PEOPLE)) == len(PEOPLE) >= 150
    assert all(len(name) == 3 for name in PEOPLE)
    assert len({*CITIES, *WORLD_CITIES}) >= 80
    assert len({*COMPANIES, *UNIVERSITIES}) >= 60
    sentences = [sentence for topic in TOPICS for sentence in topic.sentences] + [*SIDE_SENTENCES]
    assert len(set(sentences)) == len(sentences) >= 100


# --- what each kind shows


def test_ordinary_articles_pass_all_checks(facts: list[Facts]) -> None:
    ordinary = of_kind(facts, "")
    passing = [fact for fact in ordinary if not fact.reasons]
    assert len(passing) >= 0.99 * len(ordinary)
    assert all(800 <= len(fact.text) <= 2400 for fact in ordinary)
    assert all(1 <= fact.text.count("\n") <= 3 for fact in ordinary)


def test_ordinary_articles_repeat_entities_at_varied_distances(facts: list[Facts]) -> None:
    distances = []
    for fact in of_kind(facts, ""):
        recurring = [form for form, n in fact.proper_nouns.items() if n >= 3]
        assert len(recurring) >= 2
        # A few forms are not the text's own characters (an analysis may restore a sound).
        for form in filter(fact.text.count, recurring):
            first = fact.text.index(form)
            distances += [
                place - first
                for place in range(first + 1, len(fact.text))
                if fact.text.startswith(form, place)
            ]
    assert min(distances) < 50 and max(distances) > 1500
    low, _, high = quantiles(distances, n=4)
    assert low < 400 and high > 600


def test_ordinary_articles_are_no_near_duplicates_of_each_other(facts: list[Facts]) -> None:
    sets = [shingles(fact.text) for fact in of_kind(facts, "")][:200]
    assert max(jaccard(*pair) for pair in combinations(sets, 2)) < 0.5


@pytest.mark.parametrize("kind", sorted(PLANTED_SHARES))
def test_planted_articles_fail_their_own_check_only(facts: list[Facts], kind: str) -> None:
    planted = of_kind(facts[:200], kind)
    assert planted
    for fact in planted:
        if kind in PASSING:
            assert not fact.reasons
        elif kind in CHEAP_REASONS:
            assert fact.reasons & CHEAP_REASONS == {kind}
        elif kind == "few_proper_nouns":  # no name at all, so none repeats
            assert fact.reasons == {kind, "no_repeated_entity"}
        else:
            assert fact.reasons == {kind}


def test_empty_texts_are_nothing_and_white_space(facts: list[Facts]) -> None:
    texts = {fact.article.text for fact in of_kind(facts, "empty")}
    assert "" in texts and any(text.isspace() for text in texts)


def test_too_short_and_too_long_are_clearly_so(facts: list[Facts]) -> None:
    assert all(0 < len(fact.text) < 760 for fact in of_kind(facts, "too_short"))
    assert all(len(fact.text) > 6000 for fact in of_kind(facts, "too_long"))


def test_exact_duplicates_equal_an_earlier_ordinary_text_once_repaired(facts: list[Facts]) -> None:
    first_seen: dict[str, str] = {}
    for fact in facts:
        if fact.article.planted == "":
            assert first_seen.setdefault(fact.text, fact.article.text) == fact.article.text
        elif fact.article.planted == "exact_duplicate":
            assert fact.text in first_seen
    raw = [fact.article.text for fact in of_kind(facts, "exact_duplicate")]
    assert any(text in first_seen for text in raw)
    assert any(unicodedata.is_normalized("NFD", text) for text in raw)
    assert any("\r\n" in text and "\u200b" in text for text in raw)


def test_near_duplicates_differ_in_one_sentence_of_an_earlier_text(facts: list[Facts]) -> None:
    earlier: list[Facts] = []
    for fact in facts:
        if fact.article.planted == "":
            earlier.append(fact)
        elif fact.article.planted == "near_duplicate":
            own = shingles(fact.text)
            nearest = max(earlier, key=lambda other: jaccard(own, shingles(other.text)))
            assert fact.text != nearest.text
            assert jaccard(own, shingles(nearest.text)) >= 0.85


def test_pronoun_articles_hold_more_pronouns_than_any_ordinary_one(facts: list[Facts]) -> None:
    most = max(fact.pronouns for fact in of_kind(facts, ""))
    assert all(fact.pronouns > most for fact in of_kind(facts, "pronoun"))
    assert any("이같이" in fact.text for fact in of_kind(facts, ""))


def test_control_characters_stand_inside_words(facts: list[Facts]) -> None:
    for fact in of_kind(facts, "control_characters"):
        text = fact.article.text
        places = [
            i for i, c in enumerate(text) if c != "\n" and unicodedata.category(c) in {"Cc", "Cf"}
        ]
        assert len(places) >= 8
        assert all(text[i - 1].isalnum() and text[i + 1].isalnum() for i in places)


def test_lone_surrogates_are_lone_and_of_both_halves() -> None:
    found: set[str] = set()
    for article in islice(demo_articles(2_000, SEED), None):
        surrogates = [c for c in article.text if "\ud800" <= c <= "\udfff"]
        assert len(surrogates) == (article.planted == "lone_surrogate")
        found.update("high" if c < "\udc00" else "low" for c in surrogates)
    assert found == {"high", "low"}
