"""A bad configuration gives one line that names the key, the value, what is allowed, and what
was probably meant; a good one comes back with its defaults."""

import copy
import string
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.common import config_reference
from scripts.common.config import (
    ROOT,
    check,
    checked_config,
    find_table,
    leaf_paths,
    load_schema,
    main,
    merged_config,
    read_sources,
)
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


# ---------------------------------------------------------------- the table of sources


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sources.tsv"
    path.write_bytes(text.encode())
    return path


def table_complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_sources(table(tmp_path, text), SCHEMA)
    (line,) = str(caught.value).splitlines()
    return line


def test_sources_come_in_order_of_priority_with_defaults(tmp_path):
    rows = read_sources(
        table(
            tmp_path,
            "source\tkind\tlocation\tpriority\ttext_fields\tmax_documents\n"
            "web\thub\towner/name\t\ttitle body\t\n"
            "own\tlocal\t../a b.jsonl \t7\t\t12\n"
            "demo\tdemo\t\t100\t\t\n",
        ),
        SCHEMA,
    )
    assert list(rows) == ["own", "web", "demo"]
    assert rows["web"]["text_fields"] == ["title", "body"]
    assert rows["own"] == {
        "source": "own",
        "kind": "local",
        "location": "../a b.jsonl",
        "config": "",
        "split": "",
        "text_fields": ["text"],
        "join": "newline",
        "id_field": "",
        "txt_unit": "file",
        "revision": "",
        "sha256": [],
        "min_characters": 0,
        "max_characters": 1_000_000_000,
        "max_documents": 12,
        "shards": 4,
        "used_by": ["entity_coref", "mlm"],
        "priority": 7,
        "licence": "unknown",
    }


def test_comments_blank_lines_and_spreadsheet_traces_are_no_rows(tmp_path):
    path = table(
        tmp_path,
        "\ufeff# what this table is\r\n"
        "source\tkind\r\n"
        "# one cell\r\n"
        "#off\tdemo\r\n"
        "\t\r\n"
        "\r\n"
        'demo\t"demo"\r\n',
    )
    with pytest.raises(ConfigError, match=r"^sources.tsv line 7, column kind = "):
        read_sources(path, SCHEMA)  # quotes belong to the cell, and line 7 is line 7
    path.write_text(path.read_text("utf-8").replace('"', ""), "utf-8")
    assert list(read_sources(path, SCHEMA)) == ["demo"]


HEADER = "source\tkind\tlocation\tshards\tmax_characters\tmin_characters\tused_by\tsplit\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "source\tkind\tshard\na\tdemo\t1\n",
            "sources.tsv column 'shard' is unknown; did you mean shards? allowed: config, ",
        ),
        ("kind\ndemo\n", "sources.tsv column 'source' is missing; the header needs it"),
        ("source\tkind\tkind\na\tdemo\tdemo\n", "sources.tsv column 'kind' stands twice"),
        (
            HEADER + "a\tdemon\t\t\t\t\t\t\n",
            'sources.tsv line 2, column kind = "demon" is not allowed; allowed: demo, local, ',
        ),
        (
            HEADER + "A b\tdemo\t\t\t\t\t\t\n",
            'sources.tsv line 2, column source = "A b" is not allowed; allowed: string matching',
        ),
        (
            HEADER + "a\tdemo\t\t2.5\t\t\t\t\n",
            'sources.tsv line 2, column shards = "2.5" is not allowed; allowed: integer ≥ 1, ≤',
        ),
        (
            HEADER + "a\tdemo\t\t0\t\t\t\t\n",
            "sources.tsv line 2, column shards = 0 is not allowed; allowed: integer ≥ 1, ≤ 1000",
        ),
        (
            HEADER + "a\tdemo\t\t\t\t\tmlm coref\t\n",
            'sources.tsv line 2, column used_by.1 = "coref" is not allowed; allowed: entity_coref',
        ),
        (
            HEADER + "\tdemo\t\t\t\t\t\t\n",
            "sources.tsv line 2, column source is missing",
        ),
        (
            HEADER + "a\tdemo\t\t\t\t\t\t\n# note\na\tdemo\t\t\t\t\t\t\n",
            "sources.tsv line 4, column source = a stands twice; names are unique",
        ),
        (
            HEADER + "a\tlocal\t\t\t\t\t\t\n",
            "sources.tsv line 2, column location is empty; a source of kind local needs one",
        ),
        (
            HEADER + "a\tlocal\tx.csv\t\t5\t6\t\t\n",
            "sources.tsv line 2, column min_characters = 6 is above max_characters = 5",
        ),
        (
            HEADER + "a\tlocal\tx.csv\t\t\t\t\ttrain\n",
            "sources.tsv line 2, column split = train has no meaning; allowed: only for kind hub",
        ),
        (
            HEADER + "a\tdemo\t\n",
            "sources.tsv line 2 has 3 cells; allowed: as many as the header, 8",
        ),
        (
            "source\tkind\na\tdemo\t\n",
            "sources.tsv line 2 has 3 cells; allowed: as many as the header, 2",
        ),
        (HEADER, "sources.tsv has no row; add at least one source"),
        ("", "sources.tsv is empty; add a header and at least one source"),
        ("# only this\n", "sources.tsv is empty; add a header and at least one source"),
    ],
)
def test_bad_table_of_sources(tmp_path, text, message):
    assert table_complaint(tmp_path, text).startswith(message)


