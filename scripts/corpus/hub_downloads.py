"""Downloads the data files of a dataset on the Hugging Face hub, at a pinned commit.

A token for gated datasets is read from the environment (HF_TOKEN) by the hub's own library; it
passes through no argument, file or log of this project.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

import httpx2
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from scripts.common.errors import DownloadError
from scripts.common.files import sha256_file
from scripts.common.http_transfer import Waits
from scripts.common.progress import Progress
from scripts.corpus.read_rows import format_of, supported_suffixes

_logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")
_COMMIT = re.compile("[0-9a-f]{40}")
_BLOCK_BYTES = 1 << 20
_PATIENT = Waits()
_LISTED_FILES = 10
_SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}


def resolve_revision(
    repo_id: str,
    revision: str | None,
    *,
    endpoint: str | None = None,
    attempts: int = 5,
    waits: Waits = _PATIENT,
) -> str:
    """Return the commit (40 hexadecimal digits) that a branch, tag or commit of a dataset names.

    Args:
        repo_id: the dataset, e.g. "klue/klue".
        revision: a branch, tag or commit; None stands for "main", with a warning.
        endpoint: the hub's address, None for the library's own.
        attempts: number of tries where the hub is busy or out of reach.
        waits: the times between tries.

    Raises:
        DownloadError: there is no such dataset or revision, or the hub cannot be reached.
    """
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    api = HfApi(endpoint=endpoint)
    call = _PatientCall(repo_id, revision, attempts, waits)
    commit = call(lambda: api.dataset_info(repo_id, revision=revision or "main").sha)
    if commit is None:
        raise DownloadError(f"dataset {repo_id}: the hub names no commit; give a 40-digit revision")
    if revision is None:
        _logger.warning("dataset %s is not pinned; set its revision to %s", repo_id, commit)
    return commit


def download_from_hub(
    repo_id: str,
    folder: Path,
    *,
    subset: str | None,
    split: str | None,
    revision: str | None,
    patterns: list[str],
    endpoint: str | None = None,
    attempts: int = 5,
    waits: Waits = _PATIENT,
) -> list[Path]:
    """Fetch a dataset's files into `folder` under their own paths; return them sorted.

    Files that are there already and unchanged are kept. Each file's size and digest are compared
    with what the hub lists for the commit.

    Args:
        repo_id: the dataset, e.g. "klue/klue".
        folder: where the files go.
        subset: the configuration: a folder in the files' paths; None for all.
        split: e.g. "train", as in the files' names; None for all.
        revision: a branch, tag or commit; None stands for "main".
        patterns: globs on the files' paths (`*` also matches "/"); empty for all data files.
        endpoint: the hub's address, None for the library's own.
        attempts: number of tries where the hub is busy or out of reach.
        waits: the times between tries.

    Raises:
        DownloadError: the dataset, revision or files are missing or not accessible, or a file
            arrived damaged.
    """
    commit = resolve_revision(repo_id, revision, endpoint=endpoint, attempts=attempts, waits=waits)
    call = _PatientCall(repo_id, commit, attempts, waits)
    api = HfApi(endpoint=endpoint)
    tree = call(
        lambda: list(
            api.list_repo_tree(repo_id, recursive=True, revision=commit, repo_type="dataset")
        )
    )
    listed = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    chosen = choose_files(repo_id, sorted(listed), subset=subset, split=split, patterns=patterns)
    total = sum(listed[name].size for name in chosen)
    progress = Progress(f"download {repo_id}", total=total, unit="bytes", batches=len(chosen))
    paths = []
    for name in chosen:
        fetch = partial(
            hf_hub_download,
            repo_id,
            name,
            repo_type="dataset",
            revision=commit,
            local_dir=folder,
            endpoint=endpoint,
        )
        if not _is_same(Path(call(fetch)), listed[name]):
            # A file that was altered here: the library removes nothing that it once fetched.
            (folder / name).unlink()
            if not _is_same(Path(call(fetch)), listed[name]):
                (folder / name).unlink()
                raise DownloadError(
                    f"dataset {repo_id}: {name} arrived with another size or digest than the hub "
                    "lists and was removed; run again to fetch it anew"
                )
        progress.advance(listed[name].size, batch_ended=True)
        paths.append(folder / name)
    progress.finish()
    return paths


def choose_files(
    repo_id: str,
    names: Sequence[str],
    *,
    subset: str | None,
    split: str | None,
    patterns: Sequence[str],
) -> list[str]:
    """Return the data files among `names` that every given condition admits, sorted.

    A split is looked for in the path as a word ("data/train-00000-of-00002.parquet"). Where the
    files name no split at all, they are the split "train", as the hub's own convention has it.

    Raises:
        DownloadError: no file remains, or files of several formats, which may be the same rows.
    """
    chosen = sorted(name for name in names if _is_data_file(name))
    if patterns:
        chosen = [name for name in chosen if any(fnmatchcase(name, glob) for glob in patterns)]
    if subset is not None:
        chosen = [name for name in chosen if subset in PurePosixPath(name).parts[:-1]]
    if split is not None:
        tails = {name: _behind_subset(name, subset) for name in chosen}
        unnamed = not any(
            _names_split(tail, word)
            for tail in tails.values()
            for words in _SPLIT_NAMES.values()
            for word in words
        )
        if not (split == "train" and unnamed):
            words = _SPLIT_NAMES.get(split, (split,))
            chosen = [
                name for name in chosen if any(_names_split(tails[name], word) for word in words)
            ]
    asked = f"config {subset}, split {split}, globs {' '.join(patterns) or None}"
    if not chosen:
        plain = [name for name in sorted(names) if name.isprintable()]
        first = ", ".join(plain[:_LISTED_FILES]) or "none"
        raise DownloadError(
            f"dataset {repo_id}: no file fits {asked} with one of the suffixes "
            f"{' '.join(supported_suffixes())}; choose files with globs after '::' in its "
            f"location (its first files: {first})"
        )
    formats = sorted({str(format_of(name)) for name in chosen})
    if len(formats) > 1:
        raise DownloadError(
            f"dataset {repo_id}: files of several formats ({', '.join(formats)}) fit {asked} and "
            "may hold the same rows; choose one with globs after '::' in its location"
        )
    return chosen


def _is_data_file(name: str) -> bool:
    parts = PurePosixPath(name).parts
    # Hidden ones leave no way out of the folder, and others none out of a line of the log.
    unfit = any(part.startswith((".", "/")) for part in parts) or not name.isprintable()
    return format_of(name) is not None and not unfit


def _behind_subset(name: str, subset: str | None) -> str:
    parts = PurePosixPath(name).parts
    start = parts.index(subset) + 1 if subset in parts[:-1] else 0
    return "/".join(parts[start:])


def _names_split(path: str, word: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z])", path, re.IGNORECASE) is not None


def _is_same(path: Path, listed: RepoFile) -> bool:
    """Compare a file with the hub's listing, which has its SHA-256 or its git blob id."""
    if path.stat().st_size != listed.size:
        return False
    if listed.lfs is not None:
        return sha256_file(path) == listed.lfs.sha256
    return _git_blob_id(path) == listed.blob_id


