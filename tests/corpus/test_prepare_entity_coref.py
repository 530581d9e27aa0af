"""What the one command refuses, before anything runs: one line that names the option."""

from pathlib import Path

import pytest

from scripts.common.check_config import ROOT, merged_config
from scripts.corpus import prepare_entity_coref


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with things that are no model, and a command that must not start a run."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/tokenizer.json").write_text("{}")
    (tmp_path / "file").write_text("")
    (tmp_path / "mlm.tsv").write_text("source\tkind\tused_by\na\tdemo\tmlm\n")
    (tmp_path / "typo.yaml").write_text("corpus: {lenghts: [512]}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        prepare_entity_coref, "run_workflow", lambda *_, **__: pytest.fail("a run was started")
    )
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--seq-len 3", "--seq-len 3 is no length of a model; allowed: 16 to 65536"),
        ("--seq-len 128", "--seq-len 128 is too small for documents of at least 800 characters"),
        ("--seq-len 512 512", "--seq-len 512 512; allowed: each length once"),
        ("--max-entity-freq 0", "--max-entity-freq 0 leaves no sample; allowed: ≥ 1"),
        ("--cores none", "--cores none is no number of cores; allowed: all, or ≥ 1"),
        ("--model ./nix", "--model ./nix is no folder; allowed: a model's folder, or a hub id"),
        ("--model a/b/c", "--model a/b/c is no folder; allowed: a model's folder, or a hub id"),
        ("--model file", "--model file is no folder"),
        ("--model empty", "--model empty has neither tokenizer.json nor vocab.txt"),
        ("--model broken", "broken/tokenizer.json"),
        ("--output-dir file/x", "--output-dir file/x: file is a file; name a folder"),
        ("--configfile nix.yaml", "nix.yaml is missing; correct its path"),
        ("--configfile typo.yaml", "did you mean corpus.lengths?"),
        ("--sources nix.tsv", 'config key corpus.sources = "nix.tsv" is no file'),
        ("--sources mlm.tsv", "mlm.tsv has no source that is used_by entity_coref; name one"),
        ("-- --configfile x.yaml", "--configfile after -- would undo what this command sets"),
        ("-- --directory=x", "--directory=x after -- would undo what this command sets"),
    ],
)
def test_nonsense_is_refused_with_one_line(folder, arguments, words, capsys):
    assert prepare_entity_coref.main(arguments.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("prepare_entity_coref: ")
    assert words in line
    assert not (folder / "prepared_datasets").exists()


def config_over(base, **changes):
    options = {"lengths": [1536], "model": "klue/bert-base", "sources": None} | changes
    return prepare_entity_coref.prepared_config(base, max_entity_freq=500, **options)


def test_options_are_laid_over_the_published_config(folder):
    config = config_over(ROOT / "config/full.yaml", lengths=[1536, 2048])
    published = merged_config(ROOT / "config/full.yaml")["corpus"]
    assert config["corpus"] == published | {
        "sources": str(ROOT / "config/sources_full.tsv"),
        "lengths": [1536, 2048],
        "tokenizer": published["tokenizer"] | {"model": "klue/bert-base", "revision": None},
        "entity_coref": published.get("entity_coref", {}) | {"max_entity_freq": 500},
    }
    assert config["language_model"] == {"runs": None}


def test_files_of_other_tracks_are_not_looked_up_in_the_output_folder(folder):
    (folder / "ways.tsv").write_bytes((ROOT / "config/strategies.tsv").read_bytes())
    (folder / "own.yaml").write_text("seed: 7\nclassification: {strategies: ways.tsv}\n")
    config = config_over(folder / "own.yaml")
    assert config["seed"] == 7
    assert "classification" not in config


def test_a_stop_list_is_that_beside_the_user_and_not_one_in_the_output_folder(folder):
    (folder / "stop.txt").write_text("서울\n", encoding="utf-8")
    (folder / "own.yaml").write_text("corpus: {entity_coref: {stop_list: stop.txt}}\n")
    config = config_over(folder / "own.yaml")
    assert config["corpus"]["entity_coref"] == {
        "max_entity_freq": 500,
        "stop_list": str(folder / "stop.txt"),
    }


@pytest.mark.parametrize(("model", "revision"), [("a/b", "0123"), ("a/c", None)])
def test_a_revision_stays_with_its_model(folder, model, revision):
    (folder / "my.yaml").write_text(
        "corpus: {sources: mlm.tsv, tokenizer: {model: a/b, revision: '0123'}}\n"
    )
    (folder / "own.tsv").write_text("source\tkind\na\tdemo\n")
    config = config_over(folder / "my.yaml", model=model, sources=folder / "own.tsv")
    assert config["corpus"]["tokenizer"] == {"model": model, "revision": revision}
    assert config["corpus"]["sources"] == str(folder / "own.tsv")
