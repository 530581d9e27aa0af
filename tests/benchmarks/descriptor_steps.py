"""The steps of the descriptors track as command lines, each run in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scripts.common.config import checked_config, load_schema

ROOT = Path(__file__).resolve().parents[2]
SEED = 1
MEASURING = (
    *("permutations", "hsic_step", "hsic_frequencies"),
    *("rdc_basis", "rdc_step", "rdc_frequencies"),
)
JOINING = ("hsic_threshold", "rdc_threshold", "hsic_weight", "rdc_weight")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Stage:
    """Resident memory over the blocks of one stage of a step, in MB."""

    name: str
    blocks: int
    first: float
    last: float
    largest: float
    seconds: float

    @property
    def growth(self) -> float:
        """What the last block's end has above the first one's."""
        return self.last - self.first


@dataclass(frozen=True)
class Cost:
    """What a step took.

    Attributes:
        step: its name.
        seconds: from start to end of its process, start-up included.
        cpu: processor seconds.
        peak_mb: its largest resident memory.
        stages: memory by stage, of steps that note it.
    """

    step: str
    seconds: float
    cpu: float
    peak_mb: float
    stages: list[Stage]


@dataclass(frozen=True)
class Steps:
    """Runs steps on one table with the default settings.

    Args:
        folder: where results go.
        parts: the table.
        memory_mb, threads: what each pass is given.
        rows: rows of pass 4, all where None.
    """

    folder: Path
    parts: Sequence[Path]
    memory_mb: float
    threads: int
    rows: int | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The default settings of the track."""
        schema = load_schema(ROOT / "config" / "schema.yaml")
        own = {"input": {"kind": "table", "location": str(self.parts[0])}}
        settings: dict[str, Any] = checked_config({"descriptors": own}, schema)["descriptors"]
        return settings

    def path(self, name: str) -> Path:
        """Return a result's path."""
        return self.folder / name

    def run(self, step: str) -> Cost:
        """Run a step; its log goes to a file beside the results.

        Raises:
            RuntimeError: it failed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        memory = self.path(f"{step}.memory.parquet")
        memory.unlink(missing_ok=True)
        log = self.path(f"{step}.log")
        command = [sys.executable, "-m", f"scripts.descriptors.{step}"]
        environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(self.threads))}
        start = time.perf_counter()
        with log.open("w", encoding="utf-8") as lines:
            process = subprocess.Popen(
                [*command, *flags_of(self.arguments(step))],
                cwd=ROOT,
                env=environment,
                stdout=lines,
                stderr=subprocess.STDOUT,
            )
            # The kernel counts the memory of this process, from which the other was started, as a
            # part of its peak; this one is far smaller than any step.
            _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            raise RuntimeError(f"{step} failed; see {log}")
        return Cost(
            step,
            seconds,
            usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss * 1024 / 1e6,
            stages_of(memory) if memory.exists() else [],
        )

    def arguments(self, step: str) -> dict[str, Any]:
        """Return a step's arguments by name."""
        settings, path = self.settings, self.path
        table = {"table": path("table.json"), "converted": path("converted")}
        statistics = {"statistics": path("statistics.parquet")}
        events = [path(f"events{number}.parquet") for number in (1, 2, 3, 4)]
        limits = {"memory_mb": self.memory_mb, "threads": self.threads}
        memory = {"memory": path(f"{step}.memory.parquet")}
        overlap = {"min_effective_n": settings["statistics"]["min_effective_n"]}
        keep = {"force_keep": settings["columns"]["force_keep"]}
        code = {"code_hash": "benchmark"}
        spearman, nonlinear = settings["spearman"], settings["nonlinear"]
        if step == "describe_table":
            roles = ("metadata", "labels", "protected", "force_drop")
            return {
                "parts": list(self.parts),
                "manifest": path("table.json"),
                "converted": path("converted"),
                **{role: settings["columns"][role] for role in roles},
            }
        if step == "filter_variance":
            return {
                **{**table, **statistics, **limits, **memory, **keep, **code},
                "events": events[0],
                "checkpoint": path("pass1.json"),
                **settings["statistics"],
            }
        if step == "correlate_descriptors":
            return {
                **{**table, **statistics, **limits, **memory, **overlap},
                "correlation": path("correlation.safetensors"),
                "spearman_threshold": spearman["threshold"],
                "exact_rows": spearman["exact_rows"],
                "tmpdir": path("tmp"),
            }
        if step == "cluster_correlated":
            return {
                **{**statistics, **keep, **code, **self._clustering(2, spearman)},
                "correlation": path("correlation.safetensors"),
                "spearman_threshold": spearman["threshold"],
            }
        if step == "eliminate_collinear":
            vif = settings["vif"]
            return {
                **{**table, **statistics, **limits, **memory, **overlap, **keep, **code},
                "events_before": events[:2],
                "path": path("path.parquet"),
                "events": events[2],
                "sensitivity": path("sensitivity.tsv"),
                "checkpoint": path("pass3.json"),
                "vif_threshold": vif["threshold"],
                "vif_matrix": vif["matrix"],
                "eigenvalue_floor": vif["eigenvalue_floor"],
                "heir_min_similarity": vif["heir_min_similarity"],
                "tmpdir": path("tmp"),
            }
        if step == "measure_dependence":
            return {
                **{**table, **statistics, **limits, **memory, **overlap, **code},
                "events_before": events[:3],
                "dependence": path("dependence.safetensors"),
                "null": path("null.json"),
                "rows": self.rows,
                **{name: nonlinear[name] for name in MEASURING},
                "seed": SEED,
                "tmpdir": path("tmp"),
            }
        if step == "cluster_dependent":
            return {
                **{**statistics, **keep, **code, **self._clustering(4, nonlinear)},
                "dependence": path("dependence.safetensors"),
                "nonlinear_threshold": nonlinear["fusion_threshold"],
                **{name: nonlinear[name] for name in JOINING},
            }
        raise ValueError(f"{step} is no step of this benchmark")

    def _clustering(self, number: int, section: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "clusters": self.path(f"clusters{number}.parquet"),
            "events": self.path(f"events{number}.parquet"),
            "methods": self.path(f"methods{number}.tsv"),
            "restarts_table": self.path(f"restarts{number}.tsv"),
            "checkpoint": self.path(f"pass{number}.json"),
            "min_representative_similarity": section["min_representative_similarity"],
            **self.settings["clustering"],
            "prefer": self.settings["columns"]["prefer"],
            "seed": SEED,
        }


def flags_of(arguments: Mapping[str, Any]) -> list[str]:
    """Return arguments as a step's command line takes them."""
    flags: list[str] = []
    for name, value in arguments.items():
        flags.append(f"--{name.replace('_', '-')}")
        flags += [str(one) for one in value] if isinstance(value, list) else [str(value)]
    return flags


def stages_of(memory: Path) -> list[Stage]:
    """Read a step's table of memory and time by block."""
    notes: dict[str, list[dict[str, Any]]] = {}
    for row in pq.read_table(memory).to_pylist():
        notes.setdefault(row["stage"], []).append(row)
    return [
        Stage(
            name,
            len(rows),
            rows[0]["resident_mb"],
            rows[-1]["resident_mb"],
            max(row["resident_mb"] for row in rows),
            sum(row["seconds"] for row in rows),
        )
        for name, rows in notes.items()
    ]
