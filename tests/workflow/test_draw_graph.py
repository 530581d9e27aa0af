"""The drawn graphs show every rule and every edge, with and without Graphviz."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from scripts.common.draw_graph import Node, draw_with_matplotlib, layered_positions, parse_dot
from scripts.common.errors import InputError

ROOT = Path(__file__).parents[2]
DIAMOND = r"""digraph snakemake_dag {
    graph[bgcolor=white, margin=0];
    node[shape=box, style=rounded, fontname=sans, fontsize=10, penwidth=2];
    edge[penwidth=2, color=grey];
        0[label = "all", color = "0.00 0.6 0.85", style="rounded"];
        1[label = "join_parts", color = "0.25 0.6 0.85", style="rounded"];
        2[label = "count\nshard: 000", color = "0.50 0.6 0.85", style="rounded,dashed"];
        3[label = "count\nshard: 001", color = "0.50 0.6 0.85", style="rounded"];
        4[label = "price \"$a$\" <b>", color = "0.75 0.6 0.85", style="rounded"];
        1 -> 0
        2 -> 1
        3 -> 1
        4 -> 2
        4 -> 3
}
"""
LABELS = {"all", "join_parts", "count", "shard: 000", "shard: 001", 'price "$a$" <b>'}
SNAKEFILE = """
rule all:
    input: "b.txt"

rule make_first:
    output: "a.txt"
    shell: "echo a > {output}"

rule make_second:
    input: "a.txt"
    output: "b.txt"
    shell: "cp {input} {output}"
"""


def texts(svg: Path) -> set[str]:
    return {
        element.text.strip()
        for element in ElementTree.parse(svg).iter()
        if element.tag.endswith("}text") and element.text
    }


def test_dot_is_read_as_written():
    nodes, edges = parse_dot(DIAMOND)
    assert [node.lines for node in nodes][2] == ("count", "shard: 000")
    assert nodes[4] == Node(('price "$a$" <b>',), (0.75, 0.6, 0.85))
    assert edges == [(1, 0), (2, 1), (3, 1), (4, 2), (4, 3)]


@pytest.mark.parametrize("text", ["", "digraph snakemake_dag {\n}\n", "Error: no Snakefile"])
def test_no_graph_is_one_clear_line(text):
    with pytest.raises(InputError, match="snakemake --rulegraph dot"):
        parse_dot(text)


def test_edge_at_an_unknown_node_is_named():
    with pytest.raises(InputError, match=r"\['7'\]"):
        parse_dot('0[label = "all"];\n7 -> 0\n')


def test_layers_follow_the_edges_and_boxes_stand_apart():
    nodes, edges = parse_dot(DIAMOND)
    positions = layered_positions(nodes, edges)
    for source, target in edges:
        assert positions[source][1] > positions[target][1]
    for index, (x, y) in enumerate(positions):
        for other_x, other_y in positions[:index]:
            assert abs(x - other_x) > 1 or abs(y - other_y) > 0.5


def test_without_graphviz_every_label_and_edge_is_drawn_and_bytes_repeat(tmp_path):
    draw_with_matplotlib(DIAMOND, tmp_path / "first.svg")
    draw_with_matplotlib(DIAMOND, tmp_path / "second.svg")
    assert texts(tmp_path / "first.svg") == LABELS
    arrows = [
        element
        for element in ElementTree.parse(tmp_path / "first.svg").iter()
        if element.get("id", "").startswith("patch_")
    ]
    assert len(arrows) == 5 + 5 + 1  # the boxes of five nodes, five arrows, the page
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


@pytest.mark.parametrize("option", ["--graphviz", "--no-graphviz"])
def test_command_draws_what_snakemake_prints(tmp_path, option):
    if option == "--graphviz" and not shutil.which("dot"):
        pytest.skip("Graphviz's dot is not installed")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    printed = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--rulegraph", "dot"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    svg = tmp_path / "graphs" / "rules.svg"
    subprocess.run(
        [sys.executable, "-m", "scripts.common.draw_graph", "--graph", svg, option],
        input=printed.stdout,
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert texts(svg) == {"all", "make_first", "make_second"}


def test_command_fails_in_one_line_where_snakemake_failed(tmp_path):
    failed = subprocess.run(
        [sys.executable, "-m", "scripts.common.draw_graph", "--graph", tmp_path / "rules.svg"],
        input="",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 1
    assert "holds no graph" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "rules.svg").exists()