def test_row_without_name_and_kind_gets_a_line_for_each(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_sources(table(tmp_path, "source\tkind\tlicence\n\t\tMIT\n"), SCHEMA)
    assert sorted(str(caught.value).splitlines()) == [
        "sources.tsv line 2, column kind is missing",
        "sources.tsv line 2, column source is missing",
    ]


def test_table_that_is_missing_or_not_utf8(tmp_path):
    with pytest.raises(ConfigError, match=r"^config key corpus.sources = .*gone.tsv' is no file"):
        read_sources(tmp_path / "gone.tsv", SCHEMA)
    (tmp_path / "euc.tsv").write_bytes("source\tkind\n뉴스\tdemo\n".encode("euc-kr"))
    with pytest.raises(ConfigError, match=r"^euc.tsv is not UTF-8"):
        read_sources(tmp_path / "euc.tsv", SCHEMA)


def test_table_is_looked_up_where_one_works_then_beside_the_snakefile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "config/sources.tsv"
    assert find_table(name, ROOT) == ROOT / name
    (tmp_path / "config").mkdir()
    (tmp_path / name).write_text("source\tkind\n")
    assert find_table(name, ROOT).resolve() == tmp_path / name
    assert find_table(str(ROOT / name), tmp_path) == ROOT / name


# ---------------------------------------------------------------- files and commands


def test_file_is_checked_merged_over_the_embedded_default(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("corpus: {lengths: [64], entity_coref: {min_distance: 20}}")
    merged = merged_config(own)["corpus"]
    default = yaml.safe_load((ROOT / "config" / "config.yaml").read_text("utf-8"))["corpus"]
    assert merged["lengths"] == [64]
    assert merged["entity_coref"] == {**default["entity_coref"], "min_distance": 20}
    assert merged["tokenizer"] == default["tokenizer"]
    assert check(own) == f"{own}: good, 1 sources"


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_empty_file_changes_nothing(tmp_path, text):
    own = tmp_path / "own.yaml"
    own.write_text(text)
    assert merged_config(own) == merged_config(ROOT / "config" / "config.yaml")


@pytest.mark.parametrize(
    "file", ["config/config.yaml", "config/full.yaml", "tests/config/tiny.yaml"]
)
def test_every_config_of_the_repository_is_good_from_any_folder(file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([file]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: [1", "is no YAML"),
        (b"- 1\n", "holds a list; allowed: keys and values"),
        ("뉴스: 1".encode("euc-kr"), "is not UTF-8"),
        (b"seed: x", 'config key seed = "x" is not allowed; allowed: integer'),
        (b"corpus: {sources: gone.tsv}", "gone.tsv' is no file; allowed: path of a TSV table"),
    ],
)
def test_command_ends_with_one_line_for_a_bad_file(tmp_path, capsys, content, message):
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(content)
    assert main([str(bad), "tests/config/tiny.yaml"]) == 1
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"{bad}: ")
    assert message in line
    assert printed.out.endswith("tiny.yaml: good, 1 sources\n")


def test_command_names_a_missing_file_and_needs_one(capsys):
    assert main(["gone.yaml"]) == 1
    assert capsys.readouterr().err == "gone.yaml: gone.yaml is missing; correct its path\n"
    assert main([]) == 2


def test_snakemake_prints_the_complaint_alone(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("corpus: {lenghts: [512]}")
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "-n", "--snakefile", ROOT / "Snakefile"),
            *("--configfile", bad, "--directory", tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    printed = finished.stdout + finished.stderr
    lines = [line for line in printed.splitlines() if line.startswith("config key ")]
    assert len(lines) == 1
    assert lines[0].startswith(
        "config key corpus.lenghts = [512] is unknown; did you mean corpus.lengths? "
    )
    assert "Traceback" not in printed
    assert "Error" not in printed.replace(lines[0], "")


# ---------------------------------------------------------------- the reference


def test_reference_follows_the_schema():
    assert config_reference.main(["--check"]) == 0, "run python -m scripts.common.config_reference"


def test_reference_has_a_row_for_every_key_and_column():
    page = (ROOT / "config" / "README.md").read_text("utf-8")
    for path in PATHS:
        assert page.count(f"\n| `{path}` | ") == 1
    _, _, sources = page.partition("## The table of sources")
    for column, part in SCHEMA["$defs"]["source"]["properties"].items():
        (row,) = [line for line in sources.splitlines() if line.startswith(f"| `{column}` | ")]
        assert part["description"] in row
        assert row.replace("\\|", "").count("|") == 6


def test_reference_drifts_with_any_change_of_a_key(capsys, monkeypatch):
    edited = copy.deepcopy(SCHEMA)
    edited["properties"]["seed"]["default"] = 43
    monkeypatch.setattr(config_reference, "load_schema", lambda path: edited)
    assert config_reference.main(["--check"]) == 1
    assert "run python -m scripts.common.config_reference" in capsys.readouterr().err
    assert config_reference.main(["--chek"]) == 2
