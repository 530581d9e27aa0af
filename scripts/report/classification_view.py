"""What figures, tables and sentences of the classification track share: names and formats."""

from collections.abc import Iterable, Sequence

from scripts.report.classification_tables import StrategyRow

SURVIVING, INPUT = "surviving", "input"
BUCKETS = ("head", "medium", "tail")
METRICS = {
    "macro_f1_supported": "macro F1",
    "head": "head",
    "medium": "medium",
    "tail": "tail",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "weighted_f1": "weighted F1",
    "macro_f1_all": "macro F1 over all",
}
JUDGED = ("macro_f1_supported", *BUCKETS)
MODELS = {"tfidf": "TF-IDF and linear", "transformer": "Transformer"}
MODELS_KOREAN = {"tfidf": "TF-IDF 선형 모델", "transformer": "트랜스포머"}
SETS = {
    "before": "before the filter",
    "after": "after it",
    "train": "train",
    "validation": "validation",
    "test": "test",
}


def model_label(model: str) -> str:
    """Return a model in words."""
    return MODELS.get(model, model)


def percent(value: float | None) -> str:
    """Format a share in per cent with one decimal, without its sign; a dash for none."""
    return "–" if value is None else f"{100 * value:.1f}"


def nats(value: float | None) -> str:
    """Format a loss; a dash for none."""
    return "–" if value is None else f"{value:.3f}"


def points(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Format a difference of shares in points: +3.1 (+0.8 to +5.4)."""
    if value is None:
        return "–"
    if low is None or high is None:
        return _signed(value)
    return f"{_signed(value)} ({_signed(low)} to {_signed(high)})"


def _signed(share: float) -> str:
    return f"{round(100 * share, 1) + 0.0:+.1f}"  # no "-0.0"


def models_of(rows: Iterable[StrategyRow]) -> list[str]:
    """Return the models in the table's order."""
    return list(dict.fromkeys(row.model for row in rows))


def strategies_of(rows: Iterable[StrategyRow], model: str) -> list[str]:
    """Return the strategies of a model in the table's order."""
    return list(dict.fromkeys(row.strategy for row in rows if row.model == model))


def scores_of(
    rows: Sequence[StrategyRow], model: str, scope: str
) -> dict[tuple[str, str], StrategyRow]:
    """Return the scores of a model by strategy and metric."""
    return {
        (row.strategy, row.metric): row for row in rows if (row.model, row.scope) == (model, scope)
    }
