"""What the configuration means for the corpus track: sources, shards, datasets, limits.

Used by the rules when Snakemake reads them; no step imports it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.config_table import find_file
from scripts.common.errors import ConfigError
from scripts.common.input_paths import paths_below, plain_paths
from scripts.corpus.stop_list import read_stop_list

_FLOOR = {
    "min_characters": min,
    "min_sentence_marks": min,
    "min_hangul_ratio": min,
    "max_symbol_ratio": max,
    "max_characters": max,
}
_SEPARATORS = {"space": " ", "newline": "\n", "paragraph": "\n\n"}
_SELECTION_LIMITS = (
    "min_characters",
    "max_characters",
    "min_sentence_marks",
    "min_hangul_ratio",
    "max_symbol_ratio",
    "min_nnp_ratio",
    "max_nnp_ratio",
    "max_pronouns",
    "drop_near_duplicates",
)


class CorpusPlan:
    """The corpus track's plan.

    Args:
        config: the whole checked configuration.
        sources: the checked sources, in order of (priority, row).
        folder: folder of the sources table, which local locations are relative to.
    """

    def __init__(
        self, config: dict[str, Any], sources: dict[str, dict[str, Any]], folder: Path
    ) -> None:
        self.config, self.sources, self.folder = config["corpus"], sources, folder
        self.seed = config["seed"]
        self.lengths = [str(length) for length in self.config["lengths"]]

    @property
    def source_order(self) -> list[str]:
        """All sources in the order of analysed documents: those that Kiwi analyses come first.

        So a text that stands in two sources is analysed wherever any of them needs it.
        """
        return sorted(self.sources, key=lambda name: not self.uses(name, "entity_coref"))

    def uses(self, source: str, kind: str) -> bool:
        """Tell whether a kind of dataset uses a source."""
        return kind in self.sources[source]["used_by"]

    def kinds(self) -> list[str]:
        """Return the kinds of dataset that at least one source feeds."""
        return [
            kind
            for kind in ("entity_coref", "mlm")
            if any(self.uses(source, kind) for source in self.sources)
        ]

    def analysed_sources(self, kind: str) -> list[str]:
        """Return the sources in which the analysed form of a kind's documents can stand.

        Sources of the entity sets come first in `source_order`, so their texts are analysed among
        themselves; a text of an MLM source may be analysed in any source.
        """
        if kind == "entity_coref":
            return [source for source in self.source_order if self.uses(source, kind)]
        return self.source_order

    def shards(self, source: str) -> list[str]:
        """Return the names of a source's shards."""
        return [f"{number:03d}" for number in range(self.sources[source]["shards"])]

    def datasets(self) -> list[str]:
        """Return the names of the selections: one per length of entity_coref, one of mlm."""
        names = []
        for kind in self.kinds():
            names += [f"{kind}_{n}" for n in self.lengths] if kind == "entity_coref" else [kind]
        return names

    def finished_datasets(self) -> list[tuple[str, str]]:
        """Return (kind, length) of all datasets that are built."""
        return [(kind, length) for kind in self.kinds() for length in self.lengths]

    def dataset_names(self) -> list[str]:
        """Return the names of the finished datasets, kind_length."""
        return [f"{kind}_{length}" for kind, length in self.finished_datasets()]

    def dataset_sources(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return the sources of each kind of dataset, as `sources_of` does."""
        return {kind: self.sources_of(kind) for kind in self.kinds()}

    def jobs_of(self, rule: str, wildcards: set[str]) -> list[dict[str, str]]:
        """Return the wildcards of all planned jobs of a rule of this track.

        A rule by length serves one kind of dataset: `build_mlm` the MLM sets, all others the
        entity sets.
        """
        kind = "mlm" if rule == "build_mlm" else "entity_coref"
        jobs: list[dict[str, str]] = [{}]
        if "length" in wildcards:
            jobs = [{"length": length} for length in self.lengths if kind in self.kinds()]
        if "dataset" in wildcards:
            jobs = [job | {"dataset": name} for job in jobs for name in self.datasets()]
        if "source" in wildcards:
            sources = self.analysed_sources(kind) if "length" in wildcards else self.source_order
            jobs = [job | {"source": source} for job in jobs for source in sources]
        if "shard" in wildcards:
            jobs = [job | {"shard": shard} for job in jobs for shard in self.shards(job["source"])]
        return jobs

    @staticmethod
    def kind_of(dataset: str) -> str:
        """Return the kind of a selection."""
        return "mlm" if dataset == "mlm" else "entity_coref"

    @staticmethod
    def length_of(dataset: str) -> int | None:
        """Return the length of a selection, None where it serves all lengths."""
        return None if dataset == "mlm" else int(dataset.rsplit("_", 1)[1])

    def floor(self) -> dict[str, Any]:
        """Return the floor of the analysis, widened by looser thresholds of the entity set."""
        floor, limits = self.config["analysis"], self.config["entity_coref"]
        widened = {
            name: looser(floor[name], limits[name]) if limits[name] != "measured" else floor[name]
            for name, looser in _FLOOR.items()
        }
        return {**widened, "max_failed_share": floor["max_failed_share"]}

    def notices(self) -> Iterator[str]:
        """Yield a line for each threshold that is looser than the configured floor."""
        configured = self.config["analysis"]
        for name, value in self.floor().items():
            if value != configured[name]:
                yield (
                    f"plan: corpus.entity_coref.{name} = {value} is looser than the floor "
                    f"corpus.analysis.{name} = {configured[name]}: score_shard analyses again, "
                    f"with {value}"
                )

    def limits(self, kind: str) -> dict[str, Any]:
        """Return the thresholds of a kind of dataset."""
        section = self.config[kind]
        return {name: section[name] for name in _SELECTION_LIMITS if name in section}

    def sources_of(self, kind: str) -> dict[str, dict[str, int]]:
        """Return the sources of a kind with their rank (priority, then row) and own limits."""
        return {
            name: {
                "rank": rank,
                "min_characters": row["min_characters"],
                "max_characters": row["max_characters"],
            }
            for rank, (name, row) in enumerate(self.sources.items())
            if self.uses(name, kind)
        }

    def licences(self, kind: str) -> dict[str, str]:
        """Return the licence of each source of a kind."""
        return {name: row["licence"] for name, row in self.sources.items() if self.uses(name, kind)}

    def all_licences(self) -> dict[str, str]:
        """Return the licence of every source."""
        return {name: row["licence"] for name, row in self.sources.items()}

    def tokenizer_name(self) -> str:
        """Return what the tokenizer is called."""
        return self.config["tokenizer"]["model"] or "trained on the corpus"

    def demo_articles(self, source: str) -> int:
        """Return how many articles a source generates, 0 for other kinds than demo."""
        return self.config["demo_articles"] if self.sources[source]["kind"] == "demo" else 0

    def demo_seed(self, source: str) -> int:
        """Return the seed of generated articles, 0 for other kinds than demo."""
        return self.seed if self.sources[source]["kind"] == "demo" else 0

    def stop_list(self, basedir: Path) -> list[str] | str:
        """Return the path of the entities' stop list, no path where there is none.

        Args:
            basedir: folder of the Snakefile.

        Raises:
            ConfigError: the file is missing or cannot be used.
        """
        key, name = "corpus.entity_coref.stop_list", self.config["entity_coref"]["stop_list"]
        if name is None:
            return []
        path = find_file(key, name, basedir, allowed="null, or path of a text file")
        read_stop_list(path)
        return plain_paths(f"config key {key}", [str(path)])[0]

    def effort(self, source: str, key: str) -> int:
        """Return how a source's shards are worked on: its own number, else the one for all.

        Args:
            source: name of the source.
            key: "batch_documents", "chunk_documents" or "workers".
        """
        return int(self.sources[source].get(key, self.config[key]))

    def separator(self, source: str) -> str:
        """Return what joins the text fields of a source."""
        return _SEPARATORS[self.sources[source]["join"]]

    def local_files(self, source: str) -> list[str]:
        """Return the files of a local source, sorted; none for other kinds.

        Raises:
            ConfigError: the location matches no file, or one of an unfit name.
        """
        row = self.sources[source]
        if row["kind"] != "local":
            return []
        files = paths_below(self.folder, row["location"], folders=False)
        if not files:
            raise ConfigError(
                f"source {source}: location = {row['location']!r} matches no file; it is relative "
                f"to the folder of the sources table"
            )
        return plain_paths(f"source {source}: location = {row['location']!r}", files)
