"""Computes the descriptors of one shard of molecules.

In: a shard of molecules (`MOLECULES`). Out: a table with one row per molecule: molecule_id, smiles,
and one float64 column per descriptor, null where it cannot be computed; and the molecules for which
the computation ran out of time or crashed (`DESCRIPTOR_REJECTS`). Method: RDKit and Mordred
(Moriwaki et al. 2018) in worker processes.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.progress import Progress
from scripts.common.tables import (
    count_rows,
    iterate_batches,
    table_of_rows,
    table_writer,
    write_table,
)
from scripts.descriptors.tables import DESCRIPTOR_REJECTS, MOLECULES

_ROWS_AT_A_TIME = 500


def run(
    folder: Path,
    manifest: Path,
    part: Path,
    rejects: Path,
    *,
    shard: str,
    descriptor_sets: list[str],
    timeout_s: float,
    threads: int = 1,
) -> None:
    """Write a shard's descriptors.

    Args:
        folder: the shards of molecules.
        manifest: their manifest, whose content decides whether this step is stale.
        part: where the descriptors go.
        rejects: where molecules without descriptors go.
        shard: name of the shard, "000" and so on.
        descriptor_sets: "rdkit", "mordred", or both.
        timeout_s: seconds that a molecule may take.
        threads: worker processes.

    Raises:
        InputError: no molecule of the shard could be computed.
    """
    from scripts.descriptors.descriptor_sets import descriptor_names, descriptor_values
    from scripts.descriptors.isolated import map_isolated
    from scripts.descriptors.molecules import silence_rdkit

    path = folder / f"{shard}.parquet"
    names = descriptor_names(descriptor_sets)
    schema = pa.schema(
        [
            ("molecule_id", pa.string()),
            ("smiles", pa.string()),
            *((name, pa.float64()) for name in names),
        ]
    )
    total = count_rows(path, MOLECULES)
    progress = Progress(f"compute_descriptors {shard}", total=total, unit="molecules")
    pairs = (
        (molecule["molecule_id"], molecule["smiles"])
        for batch in iterate_batches(path, MOLECULES, rows=_ROWS_AT_A_TIME)
        for molecule in batch.to_pylist()
    )
    failed = []
    waiting: list[tuple[str, str, list[float]]] = []
    with table_writer(part, schema) as writer:
        for outcome in map_isolated(
            partial(_values_of, descriptor_values, tuple(descriptor_sets)),
            pairs,
            workers=threads,
            timeout_s=timeout_s,
            prepare=silence_rdkit,
        ):
            molecule_id, smiles = outcome.item
            if outcome.answer is None:
                failed.append(
                    {"molecule_id": molecule_id, "smiles": smiles, "reason": outcome.failure}
                )
            else:
                waiting.append((molecule_id, smiles, outcome.answer))
            progress.advance(1, int(outcome.answer is not None))
            if len(waiting) == _ROWS_AT_A_TIME:
                writer.write_table(_table(waiting, schema))
                waiting = []
        if waiting:
            writer.write_table(_table(waiting, schema))
    if len(failed) == total:
        raise InputError(
            f"{path}: none of {total} molecules gave descriptors within {timeout_s:g} s "
            f"({failed[0]['reason']}); raise descriptors.molecule_timeout_s"
        )
    write_table(rejects, table_of_rows(failed, DESCRIPTOR_REJECTS), DESCRIPTOR_REJECTS)
    progress.finish()


def _values_of(values: object, sets: tuple[str, ...], pair: tuple[str, str]) -> list[float]:
    return values(pair[1], sets)  # type: ignore[operator]


def _table(rows: list[tuple[str, str, list[float]]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table; what is no finite number is null."""
    values = np.array([row[2] for row in rows], dtype=np.float64).T
    columns = [pa.array(column, mask=~np.isfinite(column)) for column in values]
    return pa.table([[row[0] for row in rows], [row[1] for row in rows], *columns], schema=schema)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
