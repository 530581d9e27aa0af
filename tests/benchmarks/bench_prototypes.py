"""Prototypes by number of bits, mean vectors and k-means against exact MaxSim, on real sessions.

In each session the documents of a domain are a cluster; every fifth document is an item to be
placed, the others make the clusters. Exact is MaxSim with all tokens of a cluster, in one product
with segmented maxima, as prototypes are scored too; by own bucket a token meets one row of each
cluster. For each form it shows the rows, how many times faster it scores the items than the exact
form (processor seconds, one thread; making the rows apart), the rank correlation of its scores of
all clusters with the exact ones, averaged over items, how often it names the exact form's nearest
cluster, and how often the item's own domain, without and with the correction for size (each
cluster's mean distance from other clusters' documents taken off).

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_prototypes \
        --sessions results/retrieval/sessions --encoder results/retrieval/encoder
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import tyro
from scipy.stats import rankdata
from sklearn.cluster import MiniBatchKMeans

from scripts.retrieval.cluster_state import evenly
from scripts.retrieval.encoders import load_encoder
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.lookup import ALL, OWN_BUCKET, scores_of
from scripts.retrieval.maxsim import distances, text_scores
from scripts.retrieval.prototypes import build_prototypes
from scripts.retrieval.token_vectors import Indices, Numbers, TokenVectors, offsets_of, unit_rows
from tests.benchmarks.processor_time import repeated, require_one_thread, timed

BACKGROUND_TEXTS = 200  # documents of the clusters that are measured for the correction
ITEM_EVERY = 5
MEANS_OF_K = 64


class Clusters(NamedTuple):
    """A session's clusters and items.

    Attributes:
        members: token vectors of the clusters' documents, cluster by cluster.
        labels: (members,) cluster of each.
        items: token vectors of what is to be placed.
        domains: (items,) cluster that each belongs to.
    """

    members: TokenVectors
    labels: Indices
    items: TokenVectors
    domains: Indices

    @property
    def joined(self) -> TokenVectors:
        """All tokens of each cluster as one text."""
        lengths = np.bincount(self.labels, self.members.lengths).astype(np.int64)
        return TokenVectors(self.members.vectors, offsets_of(lengths))


class Form(NamedTuple):
    """A form's scores, (texts, clusters), and what it takes to make its rows."""

    score: Callable[[TokenVectors], Numbers]
    rows: int
    seconds: float


def main(
    sessions: Path,
    encoder: Path,
    *,
    bits_from: int = 3,
    bits_to: int = 14,
    documents: int = 150,
    rounds: int = 3,
    table: Path | None = None,
) -> None:
    """Measure and print a table for each session.

    Args:
        sessions: folder with {t}/documents.parquet, as the workflow writes it.
        encoder: folder of an encoder.
        bits_from: fewest hyperplanes.
        bits_to: most hyperplanes.
        documents: of each domain at most, every so many of them.
        rounds: how often each form scores the items.
        table: where the Markdown goes as well.
    """
    require_one_thread()
    lines: list[str] = []
    for path in sorted(
        sessions.glob("*/documents.parquet"), key=lambda path: int(path.parent.name)
    ):
        clusters = _clusters(path, encoder, documents)
        lines += _table(path.parent.name, clusters, range(bits_from, bits_to + 1), rounds)
    text = "\n".join(lines)
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _clusters(path: Path, encoder: Path, documents: int) -> Clusters:
    rows = pq.read_table(path, columns=["text", "domain"]).to_pylist()
    names = sorted({row["domain"] for row in rows if row["domain"] is not None})
    chosen = [
        [rows[place]["text"] for place in evenly(_of_domain(rows, name), documents)]
        for name in names
    ]
    chosen = [texts for texts in chosen if len(texts) >= 2 * ITEM_EVERY]
    if len(chosen) < 2:
        raise SystemExit(f"{path} has fewer than two domains of {2 * ITEM_EVERY} documents")
    tokens = load_encoder(encoder, threads=1).token_vectors([t for texts in chosen for t in texts])
    labels = np.repeat(np.arange(len(chosen)), [len(texts) for texts in chosen])
    is_item = np.concatenate([np.arange(len(texts)) % ITEM_EVERY == 0 for texts in chosen])
    known = tokens.lengths > 0
    members, items = np.flatnonzero(~is_item & known), np.flatnonzero(is_item & known)
    return Clusters(tokens.take(members), labels[members], tokens.take(items), labels[items])


def _of_domain(rows: list[dict[str, str]], name: str) -> Indices:
    return np.array([place for place, row in enumerate(rows) if row["domain"] == name])


