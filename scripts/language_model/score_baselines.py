"""Scores the baselines without a model on all evaluation sets.

In: the evaluation sets, the corpus' splits and its noun mentions. Out: one row per item and
baseline (`BASELINE_SCORES`), with the columns of a checkpoint's scores.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.analysis import without_spaces
from scripts.common.corpus_tables import SCORES, SPLITS
from scripts.common.entry import entry
from scripts.common.progress import Progress
from scripts.common.tables import count_rows, iterate_batches, table_of_rows, table_writer
from scripts.language_model.baselines import baseline_rows
from scripts.language_model.evaluation_sets import Item, read_items
from scripts.language_model.tables import BASELINE_SCORES

_ROWS_OF_SPLITS = 50_000
_ITEMS_AT_A_TIME = 500


def run(
    sets: list[Path],
    scores: list[Path],
    splits: Path,
    baselines: Path,
    *,
    batch_documents: int,
) -> None:
    """Write the baselines' scores.

    Args:
        sets: the evaluation sets.
        scores: attributes of all shards, with their noun mentions.
        splits: the split of every document.
        baselines: where the scores go.
        batch_documents: documents read at a time.
    """
    items = read_items(sets)
    total = sum(count_rows(path, SCORES) for path in scores)
    progress = Progress("score_baselines", total=total)
    frequencies = training_mentions(items, scores, splits, batch_documents, progress)
    with table_writer(baselines, BASELINE_SCORES) as writer:
        for start in range(0, len(items), _ITEMS_AT_A_TIME):
            rows = [
                row
                for item in items[start : start + _ITEMS_AT_A_TIME]
                for row in baseline_rows(item, frequencies)
            ]
            writer.write_table(table_of_rows(rows, BASELINE_SCORES))
    progress.finish()


def training_mentions(
    items: Sequence[Item],
    scores: Sequence[Path],
    splits: Path,
    batch_documents: int,
    progress: Progress,
) -> Counter[str]:
    """Return the number of mentions in training documents of every noun of the items.

    Equal texts are analysed once, so a text that stands in several documents counts once.
    """
    forms = {form for item in items for form in item["noun_form"]}
    wanted = pa.array(sorted(forms), type=pa.string())
    held_out = _documents_of_other_splits(splits)
    counts: Counter[str] = Counter()
    for path in scores:
        for batch in iterate_batches(
            path, SCORES, rows=batch_documents, columns=["doc_id", "mention_form"]
        ):
            train = pc.invert(pc.is_in(batch["doc_id"], value_set=held_out))
            mentioned = batch["mention_form"].filter(train).flatten()
            known = mentioned.filter(pc.is_in(mentioned, value_set=wanted))
            for found in pc.value_counts(known).to_pylist():
                counts[without_spaces(found["values"])] += found["counts"]
            progress.advance(batch.num_rows)
    return counts


def _documents_of_other_splits(splits: Path) -> pa.Array:
    """Return the ids of the documents outside the training split, the smaller part by far."""
    parts = [
        batch["doc_id"].filter(pc.not_equal(batch["split"], "train"))
        for batch in iterate_batches(
            splits, SPLITS, rows=_ROWS_OF_SPLITS, columns=["doc_id", "split"]
        )
    ]
    return pa.concat_arrays(parts) if parts else pa.array([], type=pa.string())


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
