"""How the page writes numbers; a dash stands where one does not apply."""


def count(value: int | None) -> str:
    """Format a count, 12,345; a dash where it does not apply."""
    return "–" if value is None else f"{value:,}"


def share(value: float | None) -> str:
    """Format a share as per cent, 12.3%; a dash where it does not apply."""
    return "–" if value is None else f"{value:.1%}"


def measure(value: float | None) -> str:
    """Format a measure with one decimal, 1,234.5; a dash where it does not apply."""
    return "–" if value is None else f"{value:,.1f}"


def rate(value: float | None) -> str:
    """Format items per second, 1,234.5 or 0.0012, so that a slow one is no 0."""
    return measure(value) if value is None or value >= 1 else f"{value:.2g}"
