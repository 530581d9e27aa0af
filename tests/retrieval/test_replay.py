"""Random replay is a uniform sample of all that came; queries are thinned as documents are."""

import numpy as np

from scripts.retrieval.replay import reservoir, thin_queries


def test_the_memory_after_many_sessions_is_that_of_all_documents_at_once():
    everything = [f"d{number}" for number in range(400)]
    held: list[str] = []
    for start in range(0, 400, 50):
        asking = held + everything[start : start + 50]
        kept = reservoir(asking, 40, seed=3)
        assert kept.sum() == 40
        held = [name for name, stays in zip(asking, kept, strict=True) if stays]
    at_once = reservoir(everything, 40, seed=3)
    assert set(held) == {name for name, stays in zip(everything, at_once, strict=True) if stays}
    assert held != [
        name
        for name, stays in zip(everything, reservoir(everything, 40, seed=4), strict=True)
        if stays
    ]


def test_each_document_has_the_same_chance():
    names = [f"d{number}" for number in range(100)]
    times = np.sum([reservoir(names, 20, seed=seed) for seed in range(500)], axis=0)
    # Binomial with n = 500 and p = 0.2: mean 100, deviation 8.9.
    assert times.sum() == 500 * 20
    assert abs(times - 100).max() < 4.5 * 8.95


def test_queries_stay_in_proportion_by_group():
    groups = np.repeat([0, 1, 2, -1], [10, 10, 4, 3])
    names = [f"q{number}" for number in range(len(groups))]
    answered = np.zeros(len(groups), bool)
    kept = thin_queries(names, groups, np.array([0.3, 0.0, 1.0]), answered, seed=0)
    assert [int(kept[groups == group].sum()) for group in (0, 1, 2, -1)] == [3, 0, 4, 0]


def test_queries_that_know_an_answer_in_memory_stay_first():
    groups = np.zeros(10, int)
    answered = np.arange(10) % 3 == 0
    kept = thin_queries([f"q{n}" for n in range(10)], groups, np.array([0.4]), answered, seed=0)
    assert np.array_equal(kept, answered)
    kept = thin_queries([f"q{n}" for n in range(10)], groups, np.array([0.6]), answered, seed=0)
    assert kept.sum() == 6 and kept[answered].all()
