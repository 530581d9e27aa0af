"""Which remedies help, in plain words: by model and metric, beyond the interval or not."""

from collections.abc import Sequence
from typing import Any

from scripts.classification.scopes import SURVIVING
from scripts.classification.scoring import HEAD, MEDIUM, TAIL
from scripts.classification.strategy_differences import StrategyScore

JUDGED = ("macro_f1_supported", HEAD, MEDIUM, TAIL)
_NAMES = {
    "macro_f1_supported": "macro F1",
    HEAD: "macro F1 of head classes",
    MEDIUM: "macro F1 of medium classes",
    TAIL: "macro F1 of tail classes",
}


def verdicts(scores: Sequence[StrategyScore]) -> list[dict[str, Any]]:
    """Return for each model and judged metric which strategies are better, worse or neither.

    Surviving classes count. Better and worse ones are ordered by their difference, the largest
    first.
    """
    found = []
    for model in dict.fromkeys(score.model for score in scores):
        for metric in JUDGED:
            of_metric = [
                score
                for score in scores
                if (score.model, score.scope, score.metric) == (model, SURVIVING, metric)
            ]
            by_verdict = {
                kind: sorted(
                    (score for score in of_metric if score.verdict == kind),
                    key=lambda score: -abs(score.difference or 0),
                )
                for kind in ("better", "worse", "within")
            }
            found.append(
                {
                    "model": model,
                    "metric": metric,
                    "reference": of_metric[0].reference,
                    "reference_mean": next(
                        score.mean for score in of_metric if score.strategy == score.reference
                    ),
                    **{
                        kind: [
                            {
                                "strategy": score.strategy,
                                "difference": score.difference,
                                "low": score.low,
                                "high": score.high,
                            }
                            for score in listed
                        ]
                        for kind, listed in by_verdict.items()
                    },
                    "words": _words(model, metric, of_metric, by_verdict),
                }
            )
    return found


def _words(
    model: str,
    metric: str,
    of_metric: Sequence[StrategyScore],
    by_verdict: dict[str, list[StrategyScore]],
) -> str:
    name, reference = _NAMES[metric], of_metric[0].reference
    if all(score.mean is None for score in of_metric):
        return f"{model}: the test split has no such class, so {name} is not known"
    if len(of_metric) == 1:
        return f"{model}: {reference} is the only strategy, so nothing can be said of {name}"
    better, worse = by_verdict["better"], by_verdict["worse"]
    if better:
        said = f"{_listed(better)} help{'s' if len(better) == 1 else ''} {name}"
    else:
        said = f"no strategy helps {name} beyond its interval"
    if worse:
        said += f"; {_listed(worse)} harm{'s' if len(worse) == 1 else ''} it"
    return f"{model}: {said}, against {reference}"


def _listed(scores: Sequence[StrategyScore]) -> str:
    return ", ".join(
        f"{score.strategy} ({score.difference:+.3f}, 95 % {score.low:+.3f} to {score.high:+.3f})"
        for score in scores
    )
