"""A token lives in the environment and nowhere else, whatever becomes of the downloads."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.common.loopback import Answer, Loopback, Request, serve
from tests.corpus.test_hub_downloads import OLD, Hub
from tests.workflow.harness import snakemake

TOKEN = "hf_VerySecretTokenOfThisTest0123456789"
SIGNATURE = "SignatureOfTheStoreThatNobodyMaySee"
SOURCES = ("open", "gated", "denied", "moved", "web")


@dataclass(frozen=True)
class Downloads:
    """One run of five downloads, four of which need the token."""

    directory: Path
    printed: str
    hub: Loopback
    store: Loopback


def _answers(hub: Hub, store: list[Loopback], request: Request) -> Answer:
    """Answer for four datasets: what differs is what becomes of the file itself."""
    name = next(name for name in SOURCES if f"owner/{name}" in request.path)
    path = request.path.replace(f"owner/{name}", "owner/name")
    if "/resolve/" in path and name == "gated":
        return Answer(403, b"", {"X-Error-Code": "GatedRepo"})
    if "/resolve/" in path and name == "denied":
        return Answer(401, b"who are you?")
    answer = hub(Request(request.method, path, request.headers))
    if "/resolve/" in path and name == "moved":
        host = store[0].url.replace("127.0.0.1", "localhost")
        linked = {"X-Linked-Etag": answer.headers["ETag"], "X-Linked-Size": str(len(answer.body))}
        location = {"Location": f"{host}/blob?X-Amz-Signature={SIGNATURE}"}
        return Answer(302, b"", answer.headers | linked | location)
    return answer


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Downloads]:
    folder = tmp_path_factory.mktemp("tokens")
    rows = b"".join(json.dumps({"text": f"text {n}"}).encode() + b"\n" for n in range(3))
    hub = Hub({OLD: {"train.jsonl": rows}}, {"main": OLD})
    stores: list[Loopback] = []
    with (
        serve(lambda request: Answer(403, b"no")) as store,
        serve(lambda request: _answers(hub, stores, request)) as server,
        serve(lambda request: Answer(200, rows)) as web,
    ):
        stores.append(store)
        table = [
            *(f"{name}\thub\towner/{name}\t{OLD}" for name in SOURCES[:4]),
            f"web\thttp\t{web.url}/a.jsonl\t",
        ]
        header = "source\tkind\tlocation\trevision"
        (folder / "sources.tsv").write_text("\n".join([header, *table]) + "\n")
        (folder / "study.yaml").write_text(f"corpus: {{sources: {folder / 'sources.tsv'}}}\n")
        result = snakemake(
            *(f"results/corpus/sources/{name}/manifest.json" for name in SOURCES),
            *("--keep-going", "--configfile", str(folder / "study.yaml")),
            directory=folder / "run",
            environment={
                "HF_TOKEN": TOKEN,
                "HF_ENDPOINT": server.url,
                "HF_HOME": str(folder / "home"),
            },
        )
        assert result.returncode == 1
        yield Downloads(folder / "run", result.stdout + result.stderr, server, store)
        assert not [request for request in web.requests if "authorization" in request.headers]


def test_what_can_be_fetched_is_there_and_the_rest_is_explained(downloads: Downloads) -> None:
    manifests = downloads.directory / "results" / "corpus" / "sources"
    assert sorted(path.parent.name for path in manifests.glob("*/manifest.json")) == ["open", "web"]
    assert "dataset owner/gated: it is gated; accept its licence" in downloads.printed
    assert "dataset owner/denied: HTTP 401, access is denied; set HF_TOKEN" in downloads.printed
    assert "dataset owner/moved: HTTP 403, access is denied" in downloads.printed


def test_the_token_went_to_the_hub_alone(downloads: Downloads) -> None:
    assert downloads.store.requests
    given = {request.headers.get("authorization") for request in downloads.hub.requests}
    assert f"Bearer {TOKEN}" in given and given <= {f"Bearer {TOKEN}", None}
    for request in downloads.store.requests:
        assert TOKEN not in str(request.headers)


def test_no_file_and_no_line_holds_the_token(downloads: Downloads) -> None:
    files = [path for path in downloads.directory.parent.rglob("*") if path.is_file()]
    places = {path.relative_to(downloads.directory.parent).parts[:3] for path in files}
    for place in (("run", ".snakemake", "metadata"), ("run", ".snakemake", "log")):
        assert place in places, "Snakemake's own records are among what is searched"
    assert any("benchmarks" in place for place in places) and any("logs" in p for p in places)
    for secret in (TOKEN, SIGNATURE):
        assert secret not in downloads.printed
        assert not [path for path in files if secret.encode() in path.read_bytes()]
