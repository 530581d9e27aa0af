"""Attributes of documents: against plain string methods and against Kiwi itself."""

import logging
from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kiwipiepy import Kiwi

from scripts.common.analysis import (
    CharacterCounts,
    Floor,
    analyse_tokens,
    count_characters,
    tokenize_each,
)
from scripts.common.errors import InputError
from scripts.corpus import score_shard
from scripts.corpus.score_shard import score_documents
from tests.corpus.builders import article_texts, articles, find_duplicates, shard_texts

FLOOR = Floor(
    min_characters=800,
    max_characters=2500,
    min_sentence_marks=3,
    min_hangul_ratio=0.4,
    max_symbol_ratio=0.3,
)


@pytest.fixture(scope="module")
def kiwi():
    return Kiwi(num_workers=1)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.text(alphabet="가힣a1 ._?!_\n%ㅋⅣ²é漢", max_size=40)))
def test_counts_equal_string_methods(text):
    found = count_characters(text)
    size = max(1, len(text))
    assert found.characters == len(text)
    assert found.sentence_marks == text.count(".") + text.count("?") + text.count("!")
    assert found.hangul_ratio == sum(0xAC00 <= ord(c) <= 0xD7A3 for c in text) / size
    symbols = sum(not c.isalnum() and not c.isspace() for c in text)
    assert found.symbol_ratio == symbols / size


def test_counts_by_hand():
    assert count_characters("가 나.a%_ㅋ") == CharacterCounts(8, 1, 2 / 8, 3 / 8)
    assert count_characters("") == CharacterCounts(0, 0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("counts", "admitted"),
    [
        ((800, 3, 0.4, 0.3), True),
        ((2500, 3, 0.4, 0.3), True),
        ((799, 3, 0.4, 0.3), False),
        ((2501, 3, 0.4, 0.3), False),
        ((800, 2, 0.4, 0.3), False),
        ((800, 3, 0.39, 0.3), False),
        ((800, 3, 0.4, 0.31), False),
    ],
)
def test_floor_includes_its_ends(counts, admitted):
    assert FLOOR.admits(CharacterCounts(*counts)) is admitted


def check_against_kiwi(text, row, tokens):
    """A row against Kiwi's own tokens of the document."""
    tags = Counter(token.tag for token in tokens)
    assert row["kiwi_tokens"] == len(tokens)
    assert (row["nnp"], row["pronouns"]) == (tags["NNP"], tags["NP"])
    assert row["nnp_ratio"] == (tags["NNP"] / len(tokens) if tokens else 0)
    nouns = [i for i, token in enumerate(tokens) if token.tag[0] == "N"]
    expected = []
    for i in nouns:
        token = tokens[i]
        surface = text[token.start : token.end]
        if surface.replace(" ", "").replace("\n", "") == token.form.replace(" ", ""):
            follows = tokens[i + 1] if i + 1 < len(tokens) else None
            touches = follows and follows.start == token.end and follows.tag[0] == "J"
            particle = follows.tag if follows and touches else ""
            expected.append((token.form, token.tag, token.start, token.end, particle))
    names = [f"mention_{name}" for name in ("form", "tag", "start", "end", "particle")]
    assert list(zip(*(row[name] for name in names), strict=True)) == expected
    assert row["unspanned_nouns"] == len(nouns) - len(expected)


def test_scores_equal_kiwi_document_by_document(tmp_path, kiwi):
    """The step itself, over shards, duplicates and batches that end in mid-shard."""
    texts = {article.id: article.text for article in articles(60)}
    source = shard_texts(tmp_path, "news", texts, shards=2)
    duplicates = find_duplicates(tmp_path, [source])
    states: Counter[str] = Counter()
    for path in source.shards:
        scores = tmp_path / "scores" / "news" / path.name
        score_shard.run(
            source.folder,
            source.manifest,
            duplicates["news", path.stem],
            scores,
            shard=path.stem,
            analyse=True,
            **vars(FLOOR),
            max_failed_share=0.0,
            batch_documents=16,
            chunk_documents=5,
            threads=2,
        )
        later = set(pq.read_table(duplicates["news", path.stem])["doc_id"].to_pylist())
        documents, rows = pq.read_table(path).to_pylist(), pq.read_table(scores).to_pylist()
        for document, row in zip(documents, rows, strict=True):
            text = document["text"]
            states[row["analysis"]] += 1
            assert row["doc_id"] == document["doc_id"]
            assert row["text_hash"] == document["text_hash"]
            assert row["characters"] == len(text)
            if row["analysis"] == "analysed":
                check_against_kiwi(text, row, kiwi.tokenize(text))
            else:
                assert row["nnp_ratio"] is None and row["mention_form"] is None
            assert (row["analysis"] == "duplicate") == (row["doc_id"] in later)
            fits = 800 <= len(text) <= 2500 and sum(map(text.count, ".?!")) >= 3
            if row["analysis"] == "analysed":
                assert fits
            if not fits:
                assert row["analysis"] in ("outside", "duplicate")
    assert states["analysed"] > 35 and states["outside"] > 3 and states["duplicate"] >= 1


