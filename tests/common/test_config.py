"""A bad configuration gives one line that names the key, the value, what is allowed, and what
was probably meant; a good one comes back with its defaults."""

import copy
import string
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.common.check_config import ROOT
from scripts.common.config import checked_config, leaf_paths, load_schema
from scripts.common.errors import ConfigError
from scripts.common.names import edit_distance, nearest_name

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
PATHS = [path for path, _ in leaf_paths(SCHEMA)]


def nested(path: str, value: object) -> dict:
    """Return {"a": {"b": value}} for the path "a.b"."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value  # type: ignore[return-value]


def complaints(config: dict) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        checked_config(config, SCHEMA)
    return str(caught.value).splitlines()


def complaint(config: dict) -> str:
    (line,) = complaints(config)
    return line


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("path", "value", "meant"),
    [
        ("sed", 1, "seed"),
        ("corpus.lenghts", [512], "corpus.lengths"),
        ("corpus.tokeniser", {"model": None}, None),
        ("corpus.entity_coref.max_entity_frequency", 5, "corpus.entity_coref.max_entity_freq"),
        ("corpus.mlm.packaging", "packed", "corpus.mlm.packing"),
        ("corpus.near_duplicates.min_jacard", 0.5, "corpus.near_duplicates.min_jaccard"),
    ],
)
def test_unknown_key_names_key_value_allowed_and_nearest(path, value, meant):
    line = complaint(nested(path, value))
    assert line.startswith(f"config key {path} = ")
    assert "is unknown" in line
    siblings = path.rpartition(".")[0]
    part = SCHEMA
    for name in filter(None, siblings.split(".")):
        part = part["properties"][name]
    assert line.endswith(f"allowed here: {', '.join(sorted(part['properties']))}")
    assert f"did you mean {meant or 'corpus.tokenizer'}?" in line


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("max_entity_freq", "corpus.entity_coref.max_entity_freq"),
        ("corpus.bands", "corpus.near_duplicates.bands"),
        ("lengths", "corpus.lengths"),
    ],
)
def test_key_in_the_wrong_section_is_told_its_place(path, meant):
    assert f"did you mean {meant}?" in complaint(nested(path, 1))


def test_key_unlike_any_other_gets_no_guess():
    line = complaint({"corpus": {"zzzz": 1}})
    assert "did you mean" not in line
    assert line.startswith("config key corpus.zzzz = 1 is unknown; allowed here: ")


def test_every_complaint_has_a_line_of_its_own():
    lines = complaints({"sed": 1, "corpus": {"workers": 0, "split": {"tset": 0.1}}})
    assert len(lines) == 3
    assert [line.split(" = ")[0] for line in lines] == [
        "config key sed",
        "config key corpus.split.tset",
        "config key corpus.workers",
    ]


@cache
def edits(one: str, other: str) -> int:
    """Return the Levenshtein distance, by its definition."""
    if not one or not other:
        return len(one) + len(other)
    if one[0] == other[0]:
        return edits(one[1:], other[1:])
    return 1 + min(edits(one[1:], other), edits(one, other[1:]), edits(one[1:], other[1:]))


@st.composite
def misspelt(draw):
    """Return a path of the schema and the same path with its last name misspelt."""
    path = draw(st.sampled_from(PATHS))
    parent, _, name = path.rpartition(".")
    at = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from(string.ascii_lowercase + "_"))
    wrong = draw(
        st.sampled_from(
            [
                name[:at] + name[at + 1 :],
                name[:at] + letter + name[at + 1 :],
                name[:at] + letter + name[at:],
            ]
        )
    )
    return path, f"{parent}.{wrong}" if parent else wrong


@given(misspelt())
def test_any_misspelt_key_is_reported_with_the_right_one(paths):
    right, wrong = paths
    assume(wrong not in PATHS and not wrong.endswith("."))
    line = complaint(nested(wrong, 1))
    assert line.startswith(f"config key {wrong} = 1 is unknown")
    suggested = line.partition("did you mean ")[2].partition("?")[0]
    # A change may lie between two keys (mix_… between min_… and max_…): then either is right.
    assert suggested == right or edits(suggested, wrong) == 1


@given(st.text("abc_", max_size=8), st.text("abc_", max_size=8))
def test_edit_distance_is_levenshtein(one, other):
    assert edit_distance(one, other) == edits(one, other)


def test_nearest_name_takes_the_fewest_edits():
    names = ["min_characters", "max_characters"]
    assert nearest_name("mnx_characters", names) == "max_characters"
    assert nearest_name("mnn_characters", names) == "min_characters"
    assert nearest_name("bands", names) is None


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("path", "value", "shown", "allowed"),
    [
        ("seed", -1, "-1", "integer ≥ 0"),
        ("seed", "42", '"42"', "integer ≥ 0"),
        ("seed", True, "true", "integer ≥ 0"),
        ("seed", 1.0, "1.0", "integer ≥ 0"),
        ("corpus", None, "null", "object"),
        ("corpus.lengths", 512, "512", "array of (integer ≥ 16, ≤ 65536)"),
        ("corpus.lengths", [], "[]", "number of items ≥ 1"),
        ("corpus.lengths", [512, 512], "[512, 512]", "no item twice"),
        ("corpus.workers", 257, "257", "integer ≥ 1, ≤ 256"),
        ("corpus.sources", "", '""', "string length ≥ 1"),
        ("corpus.tokenizer.model", 5, "5", "string or null length ≥ 1"),
        ("corpus.near_duplicates.min_jaccard", 0, "0", "number > 0, ≤ 1"),
        ("corpus.split.test", 1, "1", "number ≥ 0, < 1"),
        ("corpus.split.test", float("nan"), "NaN", "number ≥ 0, < 1"),
        ("corpus.split.test", "1e-2", '"1e-2"', "number ≥ 0, < 1"),
        ("corpus.entity_coref.max_characters", "big", '"big"', "measured or integer ≥ 1"),
        ("corpus.entity_coref.drop_near_duplicates", "yes", '"yes"', "boolean"),
        ("corpus.mlm.packing", "tight", '"tight"', "packed, one_per_row"),
    ],
)
def test_value_of_wrong_type_or_range(path, value, shown, allowed):
    line = complaint(nested(path, value))
    assert line.startswith(f"config key {path} = {shown} is not allowed; allowed: ")
    assert allowed in line


def test_bad_item_of_a_list_is_named_by_its_place():
    line = complaint({"corpus": {"lengths": [512, 8]}})
    assert line.startswith("config key corpus.lengths.1 = 8 is not allowed")


def test_long_value_is_cut():
    assert len(complaint({"seed": "x" * 10_000})) < 200


@pytest.mark.parametrize(
    ("corpus", "key", "allowed"),
    [
        (
            {"entity_coref": {"min_characters": 900, "max_characters": 850}},
            "corpus.entity_coref.min_characters = 900 is above max_characters = 850",
            "at most 850",
        ),
        (
            {"entity_coref": {"min_nnp_ratio": 0.3}},
            "corpus.entity_coref.min_nnp_ratio = 0.3 is above max_nnp_ratio = 0.2",
            "at most 0.2",
        ),
        (
            {"entity_coref": {"min_entity_freq": 1001}},
            "corpus.entity_coref.min_entity_freq = 1001 is above max_entity_freq = 1000",
            "at most 1000",
        ),
        (
            {"entity_coref": {"min_distance": 3000}},
            "corpus.entity_coref.min_distance = 3000 is above max_distance = 2000",
            "at most 2000",
        ),
        (
            {"mlm": {"min_characters": 50, "max_characters": 49}},
            "corpus.mlm.min_characters = 50 is above max_characters = 49",
            "at most 49",
        ),
        (
            {"analysis": {"min_characters": 7000}},
            "corpus.analysis.min_characters = 7000 is above max_characters = 6000",
            "at most 6000",
        ),
        (
            {"split": {"validation": 0.5, "test": 0.5, "holdout": 0}},
            "corpus.split = {'validation': 0.5, 'test': 0.5, 'holdout': 0} leaves nothing",
            "sum below 1",
        ),
        (
            {"entity_coref": {"min_characters": 6001}},
            "corpus.entity_coref.min_characters = 6001 is above corpus.analysis.max_characters",
            "at most that number",
        ),
        (
            {"tokenizer": {"revision": "abc"}},
            "corpus.tokenizer.revision = abc has no model",
            "null, or a revision of corpus.tokenizer.model",
        ),
    ],
)
def test_impossible_combination(corpus, key, allowed):
    line = complaint({"corpus": corpus})
    assert line.startswith(f"config key {key}")
    assert allowed in line.partition("allowed: ")[2]


@pytest.mark.parametrize(
    "corpus",
    [
        {"entity_coref": {"min_characters": 850, "max_characters": 850}},
        {"mlm": {"min_characters": 50, "max_characters": None}},
        {"split": {"validation": 0.5, "test": 0.49, "holdout": 0}},
        {"tokenizer": {"model": "owner/name", "revision": "abc"}},
    ],
)
def test_possible_combination_at_the_edge(corpus):
    checked_config({"corpus": corpus}, SCHEMA)


def test_defaults_fill_what_is_absent_and_nothing_else():
    given_config = {"corpus": {"lengths": [64], "mlm": {"packing": "one_per_row"}}}
    before = copy.deepcopy(given_config)
    filled = checked_config(given_config, SCHEMA)
    assert given_config == before
    assert filled["seed"] == 42
    assert filled["corpus"]["lengths"] == [64]
    assert filled["corpus"]["mlm"]["packing"] == "one_per_row"
    assert filled["corpus"]["mlm"]["min_characters"] == 20
    assert filled["corpus"]["near_duplicates"]["bands"] == 20
    assert checked_config(filled, SCHEMA) == filled
    assert checked_config({}, SCHEMA)["corpus"]["entity_coref"]["max_characters"] == "measured"


def test_filled_defaults_are_not_shared_between_configurations():
    checked_config({}, SCHEMA)["corpus"]["lengths"].append(8)
    assert checked_config({}, SCHEMA)["corpus"]["lengths"] == [1536, 2048]


def test_a_revision_without_a_model_is_named_in_every_track():
    line = complaint({"classification": {"transformer": {"revision": "abc"}}})
    assert line.startswith("config key classification.transformer.revision = abc has no model")
    checked_config({"classification": {"transformer": {"model": "a/b", "revision": "c"}}}, SCHEMA)


# ---------------------------------------------------------------- retrieval

FILES = {"kind": "files", "corpus": "c", "queries": "q", "qrels": "r", "sessions": ["a"]}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"input": FILES | {"qrels": None}}, "input.qrels = None does not fit kind = files"),
        ({"input": {"kind": "generated", "corpus": "c"}}, "corpus = c does not fit kind ="),
        ({"input": FILES | {"sessions": []}}, "allowed: the sessions' names, or a plan"),
        ({"input": FILES | {"plan": "p.tsv"}}, "allowed: the sessions' names, or a plan"),
        ({"input": {"kind": "generated", "sessions": ["a"]}}, "belong to kind = files"),
        (
            {"input": FILES | {"sessions": [], "plan": "p", "corpus": "{session}.jsonl"}},
            "{session} names their files",
        ),
        ({"encoder": {"window": 32, "overlap": 32}}, "overlap = 32 is no less than window = 32"),
        ({"encoder": {"hidden_size": 10, "heads": 3}}, "heads = 3 does not divide"),
        ({"encoder": {"ngram_min": 4, "ngram_max": 3}}, "ngram_min is above ngram_max"),
        ({"encoder": {"pooling": "cls"}}, "kind = hashed has no model and no CLS token"),
        ({"encoder": {"model": "m"}}, "kind = hashed has no model and no CLS token"),
        ({"encoder": {"kind": "transformer", "revision": "x"}}, "revision = x has no model"),
        ({"evaluation": {"modes": ["stored"]}}, "modes lacks full"),
    ],
)
def test_retrieval_values_that_cannot_work_together_are_named(section, words):
    line = complaint({"retrieval": section})
    assert line.startswith("config key retrieval.") and words in line


def test_a_collection_of_ones_own_is_allowed():
    assert checked_config({"retrieval": {"input": FILES}}, SCHEMA)["retrieval"]["input"] == {
        **FILES,
        "plan": None,
    }
