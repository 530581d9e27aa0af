"""The files of a finished reduction, where the workflow puts them, and what is read from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json
from scripts.common.tables import read_table
from scripts.descriptors.events import PASSES, Event, read_events
from scripts.descriptors.tables import STATISTICS


@dataclass(frozen=True)
class ResultsFolder:
    """Paths of the files below the folder of the track's results."""

    folder: Path

    @property
    def table(self) -> Path:
        """Manifest of the table: parts, columns with their roles, rows."""
        return self.folder / "table.json"

    @property
    def statistics(self) -> Path:
        """Statistics of pass 1."""
        return self.folder / "pass1" / "statistics.parquet"

    @property
    def events(self) -> list[Path]:
        """Events of the four passes, in order."""
        return [self.folder / f"pass{number}" / "events.parquet" for number in PASSES]

    @property
    def correlation(self) -> Path:
        """Spearman correlations of pass 2."""
        return self.folder / "pass2" / "correlation.safetensors"

    @property
    def dependence(self) -> Path:
        """Nonlinear dependences of pass 4."""
        return self.folder / "pass4" / "dependence.safetensors"

    @property
    def clusters(self) -> Path:
        """Clusters of the survivors."""
        return self.folder / "surviving_descriptors_clusters.json"

    @property
    def final(self) -> Path:
        """Names of the survivors, one a line."""
        return self.folder / "final_descriptors.txt"

    @property
    def lineage(self) -> Path:
        """What became of every column, as Parquet."""
        return self.folder / "descriptor_lineage.parquet"

    @property
    def lineage_csv(self) -> Path:
        """The same as CSV."""
        return self.folder / "descriptor_lineage.csv"

    def require(self, paths: Sequence[Path]) -> None:
        """Check that files are there.

        Raises:
            InputError: the folder or one of the files is missing; the message names all of them.
        """
        if not self.folder.is_dir():
            raise InputError(f"{self.folder} is no folder; name that of a finished reduction")
        missing = [str(path.relative_to(self.folder)) for path in paths if not path.is_file()]
        if missing:
            raise InputError(
                f"{self.folder} lacks {', '.join(missing)}; name the folder of a finished "
                "reduction, or run `snakemake descriptors` first"
            )


def read_roles(table: Path) -> dict[str, str]:
    """Return the role of every column by its name, in the manifest's order.

    Raises:
        IntegrityError: the manifest is damaged, or names a column twice.
    """
    manifest = read_json(table)
    try:
        columns = [(column["name"], column["role"]) for column in manifest["columns"]]
    except (KeyError, TypeError) as error:
        raise IntegrityError(
            f"{table} states no names and roles of columns; delete it and run again"
        ) from error
    roles: dict[str, str] = {}
    for name, role in columns:
        if name in roles:
            raise IntegrityError(f"{table} names the column {name} twice; delete it and run again")
        roles[name] = role
    return roles


def read_pass1_survivors(statistics: Path) -> frozenset[str]:
    """Return the names that the statistics of pass 1 call survivors."""
    table = read_table(statistics, STATISTICS, ["name", "survives"])
    return frozenset(row["name"] for row in table.to_pylist() if row["survives"])


def read_all_events(paths: Sequence[Path]) -> list[Event]:
    """Return the events of passes 1, 2, … in order, one table a pass."""
    return [
        event
        for number, path in enumerate(paths, start=1)
        for event in read_events(path, pass_number=number)
    ]


def read_final(path: Path) -> list[str]:
    """Return the names of the survivors, in the file's order.

    Raises:
        IntegrityError: the file is missing, or names a descriptor twice.
    """
    try:
        names = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise IntegrityError(f"{path} is missing; run trace_clusters again") from None
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path} is not UTF-8; run trace_clusters again") from error
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise IntegrityError(f"{path} names {name} twice; run trace_clusters again")
        seen.add(name)
    return names
