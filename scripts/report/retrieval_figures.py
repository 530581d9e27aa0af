"""The retrieval track's heat maps and curves: from tables to matplotlib figures, nothing written.

Call these inside `drawing.figure_style()`, which sets fonts and colours.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from scripts.report.drawing import (
    MUTED,
    Margins,
    inches_from_top,
    note_figure,
    panels,
    shorten,
    text_inches,
)
from scripts.report.retrieval_panels import (
    CELL,
    COLUMNS,
    TINTS,
    TITLE_COLUMNS,
    draw_cells,
    filled,
    is_last,
    label_sessions,
    ordered_colours,
    session_inches,
)
from scripts.report.retrieval_tables import MatrixRow, ShareRow
from scripts.report.retrieval_view import BASE, MEASURES, NO_DOMAIN, domain_shares, is_fixed
from scripts.report.series import GRID, PER_CENT, legend_inches, place_legend

_MOST_DOMAINS = 24
_LABEL_COLUMNS = 26
_UNTRAINED = "#b35900"
_FEW_TESTS = 6  # for which low panels do
_DASHED = (0, (3, 2))
Entries = Mapping[tuple[int, int], MatrixRow]


def matrix_figure(matrix: Mapping[str, Entries], sessions: Sequence[str], measure: str) -> Figure:
    """Draw A of each method: a row per model, a column per test session, values in the cells.

    Test sessions after the model's own, which it was not trained on, have a dashed frame. A method
    that no session changes has one row.

    Args:
        matrix: entries of each method by (model, test).
        sessions: names by number.
        measure: what the entries are.
    """
    if not matrix:
        return note_figure("No model was evaluated.")
    trained = [method for method, entries in matrix.items() if not is_fixed(entries)]
    fixed = [method for method in matrix if method not in trained]
    grid = [*filled(trained), *filled(fixed)]
    heights = [CELL * len(sessions)] * -(-len(trained) // COLUMNS)
    heights += [CELL] * -(-len(fixed) // COLUMNS)
    figure, axes = panels(
        heights,
        COLUMNS,
        Margins(
            left=0.45 + max(session_inches(sessions), text_inches("any")),
            right=0.15,
            top=0.85,
            bottom=0.55,
            between_columns=0.3,
            between_rows=0.72,
        ),
    )
    highest = max((row.value for own in matrix.values() for row in own.values()), default=0.0)
    for place, (one, method) in enumerate(zip(axes, grid, strict=True)):
        if method is None:
            one.remove()
            continue
        models = [BASE] if method in fixed else list(range(len(sessions)))
        values = {
            (models.index(row.model), row.test): row.value
            for row in matrix[method].values()
            if row.model in models
        }
        draw_cells(one, values, len(models), len(sessions), highest)
        for row, test in values:
            if models[row] != BASE and test > models[row]:
                _frame(one, row, test)
        one.set_title(shorten(method, TITLE_COLUMNS))
        label_sessions(one, sessions)
        labels = ["any" if model == BASE else shorten(sessions[model], 12) for model in models]
        one.set_yticks(range(len(models)), labels if place % COLUMNS == 0 else [])
        if place % COLUMNS == 0:
            one.set_ylabel("model" if method in fixed else "model after session")
        if is_last(grid, place):
            one.set_xlabel("test queries of session")
    figure.legend(
        handles=[
            Patch(facecolor=TINTS(0.3), label=f"{MEASURES.get(measure, measure)} in per cent"),
            Patch(
                facecolor="white",
                edgecolor=_UNTRAINED,
                linestyle=_DASHED,
                label="the session after the model: tested, not trained on",
            ),
        ],
        loc="upper left",
        bbox_to_anchor=(0.01, inches_from_top(figure, 0.02)),
        ncols=2,
    )
    return figure


def _frame(axes: Axes, row: int, column: int) -> None:
    # Dashes over a white line, so that they are seen on dark cells too.
    for colour, dashes, width in (("white", "solid", 2.2), (_UNTRAINED, _DASHED, 1.3)):
        axes.add_patch(
            Rectangle(
                (column - 0.44, row - 0.41),
                0.88,
                0.82,
                fill=False,
                edgecolor=colour,
                linestyle=dashes,
                linewidth=width,
            )
        )


def curves_figure(matrix: Mapping[str, Entries], sessions: Sequence[str], measure: str) -> Figure:
    """Draw the score of each test session over the models, a panel per method.

    A curve starts at the model before its session, with a hollow mark: tested, not trained on.
    Methods that no session changes are left out.
    """
    drawn = [method for method, entries in matrix.items() if not is_fixed(entries)]
    if not drawn:
        return note_figure("No method trains a model.")
    tests = sorted({test for method in drawn for _, test in matrix[method]})
    colours = dict(zip(tests, ordered_colours(len(tests)), strict=True))
    legend: list[Line2D | Patch] = [
        Line2D(
            [], [], color=colours[test], marker="o", markersize=4, label=shorten(sessions[test], 20)
        )
        for test in tests
    ]
    legend.append(
        Line2D(
            [],
            [],
            color=MUTED,
            marker="o",
            markersize=4,
            markerfacecolor="white",
            linestyle="",
            label="not trained on yet",
        )
    )
    grid = filled(drawn)
    figure, axes = panels(
        [1.9 if len(tests) <= _FEW_TESTS else 2.6] * (len(grid) // COLUMNS),
        COLUMNS,
        Margins(
            left=0.6,
            right=0.15,
            top=0.5 + legend_inches(legend),
            bottom=0.5,
            between_columns=0.35,
            between_rows=0.62,
        ),
    )
    rows = [row for method in drawn for row in matrix[method].values()]
    top = max(max(row.value, row.high or 0.0) for row in rows)
    spread = min(0.75, 0.08 * len(tests))  # of the distance of two models
    for place, (one, method) in enumerate(zip(axes, grid, strict=True)):
        if method is None:
            one.remove()
            continue
        for test in tests:
            own = sorted(
                (row for row in matrix[method].values() if row.test == test),
                key=lambda row: row.model,
            )
            shift = spread * (tests.index(test) / max(1, len(tests) - 1) - 0.5)
            _draw_curve(one, own, colours[test], shift)
        one.set_title(shorten(method, TITLE_COLUMNS))
        label_sessions(one, sessions)
        one.set_xlim(-spread / 2 - 0.2, len(sessions) - 0.8 + spread / 2)
        one.set_ylim(0, min(1.0, top * 1.05) + 0.02)
        one.yaxis.set_major_formatter(PER_CENT)
        one.grid(axis="y", color=GRID, linewidth=0.6)
        if place % COLUMNS == 0:
            one.set_ylabel(f"{MEASURES.get(measure, measure)} (%)")
        if is_last(grid, place):
            one.set_xlabel("model after session")
    place_legend(figure, legend)
    return figure


def _draw_curve(axes: Axes, rows: Sequence[MatrixRow], colour: str, shift: float) -> None:
    places = [row.model + shift for row in rows]
    for place, row in zip(places, rows, strict=True):
        if row.low is not None and row.high is not None:
            axes.plot([place] * 2, [row.low, row.high], color=colour, linewidth=0.8, alpha=0.55)
    axes.plot(places, [row.value for row in rows], color=colour, linewidth=1.4)
    for place, row in zip(places, rows, strict=True):
        axes.plot(
            [place],
            [row.value],
            "o",
            markersize=4,
            markeredgecolor=colour,
            markerfacecolor="white" if row.model < row.test else colour,
        )


def drift_figure(shares: Sequence[ShareRow], sessions: Sequence[str]) -> Figure:
    """Draw the share of each domain by session: among documents, and among test queries.

    The domains with the most documents are drawn, the others as one row.
    """
    if not shares:
        return note_figure("No session has a document or a query.")
    tables = [domain_shares(shares, field) for field in ("document_share", "test_share")]
    documents: dict[str, int] = {}
    for row in shares:
        name = row.domain or NO_DOMAIN
        documents[name] = documents.get(name, 0) + row.documents
    order = sorted(documents, key=lambda name: (-documents[name], name))
    shown, rest = order[:_MOST_DOMAINS], order[_MOST_DOMAINS:]
    labels = [shorten(name, _LABEL_COLUMNS) for name in shown]
    labels += [f"{len(rest):,} other domains"] if rest else []
    figure, axes = panels(
        [CELL * len(labels)],
        2,
        Margins(
            left=0.25 + max(text_inches(label) for label in labels),
            right=0.15,
            top=0.4,
            bottom=0.55,
            between_columns=0.4,
        ),
    )
    highest = max(
        (value for table in tables for own in table.values() for value in own.values() if value),
        default=0.0,
    )
    for one, table, title in zip(
        axes, tables, ("Documents of a session (%)", "Its test queries (%)"), strict=True
    ):
        values = {
            (place, session): value
            for place, name in enumerate(shown)
            for session, value in table[name].items()
            if value is not None
        }
        for session in {session for _, session in values} if rest else ():
            values[len(shown), session] = sum(table[name].get(session) or 0.0 for name in rest)
        draw_cells(one, values, len(labels), len(sessions), highest)
        one.set_title(title)
        label_sessions(one, sessions)
        one.set_yticks(range(len(labels)), labels if one is axes[0] else [])
        one.set_xlabel("session")
    return figure
