"""What the configuration means for the classification track: its input, strategies and jobs.

Used by the rules when Snakemake reads them; no step imports it.
"""

from pathlib import Path
from typing import Any

from scripts.common.input_paths import named_paths
from scripts.common.model_sizes import model_sizes

FOLDER = "<results>/classification"
# The generated rows' own columns.
_GENERATED: dict[str, Any] = {
    "label_column": "acct_code",
    "text_columns": ["posted", "amount", "counterparty", "memo"],
    "group_column": None,
    "split_column": "old_split",
}
MODELS = ("tfidf", "transformer")
_TRAINING = {"train_linear": "tfidf", "train_transformer": "transformer"}


class ClassificationPlan:
    """The classification track's plan.

    Args:
        config: the whole checked configuration.
        strategies: the checked strategies by name; none where the track is switched off.
        basedir: folder of the Snakefile, where relative paths are looked up after the working
            directory.
    """

    def __init__(
        self, config: dict[str, Any], strategies: dict[str, dict[str, Any]], basedir: Path
    ) -> None:
        self.config, self.strategies, self.basedir = config["classification"], strategies, basedir
        self.seed = config["seed"]

    @property
    def kind(self) -> str:
        """Where the rows come from: "none", "generated" or "files"."""
        return str(self.config["input"]["kind"])

    def __bool__(self) -> bool:
        return self.kind != "none"

    def inputs(self) -> list[str]:
        """Return the files or folders that rows are read from, sorted.

        Raises:
            ConfigError: there is none, or one of an unfit name.
        """
        if self.kind == "generated":
            return [f"{FOLDER}/generated/rows.parquet"]
        location = self.config["input"]["location"]
        if location is None:
            return []
        return named_paths("classification.input.location", location, self.basedir)

    def column(self, name: str) -> Any:
        """Return an input setting, such as "label_column"; generated rows have their own."""
        value = self.config["input"][name]
        return _GENERATED.get(name, value) if self.kind == "generated" else value

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of a fresh encoder by transformers' names."""
        return model_sizes(self.config["transformer"])

    def models(self) -> list[str]:
        """Return the models that some strategy trains."""
        return [
            model
            for model in MODELS
            if any(model in row["models"] for row in self.strategies.values())
        ]

    def trained(self, model: str) -> list[tuple[str, int]]:
        """Return the (strategy, seed) that a model is trained with, in the table's order."""
        return [
            (name, seed)
            for name, row in self.strategies.items()
            if model in row["models"]
            for seed in self.config["training_seeds"]
        ]

    def settings(self, strategy: str) -> dict[str, Any]:
        """Return what a strategy does, without its name and its models."""
        row = self.strategies[strategy]
        return {key: value for key, value in row.items() if key not in ("strategy", "models")}

    def runs(self) -> list[str]:
        """Return the folders of all trainings, in order of model, strategy and seed."""
        return [
            f"{FOLDER}/runs/{model}/{strategy}/{seed}"
            for model in self.models()
            for strategy, seed in self.trained(model)
        ]

    def jobs_of(self, rule: str, wildcards: set[str]) -> list[dict[str, str]]:
        """Return the wildcards of all planned jobs of a rule of this track."""
        if rule in ("generate_rows", "score_audit") and self.kind != "generated":
            return []
        if rule == "prepare_transformer" and "transformer" not in self.models():
            return []
        if rule in ("prepare_features", "train_unfiltered") and "tfidf" not in self.models():
            return []
        if rule in _TRAINING:
            return [
                {"strategy": strategy, "seed": str(seed)}
                for strategy, seed in self.trained(_TRAINING[rule])
            ]
        return [{}]
