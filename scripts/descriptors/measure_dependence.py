"""Pass 4, first half: nHSIC and RDC of all pairs of the columns that passes 1 to 3 kept.

In: the table's manifest, its statistics and the removals so far. Out: a safetensors file with the
p × p arrays "hsic", "rdc" and "explained" (of the row's column by the column's; all NaN where the
overlap is below `min_effective_n` or a column does not vary in it) and "overlap" by name; a JSON
with what the measures are between columns that are permuted against each other, for this table's
rows and for the smallest overlap; memory by block.

Method: normal scores of mid-ranks are spilled to the local disk once, then one scan per basis sums
the products of all pairs of features over their overlaps (`dependence.py`). RDC with the basis of
nHSIC (the default) needs no scan of its own. Sources stand in `pair_measures.py`, the choice of
the basis in `features.py`.
"""

import importlib.metadata
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import DEFAULT_TMPDIR, private_folder, write_json
from scripts.common.hashing import keyed_hash
from scripts.common.progress import Progress
from scripts.common.tables import read_table
from scripts.descriptors.columns import (
    ColumnBlocks,
    DescriptorTable,
    columns_per_block,
    required_values,
)
from scripts.descriptors.dependence import Dependence, measure_pairs
from scripts.descriptors.dependence_null import permutation_null, smallest_overlap_null
from scripts.descriptors.features import COSINE, Basis, score_direction, trapezoid_basis
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.pair_measures import Measure, explained_by, nhsic, rdc
from scripts.descriptors.products import pick_device
from scripts.descriptors.ranks import mid_ranks, normal_scores
from scripts.descriptors.score_store import Places, Scores, ScoreStore, spilled
from scripts.descriptors.tables import EVENTS, STATISTICS

_logger = logging.getLogger(__name__)
_PACKAGES = ("numpy", "scipy", "torch")
# What Python and the libraries take beside the products.
_RESERVED_MB = 600
# Bytes per row while a column is ranked: its values, order, ranks and scores.
_WORKING_BYTES = 48
_VALUE_BYTES = 16  # of a held column: as read, as chosen and as a score


def run(
    table: Path,
    converted: Path,
    statistics: Path,
    events_before: list[Path],
    dependence: Path,
    null: Path,
    memory: Path,
    *,
    rows: int | None = None,
    permutations: int = 1000,
    min_effective_n: int = 100,
    hsic_step: float = 0.75,
    hsic_frequencies: int = 4,
    rdc_basis: str = "trapezoid",
    rdc_step: float = 0.75,
    rdc_frequencies: int = 4,
    seed: int = 0,
    memory_mb: float = 4000,
    threads: int = 1,
    tmpdir: Path = DEFAULT_TMPDIR,
    code_hash: str = "",
) -> None:
    """Measure the dependence of all pairs of surviving descriptors.

    Args:
        table: manifest of the table.
        converted: folder of its converted parts.
        statistics: statistics of pass 1.
        events_before: removals of passes 1, 2 and 3.
        dependence: safetensors to write, the measures of all pairs.
        null: JSON to write, the measures of permuted pairs.
        memory: table to write, memory and time by chunk.
        rows: number of rows to measure on, a keyed choice; all where None.
        permutations: number of permuted pairs, rounded up to a square.
        min_effective_n: fewest rows that a pair must share.
        hsic_step: distance of the frequencies of nHSIC's kernel.
        hsic_frequencies: their number.
        rdc_basis: functions whose correlation RDC maximizes, "trapezoid" or "cosine".
        rdc_step: distance of the frequencies of the trapezoid basis.
        rdc_frequencies: number of frequencies of RDC's basis.
        seed: seed of the choice of rows and of the permutations.
        memory_mb: memory of the step in MB; it changes no result.
        threads: threads; they change no result.
        tmpdir: local disk for the scores, 4 bytes a value.
        code_hash: version of the code, stated in the results.

    Raises:
        InputError: no descriptor is left.
        ConfigError: a basis, a number of rows or pairs, or the memory is impossible.
    """
    if permutations < 1:
        raise ConfigError(f"permutations is {permutations}; give at least 1")
    hsic_of = trapezoid_basis(hsic_frequencies, hsic_step)
    rdc_of = basis_of_rdc(rdc_basis, rdc_frequencies, rdc_step)
    source = DescriptorTable(table, converted)
    names = surviving_names(statistics, events_before)
    overlap = required_values(min_effective_n, source.rows)
    taken = chosen_rows(source.rows, rows, least=overlap, seed=seed)
    number = source.rows if taken is None else len(taken)
    log = MemoryLog()
    budget = memory_of_sums(memory_mb, len(names))
    _logger.info(
        "%d descriptors, %d of %d rows on %s", len(names), number, source.rows, pick_device()
    )
    _logger.info("nHSIC: %s; RDC: %s", hsic_of, rdc_of)

    def measured(label: str) -> Callable[[ScoreStore], Dependence]:
        return lambda store: measure(
            store,
            hsic_of,
            rdc_of,
            label=label,
            log=log,
            min_overlap=overlap,
            memory_mb=budget,
            threads=threads,
        )

    with private_folder(tmpdir) as folder:
        pieces = score_pieces(source, names, taken, memory_mb=budget, threads=threads, log=log)
        with spilled(folder, number, len(names), pieces) as store:
            found = measured("pairs")(store)
            drawing = {"pairs": permutations, "seed": seed}
            chance = permutation_null(store, names, measured("permuted"), folder=folder, **drawing)
            smallest = smallest_overlap_null(
                store, names, measured("smallest overlap"), overlap=overlap, **drawing
            )
            missing_share = 1 - float(store.valid.sum()) / (number * len(names))
    facts = {
        "rows": number,
        "table_rows": source.rows,
        "table_sha256": source.sha256,
        "missing_share": missing_share,
        "min_overlap": overlap,
        "hsic_basis": str(hsic_of),
        "rdc_basis": str(rdc_of),
        "seed": seed,
        "device": str(pick_device()),
        "package_versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "code_version": code_hash,
    }
    write_matrices(
        dependence,
        names,
        {**found.values, "overlap": found.overlap},
        {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in facts.items()
        },
    )
    write_json(null, {**facts, "table": chance, "smallest_overlap": smallest})
    log.write(memory)


