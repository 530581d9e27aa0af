"""Keyed hashes are the same for ever, and parts of their range tile it."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.hashing import keyed_fraction, keyed_hash, range_of_part

END = 1 << 64
PARTS = st.integers(1, 5000)


def part_of_hash(value, parts):
    """The part that holds a hash, found the other way round: by its place in the whole range."""
    return value * parts // 2**64


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((42, "split", "news:1"), 16150165937609606720),
        ((42, "split", "news:1", "2"), 8911902364217303064),
        ((43, "split", "news:1"), 10074445331792134029),
        ((42, "cap", "news:1"), 15400003374766546615),
        ((0, "document", "가나다"), 18370593124439151591),
        ((0, "document", ""), 5548307894300218193),
        ((0, "document", "\ud800"), 10517651301413937793),
    ],
)
def test_values_that_datasets_were_made_with(arguments, value):
    """A change of any of these changes every split, sample and shard that exists."""
    assert keyed_hash(*arguments) == value


@given(st.integers(0, 10**6), st.text("ab:", max_size=9), st.lists(st.text(max_size=5)))
def test_value_is_blake2b_keyed_by_purpose_and_seed(seed, purpose, parts):
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    message = b"".join(str(len(part)).encode() + b":" + part for part in encoded)
    digest = hashlib.blake2b(message, digest_size=8, key=f"{purpose}:{seed}".encode())
    assert keyed_hash(seed, purpose, *parts) == int(digest.hexdigest(), 16)
    assert 0 <= keyed_fraction(seed, purpose, *parts) < 1


@given(PARTS)
def test_parts_tile_the_range_of_hashes(parts):
    ranges = [range_of_part(part, parts) for part in range(parts)]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == END
    assert all(low < high for low, high in ranges)
    assert all(ranges[n][1] == ranges[n + 1][0] for n in range(parts - 1))
    sizes = [high - low for low, high in ranges]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(0, END - 1), PARTS)
def test_hash_lies_in_the_range_of_its_part(value, parts):
    part = part_of_hash(value, parts)
    assert 0 <= part < parts
    low, high = range_of_part(part, parts)
    assert low <= value < high


@given(st.data(), PARTS)
def test_ends_of_a_range_belong_to_their_parts(data, parts):
    part = data.draw(st.integers(0, parts - 1))
    low, high = range_of_part(part, parts)
    assert part_of_hash(low, parts) == part_of_hash(high - 1, parts) == part
    if part:
        assert part_of_hash(low - 1, parts) == part - 1


@given(st.integers(0, END - 1), st.integers(1, 60), st.integers(1, 60))
def test_order_of_parts_is_the_order_of_hashes(value, parts, times):
    """A part of 3 is made of ten whole parts of 30, so shards read in a row give one order."""
    assert part_of_hash(value, parts * times) // times == part_of_hash(value, parts)


def test_hashes_spread_evenly():
    counts = [0] * 16
    for number in range(16_000):
        counts[part_of_hash(keyed_hash(1, "spread", f"doc{number}"), 16)] += 1
    # Sixteen binomial counts of mean 1,000 and deviation 31; six deviations never happen.
    assert all(abs(count - 1000) < 6 * 31 for count in counts)


def test_hash_depends_on_no_hash_seed():
    program = "from scripts.common.hashing import keyed_hash; print(keyed_hash(7, 'x', '가'))"
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "99")
    }
    assert printed == {f"{keyed_hash(7, 'x', '가')}\n"}
