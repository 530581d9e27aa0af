"""The house's contract between rules and scripts, checked on every rule."""

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.harness import ROOT

TARGETS = {
    "all",
    "corpus",
    "language_model",
    "classification",
    "descriptors",
    "retrieval",
    "report",
}
OFFERED_RESOURCES = {
    *("tmpdir", "mem_mb", "batch_documents", "chunk_documents"),
    *("batch_tokens", "save_steps", "memory_mb", "gpu"),
}
# Arguments with a default that a rule leaves to who calls the step by hand.
BY_HAND = {
    "serialize_dataset": {"batch_rows", "rows_per_file"},
    "shard_molecules": {"batch_rows"},
    "trace_clusters": {"verbose"},
}
# What people call on files of their own, outside a run.
COMMANDS = {"analyse_results", "apply_selection", "find_substitutes", "predict_labels"}
# A second form of a rule shares its script, log and benchmark.
SECOND_FORMS = {"train_last_epoch": "train_epoch"}
ENTRIES = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "scripts").glob("*/*.py")
    if path.parent.name != "common" and "entry(run, globals()" in path.read_text(encoding="utf-8")
)


@cache
def rules() -> dict[str, Any]:
    """Return every rule of the workflow by name, with both forms of the tokenizer's rule."""
    found: dict[str, Any] = {}
    for config in ("tests/config/tiny.yaml", "config/full.yaml"):
        found |= _rules_of(ROOT / config)
    return found


def _rules_of(config: Path) -> dict[str, Any]:
    from snakemake.api import SnakemakeApi
    from snakemake.settings.enums import Quietness
    from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        workflow = api.workflow(
            resource_settings=ResourceSettings(cores=2),
            config_settings=ConfigSettings(configfiles=[config]),
            snakefile=ROOT / "Snakefile",
            workdir=ROOT,
        )._workflow
        return {rule.name: rule for rule in workflow.rules}


def scripted() -> list[str]:
    return sorted(rules().keys() - TARGETS)


def signature(name: str) -> dict[str, inspect.Parameter]:
    module = importlib.import_module(script_module(name))
    return dict(inspect.signature(module.run).parameters)


def script_module(name: str) -> str:
    track, stem = Path(rules()[name].script).parts[-2:]
    return f"scripts.{track}.{Path(stem).stem}"


def test_there_are_rules_of_every_track() -> None:
    tracks = {script_module(name).split(".")[1] for name in scripted()}
    assert tracks == {
        "corpus",
        "language_model",
        "classification",
        "descriptors",
        "retrieval",
        "report",
    }
    assert len(scripted()) == 82


@pytest.mark.parametrize("name", scripted())
def test_rule_script_log_and_benchmark_have_one_stem(name: str) -> None:
    rule = rules()[name]
    _, track, stem = script_module(name).split(".")
    assert stem == SECOND_FORMS.get(name, name)
    (log,) = rule.log
    assert str(log).startswith(f"results/logs/{track}/{stem}/")
    assert str(log).endswith(".log")
    assert str(rule.benchmark).startswith(f"results/benchmarks/{track}/{stem}/")
    assert str(rule.benchmark).endswith(".jsonl")
    assert Path(str(log)).relative_to("results/logs").with_suffix("") == Path(
        str(rule.benchmark)
    ).relative_to("results/benchmarks").with_suffix("")


@pytest.mark.parametrize("name", scripted())
def test_rule_names_match_the_signature(name: str) -> None:
    rule = rules()[name]
    owed = [
        *(set(rule.input._names) - {"digests"}),
        *rule.output._names,
        *(set(rule.params._names) - {"code", "by_name"}),
    ]
    assert len(owed) == len(set(owed)), "a name stands twice"
    parameters = signature(name)
    assert not set(owed) - set(parameters), "left over"
    needed = {key for key, value in parameters.items() if value.default is inspect.Parameter.empty}
    offered = {*rule.wildcard_names, "threads", *OFFERED_RESOURCES}
    assert not needed - set(owed) - offered, "missing"
    left = set(parameters) - set(owed) - offered
    assert left == BY_HAND.get(name, set()), "an optional argument that no run ever gives"
    for kind in (rule.input, rule.output):
        assert len(kind) == sum(
            1 if end is None else end - start for start, end in kind._names.values()
        ), "a file has no name"


@pytest.mark.parametrize("name", scripted())
def test_rule_states_resources_environment_and_code_version(name: str) -> None:
    rule = rules()[name]
    track = script_module(name).split(".")[1]
    assert {"mem_mb", "runtime"} <= set(rule.resources)
    assert re.fullmatch("[0-9a-f]{16}", dict(rule.params.items())["code"])
    assert Path(str(rule.conda_env)).name == f"{track}.yaml"
    assert rule.docstring
    assert rule.shellcmd is None


@pytest.mark.parametrize("name", scripted())
def test_resources_grow_with_the_attempt_and_leave_room_for_snakemake(name: str) -> None:
    amount = rules()[name].resources["mem_mb"]
    first, second = (amount.evaluate(None, attempt=attempt).value for attempt in (1, 2))
    assert first >= 300
    assert second == 2 * first


@pytest.mark.parametrize("path", ENTRIES, ids=str)
def test_every_entry_imports_and_has_its_rule(path: Path) -> None:
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    assert module.__doc__
    assert inspect.getdoc(module.run)
    assert path.stem in rules() or path.stem in COMMANDS


@pytest.mark.parametrize("path", ENTRIES, ids=str)
def test_entries_keep_to_the_forms_that_snakemake_can_run(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "__future__"
            assert node.level == 0
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        siblings = {file.stem for file in (ROOT / path).parent.glob("*.py")}
        assert not siblings & set(names), "a bare sibling import escapes the code version"


def test_scripts_read_no_config_and_the_package_is_ours() -> None:
    import scripts

    assert Path(scripts.__file__ or "").resolve() == ROOT / "scripts" / "__init__.py"
    for path in (ROOT / "scripts").rglob("*.py"):
        assert "snakemake.config" not in path.read_text(encoding="utf-8"), path


def test_no_track_imports_another_tracks_scripts() -> None:
    for path in (ROOT / "scripts").rglob("*.py"):
        track = path.relative_to(ROOT / "scripts").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for module in modules:
                if module.startswith("scripts."):
                    assert module.split(".")[1] in ("common", track), f"{path}: {module}"
