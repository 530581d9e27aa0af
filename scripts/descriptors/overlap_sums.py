"""Sums over overlaps for the pairs of two panels of columns, taken in one scan of the scores.

The sums of two panels are what `plan_panels` gives memory for: all products of features of a pair
of tiles, and for each tile the sums of its features and of their own products over each mask of
the other panel.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from itertools import combinations_with_replacement, product

import numpy as np
import torch
from torch import Tensor

from scripts.descriptors.column_tiles import Tiles
from scripts.descriptors.features import Basis
from scripts.descriptors.pair_measures import Numbers, PairBlock
from scripts.descriptors.score_store import Places, ScoreStore

# Rows that are summed in float32. Equal values round the same way again and again, so that the
# error of a sum grows with its length: over 8,192 rows with a rare value the nHSIC of equal columns
# is off by 2e-5, over 1,024 by 1e-6.
SUM_ROWS = 1024


class OverlapSums:
    """Running sums of the pairs of two panels.

    Args:
        store: normal scores.
        basis: functions of a normal score.
        tiles: order and cutting of the columns.
        first, second: two panels, disjoint or the same; pairs take a tile of each.
        pool: runs what can be done at once. Each piece of work has sums of its own.
        device: where products are taken and summed.
    """

    def __init__(
        self,
        store: ScoreStore,
        basis: Basis,
        tiles: Tiles,
        first: range,
        second: range,
        pool: Executor,
        device: torch.device,
    ) -> None:
        self._store, self._basis, self._tiles = store, basis, tiles
        self._pool, self._device = pool, device
        same = first == second
        self.pairs = list(
            combinations_with_replacement(first, 2) if same else product(first, second)
        )
        own = {tile: tiles.mask_tiles(first) for tile in first}
        own |= {tile: tiles.mask_tiles(second) for tile in second}
        self._masks_of_first, self._masks_of_second = own[first[0]], own[second[0]]
        # Tiles of one panel meet the masks of the other.
        self._met = dict.fromkeys(first, self._masks_of_second)
        self._met |= dict.fromkeys(second, self._masks_of_first)
        self._centres = dict(zip(self._met, pool.map(self._centre, self._met), strict=True))
        features = basis.size
        products = features * (features + 1) // 2
        width = {tile: len(tiles.columns[tile]) for tile in self._met}
        self._cross = {
            pair: self._zeros(width[pair[0]] * features, width[pair[1]] * features)
            for pair in self.pairs
        }
        self._sums = {
            tile: self._zeros(width[tile], features + products, self._count(masks))
            for tile, masks in self._met.items()
        }
        self._counts = self._zeros(
            self._count(self._masks_of_first), self._count(self._masks_of_second)
        )

    def add(self, scores: Tensor) -> None:
        """Add a chunk of rows, (columns of the store, rows)."""
        wanted = sorted({*self._masks_of_first, *self._masks_of_second})
        masks = dict(
            zip(wanted, self._pool.map(lambda m: self._mask(scores, m), wanted), strict=True)
        )
        tiles = list(self._met)
        features = dict(
            zip(tiles, self._pool.map(lambda t: self._features(scores, t), tiles), strict=True)
        )
        for one, other in product(self._masks_of_first, self._masks_of_second):
            place = (
                self._places(one, self._masks_of_first),
                self._places(other, self._masks_of_second),
            )
            self._counts[place] += masks[one] @ masks[other].T
        _finish(self._pool.map(lambda t: self._add_sums(t, features[t], masks), tiles))
        _finish(self._pool.map(lambda pair: self._add_cross(pair, features), self.pairs))

    def block(self, one: int, other: int) -> PairBlock:
        """Return the covariances of a pair of tiles, a tile of each panel.

        Of a tile with itself, those of the upper half.
        """
        counts = self._counts.cpu().numpy()
        groups = [self._tiles.group[self._tiles.columns[tile]] for tile in (one, other)]
        starts = [
            self._tiles.groups_of(masks[0])[0]
            for masks in (self._masks_of_first, self._masks_of_second)
        ]
        local = [group - start for group, start in zip(groups, starts, strict=True)]
        of_first, first_masks = np.unique(local[1], return_inverse=True)
        of_second, second_masks = np.unique(local[0], return_inverse=True)
        first_means, first = self._own(one, of_first, counts[np.ix_(local[0], of_first)])
        second_means, second = self._own(other, of_second, counts.T[np.ix_(local[1], of_second)])
        rows, columns = (
            np.triu_indices(len(local[0]))
            if one == other
            else (places.ravel() for places in np.indices((len(local[0]), len(local[1]))))
        )
        overlap = counts[local[0][rows], local[1][columns]]
        features = self._basis.size
        cross = self._cross[one, other].cpu().numpy()
        cross = cross.reshape(len(local[0]), features, len(local[1]), features)
        met_by_first, met_by_second = first_masks[columns], second_masks[rows]
        means = first_means[rows, met_by_first], second_means[columns, met_by_second]
        return PairBlock(
            rows=rows,
            columns=columns,
            overlap=overlap.astype(np.int64),
            cross=cross[rows, :, columns] / np.maximum(overlap, 1)[:, None, None]
            - means[0][:, :, None] * means[1][:, None, :],
            first=first,
            second=second,
            first_masks=met_by_first,
            second_masks=met_by_second,
        )

    def _own(self, tile: int, masks: Places, counts: Numbers) -> tuple[Numbers, Numbers]:
        """Return means (columns, masks, F) and covariances (columns, masks, F, F) over overlaps."""
        features = self._basis.size
        sums = self._sums[tile].cpu().numpy()[:, :, masks].swapaxes(1, 2)
        sums = sums / np.maximum(counts, 1)[..., None]
        means, squares = sums[..., :features], sums[..., features:]
        covariance = np.empty((*means.shape, features))
        rows, columns = np.triu_indices(features)
        covariance[..., rows, columns] = squares
        covariance[..., columns, rows] = squares
        return means, covariance - means[..., :, None] * means[..., None, :]

    def _add_sums(self, tile: int, features: Tensor, masks: dict[int, Tensor]) -> None:
        columns, size, rows = features.shape
        buffer = features.new_empty(columns * size * min(rows, SUM_ROWS))
        for span in _spans(rows):
            part = features[:, :, span]
            valid = {mask: masks[mask][:, span] for mask in self._met[tile]}
            buffer_of_part = buffer[: part.numel()].view(part.shape)
            self._add_strip(tile, 0, buffer_of_part.copy_(part), valid)
            done = size
            # Products of a feature with itself and those behind it, one such strip at a time, so
            # that they stay in the cache.
            for k in range(size):
                strip = buffer[: columns * (size - k) * part.shape[2]]
                strip = strip.view(columns, size - k, part.shape[2])
                torch.mul(part[:, k : k + 1], part[:, k:], out=strip)
                self._add_strip(tile, done, strip, valid)
                done += size - k

    def _add_strip(self, tile: int, start: int, values: Tensor, valid: dict[int, Tensor]) -> None:
        """Add the sums of values (columns, some, rows) over each mask, from place `start` on."""
        columns, some, _ = values.shape
        for mask, rows in valid.items():
            places = self._places(mask, self._met[tile])
            total = values.flatten(0, 1) @ rows.T
            self._sums[tile][:, start : start + some, places] += total.view(columns, some, -1)

    def _add_cross(self, pair: tuple[int, int], features: dict[int, Tensor]) -> None:
        one, other = (features[tile].flatten(0, 1) for tile in pair)
        part = one.new_empty(len(one), len(other))
        for span in _spans(one.shape[1]):
            torch.mm(one[:, span], other[:, span].T, out=part)
            self._cross[pair] += part

    def _features(self, scores: Tensor, tile: int) -> Tensor:
        """Return a tile's shifted features, (columns, F, rows), 0 where a value is missing."""
        own = scores[torch.from_numpy(self._tiles.columns[tile])]
        features = self._basis.features(own.to(self._device))
        return features.sub_(self._centres[tile]).nan_to_num_(nan=0.0)

    def _mask(self, scores: Tensor, mask_tile: int) -> Tensor:
        groups = self._tiles.groups_of(mask_tile)
        leaders = self._tiles.leaders[groups.start : groups.stop]
        return (~scores[torch.from_numpy(leaders)].isnan()).float().to(self._device)

    def _centre(self, tile: int) -> Tensor:
        sample = torch.from_numpy(self._store.sample[self._tiles.columns[tile]])
        centres = self._basis.features(sample).double().nanmean(dim=2, keepdim=True)
        return centres.nan_to_num(nan=0.0).float().to(self._device)

    def _count(self, mask_tiles: range) -> int:
        return sum(len(self._tiles.groups_of(mask_tile)) for mask_tile in mask_tiles)

    def _places(self, mask_tile: int, within: range) -> slice:
        groups, start = self._tiles.groups_of(mask_tile), self._tiles.groups_of(within[0]).start
        return slice(groups.start - start, groups.stop - start)

    def _zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=torch.float64, device=self._device)


def _spans(rows: int) -> Iterator[slice]:
    return (slice(start, start + SUM_ROWS) for start in range(0, rows, SUM_ROWS))


def _finish(work: Iterable[None]) -> None:
    """Wait for work that returns nothing; a failure is raised here."""
    for _ in work:
        pass
