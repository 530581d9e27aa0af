"""The drawn graphs show every rule and can be read: boxes apart, edges beside them, text inside."""

import random
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.textpath import TextPath

from scripts.common.errors import InputError
from scripts.common.graph_dot import Node, essential_edges, parse_dot, with_inherited_lines
from scripts.common.graph_layout import Layout, graphviz_layout, igraph_layout, short_layers
from scripts.common.graph_parts import Box, pictures
from scripts.common.graph_svg import Engine, box_size
from scripts.common.rule_parts import read_rules

ROOT = Path(__file__).parents[2]
FIGURE = ROOT / "docs/figures/rules.svg"
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
        4 -> 0
}
"""
SNAKEFILE = """
rule all:
    input: "b.txt"

include: "parts/first.smk"
include: "parts/second.smk"
"""
FIRST = """
rule make_first:
    output: "a.txt"
    log: "logs/{shard,[0-9]+}/a.log"
    shell: "echo a > {output}"
"""
SECOND = """
rule make_second:
    input: "a.txt"
    output: "b.txt"
    shell: "cp {input} {output}"

use rule make_second as make_third with:
    output: "c.txt"
"""
ENGINES = [
    igraph_layout,
    pytest.param(
        graphviz_layout,
        marks=pytest.mark.skipif(not shutil.which("dot"), reason="Graphviz's dot is not installed"),
    ),
]
Graph = tuple[int, list[tuple[int, int]]]


def svg_texts(svg: Path) -> list[str]:
    """Return the texts that the picture shows."""
    return [
        element.text.strip()
        for element in ElementTree.parse(svg).iter()
        if element.tag.endswith("}text") and element.text
    ]


def svg_edges(svg: Path) -> set[str]:
    """Return the edges as their titles name them."""
    return {
        element.text
        for element in ElementTree.parse(svg).iter()
        if element.tag.endswith("}title") and element.text
    }


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Some nodes and distinct edges, cycles and loops among them."""
    number = draw(st.integers(1, 9))
    pairs = st.tuples(st.integers(0, number - 1), st.integers(0, number - 1))
    return number, draw(st.lists(pairs, unique=True, max_size=20))


