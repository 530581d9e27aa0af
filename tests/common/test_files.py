"""A reader never sees half a file, and a damaged one is named."""

import copy
import hashlib
import json
import multiprocessing
import os
import pickle
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import IntegrityError
from scripts.common.files import (
    atomic_file,
    atomic_folder,
    folder_sha256,
    manifest_entry,
    private_folder,
    read_json,
    sha256_file,
    write_json,
    write_text,
)


class PlannedError(Exception):
    """What the tests throw in the middle of a write."""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_file_appears_whole_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b" / "made.txt"
    with atomic_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert names(path.parent) == {"made.txt"}


@pytest.mark.parametrize("stop", [PlannedError, KeyboardInterrupt, SystemExit])
def test_failure_keeps_the_old_file_and_no_partial(tmp_path, stop):
    path = tmp_path / "made.txt"
    path.write_text("old")

    def write():
        with atomic_file(path) as partial:
            partial.write_text("half")
            raise stop

    with pytest.raises(stop):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == {"made.txt"}


def test_failure_before_anything_is_written_is_the_failure(tmp_path):
    with pytest.raises(PlannedError), atomic_file(tmp_path / "made.txt"):
        raise PlannedError
    assert names(tmp_path) == set()


def test_block_that_writes_nothing_is_an_error(tmp_path):
    (tmp_path / "made.txt").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "made.txt"):
        pass
    assert (tmp_path / "made.txt").read_text() == "old"


def test_partial_name_keeps_the_suffix_and_hides(tmp_path):
    """Writers choose formats by the suffix, and globs such as `*.parquet` must not find it."""
    with atomic_file(tmp_path / "table.parquet") as partial:
        partial.write_text("x")
        assert partial.suffix == ".parquet"
        assert list(tmp_path.glob("[!.]*")) == []
        assert partial.parent == tmp_path


def test_folder_takes_the_place_of_the_old_one(tmp_path):
    path = tmp_path / "made"
    path.mkdir()
    (path / "old.txt").write_text("old")
    with atomic_folder(path) as partial:
        (partial / "new.txt").write_text("new")
        assert names(path) == {"old.txt"}
    assert names(path) == {"new.txt"}
    assert names(tmp_path) == {"made"}


def test_failed_folder_keeps_the_old_one(tmp_path):
    path = tmp_path / "made"
    path.mkdir()
    (path / "old.txt").write_text("old")

    def write():
        with atomic_folder(path) as partial:
            (partial / "new.txt").write_text("new")
            raise PlannedError

    with pytest.raises(PlannedError):
        write()
    assert names(path) == {"old.txt"}
    assert names(tmp_path) == {"made"}


def _write_and_hang(path: Path, ready) -> None:
    with atomic_file(path) as partial:
        partial.write_text("half")
        ready.set()
        signal.pause()


def test_killed_writer_leaves_the_old_file_and_the_next_one_succeeds(tmp_path):
    path = tmp_path / "made.txt"
    path.write_text("old")
    ready = multiprocessing.Event()
    writer = multiprocessing.Process(target=_write_and_hang, args=(path, ready))
    writer.start()
    assert ready.wait(20)
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_private_folders_are_apart_and_go_away(tmp_path):
    def work():
        with private_folder(tmp_path / "x") as one, private_folder(tmp_path / "x") as other:
            assert one != other
            (one / "file").write_text("")
            raise PlannedError

    with pytest.raises(PlannedError):
        work()
    assert names(tmp_path / "x") == set()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("가a", max_size=3), inner),
    )
)
def test_json_comes_back(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_same_value_gives_the_same_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"나": 1, "가": [1, {"z": 0, "y": 0}]})
    write_json(tmp_path / "b.json", {"가": [1, {"y": 0, "z": 0}], "나": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "나" in (tmp_path / "a.json").read_text("utf-8")


def test_value_that_json_cannot_hold_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, 1)
    with pytest.raises(TypeError):
        write_json(path, {"a": {1, 2}})
    assert read_json(path) == 1
    assert names(tmp_path) == {"a.json"}


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"{'a': 1}", b'"\xff"', b"\x00"])
def test_damaged_json_is_named_with_a_remedy(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        read_json(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is not valid JSON")
    assert message.endswith("delete it and run again")
    assert "\n" not in message


def test_missing_json_is_named(tmp_path):
    with pytest.raises(IntegrityError, match=r"gone.json is missing; run the step that makes it"):
        read_json(tmp_path / "gone.json")


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 1])
def test_digest_of_a_file_is_that_of_its_bytes(tmp_path, size):
    content = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "f").write_bytes(content[:size])
    assert sha256_file(tmp_path / "f") == hashlib.sha256(content[:size]).hexdigest()


