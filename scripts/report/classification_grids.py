"""The classification track's tables as the page shows them: headings and rows of texts."""

from collections.abc import Sequence
from typing import Any

from scripts.report.classification_tables import (
    SETS,
    AuditScoreRow,
    ClassCountRow,
    SeedRow,
    StrategyRow,
)
from scripts.report.classification_view import (
    METRICS,
    SURVIVING,
    model_label,
    nats,
    percent,
    points,
    scores_of,
    strategies_of,
)
from scripts.report.classification_view import (
    SETS as SET_NAMES,
)
from scripts.report.descriptors_facts import flattened
from scripts.report.number_formats import count, share

Table = tuple[list[str], list[list[str]]]  # headings, rows of texts
MOST_CLASSES = 30


def imbalance_table(imbalance: dict[str, Any]) -> Table:
    """Return the figures of imbalance, a column for each set of rows."""
    top = imbalance["before"]["top_k"]
    lines = [
        ("rows", "rows", count),
        ("classes", "classes", count),
        ("largest class : smallest", "ratio", _ratio),
        ("classes of a single row", "singletons", count),
        (f"share of the {top} largest classes", "top_k_share", share),
        ("effective number of classes (e to the entropy)", "effective_number", _decimal),
        ("entropy (nats)", "entropy", nats),
        ("entropy as a share of ln C", "normalized_entropy", share),
        ("Gini's coefficient of class sizes", "gini", nats),
        ("always answering the largest class is right in", "majority_baseline", share),
        ("loss of answering the class frequencies (nats)", "prior_only_loss", nats),
        ("loss of guessing blindly, ln C (nats)", "ln_classes", nats),
    ]
    return (
        ["", *(SET_NAMES[name] for name in SETS)],
        [[label, *(text(imbalance[name][key]) for name in SETS)] for label, key, text in lines],
    )


def filter_sentence(found: dict[str, Any]) -> str:
    """Return what the filter did."""
    removed = found["removed"]
    return (
        f"Classes with fewer than {found['threshold']:,} rows are rare (policy "
        f"{found['rare_policy']}): {count(removed['classes'])} of "
        f"{count(found['before']['classes'])} classes and {count(removed['rows'])} of "
        f"{count(found['before']['rows'])} rows ({share(removed['share'])}) were removed. The "
        f"largest class is {_ratio(found['before']['ratio'])} to the smallest before, "
        f"{_ratio(found['after']['ratio'])} after."
    )


def removed_table(removed: Sequence[ClassCountRow]) -> Table:
    """Return the classes that the filter removed, the largest first."""
    return (
        ["class", "reason", "rows"],
        [
            [row.label, row.reason.replace("_", " "), count(row.rows)]
            for row in removed[:MOST_CLASSES]
        ],
    )


def split_table(coverage: dict[str, Any]) -> Table:
    """Return what each split covers."""
    return (
        [
            "split",
            "rows",
            "share",
            "classes",
            "classes missing",
            "classes only here",
            "total variation distance to train",
        ],
        [
            [
                name,
                count(split["rows"]),
                share(split["share"]),
                count(split["classes"]),
                count(len(split["missing"])),
                count(len(split["only_here"])),
                nats(split["total_variation_to_train"]),
            ]
            for name, split in sorted(
                coverage["splits"].items(), key=lambda pair: SETS.index(pair[0])
            )
        ],
    )


def audit_score_table(rows: Sequence[AuditScoreRow] | None) -> Table | None:
    """Return how many of the planted faults were found."""
    if rows is None:
        return None
    return (
        ["fault", "rows planted", "rows named", "of them planted", "precision", "recall"],
        [
            [
                row.fault,
                count(row.planted),
                count(row.found),
                count(row.hits),
                share(row.precision),
                share(row.recall),
            ]
            for row in rows
        ],
    )


def score_table(rows: Sequence[StrategyRow], model: str, scope: str) -> Table:
    """Return every metric of a model's strategies: mean over seeds and standard deviation."""
    found = scores_of(rows, model, scope)
    return (
        ["strategy", *METRICS.values()],
        [
            [strategy, *(_score(found[strategy, metric]) for metric in METRICS)]
            for strategy in strategies_of(rows, model)
        ],
    )


