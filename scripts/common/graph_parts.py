"""A graph cut into one picture for each part of the workflow, each readable by itself."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scripts.common.graph_dot import Edge, Node

_MOST_LINES = 6


@dataclass(frozen=True)
class Box:
    """What one box says.

    Attributes:
        part: the part whose colour it has; "" where the workflow has none.
        heading: in larger letters; "" for a box of another part's nodes.
        lines: below it.
        foreign: whether it stands for nodes of another part.
        done: whether the job's files are up to date.
    """

    part: str
    heading: str
    lines: tuple[str, ...]
    foreign: bool = False
    done: bool = False


@dataclass(frozen=True)
class Picture:
    """A part's boxes and the edges between them.

    Attributes:
        part: its name; "" where the workflow has no parts.
        boxes: its own nodes, then those of other parts that feed them.
        edges: positions among `boxes`.
    """

    part: str
    boxes: list[Box]
    edges: list[Edge]


def pictures(
    nodes: Sequence[Node], edges: Sequence[Edge], part_of: Mapping[str, str]
) -> list[Picture]:
    """Return a picture for each part that has nodes, in the order of `part_of`.

    What comes from another part is drawn as a box of its own, one for all nodes of that part that
    feed the same nodes here; what goes to other parts is named in the box that it comes from.

    Args:
        nodes: rules or jobs.
        edges: among them.
        part_of: part of each rule; rules without one go to the last part.
    """
    order = list(dict.fromkeys(part_of.values())) or [""]
    used = [one for one in order if any(part_of.get(node.rule) == one for node in nodes)]
    last = used[-1] if used else order[-1]
    parts = [part_of.get(node.rule, last) for node in nodes]
    return [_picture(part, nodes, edges, parts) for part in used or [last]]


def _picture(
    part: str, nodes: Sequence[Node], edges: Sequence[Edge], parts: Sequence[str]
) -> Picture:
    own = [index for index, one in enumerate(parts) if one == part]
    place = {index: position for position, index in enumerate(own)}
    receivers: dict[int, set[str]] = defaultdict(set)
    consumers: dict[int, set[int]] = defaultdict(set)
    for source, target in edges:
        if parts[source] == part and parts[target] != part:
            receivers[source].add(parts[target])
        elif parts[source] != part and parts[target] == part:
            consumers[source].add(place[target])
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for source in sorted(consumers):
        groups[parts[source], tuple(sorted(consumers[source]))].append(source)
    boxes = [
        Box(
            part=part,
            heading=nodes[index].rule,
            lines=(
                *nodes[index].lines,
                *((f"→ {', '.join(sorted(receivers[index]))}",) if index in receivers else ()),
            ),
            done=nodes[index].done,
        )
        for index in own
    ]
    inner = [(place[a], place[b]) for a, b in edges if a in place and b in place]
    for (origin, fed), sources in groups.items():
        inner += [(len(boxes), one) for one in fed]
        boxes.append(Box(origin, "", _foreign_lines([nodes[one] for one in sources]), foreign=True))
    return Picture(part, boxes, inner)


def _foreign_lines(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return a line for each node, its wildcards' values behind its rule; not more than fit."""
    said = sorted(
        " ".join([node.rule, *(line.partition(": ")[2] for line in node.lines)]) for node in nodes
    )
    if len(said) > _MOST_LINES:
        said[_MOST_LINES - 1 :] = [f"and {len(said) - _MOST_LINES + 1:,} more"]
    return tuple(said)
