"""Masked-language-model loss and pseudo-perplexity on text that no training set contains.

The loss masks a fixed, keyed share of the tokens of every document, all of them by the mask token
and each document alone, so that the number compares between checkpoints and lengths of packing. The
pseudo-perplexity is exp(-mean log p(token | all others of its sentence)), one token masked at a
time (Salazar et al. 2020, Masked Language Model Scoring, equation 3).
"""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.common.errors import InputError, IntegrityError
from scripts.common.hashing import keyed_fraction, keyed_hash
from scripts.common.wordpiece import WordPiece
from scripts.language_model.dataset_splits import refuse_other_folder, split_table
from scripts.language_model.masked_logits import Query, Runner

HOLDOUT = "holdout"
_COLUMNS = ["doc_ids", "segment_lengths", "input_ids"]
_LARGEST_LOG = math.log(sys.float_info.max)  # 709.8 nats
_SENTENCE_MARKS = (".", "?", "!")
_ROWS_AT_A_TIME = 500
_SHORTEST, _LONGEST = 5, 64  # tokens of a sentence
LOSS_DEFINITION = (
    "loss: mean over masked tokens of -log p in nats; of each held-out piece of a document (packed "
    "rows are taken apart) a keyed share mask_rate of its tokens, at least one, is replaced by the "
    "mask token; its interval resamples documents with all their pieces"
)
PERPLEXITY_DEFINITION = (
    f"pseudo-perplexity: exp of the mean over tokens of -log p(token | the rest of its sentence), "
    f"one token masked at a time, in keyed sentences of {_SHORTEST} to {_LONGEST} tokens that end "
    "in . ? or !, at most one a piece of a document; [UNK] is not asked for; its interval "
    "resamples the documents of the sentences"
)


@dataclass(frozen=True)
class Segment:
    """A held-out document, or a piece of one.

    Attributes:
        name: document id and number of the piece.
        ids: token ids, [CLS] first and [SEP] last.
    """

    name: str
    ids: list[int]

    @property
    def document(self) -> str:
        """The document that it is a piece of."""
        return self.name.rpartition("#")[0]


@dataclass(frozen=True)
class DocumentSum:
    """What one document brings to a mean over tokens.

    Attributes:
        total: sum of -log p in nats.
        tokens: number of tokens asked for.
    """

    total: float
    tokens: int


@dataclass(frozen=True)
class TextScore:
    """A mean over tokens.

    Attributes:
        documents: what each document brings, by its id; those without a token are left out.
        texts: number of segments or sentences.
    """

    documents: Mapping[str, DocumentSum]
    texts: int

    @property
    def tokens(self) -> int:
        """Number of tokens asked for."""
        return sum(one.tokens for one in self.documents.values())

    @property
    def value(self) -> float | None:
        """Mean of -log p in nats, None where no token was asked for."""
        total = math.fsum(one.total for one in self.documents.values())
        return total / self.tokens if self.tokens else None

    @property
    def perplexity(self) -> float | None:
        """The exponential of the value, None also where that is too large a number (diverged)."""
        return None if self.value is None or self.value > _LARGEST_LOG else math.exp(self.value)


def held_out_segments(dataset: Path) -> list[Segment]:
    """Return the documents of the hold-out split of a masked-language-model dataset.

    Raises:
        InputError: the folder holds no such dataset, or its hold-out split is empty.
        IntegrityError: a file of the split is missing or broken, or has other columns.
    """
    refuse_other_folder(dataset)
    table = split_table(dataset, HOLDOUT)
    if table is None or not table.num_rows:
        raise InputError(
            f"{dataset} has no hold-out rows; give the hold-out split a share (corpus.split)"
        )
    if not set(_COLUMNS) <= set(table.column_names):
        raise IntegrityError(
            f"{dataset / HOLDOUT} has other columns than expected; build the dataset again"
        )
    numbers: dict[str, int] = {}
    segments = []
    columns = table.select(_COLUMNS)
    batches = columns.to_batches(max_chunksize=_ROWS_AT_A_TIME)
    for row in (row for batch in batches for row in batch.to_pylist()):
        start = 0
        for doc_id, length in zip(row["doc_ids"], row["segment_lengths"], strict=True):
            number = numbers[doc_id] = numbers.get(doc_id, -1) + 1
            ids = row["input_ids"][start : start + length]
            segments.append(Segment(f"{doc_id}#{number}", ids))
            start += length
    return segments


def keyed_sample(segments: Sequence[Segment], max_tokens: int, seed: int) -> list[Segment]:
    """Return segments in an order that depends on their names alone, up to a number of tokens."""
    queue = sorted(
        segments, key=lambda segment: (keyed_hash(seed, "held-out", segment.name), segment.name)
    )
    taken: list[Segment] = []
    tokens = 0
    for segment in queue:
        if taken and tokens + len(segment.ids) > max_tokens:
            break
        taken.append(segment)
        tokens += len(segment.ids)
    return taken


