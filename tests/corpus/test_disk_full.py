"""No space left at any moment of any writer: nothing half is taken for whole, and one line says so.

Space runs out in two ways: a limit on file sizes in a process of its own (RLIMIT_FSIZE, any
machine), and a real disk of a few megabytes (tmpfs, where the machine lets the test mount one).
"""

import hashlib
import json
import multiprocessing
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasets import load_from_disk

from scripts.common.arrays import read_arrays, write_arrays
from scripts.common.arrow_dataset import SplitWriter
from scripts.common.downloads import download
from scripts.common.errors import DownloadError, OutputError
from scripts.common.files import atomic_folder, private_folder, write_json
from scripts.common.out_of_core import connect
from scripts.common.tables import read_table, write_table
from scripts.corpus.shard_source import run as shard_source
from scripts.corpus.spool import Spool
from tests.common.loopback import file_answer, serve
from tests.common.small_disk import small_disk
from tests.corpus.builders import write_jsonl, write_manifest

BYTES = pa.schema([("key", pa.uint64()), ("doc_id", pa.string()), ("text", pa.binary())])
BODY = hashlib.shake_256(b"body").digest(300_000)


def rows(count: int, size: int) -> pa.Table:
    """Rows that no compression makes smaller."""
    texts = [hashlib.shake_256(str(n).encode()).digest(size) for n in range(count)]
    keys = pa.array(range(count), pa.uint64())
    return pa.table([keys, [str(n) for n in range(count)], texts], schema=BYTES)


def parquet(folder: Path) -> None:
    write_table(folder / "made.parquet", rows(300, 1000), BYTES)


def text(folder: Path) -> None:
    write_json(folder / "made.json", {"a": BODY.hex()})


def dataset(folder: Path) -> None:
    with (
        atomic_folder(folder / "made") as partial,
        SplitWriter(partial, BYTES, ("train", "test"), rows_per_file=120) as writer,
    ):
        for row in rows(300, 1000).to_pylist():
            writer.add("train" if row["key"] % 3 else "test", row)


def spool(folder: Path) -> None:
    with private_folder(folder) as place, Spool(place / "s", BYTES, run_bytes=40_000) as sorter:
        for batch in rows(300, 1000).to_batches(max_chunksize=10):
            sorter.add(batch)
        sorter.finish()
        assert sum(part.num_rows for part in sorter.sorted_range(0, 1 << 64)) == 300
    (folder / "made").write_text("sorted")


def shards(folder: Path) -> None:
    """The step itself: spool, shards, manifest."""
    shard_source(
        shards_input(folder),
        folder / "documents",
        folder / "made.json",
        folder / "unreadable.parquet",
        source="s",
        shards=2,
        text_fields=["text"],
        separator=" ",
        id_field="",
        txt_unit="file",
        max_documents=1000,
        tmpdir=folder / "tmp",
    )


def shards_input(folder: Path) -> Path:
    """The manifest of what `shards` reads, outside the small disk, made once."""
    inputs = folder.with_name(f"{folder.name}-input")
    if not (inputs / "manifest.json").exists():
        lines = [{"text": BODY[n * 900 :][:900].hex()} for n in range(300)]
        write_manifest(inputs, [write_jsonl(inputs / "a.jsonl", lines)])
    return inputs / "manifest.json"


def arrays(folder: Path) -> None:
    """A library in Rust, with errors of its own class."""
    write_arrays(folder / "made.safetensors", {"body": np.frombuffer(BODY, np.uint8)})


WRITERS: dict[str, Callable[[Path], None]] = {
    writer.__name__: writer for writer in (parquet, text, dataset, spool, shards, arrays)
}


def whole(name: str, folder: Path) -> bool:
    """Tell whether the result is there; what is there must be complete."""
    if name == "parquet" and (folder / "made.parquet").exists():
        assert read_table(folder / "made.parquet", BYTES).equals(rows(300, 1000))
        return True
    if name == "text" and (folder / "made.json").exists():
        assert json.loads((folder / "made.json").read_text()) == {"a": BODY.hex()}
        return True
    if name == "dataset" and (folder / "made").exists():
        assert sum(map(len, load_from_disk(str(folder / "made")).values())) == 300
        return True
    if name == "shards" and (folder / "made.json").exists():
        for entry in json.loads((folder / "made.json").read_text())["shards"]:
            path = folder / "documents" / entry["path"]
            assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
        return True
    if name == "arrays" and (folder / "made.safetensors").exists():
        assert read_arrays(folder / "made.safetensors", ["body"])["body"].tobytes() == BODY
        return True
    return name == "spool" and (folder / "made").exists()


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith((".part", "dure-"))]


