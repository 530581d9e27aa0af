"""Makes the files of one source available and writes a manifest of them.

In: for a local source its files; for others nothing. Out: a manifest (JSON) with the source, its
kind, its revision (for the hub: the commit) and each file's path, bytes and sha256. Generated and
downloaded files stand in `files/` beside the manifest, where a failed run leaves what it has.
"""

from pathlib import Path
from typing import Any

from scripts.common.entry import entry
from scripts.common.errors import ConfigError, InputError
from scripts.common.files import atomic_file, manifest_entry, write_json
from scripts.common.progress import Progress
from scripts.corpus.read_rows import format_of, supported_suffixes

_KINDS = ("demo", "local", "http", "hub")


def run(
    local_files: list[Path],
    manifest: Path,
    *,
    source: str,
    kind: str,
    location: str,
    subset: str | None,
    split: str | None,
    revision: str | None,
    sha256: list[str],
    demo_articles: int,
    seed: int,
) -> None:
    """Fetch or generate the files of a source, check them, and write the manifest.

    Args:
        local_files: the files of a local source; empty for other kinds.
        manifest: the manifest to write.
        source: the source's name.
        kind: "demo", "local", "http" or "hub".
        location: for messages where local; addresses separated by spaces where http; a dataset's
            id where hub, with globs after "::" if wanted ("owner/name::ko/*.jsonl.zst a/b.csv").
        subset: a hub dataset's configuration.
        split: a hub dataset's split.
        revision: a hub dataset's branch, tag or commit; a note for the manifest where local
            or http.
        sha256: the files' digests, empty or one for each: in the order of the addresses where
            http, else of the sorted file names.
        demo_articles: number of articles to generate for a demo source.
        seed: seed of the generated articles.

    Raises:
        ConfigError: the settings do not fit the kind.
        InputError: a local file is missing or altered.
        DownloadError: a remote file could not be fetched.
    """
    _require_fitting(source, kind, subset, split)
    base = manifest.parent
    if kind == "local":
        files = {str(path): path for path in _local_files(source, location, local_files)}
    else:
        if kind == "demo":
            paths = [_write_demo(base / "files" / "demo.jsonl", demo_articles, seed)]
        elif kind == "http":
            paths = _from_web(source, location, base / "files", sha256)
        else:
            revision, paths = _from_hub(location, base / "files", subset, split, revision)
        files = {path.relative_to(base).as_posix(): path for path in paths}
    entries = [manifest_entry(files[name], rows=None, name=name) for name in sorted(files)]
    if kind != "http":  # whose digests come in the order of the addresses, and are checked there
        _require_digests(source, entries, sha256)
    write_json(manifest, {"source": source, "kind": kind, "revision": revision, "files": entries})


def _require_fitting(source: str, kind: str, subset: str | None, split: str | None) -> None:
    if kind not in _KINDS:
        raise ConfigError(f"source {source}: kind '{kind}' is none of {', '.join(_KINDS)}")
    if kind != "hub" and (subset is not None or split is not None):
        raise ConfigError(
            f"source {source}: only a hub source has a config and a split; leave them empty"
        )


def _write_demo(target: Path, articles: int, seed: int) -> Path:
    from scripts.corpus.demo_articles import demo_articles, json_line

    progress = Progress("generate articles", total=articles, unit="articles")
    with (
        atomic_file(target) as partial,
        partial.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        for article in demo_articles(articles, seed):
            stream.write(json_line(article))
            progress.advance(1)
    progress.finish()
    return target


def _local_files(source: str, location: str, files: list[Path]) -> list[Path]:
    if not files:
        raise InputError(f"source {source}: no file fits its location '{location}'; correct it")
    for path in files:
        _require_supported(source, path.name)
        if not path.is_file():
            raise InputError(f"source {source}: {path} is missing; correct its location")
    return files


def _from_web(source: str, location: str, folder: Path, sha256: list[str]) -> list[Path]:
    from scripts.common.downloads import download_all, file_name

    addresses = location.split()
    if not addresses:
        raise ConfigError(f"source {source}: its location names no address")
    for address in addresses:
        _require_supported(source, file_name(address))
    return download_all(addresses, folder, sha256)


def _from_hub(
    location: str, folder: Path, subset: str | None, split: str | None, revision: str | None
) -> tuple[str, list[Path]]:
    """Return the commit and the downloaded files."""
    from scripts.corpus.hub_downloads import download_from_hub, resolve_revision

    repo_id, _, globs = location.partition("::")
    commit = resolve_revision(repo_id, revision)
    paths = download_from_hub(
        repo_id, folder, subset=subset, split=split, revision=commit, patterns=globs.split()
    )
    return commit, paths


def _require_supported(source: str, name: str) -> None:
    if format_of(name) is None:
        raise InputError(
            f"source {source}: {name} has an unknown suffix; convert it to one of "
            f"{', '.join(supported_suffixes())}"
        )


def _require_digests(source: str, entries: list[dict[str, Any]], sha256: list[str]) -> None:
    if sha256 and len(sha256) != len(entries):
        raise ConfigError(
            f"source {source}: {len(sha256)} sha256 for {len(entries)} files; give one for each, "
            "in the order of the sorted file names"
        )
    for listed, expected in zip(entries, sha256, strict=False):
        if listed["sha256"] != expected.lower():
            raise InputError(
                f"source {source}: sha256 of {listed['path']} is {listed['sha256']}, not "
                f"{expected}; restore the file, or correct the source's sha256"
            )


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