def difference_table(rows: Sequence[StrategyRow], model: str) -> Table:
    """Return every metric's difference to the reference, surviving classes, in points."""
    found = scores_of(rows, model, SURVIVING)
    strategies = strategies_of(rows, model)
    reference = found[strategies[0], "accuracy"].reference
    return (
        [f"strategy, against {reference}", *METRICS.values()],
        [
            [strategy, *(_difference(found[strategy, metric]) for metric in METRICS)]
            for strategy in strategies
            if strategy != reference
        ],
    )


def comparisons(rows: Sequence[StrategyRow]) -> int:
    """Return how many intervals the verdicts rest on."""
    return sum(
        row.scope == SURVIVING
        and row.difference is not None
        and row.metric in ("macro_f1_supported", "head", "medium", "tail")
        for row in rows
    )


def curve_table(about: dict[str, Any]) -> Table:
    """Return the losses of a model's strategies, means over seeds."""
    return (
        [
            "strategy",
            "loss before the first step",
            "at step 200",
            "steps to the loss of the class frequencies",
            "steps in all",
        ],
        [
            [
                strategy,
                nats(curve["initial_loss"]),
                nats(curve["loss_at_200"]),
                _steps(curve["steps_to_prior_only"]),
                _steps(curve["steps"]),
            ]
            for strategy, curve in about["curves"].items()
        ],
    )


def unfiltered_table(
    before: dict[str, Any] | None, seeds: Sequence[SeedRow], summary: dict[str, Any]
) -> Table | None:
    """Return the linear model's losses without repair, before and after the filter, one seed.

    Args:
        before: of the training with the rare classes too.
        seeds: the other trainings, of which the one with the same seed stands beside it.
        summary: the comparison's summary.
    """
    if before is None:
        return None
    lines = [
        [
            "before the filter",
            count(before["classes"]),
            count(before["rows"]),
            nats(before["initial"]["ln_classes"]),
            nats(before["prior_only_loss"]),
            nats(before["initial"]["cross_entropy"]),
            nats(before["loss_at_200"]),
            _steps(before["steps_to"]["steps"]),
        ]
    ]
    lines += [
        [
            "after it",
            count(summary["classes"]["surviving"]),
            count(summary["rows"]["train"]),
            nats(row.ln_classes),
            nats(summary["models"][row.model]["prior_only_loss"]),
            nats(row.initial_loss),
            nats(row.loss_at_200),
            _steps(row.steps_to_prior_only),
        ]
        for row in seeds
        if (row.model, row.strategy, row.seed) == ("tfidf", "none", before["seed"])
    ]
    return (
        [
            "linear model without repair",
            "classes",
            "training rows",
            "ln C",
            "loss of the class frequencies",
            "loss before the first step",
            "at step 200",
            "steps to the loss of the class frequencies",
        ],
        lines,
    )


def seed_table(rows: Sequence[SeedRow]) -> Table:
    """Return every training."""
    return (
        [
            "model",
            "strategy",
            "seed",
            "macro F1, test",
            "macro F1, validation",
            "initial loss",
            "as ln C",
            "best epoch",
            "steps",
        ],
        [
            [
                model_label(row.model),
                row.strategy,
                str(row.seed),
                percent(row.macro_f1_supported),
                percent(row.validation_macro_f1),
                nats(row.initial_loss),
                row.initial_ok,
                f"{row.best_epoch:g}",
                count(row.steps),
            ]
            for row in rows
        ],
    )


def provenance_table(summary: dict[str, Any]) -> list[list[str]]:
    """Return what the numbers rest on."""
    return flattened(
        {
            "rows": summary["items"],
            "trainings": summary["runs"],
            "draws": summary["draws"]["bootstrap"],
            "seed": str(summary["seed"]),
            "code": summary["code"],
            "data": f"sha256 {summary['data_sha256']}",
            "versions": summary["versions"],
            **{
                model: {
                    "training seeds": ", ".join(map(str, about["seeds"])),
                    "code": ", ".join(about["code"]),
                    "data": f"sha256 {about['data_sha256']}",
                    "versions": about["versions"],
                }
                for model, about in summary["models"].items()
            },
        }
    )


def _score(row: StrategyRow) -> str:
    text = percent(row.mean)
    return text if row.sd is None else f"{text} ± {percent(row.sd)}"


def _difference(row: StrategyRow) -> str:
    mark = {"better": " ▲", "worse": " ▼"}.get(row.verdict, "")
    return f"{points(row.difference, row.low, row.high)}{mark}"


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} : 1"


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def _steps(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
