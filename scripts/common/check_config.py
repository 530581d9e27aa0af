"""Settles the configuration together with its tables, and checks files from the shell.

`python -m scripts.common.check_config FILE...` checks files as Snakemake would use them: each
merged over config/config.yaml.
"""

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scripts.common.addresses import without_secrets
from scripts.common.config import (
    Schema,
    checked_config,
    load_schema,
    refuse_schema_breaks,
)
from scripts.common.config_table import find_file
from scripts.common.errors import ConfigError
from scripts.common.methods_table import read_methods
from scripts.common.run_epochs import dataset_kinds
from scripts.common.runs_table import read_runs
from scripts.common.session_plan import read_session_plan
from scripts.common.sources_table import find_table, read_sources
from scripts.common.strategies_table import read_strategies

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = Path("config/schema.yaml")
DEFAULT_FILE = Path("config/config.yaml")


class Settled(NamedTuple):
    """The configuration that holds, with the tables that it names.

    Attributes:
        config: the configuration, defaults filled in.
        sources: the sources by name, in order of precedence.
        folder: folder of the sources table.
        runs: the training runs by name; none where no table is named.
        strategies: the strategies against imbalance by name; none where no rows are read.
        methods: the retrieval methods by name; none where no documents are read.
        session_shares: the shares of domains that draw the retrieval track's sessions; none where
            the documents come with their sessions.
    """

    config: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    folder: Path
    runs: dict[str, dict[str, Any]]
    strategies: dict[str, dict[str, Any]]
    methods: dict[str, dict[str, Any]]
    session_shares: list[dict[str, Any]]


def settled_config(config: dict[str, Any], schema: Schema, basedir: Path) -> Settled:
    """Return the configuration that holds, with its sources and runs.

    While every source is generated, the section `demo` stands in for the schema's defaults; a
    source of one's own switches it off, and another input of a track its part of it, so that the
    demonstration's values never reach real data.

    Args:
        config: the merged configuration as Snakemake read it.
        schema: the schema.
        basedir: folder of the Snakefile.

    Raises:
        ConfigError: a key, a table, or a combination of values is not allowed.
    """
    refuse_schema_breaks(config, schema)
    default = schema["properties"]["corpus"]["properties"]["sources"]["default"]
    table = find_table((config.get("corpus") or {}).get("sources", default), basedir)
    sources = read_sources(table, schema)
    if all(source["kind"] == "demo" for source in sources.values()):
        config = _merged(_demo_of_generated(config), config)
    settled = checked_config(config, schema)
    return Settled(
        settled,
        sources,
        table.parent,
        runs=_runs(settled, sources, schema, basedir),
        strategies=_strategies(settled, schema, basedir),
        methods=_methods(settled, schema, basedir),
        session_shares=_session_shares(settled, schema, basedir),
    )


def _demo_of_generated(config: dict[str, Any]) -> dict[str, Any]:
    """Return the section `demo` without the tracks that read an input of one's own."""

    def kind(sections: dict[str, Any], track: str) -> Any:
        return ((sections.get(track) or {}).get("input") or {}).get("kind")

    demo = config.get("demo") or {}
    return {
        track: section
        for track, section in demo.items()
        if kind(config, track) in (None, kind(demo, track))
    }


def _strategies(config: dict[str, Any], schema: Schema, basedir: Path) -> dict[str, dict[str, Any]]:
    section = config["classification"]
    if section["input"]["kind"] == "none":
        return {}
    table = find_file(
        "classification.strategies", section["strategies"], basedir, allowed="path of a TSV table"
    )
    return read_strategies(table, schema)


def _methods(config: dict[str, Any], schema: Schema, basedir: Path) -> dict[str, dict[str, Any]]:
    section = config["retrieval"]
    if section["input"]["kind"] == "none":
        return {}
    key = "retrieval.methods"
    table = find_file(key, section["methods"], basedir, allowed="path of a TSV table")
    methods = read_methods(table, schema)
    if section["reference"] is not None and section["reference"] not in methods:
        raise ConfigError(
            f"config key retrieval.reference = {section['reference']} is no method of "
            f"{table.name}; allowed: null, {', '.join(methods)}"
        )
    return methods


