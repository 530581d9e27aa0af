"""The language_model track's results as Markdown: what the section of the page holds, in short."""

from typing import Any

from scripts.common.blocks import Block, Bullets, Code, Grid, Heading, Paragraph, as_markdown
from scripts.report.language_model_view import Table
from scripts.report.page import Section

HELDOUT_CAPTION = (
    "Held-out text, the same for all lengths and runs: 95 % intervals over documents; ○ marks the "
    "best epoch"
)
DIFFERENCES = (
    "First minus second, in points; losses in nats a token, where less is better. Both of a pair "
    "are measured on the same items and documents, and resampled together."
)


def section_as_markdown(section: Section) -> str:
    """Return the section as Markdown, with the summary in English and Korean; no figures."""
    return as_markdown(_blocks(section))


def _blocks(section: Section) -> list[Block]:
    v = section.values
    blocks: list[Block] = [
        Heading(section.title, 1),
        Heading("Summary"),
        Bullets(section.glance),
        Heading("요약"),
        Bullets(section.glance_korean, korean=True),
        Heading("Ranking"),
        _grid(v["ranking"], "Runs by the strict composite of their best checkpoint, test half (%)"),
        *([Bullets(v["stopped"])] if v["stopped"] else []),
        _grid(v["aspects"], "Aspects; an asterisk marks the best value of a column"),
    ]
    if v["seeds"].rows:
        blocks.append(_grid(v["seeds"], "Spread over seeds"))
    blocks.append(Heading("Metrics by checkpoint"))
    blocks += [
        _grid(table, f"{run}: all items, 95 % intervals; ○ marks the best epoch")
        for run, table in v["checkpoints"].items()
    ]
    if v["heldout"].rows:
        blocks.append(_grid(v["heldout"], HELDOUT_CAPTION))
    if v["baselines"].rows:
        blocks.append(_grid(v["baselines"], "Baselines without a model, all items"))
    blocks += [Heading("Differences"), Paragraph(DIFFERENCES)]
    blocks += [_grid(table, f"{title} (test half)") for title, table in v["differences"]]
    if v["same_epoch"].rows:
        blocks.append(_grid(v["same_epoch"], "At the same epoch, all items and documents"))
    blocks += [
        Heading("By particle and by unseen entity"),
        _grid(v["particles"], "Strict Real@1 of the best checkpoints, all items (%)"),
    ]
    if v["targets"].rows:
        blocks += [
            Heading("Targets and expected ranges"),
            _grid(v["targets"], "Best checkpoints against targets (%)"),
        ]
    return [*blocks, *_advice(v), *_basis(v)]


def _advice(v: dict[str, Any]) -> list[Block]:
    if not v["advice"]:
        return [Heading("Next runs"), Paragraph("No further run is advised.")]
    blocks: list[Block] = [Heading("Next runs")]
    for one in v["advice"]:
        blocks += [
            Paragraph(f"{one.run}: {one.reason}"),
            Paragraph(one.reason_korean, korean=True),
            Code(f"{one.header}\n{one.cells}\n\n{one.command}"),
        ]
    return blocks


def _basis(v: dict[str, Any]) -> list[Block]:
    blocks: list[Block] = [
        Heading("Evaluation sets"),
        _grid(v["sets"], "Frozen sets, the same for all lengths and runs"),
        _grid(Table(["fact", "value"], v["contamination"]), "Contamination"),
    ]
    if v["left_out"].rows:
        blocks.append(_grid(v["left_out"], "Possible items that were left out"))
    return [
        *blocks,
        Heading("Definitions"),
        Bullets(
            [*(f"{name}: {text}" for name, text in v["definitions"]), f"composite: {v['formula']}"]
        ),
        _grid(Table(["fact", "value"], v["provenance"]), "What these numbers rest on"),
    ]


def _grid(table: Table, caption: str) -> Grid:
    return Grid(caption, table.headings, table.rows, texts=table.texts)
