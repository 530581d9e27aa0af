"""Assignment of vectors to clusters against streaming peers, MaxSim against plain forms, memory.

Document vectors of 768 dimensions, each a text of one token, come in batches of a stream with
planted clusters; assignment measures them to all prototypes and commits them, as a peer's learning
does. river's CluStream and STREAMKMeans learn one vector at a time; their rate is taken when they
are full. scikit-learn's MiniBatchKMeans learns the same batches, with as many centres as there are
clusters, and as many as the prototypes have buckets. Goals: 1,000 times river's learn_one, and
MiniBatchKMeans' rate at the same number of centres, which for the lookup of all buckets is theirs
and for that of the own bucket is the number of clusters. The latter is shown with commits after
each batch and with one at the end of the session, as the memory's default has it. The product of
all vectors with one row of each cluster, without which neither form can name the nearest, shows how
near both are to what the machine can do.

MaxSim against many documents is compared with what a careful reader would write: one product of
the stacked queries with each document and a maximum along rows; and with a loop over queries and
documents. Processor time of one thread is compared, so that other work does not count.

Memory is that of a process that assigns a stream of 100,000 vectors in 100 sessions, drawn as they
are read, with a memory of bounded size that is measured afresh in each session.

`make bench-setup` installs river; `--river-vectors 0` does without.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.bench_clusters
"""

import resource
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import tyro
from sklearn.cluster import MiniBatchKMeans

from scripts.retrieval.assignment import AssignmentRules, assign_documents
from scripts.retrieval.cluster_state import ClusterStates, measure_clusters
from scripts.retrieval.hyperplanes import draw_hyperplanes
from scripts.retrieval.lookup import ALL, OWN_BUCKET
from scripts.retrieval.maxsim import text_scores
from scripts.retrieval.opening import Acceptance
from scripts.retrieval.token_vectors import (
    Indices,
    Numbers,
    TokenVectors,
    Vectors,
    offsets_of,
    unit_rows,
)
from tests.benchmarks.processor_time import repeated, require_one_thread, timed

DIMENSION = 768
GOAL_AGAINST_RIVER, GOAL_AGAINST_SCIKIT_LEARN = 1000.0, 1.0
# All clusters are known, so that none is to be opened.
RULES = AssignmentRules(Acceptance(10, 20.0, True), batch=1024, merge_distance=None)
OWN_RULES = replace(RULES, acceptance=Acceptance(10, 20.0, True, OWN_BUCKET))
TOLERANCE = 1e-3  # of a score of 128 tokens