def _table(session: str, clusters: Clusters, bits: range, rounds: int) -> list[str]:
    joined, items = clusters.joined, clusters.items
    exact = Form(partial(_against_texts, joined), len(joined.vectors), 0.0)
    exact_scores, exact_seconds = repeated(partial(exact.score, items), rounds)
    forms = {f"prototypes, {b} bits": partial(_prototypes, clusters, b, ALL) for b in bits}
    forms |= {f"own bucket, {b} bits": partial(_prototypes, clusters, b, OWN_BUCKET) for b in bits}
    forms |= {"k-means": partial(_k_means, joined), "mean vectors": partial(_means, joined)}
    rows = [_row("exact", exact, clusters, exact_scores, exact_scores, None)]
    for name, make in forms.items():
        form = make()
        scores, seconds = repeated(partial(form.score, items), rounds)
        rows.append(_row(name, form, clusters, scores, exact_scores, exact_seconds / seconds))
    sizes = np.bincount(clusters.labels)
    return [
        f"Session {session}: {len(sizes)} clusters of {sizes.min()} to {sizes.max()} documents, "
        f"{items.texts} items, {len(joined.vectors):,} and {len(items.vectors):,} tokens of "
        f"{items.dimension} dimensions; exact {exact_seconds:.2f} s.",
        "",
        "| form | rows | s to make | times faster | rank correlation | exact's cluster "
        "| own domain | own domain, size corrected |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
    ]


def _row(
    name: str,
    form: Form,
    clusters: Clusters,
    scores: Numbers,
    exact: Numbers,
    faster: float | None,
) -> str:
    lengths = clusters.items.lengths
    nearest = np.argmin(distances(scores, lengths), axis=1)
    expected = np.argmin(distances(exact, lengths), axis=1)
    corrected = np.argmin(distances(scores, lengths) - _background(form, clusters), axis=1)
    ranks, exact_ranks = rankdata(scores, axis=1), rankdata(exact, axis=1)
    correlation = np.mean(
        [np.corrcoef(one, other)[0, 1] for one, other in zip(ranks, exact_ranks, strict=True)]
    )
    return (
        f"| {name} | {form.rows:,} | {form.seconds:.2f} | "
        f"{'' if faster is None else f'{faster:.1f}'} | {correlation:.3f} | "
        f"{(nearest == expected).mean():.3f} | {(nearest == clusters.domains).mean():.3f} | "
        f"{(corrected == clusters.domains).mean():.3f} |"
    )


def _background(form: Form, clusters: Clusters) -> Numbers:
    some = evenly(np.arange(clusters.members.texts), BACKGROUND_TEXTS)
    sample, labels = clusters.members.take(some), clusters.labels[some]
    measured = distances(form.score(sample), sample.lengths)
    own = labels[:, None] == np.arange(measured.shape[1])
    return np.ma.masked_array(measured, own).mean(axis=0).filled(0.0)


def _prototypes(clusters: Clusters, bits: int, lookup: str) -> Form:
    planes = draw_hyperplanes(0, bits, clusters.members.dimension)
    count = int(clusters.labels.max()) + 1
    prototypes, seconds = timed(
        partial(build_prototypes, planes, clusters.members, clusters.labels, count)
    )

    def score(texts: TokenVectors) -> Numbers:
        return scores_of(planes, texts, lookup)(prototypes)

    return Form(score, len(prototypes.buckets), seconds)


def _k_means(joined: TokenVectors) -> Form:
    def centres() -> TokenVectors:
        found = []
        for place in range(joined.texts):
            tokens = unit_rows(joined.text(place))
            model = MiniBatchKMeans(min(MEANS_OF_K, len(tokens)), n_init=1, random_state=0)
            found.append(model.fit(tokens).cluster_centers_)
        return TokenVectors(np.concatenate(found), offsets_of([len(own) for own in found]))

    rows, seconds = timed(centres)
    return Form(partial(_against_texts, rows), len(rows.vectors), seconds)


def _means(joined: TokenVectors) -> Form:
    def means() -> TokenVectors:
        return _mean_texts(joined)

    rows, seconds = timed(means)

    def score(texts: TokenVectors) -> Numbers:
        # A mean is a text of one token; scaled so that distances are those of cosines.
        return text_scores(_mean_texts(texts), rows) * texts.lengths[:, None]

    return Form(score, joined.texts, seconds)


def _mean_texts(texts: TokenVectors) -> TokenVectors:
    means = np.stack([texts.text(place).mean(axis=0) for place in range(texts.texts)])
    return TokenVectors(means, np.arange(texts.texts + 1, dtype=np.int64))


def _against_texts(rows: TokenVectors, texts: TokenVectors) -> Numbers:
    return text_scores(texts, rows)


if __name__ == "__main__":
    tyro.cli(main)
