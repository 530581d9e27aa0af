"""What a track's costs bought, as the page of costs shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScorePart:
    """What a track's costs bought: a table, beside a figure of scores over costs.

    Attributes:
        heading: of this part of the page.
        text: what the costs are.
        figure_caption, table_caption: below the figure and above the table.
        header: headings of the table; the first column holds names, the others numbers.
        rows: texts of its cells.
    """

    heading: str
    text: str
    figure_caption: str
    table_caption: str
    header: list[str]
    rows: list[list[str]]
