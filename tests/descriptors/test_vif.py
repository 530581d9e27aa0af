"""VIF elimination: against fresh inverses, regressions on the data, and cases done by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.descriptors.vif import (
    Elimination,
    defined_correlation,
    eliminate,
    most_similar,
    project,
    spectrum_of,
)


def collinear(rows: int, columns: int, seed: int, noise: float = 0.3) -> np.ndarray:
    """Data in which many columns are noisy sums of a few others."""
    generator = np.random.default_rng(seed)
    hidden = generator.normal(size=(rows, max(1, columns // 3)))
    mixed = hidden @ generator.normal(size=(hidden.shape[1], columns))
    return mixed + noise * generator.normal(size=(rows, columns))


def correlated(data: np.ndarray) -> np.ndarray:
    return np.atleast_2d(np.corrcoef(data, rowvar=False))


def eliminated(
    correlation: np.ndarray, *, threshold: float = 10.0, floor: float = 1e-8, **options: object
) -> Elimination:
    defined = defined_correlation(correlation)
    projection = project(defined, spectrum_of(defined), floor)
    return eliminate(projection, correlation, threshold=threshold, **options)  # type: ignore[arg-type]


def by_inverses(matrix: np.ndarray, threshold: float) -> list[tuple[int, float]]:
    """The loop as one would write it down: all VIFs anew for every removal."""
    left, path = list(range(matrix.shape[0])), []
    while len(left) > 1:
        vif = np.diagonal(np.linalg.inv(matrix[np.ix_(left, left)]))
        worst = int(np.argmax(vif))
        if vif[worst] < threshold:
            break
        path.append((left.pop(worst), float(vif[worst])))
    return path


def by_regressions(data: np.ndarray, threshold: float) -> list[tuple[int, float]]:
    """The definition: each column regressed on all others, with an intercept."""
    left, path = list(range(data.shape[1])), []
    while len(left) > 1:
        vif = []
        for column in left:
            others = [other for other in left if other != column]
            design = np.column_stack([np.ones(len(data)), data[:, others]])
            fit, *_ = np.linalg.lstsq(design, data[:, column], rcond=None)
            residual = data[:, column] - design @ fit
            vif.append(data[:, column].var() / residual.var())
        worst = int(np.argmax(vif))
        if vif[worst] < threshold:
            break
        path.append((left.pop(worst), float(vif[worst])))
    return path


@pytest.mark.parametrize(("columns", "seed"), [(5, 1), (20, 2), (30, 3)])
def test_same_path_as_fresh_inverses_and_as_regressions_on_the_data(columns: int, seed: int):
    data = collinear(150, columns, seed, noise=0.1)
    correlation = correlated(data)
    result = eliminated(correlation)
    path = [(step.removed, step.vif) for step in result.steps]
    assert path, "nothing to eliminate: the data are too tame for this test"
    for reference in (by_inverses(correlation, 10.0), by_regressions(data, 10.0)):
        assert [removed for removed, _ in path] == [removed for removed, _ in reference]
        np.testing.assert_allclose(
            [vif for _, vif in path], [vif for _, vif in reference], rtol=1e-6, atol=1e-6
        )
    left = result.remaining
    np.testing.assert_allclose(
        result.vif, np.diagonal(np.linalg.inv(correlation[np.ix_(left, left)])), atol=1e-6
    )
    assert result.vif.max() < 10
    assert [step.remaining for step in result.steps] == list(
        range(columns - 1, columns - 1 - len(path), -1)
    )


@settings(max_examples=40, deadline=None)
@given(
    columns=st.integers(1, 24),
    rows=st.integers(5, 60),
    seed=st.integers(0, 10**6),
    floor=st.sampled_from([1e-6, 1e-4, 1e-2]),
)
def test_projected_matrices_too_follow_the_direct_loop(
    columns: int, rows: int, seed: int, floor: float
):
    """p > n included: the projected matrix is what both eliminate on."""
    defined = defined_correlation(correlated(collinear(rows, columns, seed)))
    projection = project(defined, spectrum_of(defined), floor)
    assert np.allclose(np.diagonal(projection.matrix), 1.0)
    # Rescaling to a unit diagonal may lower the smallest eigenvalue, by the largest scale at most.
    assert np.linalg.eigvalsh(projection.matrix)[0] > 0
    result = eliminate(projection, defined, threshold=10.0, refresh_steps=5)
    reference = by_inverses(projection.matrix, 10.0)
    assert len(result.steps) == len(reference)
    for step, (_, vif) in zip(result.steps, reference, strict=True):
        assert step.vif == pytest.approx(vif, rel=1e-5)


@pytest.mark.parametrize("every", [1, 2, 7, 1000])
def test_the_refresh_schedule_changes_nothing_but_rounding(every: int):
    correlation = correlated(collinear(300, 50, 9))
    usual, other = eliminated(correlation), eliminated(correlation, refresh_steps=every)
    assert [step.removed for step in usual.steps] == [step.removed for step in other.steps]
    np.testing.assert_allclose(
        [s.vif for s in usual.steps], [s.vif for s in other.steps], rtol=1e-9
    )
    assert other.refreshes >= len(other.steps) // every


def test_an_inverse_that_has_drifted_is_computed_afresh():
    """A wrong inverse at the start is noticed and mended after the first removal."""
    defined = defined_correlation(correlated(collinear(300, 12, 5)))
    sound = project(defined, spectrum_of(defined), 1e-8)
    spoilt = sound.inverse + 1e-3 * np.abs(sound.inverse).max() * np.eye(12)
    wrong = type(sound)(sound.matrix, spoilt, sound.smallest, sound.clipped)
    good = eliminate(sound, defined, threshold=10.0)
    mended = eliminate(wrong, defined, threshold=10.0)
    assert [step.removed for step in mended.steps] == [step.removed for step in good.steps]
    assert [s.vif for s in mended.steps[1:]] == pytest.approx([s.vif for s in good.steps[1:]])
    assert mended.refreshes > good.refreshes


def test_two_columns_by_hand():
    """VIF of two columns is 1 / (1 − ρ²); of equal ones the first by name goes."""
    result = eliminated(np.array([[1.0, 0.99], [0.99, 1.0]]))
    (step,) = result.steps
    assert (step.removed, step.heir, step.remaining) == (0, 1, 1)
    assert step.vif == pytest.approx(1 / (1 - 0.99**2))
    assert step.similarity == 0.99
    assert eliminated(np.array([[1.0, 0.9], [0.9, 1.0]])).steps == []


def test_a_vif_at_the_threshold_is_removed():
    rho = np.sqrt(0.75)  # VIF 4
    exact = np.array([[1.0, rho], [rho, 1.0]])
    threshold = float(np.diagonal(project(exact, spectrum_of(exact), 1e-8).inverse)[0])
    assert len(eliminated(exact, threshold=threshold).steps) == 1
    assert eliminated(exact, threshold=np.nextafter(threshold, 9)).steps == []


def test_copies_collapse_to_one_with_each_heir_alive_at_similarity_one():
    generator = np.random.default_rng(4)
    one, two = generator.normal(size=(2, 200))
    correlation = correlated(np.column_stack([one, one, one, two, two]))
    result = eliminated(correlation, floor=1e-6)
    assert [step.removed for step in result.steps] == [0, 1, 3]
    assert [step.heir for step in result.steps] == [1, 2, 4]
    assert [step.similarity for step in result.steps] == pytest.approx([1, 1, 1])
    assert result.remaining.tolist() == [2, 4]


def test_more_columns_than_rows_end_below_the_threshold():
    correlation = correlated(np.random.default_rng(8).normal(size=(10, 40)))
    result = eliminated(correlation, floor=1e-4)
    assert 1 <= result.remaining.size < 10
    assert result.vif.max() < 10


def test_an_indefinite_matrix_is_projected_to_a_correlation_matrix():
    """Pairwise-complete correlations of three columns that no data could have together."""
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    spectrum = spectrum_of(impossible)
    projection = project(impossible, spectrum, 0.01)
    assert projection.smallest == pytest.approx(-0.8)
    assert projection.clipped == 1
    # By hand: eigenvalues −0.8, 1.9, 1.9 become 0.01, 1.9, 1.9; the trace 3.81 is rescaled to 3.
    expected = np.array([0.01, 1.9, 1.9]) * 3 / 3.81
    assert np.linalg.eigvalsh(projection.matrix) == pytest.approx(expected)
    assert np.diagonal(projection.matrix) == pytest.approx(np.ones(3))
    np.testing.assert_allclose(projection.inverse @ projection.matrix, np.eye(3), atol=1e-9)


def test_a_definite_matrix_stays_as_it_is():
    matrix = np.array([[1.0, 0.5], [0.5, 1.0]])
    projection = project(matrix, spectrum_of(matrix), 1e-4)
    assert projection.clipped == 0
    assert projection.matrix is matrix


def test_heirs_come_from_the_unprojected_matrix():
    """Columns 0 and 1 are copies; 2 is close to both before the projection."""
    measured = np.array([[1.0, 1.0, 0.98], [1.0, 1.0, 0.90], [0.98, 0.90, 1.0]])
    result = eliminated(measured, floor=0.02, threshold=3.0)
    for step in result.steps:
        assert step.similarity == measured[step.removed, step.heir]


def test_undefined_and_constant_columns_are_related_to_nothing():
    measured = np.array([[np.nan, np.nan, np.nan], [np.nan, 1.0, 0.999], [np.nan, 0.999, 1.0]])
    result = eliminated(measured)
    assert [step.removed for step in result.steps] == [1]
    assert result.remaining.tolist() == [0, 2]
    assert result.vif[0] == pytest.approx(1.0)


def test_a_column_that_correlates_with_nothing_left_gets_the_first_as_heir():
    strengths = np.array([0.0, 0.0, 0.0, 0.0])
    assert most_similar(strengths, np.array([False, True, True, True])) == (1, 0.0)


def test_equal_similarities_go_to_the_first_name():
    strengths = np.array([0.2, 0.8, 0.8 + 1e-12, 0.5])
    assert most_similar(strengths, np.ones(4, dtype=bool))[0] == 1


def test_kept_columns_stay_whatever_their_vif():
    generator = np.random.default_rng(1)
    one = generator.normal(size=200)
    data = np.column_stack(
        [one, one + 1e-3 * generator.normal(size=200), generator.normal(size=200)]
    )
    correlation = correlated(data)
    assert eliminated(correlation, keep=[0, 1]).steps == []
    (step,) = eliminated(correlation, keep=[0]).steps
    assert (step.removed, step.heir) == (1, 0)
    assert eliminated(correlation, keep=[0, 1, 2]).steps == []


@pytest.mark.parametrize("columns", [0, 1])
def test_nothing_and_one_column(columns: int):
    result = eliminated(np.ones((columns, columns)))
    assert result.steps == []
    assert result.remaining.tolist() == list(range(columns))


def test_settings_that_cannot_work_are_refused():
    matrix = np.eye(2)
    with pytest.raises(ConfigError, match="eigenvalue_floor 0"):
        project(matrix, spectrum_of(matrix), 0.0)
    with pytest.raises(ConfigError, match="vif_threshold 1"):
        eliminated(matrix, threshold=1.0)


def test_column_order_moves_the_path_only_among_ties():
    correlation = correlated(collinear(300, 20, 12))
    order = np.random.default_rng(0).permutation(20)
    there = [s.removed for s in eliminated(correlation).steps]
    back = [int(order[s.removed]) for s in eliminated(correlation[np.ix_(order, order)]).steps]
    assert there == back
