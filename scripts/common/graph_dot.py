"""Graphs as Snakemake prints them: nodes with their wildcards, edges, and which of them matter."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter

from scripts.common.errors import InputError

Edge = tuple[int, int]  # positions of source and target among the nodes

_NODE = re.compile(r'^\s*(\d+)\s*\[\s*label\s*=\s*"((?:[^"\\]|\\.)*)"(.*)')
_EDGE = re.compile(r"^\s*(\d+)\s*->\s*(\d+)")


@dataclass(frozen=True)
class Node:
    """A rule or a job.

    Attributes:
        rule: its name.
        lines: what the label says below the name, e.g. "shard: 000".
        done: whether the job's files are up to date.
    """

    rule: str
    lines: tuple[str, ...] = ()
    done: bool = False


def parse_dot(text: str) -> tuple[list[Node], list[Edge]]:
    """Return the nodes and the edges.

    Raises:
        InputError: there is no node, or an edge names a node that is not there.
    """
    nodes: dict[str, Node] = {}
    named_edges: list[tuple[str, str]] = []
    for line in text.splitlines():
        if node := _NODE.match(line):
            rule, *lines = node[2].replace('\\"', '"').split("\\n")
            nodes[node[1]] = Node(rule, tuple(lines), done="dashed" in node[3])
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


def with_inherited_lines(
    nodes: Sequence[Node], edges: Sequence[Edge], wildcards: Mapping[str, Sequence[str]]
) -> list[Node]:
    """Return the nodes with the wildcards that Snakemake left out, where they are certain.

    Snakemake names a wildcard of a job only where no job that it depends on has the same value. So
    one that is not named has a value of a dependency; where these differ, or one of them is
    unsaid too, it stays unsaid.

    Args:
        nodes: rules or jobs.
        edges: among them, all of them.
        wildcards: names of each rule's wildcards, as far as they are known.
    """
    before: dict[int, list[int]] = {index: [] for index in range(len(nodes))}
    for source, target in edges:
        before[target].append(source)
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:  # a graph of rules, which names no wildcards
        return list(nodes)
    known: dict[int, dict[str, str]] = {}
    for index in order:
        node = nodes[index]
        values = dict(line.split(": ", 1) for line in node.lines if ": " in line)
        for key in set(wildcards.get(node.rule, ())) - values.keys():
            # One that is itself not certain could have any value.
            asked = [one for one in before[index] if key in wildcards.get(nodes[one].rule, ())]
            found = {known[one].get(key) for one in asked}
            value = found.pop() if len(found) == 1 else None
            if value is not None:
                values[key] = value
        known[index] = values
    return [
        replace(
            node,
            lines=tuple(
                sorted({*node.lines, *(f"{key}: {value}" for key, value in known[index].items())})
            ),
        )
        for index, node in enumerate(nodes)
    ]


def essential_edges(number: int, edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges that no longer way says too: the transitive reduction.

    Edges among nodes of one cycle all stay, as do all edges between two nodes or cycles between
    which there is no longer way (Aho, Garey and Ullman 1972).

    Args:
        number: of nodes.
        edges: without repeats; self-loops stay.
    """
    import igraph

    component = igraph.Graph(n=number, edges=list(edges), directed=True).components().membership
    after: dict[int, set[int]] = {one: set() for one in set(component)}
    for source, target in edges:
        if component[source] != component[target]:
            after[component[source]].add(component[target])
    reached: dict[int, int] = {}  # by component: a bit for each one that it reaches
    for one in TopologicalSorter(after).static_order():  # dependencies, here successors, first
        reached[one] = 0
        for following in after[one]:
            reached[one] |= reached[following] | 1 << following

    def is_essential(edge: Edge) -> bool:
        source, target = component[edge[0]], component[edge[1]]
        others = after[source] - {target}
        return source == target or not any(reached[one] >> target & 1 for one in others)

    return [edge for edge in edges if is_essential(edge)]
