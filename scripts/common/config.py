"""The closed configuration: schema check, defaults, and combinations that cannot work.

Every complaint is one line that names the key, the value, what is allowed, and for an unknown key
the nearest right one.
"""

import copy
import csv
import difflib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from scripts.common.errors import ConfigError

Schema = dict[str, Any]


def load_schema(path: Path) -> Schema:
    """Read the JSON schema of the configuration from a YAML file."""
    schema: Schema = yaml.safe_load(path.read_text(encoding="utf-8"))
    return schema


def checked_config(config: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return `config` with all defaults filled in.

    Raises:
        ConfigError: a key is unknown, a value has the wrong type or lies outside its range, or a
            combination of values cannot work. The message lists every complaint, one a line.
    """
    complaints = list(schema_complaints(config, schema, prefix="config key "))
    if complaints:
        raise ConfigError("\n".join(complaints))
    filled: dict[str, Any] = with_defaults(config, schema)
    complaints = list(impossible_combinations(filled))
    if complaints:
        raise ConfigError("\n".join(complaints))
    return filled


def schema_complaints(value: Any, schema: Schema, *, prefix: str) -> Iterator[str]:
    """Yield one line for each way in which `value` breaks `schema`."""
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.path))):
        key = ".".join(map(str, error.path))
        if error.validator == "additionalProperties":
            yield from _unknown_keys(error, key, prefix)
        elif error.validator == "required":
            missing = sorted(set(error.validator_value) - set(error.instance))
            yield f"{prefix}{'.'.join([*filter(None, [key]), missing[0]])} is missing"
        else:
            shown = json.dumps(error.instance, ensure_ascii=False, default=str)
            allowed = _allowed(error.schema)
            yield f"{prefix}{key or '(top)'} = {shown} is not allowed; allowed: {allowed}"


def _unknown_keys(error: Any, parent: str, prefix: str) -> Iterator[str]:
    allowed = sorted(error.schema.get("properties", {}))
    for name in sorted(set(map(str, error.instance)) - set(allowed)):
        key = f"{parent}.{name}" if parent else name
        value = json.dumps(error.instance.get(name), ensure_ascii=False, default=str)
        near = difflib.get_close_matches(name, allowed, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        yield f"{prefix}{key} = {value} is unknown; {hint}allowed here: {', '.join(allowed)}"


def _allowed(schema: Schema) -> str:
    """Describe in words which values a schema of one key allows."""
    if "anyOf" in schema:
        return " or ".join(_allowed(option) for option in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    kinds = schema.get("type", "object")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    limits = [
        f"{text} {schema[key]}"
        for key, text in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
            ("minLength", "length ≥"),
            ("minItems", "number of items ≥"),
            ("pattern", "matching"),
        )
        if key in schema
    ]
    if schema.get("uniqueItems"):
        limits.append("no item twice")
    if "items" in schema:
        words += f" of ({_allowed(schema['items'])})"
    return " ".join([words, ", ".join(limits)]).strip()


def with_defaults(value: Any, schema: Schema) -> Any:
    """Return a copy of `value` with the schema's defaults where keys are absent."""
    if not isinstance(value, dict) or "properties" not in schema:
        return copy.deepcopy(value)
    filled = {}
    for key, part in schema["properties"].items():
        if key in value:
            filled[key] = with_defaults(value[key], part)
        elif "default" in part:
            filled[key] = with_defaults(part["default"], part)
    return filled


def impossible_combinations(config: dict[str, Any]) -> Iterator[str]:
    """Yield one line for each combination of allowed values that cannot work."""
    corpus = config["corpus"]
    for section in ("analysis", "entity_coref", "mlm"):
        values = corpus[section]
        for low, high in _ordered_pairs(values):
            if values[high] not in (None, "measured") and values[low] > values[high]:
                yield (
                    f"config key corpus.{section}.{low} = {values[low]} is above "
                    f"{high} = {values[high]}; allowed: at most {values[high]}"
                )
    shares = corpus["split"]
    if sum(shares.values()) >= 1:
        yield (
            f"config key corpus.split = {shares} leaves nothing to train on; "
            f"allowed: shares with a sum below 1"
        )
    minimum = corpus["entity_coref"]["min_characters"]
    if (
        corpus["entity_coref"]["max_characters"] == "measured"
        and minimum > corpus["analysis"]["max_characters"]
    ):
        yield (
            f"config key corpus.entity_coref.min_characters = {minimum} is above "
            f"corpus.analysis.max_characters = {corpus['analysis']['max_characters']}, "
            "up to which documents are analysed; allowed: at most that number"
        )
    if corpus["tokenizer"]["revision"] is not None and corpus["tokenizer"]["model"] is None:
        yield (
            f"config key corpus.tokenizer.revision = {corpus['tokenizer']['revision']} has no "
            "model; allowed: null, or a revision of corpus.tokenizer.model"
        )


def _ordered_pairs(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for low in values:
        high = low.replace("min_", "max_", 1)
        if low.startswith("min_") and high in values:
            yield low, high


def find_table(name: str, basedir: Path) -> Path:
    """Return the path of a table: as given in the working directory, else below `basedir`."""
    path = Path(name).expanduser()
    return path if path.is_file() or path.is_absolute() else basedir / path


def read_sources(path: Path, schema: Schema) -> dict[str, dict[str, Any]]:
    """Read the table of sources.

    Returns:
        One mapping per source, by its name, in order of (priority, row), defaults filled in.

    Raises:
        ConfigError: the table is missing or empty, a column is unknown, a cell is not allowed, or
            a name stands twice; the message names the file and the row.
    """
    if not path.is_file():
        raise ConfigError(
            f"config key corpus.sources = {str(path)!r} is no file; allowed: path of a TSV table"
        )
    part = schema["$defs"]["source"]
    reader = csv.DictReader(
        io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter="\t", quoting=csv.QUOTE_NONE
    )
    sources: dict[str, dict[str, Any]] = {}
    complaints: list[str] = []
    for number, cells in enumerate(reader, start=2):
        prefix = f"{path.name} line {number}, column "
        if None in cells or None in cells.values():
            complaints.append(f"{path.name} line {number} has not as many cells as the header")
            continue
        if (cells["source"] or "").startswith("#"):
            continue
        row = {
            column: _typed_cell(cell, part["properties"].get(column, {}))
            for column, cell in cells.items()
            if cell.strip()
        }
        complaints += schema_complaints(row, part, prefix=prefix)
        complaints += _source_complaints(row, prefix)
        if row.get("source") in sources:
            complaints.append(f"{prefix}source = {row['source']} stands twice; names are unique")
        sources[str(row.get("source"))] = with_defaults(row, part)
    if complaints:
        raise ConfigError("\n".join(complaints))
    if not sources:
        raise ConfigError(f"{path.name} has no row; add at least one source")
    return dict(sorted(sources.items(), key=lambda item: item[1]["priority"]))


def _typed_cell(cell: str, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "array":
        return cell.split()
    if kind == "integer":
        try:
            return int(cell)
        except ValueError:
            return cell
    return cell.strip()


def _source_complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    if row.get("kind") in ("local", "http", "hub") and not row.get("location"):
        yield f"{prefix}location is empty; a source of kind {row['kind']} needs one"
    low, high = row.get("min_characters", 0), row.get("max_characters", 1_000_000_000)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"{prefix}min_characters = {low} is above max_characters = {high}"


def check(*files: Path, schema: Path = Path("config/schema.yaml")) -> None:
    """Check configuration files, merged over nothing, and the sources tables that they name.

    Args:
        files: YAML files to check, each on its own.
        schema: the schema to check them against.
    """
    rules = load_schema(schema)
    for file in files:
        config = checked_config(yaml.safe_load(file.read_text(encoding="utf-8")) or {}, rules)
        sources = read_sources(Path(config["corpus"]["sources"]), rules)
        print(f"{file}: good, {len(sources)} sources")


if __name__ == "__main__":
    import sys

    try:
        check(*map(Path, sys.argv[1:]))
    except ConfigError as error:
        sys.exit(str(error))
