"""The stop list: entities that give no sample.

A UTF-8 text file, one entity a line, spaces ignored; what follows `#` is a comment. Names are
normalized as texts are, so that a decomposed spelling or a byte order mark does no harm.
"""

from pathlib import Path

from scripts.common.analysis import without_spaces
from scripts.common.errors import ConfigError
from scripts.common.normalize import normalize


def read_stop_list(path: Path) -> frozenset[str]:
    """Return the entities of a stop list, without spaces.

    Raises:
        ConfigError: the file is missing or unreadable, is not UTF-8, has an empty line, or names
            no entity.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"stop list {path} cannot be read ({error.strerror}); correct "
            "corpus.entity_coref.stop_list, or set it to null"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"stop list {path} is not UTF-8 ({error}); save it as UTF-8") from error
    entities = set()
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        name, mark, _ = line.partition("#")
        entity = without_spaces(normalize(name).text)
        if not entity and not mark:
            raise ConfigError(
                f"stop list {path} line {number} is empty; write an entity or a # comment there, "
                "or delete the line"
            )
        entities.add(entity)
    entities.discard("")
    if not entities:
        raise ConfigError(
            f"stop list {path} names no entity; add one, or set corpus.entity_coref.stop_list to "
            "null"
        )
    return frozenset(entities)
