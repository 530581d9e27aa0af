"""A web server on loopback that can cut, stall, refuse and mislead, for the download tests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Request:
    """A request as the server saw it; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    """What the server sends.

    Attributes:
        cut_after: close the connection after so many bytes of the body.
        stall_after: fall silent after so many bytes of the body.
        announce_length: whether a Content-Length goes out.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    stall_after: int | None = None
    announce_length: bool = True


Handler = Callable[[Request], Answer]


@dataclass
class Loopback:
    """The running server: its address and what was asked of it."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def of(self, path: str) -> list[Request]:
        """Return the requests for one path, in order."""
        return [request for request in self.requests if request.path.split("?")[0] == path]


@contextmanager
def serve(handler: Handler) -> Iterator[Loopback]:
    """Answer every request with `handler` until the block ends."""
    over = threading.Event()

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request = Request(
                self.command,
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
            )
            loopback.requests.append(request)
            self._send(handler(request))

        do_HEAD = do_GET

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.announce_length:
                self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if self.command == "HEAD":
                return
            limits = [at for at in (answer.cut_after, answer.stall_after) if at is not None]
            self.wfile.write(answer.body[: min(limits, default=len(answer.body))])
            self.wfile.flush()
            if answer.stall_after is not None:
                over.wait(20)

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the test output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    loopback = Loopback(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield loopback
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def file_answer(
    request: Request, body: bytes, *, etag: str | None = '"v1"', modified: str | None = None
) -> Answer:
    """Answer as an orderly server: ranges, If-Range and If-None-Match."""
    headers = {"Accept-Ranges": "bytes"}
    if etag:
        headers["ETag"] = etag
    if modified:
        headers["Last-Modified"] = modified
    if etag and request.headers.get("if-none-match") == etag:
        return Answer(304, headers=headers, announce_length=False)
    wanted = request.headers.get("range")
    condition = request.headers.get("if-range")
    if wanted is None or (condition is not None and condition not in (etag, modified)):
        return Answer(200, body, headers)
    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    if start >= len(body):
        return Answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    return Answer(206, body[start:], headers)


def in_turn(*answers: Callable[[Request], Answer]) -> Handler:
    """Answer the first request with the first function, and so on; the last one stays."""
    calls = iter(range(10_000))
    return lambda request: answers[min(next(calls), len(answers) - 1)](request)


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait for something to become true; return whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()
