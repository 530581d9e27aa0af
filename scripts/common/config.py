"""The closed configuration: schema check, defaults, and combinations that cannot work.

Every complaint is one line that names the key, the value, what is allowed, and for an unknown key
the nearest right one.
"""

import copy
import json
import math
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from scripts.common.errors import ConfigError
from scripts.common.names import nearest_name

Schema = dict[str, Any]

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
            yield (
                f"{prefix}{_joined(parent, name)} = {_shown(value)} is unknown; {hint}"
                f"allowed here: {', '.join(allowed)}"
            )


def nearest_hint(name: str, keys: dict[str, str]) -> str:
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
    yield from _language_model_combinations(config["language_model"])
    yield from _classification_combinations(config["classification"])
    yield from _descriptors_combinations(config["descriptors"])


def _language_model_combinations(section: dict[str, Any]) -> Iterator[str]:
    base, evaluation = section["base_model"], section["evaluation"]
    key = "config key language_model"
    if base["hidden_size"] % base["heads"]:
        yield (
            f"{key}.base_model.heads = {base['heads']} does not divide hidden_size = "
            f"{base['hidden_size']}; allowed: a divisor of it"
        )
    for path, values, name in (
        ("base_model", base, "model"),
        ("evaluation.lambada", evaluation["lambada"], "dataset"),
    ):
        if values["revision"] is not None and values[name] is None:
            yield (
                f"{key}.{path}.revision = {values['revision']} has no {name}; allowed: null, or a "
                f"revision of language_model.{path}.{name}"
            )
    weights = evaluation["weights"]
    if not math.isclose(sum(weights.values()), 1):
        yield (
            f"{key}.evaluation.weights = {weights} have the sum {sum(weights.values()):g}; "
            "allowed: weights with the sum 1"
        )


def _classification_combinations(section: dict[str, Any]) -> Iterator[str]:
    given, key = section["input"], "config key classification"
    if (given["kind"] == "files") != (given["location"] is not None):
        yield (
            f"{key}.input.location = {given['location']} does not fit kind = {given['kind']}; "
            + ("allowed: path or glob of files" if given["kind"] == "files" else "allowed: null")
        )
    if section["val_size"] >= section["test_size"]:
        yield (
            f"{key}.val_size = {section['val_size']:g} leaves no test rows of test_size = "
            f"{section['test_size']:g}; allowed: less, since both together are held out"
        )
    named = [given["label_column"], given["group_column"], given["split_column"]]
    for name in sorted({name for name in named if name} & set(given["text_columns"])):
        yield f"{key}.input.text_columns names {name}, which has another role; allowed: one of both"
    if section["evaluation"]["tail_below"] > section["evaluation"]["head_above"]:
        yield (
            f"{key}.evaluation.tail_below is above head_above, so that a class would be both; "
            "allowed: at most that"
        )
    if section["tfidf"]["ngram_min"] > section["tfidf"]["ngram_max"]:
        yield f"{key}.tfidf.ngram_min is above ngram_max; allowed: at most that"
    transformer = section["transformer"]
    if transformer["hidden_size"] % transformer["heads"]:
        yield (
            f"{key}.transformer.heads = {transformer['heads']} does not divide hidden_size = "
            f"{transformer['hidden_size']}; allowed: a divisor"
        )


def _is_web(location: str | None) -> bool:
    return location is not None and location.startswith(("http://", "https://"))


def _descriptors_combinations(section: dict[str, Any]) -> Iterator[str]:
    given, key = section["input"], "config key descriptors"
    reads_files = given["kind"] in ("smiles", "table")
    if reads_files != (given["location"] is not None):
        yield (
            f"{key}.input.location = {given['location']} does not fit kind = {given['kind']}; "
            + ("allowed: path or glob of files" if reads_files else "allowed: null")
        )
    addresses = (given["location"] or "").split() if _is_web(given["location"]) else []
    if given["sha256"] and len(given["sha256"]) != len(addresses):
        yield (
            f"{key}.input.sha256 has {len(given['sha256'])} digests for {len(addresses)} "
            "addresses; allowed: one for each, or none"
        )
    roles = section["columns"]
    for one, other in combinations(("metadata", "labels", "protected", "force_drop"), 2):
        for name in sorted(set(roles[one]) & set(roles[other])):
            yield f"{key}.columns.{one} and {other} both name {name}; allowed: one role a column"
    for other in ("metadata", "labels", "protected", "force_drop"):
        for name in sorted({*roles["force_keep"], *roles["prefer"]} & set(roles[other])):
            yield f"{key}.columns.{other} names {name}, which is to be kept; allowed: one of both"
    weights = [section["nonlinear"][name] for name in ("hsic_weight", "rdc_weight")]
    if not math.isclose(sum(weights), 1):
        yield (
            f"{key}.nonlinear.hsic_weight and rdc_weight have the sum {sum(weights):g}; "
            "allowed: weights with the sum 1"
        )


def _ordered_pairs(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for low in values:
        high = low.replace("min_", "max_", 1)
        if low.startswith("min_") and high in values:
            yield low, high