def reachable(number: int, edges: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return which node can be reached from which, by trying every node in between."""
    found = set(edges)
    for between in range(number):
        found |= {
            (a, b)
            for a in range(number)
            for b in range(number)
            if (a, between) in found and (between, b) in found
        }
    return found


def test_dot_is_read_as_written() -> None:
    nodes, edges = parse_dot(DIAMOND)
    assert nodes[2] == Node("count", ("shard: 000",), done=True)
    assert nodes[4] == Node('price "$a$" <b>')
    assert edges == [(1, 0), (2, 1), (3, 1), (4, 2), (4, 3), (4, 0)]


@pytest.mark.parametrize("text", ["", "digraph snakemake_dag {\n}\n", "Error: no Snakefile"])
def test_no_graph_is_one_clear_line(text: str) -> None:
    with pytest.raises(InputError, match="snakemake --rulegraph dot"):
        parse_dot(text)


def test_edge_at_an_unknown_node_is_named() -> None:
    with pytest.raises(InputError, match=r"\['7'\]"):
        parse_dot('0[label = "all"];\n7 -> 0\n')


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_what_follows_from_what_is_the_same_without_the_edges_left_out(graph: Graph) -> None:
    number, edges = graph
    assert reachable(number, essential_edges(number, edges)) == reachable(number, edges)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_without_cycles_no_edge_that_is_left_can_be_spared(graph: Graph) -> None:
    number, edges = graph
    kept = essential_edges(number, [edge for edge in edges if edge[0] < edge[1]])
    for edge in kept:
        assert edge not in reachable(number, [other for other in kept if other != edge])


def test_wildcards_that_snakemake_leaves_out_are_filled_in_where_they_are_certain() -> None:
    wildcards = {"score": ["shard"], "join": [], "step": ["time", "run"], "test": ["time", "run"]}
    nodes = [
        Node("score", ("shard: 1",)),
        Node("step", ("run: a", "time: 0")),
        Node("step", ("time: 1",)),  # after the first: the run is the same
        Node("test"),  # of both steps: the time could be either's
        Node("test"),  # of the test alone: no more certain than that one
        Node("join"),
    ]
    edges = [(1, 2), (1, 3), (2, 3), (3, 4), (2, 4), (0, 5), (4, 5)]
    lines = [node.lines for node in with_inherited_lines(nodes, edges, wildcards)]
    assert lines == [
        ("shard: 1",),
        ("run: a", "time: 0"),
        ("run: a", "time: 1"),
        ("run: a",),
        ("run: a",),
        (),
    ]


def test_each_part_is_a_picture_that_names_what_comes_and_goes() -> None:
    nodes = [Node("read"), Node("count", ("shard: 0",)), Node("count", ("shard: 1",))]
    nodes += [Node("plot"), Node("all")]
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]
    parts = {"read": "one", "count": "one", "plot": "two", "unused": "three"}
    first, second = pictures(nodes, edges, parts)
    assert (first.part, second.part) == ("one", "two")
    assert [box.lines for box in first.boxes] == [(), ("shard: 0", "→ two"), ("shard: 1", "→ two")]
    assert first.edges == [(0, 1), (0, 2)]
    assert second.boxes == [
        Box("two", "plot", ()),
        Box("two", "all", ()),
        Box("one", "", ("count 0", "count 1"), foreign=True),
    ]
    assert second.edges == [(0, 1), (2, 0)]


def check_layout(
    sizes: list[tuple[float, float]], edges: list[tuple[int, int]], found: Layout
) -> None:
    """Boxes stand apart and inside; each edge joins its boxes and crosses no other."""
    corners = [
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for (x, y), (w, h) in zip(found.centres, sizes, strict=True)
    ]
    for index, (left, top, right, bottom) in enumerate(corners):
        assert left > -0.5 and top > -0.5
        assert right < found.size[0] + 0.5 and bottom < found.size[1] + 0.5
        for other in corners[:index]:
            apart = left - other[2], other[0] - right, top - other[3], other[1] - bottom
            assert max(apart) > 5, (index, corners)
    for (source, target), route in zip(edges, found.routes, strict=True):
        points = [
            tuple(
                (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t * t * (1 - t) * c + t**3 * d
                for a, b, c, d in zip(*route[at : at + 4], strict=True)
            )
            for at in range(0, len(route) - 1, 3)
            for t in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
        for end, box in ((points[0], source), (points[-1], target)):
            left, top, right, bottom = corners[box]
            assert left - 2 < end[0] < right + 2 and top - 2 < end[1] < bottom + 2
        for index, (left, top, right, bottom) in enumerate(corners):
            if index not in (source, target):
                for x, y in points:
                    assert not (left + 1 < x < right - 1 and top + 1 < y < bottom - 1)


@given(graphs(), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_without_graphviz_boxes_stand_apart_and_edges_pass_beside_them(
    graph: Graph, seed: int
) -> None:
    number, edges = graph
    chosen = random.Random(seed)
    sizes = [(chosen.uniform(20, 200), chosen.choice((24.0, 40.0, 70.0))) for _ in range(number)]
    check_layout(sizes, edges, igraph_layout(sizes, edges))
    assert igraph_layout(sizes, edges) == igraph_layout(sizes, edges)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_layers_make_edges_lead_downwards_and_short(graph: Graph) -> None:
    number, edges = graph
    downwards = [edge for edge in edges if edge[0] < edge[1]]
    layers = short_layers(number, downwards)
    assert all(layers[upper] < layers[lower] for upper, lower in downwards)

    def length(layers: Sequence[int]) -> int:
        return sum(layers[lower] - layers[upper] for upper, lower in downwards)

    # No box and no two joined ones can move by a layer and make the whole shorter.
    for moved in [{one} for one in range(number)] + [set(edge) for edge in downwards]:
        for step in (-1, 1):
            other = [layer + step * (one in moved) for one, layer in enumerate(layers)]
            if all(other[upper] < other[lower] for upper, lower in downwards):
                assert length(other) >= length(layers)
    # Whatever closes a cycle, everything else leads downwards: no edge lies in a layer.
    layers = short_layers(number, edges)
    assert min(layers) == 0 and all(layers[a] != layers[b] for a, b in edges if a != b)


@pytest.mark.parametrize("engine", ENGINES)
def test_edges_lead_downwards(engine: Engine) -> None:
    nodes, edges = parse_dot(DIAMOND)
    sizes = [box_size(Box("", node.rule, node.lines)) for node in nodes]
    found = engine(sizes, edges)
    check_layout(sizes, edges, found)
    for source, target in edges:
        assert found.centres[source][1] < found.centres[target][1]


def test_text_fits_into_its_box() -> None:
    font = font_manager.FontProperties(family="DejaVu Sans")
    for rule, keys in read_rules(ROOT / "Snakefile").wildcards.items():
        box = Box("", rule, tuple(f"{key}: effective_number" for key in keys))
        widths = [
            TextPath((0, 0), text, size=size, prop=font).get_extents().width
            for text, size in ((rule, 12), *((line, 10.5) for line in box.lines))
        ]
        assert max(widths) + 6 < box_size(box)[0], rule


@pytest.fixture
def small_workflow(tmp_path: Path) -> Path:
    """A workflow of two parts, one rule in each."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "parts/first.smk").write_text(
        FIRST.replace('    log: "logs/{shard,[0-9]+}/a.log"\n', "")
    )
    (tmp_path / "parts/second.smk").write_text(SECOND)
    return tmp_path


