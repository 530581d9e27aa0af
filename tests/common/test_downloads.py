import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.common.downloads import download, new_client
from scripts.common.errors import DownloadError
from scripts.common.http_transfer import Waits
from tests.common.loopback import Answer, Request, file_answer, in_turn, serve

SHORT = Waits(first=0.01, longest=0.05, jitter=0.01)
BODY = bytes(at * 31 % 251 for at in range(300_000))
DIGEST = hashlib.sha256(BODY).hexdigest()


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
    mendless = pytest.raises(DownloadError, match=r"HTTP 404 .*correct the source's location")
    with serve(status(404)) as server, mendless:
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
    wrong = pytest.raises(DownloadError, match="sha256 is .*, not " + DIGEST)
    with serve(lambda request: file_answer(request, BODY[::-1])) as server, wrong as caught:
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

    with (
        httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True) as client,
        pytest.raises(DownloadError, match="without encryption"),
    ):
        fetch("https://127.0.0.1/a.jsonl", tmp_path / "a.jsonl", client=client)


def test_a_body_without_a_length_is_taken_as_it_comes(tmp_path: Path) -> None:
    def unannounced(request: Request) -> Answer:
        return Answer(200, BODY, {"ETag": '"v1"'}, announce_length=False)

    with serve(unannounced) as server:
        fetch(f"{server.url}/a.jsonl", tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == BODY


def test_compression_on_the_way_does_not_get_into_the_file(tmp_path: Path) -> None:
    with serve(lambda request: Answer(200, BODY, {"Content-Encoding": "gzip"})) as server:
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
