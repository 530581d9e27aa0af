"""Configuration files are checked as Snakemake merges them, by the command and by Snakemake."""

import subprocess
import sys

import pytest
import yaml

from scripts.common.check_config import ROOT, check, main, merged_config, settled_config
from scripts.common.config import checked_config, load_schema


def test_file_is_checked_merged_over_the_embedded_default(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "{corpus: {lengths: [64], entity_coref: {min_distance: 20}}, language_model: {runs: null}}"
    )
    merged = merged_config(own)
    default = yaml.safe_load((ROOT / "config" / "config.yaml").read_text("utf-8"))
    assert merged["corpus"] == {
        **default["corpus"],
        "lengths": [64],
        "entity_coref": {"min_distance": 20},
    }
    assert merged["demo"] == default["demo"]
    assert check(own) == f"{own}: good, 1 sources, 0 runs, 6 strategies, 5 methods"


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
        (
            b"corpus: {sources: gone.tsv}",
            'sources = "gone.tsv" is no file, neither in the working directory nor beside the '
            "Snakefile; allowed: path of a TSV table",
        ),
    ],
)
def test_command_ends_with_one_line_for_a_bad_file(tmp_path, capsys, content, message):
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(content)
    assert main([str(bad), "config/full.yaml"]) == 1
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith(f"{bad}: ")
    assert message in line
    assert printed.out.endswith("full.yaml: good, 16 sources, 13 runs, 6 strategies, 11 methods\n")


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


def test_demo_values_hold_for_generated_articles_and_never_reach_other_sources(tmp_path):
    """A user's own source brings back the schema's defaults, key by key."""
    schema = load_schema(ROOT / "config" / "schema.yaml")
    demo, *_ = settled_config(merged_config(ROOT / "config" / "config.yaml"), schema, ROOT)
    assert demo["corpus"]["lengths"] == [128, 256]
    assert demo["corpus"]["entity_coref"]["max_entity_freq"] == 40
    (tmp_path / "sources.tsv").write_text("source\tkind\tlocation\nmine\tlocal\ta.csv\n")
    own = tmp_path / "own.yaml"
    own.write_text(f"corpus: {{sources: {tmp_path / 'sources.tsv'}, rows_per_file: 7}}")
    real, sources, folder, *_ = settled_config(merged_config(own), schema, ROOT)
    assert (list(sources), folder) == (["mine"], tmp_path)
    published = checked_config({"corpus": {"rows_per_file": 7}}, schema)["corpus"]
    assert real["corpus"] == {**published, "sources": str(tmp_path / "sources.tsv")}


@pytest.mark.parametrize(
    ("track", "given", "key", "small"),
    [
        ("classification", "{kind: files, location: a.csv}", "tfidf", {"epochs": 5}),
        ("descriptors", "{kind: smiles, location: a.smi}", "stability", {"bootstraps": 3}),
        (
            "retrieval",
            "{kind: files, corpus: c, queries: q, qrels: r, sessions: [a]}",
            *("encoder", {"dimension": 64}),
        ),
    ],
)
def test_an_input_of_ones_own_switches_off_the_demo_of_its_track_alone(
    tmp_path, track, given, key, small
):
    schema = load_schema(ROOT / "config" / "schema.yaml")
    demo, *_ = settled_config(merged_config(ROOT / "config" / "config.yaml"), schema, ROOT)
    assert small.items() <= demo[track][key].items()
    own = tmp_path / "own.yaml"
    own.write_text(f"{track}: {{input: {given}}}")
    real, *_ = settled_config(merged_config(own), schema, ROOT)
    published = checked_config({track: {"input": real[track]["input"]}}, schema)
    assert real[track] == published[track]
    others = {"corpus", "language_model", "classification", "descriptors", "retrieval"} - {track}
    assert all(real[other] == demo[other] for other in others)


def test_a_key_of_ones_own_wins_over_the_demo_section(tmp_path):
    schema = load_schema(ROOT / "config" / "schema.yaml")
    own = tmp_path / "own.yaml"
    own.write_text("corpus: {entity_coref: {max_entity_freq: 3}}")
    config, *_ = settled_config(merged_config(own), schema, ROOT)
    assert config["corpus"]["entity_coref"]["max_entity_freq"] == 3
    assert config["corpus"]["entity_coref"]["max_characters"] == 2500
