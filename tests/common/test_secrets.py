"""Secrets and open lines: refused in the configuration, cut from every message, never sent on."""

import logging
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.common.addresses import address_complaints, is_open, is_secret_name, without_secrets
from scripts.common.check_config import ROOT
from scripts.common.config import checked_config, load_schema
from scripts.common.downloads import download, new_client
from scripts.common.errors import ConfigError, DownloadError
from scripts.common.http_transfer import Waits
from scripts.common.logs import start_logging
from scripts.common.sources_table import read_sources

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
SHORT = Waits(first=0.01, longest=0.02, jitter=0.01)
DIGEST = "a" * 64
OPEN_HOST = "http://mirror.invalid/a.jsonl"


# ---------------------------------------------------------------- what the configuration may say


@pytest.mark.parametrize(
    "address",
    [
        "https://me:hunter2@host.invalid/a.jsonl",
        "https://hunter2@host.invalid/a.jsonl",
        "https://host.invalid/a.jsonl?access_token=hunter2",
        "https://host.invalid/a.jsonl?download=1&X-Amz-Signature=hunter2",
        "https://host.invalid/a.jsonl?key=hunter2",
        "https://host.invalid/a.jsonl?apikey=hunter2",
        "https://host.invalid/a.jsonl?AWSAccessKeyId=hunter2",
    ],
)
def test_an_address_with_a_secret_is_refused_without_showing_it(
    tmp_path: Path, address: str
) -> None:
    table = tmp_path / "sources.tsv"
    table.write_text(f"source\tkind\tlocation\nnews\thttp\t{address}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as of_table:
        read_sources(table, SCHEMA)
    given = {"kind": "table", "location": address}
    with pytest.raises(ConfigError) as of_key:
        checked_config({"descriptors": {"input": given}}, SCHEMA)
    with pytest.raises(ConfigError) as of_misfit:
        checked_config({"descriptors": {"input": {**given, "kind": "none"}}}, SCHEMA)
    assert "sources.tsv line 2, column location: https://host.invalid/a.jsonl" in str(
        of_table.value
    )
    assert "config key descriptors.input.location: https://host.invalid" in str(of_key.value)
    for caught in (of_table, of_key, of_misfit):
        assert "hunter2" not in str(caught.value)
        assert "allowed: " in str(caught.value)


def test_plain_queries_and_encrypted_addresses_are_taken() -> None:
    location = "https://host.invalid/a.csv?download=true&sort_key=x https://[::1]/b.csv?monkey=1"
    assert not list(address_complaints(location, []))


def test_an_open_address_needs_a_digest(tmp_path: Path) -> None:
    table = tmp_path / "sources.tsv"
    table.write_text(f"source\tkind\tlocation\nnews\thttp\t{OPEN_HOST}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 2, column location: .*not encrypted, .*sha256"):
        read_sources(table, SCHEMA)
    table.write_text(
        f"source\tkind\tlocation\tsha256\nnews\thttp\t{OPEN_HOST}\t{DIGEST}\n", encoding="utf-8"
    )
    assert read_sources(table, SCHEMA)["news"]["sha256"] == [DIGEST]
    assert is_open(OPEN_HOST) and is_open("http://127.0.0.1.evil.invalid/")
    for own in ("http://127.0.0.1:1/a", "http://localhost/a", "http://[::1]/a", "https://h/a"):
        assert not is_open(own)


def test_only_addresses_of_the_web_are_fetched() -> None:
    for address in ("ftp://example.org/a.jsonl", "file:///etc/passwd", "example.org/a.jsonl"):
        (complaint,) = address_complaints(address, ["0" * 64])
        assert complaint == (
            f"{address} is no address of the web; allowed: one that begins with https:// or http://"
        )


def test_a_key_called_like_a_secret_is_named_without_its_value() -> None:
    for key in ("hf_token", "token", "api_key", "password"):
        with pytest.raises(ConfigError) as caught:
            checked_config({"corpus": {key: "hunter2 hunter2"}}, SCHEMA)
        assert f"config key corpus.{key} = … is unknown" in str(caught.value)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        checked_config({"corpus": {"lenghts": "hf_abcdefghijkl"}}, SCHEMA)
    assert "hf_abc" not in str(caught.value)
    assert not any(map(is_secret_name, ("tokens", "keyword", "author", "monkey", "max_tokens")))


# ---------------------------------------------------------------- what logs show


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Give pytest its handlers back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def test_no_line_of_a_log_shows_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_logging: None
) -> None:
    monkeypatch.setenv("HF_TOKEN", "organisation-token-1234")
    monkeypatch.setenv("MIRROR_PASSWORD", "correct horse battery")
    log = tmp_path / "step.log"
    start_logging(log)
    signed = "https://cdn.invalid/blob?X-Amz-Signature=0123abcd&Policy=x"
    try:
        raise OSError(f"403 for url: {signed} with Bearer organisation-token-1234")
    except OSError:
        logging.getLogger("step").exception("correct horse battery, hf_abcdefghijklmnop")
    text = log.read_text(encoding="utf-8")
    assert "403 for url: https://cdn.invalid/blob with Bearer …" in text
    assert "Traceback" in text
    for secret in ("organisation-token", "correct horse", "0123abcd", "hf_abcdef"):
        assert secret not in text


def test_text_without_secrets_stays_as_it_is() -> None:
    for text in ("plain", "한글 https://host/a/b.jsonl, next", "a@b.c ?token=x", "hf_home"):
        assert without_secrets(text) == text


# ---------------------------------------------------------------- what goes over the line


def test_an_open_address_is_not_fetched_without_a_digest(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"is not encrypted, .*state the file's sha256"):
        download(OPEN_HOST, tmp_path / "a.jsonl", sha256=None)


@pytest.mark.parametrize(
    "hops", [[OPEN_HOST], [OPEN_HOST, "https://host.invalid/b.jsonl"]], ids=["open end", "open hop"]
)
def test_a_redirect_over_an_open_line_is_refused(tmp_path: Path, hops: list[str]) -> None:
    ways = ["http://127.0.0.1/start", *hops]

    def answer(request: httpx.Request) -> httpx.Response:
        at = ways.index(str(request.url))
        if at + 1 < len(ways):
            return httpx.Response(302, headers={"Location": ways[at + 1]})
        return httpx.Response(200, content=b"swapped")

    transport = httpx.MockTransport(answer)
    with (
        httpx.Client(transport=transport, follow_redirects=True) as client,
        pytest.raises(DownloadError, match=r"redirects to http://mirror\.invalid/a\.jsonl without"),
    ):
        download("http://127.0.0.1/start", tmp_path / "a", sha256=None, client=client, waits=SHORT)
    assert not (tmp_path / "a").exists()


@contextmanager
def tls_server(folder: Path) -> Iterator[str]:
    """Serve over TLS with a certificate that nobody has signed; yield the address."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
    ]
    subprocess.run(command, check=True, capture_output=True)

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *arguments: Any) -> None:
            """Keep the test output clean."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/a.jsonl"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_server_with_an_unknown_certificate_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path) as url:
        with pytest.raises(DownloadError, match="check the address and the certificates") as caught:
            download(url, tmp_path / "a.jsonl", sha256=None, waits=SHORT)
        assert "\n" not in str(caught.value) and "self-signed" in str(caught.value)
        assert not (tmp_path / "a.jsonl").exists()
        # The same server is right for whom its certificate is known.
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        with new_client() as client:
            download(url, tmp_path / "a.jsonl", sha256=None, waits=SHORT, client=client)
    assert (tmp_path / "a.jsonl").read_bytes() == b"ok"
