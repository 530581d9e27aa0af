"""Masks are spliced as a slow second implementation would: character by character, word by word."""

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from scripts.common.splice import Splice, TokenizedText, splice_mention, spliced_ids, tokens_in_span
from scripts.common.wordpiece import WordPiece
from scripts.corpus.tokenize_shard import tokenize_documents
from tests.corpus.builders import cased_wordpiece, hand_wordpiece, uncased_wordpiece

# Whole words of the demo vocabulary, fused forms, foreign letters, marks, and characters without
# a piece (龘, 漢) or without a trace after normalization (U+FFFD).
_FRAGMENTS = [
    *"가나다라마바사는은이가을를의에서로와과도만한국시장정부",
    *("삼성전자", "서울시", "박물관", "국립", "중앙", "대통령은", "했다", "밝혔다", "이라고"),
    *("Ab", "é", "Ö", "z", "2024", "7", "%", ".", ",", "·", "(", ")", "“", "ㅋㅋ", "龘", "漢字"),
    *(" ", " ", " ", " ", "\n", "\ufffd", "😀"),
]
texts = st.lists(st.sampled_from(_FRAGMENTS), min_size=1, max_size=25).map("".join)


def tokenized(text: str, wordpiece: WordPiece) -> TokenizedText:
    """The text with its tokens, from the step that the workflow runs."""
    row = tokenize_documents([(0, text)], wordpiece).to_pylist()[0]
    return TokenizedText(text, row["token_ids"], row["token_starts"], row["token_ends"])


def is_punctuation(letter: str) -> bool:
    ascii_mark = letter.isascii() and letter.isprintable() and not letter.isalnum()
    return ascii_mark or unicodedata.category(letter).startswith("P")


class Reference:
    """WordPiece written anew: one character at a time, with the words cut where one asks."""

    def __init__(self, wordpiece: WordPiece, *, uncased: bool) -> None:
        self.vocabulary = wordpiece.tokenizer.get_vocab()
        self.unknown = self.vocabulary["[UNK]"]
        self.mask = self.vocabulary["[MASK]"]
        self.uncased = uncased

    def letters(self, character: str) -> str:
        """What a character leaves behind after normalization."""
        if character == "\ufffd":
            return ""
        if not self.uncased:
            return character
        decomposed = unicodedata.normalize("NFD", character.lower())
        return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")

    def words(self, text: str) -> list[list[int]]:
        """Positions of the characters of each word."""
        words: list[list[int]] = [[]]
        for position, character in enumerate(text):
            if character.isspace():
                words.append([])
            elif is_punctuation(character) or (self.uncased and "一" <= character <= "鿿"):
                words += [[position], []]
            elif self.letters(character):
                words[-1].append(position)
        return [word for word in words if word]

    def pieces(self, letters: str, *, continues: bool) -> list[int] | None:
        ids = []
        while letters:
            for size in range(len(letters), 0, -1):
                piece = ("##" if continues else "") + letters[:size]
                if piece in self.vocabulary:
                    break
            else:
                return None
            ids.append(self.vocabulary[piece])
            letters, continues = letters[size:], True
        return ids

    def encode(self, text: str) -> list[int]:
        ids = []
        for word in self.words(text):
            found = self.pieces("".join(self.letters(text[p]) for p in word), continues=False)
            ids += [self.unknown] if found is None else found
        return ids

    def masked(self, text: str, start: int, end: int) -> tuple[list[int], list[int]] | None:
        """Ids with the mention masked and the mention's own ids; None where there are none."""
        ids: list[int] = []
        label: list[int] = []
        for word in self.words(text):
            touched = any(start <= position < end for position in word)
            runs: dict[int, str] = {0: "", 1: "", 2: ""}
            for position in word:
                side = 0 if position < start else 1 if position < end else 2
                runs[side if touched else 0] += self.letters(text[position])
            begun = False
            for side, letters in runs.items():
                if not letters:
                    continue
                found = self.pieces(letters, continues=begun)
                begun = True
                if found is None and touched:
                    return None
                found = [self.unknown] if found is None else found
                if side == 1:
                    label += found
                    found = [self.mask] * len(found)
                ids += found
        return ids, label


CASED, UNCASED = "cased", "uncased"


def both(kind: str) -> tuple[WordPiece, Reference]:
    wordpiece = cased_wordpiece() if kind == CASED else uncased_wordpiece()
    return wordpiece, Reference(wordpiece, uncased=kind == UNCASED)


@pytest.mark.parametrize("kind", [CASED, UNCASED])
@settings(max_examples=100, deadline=None)
@given(text=texts)
def test_reference_tokenizes_as_the_tokenizer_does(kind, text):
    wordpiece, reference = both(kind)
    assert reference.encode(text) == list(tokenized(text, wordpiece).ids)