def _attempt(name: str, folder: Path, limit: int, answer) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        WRITERS[name](folder)
    except OutputError as error:
        answer.send(str(error))
    else:
        answer.send("")


def with_file_limit(name: str, folder: Path, limit: int) -> str:
    """Write in a process whose files may have `limit` bytes; return the message, "" for none."""
    shards_input(folder)
    receive, send = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=_attempt, args=(name, folder, limit, send)
    )
    process.start()
    send.close()
    message = receive.recv()
    process.join()
    return message


@pytest.mark.parametrize("name", WRITERS)
def test_a_limit_anywhere_in_a_file_leaves_nothing_half(tmp_path, name):
    stopped = 0
    for limit in (0, 1, 100, 5_000, 40_000, 100_000, 150_000, 250_000, 299_000, 330_000, 10**9):
        folder = tmp_path / str(limit)
        folder.mkdir()
        message = with_file_limit(name, folder, limit)
        assert whole(name, folder) is (message == "")
        assert left_over(folder) == []
        if message:
            stopped += 1
            assert str(folder) in message and "File too large" in message
            assert "\n" not in message and "run again" in message
    assert 4 <= stopped < 11


def test_a_full_disk_leaves_nothing_half_and_room_makes_it_whole(tmp_path):
    for name, write in WRITERS.items():
        with small_disk(tmp_path / name, "900k") as disk:
            ballast = disk / "ballast"
            for free in (0, 50_000, 200_000):
                ballast.write_bytes(b"")
                ballast.write_bytes(bytes(os.statvfs(disk).f_bavail * 4096 - free))
                with pytest.raises(OutputError, match="No space left on device") as caught:
                    write(disk)
                assert str(disk) in str(caught.value) and "\n" not in str(caught.value)
                assert not whole(name, disk)
                assert left_over(disk) == []
            ballast.unlink()
            if name not in ("spool", "shards"):  # which need the room twice
                write(disk)
                assert whole(name, disk)


def test_a_sort_that_finds_no_room_is_one_line(tmp_path):
    query = "SELECT * FROM (SELECT md5(i::VARCHAR) m FROM range(3000000) r(i)) ORDER BY m"
    with small_disk(tmp_path / "disk", "8m") as disk:
        with pytest.raises(OutputError) as caught:
            with connect(disk, mem_mb=60, threads=1) as database:
                database.execute(query).fetchmany(1)
        message = str(caught.value)
        assert str(disk) in message and "\n" not in message and "TMPDIR" in message
        assert left_over(disk) == []


def test_a_download_onto_a_full_disk_goes_on_where_room_ended(tmp_path):
    digest = hashlib.sha256(BODY).hexdigest()
    with (
        small_disk(tmp_path / "disk", "900k") as disk,
        serve(lambda request: file_answer(request, BODY)) as server,
    ):
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(os.statvfs(disk).f_bavail * 4096 - 120_000))
        with pytest.raises(DownloadError, match=r"cannot be written.*No space left.*free space"):
            download(f"{server.url}/a.jsonl", disk / "a.jsonl", sha256=digest)
        assert not (disk / "a.jsonl").exists()
        reached = (disk / "a.jsonl.part").stat().st_size
        assert BODY[:reached] == (disk / "a.jsonl.part").read_bytes() and reached > 50_000
        ballast.unlink()
        download(f"{server.url}/a.jsonl", disk / "a.jsonl", sha256=digest)
        assert (disk / "a.jsonl").read_bytes() == BODY
    assert server.requests[-1].headers["range"] == f"bytes={reached}-"


def test_a_step_on_a_full_disk_ends_in_one_line(tmp_path):
    """As a program: exit code 1, the line, no traceback."""
    with small_disk(tmp_path / "disk", "64k") as disk:
        arguments = {"--manifest": str(disk / "manifest.json"), "--kind": "demo"}
        arguments |= {"--source": "s", "--location": "", "--subset": "None", "--split": "None"}
        arguments |= {"--revision": "None", "--demo-articles": "100", "--seed": "0"}
        command = [sys.executable, "-m", "scripts.corpus.fetch_source"]
        command += [word for pair in arguments.items() for word in pair]
        result = subprocess.run(
            [*command, "--local-files", "--sha256"], capture_output=True, text=True, check=False
        )
        assert result.returncode == 1
        assert "Traceback" not in result.stderr
        assert result.stderr.strip().splitlines()[-1].endswith("and run again")
        assert "demo.jsonl cannot be written (No space left on device)" in result.stderr
        assert not (disk / "manifest.json").exists()


def test_other_failures_of_the_system_keep_their_own_name(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(FileExistsError):
        write_json(tmp_path / "a" / "b.json", 1)
