"""The closed configuration: schema check, defaults, and combinations that cannot work.

Every complaint is one line that names the key, the value, what is allowed, and for an unknown key
the nearest right one.
"""

import copy
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from scripts.common.addresses import is_secret_name, without_secrets
from scripts.common.config_combinations import impossible_combinations
from scripts.common.errors import ConfigError
from scripts.common.names import nearest_hint

Schema = dict[str, Any]

_SHOWN_CHARACTERS = 80


def _is_whole(_checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _matches(_validator: Any, pattern: str, value: Any, _schema: Schema) -> Iterator[Any]:
    # As a whole: `$` alone also stands before a last line end.
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def _is_finite(_checker: Any, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


# JSON Schema calls 1.0 an integer, and lets YAML's .nan through every limit; no step can use them.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {"pattern": _matches},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_whole, "number": _is_finite}
    ),
)


def load_schema(path: Path) -> Schema:
    """Read the JSON schema of the configuration from a YAML file."""
    # The plain loader takes eight times as long, at every start of Snakemake.
    schema: Schema = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return schema


def checked_config(config: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return `config` with all defaults filled in.

    Raises:
        ConfigError: a key is unknown, a value has the wrong type or lies outside its range, or a
            combination of values cannot work. The message lists every complaint, one a line.
    """
    refuse_schema_breaks(config, schema)
    filled: dict[str, Any] = with_defaults(config, schema)
    complaints = list(impossible_combinations(filled))
    if complaints:
        raise ConfigError("\n".join(complaints))
    return filled


def refuse_schema_breaks(config: dict[str, Any], schema: Schema) -> None:
    """Raise a ConfigError that lists every key that breaks the schema, one a line."""
    complaints = list(schema_complaints(config, schema, prefix="config key "))
    if complaints:
        raise ConfigError("\n".join(complaints))


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
            hint = nearest_hint(str(name), here) or nearest_hint(str(name), dict(leaf_paths(whole)))
            value = "…" if is_secret_name(str(name)) else _shown(value)
            yield (
                f"{prefix}{_joined(parent, name)} = {value} is unknown; {hint}"
                f"allowed here: {', '.join(allowed)}"
            )


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
    text = without_secrets(json.dumps(value, ensure_ascii=False, default=str))
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