@pytest.mark.parametrize("kind", [CASED, UNCASED])
@settings(max_examples=400, deadline=None)
@given(text=texts, edges=st.tuples(st.integers(0, 80), st.integers(1, 12)))
@example(text="삼성전자는", edges=(0, 4))
@example(text="가\ufffd나다", edges=(0, 1))
@example(text="각하", edges=(0, 1))
@example(text="각하", edges=(1, 1))
def test_splice_equals_the_reference(kind, text, edges):
    wordpiece, reference = both(kind)
    start, end = edges[0] % len(text), min(len(text), edges[0] % len(text) + edges[1])
    assume(any(reference.letters(c).strip() for c in text[start:end]))
    tokens = tokenized(text, wordpiece)
    found = splice_mention(tokens, start, end, wordpiece)
    expected = reference.masked(text, start, end)
    if expected is None:
        assert found == "unknown_token"
        return
    assert isinstance(found, Splice)
    masked = spliced_ids(tokens.ids, found, reference.mask)
    assert (masked, list(found.label_ids)) == expected
    # The label ids give the surface, letter by letter.
    surface = "".join(reference.letters(c) for c in text[start:end] if not c.isspace())
    assert wordpiece.surface(list(found.label_ids)) == surface
    # Where the masks stand, and how long it became.
    masks = len(found.label_ids)
    assert found.mask_end - found.mask_start == masks > 0
    assert masked[found.mask_start : found.mask_end] == [reference.mask] * masks
    assert found.length(len(tokens.ids)) == len(masked)
    # Outside the touched words nothing changes, and no word is touched without need.
    assert masked[: found.left] == list(tokens.ids[: found.left])
    assert masked[len(masked) - (len(tokens.ids) - found.right) :] == list(
        tokens.ids[found.right :]
    )
    cut = [
        token
        for token, span in enumerate(zip(tokens.starts, tokens.ends, strict=True))
        if span[0] < start < span[1] or span[0] < end < span[1]
    ]
    assert found.fused == bool(cut)


@settings(max_examples=500, deadline=None)
@given(
    pieces=st.lists(
        st.tuples(st.booleans(), st.text("가나다", min_size=1, max_size=3)), unique=True
    ),
    text=st.text("가나다 ", min_size=1, max_size=10),
    edges=st.tuples(st.integers(0, 9), st.integers(1, 4)),
)
def test_splice_equals_the_reference_with_any_vocabulary(pieces, text, edges):
    """Vocabularies in which the pieces behind a cut join anew, or have gaps."""
    # Every letter can continue a word, so most words are known; 다 may have no piece to begin one.
    known = dict.fromkeys(["가", "나", "##가", "##나", "##다"])
    known |= dict.fromkeys("##" * continues + letters for continues, letters in pieces)
    wordpiece = hand_wordpiece(list(known))
    reference = Reference(wordpiece, uncased=False)
    start, end = edges[0] % len(text), min(len(text), edges[0] % len(text) + edges[1])
    assume(text[start:end].strip())
    tokens = tokenized(text, wordpiece)
    # A word that the tokenizer does not know as a whole is left out: its parts may be known.
    assume(wordpiece.special_ids["unk"] not in tokens.ids)
    found = splice_mention(tokens, start, end, wordpiece)
    expected = reference.masked(text, start, end)
    if expected is None:
        assert found == "unknown_token"
    else:
        assert isinstance(found, Splice)
        masked = spliced_ids(tokens.ids, found, reference.mask)
        assert (masked, list(found.label_ids)) == expected


@pytest.mark.parametrize("kind", [CASED, UNCASED])
@settings(max_examples=200, deadline=None)
@given(text=texts, edges=st.tuples(st.integers(0, 80), st.integers(1, 12)))
def test_tokens_in_span_are_those_that_overlap_it(kind, text, edges):
    wordpiece, _ = both(kind)
    start, end = edges[0] % len(text), min(len(text), edges[0] % len(text) + edges[1])
    tokens = tokenized(text, wordpiece)
    overlapping = [
        token
        for token, span in enumerate(zip(tokens.starts, tokens.ends, strict=True))
        if span[0] < end and span[1] > start
    ]
    expected = (overlapping[0], overlapping[-1]) if overlapping else None
    assert tokens_in_span(tokens, start, end) == expected


def pieces_of(wordpiece: WordPiece, ids: Sequence[int]) -> str:
    """The pieces, parted by spaces."""
    return " ".join(wordpiece.tokenizer.id_to_token(number) or "" for number in ids)


def mask_by_hand(wordpiece: WordPiece, text: str, surface: str, nth: int = 0) -> str:
    """The pieces of the text with one occurrence of `surface` masked, or the reason."""
    start = -1
    for _ in range(nth + 1):
        start = text.index(surface, start + 1)
    tokens = tokenized(text, wordpiece)
    found = splice_mention(tokens, start, start + len(surface), wordpiece)
    if isinstance(found, str):
        return found
    return pieces_of(wordpiece, spliced_ids(tokens.ids, found, wordpiece.special_ids["mask"]))


