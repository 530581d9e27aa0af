"""How columns are ordered and cut for products, and how many tiles fit a memory budget.

Columns with the same missing rows stand together, since sums over the overlap of two columns need
one product per distinct mask and not one per column. Tiles are fixed by the table alone: a smaller
budget takes more scans over the same tiles, so that it never changes a bit of the result.
"""

from dataclasses import dataclass

import numpy as np

from scripts.common.errors import ConfigError
from scripts.descriptors.feature_store import CHUNK_ROWS
from scripts.descriptors.score_store import Places, ScoreStore

MASKS_PER_TILE = 64
_MB = 1 << 20


@dataclass(frozen=True)
class Tiles:
    """Order and cutting of a table's columns.

    Attributes:
        columns: of each tile, its columns' places in the store.
        group: (columns of the store,) number of each column's mask.
        leaders: (groups,) a column that has the mask; groups are numbered in order of their tiles.
    """

    columns: list[Places]
    group: Places
    leaders: Places

    def mask_tiles(self, tiles: range) -> range:
        """Return the numbers of the mask tiles that hold the masks of some tiles' columns."""
        first = self.group[self.columns[tiles[0]][0]]
        last = self.group[self.columns[tiles[-1]][-1]]
        return range(int(first) // MASKS_PER_TILE, int(last) // MASKS_PER_TILE + 1)

    def groups_of(self, mask_tile: int) -> range:
        """Return the groups whose masks a mask tile holds."""
        start = mask_tile * MASKS_PER_TILE
        return range(start, min(start + MASKS_PER_TILE, len(self.leaders)))


def cut_tiles(store: ScoreStore, columns_per_tile: int) -> Tiles:
    """Order the columns by mask, masks with fewer missing rows first, and cut them into tiles."""
    _, leaders, mask_of = np.unique(store.mask_of, return_index=True, return_inverse=True)
    # By valid rows, the first columns first where these are equal.
    by_size = np.lexsort((leaders, -store.valid[leaders]))
    number_of = np.argsort(by_size)
    group = number_of[mask_of]
    order = np.argsort(group, kind="stable")
    return Tiles(
        columns=[
            order[start : start + columns_per_tile]
            for start in range(0, store.columns, columns_per_tile)
        ],
        group=group,
        leaders=leaders[by_size],
    )


def plan_panels(
    tiles: Tiles, *, features: int, columns_per_tile: int, workers: int, memory_mb: float
) -> list[range]:
    """Group tiles into panels, so that the sums of two panels fit the memory.

    Args:
        tiles: the tiles.
        features: features of a column.
        columns_per_tile: columns of a full tile.
        workers: tiles that are worked on at once.
        memory_mb: what sums, features and buffers may take, in MB.

    Returns:
        Ranges of tiles; a single one where everything fits.

    Raises:
        ConfigError: not even two tiles fit.
    """
    number = len(tiles.columns)
    widest = min(columns_per_tile, max(map(len, tiles.columns)))
    width = widest * features
    products = features * (features + 1) // 2
    feature_bytes = 4 * width * CHUNK_ROWS
    buffers = workers * (feature_bytes + 4 * width * width)
    buffers += 4 * len(tiles.group) * CHUNK_ROWS  # the chunk itself
    budget = memory_mb * _MB - buffers

    def need(per_side: int, sides: int) -> float:
        held = per_side * sides
        masks = min(len(tiles.leaders), per_side * widest + 2 * MASKS_PER_TILE)
        pairs = per_side * per_side if sides == 2 else per_side * (per_side + 1) // 2
        strips = held * widest * (features + products) * masks * 8
        return held * feature_bytes + pairs * 8 * width**2 + strips + sides * 4 * masks * CHUNK_ROWS

    if need(number, 1) <= budget:
        return [range(number)]
    per_side = 1
    while per_side < number and need(per_side + 1, 2) <= budget:
        per_side += 1
    if need(per_side, 2) > budget:
        lacking = (need(per_side, 2) + buffers) / _MB
        raise ConfigError(
            f"descriptors: the products of pass 4 need {lacking:,.0f} MB beside the process itself "
            f"and have {memory_mb:,.0f}; raise memory_mb, or lower threads or hsic_frequencies"
        )
    return [range(start, min(start + per_side, number)) for start in range(0, number, per_side)]