def test_manifest_entry_describes_the_file(tmp_path):
    path = tmp_path / "f.txt"
    path.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert manifest_entry(path, rows=3, name="f.txt") == {
        "path": "f.txt",
        "rows": 3,
        "bytes": 3,
        "sha256": digest,
    }
    assert json.loads(json.dumps(manifest_entry(path, rows=None)))["path"] == str(path)


def test_digest_of_a_folder_sees_names_and_contents_but_no_order(tmp_path):
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).write_text(text)
    files = [tmp_path / "a", tmp_path / "b"]
    before = folder_sha256(tmp_path, files)
    assert folder_sha256(tmp_path, reversed(files)) == before
    (tmp_path / "a").write_text("2")
    (tmp_path / "b").write_text("1")
    assert folder_sha256(tmp_path, files) != before


def test_a_writer_that_outlives_its_run_cannot_touch_the_next_ones_file(tmp_path):
    """A step may go on after its Snakemake was killed, and the rerun writes the same file."""
    path = tmp_path / "made.txt"
    orphan = atomic_file(path)
    with orphan_stream(orphan) as old:
        with atomic_file(path) as partial:
            partial.write_text("new, half")
            old.write("old")
            old.flush()
            with pytest.raises(FileNotFoundError):
                orphan.__exit__(None, None, None)
            assert not path.exists()
            partial.write_text("new")
        assert path.read_text() == "new"
    assert names(tmp_path) == {"made.txt"}


def orphan_stream(orphan):
    return orphan.__enter__().open("w")


def test_a_folder_that_outlives_its_run_cannot_take_the_next_ones_place(tmp_path):
    path = tmp_path / "made"
    orphan = atomic_folder(path)
    old = orphan.__enter__()
    (old / "old.txt").write_text("old")
    with atomic_folder(path) as partial:
        assert names(partial) == set()
        with pytest.raises(FileNotFoundError):
            (old / "more.txt").write_text("old")
        with pytest.raises(FileNotFoundError):
            orphan.__exit__(None, None, None)
        assert not path.exists()
        (partial / "new.txt").write_text("new")
    assert names(path) == {"new.txt"}
    assert names(tmp_path) == {"made"}


def test_what_a_killed_writer_left_goes_with_the_next_one_and_nothing_else(tmp_path):
    left = tmp_path / ".part.0123456789abcdef.made.txt"
    others = {".part.0123456789abcdef.remade.txt", ".part.made.txt", ".part.x.made.txt"}
    for name in {left.name, *others}:
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "made.txt", "new")
    assert names(tmp_path) == {"made.txt", *others}


def test_an_object_of_another_form_is_named_with_its_file(tmp_path):
    path = tmp_path / "metrics.json"
    write_json(path, {"a": 1, "inner": {"b": 2}})
    read = read_json(path)
    assert read == {"a": 1, "inner": {"b": 2}} and read.get("c") is None and "c" not in read
    for content in (read, pickle.loads(pickle.dumps(read)), copy.deepcopy(read)):
        with pytest.raises(IntegrityError) as caught:
            content["test"]
        assert str(caught.value) == (
            f"{path} has no 'test', so it is another file than this step reads; delete it and run "
            "again"
        )
    with pytest.raises(KeyError):  # as of any mapping
        read["test"]
    write_json(tmp_path / "again.json", read)
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    write_json(path, [1])
    assert read_json(path) == [1]