PIECES = ["삼성", "##전자", "##전", "##자는", "##자", "##는", "는", "전자", "어제", "국립", "중앙"]
PIECES += ["박물관", "##박물관", "##에서", "##이", "."]


def test_particle_fused_into_the_last_token_becomes_a_continuation_piece():
    wordpiece = hand_wordpiece([piece for piece in PIECES if piece != "##전자"])
    text = "어제 삼성전자는 삼성."
    tokens = tokenized(text, wordpiece)
    assert pieces_of(wordpiece, tokens.ids) == "어제 삼성 ##전 ##자는 삼성 ."
    found = splice_mention(tokens, 3, 7, wordpiece)
    assert isinstance(found, Splice) and found.fused
    assert pieces_of(wordpiece, found.label_ids) == "삼성 ##전 ##자"
    assert mask_by_hand(wordpiece, text, "삼성전자") == "어제 [MASK] [MASK] [MASK] ##는 삼성 ."


def test_particle_that_is_a_token_of_its_own_is_left_as_it_is():
    wordpiece = hand_wordpiece(PIECES)
    tokens = tokenized("삼성전자는", wordpiece)
    found = splice_mention(tokens, 0, 4, wordpiece)
    assert isinstance(found, Splice) and not found.fused
    assert mask_by_hand(wordpiece, "삼성전자는", "삼성전자") == "[MASK] [MASK] ##는"


def test_pieces_behind_a_cut_token_join_anew():
    wordpiece = hand_wordpiece(["삼성", "##전", "##전자", "##자", "##는", "##자는"])
    assert pieces_of(wordpiece, tokenized("삼성전자는", wordpiece).ids) == "삼성 ##전자 ##는"
    assert mask_by_hand(wordpiece, "삼성전자는", "삼성전") == "[MASK] [MASK] ##자는"


def test_mention_of_several_words():
    wordpiece = hand_wordpiece(PIECES)
    masked = mask_by_hand(wordpiece, "어제 국립 중앙 박물관에서 삼성", "국립 중앙 박물관")
    assert masked == "어제 [MASK] [MASK] [MASK] ##에서 삼성"


def test_mention_in_the_middle_of_a_word():
    wordpiece = hand_wordpiece(PIECES)
    masked = mask_by_hand(wordpiece, "국립박물관에서", "박물관")
    assert masked == "국립 [MASK] ##에서"
    # Its label is the continuation piece, not the word 박물관.
    found = splice_mention(tokenized("국립박물관에서", wordpiece), 2, 5, wordpiece)
    assert isinstance(found, Splice)
    assert pieces_of(wordpiece, found.label_ids) == "##박물관"


@pytest.mark.parametrize(
    ("nth", "expected"),
    [(0, "[MASK] 어제 삼성"), (1, "삼성 어제 [MASK]")],
    ids=["at the start", "at the end"],
)
def test_mention_at_the_edge_of_the_text(nth, expected):
    assert mask_by_hand(hand_wordpiece(PIECES), "삼성 어제 삼성", "삼성", nth) == expected


def test_mention_that_is_the_whole_text():
    assert mask_by_hand(hand_wordpiece(PIECES), "삼성전자", "삼성전자") == "[MASK] [MASK]"


@pytest.mark.parametrize(
    ("text", "surface"),
    [
        ("어제 삼성뷁 국립", "삼성뷁"),
        ("삼성뷁", "삼성"),
        ("뷁삼성", "삼성"),
        ("국립 뷁 삼성", "국립 뷁"),
    ],
)
def test_word_with_a_character_without_a_piece_gives_no_sample(text, surface):
    assert mask_by_hand(hand_wordpiece(PIECES), text, surface) == "unknown_token"


def test_unknown_word_beside_the_mention_does_not_matter():
    masked = mask_by_hand(hand_wordpiece(PIECES), "뷁 삼성전자 뷁", "삼성전자")
    assert masked == "[UNK] [MASK] [MASK] [UNK]"


def test_span_without_a_token():
    wordpiece = hand_wordpiece(PIECES)
    assert splice_mention(tokenized("삼성  국립", wordpiece), 2, 4, wordpiece) == "no_token"


def test_lower_case_tokenizer_keeps_the_surface_up_to_case():
    normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    wordpiece = hand_wordpiece(["sk", "##는", "##텔", "어제"], normalizer)
    assert mask_by_hand(wordpiece, "SK는 어제", "SK") == "[MASK] ##는 어제"


def test_a_text_that_writes_out_the_mask_token_has_no_mask():
    tokens = tokenized("어제 [MASK] 삼성", hand_wordpiece(PIECES))
    assert hand_wordpiece(PIECES).special_ids["mask"] not in tokens.ids


def test_word_that_is_too_long_for_the_tokenizer_gives_no_sample():
    wordpiece = hand_wordpiece(PIECES)
    text = "삼성" + "전자" * 60
    assert list(tokenized(text, wordpiece).ids) == [wordpiece.special_ids["unk"]]
    assert mask_by_hand(wordpiece, text, "삼성") == "unknown_token"