def masked_positions(segment: Segment, rate: float, special: Iterable[int], seed: int) -> list[int]:
    """Return the positions of a segment that are masked, at least one where any can be.

    Each position has its own keyed fraction, so a prefix of a document has a prefix of its masks.
    """
    fixed = set(special)
    fractions = {
        place: keyed_fraction(seed, "held-out masks", segment.name, str(place))
        for place, number in enumerate(segment.ids)
        if number not in fixed
    }
    below = [place for place, fraction in fractions.items() if fraction < rate]
    return below or sorted(fractions, key=lambda place: fractions[place])[:1]


def masked_loss(
    runner: Runner, wordpiece: WordPiece, segments: Sequence[Segment], *, rate: float, seed: int
) -> TextScore:
    """Return the masked-language-model loss of segments.

    Args:
        runner: the model.
        wordpiece: its tokenizer.
        segments: held-out text, each no longer than the model's inputs.
        rate: share of the tokens that are masked.
        seed: key of the masks.
    """
    special = wordpiece.special_ids
    mask = special["mask"]
    queries, targets, documents = [], [], []
    for segment in segments:
        positions = masked_positions(segment, rate, special.values(), seed)
        if positions:
            hidden = set(positions)
            ids = [mask if place in hidden else n for place, n in enumerate(segment.ids)]
            queries.append(Query(ids, positions))
            targets.append([segment.ids[place] for place in positions])
            documents.append(segment.document)
    return TextScore(_sums(runner, queries, targets, documents), texts=len(queries))


def pseudo_perplexity(
    runner: Runner, wordpiece: WordPiece, segments: Sequence[Segment], *, count: int, seed: int
) -> TextScore:
    """Return the mean negative log-probability of the tokens of sentences, one masked at a time.

    Args:
        runner: the model.
        wordpiece: its tokenizer.
        segments: held-out text.
        count: number of sentences at most.
        seed: key of the choice.
    """
    special = wordpiece.special_ids
    sentences = sampled_sentences(segments, wordpiece, count=count, seed=seed)
    queries, targets, documents = [], [], []
    for document, sentence in sentences:
        whole = [special["cls"], *sentence, special["sep"]]
        for place, number in enumerate(sentence, start=1):
            if number != special["unk"]:
                queries.append(
                    Query([*whole[:place], special["mask"], *whole[place + 1 :]], [place])
                )
                targets.append([number])
                documents.append(document)
    return TextScore(_sums(runner, queries, targets, documents), texts=len(sentences))


def sampled_sentences(
    segments: Sequence[Segment], wordpiece: WordPiece, *, count: int, seed: int
) -> list[tuple[str, list[int]]]:
    """Return (document, token ids) of at most `count` sentences, one a segment, in keyed order."""
    marks = {wordpiece.vocabulary[mark] for mark in _SENTENCE_MARKS if mark in wordpiece.vocabulary}
    chosen = []
    for segment in segments:
        sentences = [
            sentence
            for sentence in _sentences(segment.ids[1:-1], marks)
            if _SHORTEST <= len(sentence) <= _LONGEST
        ]
        if sentences:
            place = keyed_hash(seed, "sentence of a segment", segment.name) % len(sentences)
            rank = keyed_hash(seed, "sentences", segment.name)
            chosen.append((rank, segment.name, segment.document, sentences[place]))
    return [(document, sentence) for _, _, document, sentence in sorted(chosen)[:count]]


def _sentences(ids: Sequence[int], marks: set[int]) -> Iterator[list[int]]:
    """Yield the sentences that end in a mark; the first one may have lost its beginning."""
    start = 0
    for place, number in enumerate(ids):
        if number in marks:
            yield list(ids[start : place + 1])
            start = place + 1


def _sums(
    runner: Runner,
    queries: Sequence[Query],
    targets: Sequence[Sequence[int]],
    documents: Sequence[str],
) -> dict[str, DocumentSum]:
    """Return -log p of the targets, summed by the queries' documents, sorted by document."""
    import torch

    sums = [0.0] * len(queries)
    for index, found in runner.log_probabilities(queries):
        ids = torch.tensor(targets[index], device=found.device)
        sums[index] = -found.gather(1, ids[:, None]).double().sum().item()
    places: dict[str, list[int]] = {}
    for index, document in enumerate(documents):
        places.setdefault(document, []).append(index)
    return {
        document: DocumentSum(
            math.fsum(sums[index] for index in own), sum(len(targets[index]) for index in own)
        )
        for document, own in sorted(places.items())
    }
