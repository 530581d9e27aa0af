"""Token vectors in files give what they give in memory, and scores are mean best cosines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.retrieval.encoded_texts import encode_texts, unit_tokens
from scripts.retrieval.encoders import load_encoder
from scripts.retrieval.pair_scores import PairScores
from scripts.retrieval.token_vectors import TokenVectors, offsets_of
from tests.retrieval.memory_builders import write_encoder


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_scores_by_hand_wherever_documents_lie(data, tmp_path_factory):
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    lengths = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=12))
    vectors = random.normal(size=(sum(lengths), 4)).astype(np.float32)
    documents = TokenVectors(vectors, offsets_of(lengths))
    order = random.permutation(len(lengths))
    file = tmp_path_factory.mktemp("units") / "units.f32"
    scores = PairScores(unit_tokens(documents, order, file), order)
    query = random.normal(size=(3, 4)).astype(np.float32)
    filled = [place for place, length in enumerate(lengths) if length]
    places = np.array(
        data.draw(st.lists(st.sampled_from(filled), unique=True)) if filled else [], int
    )
    expected = []
    for place in places.tolist():
        best = [
            max(
                float(token @ other / np.linalg.norm(token) / np.linalg.norm(other))
                for other in documents.text(place)
            )
            for token in query
        ]
        expected.append(np.mean(best))
    np.testing.assert_allclose(scores.of(query)(places), expected, atol=1e-5)
    for place in places.tolist():
        own = scores.of_document(place)(np.array([place]))
        np.testing.assert_allclose(own, 1, atol=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["학교", "", "도로가 길다 …", "?!"], ["바다"] * 700])
def test_batches_in_a_file_equal_one_call(tmp_path, texts):
    encoder = load_encoder(write_encoder(tmp_path / "encoder"), threads=1)
    found = encode_texts(encoder, texts, tmp_path / "tokens.f32", "encode")
    expected = encoder.token_vectors(texts)
    assert found.tokens.offsets.tolist() == expected.offsets.tolist()
    np.testing.assert_allclose(found.tokens.vectors, expected.vectors, atol=1e-6)
    np.testing.assert_allclose(found.pooled, encoder.text_vectors(texts), atol=1e-6)
