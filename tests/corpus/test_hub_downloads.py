import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from scripts.common.errors import DownloadError
from scripts.common.http_transfer import Waits
from scripts.corpus.hub_downloads import choose_files, download_from_hub, resolve_revision
from scripts.corpus.source_manifest import manifest_files
from tests.common.loopback import Answer, Loopback, Request, serve

SHORT = Waits(first=0.01, longest=0.05, jitter=0.01)
OLD, NEW = "a" * 40, "b" * 40


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Hub:
    """The hub's endpoints for one dataset: commits, file listing, files.

    Attributes:
        commits: the files of each commit.
        branches: commits by branch or tag.
        large: names of files that the hub stores as LFS objects.
        refuse: an answer in place of the file, e.g. for gated datasets.
        busy: so many requests are answered with 503 first.
    """

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    large: set[str] = field(default_factory=set)
    refuse: Answer | None = None
    busy: int = 0

    def __call__(self, request: Request) -> Answer:
        if self.busy:
            self.busy -= 1
            return Answer(503, b"busy")
        path = unquote(request.path.split("?")[0])
        if "/owner/name" not in path:
            return Answer(401, b"", {"X-Error-Code": "RepoNotFound"})
        kind, _, rest = path.partition("/owner/name/")[2].partition("/")
        revision, _, name = rest.partition("/")
        commit = self.branches.get(revision, revision)
        if commit not in self.commits:
            return Answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        files = self.commits[commit]
        if kind == "revision":
            return self._json({"id": "owner/name", "sha": commit})
        if kind == "tree":
            return self._json([self._listing(name, content) for name, content in files.items()])
        if self.refuse is not None:
            return self.refuse
        if name not in files:
            return Answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        headers = {"X-Repo-Commit": commit, "ETag": f'"{self._listing(name, files[name])["oid"]}"'}
        return Answer(200, files[name], headers)

    @staticmethod
    def _json(value: Any) -> Answer:
        return Answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _listing(self, name: str, content: bytes) -> dict[str, Any]:
        blob = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
        listing: dict[str, Any] = {
            "type": "file",
            "path": name,
            "size": len(content),
            "oid": blob,
        }
        if name in self.large:
            listing["lfs"] = {"oid": sha256_of(content), "size": len(content), "pointerSize": 130}
        return listing


def small_hub(**options: Any) -> Hub:
    old = {
        "README.md": b"about",
        "dataset_infos.json": b"{}",
        "ko/train-00000-of-00002.jsonl": b'{"text": "ko 0"}\n',
        "ko/train-00001-of-00002.jsonl": b'{"text": "ko 1"}\n',
        "ko/validation-00000-of-00001.jsonl": b'{"text": "ko v"}\n',
        "en/train-00000-of-00001.jsonl": b'{"text": "en 0"}\n',
    }
    new = {**old, "ko/train-00000-of-00002.jsonl": b'{"text": "ko 0, later"}\n'}
    large = {"ko/train-00000-of-00002.jsonl"}
    return Hub({OLD: old, NEW: new}, {"main": NEW, "v1": OLD}, large, **options)


def get(server: Loopback, folder: Path, **options: Any) -> list[Path]:
    choice: dict[str, Any] = {"subset": "ko", "split": "train", "revision": "main", "patterns": []}
    return download_from_hub(
        "owner/name", folder, endpoint=server.url, waits=SHORT, **{**choice, **options}
    )


def failure(server: Loopback, folder: Path, **options: Any) -> str:
    with pytest.raises(DownloadError) as caught:
        get(server, folder, **options)
    message = str(caught.value)
    assert "owner/name" in message and "\n" not in message
    return message


@pytest.fixture(autouse=True)
def no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_branch_is_pinned_to_its_commit(tmp_path: Path) -> None:
    with serve(small_hub()) as server:
        assert resolve_revision("owner/name", "v1", endpoint=server.url) == OLD
        assert resolve_revision("owner/name", None, endpoint=server.url) == NEW
        assert resolve_revision("owner/name", OLD, endpoint="http://127.0.0.1:1") == OLD
        old = get(server, tmp_path / "old", revision="v1")
        new = get(server, tmp_path / "new", revision=None)
    assert [path.relative_to(tmp_path).as_posix() for path in old] == [
        "old/ko/train-00000-of-00002.jsonl",
        "old/ko/train-00001-of-00002.jsonl",
    ]
    assert old[0].read_bytes() == b'{"text": "ko 0"}\n'
    assert new[0].read_bytes() == b'{"text": "ko 0, later"}\n'
    asked = [request.path for request in server.requests if "/resolve/" in request.path]
    assert asked and all(f"/resolve/{OLD}/" in p or f"/resolve/{NEW}/" in p for p in asked)
    assert all(
        request.headers.get("authorization") == "Bearer hf_secret" for request in server.requests
    )


