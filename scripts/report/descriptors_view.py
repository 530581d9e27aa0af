"""What figures, tables and sentences of the descriptors track share: names and thresholds."""

from dataclasses import dataclass
from typing import Any

PASSES = (1, 2, 3, 4)
CHOSEN = "\u00a0*"  # behind what the run had, in tables of several settings
STAGES = {
    "table": "columns of the table",
    "descriptors": "descriptors of the table",
    "pass1": "after pass 1: information",
    "pass2": "after pass 2: Spearman",
    "pass3": "after pass 3: variance inflation",
    "pass4": "after pass 4: nHSIC and RDC",
}
REASONS = {
    "missing_ratio": "share of missing values",
    "valid": "number of valid values",
    "distinct": "number of different values",
    "mode_share": "share of the most frequent value",
    "scaled_variance": "variance on the scaled range",
    "force_drop": "named in force_drop",
}
METHODS = {
    "leiden": "Leiden",
    "complete": "complete linkage",
    "components": "connected components",
}
MATRICES = {"normal_scores": "mid-rank normal scores", "values": "values"}


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the passes; those of nHSIC and RDC are None where the fused score decides."""

    spearman: float
    vif: float
    heir: float
    hsic: float | None
    rdc: float | None
    fusion: float | None


def thresholds_of(summary: dict[str, Any]) -> Thresholds:
    """Return the thresholds that a summary states."""
    settings = summary["settings"]
    fusion = settings["pass4"]["nonlinear_threshold"]
    return Thresholds(
        spearman=settings["pass2"]["spearman_threshold"],
        vif=settings["pass3"]["vif_threshold"],
        heir=settings["pass3"]["heir_min_similarity"],
        hsic=None if fusion is not None else settings["pass4"]["hsic_threshold"],
        rdc=None if fusion is not None else settings["pass4"]["rdc_threshold"],
        fusion=fusion,
    )


def stage_label(stage: str) -> str:
    """Return a stage in words."""
    return STAGES.get(stage, stage)


def reason_label(reason: str) -> str:
    """Return a reason of pass 1 in words."""
    return REASONS.get(reason, reason.replace("_", " "))


def method_label(method: str) -> str:
    """Return a method of clustering in words."""
    return METHODS.get(method, method)


def similarity_text(value: float | None) -> str:
    """Format a similarity with three decimals; a dash where it was not measured."""
    return "–" if value is None else f"{value:.3f}"


def number_text(value: float | None) -> str:
    """Format a measure of any size: four significant digits."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
