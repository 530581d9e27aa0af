"""Labels texts with a trained model, the linear one or the transformer.

In: a model's folder, and texts: on the command line, or from a file, one a line (UTF-8), or the
column of a Parquet file. Out, to the terminal: a line for each text with its label and the
probability of that label, tab-separated, below a header; and a column for each label that is asked
for. Labels with tabs, line ends or quotation marks stand in quotes, as in the project's tables. A
label that the model does not know is an error. Texts are read and labelled in batches.
"""

import csv
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH = 1_000  # texts in memory at a time


class Classifier(Protocol):
    """A trained model of any kind."""

    @property
    def labels(self) -> list[str]:
        """Labels in order of class ids."""

    def probabilities(self, texts: list[str]) -> "NDArray[np.float64]":
        """Return the probability of each class for each text, (n, C)."""


def run(
    model: Path,
    *,
    texts: list[str] | None = None,
    file: Path | None = None,
    column: str = "text",
    labels: list[str] | None = None,
) -> None:
    """Print the label of each text.

    Args:
        model: folder of the trained model.
        texts: the texts.
        file: a file with texts: one a line, or a Parquet file (.parquet).
        column: its column, in a Parquet file.
        labels: labels whose probabilities are printed as well.

    Raises:
        ConfigError: there are neither texts nor a file, or both.
        InputError: the folder holds no model, or the file no texts.
        UnknownLabelError: the model does not know one of `labels`.
    """
    from scripts.classification.label_map import LabelMap

    if (texts is None) == (file is None):
        raise ConfigError("give the texts to be labelled with --texts or with --file, one of them")
    classifier = read_classifier(model)
    registry = LabelMap(tuple(classifier.labels))
    asked = registry.ids(labels or [])
    source = texts if file is None else _texts_of(file, column)
    table = csv.writer(sys.stdout, delimiter="\t", lineterminator="\n")
    table.writerow(["label", "probability", *(f"p({label})" for label in labels or [])])
    for part in _parts(source or []):
        probabilities = classifier.probabilities(part)
        best = probabilities.argmax(axis=1)
        for label, row in zip(registry.names(best), probabilities, strict=True):
            numbers = [row.max(), *row[asked]]
            table.writerow([label, *(f"{number:.4f}" for number in numbers)])


def read_classifier(folder: Path) -> Classifier:
    """Read a model of either kind.

    Raises:
        InputError: the folder holds none.
    """
    if (folder / "model.json").is_file():
        from scripts.classification.linear_model import LinearModel

        return LinearModel.read(folder)
    if (folder / "config.json").is_file():
        from scripts.classification.encoder_model import EncoderModel
        from scripts.common.quiet_library import quieten_library

        quieten_library()
        return EncoderModel.read(folder)
    raise InputError(
        f"{folder} holds no trained model (neither model.json nor config.json); name the folder "
        "`model` of a finished training"
    )


def _texts_of(file: Path, column: str) -> Iterator[str]:
    return _column(file, column) if file.suffix == ".parquet" else _lines(file)


def _lines(file: Path) -> Iterator[str]:
    """Yield a text file's lines without their ends; an empty line is an empty text."""
    try:
        with file.open(encoding="utf-8", newline="\n") as stream:
            for line in stream:
                yield line.rstrip("\r\n")
    except FileNotFoundError:
        raise InputError(f"{file} is missing; name a file with a text on each line") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is no UTF-8 text ({error.reason}); convert it") from None


def _column(file: Path, column: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from scripts.classification.damage import damage_named

    try:
        table = pq.ParquetFile(file, pre_buffer=False)
    except FileNotFoundError:
        raise InputError(f"{file} is missing; name a Parquet file with a column of texts") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{file} is no complete Parquet file ({error}); make it again") from None
    with table, damage_named(file):
        if column not in table.schema_arrow.names:
            names = ", ".join(table.schema_arrow.names)
            raise InputError(f"{file} has no column {column}; choose one of {names}")
        row = 0
        for batch in table.iter_batches(batch_size=_BATCH, columns=[column]):
            for text in batch[column].to_pylist():
                if not isinstance(text, str):
                    raise InputError(
                        f"{file}, row {row}: {column} is {text!r} and no text; leave such rows out"
                    )
                row += 1
                yield text


def _parts(texts: Iterable[str]) -> Iterator[list[str]]:
    rest: Any = iter(texts)
    while part := list(itertools.islice(rest, _BATCH)):
        yield part


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