def test_a_folder_moves_on_to_another_revision(tmp_path: Path) -> None:
    with serve(small_hub()) as server:
        get(server, tmp_path, revision=OLD)
        before = len([r for r in server.requests if r.method == "GET" and "/resolve/" in r.path])
        get(server, tmp_path, revision=OLD)
        paths = get(server, tmp_path, revision=NEW)
    fetched = [r for r in server.requests if r.method == "GET" and "/resolve/" in r.path]
    assert len(fetched) - before == 1  # only the file that differs between the two
    assert paths[0].read_bytes() == b'{"text": "ko 0, later"}\n'


@pytest.mark.parametrize("at", [0, 1])  # an LFS object, and a file that git holds itself
def test_a_file_altered_here_is_fetched_anew(tmp_path: Path, at: int) -> None:
    with serve(small_hub()) as server:
        path = get(server, tmp_path, revision=OLD)[at]
        right = path.read_bytes()
        path.write_bytes(right[::-1])
        assert get(server, tmp_path, revision=OLD)[at].read_bytes() == right


def test_wrong_bytes_from_the_hub_are_an_error(tmp_path: Path) -> None:
    hub = small_hub()

    def swapped(request: Request) -> Answer:
        answer = hub(request)
        if "/resolve/" in request.path:
            answer.body = answer.body[::-1]
        return answer

    with serve(swapped) as server:
        assert "another size or digest" in failure(server, tmp_path)
    assert not list(tmp_path.glob("ko/*"))


def test_access_and_absence_are_explained(tmp_path: Path) -> None:
    gated = small_hub(refuse=Answer(403, b"", {"X-Error-Code": "GatedRepo"}))
    with serve(gated) as server:
        message = failure(server, tmp_path)
        assert "gated" in message and "licence" in message and "HF_TOKEN" in message
        assert "hf_secret" not in message
        assert f"no revision '{'c' * 40}'" in failure(server, tmp_path, revision="c" * 40)
        assert "no revision 'v9'" in failure(server, tmp_path, revision="v9")
        with pytest.raises(DownloadError, match="nobody/nothing: the hub has none of this name"):
            resolve_revision("nobody/nothing", "main", endpoint=server.url)
        with pytest.raises(DownloadError, match="no valid name"):
            resolve_revision("a/b/c d", "main", endpoint=server.url)
    with serve(small_hub(refuse=Answer(403, b""))) as server:
        assert "HTTP 403, access is denied" in failure(server, tmp_path)


def test_a_busy_hub_is_asked_again_and_an_absent_one_is_named(tmp_path: Path) -> None:
    with serve(small_hub(busy=2)) as server:
        assert len(get(server, tmp_path, revision="v1")) == 2
        url = server.url
    gone = Loopback(url)
    with pytest.raises(DownloadError, match="check the network"):
        resolve_revision("owner/name", "main", endpoint=gone.url, attempts=2, waits=SHORT)


def test_the_librarys_offline_switch_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with serve(small_hub()) as server:
        assert "HF_HUB_OFFLINE" in failure(server, tmp_path)
    assert not server.requests


def test_the_token_stays_with_the_hub_when_it_redirects(tmp_path: Path) -> None:
    """Large files lie on another host, which the hub names in a redirect."""
    hub = small_hub()

    def redirecting(request: Request) -> Answer:
        answer = hub(request)
        if "/resolve/" not in request.path or answer.status != 200:
            return answer
        linked = {"X-Linked-Etag": answer.headers["ETag"], "X-Linked-Size": str(len(answer.body))}
        location = {"Location": f"{store_url}/{request.path.rsplit('/', 1)[1]}"}
        return Answer(302, b"", answer.headers | linked | location)

    def stored(request: Request) -> Answer:
        return Answer(200, hub.commits[OLD][f"ko/{request.path.strip('/')}"])

    with serve(stored) as store, serve(redirecting) as server:
        store_url = store.url.replace("127.0.0.1", "localhost")
        paths = get(server, tmp_path, revision=OLD)
    assert [path.read_bytes() for path in paths] == [b'{"text": "ko 0"}\n', b'{"text": "ko 1"}\n']
    assert store.requests and server.requests
    assert all("authorization" not in request.headers for request in store.requests)


