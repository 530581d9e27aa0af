r"""Prepares entity-coreference datasets with one command, through the workflow.

    python -m scripts.corpus.prepare_entity_coref --seq-len 2048 \
        --model kakaobank/kf-deberta-base --output-dir ./prepared_datasets --max-entity-freq 1000

It lays its options over the corpus section of config/full.yaml, or of a file of one's own, and
runs Snakemake for the datasets of these lengths, which it leaves in
OUTPUT_DIR/results/corpus/entity_coref/LENGTH/dataset. What is up to date there stays. Arguments
after `--` go to Snakemake, as in `-- -n` or `-- --workflow-profile profiles/slurm`.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tyro
import yaml

from scripts.common.check_config import ROOT, SCHEMA_FILE, merged_config, settled_config
from scripts.common.config import load_schema
from scripts.common.config_table import find_file
from scripts.common.errors import ConfigError, ExpectedError
from scripts.common.files import read_json, write_text
from scripts.common.sources_table import find_table

# ASSUME no tokenizer of Korean text covers more characters with a token on average (a vocabulary
# of 32,000 covers 2.3), so a shorter window can hold no document of the fewest characters.
_MOST_CHARACTERS_OF_A_TOKEN = 4
_SHORTEST, _LONGEST = 16, 65_536
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_DRY_RUN = {"-n", "--dry-run", "--dryrun"}
_OURS = ("--configfile", "--configfiles", "--directory", "-d", "--snakefile", "-s", "--cores", "-c")


def main(arguments: Sequence[str]) -> int:
    """Prepare datasets as the command line says; return Snakemake's exit code, 2 for nonsense."""
    own, further = list(arguments), []
    if "--" in own:
        cut = own.index("--")
        own, further = own[:cut], own[cut + 1 :]

    def prepare(
        seq_len: tuple[int, ...] = (2048,),
        model: str = "kakaobank/kf-deberta-base",
        output_dir: Path = Path("prepared_datasets"),
        max_entity_freq: int = 1000,
        configfile: Path = ROOT / "config" / "full.yaml",
        sources: Path | None = None,
        cores: str | None = None,
    ) -> int:
        """Run the workflow for entity-coreference datasets.

        Args:
            seq_len: lengths of the model's input in tokens, one dataset each.
            model: hub id, or local folder, of the model whose WordPiece tokenizer is used.
            output_dir: folder of the results.
            max_entity_freq: most training samples of one entity.
            configfile: config that the options are laid over.
            sources: table of sources in place of the config's.
            cores: cores to use; all of them by default, or what a profile after `--` says.
        """
        output = output_dir.expanduser()
        refuse_nonsense(seq_len, output, max_entity_freq, cores, further)
        config = prepared_config(
            configfile,
            lengths=list(seq_len),
            model=local_or_hub_model(model),
            max_entity_freq=max_entity_freq,
            sources=sources,
        )
        return run_workflow(output, config, cores=cores, further=further)

    try:
        return tyro.cli(prepare, prog="python -m scripts.corpus.prepare_entity_coref", args=own)
    except ExpectedError as error:
        print(f"prepare_entity_coref: {error}", file=sys.stderr)
        return 2


def refuse_nonsense(
    seq_len: Sequence[int],
    output: Path,
    max_entity_freq: int,
    cores: str | None,
    further: Sequence[str],
) -> None:
    """Refuse options that no config could make sense of.

    Raises:
        ConfigError: an option cannot be used; the message names it.
    """
    for length in seq_len:
        if not _SHORTEST <= length <= _LONGEST:
            raise ConfigError(
                f"--seq-len {length} is no length of a model; allowed: {_SHORTEST} to {_LONGEST}"
            )
    if not seq_len or len(set(seq_len)) < len(seq_len):
        raise ConfigError(f"--seq-len {' '.join(map(str, seq_len))}; allowed: each length once")
    if max_entity_freq < 1:
        raise ConfigError(f"--max-entity-freq {max_entity_freq} leaves no sample; allowed: ≥ 1")
    if cores is not None and cores != "all" and not re.fullmatch("[1-9][0-9]*", cores):
        raise ConfigError(f"--cores {cores} is no number of cores; allowed: all, or ≥ 1")
    for part in (output, *output.parents):
        if part.exists() and not part.is_dir():
            raise ConfigError(f"--output-dir {output}: {part} is a file; name a folder")
    for argument in further:
        if argument.split("=")[0] in _OURS:
            raise ConfigError(
                f"{argument} after -- would undo what this command sets; use its own options "
                "(--configfile, --output-dir, --cores) before --"
            )


