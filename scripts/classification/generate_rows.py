"""Generates the embedded rows: a Korean company's ledger, its accounts as labels.

In: how many rows and classes, a seed. Out: the rows in order of posting, with a long-tailed
distribution of accounts (`zipf_counts`), and beside them a table of the faults that were planted
(`planted_faults`), which only the audit's score reads.
"""

from datetime import date
from pathlib import Path

import pyarrow as pa

from scripts.classification.account_rows import AccountingRow, account_rows, accounts
from scripts.classification.planted_faults import PlantedRow, copies_of, plant, singletons_of
from scripts.classification.tables import GENERATED, PLANTED
from scripts.classification.zipf_counts import zipf_counts
from scripts.common.entry import entry
from scripts.common.keyed_generator import keyed_generator
from scripts.common.progress import Progress
from scripts.common.tables import write_table


def run(generated: Path, planted: Path, *, rows: int, classes: int, seed: int) -> None:
    """Write the rows and what was planted in them.

    Args:
        generated: table of the rows.
        planted: table of the planted faults, by row number.
        rows: rows in all, copies and rows without a label included.
        classes: accounts; more than 1000 rows are in the largest one from about 5,000 rows on.
        seed: of the run.
    """
    found = generate(rows, classes, seed)
    columns = {
        "acct_code": [item.row.label for item in found],
        "posted": [item.row.posted for item in found],
        "amount": [item.row.amount for item in found],
        "counterparty": [item.row.counterparty for item in found],
        "memo": [item.row.memo for item in found],
        "old_split": [item.row.old_split for item in found],
    }
    faults = [(number, item.fault) for number, item in enumerate(found) if item.fault is not None]
    write_table(generated, pa.table(columns, schema=GENERATED), GENERATED)
    write_table(
        planted,
        pa.table({"row": [row for row, _ in faults], "fault": [fault for _, fault in faults]}),
        PLANTED,
    )


def generate(rows: int, classes: int, seed: int) -> list[PlantedRow]:
    """Return the rows in order of posting, each with its fault."""
    chart = accounts(classes, keyed_generator(seed, "chart of accounts"))
    counts = zipf_counts(rows - copies_of(rows), classes, singletons_of(classes))
    progress = Progress("generate_rows", total=rows, unit="rows")
    groups: list[list[AccountingRow]] = []
    memos: set[str] = set()
    for account, number in zip(chart, counts.tolist(), strict=True):
        draw = keyed_generator(seed, "accounting rows", account.label)
        groups.append(list(account_rows(account, number, draw, memos)))
        progress.advance(number)
    found = plant(groups, chart, rows=rows, seed=seed)
    progress.advance(len(found) - progress.done)
    progress.finish()
    # Rows without a date come first. Which row of a day comes first is random: in order of accounts
    # the row number would tell the label.
    order = keyed_generator(seed, "order of rows").permutation(len(found)).tolist()
    places = sorted(order, key=lambda place: found[place].row.posted or date.min)
    return [found[place] for place in places]


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