# Which files belong to a configuration and a split. The layouts are those usual on the hub.


def chosen(names: list[str], **options: Any) -> list[str]:
    choice: dict[str, Any] = {"subset": None, "split": None, "patterns": [], **options}
    return choose_files("owner/name", names, **choice)


def test_files_are_chosen_by_configuration_and_split() -> None:
    parquet = [
        f"{subset}/{split}-00000-of-00001.parquet"
        for subset in ("ynat", "mrc")
        for split in ("train", "validation")
    ]
    assert chosen(parquet, subset="mrc", split="train") == ["mrc/train-00000-of-00001.parquet"]
    assert chosen(parquet, subset="mrc") == sorted(parquet[2:])
    assert chosen(parquet, split="validation") == sorted(parquet[1::2])
    flat = ["README.md", ".gitattributes", "data/train-0.csv", "data/dev.csv", "data/pretrain.csv"]
    assert chosen(flat, split="validation") == ["data/dev.csv"]
    assert chosen(flat, split="train") == ["data/train-0.csv"]
    assert chosen(["ko/train/0000.parquet", "ko/test/0000.parquet"], split="test") == [
        "ko/test/0000.parquet"
    ]
    assert chosen(
        ["a/corpus_default-0.jsonl", "a/queries_default-0.jsonl"], split="corpus_default"
    ) == ["a/corpus_default-0.jsonl"]
    assert chosen(["news.jsonl", "more.jsonl"], split="train") == ["more.jsonl", "news.jsonl"]
    # The configuration's own name is not taken for a split.
    assert chosen(["test/train.csv", "test/other.csv"], subset="test", split="train") == [
        "test/train.csv"
    ]


def test_globs_narrow_the_choice() -> None:
    names = ["kor_Hang/1.jsonl.zst", "kor_Hang/10.jsonl.zst", "eng_Latn/1.jsonl.zst", "x.parquet"]
    assert chosen(names, patterns=["kor_Hang/*.jsonl.zst"]) == sorted(names[:2])
    assert chosen(names, patterns=["kor_Hang/1.*", "eng*"]) == [names[2], names[0]]
    assert chosen(names, patterns=["*.zst"], subset="eng_Latn", split="train") == [names[2]]


def test_no_or_ambiguous_files_are_listed() -> None:
    names = [f"f{at:02}.bin" for at in range(20)]
    with pytest.raises(DownloadError, match=r"f00\.bin, .*f09\.bin\)$") as caught:
        chosen(names, subset="ko")
    assert "f10.bin" not in str(caught.value) and "'::'" in str(caught.value)
    with pytest.raises(DownloadError, match="config None, split test, globs None"):
        chosen(["train.csv"], split="test")
    with pytest.raises(DownloadError, match=r"several formats \(csv, parquet\)"):
        chosen(["train.csv", "train.parquet"])
    with pytest.raises(DownloadError, match="no file fits"):
        chosen(["../up.csv", "/etc/x.csv", ".hidden/a.csv"])


def test_the_step_records_the_commit_and_not_the_token(tmp_path: Path) -> None:
    """Run as a program: the library reads the hub's address when it is imported."""
    manifest = tmp_path / "source" / "manifest.json"
    arguments = {
        "--manifest": str(manifest),
        "--source": "ours",
        "--kind": "hub",
        "--location": "owner/name::ko/train-*.jsonl",
        "--subset": "ko",
        "--split": "train",
        "--revision": "v1",
        "--demo-articles": "0",
        "--seed": "0",
    }
    command = [sys.executable, "-m", "scripts.corpus.fetch_source"]
    command += [word for pair in arguments.items() for word in pair] + ["--local-files", "--sha256"]
    with serve(small_hub()) as server:
        result = subprocess.run(
            command,
            env={
                **os.environ,
                "HF_ENDPOINT": server.url,
                "HF_HOME": str(tmp_path / "hf"),
                "HF_HUB_OFFLINE": "0",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert result.returncode == 0, result.stderr
    content = json.loads(manifest.read_text(encoding="utf-8"))
    assert content["revision"] == OLD
    assert [entry["path"] for entry in content["files"]] == [
        "files/ko/train-00000-of-00002.jsonl",
        "files/ko/train-00001-of-00002.jsonl",
    ]
    assert manifest_files(manifest)[0][1] == sha256_of(b'{"text": "ko 0"}\n')
    stored = "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )
    assert "hf_secret" not in result.stdout + result.stderr + stored
