"""The training rows of finished datasets: read from disk when asked for, then masked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.corpus_tables import ENTITY_COREF_ROWS, MLM_ROWS
from scripts.common.errors import ConfigError, InputError, IntegrityError
from scripts.common.files import read_json
from scripts.common.keyed_generator import keyed_generator
from scripts.language_model.batches import ENTITY, TEXT, RowReference
from scripts.language_model.collate import MaskedRow
from scripts.language_model.dataset_splits import split_table
from scripts.language_model.entity_rows import entity_row
from scripts.language_model.masking import (
    Pieces,
    masked_text_row,
    masking_rate,
)

_SCHEMAS = {TEXT: MLM_ROWS, ENTITY: ENTITY_COREF_ROWS}


@dataclass(frozen=True)
class Masking:
    """How rows are masked.

    Attributes:
        seed, run: what random numbers are keyed by, besides pass and row.
        length: tokens of the longest row.
        low, high: rates of plain text, at no token and at a full row.
        whole_word: whether the pieces of a word are masked together.
        entity_supervision: whether the masks of entity rows carry labels.
        extra_masking: share of an entity row's other tokens that are masked.
    """

    seed: int
    run: str
    length: int
    low: float
    high: float
    whole_word: bool
    entity_supervision: bool
    extra_masking: float


class TrainingRows:
    """The training split of the datasets of one run.

    Args:
        folders: dataset folders by kind (TEXT, ENTITY).
        pieces: the vocabulary.
        masking: how rows are masked.

    Raises:
        ConfigError: a rate is no share.
        InputError: a dataset has no training row, or rows longer than `masking.length`.
        IntegrityError: a dataset is incomplete.
    """

    def __init__(self, folders: dict[str, Path], pieces: Pieces, masking: Masking) -> None:
        rates = (masking.low, masking.high, masking.extra_masking)
        if not all(0 <= rate <= 1 for rate in rates) or masking.low > masking.high:
            raise ConfigError(
                f"mask_min {masking.low}, mask_max {masking.high}, extra_masking "
                f"{masking.extra_masking}: rates lie in 0..1, mask_min at most mask_max"
            )
        self.pieces, self.masking = pieces, masking
        self._tables = {
            kind: training_table(folder, _SCHEMAS[kind]) for kind, folder in folders.items()
        }
        for kind, lengths in self.lengths.items():
            if lengths.max() > masking.length:
                raise InputError(
                    f"{folders[kind]} has a row of {lengths.max()} tokens, more than the run's "
                    f"length {masking.length}; choose the dataset of that length"
                )

    @property
    def lengths(self) -> dict[str, np.ndarray]:
        """Tokens of each row by kind."""
        return {
            kind: pc.list_value_length(table["input_ids"]).to_numpy()
            for kind, table in self._tables.items()
        }

    def masked(self, references: Sequence[RowReference]) -> list[MaskedRow]:
        """Return rows, masked as their pass has it."""
        return [self._masked_row(reference) for reference in references]

    def _masked_row(self, reference: RowReference) -> MaskedRow:
        masking = self.masking
        generator = keyed_generator(
            masking.seed,
            "masking",
            masking.run,
            reference.kind,
            str(reference.pass_number),
            str(reference.row),
        )
        row = _Row(self._tables[reference.kind], reference.row)
        ids = row.values("input_ids")
        if reference.kind == TEXT:
            rate = masking_rate(len(ids), masking.length, masking.low, masking.high)
            inputs, labels = masked_text_row(
                ids, rate, self.pieces, generator, whole_word=masking.whole_word
            )
            return MaskedRow(inputs, labels, row.values("segment_lengths"))
        inputs, labels = entity_row(
            ids,
            row.values("label_ids"),
            row.number("mask_token_start"),
            (row.number("antecedent_token_start"), row.number("antecedent_token_end")),
            self.pieces,
            generator,
            supervised=masking.entity_supervision,
            extra_masking=masking.extra_masking,
            whole_word=masking.whole_word,
        )
        return MaskedRow(inputs, labels, np.array([len(ids)]))


class _Row:
    """One row of an Arrow table."""

    def __init__(self, table: pa.Table, number: int) -> None:
        self._table, self._number = table, number

    def values(self, column: str) -> np.ndarray:
        """A list column's values, shape (n,)."""
        values: np.ndarray = self._table[column][self._number].values.to_numpy()
        return values

    def number(self, column: str) -> int:
        """A number column's value."""
        return int(self._table[column][self._number].as_py())


def dataset_metadata(folder: Path) -> dict[str, Any]:
    """Return what a dataset says about itself."""
    metadata: dict[str, Any] = read_json(folder / "metadata.json")
    return metadata


def training_table(folder: Path, schema: pa.Schema) -> pa.Table:
    """Map the training split of a dataset folder into memory.

    Raises:
        InputError: there is no training row.
        IntegrityError: a file is missing or broken, or has other columns.
    """
    table = split_table(folder, "train")
    if table is None:
        raise InputError(
            f"{folder} has no training row; give the corpus more documents or loosen its filters"
        )
    if not table.schema.equals(schema, check_metadata=False):
        raise IntegrityError(
            f"{folder / 'train'} has other columns than expected; build the dataset again"
        )
    return table
