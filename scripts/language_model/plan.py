"""What the configuration means for the language_model track: runs, checkpoints, their files.

Used by the rules when Snakemake reads them; no step imports it.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from scripts.common.config_table import find_file
from scripts.common.errors import ConfigError
from scripts.common.input_paths import plain_paths
from scripts.common.model_sizes import model_sizes
from scripts.common.run_epochs import BEST, START, dataset_kinds, epochs_of, parent_of
from scripts.language_model.early_stopping import stop_after

FOLDER = "<results>/language_model"
# Validation composite of (run, epoch); None where it is not evaluated yet.
Known = Callable[[str, str], float | None]


class LanguageModelPlan:
    """The language_model track's plan.

    Args:
        config: the whole checked configuration.
        runs: the checked runs, by name; none where the track is switched off.
    """

    def __init__(self, config: dict[str, Any], runs: dict[str, dict[str, Any]]) -> None:
        self.config, self.runs = config["language_model"], runs
        self.seed = config["seed"]
        self.patience: int | None = self.config["patience"]

    def __bool__(self) -> bool:
        return bool(self.runs)

    def epochs(self, run: str) -> list[str]:
        """Return a run's checkpoints after its start, in order."""
        return epochs_of(self.runs[run])

    def evaluated(self) -> list[tuple[str, str]]:
        """Return (run, epoch) of all checkpoints that are evaluated, each run's start included."""
        return [(run, epoch) for run in self.runs for epoch in [START, *self.epochs(run)]]

    def reached(self, run: str, known: Known) -> list[str]:
        """Return a run's checkpoints after its start up to where early stopping ends it, in order.

        As long as that is open, the last one is the one to train and evaluate next. Without
        patience these are all, and `known` is not asked.
        """
        epochs = self.epochs(run)
        if self.patience is None:
            return epochs
        values: list[float] = []
        for place, epoch in enumerate(epochs[:-1], start=1):
            value = known(run, epoch)
            if value is None:
                return epochs[:place]
            values.append(value)
            if stop_after(values, self.patience) is not None:
                return epochs[:place]
        return epochs

    def evaluated_so_far(self, known: Known) -> list[tuple[str, str]]:
        """Return `evaluated` as far as the runs reach."""
        return [(run, epoch) for run in self.runs for epoch in [START, *self.reached(run, known)]]

    def start_is_reached(self, run: str, known: Known) -> bool | None:
        """Return whether the checkpoint that a run starts from is one that its own run reaches.

        None as long as that is open.
        """
        parent = self.parent(run)
        if self.patience is None or parent is None or parent[1] == BEST:
            return True
        reached = self.reached(parent[0], known)
        if parent[1] in reached:
            return True
        return None if known(parent[0], reached[-1]) is None else False

    def previous(self, run: str, epoch: str) -> str:
        """Return the checkpoint before one of a run: the start before the first."""
        chain = [START, *self.epochs(run)]
        return chain[chain.index(epoch) - 1]

    def lengths(self) -> list[int]:
        """Return the lengths of all runs, sorted."""
        return sorted({run["length"] for run in self.runs.values()})

    def shortest_length(self) -> int | None:
        """Return the shortest length of all runs, which evaluation items fit; None without runs."""
        return min(self.lengths(), default=None)

    def kinds(self) -> list[str]:
        """Return the kinds of dataset that at least one run trains on."""
        needed = {kind for run in self.runs for kind in self.dataset_kinds(run)}
        return [kind for kind in ("entity_coref", "mlm") if kind in needed]

    def dataset_kinds(self, run: str) -> list[str]:
        """Return the kinds of dataset that a run trains on."""
        return dataset_kinds(self.runs[run]["kind"])

    def datasets(self) -> list[tuple[str, str]]:
        """Return (kind, length) of all datasets that some run trains on, sorted."""
        used = {
            (kind, str(self.runs[run]["length"]))
            for run in self.runs
            for kind in self.dataset_kinds(run)
        }
        return sorted(used)

    def parent(self, run: str) -> tuple[str, str] | None:
        """Return the (run, epoch or "best") that a run starts from; None for the base model."""
        return parent_of(self.runs[run])

    def start(self, run: str) -> str:
        """Return the folder of the model that a run starts from."""
        parent = self.parent(run)
        if parent is None:
            return f"{FOLDER}/base/{self.runs[run]['length']}"
        name, epoch = parent
        return f"{FOLDER}/train/{name}/{BEST if epoch == BEST else f'epoch-{epoch}'}"

    def choice(self, run: str) -> str | None:
        """Return the small file that says which checkpoint of another run `@best` is.

        None where the run starts from the base model or a named epoch.
        """
        parent = self.parent(run)
        if parent is None or parent[1] != BEST:
            return None
        return f"{FOLDER}/train/{parent[0]}/best.json"

    def checkpoint(self, run: str, epoch: str) -> str:
        """Return the folder of a checkpoint; epoch "0.0" is the model that the run starts from."""
        return self.start(run) if epoch == START else f"{FOLDER}/train/{run}/epoch-{epoch}"

    def last_checkpoints(self) -> str:
        """Return a pattern that `{run}` matches only where `{epoch}` is the run's last one."""
        return "|".join(
            rf"{re.escape(run)}(?=/epoch-{re.escape(self.epochs(run)[-1])}/)" for run in self.runs
        )

    def setting(self, run: str, name: str) -> Any:
        """Return a column of a run's row, None where it is empty."""
        return self.runs[run].get(name)

    def fresh_sizes(self) -> dict[str, Any]:
        """Return the sizes of a fresh model, by the names of transformers' config."""
        base = self.config["base_model"]
        sizes = model_sizes(base)
        if base["architecture"] == "deberta-v2":
            sizes["position_buckets"] = base["position_buckets"]
        return sizes

    def named_file(self, key: str, basedir: Path) -> str | None:
        """Return the path of a file below `language_model.evaluation`, None where none is named.

        Args:
            key: "gold.file", or "lambada.dataset", which may name a hub dataset instead.
            basedir: folder of the Snakefile.

        Raises:
            ConfigError: the gold file is missing, or one of both has an unfit name.
        """
        section, name = key.split(".")
        value = self.config["evaluation"][section][name]
        if value is None:
            return None
        full = f"language_model.evaluation.{key}"
        try:
            file = find_file(full, value, basedir, allowed="null, or path of a file")
        except ConfigError:
            if key == "lambada.dataset" and re.fullmatch(r"[\w.-]+/[\w.-]+", value):
                return None
            raise
        return plain_paths(f"config key {full}", [str(file)])[0]

    def expected_ranges(self) -> dict[str, dict[str, list[float]]]:
        """Return the expected ranges by kind of run and part of the composite, where given."""
        return {
            kind: {name: value for name, value in parts.items() if value is not None}
            for kind, parts in self.config["evaluation"]["expected"].items()
        }

    def blanks_of_hub(self, file: str | None) -> str | None:
        """Return the hub dataset with blanks, None where there is none, or a local file."""
        name: str | None = self.config["evaluation"]["lambada"]["dataset"]
        return name if file is None else None

    def evaluation_sets(self) -> list[str]:
        """Return the names of the evaluation sets."""
        gold = self.config["evaluation"]["gold"]["file"]
        return ["real_coref", "lambada", *(["gold_coref"] if gold is not None else [])]

    def jobs_of(self, rule: str, wildcards: set[str]) -> list[dict[str, str]]:
        """Return the wildcards of all planned jobs of a rule of this track.

        Those of epochs that early stopping leaves out are among them; none is planned to fail.
        """
        if rule == "refuse_start":
            return []
        if {"run", "epoch"} <= wildcards:
            pairs: Sequence[tuple[str, str]] = self.evaluated()
            if rule.startswith("train_"):
                pairs = [
                    (run, epoch)
                    for run, epoch in pairs
                    if epoch != START
                    and (epoch == self.epochs(run)[-1]) == (rule == "train_last_epoch")
                ]
            return [{"run": run, "epoch": epoch} for run, epoch in pairs]
        if "run" in wildcards:
            return [{"run": run} for run in self.runs]
        if "length" in wildcards:
            return [{"length": str(length)} for length in self.lengths()]
        return [{}]