class Stream:
    """Unit vectors around planted directions.

    Args:
        clusters: number of directions.
        seed: of the draws.
    """

    def __init__(self, clusters: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._centres = self._rng.standard_normal((clusters, DIMENSION)).astype(np.float32)

    def draw(self, vectors: int) -> tuple[Vectors, Indices]:
        """Return the next vectors and their clusters."""
        labels = self._rng.integers(0, len(self._centres), vectors)
        noise = self._rng.standard_normal((vectors, DIMENSION), dtype=np.float32)
        return unit_rows(self._centres[labels] + noise), labels


def main(
    *,
    clusters: int = 50,
    vectors: int = 16_384,
    river_vectors: int = 300,
    queries: int = 64,
    documents: int = 2_000,
    sessions: int = 100,
    session_vectors: int = 1_000,
    memory_vectors: int = 2_000,
    rounds: int = 3,
    table: Path | None = None,
) -> None:
    """Measure and print the rates.

    Args:
        clusters: planted clusters.
        vectors: assigned in each round.
        river_vectors: that river learns, the last third of them being timed; none where 0.
        queries: texts of 16 to 48 tokens that MaxSim compares with the documents.
        documents: of 15 to 250 tokens.
        sessions: of the stream whose memory is watched.
        session_vectors: of each of its sessions.
        memory_vectors: that are kept from session to session.
        rounds: how often each form runs.
        table: where the Markdown goes as well.
    """
    require_one_thread()
    # Memory first, since the peak is that of the process.
    memory = _memory(clusters, sessions, session_vectors, memory_vectors)
    lines = [
        *_rates(clusters, vectors, river_vectors, rounds),
        "",
        *_maxsim(queries, documents, rounds),
        "",
        *memory,
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if table is not None:
        table.write_text(text, encoding="utf-8")


def _rates(clusters: int, vectors: int, river_vectors: int, rounds: int) -> list[str]:
    stream = Stream(clusters, seed=0)
    known, labels = stream.draw(4096)
    news, own = stream.draw(vectors)
    peers = _river(stream.draw(river_vectors)[0], clusters) if river_vectors else {}
    rows = []
    for name, rate in peers.items():
        rows.append(f"| {name} | | {rate:,.0f} | | |")
    plain = _mini_batch_rate(known, news, clusters, rounds)
    slowest, fewest = np.inf, np.inf
    for bits in (1, 3, 5, 7):
        planes = draw_hyperplanes(0, bits, DIMENSION)
        states = _measured(planes, known, labels, clusters, 0)
        seconds = _assignment_seconds(planes, states, news, own, RULES, rounds)
        rate, buckets = vectors / seconds, len(states.prototypes.buckets)
        learned = _mini_batch_rate(known, news, buckets, rounds)
        slowest, fewest = min(slowest, rate), min(fewest, rate / learned)
        against = " / ".join(f"{rate / other:,.0f}" for other in peers.values())
        rows.append(
            f"| all buckets, {bits} bits | {buckets:,} | {rate:,.0f} | {against} | "
            f"{rate / learned:.2f} |"
        )
    own_rates = []
    for bits in (1, 3, 5, 7):
        planes = draw_hyperplanes(0, bits, DIMENSION)
        states = _measured(planes, known, labels, clusters, 0, OWN_BUCKET)
        for rules in (OWN_RULES, replace(OWN_RULES, batch=None)):
            seconds = _assignment_seconds(planes, states, news, own, rules, rounds)
            rate = vectors / seconds
            own_rates.append(rate)
            against = " / ".join(f"{rate / other:,.0f}" for other in peers.values())
            commits = "a batch" if rules.batch else "a session"
            rows.append(
                f"| own bucket, {bits} bits, a commit {commits} | {clusters:,} | {rate:,.0f} "
                f"| {against} | {rate / plain:.2f} |"
            )
    rows.append(f"| MiniBatchKMeans | {clusters:,} | {plain:,.0f} | | |")
    product = _product_rate(news, clusters, rounds)
    rows.append(f"| the product alone | {clusters:,} | {product:,.0f} | | {product / plain:.2f} |")
    names = " / ".join(peers)
    goals = [
        f"- Goal of {GOAL_AGAINST_RIVER:,.0f} times river's {name}: all buckets "
        f"{_verdict(slowest / rate >= GOAL_AGAINST_RIVER)} (least {slowest / rate:,.0f}), own "
        f"bucket {_verdict(min(own_rates) / rate >= GOAL_AGAINST_RIVER)} "
        f"(least {min(own_rates) / rate:,.0f}, most {max(own_rates) / rate:,.0f})."
        for name, rate in peers.items()
    ]
    return [
        f"{vectors:,} vectors of {DIMENSION} dimensions, {clusters} clusters, batches of "
        f"{RULES.batch:,}.",
        "",
        f"| form | centres | vectors/s | times {names} | times MiniBatchKMeans, as many centres |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
        *goals,
        f"- Goal of {GOAL_AGAINST_SCIKIT_LEARN:.0f} times MiniBatchKMeans with as many centres: "
        f"all buckets {_verdict(fewest >= GOAL_AGAINST_SCIKIT_LEARN)} (least {fewest:.2f}), own "
        f"bucket {_verdict(min(own_rates) / plain >= GOAL_AGAINST_SCIKIT_LEARN)} "
        f"(least {min(own_rates) / plain:.2f}, most {max(own_rates) / plain:.2f}).",
        f"- The product alone: {2e-9 * product * clusters * DIMENSION:.0f} GFLOP/s.",
    ]


def _assignment_seconds(
    planes: Numbers,
    states: ClusterStates,
    news: Vectors,
    own: Indices,
    rules: AssignmentRules,
    rounds: int,
) -> float:
    """Return the seconds in which vectors are assigned and committed."""
    assign = partial(assign_documents, planes, states, _as_texts(news), 1, rules)
    found, seconds = repeated(assign, rounds)
    if found.opened or (found.clusters != own).mean() > 0.01:
        raise RuntimeError(f"{len(planes)} bits put vectors into wrong clusters")
    return seconds


def _product_rate(news: Vectors, clusters: int, rounds: int) -> float:
    rows = np.ascontiguousarray(news[:clusters])
    _, seconds = repeated(lambda: news @ rows.T, rounds)
    return len(news) / seconds


def _river(vectors: Vectors, clusters: int) -> dict[str, float]:
    """Return how many vectors a second river's models learn when they are full."""
    from river.cluster import CluStream, STREAMKMeans

    rows = [dict(enumerate(row)) for row in vectors.astype(float).tolist()]
    first = 2 * len(rows) // 3
    models = {
        "CluStream": CluStream(n_macro_clusters=clusters, max_micro_clusters=2 * clusters),
        "STREAMKMeans": STREAMKMeans(n_clusters=clusters, chunk_size=2 * clusters),
    }
    rates = {}
    for name, model in models.items():
        for row in rows[:first]:
            model.learn_one(row)

        def learn(model: CluStream | STREAMKMeans = model) -> None:
            for row in rows[first:]:
                model.learn_one(row)

        _, seconds = timed(learn)
        rates[name] = (len(rows) - first) / seconds
    return rates


def _mini_batch_rate(known: Vectors, news: Vectors, centres: int, rounds: int) -> float:
    batch = RULES.batch or len(news)

    def learn() -> None:
        for start in range(0, len(news), batch):
            model.partial_fit(news[start : start + batch])

    model = MiniBatchKMeans(centres, batch_size=batch, n_init=1, random_state=0)
    model.partial_fit(known)
    _, seconds = repeated(learn, rounds)
    return len(news) / seconds


def _as_texts(vectors: Vectors) -> TokenVectors:
    return TokenVectors(vectors, np.arange(len(vectors) + 1, dtype=np.int64))


def _measured(
    planes: Numbers,
    vectors: Vectors,
    labels: Indices,
    clusters: int,
    session: int,
    lookup: str = ALL,
) -> ClusterStates:
    sessions = np.full(len(vectors), session, dtype=np.int64)
    states, _ = measure_clusters(
        planes,
        _as_texts(vectors),
        labels,
        sessions,
        ids=np.arange(clusters),
        next_id=clusters,
        lookup=lookup,
    )
    return states


def _maxsim(queries: int, documents: int, rounds: int) -> list[str]:
    rng = np.random.default_rng(1)

    def drawn(texts: int, fewest: int, most: int) -> TokenVectors:
        lengths = rng.integers(fewest, most + 1, texts)
        tokens = rng.standard_normal((int(lengths.sum()), 128), dtype=np.float32)
        return TokenVectors(tokens, offsets_of(lengths))

    one, other = drawn(queries, 16, 48), drawn(documents, 15, 250)

    def rows_first() -> Numbers:
        scores = np.empty((queries, documents))
        stacked = unit_rows(one.vectors).T
        for place in range(documents):
            best = (unit_rows(other.text(place)) @ stacked).max(axis=0)
            scores[:, place] = np.add.reduceat(best, one.offsets[:-1])
        return scores

    def pair_by_pair() -> Numbers:
        units = [unit_rows(other.text(place)) for place in range(documents)]
        texts = [unit_rows(one.text(place)) for place in range(queries)]
        return np.array([[(x @ y.T).max(axis=1).sum() for y in units] for x in texts])

    forms: dict[str, Callable[[], Numbers]] = {
        "queries and documents in a loop": pair_by_pair,
        "stacked queries, rows first (fair base)": rows_first,
        "text_scores": partial(text_scores, one, other),
    }
    results = {name: repeated(form, rounds) for name, form in forms.items()}
    base_scores, base_seconds = results["stacked queries, rows first (fair base)"]
    for name, (scores, _) in results.items():
        if np.abs(scores - base_scores).max() > TOLERANCE:
            raise RuntimeError(f"the scores of “{name}” differ")
    return [
        f"MaxSim of {queries} queries with {documents:,} documents, "
        f"{len(other.vectors):,} tokens of 128 dimensions.",
        "",
        "| form | s | times the fair base |",
        "|---|---:|---:|",
        *(
            f"| {name} | {seconds:.3f} | {base_seconds / seconds:.2f} |"
            for name, (_, seconds) in results.items()
        ),
    ]


def _memory(clusters: int, sessions: int, vectors: int, kept: int) -> list[str]:
    """Return the memory after each tenth of a stream's sessions."""
    stream = Stream(clusters, seed=2)
    planes = draw_hyperplanes(0, 5, DIMENSION)
    held, labels = stream.draw(kept)
    rows, peaks = [], []
    for session in range(1, sessions + 1):
        states = _measured(planes, held, labels, clusters, session)
        news, _ = stream.draw(vectors)
        found = assign_documents(planes, states, _as_texts(news), session, RULES)
        # The newest documents of known clusters replace the oldest.
        taken = found.clusters < clusters
        held = np.concatenate([held, news[taken]])[-kept:]
        labels = np.concatenate([labels, found.clusters[taken]])[-kept:]
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        if session % max(1, sessions // 10) == 0:
            rows.append(
                f"| {session} | {session * vectors:,} | {found.states.clusters} | "
                f"{len(found.states.prototypes.buckets):,} | {peaks[-1]:,.0f} |"
            )
    grown = peaks[-1] - peaks[min(9, len(peaks) - 1)]
    return [
        f"A stream of {sessions * vectors:,} vectors in {sessions} sessions, {kept:,} kept.",
        "",
        "| session | vectors seen | clusters | buckets | peak MB of the process |",
        "|---:|---:|---:|---:|---:|",
        *rows,
        "",
        f"- From the tenth session to the last the peak grew by {grown:.1f} MB.",
    ]


def _verdict(met: bool) -> str:
    return "met" if met else "not met"


if __name__ == "__main__":
    tyro.cli(main)
