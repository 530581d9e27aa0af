"""Reads molecules from SMILES files, standardises them, and cuts them into shards.

In: CSV, TSV, Parquet or .smi files. Out: shards of molecules (`MOLECULES`), each molecule once; a
table that says for every input row where it went (`MOLECULE_ROWS`); a manifest with the counts.
Method: RDKit in worker processes; equal molecules by InChIKey or canonical SMILES, the first row
stands for all. Rows that give no molecule have a reason.
"""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import (
    DEFAULT_TMPDIR,
    atomic_folder,
    manifest_entry,
    sha256_file,
    write_json,
)
from scripts.common.out_of_core import connect
from scripts.common.progress import Progress
from scripts.common.tables import table_of_rows, table_writer
from scripts.descriptors.tables import MOLECULE_ROWS, MOLECULES

_TIMEOUT_S = 60.0  # a molecule for which RDKit or InChI takes longer is none that they can handle
_ROWS_AT_A_TIME = 10_000
_READ = pa.schema(
    [
        ("place", pa.int64()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("given_id", pa.string()),
        ("given_smiles", pa.string()),
        ("smiles", pa.string()),
        ("inchikey", pa.string()),
        ("reason", pa.string()),
    ]
)
_KEYS = {
    "inchikey": "inchikey",
    "smiles": "smiles",
    "none": "CAST(place AS VARCHAR)",
}


def run(
    inputs: list[Path],
    folder: Path,
    manifest: Path,
    rows: Path,
    *,
    smiles_field: str,
    id_field: str | None,
    largest_fragment: bool,
    neutralize: bool,
    merge_by: str,
    shards: int,
    batch_rows: int = 1000,
    threads: int = 1,
    mem_mb: int = 2000,
    tmpdir: Path = DEFAULT_TMPDIR,
) -> None:
    """Write the shards, the rows' fates and the manifest.

    Args:
        inputs: the files, read in this order.
        folder: where the shards go, named 000.parquet and so on.
        manifest: where the manifest goes.
        rows: where the rows' fates go.
        smiles_field: column of the SMILES.
        id_field: column of the rows' ids; None names molecules after file and row.
        largest_fragment: whether salts and mixtures become their largest fragment.
        neutralize: whether charges are removed where hydrogens can.
        merge_by: what makes two molecules equal: "inchikey", "smiles" (canonical, after
            standardisation), or "none" (nothing does).
        shards: number of shards.
        batch_rows: rows read at a time.
        threads: worker processes.
        mem_mb: memory of the job in MB.
        tmpdir: local folder for what does not fit into memory.

    Raises:
        InputError: a file cannot be used, no row gives a molecule, there are fewer molecules than
            shards, or two molecules have one id.
    """
    with connect(tmpdir, mem_mb=mem_mb, threads=1) as database:
        read = _read_all(
            inputs,
            smiles_field=smiles_field,
            id_field=id_field,
            standard=(largest_fragment, neutralize),
            batch_rows=batch_rows,
            workers=threads,
        )
        database.execute(
            "CREATE TABLE read (place BIGINT, file VARCHAR, row BIGINT, given_id VARCHAR, "
            "given_smiles VARCHAR, smiles VARCHAR, inchikey VARCHAR, reason VARCHAR)"
        )
        for batch in read:
            database.register("batch", batch)
            database.execute("INSERT INTO read SELECT * FROM batch")
        _number_molecules(database, _KEYS[merge_by])
        _refuse_repeated_ids(database, id_field)
        kept = _single(database, "SELECT count(*) FROM kept")
        if kept < shards:
            raise InputError(
                f"{len(inputs)} files give {kept} molecules, fewer than "
                f"descriptors.molecules.shards = "
                f"{shards}; lower it, or look at the reasons in {rows}"
                if kept
                else f"none of {_single(database, 'SELECT count(*) FROM read')} rows of "
                f"{', '.join(path.name for path in inputs)} gives a molecule; name the column of "
                "SMILES in descriptors.input.smiles_field"
            )
        entries = _write_shards(database, folder, kept, shards)
        counts = _write_rows(database, rows)
    write_json(
        manifest,
        {
            "shards": entries,
            "molecules": kept,
            "rows": sum(counts.values()),
            "fates": dict(sorted(counts.items())),
            "inputs": [
                manifest_entry(path, rows=None, name=path.name) | {"sha256": sha256_file(path)}
                for path in inputs
            ],
            "largest_fragment": largest_fragment,
            "neutralize": neutralize,
            "merge_by": merge_by,
            "package_versions": {"rdkit": version("rdkit")},
        },
    )


def _read_all(
    inputs: list[Path],
    *,
    smiles_field: str,
    id_field: str | None,
    standard: tuple[bool, bool],
    batch_rows: int,
    workers: int,
) -> Iterator[pa.Table]:
    from scripts.descriptors.isolated import map_isolated
    from scripts.descriptors.molecules import silence_rdkit
    from scripts.descriptors.smiles_files import read_smiles

    items = (
        row
        for path in inputs
        for row in read_smiles(
            path, smiles_field=smiles_field, id_field=id_field, batch_rows=batch_rows
        )
    )
    progress = Progress("shard_molecules", total=None, unit="molecules")
    found: list[dict[str, Any]] = []
    outcomes = map_isolated(
        partial(_read_one, standard),
        items,
        workers=workers,
        timeout_s=_TIMEOUT_S,
        prepare=silence_rdkit,
    )
    for place, outcome in enumerate(outcomes):
        row = outcome.item
        smiles, inchikey, reason = outcome.answer or (None, None, outcome.failure)
        found.append(
            {
                "place": place,
                "file": row.file,
                "row": row.row,
                "given_id": row.given_id,
                "given_smiles": row.smiles,
                "smiles": smiles,
                "inchikey": inchikey,
                "reason": reason,
            }
        )
        progress.advance(1, int(reason is None))
        if len(found) == _ROWS_AT_A_TIME:
            yield table_of_rows(found, _READ)
            found = []
    if found:
        yield table_of_rows(found, _READ)
    progress.finish()


def _read_one(standard: tuple[bool, bool], row: Any) -> tuple[str | None, str | None, str | None]:
    """Return SMILES and InChIKey of a row's molecule, or the reason why it has none."""
    from scripts.descriptors.molecules import Standard, UnusableError, read_molecule

    if row.smiles is None:
        return None, None, "no_smiles"
    try:
        molecule = read_molecule(row.smiles, Standard(*standard))
    except UnusableError as error:
        return None, None, str(error)
    return molecule.smiles, molecule.inchikey, None


def _number_molecules(database: Any, key: str) -> None:
    """Make the table of kept molecules, numbered by their first row."""
    database.execute(
        f"""
        CREATE TABLE kept AS
        SELECT row_number() OVER (ORDER BY place) - 1 AS number, *
        FROM (
            SELECT place, {key} AS key, smiles, inchikey,
                coalesce(given_id, file || ':' || row) AS molecule_id
            FROM read WHERE reason IS NULL
            QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY place) = 1
        )
        """
    )
    database.execute(
        f"""
        CREATE TABLE fates AS
        SELECT place, file, row, given_id, given_smiles,
            CASE WHEN reason IS NOT NULL THEN 'rejected'
                WHEN kept_place = place THEN 'kept' ELSE 'duplicate' END AS fate,
            reason, molecule_id
        FROM read LEFT JOIN (
            SELECT key, place AS kept_place, molecule_id FROM kept
        ) ON key = {key} AND reason IS NULL
        """
    )


def _refuse_repeated_ids(database: Any, id_field: str | None) -> None:
    repeated = database.execute(
        "SELECT molecule_id, count(*) FROM kept GROUP BY molecule_id HAVING count(*) > 1 "
        "ORDER BY molecule_id LIMIT 1"
    ).fetchall()
    if not repeated:
        return
    remedy = (
        "give the files different names"
        if id_field is None
        else f"name another column than {id_field} in descriptors.input.id_field, or none"
    )
    raise InputError(
        f"{repeated[0][1]} different molecules have the id {repeated[0][0]!r}; {remedy}"
    )


def _write_shards(database: Any, folder: Path, kept: int, shards: int) -> list[dict[str, Any]]:
    entries = []
    with atomic_folder(folder) as partial_folder:
        for shard in range(shards):
            path = partial_folder / f"{shard:03d}.parquet"
            first, last = kept * shard // shards, kept * (shard + 1) // shards
            found = database.sql(
                "SELECT molecule_id, smiles, inchikey FROM kept "
                "WHERE number >= ? AND number < ? ORDER BY number",
                params=[first, last],
            ).to_arrow_reader(_ROWS_AT_A_TIME)
            with table_writer(path, MOLECULES) as writer:
                for batch in found:
                    writer.write_table(pa.Table.from_batches([batch]))
            entries.append(manifest_entry(path, rows=last - first, name=path.name))
    return entries


def _write_rows(database: Any, rows: Path) -> Counter[str]:
    counts: Counter[str] = Counter()
    found = database.sql(
        "SELECT file, row, given_id, given_smiles, fate, reason, molecule_id FROM fates "
        "ORDER BY place"
    ).to_arrow_reader(_ROWS_AT_A_TIME)
    with table_writer(rows, MOLECULE_ROWS) as writer:
        for batch in found:
            table = pa.Table.from_batches([batch])
            writer.write_table(table)
            for fate, reason in zip(
                table["fate"].to_pylist(), table["reason"].to_pylist(), strict=True
            ):
                counts[fate if reason is None else f"{fate}: {reason}"] += 1
    return counts


def _single(database: Any, query: str) -> int:
    ((number,),) = database.execute(query).fetchall()
    return int(number)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