def _session_shares(config: dict[str, Any], schema: Schema, basedir: Path) -> list[dict[str, Any]]:
    name = config["retrieval"]["input"]["plan"]
    if name is None:
        return []
    allowed = "null, or path of a TSV table"
    return read_session_plan(
        find_file("retrieval.input.plan", name, basedir, allowed=allowed), schema
    )


def _runs(
    config: dict[str, Any], sources: dict[str, dict[str, Any]], schema: Schema, basedir: Path
) -> dict[str, dict[str, Any]]:
    name = config["language_model"]["runs"]
    if name is None:
        return {}
    table = find_file("language_model.runs", name, basedir, allowed="null, or path of a TSV table")
    runs = read_runs(table, schema, config["corpus"]["lengths"])
    fed = {kind for source in sources.values() for kind in source["used_by"]}
    complaints = [
        f"{table.name}, run {run['run']}, column kind = {run['kind']} needs a source that is used "
        f"by {kind}; add one to the sources table"
        for run in runs.values()
        for kind in dataset_kinds(run["kind"])
        if kind not in fed
    ]
    complaints += _holdout_complaints(config, fed)
    if complaints:
        raise ConfigError("\n".join(complaints))
    return runs


def _holdout_complaints(config: dict[str, Any], fed: set[str]) -> Iterator[str]:
    """Yield what keeps the evaluation sets from being made."""
    if config["corpus"]["split"]["holdout"] == 0:
        yield (
            "config key corpus.split.holdout = 0 leaves nothing to evaluate the runs of "
            "language_model.runs on; allowed there: a share above 0"
        )
    for kind in sorted({"entity_coref", "mlm"} - fed):
        yield (
            f"the sources table has no source used by {kind}, from whose hold-out the runs of "
            "language_model.runs are evaluated; add one"
        )


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return `below` with the values of `above` laid over it, section by section."""
    merged = copy.deepcopy(below)
    for key, value in above.items():
        inner = merged.get(key)
        both = isinstance(inner, dict) and isinstance(value, dict)
        merged[key] = _merged(inner or {}, value) if both else copy.deepcopy(value)
    return merged


def merged_config(file: Path) -> dict[str, Any]:
    """Return what Snakemake makes of `--configfile FILE`: the file merged over the default one.

    Raises:
        ConfigError: the file is missing, is no YAML, or holds no mapping.
    """
    # Imported here, because it takes long and no step needs it.
    from snakemake.utils import update_config

    config = _mapping_in(ROOT / DEFAULT_FILE)
    update_config(config, _mapping_in(file))
    return config


def _mapping_in(file: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{file} is missing; correct its path") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 ({error}); save it as UTF-8") from error
    except yaml.YAMLError as error:
        cause = " ".join(str(error).split())
        raise ConfigError(f"{file} is no YAML ({cause}); correct it") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"{file} holds a {type(value).__name__}; allowed: keys and values")
    return value


def check(file: Path) -> str:
    """Check a configuration file as Snakemake would use it; return one line that says so.

    Raises:
        ConfigError: the file, a key, or the sources table that it names is not allowed.
    """
    schema = load_schema(ROOT / SCHEMA_FILE)
    settled = settled_config(merged_config(file), schema, ROOT)
    return (
        f"{file}: good, {len(settled.sources)} sources, {len(settled.runs)} runs, "
        f"{len(settled.strategies)} strategies, {len(settled.methods)} methods"
    )


def main(files: list[str]) -> int:
    """Check files one by one, print a line for each, and return 1 if one of them is bad."""
    if not files:
        print("usage: python -m scripts.common.check_config FILE...", file=sys.stderr)
        return 2
    worst = 0
    for file in files:
        path = Path(file)
        try:
            print(check(path if path.exists() or not (ROOT / path).exists() else ROOT / path))
        except ConfigError as error:
            lines = without_secrets(str(error)).splitlines()
            print("\n".join(f"{file}: {line}" for line in lines), file=sys.stderr)
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
