"""What the configuration means for the descriptors track: its input files and columns' roles.

Used by the rules when Snakemake reads them; no step imports it.
"""

from pathlib import Path
from typing import Any

from scripts.common.input_paths import named_paths

FOLDER = "<results>/descriptors"
# Columns of the tables that the track computes itself.
COMPUTED_METADATA = ("molecule_id", "smiles")
_WEB = ("http://", "https://")


class DescriptorsPlan:
    """The descriptors track's plan.

    Args:
        config: the whole checked configuration.
        basedir: folder of the Snakefile, where relative paths are looked up after the working
            directory.
    """

    def __init__(self, config: dict[str, Any], basedir: Path) -> None:
        self.config, self.seed, self.basedir = config["descriptors"], config["seed"], basedir

    @property
    def kind(self) -> str:
        """Where the items come from: "none", "library", "smiles" or "table"."""
        return str(self.config["input"]["kind"])

    def __bool__(self) -> bool:
        return self.kind != "none"

    def addresses(self) -> dict[str, str]:
        """Return the http addresses that `descriptors.input.location` names, by file name.

        Raises:
            DownloadError: an address ends in no usable file name, or two in the same one.
        """
        location = self.config["input"]["location"]
        if location is None or not location.startswith(_WEB):
            return {}
        # Here, since it takes time to import and most runs fetch nothing.
        from scripts.common.downloads import distinct_targets

        urls = location.split()
        targets = distinct_targets(urls, Path())
        return {target.name: url for target, url in zip(targets, urls, strict=True)}

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 that the configuration states for a fetched file."""
        digests: list[str] = self.config["input"]["sha256"]
        return dict(zip(self.addresses(), digests, strict=False)).get(name)

    def files(self) -> list[str]:
        """Return the files that `descriptors.input.location` names; none without one.

        Fetched files come in the order of their addresses, local ones sorted.

        Raises:
            ConfigError: there is no such file, or one of an unfit name.
            DownloadError: an address is unusable.
        """
        location = self.config["input"]["location"]
        if location is None:
            return []
        if fetched := self.addresses():
            return [f"{FOLDER}/inputs/{name}" for name in fetched]
        key = "descriptors.input.location"
        return named_paths(key, location, self.basedir, folders=False)

    def shards(self) -> list[str]:
        """Return the names of the shards of molecules; none where a finished table is read."""
        if self.kind not in ("library", "smiles"):
            return []
        return [f"{number:03d}" for number in range(self.config["molecules"]["shards"])]

    def smiles_files(self) -> list[str]:
        """Return the files that molecules are read from."""
        return [f"{FOLDER}/molecules/library.parquet"] if self.kind == "library" else self.files()

    def field(self, name: str) -> str | None:
        """Return the column "smiles_field" or "id_field" of the files of molecules."""
        if self.kind == "library":
            return {"smiles_field": "smiles", "id_field": "id"}[name]
        value: str | None = self.config["input"][name]
        return value

    def parts(self) -> list[str]:
        """Return the parts of the table."""
        if self.kind == "table":
            return self.files()
        return [f"{FOLDER}/computed/{shard}.parquet" for shard in self.shards()]

    def metadata(self) -> list[str]:
        """Return the names and patterns of metadata columns."""
        own: list[str] = self.config["columns"]["metadata"]
        return own if self.kind == "table" else [*COMPUTED_METADATA, *own]

    def jobs_of(self, rule: str, wildcards: set[str]) -> list[dict[str, str]]:
        """Return the wildcards of all planned jobs of a rule of this track."""
        if rule == "enumerate_library" and self.kind != "library":
            return []
        if rule == "fetch_inputs":
            return [{"file": name} for name in self.addresses()]
        if rule == "shard_molecules" and not self.shards():
            return []
        if "shard" in wildcards:
            return [{"shard": shard} for shard in self.shards()]
        return [{}]
