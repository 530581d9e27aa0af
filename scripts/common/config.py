"""The closed configuration: schema check, defaults, and combinations that cannot work.

Every complaint is one line that names the key, the value, what is allowed, and for an unknown key
the nearest right one. `python -m scripts.common.config FILE...` checks files as Snakemake would
use them: each merged over config/config.yaml.
"""

import copy
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from scripts.common.errors import ConfigError
from scripts.common.names import nearest_name

Schema = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
SCHEMA_FILE = Path("config/schema.yaml")
DEFAULT_FILE = Path("config/config.yaml")
_SHOWN_CHARACTERS = 80


def _is_whole(_checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(_checker: Any, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# JSON Schema calls 1.0 an integer, and lets YAML's .nan through every limit; no step can use them.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_finite}
    ),
)


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
    errors = _Validator(schema).iter_errors(value)
    for error in sorted(errors, key=lambda error: list(map(str, error.path))):
        key = ".".join(map(str, error.path))
        if error.validator == "additionalProperties":
            yield from _unknown_keys(error, key, prefix, schema)
        elif error.validator == "required":
            # One error each, and only its message names the key.
            missing = error.message.removesuffix(" is a required property").strip("'")
            yield f"{prefix}{_joined(key, missing)} is missing"
        else:
            allowed = describe_allowed(error.schema)
            shown = _shown(error.instance)
            yield f"{prefix}{key or '(top)'} = {shown} is not allowed; allowed: {allowed}"


def _unknown_keys(error: Any, parent: str, prefix: str, whole: Schema) -> Iterator[str]:
    allowed = sorted(error.schema.get("properties", {}))
    for name, value in sorted(error.instance.items(), key=lambda item: str(item[0])):
        if name not in allowed:
            here = {_joined(parent, key): key for key in allowed}
            hint = _hint(str(name), here) or _hint(str(name), dict(leaf_paths(whole)))
            yield (
                f"{prefix}{_joined(parent, name)} = {_shown(value)} is unknown; {hint}"
                f"allowed here: {', '.join(allowed)}"
            )


def _hint(name: str, keys: dict[str, str]) -> str:
    """Return a question for the nearest of `keys` (name by path), empty where none is near."""
    near = nearest_name(name, keys.values())
    paths = [path for path, key in keys.items() if key == near]
    return f"did you mean {' or '.join(paths)}? " if paths else ""


def leaf_paths(schema: Schema, parent: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted path, name) of every key of a schema that holds no further keys."""
    for name, part in schema.get("properties", {}).items():
        path = _joined(parent, name)
        if "properties" in part:
            yield from leaf_paths(part, path)
        else:
            yield path, name


def _joined(parent: str, name: Any) -> str:
    return f"{parent}.{name}" if parent else str(name)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def describe_allowed(schema: Schema) -> str:
    """Describe in words which values a schema of one key allows."""
    if "anyOf" in schema:
        return " or ".join(describe_allowed(option) for option in schema["anyOf"])
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
        return ", ".join([f"{words} of ({describe_allowed(schema['items'])})", *limits])
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
    (_, columns), *lines = _cells_of_lines(path)
    complaints = list(_column_complaints(columns, part, path.name))
    sources: dict[str, dict[str, Any]] = {}
    for number, cells in [] if complaints else lines:
        if len(cells) != len(columns):
            complaints.append(
                f"{path.name} line {number} has {len(cells)} cells; allowed: as many as the "
                f"header, {len(columns)}"
            )
            continue
        prefix = f"{path.name} line {number}, column "
        row = {
            column: _typed_cell(cell, part["properties"][column])
            for column, cell in zip(columns, cells, strict=True)
            if cell
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


def _cells_of_lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return (line number, cells) of the header and the rows; comments and blank lines are none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name} is not UTF-8 ({error}); save it as UTF-8") from error
    lines = [
        (number, [cell.strip() for cell in line.split("\t")])
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not lines:
        raise ConfigError(f"{path.name} is empty; add a header and at least one source")
    return lines


def _column_complaints(columns: list[str], part: Schema, file: str) -> Iterator[str]:
    """Yield one line for each column that is unknown, stands twice or is missing."""
    allowed = sorted(part["properties"])
    for column in sorted(set(columns) - set(allowed)):
        hint = _hint(column, {name: name for name in allowed})
        yield f"{file} column {column!r} is unknown; {hint}allowed: {', '.join(allowed)}"
    for column in sorted({column for column in columns if columns.count(column) > 1}):
        yield f"{file} column {column!r} stands twice; allowed: once"
    for column in part["required"]:
        if column not in columns:
            yield f"{file} column {column!r} is missing; the header needs it"


def _typed_cell(cell: str, schema: Schema) -> Any:
    kind = schema.get("type")
    if kind == "array":
        return cell.split()
    if kind == "integer":
        try:
            return int(cell)
        except ValueError:
            return cell
    return cell


def _source_complaints(row: dict[str, Any], prefix: str) -> Iterator[str]:
    if row.get("kind") in ("local", "http", "hub") and not row.get("location"):
        yield f"{prefix}location is empty; a source of kind {row['kind']} needs one"
    for column in ("config", "split"):
        if row.get("kind") in ("demo", "local", "http") and row.get(column):
            yield f"{prefix}{column} = {row[column]} has no meaning; allowed: only for kind hub"
    low, high = row.get("min_characters", 0), row.get("max_characters", 1_000_000_000)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"{prefix}min_characters = {low} is above max_characters = {high}"


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
    config = checked_config(merged_config(file), schema)
    sources = read_sources(find_table(config["corpus"]["sources"], ROOT), schema)
    return f"{file}: good, {len(sources)} sources"


def main(files: list[str]) -> int:
    """Check files one by one, print a line for each, and return 1 if one of them is bad."""
    if not files:
        print("usage: python -m scripts.common.config FILE...", file=sys.stderr)
        return 2
    worst = 0
    for file in files:
        path = Path(file)
        try:
            print(check(path if path.exists() or not (ROOT / path).exists() else ROOT / path))
        except ConfigError as error:
            print("\n".join(f"{file}: {line}" for line in str(error).splitlines()), file=sys.stderr)
            worst = 1
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
