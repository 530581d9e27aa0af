"""Writes config/README.md, the description of every configuration key, from config/schema.yaml.

`python -m scripts.common.config_reference` writes the page; with `--check` it writes nothing and
fails where the page differs from what the schema says.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.common.check_config import ROOT, SCHEMA_FILE
from scripts.common.config import Schema, describe_allowed, load_schema
from scripts.common.files import write_text

REFERENCE_FILE = Path("config/README.md")
_COMMAND = "python -m scripts.common.config_reference"
_COLUMN_NAMES = ("type", "allowed", "default", "description")
_PREAMBLE = f"""# Configuration

This page is made from `schema.yaml` by `{_COMMAND}`; edit the schema, not the page.

| file | what it is |
| --- | --- |
| `config.yaml` | the embedded default: generated articles, no network, minutes on two cores |
| `full.yaml` | the published scale, with the sources of `sources_full.tsv` |
| `schema.yaml` | every key with its type, range, default and description |
| `sources.tsv`, `sources_full.tsv` | the tables of sources of the two |
| `runs.tsv`, `runs_full.tsv` | the tables of training runs of the two |
| `strategies.tsv` | strategies against imbalance, the same for the two |
| `methods.tsv`, `methods_full.tsv` | the tables of retrieval methods of the two |

A file of your own goes on top of `config.yaml` and names only what it changes:
`snakemake corpus --configfile my.yaml` (the target first: the option takes several files). A key
that it does not name has the default below. The section `demo` of `config.yaml` changes some of
them for the generated articles alone. A key that is not below is an error.
`python -m scripts.common.check_config my.yaml` checks a file without running anything.
"""


def reference(schema: Schema) -> str:
    """Return the page for a schema, as Markdown."""
    tables = schema["$defs"]
    parts = [
        _PREAMBLE,
        *_sections(schema, ""),
        _table_section("sources", "corpus.sources", tables["source"]),
        _table_section("runs", "language_model.runs", tables["run"]),
        _table_section("strategies", "classification.strategies", tables["strategy"]),
        _table_section("methods", "retrieval.methods", tables["method"]),
        _table_section("shares", "retrieval.input.plan", tables["session_share"]),
    ]
    return "\n".join(parts)


def _sections(schema: Schema, path: str) -> Iterator[str]:
    """Yield a section for the keys of `schema` that hold values, then one for each group."""
    values = {name: part for name, part in schema["properties"].items() if not _is_group(part)}
    groups = {name: part for name, part in schema["properties"].items() if _is_group(part)}
    title = f"`{path}`" if path else "Top level"
    prefix = f"{path}." if path else ""
    lines = [f"## {title}\n", *([f"{schema['description']}\n"] if path else [])]
    if values:
        lines.append(
            _table("key", {f"{prefix}{name}": part for name, part in values.items()}, _as_json)
        )
    yield "\n".join(lines)
    for name, part in groups.items():
        yield from _sections(part, f"{prefix}{name}")


def _table_section(name: str, key: str, row: Schema) -> str:
    """Return the section of a table: `name` in the plural, the config key, the schema of a row."""
    required = " and ".join(f"`{column}`" for column in row["required"])
    columns = {
        column: part if column in row["required"] else {"default": "", **part}
        for column, part in row["properties"].items()
    }
    return (
        f"## The table of {name}\n\n"
        f"The file that `{key}` names: tab-separated UTF-8, a header, then one "
        f"{row['required'][0]} a row. Lines that start with `#` are comments. "
        f"A table needs the columns {required}; of the others it has those that it uses. "
        "An empty cell means the default.\n\n" + _table("column", columns, _as_cell)
    )


def _is_group(part: Schema) -> bool:
    return "properties" in part


def _table(first: str, parts: dict[str, Schema], show: Callable[[Any], str]) -> str:
    names = (first, *_COLUMN_NAMES)
    rows = [names, ("---",) * len(names)]
    rows += [(f"`{path}`", *_cells(part, show)) for path, part in parts.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cells(part: Schema, show: Callable[[Any], str]) -> tuple[str, str, str, str]:
    kind = _kind(part)
    allowed = _without_kind(describe_allowed(part), kind)
    default = show(part["default"]) if "default" in part else "none, it is required"
    return kind, _escaped(allowed) or "any", default, _escaped(part["description"])


def _as_json(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _as_cell(value: Any) -> str:
    """Return a default as a table would hold it."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"`{text}`" if text else "empty"


def _kind(part: Schema) -> str:
    """Return the types that a value may have, in words."""
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_kind(option) for option in part["anyOf"]))
    if "enum" in part or "const" in part:
        return "string"
    kinds = part.get("type", "object")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join("list" if word == "array" else word for word in words)


def _without_kind(allowed: str, kind: str) -> str:
    """Return the limits alone, where `allowed` opens with the type that its own column names."""
    if allowed.startswith("array of "):
        return allowed.replace("array of ", "items ", 1)
    return allowed.removeprefix(kind).strip()


def _escaped(text: Any) -> str:
    return re.sub(r"([|*])", r"\\\1", " ".join(str(text).split()))


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` compare it; return 1 where it differs."""
    if arguments not in ([], ["--check"]):
        print(f"usage: {_COMMAND} [--check]", file=sys.stderr)
        return 2
    page, text = ROOT / REFERENCE_FILE, reference(load_schema(ROOT / SCHEMA_FILE))
    if not arguments:
        write_text(page, text)
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == text:
        return 0
    print(f"{REFERENCE_FILE} does not follow {SCHEMA_FILE}; run {_COMMAND}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
