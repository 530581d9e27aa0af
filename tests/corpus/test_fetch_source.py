import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import (
    ConfigError,
    DownloadError,
    ExpectedError,
    InputError,
    IntegrityError,
)
from scripts.corpus.downloads import download, download_all, file_name, new_client
from scripts.corpus.fetch_source import run
from scripts.corpus.http_transfer import StoppedError, Waits
from scripts.corpus.source_manifest import manifest_files
from tests.corpus.loopback import Answer, Handler, Request, file_answer, serve, wait_until

SHORT = Waits(first=0.01, longest=0.05, jitter=0.01)
BODY = bytes(at * 31 % 251 for at in range(300_000))
DIGEST = hashlib.sha256(BODY).hexdigest()


def in_turn(*answers: Callable[[Request], Answer]) -> Handler:
    """Answer the first request with the first function, and so on; the last one stays."""
    calls = iter(range(10_000))
    return lambda request: answers[min(next(calls), len(answers) - 1)](request)


def orderly(request: Request) -> Answer:
    return file_answer(request, BODY)


def cut_at(count: int, **options: Any) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        whole = file_answer(request, BODY, **options)
        whole.cut_after = count
        return whole

    return answer


def status(code: int, **headers: str) -> Callable[[Request], Answer]:
    return lambda request: Answer(code, b"no", headers)


def fetch(url: str, target: Path, **options: Any) -> None:
    download(url, target, **{"sha256": DIGEST, "waits": SHORT, **options})


def one_line(error: BaseException) -> str:
    assert "\n" not in str(error)
    return str(error)


# One file.


MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("validators", "if_range"),
    [
        ({"etag": '"v1"', "modified": MODIFIED}, '"v1"'),
        ({"etag": 'W/"v1"', "modified": MODIFIED}, MODIFIED),  # If-Range takes no weak ETag
        ({"etag": None}, None),
    ],
)
def test_a_cut_download_resumes_where_it_stopped(
    tmp_path: Path, validators: dict[str, str | None], if_range: str | None
) -> None:
    handler = in_turn(
        cut_at(100_000, **validators),
        cut_at(50_000, **validators),
        lambda request: file_answer(request, BODY, **validators),
    )
    with serve(handler) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == BODY
    ranges = [request.headers.get("range") for request in server.requests]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert [request.headers.get("if-range") for request in server.requests[1:]] == [if_range] * 2
    assert not (tmp_path / "a.jsonl.part").exists()