def _git_blob_id(path: Path) -> str:
    """Return the SHA-1 by which git names a file's content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


class _PatientCall:
    """Calls the hub, tries again where that may help, and raises DownloadError in the end."""

    def __init__(self, repo_id: str, revision: str | None, attempts: int, waits: Waits) -> None:
        self.repo_id, self.revision = repo_id, revision
        self.retrying = Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_attempt(attempts),
            wait=lambda state: waits.after(state.attempt_number),
            before_sleep=self._log,
            reraise=True,
        )

    def __call__(self, ask: Callable[[], _Result]) -> _Result:
        try:
            return self.retrying(ask)
        except (OSError, EntryNotFoundError, HFValidationError, httpx2.HTTPError) as error:
            raise DownloadError(
                f"dataset {self.repo_id}: {_explain(error, self.revision)}"
            ) from error

    def _log(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _logger.warning("dataset %s: %s; trying again", self.repo_id, _first_line(error))


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        return _is_transient(error.__cause__)
    return isinstance(error, httpx2.TransportError)


def _explain(error: BaseException, revision: str | None) -> str:
    """Return what is wrong and what to do about it, as one line."""
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, GatedRepoError):
        return (
            "it is gated; accept its licence on its page at the hub and set HF_TOKEN in the "
            "environment"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            "the hub has none of this name, or it is private; correct the location, or set "
            "HF_TOKEN in the environment"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"it has no revision '{revision}'; correct the source's revision"
    if isinstance(error, DisabledRepoError):
        return "its owner or the hub has disabled it; choose another source"
    if isinstance(error, OfflineModeIsEnabled):
        return "the hub is switched off by HF_HUB_OFFLINE; unset it, or make a local source"
    if isinstance(error, HfHubHTTPError) and error.response.status_code in (401, 403):
        return (
            f"HTTP {error.response.status_code}, access is denied; set HF_TOKEN in the environment "
            "to a token that may read it"
        )
    if isinstance(error, EntryNotFoundError):
        return f"a file is missing at revision {revision} ({_first_line(error)}); run again"
    if isinstance(error, HFValidationError):
        return f"no valid name for a dataset ({_first_line(error)}); correct the location"
    return f"{_first_line(error)}; check the network and the disk, then run again"


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
