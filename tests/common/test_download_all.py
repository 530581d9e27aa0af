import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.downloads import download_all, file_name
from scripts.common.errors import DownloadError
from scripts.common.http_transfer import StoppedError, Waits
from tests.common.loopback import Answer, Request, serve

SHORT = Waits(first=0.01, longest=0.05, jitter=0.01)


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
