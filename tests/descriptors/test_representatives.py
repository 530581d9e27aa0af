"""Who stands for a cluster: the whole rule, one step at a time."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError
from scripts.descriptors.representatives import (
    ColumnFacts,
    Preference,
    choose_representative,
    preference_among,
    shares_of_kept,
)
from tests.descriptors.cluster_builders import equal_facts, names_of, similarities, symmetric

NAN = float("nan")
NAMES = ["a", "b", "c"]
# b is the most similar to the others.
CENTRAL_B = symmetric({(0, 1): 0.99, (1, 2): 0.98, (0, 2): 0.96}, 3)


def chosen(
    facts: Mapping[str, tuple[float, float]] | None = None,
    *,
    similarity: np.ndarray = CENTRAL_B,
    force_keep: tuple[str, ...] = (),
    prefer: tuple[str, ...] = (),
) -> str:
    statistics = equal_facts(NAMES) | {
        name: ColumnFacts(*fact) for name, fact in (facts or {}).items()
    }
    preference = preference_among(NAMES, force_keep=force_keep, prefer=prefer)
    return choose_representative(NAMES, similarity, statistics, preference)


def test_each_step_of_the_rule_yields_to_the_one_before():
    level = np.full((3, 3), 0.97)
    # All equal: the name.
    assert chosen(similarity=level) == "a"
    # Then the scaled variance.
    assert chosen({"c": (0.0, 0.2)}, similarity=level) == "c"
    # Then the mean similarity, against variance.
    assert chosen({"c": (0.0, 0.2)}) == "b"
    # Then missing values, against all of these.
    assert chosen({"b": (0.01, 0.1), "a": (0.005, 0.1), "c": (0.0, 0.01)}) == "c"
    # Then preference, against missing values.
    assert chosen({"a": (0.4, 0.1)}, prefer=("a",)) == "a"
    assert chosen(prefer=("c", "a")) == "c"
    # Then what must be kept.
    assert chosen(prefer=("a",), force_keep=("c",)) == "c"


def test_mean_similarity_counts_to_six_decimals_and_undefined_as_none():
    close = symmetric({(0, 1): 0.97, (1, 2): 0.9700002, (0, 2): 0.97}, 3)
    assert chosen({"a": (0.0, 0.2)}, similarity=close) == "a"
    apart = symmetric({(0, 1): 0.97, (1, 2): 0.970004, (0, 2): 0.97}, 3)
    assert chosen({"a": (0.0, 0.2)}, similarity=apart) == "b"
    undefined = symmetric({(0, 1): NAN, (1, 2): 0.99, (0, 2): 0.96}, 3)
    assert chosen(similarity=undefined) == "c"


def test_units_do_not_decide():
    """x in centimetres and in inches: the scaled variances differ in their last digits."""
    level = np.full((3, 3), 1.0)
    assert chosen({"b": (0.0, 0.1 * (1 + 1e-12)), "c": (0.0, 0.1)}, similarity=level) == "a"
    # Without a variance at all one comes last.
    assert chosen({"a": (0.0, NAN)}, similarity=level) == "b"


def test_patterns_of_preference():
    names = ["mordred.ABC", "rdkit.TPSA", "rdkit.fr_[x]"]
    preference = preference_among(names, force_keep=["*.TPSA"], prefer=["rdkit.fr_[x]", "rdkit.*"])
    assert preference.kept == {"rdkit.TPSA"}
    assert [preference.rank(name) for name in names] == [2, 1, 0]
    assert preference_among(names, force_keep=[], prefer=["gone"]).rank("rdkit.TPSA") == 1
    with pytest.raises(ConfigError, match=r"force_keep: rdkit.QED matches no column"):
        preference_among(names, force_keep=["rdkit.QED"], prefer=[])


facts = st.builds(
    ColumnFacts, st.sampled_from([0.0, 0.1]), st.sampled_from([0.1, 0.1 + 1e-12, 0.2, NAN])
)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), similarity=similarities(most=7))
def test_the_order_of_members_does_not_matter(data, similarity):
    names = names_of(similarity.shape[0])
    statistics = {name: data.draw(facts) for name in names}
    kept = data.draw(st.frozensets(st.sampled_from(names), max_size=2))
    ranks = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 2)))
    preference = Preference(kept, ranks, 3)
    order = data.draw(st.permutations(range(len(names))))
    first = choose_representative(names, similarity, statistics, preference)
    again = choose_representative(
        [names[place] for place in order],
        similarity[np.ix_(order, order)],
        statistics,
        preference,
    )
    assert again == first
    assert first in kept or not kept


def test_kept_ones_share_a_cluster_by_similarity():
    names = names_of(6)
    similarity = symmetric(
        {(0, 5): 0.96, (1, 5): 0.99, (0, 3): 0.99, (1, 3): 0.96, (0, 1): 1.0, (0, 4): 0.97}, 6
    )
    similarity[0, 2] = similarity[2, 0] = similarity[1, 2] = similarity[2, 1] = 0.98
    similarity[1, 4] = similarity[4, 1] = NAN
    whole = np.arange(6)
    shares = shares_of_kept(whole, names, similarity, frozenset({"d000", "d001"}))
    # d002 is as near to both: the first by name has it. The kept ones stay apart at 1.0.
    assert [share.tolist() for share in shares] == [[0, 2, 3, 4], [1, 5]]
    (one,) = shares_of_kept(whole, names, similarity, frozenset({"d004"}))
    assert one.tolist() == whole.tolist()
