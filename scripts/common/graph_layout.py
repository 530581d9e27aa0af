"""Where the boxes of a layered graph stand and which way its edges take, with or without Graphviz.

Without: layers that make the edges short, the order within them by igraph (Sugiyama, Tagawa and
Toda 1981); boxes of different widths are then drawn towards their neighbours without overlap.
"""

import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scripts.common.errors import InputError
from scripts.common.graph_dot import Edge

Point = tuple[float, float]
Size = tuple[float, float]

_GAP = 14.0  # between neighbours, in pixels
_LAYER_GAP = 34.0
_LINE_WIDTH = 4.0  # room of an edge that passes a layer
_SWEEPS = 24
_STRAIGHT = 6.0  # how much more a passing edge pulls than a box does
_LOOP = 16.0
_DOTS = 72.0  # Graphviz counts in inches


@dataclass(frozen=True)
class Layout:
    """A drawing in pixels, y downwards, all of it within (0, 0) and `size`.

    Attributes:
        size: width and height.
        centres: of each box.
        routes: of each edge: a first point and then three for each Bézier curve.
    """

    size: Size
    centres: list[Point]
    routes: list[list[Point]]


def turned(layout: Layout) -> Layout:
    """Return a drawing from top to bottom as one from left to right."""

    def turn(point: Point) -> Point:
        return point[1], point[0]

    return Layout(
        turn(layout.size),
        [turn(one) for one in layout.centres],
        [[turn(one) for one in route] for route in layout.routes],
    )


def graphviz_layout(sizes: Sequence[Size], edges: Sequence[Edge]) -> Layout:
    """Return the layout of Graphviz's `dot`.

    Args:
        sizes: width and height of each box.
        edges: positions among the boxes.

    Raises:
        InputError: `dot` fails.
    """
    lines = [
        f"{index} [width={width / _DOTS:.4f}, height={height / _DOTS:.4f}]"
        for index, (width, height) in enumerate(sizes)
    ]
    lines += [f"{source} -> {target}" for source, target in edges]
    text = (
        f"digraph {{ graph [nodesep={_GAP / _DOTS}, ranksep={_LAYER_GAP / _DOTS}]; "
        f'node [shape=box, fixedsize=true, label=""]; edge [arrowhead=none]; {"; ".join(lines)} }}'
    )
    drawn = subprocess.run(
        ["dot", "-Tplain"], input=text, capture_output=True, text=True, check=False
    )
    if drawn.returncode != 0:
        raise InputError(f"dot could not draw the graph: {drawn.stderr.strip()}")
    return _from_plain(drawn.stdout, len(sizes), edges)


def _from_plain(text: str, number: int, edges: Sequence[Edge]) -> Layout:
    """Read Graphviz's plain format: inches, y upwards, edges in an order of its own."""
    size, centres = (0.0, 0.0), [(0.0, 0.0)] * number
    routes = {}
    for kind, *words in map(str.split, text.splitlines()):
        if kind == "graph":
            size = (float(words[1]) * _DOTS, float(words[2]) * _DOTS)
        elif kind == "node":
            centres[int(words[0])] = _point(words[1:3], size[1])
        elif kind == "edge":
            numbers = words[3 : 3 + 2 * int(words[2])]
            routes[int(words[0]), int(words[1])] = [
                _point(numbers[at : at + 2], size[1]) for at in range(0, len(numbers), 2)
            ]
    return _fitted(size, centres, [routes[edge] for edge in edges])


def _point(words: Sequence[str], height: float) -> Point:
    return float(words[0]) * _DOTS, height - float(words[1]) * _DOTS


