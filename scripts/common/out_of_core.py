"""DuckDB with bounded memory: joins and sorts that spill to the job's local folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from scripts.common.errors import OutputError
from scripts.common.files import private_folder
from scripts.common.tables import iterate_batches

_SHARE_OF_MEMORY = 0.4  # the rest is for Python, Arrow batches and the database's own overhead


@contextmanager
def connect(folder: Path, *, mem_mb: int, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database in a file of its own below `folder`, removed afterwards.

    Args:
        folder: local disk for the database and for what spills.
        mem_mb: memory of the whole job, of which the database takes two fifths.
        threads: threads of the database. Queries must order what they return.

    Raises:
        OutputError: the disk of `folder` is full, or the memory does not suffice.
    """
    with private_folder(folder) as place:
        connection = duckdb.connect(str(place / "work.duckdb"))
        try:
            connection.execute(f"SET memory_limit = '{int(mem_mb * _SHARE_OF_MEMORY)}MB'")
            connection.execute(f"SET threads = {threads}")
            connection.execute("SET preserve_insertion_order = false")
            connection.execute("SET enable_progress_bar = false")  # it would fill the logs
            connection.execute("SET temp_directory = ?", [str(place / "spill")])
            yield connection
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise OutputError(
                f"a sort or join does not fit into {folder} and {mem_mb} MB of memory "
                f"({str(error).splitlines()[0]}); free space on that disk, set TMPDIR to another, "
                "or raise the step's memory (--set-resources RULE:mem_mb=MB), and run again"
            ) from error
        finally:
            connection.close()


def copy_columns(
    path: Path, schema: pa.Schema, columns: Sequence[str], *, rows: int = 50_000
) -> Iterator[pa.Table]:
    """Yield some columns of a schema-checked table, in tables of at most `rows` rows."""
    for batch in iterate_batches(path, schema, rows=rows, columns=columns):
        yield pa.Table.from_batches([batch])