def test_a_later_run_resumes_what_an_earlier_one_left(tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    with serve(in_turn(cut_at(200_000), orderly)) as server:
        url = f"{server.url}/a.jsonl"
        with pytest.raises(DownloadError, match="gave up after 1 attempts"):
            fetch(url, target, attempts=1)
        assert not target.exists()
        fetch(url, target, sha256=None)
    assert target.read_bytes() == BODY
    assert server.requests[1].headers["range"] == "bytes=200000-"


def test_a_part_of_a_file_that_changed_meanwhile_is_thrown_away(tmp_path: Path) -> None:
    newer = BODY[::-1]
    for honours_if_range in (True, False):
        target = tmp_path / f"a{honours_if_range}.jsonl"

        def changed(request: Request, honours: bool = honours_if_range) -> Answer:
            if not honours:
                request.headers.pop("if-range", None)
            return file_answer(request, newer, etag='"v2"')

        with serve(in_turn(cut_at(100_000), changed)) as server:
            fetch(f"{server.url}/a.jsonl", target, sha256=None)
        assert target.read_bytes() == newer


def test_a_part_from_another_address_is_not_continued(tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    with serve(in_turn(cut_at(100_000), orderly)) as server:
        with pytest.raises(DownloadError):
            fetch(f"{server.url}/old/a.jsonl", target, attempts=1)
        fetch(f"{server.url}/new/a.jsonl", target)
    assert "range" not in server.requests[1].headers


def test_a_server_that_ignores_ranges_is_read_from_the_start(tmp_path: Path) -> None:
    def no_ranges(request: Request) -> Answer:
        return Answer(200, BODY, {"ETag": '"v1"'})

    with serve(in_turn(cut_at(100_000), no_ranges)) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert server.requests[1].headers["range"] == "bytes=100000-"
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


def test_a_server_that_always_cuts_at_the_same_place_is_given_up(tmp_path: Path) -> None:
    def stubborn(request: Request) -> Answer:
        return Answer(200, BODY, {"ETag": '"v1"'}, cut_after=100_000)

    with serve(stubborn) as server, pytest.raises(DownloadError, match="gave up after 3"):
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl", attempts=3)
    assert len(server.requests) == 3


def test_progress_resets_the_count_of_attempts(tmp_path: Path) -> None:
    with serve(cut_at(30_000)) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl", attempts=2)
    assert len(server.requests) == 10
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


def test_a_range_that_cannot_be_met_starts_afresh(tmp_path: Path) -> None:
    handler = in_turn(cut_at(100_000), status(416), orderly)
    with serve(handler) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert [r.headers.get("range") for r in server.requests] == [None, "bytes=100000-", None]
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


def test_a_wrong_range_starts_afresh(tmp_path: Path) -> None:
    def shifted(request: Request) -> Answer:
        return Answer(206, BODY[5:], {"Content-Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}"})

    with serve(in_turn(cut_at(100_000), shifted, orderly)) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl", sha256=None)
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


def test_a_stalled_connection_is_left_and_resumed(tmp_path: Path) -> None:
    def stalling(request: Request) -> Answer:
        return Answer(200, BODY, {"ETag": '"v1"'}, stall_after=120_000)

    with serve(in_turn(stalling, orderly)) as server, new_client(stall_seconds=0.3) as client:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl", client=client)
    assert server.requests[1].headers["range"] == "bytes=120000-"
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(tmp_path: Path, code: int) -> None:
    with serve(in_turn(status(code), status(code), orderly)) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_named(tmp_path: Path) -> None:
    with serve(status(503)) as server:
        url = f"{server.url}/a.jsonl"
        with pytest.raises(DownloadError, match=r"a\.jsonl: gave up after 4 .*HTTP 503") as caught:
            fetch(url, tmp_path / "a.jsonl", attempts=4)
    one_line(caught.value)
    assert len(server.requests) == 4
    with pytest.raises(DownloadError, match="ConnectError"):  # the server is gone now
        fetch(url, tmp_path / "a.jsonl", attempts=2)


def test_an_answer_that_no_attempt_can_mend_fails_at_once(tmp_path: Path) -> None:
    with serve(status(404)) as server:
        with pytest.raises(DownloadError, match=r"HTTP 404 .*correct the source's location"):
            fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert len(server.requests) == 1


def test_the_wait_that_a_server_asks_for_is_kept(tmp_path: Path) -> None:
    waited: list[float] = []

    class Watch(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waited.append(timeout or 0.0)
            return False

    handler = in_turn(status(429, **{"Retry-After": "7"}), status(503), orderly)
    with serve(handler) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl", stopped=Watch())
    assert waited[0] == 7.0 and waited[1] < 0.1


def test_wrong_bytes_are_removed_and_reported(tmp_path: Path) -> None:
    with serve(lambda request: file_answer(request, BODY[::-1])) as server:
        with pytest.raises(DownloadError, match="sha256 is .*, not " + DIGEST) as caught:
            fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert f"{server.url}/a.jsonl" in one_line(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl.origin.json"]


def test_a_redirect_is_followed(tmp_path: Path) -> None:
    def handler(request: Request) -> Answer:
        if request.path == "/old.jsonl":
            return Answer(302, b"", {"Location": "/else/where"})
        return cut_at(100_000)(request) if "range" not in request.headers else orderly(request)

    with serve(handler) as server:
        fetch(f"{server.url}/old.jsonl", tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == BODY
    assert [r.path for r in server.requests] == ["/old.jsonl", "/else/where"] * 2
    loop = serve(lambda request: Answer(302, b"", {"Location": request.path}))
    with loop as server, pytest.raises(DownloadError, match="redirect"):
        fetch(f"{server.url}/a.jsonl", tmp_path / "b.jsonl")


def test_encryption_is_not_given_up_on_a_redirect(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(302, headers={"Location": "http://127.0.0.1/a.jsonl"})
        return httpx.Response(200, content=BODY)

    with httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True) as client:
        with pytest.raises(DownloadError, match="without encryption"):
            fetch("https://127.0.0.1/a.jsonl", tmp_path / "a.jsonl", client=client)


def test_a_body_without_a_length_is_taken_as_it_comes(tmp_path: Path) -> None:
    def unannounced(request: Request) -> Answer:
        return Answer(200, BODY, {"ETag": '"v1"'}, announce_length=False)

    with serve(unannounced) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


def test_compression_on_the_way_does_not_get_into_the_file(tmp_path: Path) -> None:
    handler = lambda request: Answer(200, BODY, {"Content-Encoding": "gzip"})  # noqa: E731
    with serve(handler) as server:
        with pytest.raises(DownloadError, match="compresses"):
            fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
        fetch(f"{server.url}/a.jsonl.gz", tmp_path / "a.jsonl.gz")  # raw bytes, as stored
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert (tmp_path / "a.jsonl.gz").read_bytes() == BODY


def test_a_complete_file_is_not_fetched_again(tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    with serve(orderly) as server:
        url = f"{server.url}/a.jsonl"
        fetch(url, target)
        fetch(url, target)
        assert len(server.requests) == 1  # the digest is enough
        fetch(url, target, sha256=None)
        assert server.requests[1].headers["if-none-match"] == '"v1"'
        target.write_bytes(b"damaged")
        fetch(url, target)
    assert target.read_bytes() == BODY


def test_a_changed_file_is_fetched_again_without_a_digest(tmp_path: Path) -> None:
    target = tmp_path / "a.jsonl"
    newer = in_turn(orderly, lambda request: file_answer(request, b"newer", etag='"v2"'))
    with serve(newer) as server:
        fetch(f"{server.url}/a.jsonl", target, sha256=None)
        fetch(f"{server.url}/a.jsonl", target, sha256=None)
    assert target.read_bytes() == b"newer"


def test_a_target_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with serve(orderly) as server, pytest.raises(DownloadError, match="cannot be written") as e:
        fetch(f"{server.url}/a.jsonl", tmp_path / "file" / "a.jsonl")
    one_line(e.value)


def test_secrets_in_an_address_stay_out_of_messages_and_files(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="scripts")
    with serve(status(503)) as server:
        url = server.url.replace("//", "//me:hunter2@") + "/a.jsonl?key=sesame"
        with pytest.raises(DownloadError) as caught:
            fetch(url, tmp_path / "a.jsonl", attempts=2)
    with serve(cut_at(10)) as server:
        url = server.url.replace("//", "//me:hunter2@") + "/a.jsonl?key=sesame"
        with pytest.raises(DownloadError):
            fetch(url, tmp_path / "a.jsonl", attempts=1)
    stored = "".join(path.read_text(errors="replace") for path in tmp_path.iterdir())
    for secret in ("hunter2", "sesame"):
        assert secret not in str(caught.value) + caplog.text + stored


# Several files.


def test_files_come_in_parallel_but_not_more_than_allowed(tmp_path: Path) -> None:
    lock, open_now, most = threading.Lock(), 0, 0
    full = threading.Event()

    def handler(request: Request) -> Answer:
        nonlocal open_now, most
        with lock:
            open_now += 1
            most = max(most, open_now)
            if open_now == 3:
                full.set()
        full.wait(5)  # holds the first three until all of them are here
        with lock:
            open_now -= 1
        return Answer(200, request.path.encode())

    with serve(handler) as server:
        urls = [f"{server.url}/{at}.jsonl" for at in range(9)]
        paths = download_all(urls, tmp_path, [], parallel=3, waits=SHORT)
    assert [path.name for path in paths] == [f"{at}.jsonl" for at in range(9)]
    assert [path.read_text() for path in paths] == [f"/{at}.jsonl" for at in range(9)]
    assert most == 3


def test_one_failure_stops_the_others_and_is_the_one_reported(tmp_path: Path) -> None:
    slow_began = threading.Event()

    def handler(request: Request) -> Answer:
        if request.path == "/slow.jsonl":
            slow_began.set()
            return Answer(503, b"")
        slow_began.wait(5)
        return Answer(404, b"")

    with serve(handler) as server:
        urls = [f"{server.url}/{name}.jsonl" for name in ("slow", "gone", "later")]
        with pytest.raises(DownloadError, match=r"gone\.jsonl: HTTP 404") as caught:
            download_all(urls, tmp_path, [], parallel=2, waits=Waits(60, 60, 0))
        assert not isinstance(caught.value, StoppedError)
        assert not server.of("/later.jsonl")


def test_digests_belong_to_the_addresses_in_order(tmp_path: Path) -> None:
    bodies = {"/b.jsonl": b"bb", "/a.jsonl": b"aa"}
    digests = [hashlib.sha256(body).hexdigest() for body in bodies.values()]
    with serve(lambda request: Answer(200, bodies[request.path])) as server:
        urls = [f"{server.url}{path}" for path in bodies]
        download_all(urls, tmp_path, digests, waits=SHORT)
        with pytest.raises(DownloadError, match="1 sha256 for 2 addresses"):
            download_all(urls, tmp_path, digests[:1], waits=SHORT)
        with pytest.raises(DownloadError, match="sha256 is"):
            download_all(urls, tmp_path / "x", digests[::-1], waits=SHORT)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/folder/",
        "/..",
        "/a/%2e%2e",
        "/..%2fevil.jsonl",
        "/a%5cb",
        "/.hidden",
        "/%00",
        "/a%0a",
    ],
)
def test_no_address_names_a_file_outside_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(DownloadError, match="no usable file name"):
        download_all([f"http://127.0.0.1:1{path}"], tmp_path, [])


@given(st.text(max_size=40))
def test_any_usable_name_stays_in_the_folder(path: str) -> None:
    try:
        name = file_name(f"http://host/{path}")
    except DownloadError:
        return
    assert Path("folder", name).parent == Path("folder")
    assert os.path.normpath(Path("folder", name)) == str(Path("folder", name))


def test_two_addresses_with_one_name_and_foreign_schemes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"/x/a\.jsonl .*both be stored as a\.jsonl"):
        download_all(["http://h/y/a.jsonl", "http://h/x/a.jsonl"], tmp_path, [])
    with pytest.raises(DownloadError, match="malformed"):
        download_all(["http://[h/a.jsonl"], tmp_path, [])
    with pytest.raises(DownloadError, match="only http and https"):
        download_all([f"file://{tmp_path}/a.jsonl"], tmp_path, [])


# The step.


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
        return one_line(caught.value)

    digests = [sha256_of(path) for path in sorted(two_files)]
    assert "raw/*.jsonl" in message(InputError)
    assert "1 sha256 for 2" in message(ConfigError, local_files=two_files, sha256=digests[:1])
    swapped = message(InputError, local_files=two_files, sha256=digests[::-1])
    assert str(two_files[1]) in swapped and digests[1] in swapped
    assert "unknown suffix" in message(InputError, local_files=[tmp_path / "a.docx"])
    assert "is missing" in message(InputError, local_files=[tmp_path / "gone.csv"])
    assert "only a hub source" in message(ConfigError, local_files=two_files, split="train")
    two_files[0].write_bytes(two_files[1].read_bytes())
    same = message(InputError, local_files=two_files)
    assert all(str(path) in same for path in two_files) and "remove one" in same
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
