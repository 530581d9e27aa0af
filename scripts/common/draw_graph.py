"""Draws a graph in Snakemake's DOT as SVG, with or without Graphviz.

Reads what `snakemake --rulegraph dot` or `snakemake --dag dot` prints from standard input. Where
the program `dot` is installed it draws; otherwise igraph lays the graph out in layers (Sugiyama,
Tagawa and Toda 1981) and matplotlib draws it.

    snakemake --rulegraph dot | python -m scripts.common.draw_graph --graph results/graphs/rules.svg
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import atomic_file, write_text

_NODE = re.compile(r'^\s*(\d+)\s*\[\s*label\s*=\s*"((?:[^"\\]|\\.)*)"')
_EDGE = re.compile(r"^\s*(\d+)\s*->\s*(\d+)")
_COLOUR = re.compile(r'color\s*=\s*"([\d.]+) ([\d.]+) ([\d.]+)"')
_LAYER_INCHES = 0.9
_CHARACTER_INCHES = 0.085  # of a nine-point sans serif, rounded up
_GAP_INCHES = 0.5


@dataclass(frozen=True)
class Node:
    """A box of the graph: its lines of text and its colour (hue, saturation, value in 0 to 1)."""

    lines: tuple[str, ...]
    colour: tuple[float, float, float]

    @property
    def width(self) -> int:
        """Return the number of characters of the longest line."""
        return max(len(line) for line in self.lines)


def parse_dot(text: str) -> tuple[list[Node], list[tuple[int, int]]]:
    """Return the nodes and the edges (positions of source and target among the nodes).

    Raises:
        InputError: there is no node, or an edge names a node that is not there.
    """
    nodes: dict[str, Node] = {}
    named_edges: list[tuple[str, str]] = []
    for line in text.splitlines():
        if node := _NODE.match(line):
            label = node[2].replace('\\"', '"')
            colour = _COLOUR.search(line)
            hue, saturation, value = map(float, colour.groups()) if colour else (0.0, 0.0, 0.5)
            nodes[node[1]] = Node(tuple(label.split("\\n")), (hue, saturation, value))
        elif edge := _EDGE.match(line):
            named_edges.append((edge[1], edge[2]))
    if not nodes:
        raise InputError(
            "standard input holds no graph; pipe `snakemake --rulegraph dot` or "
            "`snakemake --dag dot` into this command and read that command's own message"
        )
    position = {name: index for index, name in enumerate(nodes)}
    strangers = sorted({name for edge in named_edges for name in edge} - position.keys(), key=int)
    if strangers:
        raise InputError(f"the graph has edges at nodes without a label: {strangers}")
    return list(nodes.values()), [(position[a], position[b]) for a, b in named_edges]


def draw_with_graphviz(text: str, graph: Path) -> None:
    """Draw `text` with Graphviz's `dot`.

    Raises:
        InputError: `dot` does not understand the text.
    """
    drawn = subprocess.run(
        ["dot", "-Tsvg"], input=text, capture_output=True, text=True, check=False
    )
    if drawn.returncode != 0:
        raise InputError(f"dot could not draw the graph: {drawn.stderr.strip()}")
    write_text(graph, drawn.stdout)


def layered_positions(nodes: list[Node], edges: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Return each node's centre in inches, first layer on top, no two boxes over each other."""
    import igraph

    layout = igraph.Graph(n=len(nodes), edges=edges, directed=True).layout_sugiyama()
    step = _GAP_INCHES + _CHARACTER_INCHES * max(node.width for node in nodes)
    tallest = max(len(node.lines) for node in nodes)
    layer = _LAYER_INCHES + 0.15 * (tallest - 1)
    return [(x * step, -y * layer) for x, y in layout.coords[: len(nodes)]]


def draw_with_matplotlib(text: str, graph: Path) -> None:
    """Draw `text` as layers of labelled boxes; the same text gives the same bytes."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import hsv_to_rgb

    nodes, edges = parse_dot(text)
    positions = layered_positions(nodes, edges)
    margin = 0.5 * _CHARACTER_INCHES * max(node.width for node in nodes) + _GAP_INCHES
    horizontal, vertical = zip(*positions, strict=True)
    left, right = min(horizontal) - margin, max(horizontal) + margin
    bottom, top = min(vertical) - _LAYER_INCHES, max(vertical) + _LAYER_INCHES
    with matplotlib.rc_context({"svg.hashsalt": "dure", "svg.fonttype": "none"}):
        figure = plt.figure(figsize=(right - left, top - bottom))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(left, right), ylim=(bottom, top))
        axes.axis("off")
        for source, target in edges:
            axes.annotate(
                "",
                xy=positions[target],
                xytext=positions[source],
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": "0.5",
                    "shrinkA": 12,
                    "shrinkB": 14,
                },
            )
        for node, (x, y) in zip(nodes, positions, strict=True):
            axes.text(
                x,
                y,
                "\n".join(node.lines),
                ha="center",
                va="center",
                fontsize=9,
                parse_math=False,
                bbox={
                    "boxstyle": "round",
                    "facecolor": "white",
                    "edgecolor": hsv_to_rgb(node.colour),
                },
            )
        with atomic_file(graph) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None})
        plt.close(figure)


def run(graph: Path, *, graphviz: bool = True) -> None:
    """Draw the graph on standard input.

    Args:
        graph: the SVG file to write.
        graphviz: whether `dot` draws where it is installed.
    """
    text = sys.stdin.read()
    parse_dot(text)
    if graphviz and shutil.which("dot"):
        draw_with_graphviz(text, graph)
    else:
        draw_with_matplotlib(text, graph)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