def igraph_layout(sizes: Sequence[Size], edges: Sequence[Edge]) -> Layout:
    """Return a layout without Graphviz; the same boxes and edges give the same one.

    Args:
        sizes: width and height of each box.
        edges: positions among the boxes.
    """
    chains = _Chains(sizes, edges)
    columns = _columns(chains)
    tops, heights = [], []
    top = 0.0
    for boxes in chains.layers:
        tops.append(top)
        heights.append(max(chains.sizes[one][1] for one in boxes))
        top += heights[-1] + _LAYER_GAP
    rows = [tops[layer] + heights[layer] / 2 for layer in chains.layer_of]
    centres = list(zip(columns, rows, strict=True))
    routes = []
    for chain, edge in zip(chains.chains, edges, strict=True):
        if edge[0] == edge[1]:
            routes.append(_loop(centres[edge[0]], sizes[edge[0]]))
            continue
        first, last = chain[0], chain[-1]
        # Straight up and down beside the boxes of a layer, turning only between layers.
        points = [(columns[first], rows[first] + sizes[first][1] / 2)]
        for one in chain:
            layer = chains.layer_of[one]
            if one != first:
                points.append((columns[one], tops[layer]))
            if one != last:
                points.append((columns[one], tops[layer] + heights[layer]))
        points.append((columns[last], rows[last] - sizes[last][1] / 2))
        route = _curve(points)
        routes.append(route[::-1] if chain[0] == edge[1] else route)
    width = max(x + size[0] / 2 for (x, _), size in zip(centres, chains.sizes, strict=True))
    return _fitted((width, top - _LAYER_GAP), centres[: len(sizes)], routes)