def local_or_hub_model(model: str) -> str:
    """Return the absolute path of a local model folder, or a hub id as it is.

    Raises:
        ConfigError: the folder does not exist or has no WordPiece tokenizer, or the id
            cannot be one.
        IntegrityError: the folder's tokenizer is no JSON.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        tokenizer = folder / "tokenizer.json"
        if tokenizer.is_file():
            _refuse_other_than_wordpiece(tokenizer)
        elif not (folder / "vocab.txt").is_file():
            raise ConfigError(
                f"--model {model} has neither tokenizer.json nor vocab.txt; save the model's "
                "tokenizer there"
            )
        return str(folder.resolve())
    looks_local = model.startswith(("/", ".", "~")) or folder.exists()
    if looks_local or not _HUB_ID.fullmatch(model):
        raise ConfigError(f"--model {model} is no folder; allowed: a model's folder, or a hub id")
    return model


def _refuse_other_than_wordpiece(tokenizer: Path) -> None:
    content = read_json(tokenizer)
    described = content.get("model") if isinstance(content, dict) else None
    kind = described.get("type") if isinstance(described, dict) else None
    if kind != "WordPiece":
        raise ConfigError(
            f"--model: {tokenizer} is no WordPiece tokenizer but {kind or 'of no known kind'}; "
            "name a model with one"
        )


def prepared_config(
    base: Path, *, lengths: list[int], model: str, max_entity_freq: int, sources: Path | None
) -> dict[str, Any]:
    """Return the corpus of `base` with the options laid over it, checked as a whole.

    What belongs to other tracks is left out: their files may be named from where the user stands,
    and this command runs elsewhere.

    Raises:
        ConfigError: the base, the table of sources, or what the options make of them is not
            allowed, or a length is too short for the fewest characters of a document.
    """
    below = merged_config(base)
    # Runs of the base may be of other lengths; this command makes one dataset and trains none.
    below["language_model"] = {**(below.get("language_model") or {}), "runs": None}
    schema = load_schema(ROOT / SCHEMA_FILE)
    before = settled_config(below, schema, ROOT).config
    tokenizer = before["corpus"]["tokenizer"]
    table = find_table(str(sources) if sources is not None else before["corpus"]["sources"], ROOT)
    limits: dict[str, Any] = {"max_entity_freq": max_entity_freq}
    if (listed := before["corpus"]["entity_coref"]["stop_list"]) is not None:
        key = "corpus.entity_coref.stop_list"
        file = find_file(key, listed, ROOT, allowed="null, or path of a text file")
        limits["stop_list"] = str(file.resolve())
    options: dict[str, Any] = {
        "sources": str(table.resolve()),
        "lengths": lengths,
        "tokenizer": {
            "model": model,
            # The base's revision is one of the base's model.
            "revision": tokenizer["revision"] if model == tokenizer["model"] else None,
        },
        "entity_coref": limits,
    }
    corpus: dict[str, Any] = dict(below.get("corpus") or {})
    for key, value in options.items():
        corpus[key] = {**(corpus.get(key) or {}), **value} if isinstance(value, dict) else value
    others = {"classification", "descriptors", "retrieval"}
    kept = {key: value for key, value in below.items() if key not in others}
    config = {**kept, "corpus": corpus, "language_model": {"runs": None}}
    settled, rows, *_ = settled_config(config, schema, ROOT)
    if not any("entity_coref" in row["used_by"] for row in rows.values()):
        raise ConfigError(f"{table.name} has no source that is used_by entity_coref; name one")
    allowed = settled["corpus"]["entity_coref"]
    for length in lengths:
        reach = (length - 2) * _MOST_CHARACTERS_OF_A_TOKEN
        if allowed["max_characters"] == "measured" and reach < allowed["min_characters"]:
            raise ConfigError(
                f"--seq-len {length} is too small for documents of at least "
                f"{allowed['min_characters']} characters; raise it, or lower "
                "corpus.entity_coref.min_characters in a --configfile"
            )
    return config


def run_workflow(
    output: Path,
    config: dict[str, Any],
    *,
    cores: str | None,
    further: Sequence[str],
) -> int:
    """Run Snakemake for the datasets, say where they are, and return its exit code."""
    output.mkdir(parents=True, exist_ok=True)
    file = output / "prepare_entity_coref.yaml"
    write_text(file, yaml.safe_dump(config, allow_unicode=True, sort_keys=False))
    folders = [
        Path("results/corpus/entity_coref") / str(length) for length in config["corpus"]["lengths"]
    ]
    command = [
        *(sys.executable, "-m", "snakemake"),
        *(str(folder / "manifest.json") for folder in folders),
        *("--snakefile", str(ROOT / "Snakefile"), "--directory", str(output)),
        *("--configfile", str(file.resolve())),
    ]
    if not any(argument.startswith(("--workflow-profile", "--profile")) for argument in further):
        command += ["--workflow-profile", str(ROOT / "profiles" / "default")]
    command += ["--cores", cores] if cores is not None else []
    code = subprocess.run([*command, *further], check=False).returncode
    if code == 0 and not _DRY_RUN & set(further):
        for folder in folders:
            # Absent after a flag that only looks or unlocks.
            if not (output / folder / "manifest.json").is_file():
                continue
            print(
                f"prepare_entity_coref: the dataset is {output / folder / 'dataset'} "
                "(open it with datasets.load_from_disk)"
            )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
