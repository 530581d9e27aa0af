"""The rows as the audit needs them, in a database: numbers instead of texts, so that a million
rows take some tens of megabytes.

Two texts are the same where their MD5 is; a text counts as empty where it is white space.
"""

from pathlib import Path
from typing import Any

from scripts.classification.tables import KEPT, NOISE, ROWS, SPLITS, TRAIN
from scripts.common.out_of_core import copy_columns
from scripts.common.progress import Progress
from scripts.common.tables import count_rows

_TRAIN_NAMES = (TRAIN, "training")


def load_rows(database: Any, rows: Path, kept: Path, splits: Path, label_noise: Path) -> None:
    """Fill the tables `labelled`, `kept`, `splits` and `noise`."""
    progress = Progress("audit_labels", total=count_rows(rows, ROWS), unit="rows")
    database.execute(
        "CREATE TABLE labelled (row BIGINT, label VARCHAR, given_split VARCHAR, "
        "characters BIGINT, empty BOOLEAN, text_key UHUGEINT)"
    )
    for batch in copy_columns(rows, ROWS, ["row", "label", "text", "given_split"]):
        database.register("batch", batch)
        database.execute(
            "INSERT INTO labelled SELECT row, label, given_split, length(text), "
            "regexp_full_match(text, '\\s*'), md5_number(text) FROM batch"
        )
        progress.advance(batch.num_rows)
    for name, path, schema, columns in (
        ("kept", kept, KEPT, {"row": "BIGINT", "label": "VARCHAR", "train_only": "BOOLEAN"}),
        ("splits", splits, SPLITS, {"row": "BIGINT", "label_id": "INT", "split": "VARCHAR"}),
        (
            "noise",
            label_noise,
            NOISE,
            {
                "row": "BIGINT",
                "label_id": "INT",
                "predicted_id": "INT",
                "own_probability": "DOUBLE",
                "predicted_probability": "DOUBLE",
                "suspect": "BOOLEAN",
            },
        ),
    ):
        types = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        database.execute(f"CREATE TABLE {name} ({types})")
        for batch in copy_columns(path, schema, list(columns)):
            database.register("batch", batch)
            database.execute(f"INSERT INTO {name} SELECT {', '.join(columns)} FROM batch")
    progress.finish()


def given_training_split(database: Any) -> str | None:
    """Return the name of the input's own training split, None where the input has no splits.

    It is the one called train or training, else the largest.
    """
    found = database.sql(
        "SELECT given_split FROM labelled WHERE given_split IS NOT NULL GROUP BY given_split "
        "ORDER BY lower(trim(given_split)) IN (SELECT unnest(?)) DESC, count(*) DESC, given_split "
        "LIMIT 1",
        params=[list(_TRAIN_NAMES)],
    ).fetchall()
    return str(found[0][0]) if found else None


def share_of_agreement(database: Any) -> float:
    """Return the share of rows whose label the out-of-fold models predict, 0 where none is."""
    ((share,),) = database.sql(
        "SELECT coalesce(avg((label_id = predicted_id)::INT), 0) FROM noise"
    ).fetchall()
    return float(share)
