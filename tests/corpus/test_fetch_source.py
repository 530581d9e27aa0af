import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.common.errors import ConfigError, ExpectedError, InputError, IntegrityError
from scripts.corpus.fetch_source import run
from scripts.corpus.source_manifest import manifest_files
from tests.common.loopback import Answer, Request, file_answer, in_turn, serve, wait_until


def step(manifest: Path, kind: str, location: str = "", **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "source": "news",
        "subset": None,
        "split": None,
        "revision": None,
        "sha256": [],
        "demo_articles": 5,
        "seed": 1,
        **options,
    }
    local_files = settings.pop("local_files", [])
    run(local_files, manifest, kind=kind, location=location, **settings)
    return json.loads(manifest.read_text(encoding="utf-8"))


@pytest.fixture
def two_files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "raw" / name for name in ("b.jsonl", "a.jsonl")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(f'{{"text": "{path.name}"}}\n')
    return paths


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_local_files_are_listed_as_given_and_sorted(
    tmp_path: Path, two_files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = [path.relative_to(tmp_path) for path in two_files]
    manifest = tmp_path / "out" / "manifest.json"
    first, second = sorted(two_files)
    digests = [sha256_of(first).upper(), sha256_of(second)]
    content = step(manifest, "local", "raw/*", local_files=relative, sha256=digests)
    assert content == {
        "source": "news",
        "kind": "local",
        "revision": None,
        "files": [
            {"path": "raw/a.jsonl", "rows": None, "bytes": 20, "sha256": sha256_of(first)},
            {"path": "raw/b.jsonl", "rows": None, "bytes": 20, "sha256": sha256_of(second)},
        ],
    }
    assert manifest_files(manifest) == [
        (Path("raw/a.jsonl"), sha256_of(first)),
        (Path("raw/b.jsonl"), sha256_of(second)),
    ]


def test_unusable_local_sources_are_named(tmp_path: Path, two_files: list[Path]) -> None:
    def message(kind: type[ExpectedError], **options: Any) -> str:
        with pytest.raises(kind) as caught:
            step(tmp_path / "m.json", "local", "raw/*.jsonl", **options)
        assert not (tmp_path / "m.json").exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    digests = [sha256_of(path) for path in sorted(two_files)]
    assert "raw/*.jsonl" in message(InputError)
    assert "1 sha256 for 2" in message(ConfigError, local_files=two_files, sha256=digests[:1])
    swapped = message(InputError, local_files=two_files, sha256=digests[::-1])
    assert str(two_files[1]) in swapped and digests[1] in swapped
    assert "unknown suffix" in message(InputError, local_files=[tmp_path / "a.docx"])
    assert "is missing" in message(InputError, local_files=[tmp_path / "gone.csv"])
    assert "only a hub source" in message(ConfigError, local_files=two_files, split="train")
    with pytest.raises(ConfigError, match="kind 'ftp' is none of demo, local, http, hub"):
        step(tmp_path / "m.json", "ftp")


def test_a_web_source_is_fetched_beside_its_manifest(tmp_path: Path) -> None:
    bodies = {"/2.jsonl": b'{"text": "two"}\n', "/1.jsonl": b'{"text": "one"}\n'}
    manifest = tmp_path / "news" / "manifest.json"
    with serve(lambda request: file_answer(request, bodies[request.path])) as server:
        location = " ".join(f"{server.url}{path}" for path in bodies)
        digests = [hashlib.sha256(body).hexdigest() for body in bodies.values()]
        content = step(manifest, "http", location, sha256=digests, revision="2024-01")
        assert content["revision"] == "2024-01"
        assert [entry["path"] for entry in content["files"]] == ["files/1.jsonl", "files/2.jsonl"]
        with pytest.raises(InputError, match="unknown suffix"):
            step(manifest, "http", f"{server.url}/page.html")
    assert manifest_files(manifest)[0] == (tmp_path / "news/files/1.jsonl", digests[1])
    with pytest.raises(ConfigError, match="no address"):
        step(manifest, "http", " ")


def test_a_demo_source_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    pytest.importorskip("scripts.corpus.demo_articles")
    first = step(tmp_path / "a" / "manifest.json", "demo")
    again = step(tmp_path / "b" / "manifest.json", "demo")
    other = step(tmp_path / "c" / "manifest.json", "demo", seed=2)
    assert first == again != other
    assert first["files"][0]["path"] == "files/demo.jsonl"
    lines = (tmp_path / "a" / "files" / "demo.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 5


def test_a_manifest_notices_files_that_are_gone_or_cut(
    tmp_path: Path, two_files: list[Path]
) -> None:
    manifest = tmp_path / "manifest.json"
    step(manifest, "local", local_files=two_files)
    two_files[0].write_text("short")
    with pytest.raises(IntegrityError, match=r"b\.jsonl has 5 bytes, not 20; delete"):
        manifest_files(manifest)
    two_files[0].unlink()
    with pytest.raises(IntegrityError, match=r"b\.jsonl is missing; delete"):
        manifest_files(manifest)
    manifest.write_text('{"kind": "local"}')
    with pytest.raises(IntegrityError, match="not the manifest of a source"):
        manifest_files(manifest)


def test_a_killed_fetch_resumes(tmp_path: Path) -> None:
    """Kill the step in mid-download; the next run asks only for the rest."""
    body = b"".join(b'{"text": "%d"}\n' % at for at in range(50_000))

    def stalling(request: Request) -> Answer:
        answer = file_answer(request, body)
        answer.stall_after = 400_000
        return answer

    manifest = tmp_path / "manifest.json"
    part = tmp_path / "files" / "a.jsonl.part"
    with serve(in_turn(stalling, lambda request: file_answer(request, body))) as server:
        arguments = {"--manifest": str(manifest), "--kind": "http", "--source": "s"}
        arguments |= {"--location": f"{server.url}/a.jsonl", "--subset": "None", "--split": "None"}
        arguments |= {"--revision": "None", "--demo-articles": "0", "--seed": "0"}
        command = [sys.executable, "-m", "scripts.corpus.fetch_source"]
        command += [word for pair in arguments.items() for word in pair]
        command += ["--local-files", "--sha256"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: part.exists() and part.stat().st_size > 100_000)
        process.kill()
        process.wait()
        reached = part.stat().st_size
        assert not manifest.exists()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert server.requests[1].headers["range"] == f"bytes={reached}-"
    ((path, digest),) = manifest_files(manifest)
    assert path.read_bytes() == body and digest == hashlib.sha256(body).hexdigest()
