"""Pass 2, first half: Spearman's correlation of all pairs of descriptors that pass 1 left.

In: the table and the statistics of pass 1. Out: a file of matrices ("spearman", signed, and
"overlap", the rows that two descriptors share) and a table of memory and time by block. Mid-ranks
are taken in float64 and written to a local file; products of the ranks are added up from row chunks
of fixed size, so that memory does not grow with rows. Missing values are left out pair by pair.
Where |ρ| of a pair of different missing rows may lie across the threshold, the pair is ranked anew
on the rows that it shares, as `pandas.DataFrame.corr(method="spearman")` does for every pair.
"""

import logging
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, IntegrityError
from scripts.common.files import DEFAULT_TMPDIR, private_folder
from scripts.common.tables import read_table
from scripts.descriptors.columns import DescriptorTable, required_values
from scripts.descriptors.matrices import write_matrices
from scripts.descriptors.memory_log import MemoryLog
from scripts.descriptors.tables import STATISTICS

_logger = logging.getLogger(__name__)


def run(
    table: Path,
    converted: Path,
    statistics: Path,
    correlation: Path,
    memory: Path,
    *,
    spearman_threshold: float,
    min_effective_n: int,
    exact_rows: int,
    memory_mb: float,
    threads: int,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Correlate the descriptors.

    Args:
        table: manifest of the table.
        converted: folder of its converted parts.
        statistics: statistics of pass 1.
        correlation: safetensors file to write.
        memory: table of memory and time by block to write.
        spearman_threshold: |ρ| that pass 2 will ask for, in (0, 1].
        min_effective_n: fewest rows that two descriptors must share; in a small table at most
            half of its rows.
        exact_rows: most rows for which every |ρ| is put on the right side of the threshold, at
            most 300,000.
        memory_mb: memory for blocks of columns.
        threads: threads of ranking and of products on the CPU.
        tmpdir: local folder with room for 4 bytes per value.
    """
    import torch

    from scripts.descriptors.exact_spearman import MOST_ROWS
    from scripts.descriptors.feature_store import feature_store
    from scripts.descriptors.products import pick_device
    from scripts.descriptors.spearman import OBSERVED_DIFFERENCE, correlate, write_ranks

    if not 0 < spearman_threshold <= 1:
        raise ConfigError(f"spearman_threshold is {spearman_threshold}; give it in (0, 1]")
    if exact_rows > MOST_ROWS:
        raise ConfigError(
            f"exact_rows is {exact_rows}; sums of ranks are exact up to {MOST_ROWS} rows, so give "
            "at most that"
        )
    torch.set_num_threads(threads)
    source = DescriptorTable(table, converted)
    names = _survivors(statistics, source)
    min_overlap = required_values(min_effective_n, source.rows)
    notes, device = MemoryLog(), pick_device()
    with private_folder(tmpdir) as folder, feature_store(folder, source.rows, len(names)) as store:
        write_ranks(store, source, names, memory_mb=memory_mb, threads=threads, memory=notes)
        found = correlate(
            store,
            threshold=spearman_threshold,
            min_overlap=min_overlap,
            exact_rows=exact_rows,
            memory_mb=memory_mb,
            memory=notes,
            device=device,
        )
    facts = {
        "rows": str(source.rows),
        "table_sha256": source.sha256,
        "spearman_threshold": str(spearman_threshold),
        "min_overlap": str(min_overlap),
        "masks": str(found.masks),
        "definition": "exact at the threshold" if found.exact else "masked rank correlation",
        "doubtful_pairs": str(found.doubtful),
        "reranked_pairs": str(found.reranked),
        "doubt": "proved bounds" if found.exact else f"within {OBSERVED_DIFFERENCE}",
        "products": "float64" if found.exact else f"float32 on {device.type}",
    }
    _logger.info("%d descriptors, %s", len(names), facts)
    write_matrices(correlation, names, {"spearman": found.rho, "overlap": found.overlap}, facts)
    notes.write(memory)


def _survivors(statistics: Path, source: DescriptorTable) -> list[str]:
    """Return the descriptors that pass 1 left, sorted.

    Raises:
        IntegrityError: there is none, or one is no descriptor of the table.
    """
    rows = read_table(statistics, STATISTICS, ["name", "survives"]).to_pylist()
    names = sorted(row["name"] for row in rows if row["survives"])
    strange = sorted(set(names) - set(source.names))
    if strange or not names:
        what = f"names {strange[0]}, no descriptor of the table" if strange else "has no survivor"
        raise IntegrityError(f"{statistics} {what}; run filter_variance again")
    return names


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
