"""What each column is: by its exact name, or by a pattern of names."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from scripts.common.errors import ConfigError
from scripts.common.names import nearest_name

DESCRIPTOR, METADATA, LABEL, PROTECTED, FORCE_DROP = ROLES = (
    "descriptor",
    "metadata",
    "label",
    "protected",
    "force_drop",
)


def names_of(pattern: str, names: Sequence[str]) -> list[str]:
    """Return the names that a pattern means: the one that it is, else all that match it.

    Args:
        pattern: a name, or a pattern with `*`, `?` and `[...]`; case counts.
        names: names of columns.
    """
    if pattern in names:
        return [pattern]
    return [name for name in names if fnmatchcase(name, pattern)]


def matching_names(pattern: str, names: Sequence[str], *, key: str) -> list[str]:
    """Return the names that a pattern means, as `names_of`.

    Args:
        pattern: a name or a pattern.
        names: names of columns.
        key: where the pattern stands, for the message.

    Raises:
        ConfigError: there are none.
    """
    found = names_of(pattern, names)
    if not found:
        near = nearest_name(pattern.strip("*?"), names)
        hint = f"did you mean {near}? " if near is not None else ""
        raise ConfigError(f"{key}: {pattern} matches no column; {hint}correct or remove it")
    return found


def kept_names(force_keep: Sequence[str], names: Sequence[str]) -> set[str]:
    """Return the descriptors that must stay, the same ones in every pass.

    Args:
        force_keep: names and patterns, as `matching_names` takes them.
        names: descriptors of the pass.

    Raises:
        ConfigError: a name or pattern matches none of them.
    """
    return {
        name for pattern in force_keep for name in matching_names(pattern, names, key="force_keep")
    }


def roles_of(names: Sequence[str], declared: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the role of each column; a column that nothing names is a descriptor.

    A column's own name decides before any pattern.

    Args:
        names: names of all columns.
        declared: names and patterns by role.

    Raises:
        ConfigError: a name or pattern matches no column, or two roles claim one column.
    """
    exact: dict[str, dict[str, str]] = {name: {} for name in names}
    by_pattern: dict[str, dict[str, str]] = {name: {} for name in names}
    for role, patterns in declared.items():
        for pattern in patterns:
            for name in matching_names(pattern, names, key=role):
                claims = exact if pattern == name else by_pattern
                claims[name].setdefault(role, pattern)
    return {name: _one_role(name, exact[name] or by_pattern[name]) for name in names}


def _one_role(name: str, claims: Mapping[str, str]) -> str:
    if len(claims) > 1:
        listed = " and ".join(f"{role} ({pattern})" for role, pattern in claims.items())
        raise ConfigError(f"column {name} is declared as {listed}; leave it in one of them")
    return next(iter(claims), DESCRIPTOR)
