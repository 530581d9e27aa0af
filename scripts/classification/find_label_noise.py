"""Finds labels that are probably wrong, from predictions by models that had not seen them.

In: the rows whose class survived. Out: for each of them, in row order, the out-of-fold probability
of its label and of the likeliest class, and whether the label is suspect. Folds keep groups whole.
Rows without text are not judged, nor are rows of classes that the other folds hardly know. Rows
whose exact text carries another label elsewhere are suspect as well: at least one of them is wrong.
Method: `out_of_fold` (naive Bayes on hashed character n-grams), `confident_labels` (Northcutt et
al. 2021).
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scripts.classification.confident_labels import Judgement, judge_labels
from scripts.classification.ngram_store import BLOCK_ROWS, NgramStore
from scripts.classification.out_of_fold import folds_of, predict_out_of_fold
from scripts.classification.tables import KEPT, NOISE
from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import DEFAULT_TMPDIR, private_folder
from scripts.common.out_of_core import connect, copy_columns
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, write_table

_logger = logging.getLogger(__name__)
_MOST_BITS, _LEAST_BITS = 16, 13
_LEAST_GAIN = 0.05  # over always answering the largest class
_MOST_CELLS_BITS = 24  # of a model: columns times classes, 64 MB


def run(
    kept: Path,
    noise: Path,
    *,
    folds: int = 5,
    seed: int = 42,
    threads: int = 1,
    mem_mb: int = 1000,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Write what is thought of each label.

    Args:
        kept: rows whose class survived the filter.
        noise: where the table goes.
        folds: number of folds, each predicted by a model of the others.
        seed: decides the folds.
        threads: models fitted at a time, and threads of the database.
        mem_mb: memory of the job, which bounds the database.
        tmpdir: local folder for n-gram counts and what does not fit into memory.
    """
    if folds < 2:
        raise ConfigError(
            f"folds is {folds}; a row is judged by the other folds, so give 2 or more"
        )
    total = count_rows(kept, KEPT)
    if not total:
        raise InputError(f"{kept} has no rows; lower min_samples_per_class")
    with connect(tmpdir, mem_mb=mem_mb, threads=threads) as database:
        database.execute(
            'CREATE TABLE kept (row BIGINT, label_id INT, text VARCHAR, "group" BIGINT)'
        )
        for batch in copy_columns(kept, KEPT, ["row", "label_id", "text", "group"]):
            database.register("batch", batch)
            database.execute("INSERT INTO kept SELECT * FROM batch")
        found = database.sql(
            'SELECT row, label_id, "group", length(text) > 0 AS has_text FROM kept ORDER BY row'
        ).fetchnumpy()
        conflicting = conflicting_rows(database)
        labels = np.asarray(found["label_id"], np.int64)
        classes = int(labels.max()) + 1
        with private_folder(tmpdir) as folder:
            store = NgramStore(folder, column_bits(classes))
            reading = Progress("find_label_noise n-grams", total=total, unit="rows")
            for texts in _texts(database):
                store.add(texts)
                reading.advance(len(texts))
            store.finish()
            reading.finish()
            database.execute("DROP TABLE kept")
            fold = folds_of(labels, np.asarray(found["group"]), folds=folds, seed=seed)
            predicting = Progress("find_label_noise predictions", total=total, unit="rows")
            predictions = predict_out_of_fold(
                store,
                labels,
                fold,
                classes=classes,
                threads=min(threads, folds),
                advance=predicting.advance,
            )
            predicting.finish()
    rows = np.asarray(found["row"])
    judgement = judge_labels(predictions, labels, np.asarray(found["has_text"], bool), classes)
    suspect = judgement.suspect | np.isin(rows, conflicting)
    _tell(judgement, labels, suspect)
    write_table(noise, _table(rows, labels, judgement, suspect), NOISE)


def column_bits(classes: int) -> int:
    """Return the bits of the hashed columns: fewer where there are very many classes."""
    return max(_LEAST_BITS, min(_MOST_BITS, _MOST_CELLS_BITS - max(classes - 1, 0).bit_length()))


def conflicting_rows(database: Any) -> npt.NDArray[np.int64]:
    """Return the rows of table `kept` whose text, if any, carries another label elsewhere."""
    found = database.sql(
        "SELECT row FROM kept JOIN (SELECT text FROM kept WHERE length(text) > 0 GROUP BY text "
        "HAVING min(label_id) < max(label_id)) USING (text) ORDER BY row"
    ).fetchnumpy()
    return np.asarray(found["row"], np.int64)


def _texts(database: Any) -> Iterator[list[str]]:
    """Yield the texts in row order, a block at a time."""
    reader = database.sql("SELECT text FROM kept ORDER BY row").to_arrow_reader(BLOCK_ROWS)
    for batch in reader:
        texts: list[str] = batch.column("text").to_pylist()
        yield texts


def _table(
    rows: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    judgement: Judgement,
    suspect: npt.NDArray[np.bool_],
) -> pa.Table:
    return pa.table(
        {
            "row": rows,
            "label_id": labels.astype(np.int32),
            "predicted_id": judgement.best_id,
            "own_probability": judgement.own,
            "predicted_probability": judgement.best,
            "suspect": suspect,
        },
        schema=NOISE,
    )


def _tell(
    judgement: Judgement, labels: npt.NDArray[np.int64], suspect: npt.NDArray[np.bool_]
) -> None:
    agreement = float((judgement.best_id == labels).mean())
    majority = float(np.bincount(labels).max() / labels.size)
    _logger.info(
        "scale %.3f of the exponent, %.2f %% of labels do not follow their texts; judged %d of %d "
        "rows, agreed with %.1f %% of all labels; suspect: %d",
        judgement.scale,
        100 * judgement.noise_share,
        int(judgement.judged.sum()),
        judgement.judged.size,
        100 * agreement,
        int(suspect.sum()),
    )
    if agreement < majority + _LEAST_GAIN:
        _logger.warning(
            "the models predict %.1f %% of the labels, and always answering the largest class "
            "%.1f %%: they do not know the classes, so that few suspects do not mean sound labels",
            100 * agreement,
            100 * majority,
        )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