def test_rules_are_read_with_their_parts_and_wildcards(small_workflow: Path) -> None:
    (small_workflow / "parts/first.smk").write_text(FIRST)
    found = read_rules(small_workflow / "Snakefile")
    assert found.parts == {"make_first": "first", "make_second": "second", "make_third": "second"}
    assert found.wildcards == {"make_first": ("shard",), "make_second": (), "make_third": ()}
    (small_workflow / "parts/first.smk").unlink()
    with pytest.raises(InputError, match=r"first\.smk is not there"):
        read_rules(small_workflow / "Snakefile")


def draw(graph: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.common.draw_graph", "--graph", str(graph), *options],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_command_draws_what_snakemake_prints(small_workflow: Path) -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--rulegraph", "dot"],
        cwd=small_workflow,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {}
    for option in ("--graphviz", "--no-graphviz"):
        svg = small_workflow / "graphs" / f"rules{option}.svg"
        snakefile = str(small_workflow / "Snakefile")
        drawn = draw(svg, printed, option, "--snakefile", snakefile, "--across")
        assert drawn.returncode == 0, drawn.stderr
        found[option] = sorted(svg_texts(svg)), svg_edges(svg)
    expected = ["all", "first", "make_first", "make_first", "make_second", "second", "→ second"]
    assert found["--graphviz"] == (expected, {"make_first → make_second", "make_second → all"})
    assert found["--no-graphviz"] == found["--graphviz"]


def test_text_of_labels_shows_as_text_and_bytes_repeat(tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert draw(tmp_path / f"{name}.svg", DIAMOND, "--no-graphviz").returncode == 0
    assert sorted(svg_texts(tmp_path / "first.svg")) == sorted(
        ["all", "join_parts", "count", "shard: 000", "count", "shard: 001", 'price "$a$" <b>']
    )
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert 'price "$a$" <b> → all' not in svg_edges(tmp_path / "first.svg")  # it leads there anyway
    assert draw(tmp_path / "all.svg", DIAMOND, "--no-graphviz", "--every-edge").returncode == 0
    assert 'price "$a$" <b> → all' in svg_edges(tmp_path / "all.svg")


def test_command_fails_in_one_line_where_snakemake_failed(tmp_path: Path) -> None:
    failed = draw(tmp_path / "rules.svg", "")
    assert failed.returncode == 1
    assert "holds no graph" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "rules.svg").exists()


def test_the_figure_of_the_readme_is_the_graph_of_the_rules(tmp_path: Path) -> None:
    """Drawn anew by `make docs/figures/rules.svg` when this fails."""
    printed = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--forceall", "--rulegraph", "dot"),
            *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    drawn = draw(tmp_path / "rules.svg", printed, "--no-graphviz", "--snakefile", "Snakefile")
    assert drawn.returncode == 0, drawn.stderr
    assert sorted(svg_texts(FIGURE)) == sorted(svg_texts(tmp_path / "rules.svg"))
    assert svg_edges(FIGURE) == svg_edges(tmp_path / "rules.svg")
    assert {node.rule for node in parse_dot(printed)[0]} <= {
        word for text in svg_texts(FIGURE) for word in re.findall(r"\w+", text)
    }
    for readme in ("README.md", "README.ko.md"):
        assert "(docs/figures/rules.svg)" in (ROOT / readme).read_text(encoding="utf-8")
