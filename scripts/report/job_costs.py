"""The table of costs: one row per job of a track."""

import dataclasses
from pathlib import Path

from scripts.common.job_record import FINISHED
from scripts.report.tables import columns_of, read_distinct_rows


@dataclasses.dataclass(frozen=True)
class CostRow:
    """What one job cost; None where its record does not say.

    Attributes:
        job: the job's wildcards in the order of its log's name, "all" where it has none.
        items: finished items of the job's longest counted stage, in `unit`.
        passed: those that passed.
        seconds: from the job's start to its end.
        items_per_second: those of them that the job did itself, by its seconds.
        peak_mb: peak resident memory in MB (2**20 bytes).
        mem_mb: memory that the job was granted.
        state: "finished", "failed", "running", "missing" or "unreadable".
    """

    rule: str
    job: str
    source: str | None
    shard: str | None
    length: int | None
    dataset: str | None
    threads: int | None
    items: int | None
    unit: str | None
    passed: int | None
    seconds: float | None
    items_per_second: float | None
    peak_mb: float | None
    mem_mb: float | None
    state: str

    @property
    def finished(self) -> bool:
        """Whether the job's last run ended well."""
        return self.state == FINISHED

    @property
    def step(self) -> str:
        """What figures and tables put together: the rule, and the source where it has one."""
        return f"{self.rule} · {self.source}" if self.source else self.rule


COST_COLUMNS = columns_of(CostRow)


def read_costs(path: Path) -> list[CostRow]:
    """Read what each job cost.

    Raises:
        IntegrityError: the file, a column or a value is missing or wrong, or a job stands twice.
    """
    return read_distinct_rows(path, CostRow, lambda row: (row.rule, row.job))


def by_step(rows: list[CostRow]) -> dict[str, list[CostRow]]:
    """Return the jobs of each step, in the table's order."""
    steps: dict[str, list[CostRow]] = {}
    for row in rows:
        steps.setdefault(row.step, []).append(row)
    return steps
