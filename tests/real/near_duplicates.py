"""Real documents with planted near-duplicates, and the similarity of all their pairs."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

SHINGLE = 5
DOCUMENTS = 5_000
EDITED = 1_000
PAGES = 250
BOILERPLATE = 1_500


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts that share a shingle, with their Jaccard similarity."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    jaccard: npt.NDArray[np.float64]

    def at_least(self, low: float, high: float = 1.1) -> list[tuple[int, int]]:
        """Pairs with `low` <= similarity < `high`."""
        found = (self.jaccard >= low) & (self.jaccard < high)
        return list(zip(self.first[found].tolist(), self.second[found].tolist(), strict=True))


def texts_with_planted(path: Path) -> dict[str, str]:
    """5,000 real texts by id, evenly over the file, and edited copies of some of them.

    A third of the copies has single characters changed, a third has sentences dropped, a third
    has boilerplate before or after it, at rates that spread the similarity around 0.8; a fifth of
    the copies has a copy of its own. 250 further texts share a boilerplate of four fifths of their
    length, which makes them alike but not similar; a fifth of them has a copy.
    """
    rng = random.Random(20)
    table = pq.read_table(path, columns=["id", "text"])
    step = table.num_rows // DOCUMENTS
    rows = table.take(list(range(0, step * DOCUMENTS, step))).to_pylist()
    texts = {str(row["id"]): row["text"] for row in rows}
    usable = [key for key, text in texts.items() if 600 <= len(text) <= 3_000]
    pages = "".join(texts[key] for key in rng.sample(usable, 5))
    for number in range(EDITED):
        original = rng.choice(usable)
        kind = number % 3
        edit = (changed_characters, dropped_sentences, with_boilerplate)[kind]
        copy = edit(texts[original], pages, rng)
        texts[f"copy{number}"] = copy
        if number % 5 == 0:
            texts[f"copy{number}.copy"] = edit(copy, pages, rng)
    for number, key in enumerate(rng.sample(usable, PAGES)):
        texts[f"page{number}"] = texts[key][:350] + pages[:BOILERPLATE]
        if number % 5 == 0:
            texts[f"page{number}.copy"] = changed_characters(texts[f"page{number}"], pages, rng)
    return texts


def changed_characters(text: str, pages: str, rng: random.Random) -> str:
    """Replace 0.2 % to 4 % of the characters."""
    letters = list(text)
    for place in rng.sample(
        range(len(letters)), max(1, round(len(text) * rng.uniform(0.002, 0.04)))
    ):
        letters[place] = rng.choice(pages)
    return "".join(letters)


def dropped_sentences(text: str, pages: str, rng: random.Random) -> str:
    """Drop each sentence with a probability of 2 % to 30 %."""
    rate = rng.uniform(0.02, 0.30)
    return ". ".join(part for part in text.split(". ") if rng.random() >= rate)


def with_boilerplate(text: str, pages: str, rng: random.Random) -> str:
    """Put 2 % to 35 % of the text's length of boilerplate before or after it."""
    length = round(len(text) * rng.uniform(0.02, 0.35))
    start = rng.randrange(len(pages) - length)
    part = pages[start : start + length]
    return part + text if rng.random() < 0.5 else text + part


def all_pairs(texts: list[str]) -> Pairs:
    """The similarity of every pair, counted exactly through the texts of each shingle."""
    numbers: dict[str, int] = {}
    sets = []
    for text in texts:
        letters = "".join(text.split())
        parts = {letters[i : i + SHINGLE] for i in range(max(1, len(letters) - SHINGLE + 1))}
        sets.append(np.array([numbers.setdefault(part, len(numbers)) for part in parts]))
    sizes = np.array([len(one) for one in sets])
    owners = np.repeat(np.arange(len(sets)), sizes)
    shingles = np.concatenate(sets)
    owners = owners[np.argsort(shingles, kind="stable")]
    ends = np.cumsum(np.bincount(shingles, minlength=len(numbers)))
    starts = np.concatenate(([0], ends[:-1]))
    found = []
    for number, own in enumerate(sets):
        several = own[ends[own] - starts[own] > 1]
        sharing = [owners[starts[part] : ends[part]] for part in several]
        if not sharing:
            continue
        common = np.bincount(np.concatenate(sharing), minlength=len(sets))
        common[: number + 1] = 0
        others = np.flatnonzero(common)
        similarity = common[others] / (sizes[number] + sizes[others] - common[others])
        near = similarity >= 0.5
        found.append((np.full(near.sum(), number), others[near], similarity[near]))
    first, second, similarity = (np.concatenate(column) for column in zip(*found, strict=True))
    return Pairs(first, second, similarity)


def names_of_components(size: int, links: list[tuple[int, int]]) -> list[int]:
    """The smallest member of each member's component, by spreading until nothing changes."""
    names = list(range(size))
    changed = True
    while changed:
        changed = False
        for first, second in links:
            low = min(names[first], names[second])
            if names[first] != low or names[second] != low:
                names[first] = names[second] = low
                changed = True
    return names
