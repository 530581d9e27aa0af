"""Intervals: against closed forms, coverage on planted effects, and what makes no difference."""

import numpy as np
import pytest

from scripts.retrieval.paired_draws import PairedDraws, Sample, draw_shares, seed_shrinkage


def sample(*parts, seeds=None):
    arrays = {test: np.asarray(part, float)[:, :, None] for test, part in enumerate(parts)}
    return Sample(seeds or tuple(str(number) for number in range(len(arrays[0]))), arrays)


def planted(generator, *, seed_effect, query_effect, noise, seeds=5, queries=(80, 50)):
    """A difference of 0.1 + seed effect + query effect + noise of each query under each seed."""
    of_seed = generator.normal(0, seed_effect, seeds) if seed_effect else np.zeros(seeds)
    parts = []
    for number in queries:
        of_query = generator.normal(0, query_effect, number)
        crossed = generator.normal(0, noise, (seeds, number))
        parts.append((0.1 + of_seed[:, None] + of_query + crossed) / len(queries))
    return sample(*parts)


@pytest.mark.parametrize(
    ("seed_effect", "query_effect", "noise"),
    [(0.0, 0.3, 0.1), (0.0, 0.1, 0.5), (0.04, 0.2, 0.2), (0.1, 0.1, 0.1)],
)
def test_intervals_cover_the_planted_difference(seed_effect, query_effect, noise):
    generator = np.random.default_rng(8)
    trials = 250
    covered, errors, values = 0, [], []
    for trial in range(trials):
        one = planted(generator, seed_effect=seed_effect, query_effect=query_effect, noise=noise)
        found = PairedDraws(300, seed=trial).intervals(one)
        covered += found.low[0] <= 0.1 <= found.high[0]
        errors.append(found.errors[0])
        values.append(found.values[0])
    assert 0.92 <= covered / trials <= 0.985
    # Naive draws of both would be up to 1.7 times as wide as they ought to be.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.15)


def test_the_error_over_queries_is_the_closed_form_of_a_stratified_mean():
    generator = np.random.default_rng(2)
    parts = [generator.random((1, 40)), generator.random((1, 9)) * 3]
    found = PairedDraws(20_000, seed=1).intervals(sample(*parts))
    expected = np.sqrt(sum(part.var(ddof=1) / part.shape[1] for part in parts))
    assert found.errors[0] == pytest.approx(expected, rel=0.03)
    assert found.values[0] == pytest.approx(sum(part.mean() for part in parts))


def test_seeds_alone_give_the_closed_form_too():
    """Every query the same, so that only seeds differ: variance s² / seeds, also for two."""
    for levels in ([0.2, 0.5], [0.1, 0.4, 0.2, 0.6, 0.3]):
        part = np.tile(np.array(levels)[:, None], (1, 30))
        one = sample(part)
        assert seed_shrinkage(one)[0] == pytest.approx(1)
        found = PairedDraws(20_000, seed=1).intervals(one)
        assert found.errors[0] == pytest.approx(
            np.std(levels, ddof=1) / len(levels) ** 0.5, rel=0.03
        )


def test_the_smallest_detectable_difference_is_its_formula_and_is_detected_in_four_of_five():
    generator = np.random.default_rng(4)
    one = sample(generator.random((1, 400)))
    found = PairedDraws(4000, seed=3).intervals(one)
    assert found.detectable[0] == pytest.approx(2.8 * found.errors[0])
    error = 0.5 / np.sqrt(200)
    detected = 0
    for trial in range(300):
        shifted = sample(generator.normal(2.8 * error, 0.5, (1, 200)))
        detected += PairedDraws(200, seed=trial).intervals(shifted).low[0] > 0
    assert 0.72 <= detected / 300 <= 0.88


def test_equal_samples_differ_by_nothing():
    one = sample(np.random.default_rng(1).random((3, 20)), np.random.default_rng(2).random((3, 7)))
    found = PairedDraws(200, seed=1).difference(one, one)
    assert [found.values[0], found.low[0], found.high[0], found.errors[0]] == [0, 0, 0, 0]


def test_pairing_takes_out_what_queries_and_seeds_share():
    generator = np.random.default_rng(6)
    shared = generator.random((5, 60)) + generator.random((5, 1))
    one, other = sample(shared + 0.02), sample(shared + generator.normal(0, 0.01, (5, 60)))
    draws = PairedDraws(1000, seed=1)
    assert draws.difference(one, other).low[0] > 0
    assert draws.intervals(one).errors[0] > 20 * draws.difference(one, other).errors[0]
    forth, back = draws.difference(one, other), draws.difference(other, one)
    assert forth.low[0] == pytest.approx(-back.high[0], rel=0.05)


def test_a_single_stream_against_several_seeds_holds_the_seeds_spread():
    generator = np.random.default_rng(7)
    levels = np.array([0.1, -0.1, 0.05, -0.05, 0.0])
    several = sample(0.5 + levels[:, None] + generator.normal(0, 0.01, (5, 50)))
    single = sample(np.full((1, 50), 0.5), seeds=("0",))
    found = PairedDraws(4000, seed=1).difference(several, single)
    assert found.values[0] == pytest.approx(0, abs=0.01)
    assert found.errors[0] == pytest.approx(levels.std(ddof=1) / 5**0.5, rel=0.1)
    # Other seeds of the same number are no pairs: the spread of both counts.
    others = Sample(("5", "6", "7", "8", "9"), several.parts)
    apart = PairedDraws(4000, seed=1).difference(several, others)
    assert apart.errors[0] == pytest.approx(2**0.5 * found.errors[0], rel=0.1)


def test_one_query_gives_no_interval_and_one_in_a_session_adds_no_spread():
    found = PairedDraws(100, seed=1).intervals(sample([[1.0]]))
    assert found.values[0] == 1.0 and np.isnan([found.low[0], found.high[0], found.errors[0]]).all()
    mixed = PairedDraws(100, seed=1).intervals(sample([[1.0]], [[0.0, 1.0, 1.0]]))
    assert mixed.low[0] < mixed.values[0] < mixed.high[0]


def test_draws_hang_on_the_seed_alone():
    one = sample(np.random.default_rng(1).random((3, 20)))
    ends = [PairedDraws(100, seed=seed).intervals(one).low[0] for seed in (1, 1, 2)]
    assert ends[0] == ends[1] != ends[2]
    fresh, used = PairedDraws(100, seed=1), PairedDraws(100, seed=1)
    used.intervals(sample(np.random.default_rng(9).random((4, 30))))
    assert fresh.intervals(one).high[0] == used.intervals(one).high[0]


def test_shares_add_up_and_every_unit_is_drawn_as_often():
    shares = draw_shares(np.random.default_rng(1), 5, 20_000)
    assert np.allclose(shares.sum(axis=1), 1)
    assert shares.mean(axis=0) == pytest.approx(np.full(5, 0.2), abs=0.01)
