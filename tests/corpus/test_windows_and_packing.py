"""Windows hold what they must; packed rows give every document back."""

from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.corpus.packing import Packer
from scripts.corpus.pairs import window_around

CLS, SEP = -1, -2


@st.composite
def spans(draw):
    tokens = draw(st.integers(1, 200))
    first = draw(st.integers(0, tokens - 1))
    behind = draw(st.integers(first + 1, tokens))
    return first, behind, tokens, draw(st.integers(1, 250))


@settings(max_examples=500, deadline=None)
@given(spans())
def test_window_holds_the_span_and_lies_in_the_sequence(given_span):
    first, behind, tokens, room = given_span
    start = window_around(first, behind, tokens=tokens, room=room)
    if behind - first > room:
        assert start is None
        return
    assert start is not None
    end = start + min(room, tokens)
    assert 0 <= start <= first < behind <= end <= tokens
    # The context is as even as the ends of the sequence allow.
    left, right = first - start, end - behind
    if start > 0 and end < tokens:
        assert abs(left - right) <= 1
    elif start > 0:
        assert left >= right - 1
    elif end < tokens:
        assert right >= left


@st.composite
def packings(draw):
    length = draw(st.integers(3, 20))
    sizes = draw(st.lists(st.integers(0, 3 * length), max_size=12))
    return length, sizes


def pack(length, sizes, *, one_per_row):
    """Documents of numbered tokens, and their rows."""
    packer = Packer(length, CLS, SEP, one_per_row=one_per_row)
    documents: dict[str, list[int]] = {}
    rows: list[dict[str, Any]] = []
    token = 0
    for number, size in enumerate(sizes):
        documents[f"d{number}"] = list(range(token, token + size))
        token += size
        # A packer that never ends would fill the memory: no document needs that many rows.
        rows += islice(packer.add(f"d{number}", documents[f"d{number}"]), 10_000)
    return documents, [*rows, *packer.finish()]


def segments(row):
    """The row's pieces without special tokens, each with its document."""
    start = 0
    for doc_id, size in zip(row["doc_ids"], row["segment_lengths"], strict=True):
        piece = row["input_ids"][start : start + size]
        assert (piece[0], piece[-1]) == (CLS, SEP)
        yield doc_id, piece[1:-1]
        start += size
    assert start == len(row["input_ids"])


def check_common(length, documents, rows):
    found: dict[str, list[int]] = {doc_id: [] for doc_id in documents}
    order: list[str] = []
    for row in rows:
        assert 0 < len(row["input_ids"]) <= length
        for doc_id, piece in segments(row):
            assert piece
            found[doc_id] += piece
            order += [doc_id] if order[-1:] != [doc_id] else []
    assert found == documents
    assert order == [doc_id for doc_id, tokens in documents.items() if tokens]


@settings(max_examples=300, deadline=None)
@given(packings())
def test_packed_rows_give_the_documents_back_and_are_full(packing):
    documents, rows = pack(*packing, one_per_row=False)
    check_common(packing[0], documents, rows)
    # Not even [CLS], one token and [SEP] would fit into any row but the last.
    assert all(len(row["input_ids"]) > packing[0] - 3 for row in rows[:-1])
    # A document is cut only where a row ends.
    for row in rows:
        assert len(set(row["doc_ids"])) == len(row["doc_ids"])


@settings(max_examples=300, deadline=None)
@given(packings())
def test_one_document_per_row(packing):
    length, sizes = packing
    documents, rows = pack(length, sizes, one_per_row=True)
    check_common(length, documents, rows)
    assert all(len(row["doc_ids"]) == 1 for row in rows)
    assert len(rows) == sum(-(-size // (length - 2)) for size in sizes)


def test_packing_by_hand():
    packer = Packer(7, CLS, SEP, one_per_row=False)
    rows = [row for name, ids in (("a", [1, 2]), ("b", [3, 4, 5])) for row in packer.add(name, ids)]
    rows += packer.finish()
    assert rows == [
        {
            "input_ids": [CLS, 1, 2, SEP, CLS, 3, SEP],
            "segment_lengths": [4, 3],
            "doc_ids": ["a", "b"],
        },
        {"input_ids": [CLS, 4, 5, SEP], "segment_lengths": [4], "doc_ids": ["b"]},
    ]