class _Chains:
    """The graph with a joint in each layer that an edge passes.

    Attributes:
        sizes: of the boxes, then of the joints.
        chains: for each edge its boxes and joints from top to bottom; empty for a loop.
        layer_of: layer of each box and joint.
        layers: boxes and joints of each layer, from left to right.
        above: what each is joined to in the layer above.
        below: the same in the layer below.
    """

    def __init__(self, sizes: Sequence[Size], edges: Sequence[Edge]) -> None:
        import igraph

        self.sizes = list(sizes)
        self.chains: list[list[int]] = []
        self.layer_of = short_layers(len(sizes), edges)
        for source, target in edges:
            upper, lower = sorted((source, target), key=lambda one: self.layer_of[one])
            joints = []
            for layer in range(self.layer_of[upper] + 1, self.layer_of[lower]):
                joints.append(len(self.sizes))
                self.sizes.append((_LINE_WIDTH, 0.0))
                self.layer_of.append(layer)
            self.chains.append([upper, *joints, lower] if source != target else [])
        links = [pair for chain in self.chains for pair in pairwise(chain)]
        # Every link leads to the next layer: where one passes a layer, igraph 1.0 reads behind the
        # end of its table of positions, and may crash.
        whole = igraph.Graph(n=len(self.sizes), edges=links, directed=True)
        ordered = whole.layout_sugiyama(layers=self.layer_of).coords
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer_of) + 1)]
        for one in sorted(range(len(self.sizes)), key=lambda one: (ordered[one][0], one)):
            self.layers[self.layer_of[one]].append(one)
        self.above: dict[int, list[int]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        for upper, lower in links:
            self.below[upper].append(lower)
            self.above[lower].append(upper)


def short_layers(boxes: int, edges: Sequence[Edge]) -> list[int]:
    """Return each box's layer, from 0 at the top, so that the edges pass the fewest layers.

    Edges lead downwards, but for those that close a cycle, which are taken the other way round.
    The sum of the edges' lengths is smallest under a length of at least 1 for each, a linear
    program whose corners are whole numbers (Gansner, Koutsofios, North and Vo 1993, 2).
    """
    import igraph
    import numpy as np
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    apart = [edge for edge in edges if edge[0] != edge[1]]
    if not apart:
        return [0] * boxes
    graph = igraph.Graph(n=boxes, edges=apart, directed=True)
    closing = set(graph.feedback_arc_set(method="eades"))
    ends = np.array([edge[::-1] if n in closing else edge for n, edge in enumerate(apart)])
    upper, lower = ends.T
    # Of equally short layers the highest, so that nothing floats.
    cost = np.bincount(lower, minlength=boxes) - np.bincount(upper, minlength=boxes) + 1e-3 / boxes
    row = np.arange(len(ends))
    one = np.ones(len(ends))
    rise = coo_array((np.r_[one, -one], (np.r_[row, row], np.r_[upper, lower])))
    rise.resize(len(ends), boxes)
    found = linprog(cost, A_ub=rise.tocsr(), b_ub=-one, bounds=(0, boxes))
    return [round(layer) for layer in found.x]


def _columns(chains: _Chains) -> list[float]:
    """Return each box's x: near to its neighbours', in the layer's order, without overlap."""
    columns = [0.0] * len(chains.sizes)
    boxes = len(chains.sizes) - sum(max(0, len(chain) - 2) for chain in chains.chains)
    for layer in chains.layers:
        for one, x in zip(layer, _packed(layer, chains, [0.0] * len(layer)), strict=True):
            columns[one] = x
    for sweep in range(_SWEEPS):
        # Towards one side at a time, or a long chain would straighten slowly; at last towards both.
        downwards, sided = sweep % 2 == 0, sweep < _SWEEPS - 2
        for layer in chains.layers[:: 1 if downwards else -1]:
            wanted = []
            for one in layer:
                above, below = chains.above[one], chains.below[one]
                near = (above if downwards else below) if sided else above + below
                pull = [_STRAIGHT if one >= boxes and other >= boxes else 1.0 for other in near]
                total = sum(p * columns[other] for p, other in zip(pull, near, strict=True))
                wanted.append(total / sum(pull) if near else columns[one])
            for one, x in zip(layer, _packed(layer, chains, wanted), strict=True):
                columns[one] = x
    left = min(x - size[0] / 2 for x, size in zip(columns, chains.sizes, strict=True))
    return [x - left for x in columns]


def _packed(layer: Sequence[int], chains: _Chains, wanted: Sequence[float]) -> list[float]:
    """Return the places nearest to the wanted ones (least squares) that keep order and gaps."""
    offsets = [0.0]
    for one, other in pairwise(layer):
        room = (chains.sizes[one][0] + chains.sizes[other][0]) / 2 + _GAP
        offsets.append(offsets[-1] + room)
    blocks: list[tuple[float, int]] = []  # isotonic regression: mean and length of each block
    for want, offset in zip(wanted, offsets, strict=True):
        mean, length = want - offset, 1
        while blocks and blocks[-1][0] > mean:
            earlier, other = blocks.pop()
            mean = (mean * length + earlier * other) / (length + other)
            length += other
        blocks.append((mean, length))
    means = [mean for mean, length in blocks for _ in range(length)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _curve(points: Sequence[Point]) -> list[Point]:
    """Return a line through the points that is vertical at each."""
    route = [points[0]]
    for (x, y), (next_x, next_y) in pairwise(points):
        middle = (y + next_y) / 2
        route += [(x, middle), (next_x, middle), (next_x, next_y)]
    return route


def _loop(centre: Point, size: Size) -> list[Point]:
    x, y = centre[0] + size[0] / 2, centre[1]
    step = size[1] / 4
    return [(x, y - step), (x + _LOOP, y - step), (x + _LOOP, y + step), (x, y + step)]


def _fitted(size: Size, centres: list[Point], routes: list[list[Point]]) -> Layout:
    """Return the drawing moved and widened until each edge lies within it."""
    points = [point for route in routes for point in route]
    left = min([0.0, *(x for x, _ in points)])
    top = min([0.0, *(y for _, y in points)])
    width = max([size[0], *(x for x, _ in points)]) - left
    height = max([size[1], *(y for _, y in points)]) - top

    def move(point: Point) -> Point:
        return point[0] - left, point[1] - top

    return Layout(
        (width, height), [move(one) for one in centres], [[move(p) for p in r] for r in routes]
    )
