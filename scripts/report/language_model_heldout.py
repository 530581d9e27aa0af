"""What the held-out text says: losses of all checkpoints with intervals, and in a sentence."""

from collections.abc import Sequence

from scripts.report.language_model_forest import SINCE_START, measures
from scripts.report.language_model_tables import START, DifferenceRow, RunRow
from scripts.report.language_model_view import (
    LOSS,
    PERPLEXITY,
    MetricBook,
    Table,
    decimals,
    nats_of,
)


def heldout_table(
    book: MetricBook, runs: Sequence[RunRow], differences: Sequence[DifferenceRow]
) -> Table:
    """Return held-out loss and pseudo-perplexity of every checkpoint, on all documents."""
    headings = [
        "checkpoint",
        "loss (nats a token)",
        "minus the start model (nats, paired)",
        "documents",
        "masked tokens",
        "pseudo-perplexity",
        "documents",
        "tokens",
    ]
    since_start = {
        row.first: row
        for row in differences
        if row.kind == SINCE_START and row.half == "all" and measures(row, LOSS)
    }
    rows = []
    for run in runs:
        for epoch in book.epochs.get(run.run, []):
            loss, perplexity = (book.get(run.run, epoch, one) for one in (LOSS, PERPLEXITY))
            if loss is None:
                continue
            change = since_start.get(f"{run.run}@{epoch}")
            asked = (
                ["–", "–"]
                if perplexity is None
                else [f"{perplexity.documents:,}", f"{perplexity.items:,}"]
            )
            rows.append(
                [
                    f"{run.run}@{epoch}{' ○' if epoch == run.best_epoch else ''}",
                    decimals(loss),
                    "–" if change is None or epoch == START else nats_of(change),
                    f"{loss.documents:,}",
                    f"{loss.items:,}",
                    decimals(perplexity, 1),
                    *asked,
                ]
            )
    return Table(headings, rows)


def loss_sentence(
    book: MetricBook, run: RunRow, differences: Sequence[DifferenceRow], *, korean: bool
) -> list[str]:
    """Return the held-out loss of a run's best checkpoint on the test half, and its change."""
    loss = book.get(run.run, run.best_epoch, LOSS, "test")
    if loss is None:
        return []
    name = f"{run.run}@{run.best_epoch}"
    change = next(
        (
            row
            for row in differences
            if (row.kind, row.first, row.half) == (SINCE_START, name, "test")
            and measures(row, LOSS)
        ),
        None,
    )
    noise = change is not None and change.within_noise == "yes"
    if korean:
        text = (
            f"{name}의 평가용 손실은 시험 절반의 문서 {loss.documents:,}건에서 토큰당 "
            f"{decimals(loss)} nat"
        )
        if change is None:
            return [f"{text}입니다."]
        by = nats_of(change).replace(" to ", "~")
        return [f"{text}이고, 시작 모델과의 차이는 {by}입니다{'(오차 범위 안)' if noise else ''}."]
    text = (
        f"The held-out loss of {name} is {decimals(loss)} nats a token on {loss.documents:,} "
        f"{'document' if loss.documents == 1 else 'documents'} of the test half"
    )
    if change is None:
        return [f"{text}."]
    return [f"{text}, {nats_of(change)} against its start{' (within noise)' if noise else ''}."]
