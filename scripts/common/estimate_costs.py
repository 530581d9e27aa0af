"""Estimates what a config will cost: jobs, CPU-hours, GPU-hours and disk of each rule.

    python -m scripts.common.estimate_costs --config config/full.yaml --records results \
        --table results/plan/full.tsv --page results/plan/full.md \
        [--directory ../study] [--sizes '{"hplt": 20329632, "molecules": 2474590}']

In: a config, and the records that jobs of an earlier run left beside their logs. Out: a row for
each rule (TSV; columns in `scripts.common.planned_costs.CostLine`), the same as a page, and the
page on standard output. All jobs of the config are counted, finished or not, and those of runs that
may stop early to their end. Every row says from how many recorded jobs its figures come; rules that
nobody recorded stay unknown, and are counted. Beside it stands what the jobs ask for (threads or
devices times runtime), which is an upper bound.
"""

from collections.abc import Sequence
from contextlib import chdir
from dataclasses import astuple, fields
from pathlib import Path

from scripts.common.check_config import ROOT, merged_config, settled_config
from scripts.common.config import load_schema
from scripts.common.entry import entry
from scripts.common.errors import InputError
from scripts.common.files import write_text
from scripts.common.job_states import RecordReader
from scripts.common.plan_sizes import sizes_of_config, sizes_of_records
from scripts.common.planned_costs import UNKNOWN, CostLine, Totals, estimate, totals
from scripts.common.tsv import write_tsv
from scripts.common.workflow_plan import planned_jobs, recorded_jobs

COLUMNS = tuple(field.name for field in fields(CostLine))
_SHOWN = (
    *("rule", "jobs", "CPU-hours", "GPU-hours", "GB", "from records", "in proportion to"),
    *("asked CPU-hours", "asked GPU-hours", "note"),
)


def run(
    table: Path,
    page: Path,
    *,
    config: Path,
    records: Path = Path("results"),
    directory: Path = Path(),
    sizes: dict[str, float] | None = None,
) -> None:
    """Write the estimate and print it.

    Args:
        table: TSV to write.
        page: Markdown to write.
        config: the config file, as for `--configfile`.
        records: results folder of the run whose records say what jobs took.
        directory: the planned run's folder, where relative paths of the config are looked up.
        sizes: what a config does not say: documents of a source of the corpus by the source's
            name; "rows", "molecules"; "texts", documents and queries of one retrieval session.

    Raises:
        InputError: there is no folder of records.
        ConfigError: the config is wrong, or a name in `sizes` is unknown.
    """
    table, page, config, records, directory = (
        path.expanduser().resolve() for path in (table, page, config, records, directory)
    )
    if not records.is_dir():
        raise InputError(f"there is no folder {records}; name the results of a run with --records")
    schema = load_schema(ROOT / "config/schema.yaml")
    with chdir(directory):
        settled = settled_config(merged_config(config), schema, ROOT)
    wanted = sizes_of_config(
        settled.config, settled.sources, given=sizes or {}, results=directory / "results"
    )
    jobs, outputs = planned_jobs(config, snakefile=ROOT / "Snakefile", directory=directory)
    earlier = RecordReader(records).jobs()
    lines = estimate(
        jobs,
        recorded_jobs(records, earlier, outputs),
        plan_sizes=wanted,
        run_sizes=sizes_of_records(earlier),
    )
    write_tsv(table, COLUMNS, map(astuple, lines))
    text = page_of(lines, totals(lines), title=config.name)
    write_text(page, text)
    print(text, end="")


def page_of(lines: Sequence[CostLine], sums: Totals, *, title: str) -> str:
    """Return the estimate as Markdown: a table whose columns also line up as plain text.

    Args:
        lines: what each rule costs.
        sums: over all of them.
        title: what was planned.
    """
    rows = [list(_SHOWN)]
    for line in lines:
        known = line.basis != UNKNOWN
        rows.append(
            [
                line.rule,
                f"{line.jobs:,}",
                _number(line.cpu_hours) if known else UNKNOWN,
                _number(line.gpu_hours) if known or line.asked_gpu_hours is None else UNKNOWN,
                _number(line.gigabytes) if known else UNKNOWN,
                f"{line.records:,}",
                line.basis if known else "–",
                _number(line.asked_cpu_hours),
                _number(line.asked_gpu_hours),
                line.note or "–",
            ]
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(_SHOWN))]
    marks = ["-" * width for width in widths]
    drawn = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (rows[0], marks, *rows[1:])
    ]
    return "\n".join([f"# Cost of {title}", "", *_summary(sums), "", *drawn, ""])


def _summary(sums: Totals) -> list[str]:
    known = sums.rules - sums.unknown_rules
    cpu = " (recorded at least partly on a CPU)" if sums.gpu_jobs_on_cpu else ""
    return [
        f"- {sums.jobs:,} jobs of {sums.rules} rules.",
        f"- {known} rules have records: {_number(sums.cpu_hours)} CPU-hours, "
        f"{_number(sums.gpu_hours)} GPU-hours{cpu}, {_number(sums.gigabytes)} GB of outputs.",
        f"- {sums.unknown_rules} rules with {sums.unknown_jobs:,} jobs have no record: their cost "
        "is unknown and in no sum.",
        f"- Asked for, as an upper bound: {_number(sums.asked_cpu_hours)} CPU-hours (threads times "
        f"runtime), {_number(sums.asked_gpu_hours)} GPU-hours.",
        "- A figure in proportion to something takes the recorded rate per item; one in proportion "
        "to jobs takes the mean recorded job, whatever the planned job's size. Records of small "
        "jobs hold mostly start-up, and rates from them are too slow.",
    ]


def _number(value: float | None) -> str:
    """Return three significant digits, a dash for None."""
    if value is None:
        return "–"
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1g}"


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
