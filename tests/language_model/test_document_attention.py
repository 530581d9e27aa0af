"""Packed rows give what their documents give alone, as the library computes them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import InputError
from scripts.language_model.collate import MaskedRow, collate
from scripts.language_model.document_attention import (
    DocumentMaskedLM,
    positions_in_documents,
    same_document,
)
from scripts.language_model.masking import IGNORED
from tests.language_model.tiny_models import KINDS, plain_logits, random_ids, tiny_model

segment_rows = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=3)


def packed(documents: list[torch.Tensor], pad: int):
    """A batch of one row with these documents."""
    ids = torch.cat(documents).numpy()
    labels = np.full_like(ids, IGNORED)
    return collate([MaskedRow(ids, labels, np.array([len(part) for part in documents]))], pad)


def documents_of(*sizes: int) -> list[torch.Tensor]:
    return [random_ids(1, size, seed=size)[0] for size in sizes]


def read(model, batch) -> torch.Tensor:
    with torch.inference_mode():
        return DocumentMaskedLM(model).logits(batch.input_ids, batch.segments)


@settings(max_examples=50, deadline=None)
@given(rows=segment_rows)
def test_positions_and_masks_equal_a_slow_count(rows):
    width = max(sum(row) for row in rows)
    segments = torch.zeros(len(rows), width, dtype=torch.long)
    positions = torch.zeros_like(segments)
    for number, row in enumerate(rows):
        place = 0
        for document, size in enumerate(row, start=1):
            for position in range(size):
                segments[number, place], positions[number, place] = document, position
                place += 1
        positions[number, place:] = torch.arange(width - place)
    assert torch.equal(positions_in_documents(segments), positions)
    seen = same_document(segments)
    for number in range(len(rows)):
        for a in range(width):
            for b in range(width):
                assert bool(seen[number, a, b]) == (segments[number, a] == segments[number, b])


@pytest.mark.parametrize("kind", KINDS)
def test_packed_row_equals_its_documents_alone(kind):
    model = tiny_model(kind)
    documents = documents_of(9, 12, 7)
    found = read(model, packed(documents, model.config.pad_token_id))
    alone = torch.cat([plain_logits(model, part[None])[0] for part in documents])
    torch.testing.assert_close(found[0], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_text_of_a_neighbour_changes_nothing(kind):
    model = tiny_model(kind)
    first, second, third = documents_of(9, 12, 7)
    before = read(model, packed([first, second, third], 0))[0, 9:21]
    after = read(model, packed([first.flip(0), second, 37 - third], 0))[0, 9:21]
    assert torch.equal(before, after)
    # While within the document every token matters, the first for the last too.
    changed = second.clone()
    changed[0] = 37 - changed[0]
    other = read(model, packed([first, changed, third], 0))[0, 9:21]
    assert not torch.allclose(other[-1], before[-1], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind):
    model = tiny_model(kind)
    documents = documents_of(9, 8)
    rows = [
        MaskedRow(ids.numpy(), np.full(len(ids), IGNORED), np.array([len(ids)]))
        for ids in [torch.cat(documents), *documents_of(30)]
    ]
    rows[0] = MaskedRow(rows[0].input_ids, rows[0].labels, np.array([9, 8]))
    batch = collate(rows, model.config.pad_token_id)
    assert batch.input_ids.shape == (2, 30)
    found = read(model, batch)
    alone = read(model, packed(documents, model.config.pad_token_id))
    torch.testing.assert_close(found[0, :17], alone[0], atol=1e-5, rtol=1e-5)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("legacy", [True, False])
def test_loss_is_the_library_s(kind, legacy):
    if not legacy and not kind.startswith("deberta"):
        pytest.skip("only DeBERTa-v2 has two forms of head")
    model = tiny_model(kind, **({"legacy": legacy} if kind.startswith("deberta") else {}))
    ids = random_ids(3, 20)
    labels = torch.full_like(ids, IGNORED)
    labels[:, 3:6] = ids[:, 4:7]
    expected = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    found = DocumentMaskedLM(model)(ids, torch.ones_like(ids), labels) / 9
    torch.testing.assert_close(found, expected)
    mine, its = (
        torch.autograd.grad(loss, model.base_model.embeddings.word_embeddings.weight)[0]
        for loss in (found, expected)
    )
    torch.testing.assert_close(mine, its, atol=1e-6, rtol=1e-4)


def test_bf16_stays_near_and_finite():
    for kind in KINDS:
        model = tiny_model(kind)
        batch = packed(documents_of(9, 12), model.config.pad_token_id)
        exact = read(model, batch)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = read(model, batch).float()
        assert torch.isfinite(rounded).all()
        assert float((rounded - exact).abs().mean()) < 0.05 * float(exact.abs().mean())


def test_convolution_refuses_packed_rows_and_reads_single_documents():
    model = tiny_model("deberta-v2", conv_kernel_size=3)
    with pytest.raises(InputError, match=r"conv_kernel_size.*one_per_row"):
        read(model, packed(documents_of(9, 8), 0))
    ids = documents_of(9)[0]
    rows = [
        MaskedRow(i.numpy(), np.full(len(i), IGNORED), np.array([len(i)]))
        for i in (ids, *documents_of(20))
    ]
    found = read(model, collate(rows, 0))
    torch.testing.assert_close(
        found[0, :9], plain_logits(model, ids[None])[0], atol=1e-5, rtol=1e-5
    )


def test_positions_begin_anew_so_a_packed_row_may_be_longer_than_absolute_positions_reach():
    model = tiny_model("bert", positions=16)
    documents = documents_of(16, 12)
    found = read(model, packed(documents, 0))
    torch.testing.assert_close(
        found[0, 16:], plain_logits(model, documents[1][None])[0], atol=1e-5, rtol=1e-5
    )
