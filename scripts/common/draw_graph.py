"""Draws a graph in Snakemake's DOT as SVG, with or without Graphviz.

Reads what `snakemake --rulegraph dot` or `snakemake --dag dot` prints from standard input. Each
part of the workflow (a file that the Snakefile includes) is a picture of its own, with its own
colour; a dotted box stands for what comes from another part, an arrow in a box for what goes to
one. Edges that a longer way says too are left out. Where the program `dot` is installed it places
boxes and edges; otherwise igraph does, in layers.

    snakemake --rulegraph dot | python -m scripts.common.draw_graph --graph results/graphs/rules.svg
"""

import shutil
import sys
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.files import write_text
from scripts.common.graph_dot import essential_edges, parse_dot, with_inherited_lines
from scripts.common.graph_layout import graphviz_layout, igraph_layout
from scripts.common.graph_parts import pictures
from scripts.common.graph_svg import drawn
from scripts.common.rule_parts import Rules, read_rules


def run(
    graph: Path,
    *,
    snakefile: Path | None = None,
    across: bool = False,
    every_edge: bool = False,
    graphviz: bool = True,
    most_width: int = 1000,
) -> None:
    """Draw the graph on standard input.

    Args:
        graph: the SVG file to write.
        snakefile: the workflow's Snakefile, whose included files are the parts; without it the
            whole graph is one picture.
        across: whether edges go from left to right, which suits the many jobs of a rule, instead of
            from top to bottom.
        every_edge: whether edges that a longer way says too are drawn as well.
        graphviz: whether `dot` places boxes and edges where it is installed.
        most_width: of a row of pictures, in pixels, or that of the widest one.
    """
    nodes, edges = parse_dot(sys.stdin.read())
    rules = Rules({}, {}) if snakefile is None else read_rules(snakefile)
    shown = pictures(
        with_inherited_lines(nodes, edges, rules.wildcards),
        edges if every_edge else essential_edges(len(nodes), edges),
        rules.parts,
    )
    engine = graphviz_layout if graphviz and shutil.which("dot") else igraph_layout
    write_text(graph, drawn(shown, engine, across=across, most_width=most_width))


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
