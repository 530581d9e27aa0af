"""How many rows of a class each split is owed, in exact arithmetic."""

from collections.abc import Sequence
from fractions import Fraction

from scripts.common.errors import ConfigError

Shares = tuple[Fraction, Fraction, Fraction]


def split_shares(test_size: float, val_size: float) -> Shares:
    """Return the shares of train, validation and test, which add up to one.

    The shares are the decimal numbers as written: 0.3 - 0.1 is 0.2, so that equal remainders are
    equal.

    Args:
        test_size: share of all rows held out.
        val_size: share of all rows in validation; the rest of those held out are test.

    Raises:
        ConfigError: not 0 < val_size < test_size < 1.
    """
    if not 0 < val_size < test_size < 1:
        raise ConfigError(
            f"val_size is {val_size} and test_size {test_size}; give 0 < val_size < test_size < 1 "
            "(test_size is all that is held out, val_size the part of it for validation)"
        )
    held_out, validation = Fraction(str(test_size)), Fraction(str(val_size))
    return 1 - held_out, validation, held_out - validation


def quotas(rows: int, shares: Shares, splits: Sequence[int], order: Sequence[int]) -> list[int]:
    """Return the rows owed to each split: at least one to each of `splits`, none to the others.

    A split whose share comes to less than a row is owed one; the other rows go by largest
    remainder over the other splits, so that each of them is owed its share of those rows within
    one row.

    Args:
        rows: rows of the class, at least one for each of `splits`.
        shares: share of each split.
        splits: the splits that the class may stand in.
        order: the splits, in the order in which equal remainders are served.
    """
    owed = [0] * len(shares)
    by_share = list(splits)
    left = rows
    while True:
        total = sum(shares[split] for split in by_share)
        small = [split for split in by_share if left * shares[split] < total]
        if not small:
            break
        for split in small:
            owed[split] = 1
            by_share.remove(split)
        left -= len(small)
    parts = {split: left * shares[split] / total for split in by_share}
    for split, part in parts.items():
        owed[split] = int(part)
    by_remainder = sorted(
        by_share, key=lambda split: (int(parts[split]) - parts[split], order.index(split))
    )
    for split in by_remainder[: left - sum(owed[split] for split in by_share)]:
        owed[split] += 1
    return owed