_PHRASES = [
    *("삼성전자는 ", "서울 시청에서 ", "국립 중앙 박물관이 ", "SK하이닉스의 ", "그는 ", "이같이 "),
    *("홍길동\ufffd은 ", "했다. ", "2024년 ", "漢字 ", "ㅋㅋ ", "é", "😀", "👍🏽 ", "\n"),
]


@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.sampled_from(_PHRASES), max_size=12))
def test_mentions_stand_where_they_say(kiwi, parts):
    """Positions count code points, also behind characters outside the basic plane."""
    text = "".join(parts)
    tokens = kiwi.tokenize(text)
    row = analyse_tokens(text, tokens).as_columns()
    check_against_kiwi(text, row, tokens)
    for form, start, end in zip(
        row["mention_form"], row["mention_start"], row["mention_end"], strict=True
    ):
        assert "".join(text[start:end].split()) == "".join(form.split())


def test_particles_of_mentions(kiwi):
    text = "삼성전자는 서울에서 애플과 만났다. 삼성전자 서울"
    row = analyse_tokens(text, kiwi.tokenize(text)).as_columns()
    found = list(zip(row["mention_form"], row["mention_particle"], strict=True))
    assert found == [
        ("삼성전자", "JX"),
        ("서울", "JKB"),
        ("애플", "JKB"),
        ("삼성전자", ""),
        ("서울", ""),
    ]


class FailingAnalyser:
    """Fails on some texts, as an iterable of texts lazily or as soon as it is given one."""

    def __init__(self, bad, *, eager):
        self.bad, self.eager = bad, eager

    def tokenize(self, texts):
        if isinstance(texts, str):
            if texts in self.bad:
                raise RuntimeError("cannot analyse")
            return list(texts)
        return [self.tokenize(text) for text in texts] if self.eager else map(self.tokenize, texts)


@pytest.mark.parametrize("eager", [False, True])
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.sampled_from("abcdef"), max_size=12), bad=st.sets(st.sampled_from("abc")))
def test_only_the_failing_text_is_lost(eager, texts, bad):
    logging.disable(logging.WARNING)
    found = list(tokenize_each(FailingAnalyser(bad, eager=eager), texts))
    logging.disable(logging.NOTSET)
    assert found == [None if text in bad else [text] for text in texts]


class FailingKiwi(FailingAnalyser):
    """Kiwi that fails on some texts."""

    def __init__(self, bad, kiwi):
        super().__init__(bad, eager=False)
        self.kiwi = kiwi

    def tokenize(self, texts):
        if isinstance(texts, str) and texts not in self.bad:
            return self.kiwi.tokenize(texts)
        return super().tokenize(texts)


def test_failure_is_counted_and_the_others_are_scored(kiwi, caplog):
    texts = [text for text in article_texts(40) if FLOOR.admits(count_characters(text))][:6]
    documents = [
        {"doc_id": f"news:{n}", "key": n, "text_hash": bytes(16), "text": text}
        for n, text in enumerate([*texts, "짧다."])
    ]
    failing = FailingKiwi({texts[2]}, kiwi)
    rows = list(score_documents(documents, {4}, FLOOR, lambda: failing))
    assert [row["analysis"] for row in rows] == [
        *("analysed", "analysed", "failed", "analysed", "duplicate", "analysed", "outside")
    ]
    assert "news:2" in caplog.text
    for number in (0, 1, 3, 5):
        check_against_kiwi(texts[number], rows[number], kiwi.tokenize(texts[number]))


def score_with_one_failure(folder, monkeypatch, kiwi, max_failed_share):
    """Score six documents, one of which the analyser fails on."""
    texts = [text for text in article_texts(40) if FLOOR.admits(count_characters(text))][:6]
    source = shard_texts(folder, "news", dict(zip("abcdef", texts, strict=True)), shards=1)
    duplicates = find_duplicates(folder, [source])["news", "000"]
    monkeypatch.setattr(score_shard, "_load_kiwi", lambda threads: FailingKiwi({texts[1]}, kiwi))
    score_shard.run(
        source.folder,
        source.manifest,
        duplicates,
        folder / "scores.parquet",
        shard="000",
        analyse=True,
        **vars(FLOOR),
        max_failed_share=max_failed_share,
        batch_documents=4,
        chunk_documents=3,
    )


def test_failures_up_to_the_allowed_share_are_counted(tmp_path, monkeypatch, kiwi):
    score_with_one_failure(tmp_path, monkeypatch, kiwi, 1 / 6)
    states = pq.read_table(tmp_path / "scores.parquet")["analysis"].to_pylist()
    assert Counter(states) == {"analysed": 5, "failed": 1}


def test_more_failures_stop_the_run(tmp_path, monkeypatch, kiwi):
    with pytest.raises(InputError, match="1 of 6"):
        score_with_one_failure(tmp_path, monkeypatch, kiwi, 0.16)


def test_scores_with_too_many_failures_do_not_pass_for_finished(tmp_path, monkeypatch, kiwi):
    with pytest.raises(InputError):
        score_with_one_failure(tmp_path, monkeypatch, kiwi, 0.16)
    assert not (tmp_path / "scores.parquet").exists()
