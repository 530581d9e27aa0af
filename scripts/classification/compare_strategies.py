"""Compares the strategies on one test split, and says in words which help.

In: the four files of every training, the splits with the groups of their rows, the reports of
filter and audit. Out: every strategy's scores with paired intervals against the one without repair,
scores of each class, loss curves, every training on its own (TSV), and summary.json. Scores are of
the surviving classes, and of all classes of the input (`scopes`); intervals as in
`strategy_differences`.
"""

import logging
from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError

_logger = logging.getLogger(__name__)


def run(
    metrics: list[Path],
    predictions: list[Path],
    per_class: list[Path],
    losses: list[Path],
    splits: Path,
    kept: Path,
    label_map: Path,
    filter_report: Path,
    imbalance: Path,
    strategies_table: Path,
    classes: Path,
    losses_table: Path,
    seeds: Path,
    summary: Path,
    *,
    strategies: dict[str, dict[str, Any]],
    bootstrap: int = 1000,
    seed: int = 42,
    head_above: int = 100,
    tail_below: int = 20,
    code_hash: str,
) -> None:
    """Write the comparison.

    Args:
        metrics: metrics.json of each training.
        predictions: answers on the test split, of the same trainings in the same order.
        per_class: scores of each class, likewise.
        losses: loss curve, likewise.
        splits: split of each row.
        kept: the rows with their groups.
        label_map: registry of the labels.
        filter_report: report of the filter.
        imbalance: figures of imbalance.
        strategies_table: TSV to write: scores and differences.
        classes: TSV to write: scores of each class by strategy.
        losses_table: TSV to write: loss curves.
        seeds: TSV to write: every training.
        summary: JSON to write: counts, verdicts, versions, hashes.
        strategies: settings by strategy, in the table's order.
        bootstrap: number of draws.
        seed: seed of the draws.
        head_above: a class with more training rows is a head class.
        tail_below: a class with fewer training rows is a tail class.
        code_hash: version of this step's code.

    Raises:
        ConfigError: no training, or no draw.
        IntegrityError: files do not belong together.
    """
    from scripts.classification.comparison_summary import summarize
    from scripts.classification.comparison_tables import (
        CLASS_COLUMNS,
        LOSS_COLUMNS,
        SEED_COLUMNS,
        STRATEGY_COLUMNS,
        class_rows,
        loss_rows,
        seed_rows,
        strategy_row,
    )
    from scripts.classification.drawn_groups import draw_groups
    from scripts.classification.finished_runs import (
        buckets_of_split,
        by_strategy,
        find_judged_rows,
        read_run,
    )
    from scripts.classification.label_map import LabelMap
    from scripts.classification.scopes import input_scope, surviving_scope
    from scripts.classification.strategy_differences import compare
    from scripts.classification.strategy_verdicts import verdicts
    from scripts.classification.tables import KEPT, SPLITS, TRAIN
    from scripts.common.files import read_json, write_json
    from scripts.common.tables import read_table
    from scripts.common.tsv import write_tsv

    files = (metrics, predictions, per_class, losses)
    if not metrics or bootstrap < 1:
        raise ConfigError("there is nothing to compare; give a training and a draw at least")
    if len({len(listed) for listed in files}) > 1:
        raise IntegrityError("the trainings' files are not equal in number; give four of each")
    registry = LabelMap.read(label_map)
    labels = registry.labels
    filtered = read_json(filter_report)
    split = find_judged_rows(
        read_table(splits, SPLITS), read_table(kept, KEPT, ["row", "group"]), len(labels)
    )
    buckets = buckets_of_split(split, head_above=head_above, tail_below=tail_below)
    found = by_strategy(
        (read_run(*paths, split, labels, buckets) for paths in zip(*files, strict=True)),
        strategies,
    )
    rows = dict(split.rows_of_splits)
    rows[TRAIN] -= filtered["train_only_rows"]
    scopes = [
        surviving_scope(buckets, split.support),
        input_scope(
            buckets,
            split.support,
            registry,
            filtered["removed_classes"],
            rows,
            head_above=head_above,
            tail_below=tail_below,
        ),
    ]
    units = draw_groups(split.labels, split.groups, buckets)
    scores = compare(found, split, units, scopes, bootstrap=bootstrap, seed=seed)
    said = verdicts(scores)
    for verdict in said:
        _logger.info("%s", verdict["words"])
    write_tsv(strategies_table, STRATEGY_COLUMNS, map(strategy_row, scores))
    write_tsv(classes, CLASS_COLUMNS, class_rows(found, split, labels, buckets))
    write_tsv(losses_table, LOSS_COLUMNS, loss_rows(found))
    write_tsv(seeds, SEED_COLUMNS, seed_rows(found))
    write_json(
        summary,
        summarize(
            found,
            split=split,
            buckets=buckets,
            units=units,
            scopes=scopes,
            verdicts=said,
            filtered=filtered,
            imbalance=read_json(imbalance),
            strategies=strategies,
            settings={
                "bootstrap": bootstrap,
                "head_above": head_above,
                "tail_below": tail_below,
            },
            seed=seed,
            code=code_hash,
            sources=[*metrics, *predictions, splits, kept, label_map, filter_report, imbalance],
        ),
    )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