def basis_of_rdc(kind: str, frequencies: int, step: float) -> Basis:
    """Return the basis of RDC; the cosine basis has no step.

    Raises:
        ConfigError: there is no such basis.
    """
    return Basis(kind, frequencies, None if kind == COSINE else step)


def memory_of_sums(memory_mb: float, columns: int) -> float:
    """Return the memory for sums and buffers, in MB."""
    # Four p x p results in doubles beside the sums.
    return memory_mb - _RESERVED_MB - 4 * 8e-6 * columns**2


def surviving_names(statistics: Path, events: Sequence[Path]) -> list[str]:
    """Return the sorted descriptors that the passes so far have kept.

    Raises:
        InputError: there is none.
    """
    kept = read_table(statistics, STATISTICS, ["name", "survives"]).to_pylist()
    removed: set[str] = set()
    for path in events:
        removed.update(read_table(path, EVENTS, ["removed"])["removed"].to_pylist())
    names = sorted(row["name"] for row in kept if row["survives"] and row["name"] not in removed)
    if not names:
        raise InputError(
            f"{statistics}: no descriptor is left for pass 4; see the reasons in this table and "
            "loosen the limits of pass 1"
        )
    return names


def chosen_rows(number: int, wanted: int | None, *, least: int, seed: int) -> Places | None:
    """Return the rows to measure on, ascending; None for all.

    Args:
        number: rows of the table.
        wanted: rows to choose, all where None.
        least: fewest rows that a pair must share.
        seed: seed of the choice.

    Raises:
        ConfigError: fewer rows are wanted than a pair must share.
    """
    if wanted is None or wanted >= number:
        return None
    if wanted < least:
        raise ConfigError(
            f"pass 4 is to use {wanted} rows, but a pair must share {least} (min_effective_n), so "
            "that none would be measured; raise the former or lower the latter"
        )
    generator = np.random.Generator(np.random.Philox(key=keyed_hash(seed, "dependence rows")))
    return np.sort(generator.choice(number, wanted, replace=False)).astype(np.int64)


def score_pieces(
    source: ColumnBlocks,
    names: Sequence[str],
    taken: Places | None,
    *,
    memory_mb: float,
    threads: int,
    log: MemoryLog,
) -> Iterator[Scores]:
    """Yield normal scores (rows, columns), as many columns at a time as the memory allows."""
    width = columns_per_block(
        source.rows,
        memory_mb=memory_mb,
        bytes_per_value=_VALUE_BYTES,
        working_bytes=threads * _WORKING_BYTES,
    )
    progress = Progress("measure_dependence ranks", total=len(names), unit="descriptors")
    with ThreadPoolExecutor(threads) as pool:
        for block, values in source.blocks(names, width):
            chosen = values if taken is None else values[taken]
            scores = np.empty((len(chosen), len(block)), np.float32, order="F")

            # Written where they are computed: results that wait to be fetched would add up.
            def rank(place: int, chosen=chosen, scores=scores) -> None:  # type: ignore[no-untyped-def]
                scores[:, place] = normal_scores(mid_ranks(chosen[:, place]))

            list(pool.map(rank, range(len(block))))
            del values, chosen, rank  # before the next block is read
            yield scores
            del scores
            progress.advance(len(block))
            log.note("ranks")
    progress.finish()


def measure(
    store: ScoreStore,
    hsic_of: Basis,
    rdc_of: Basis,
    *,
    label: str,
    log: MemoryLog,
    min_overlap: int,
    memory_mb: float,
    threads: int,
) -> Dependence:
    """Measure nHSIC, RDC and explained shares, together where their bases are the same."""
    explained = explained_by(score_direction(rdc_of))
    of_functions: dict[str, Measure] = {"rdc": rdc, "explained": explained}
    runs: list[tuple[Basis, dict[str, Measure]]] = [(hsic_of, {"hsic": nhsic, **of_functions})]
    if rdc_of != hsic_of:
        runs = [(hsic_of, {"hsic": nhsic}), (rdc_of, of_functions)]

    def begin(chunks: int) -> Callable[[], None]:
        progress = Progress(f"measure_dependence {label}", total=chunks, unit="chunks")

        def chunk_done() -> None:
            progress.advance(1)
            log.note(label)
            if progress.done == progress.total:
                progress.finish()

        return chunk_done

    found = [
        measure_pairs(
            store,
            basis,
            measures,
            min_overlap=min_overlap,
            memory_mb=memory_mb,
            threads=threads,
            device=pick_device().type,
            progress=begin,
        )
        for basis, measures in runs
    ]
    return replace(found[0], values={**found[0].values, **found[-1].values})


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
