"""A file that changed since its step left it is refused; a person's own is taken as it is."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.common.checksums import (
    BLOCK_BYTES,
    BLOCKS,
    check_inputs,
    checksum,
    note_outputs,
    note_path,
)
from scripts.common.errors import IntegrityError

LARGE = (BLOCKS + 4) * BLOCK_BYTES + 123


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(name: str, content: bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refusal(*inputs: str) -> str:
    with pytest.raises(IntegrityError) as caught:
        check_inputs(inputs)
    return str(caught.value)


def test_what_was_left_is_taken_and_another_file_of_the_same_form_is_refused() -> None:
    made("results/1.tsv", b"score\n0.5\n")
    made("results/2.tsv", b"score\n0.7\n")
    note_outputs("score_shard", ["results/1.tsv", "results/2.tsv"])
    check_inputs(["results/1.tsv", "results/2.tsv", "results/1.tsv"])
    os.utime("results/1.tsv")
    check_inputs(["results/1.tsv"])
    shutil.copy("results/2.tsv", "results/1.tsv")
    assert refusal("results/2.tsv", "results/1.tsv") == (
        "results/1.tsv was changed since score_shard made it; make it again "
        "(snakemake --force results/1.tsv) or, if that was meant, "
        "rm .snakemake/dure_checksums/results/1.tsv.json"
    )
    note_path("results/1.tsv").unlink()
    check_inputs(["results/1.tsv", "results/2.tsv"])


def test_a_table_that_is_cut_at_a_line_end_is_refused_with_its_sizes() -> None:
    made("results/t.tsv", b"score\n" + b"0.5\n" * 400)
    note_outputs("make", ["results/t.tsv"])
    made("results/t.tsv", b"score\n" + b"0.5\n" * 200)
    assert "was changed from 1,606 to 806 bytes since make made it" in refusal("results/t.tsv")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=300), place=st.integers(0, 299), bit=st.integers(0, 7))
def test_every_changed_bit_of_a_small_file_is_noticed(content: bytes, place: int, bit: int) -> None:
    made("x", content)
    note_outputs("make", ["x"])
    check_inputs(["x"])
    if content:
        changed = bytearray(content)
        changed[place % len(content)] ^= 1 << bit
        made("x", bytes(changed))
        refusal("x")


@pytest.mark.parametrize("place", [0, BLOCK_BYTES - 1, LARGE - BLOCK_BYTES, LARGE - 1])
def test_ends_of_a_large_file_count_and_its_length(place: int) -> None:
    content = bytearray(os.urandom(1000)) + bytes(LARGE - 1000)
    path = made("x", bytes(content))
    before = checksum(path)
    content[place] ^= 1
    assert checksum(made("x", bytes(content))) != before
    assert checksum(made("x", bytes(content[:-1]))).partition(":")[0] == str(LARGE - 1)


def test_large_files_of_other_contents_differ_even_where_both_ends_are_alike() -> None:
    # A foreign table differs all over; one byte in 16 MiB + 4 MiB may lie between the blocks.
    one, other = (bytes([byte]) * (LARGE - 2 * BLOCK_BYTES) for byte in (1, 2))
    end = bytes(BLOCK_BYTES)
    assert checksum(made("x", end + one + end)) != checksum(made("x", end + other + end))


def test_time_for_a_large_file_is_bounded_by_what_is_read() -> None:
    with Path("x").open("wb") as stream:
        stream.truncate(1 << 40)  # a sparse file of 1 TiB
    assert checksum(Path("x")).startswith(f"{1 << 40}:")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda folder: (folder / "a/1.json").write_text("[2]"), "a/1.json was changed"),
        (lambda folder: (folder / "b.json").unlink(), "b.json was removed"),
        (lambda folder: (folder / "c.json").write_text("[]"), "c.json was added"),
        (lambda folder: shutil.rmtree(folder / "a"), "a/1.json was removed"),
    ],
)
def test_a_folder_is_compared_file_by_file(change, told: str) -> None:
    made("results/set/a/1.json", b"[1]")
    made("results/set/b.json", b"[]")
    made("results/set/.snakemake_timestamp", b"")
    note_outputs("build_set", ["results/set"])
    made("results/set/.snakemake_timestamp", b"2")
    check_inputs(["results/set"])
    change(Path("results/set"))
    assert refusal("results/set") == (
        f"results/set/{told} since build_set made it (if that was meant: "
        "rm .snakemake/dure_checksums/results/set.json)"
    )


def test_the_remedies_can_be_copied_into_a_shell() -> None:
    made("results/it's a.tsv", b"1")
    note_outputs("make", ["results/it's a.tsv"])
    made("results/it's a.tsv", b"2")
    told = refusal("results/it's a.tsv")
    (again,) = re.findall(r"\((snakemake .*)\) or", told)
    assert shlex.split(again) == ["snakemake", "--force", "results/it's a.tsv"]
    keep = shlex.split(told[told.rindex("rm ") :])
    assert keep == ["rm", ".snakemake/dure_checksums/results/it's a.tsv.json"]


def test_what_is_gone_as_a_whole_is_told_too() -> None:
    made("x", b"1")
    note_outputs("make", ["x", "never made"])
    Path("x").unlink()
    assert refusal("never made", "x").startswith("x was removed since make made it")


def test_notes_of_files_outside_the_working_folder_stay_within_it(tmp_path: Path) -> None:
    for name in ("../out/x.tsv", f"{tmp_path}/far/x.tsv", "./x.tsv"):
        note = note_path(name)
        assert not note.is_absolute() and ".." not in note.parts
        assert note.parts[:2] == (".snakemake", "dure_checksums")
    assert note_path("../x") != note_path("x")


def test_a_note_that_is_cut_off_is_named() -> None:
    made("x", b"1")
    note_outputs("make", ["x"])
    note_path("x").write_text('{"rule"')
    assert str(note_path("x")) in refusal("x")


def test_making_an_output_again_notes_it_anew() -> None:
    made("x", b"1")
    note_outputs("make", ["x"])
    made("x", b"2")
    note_outputs("make", ["x"])
    check_inputs(["x"])
    assert json.loads(note_path("x").read_text())["files"] == {"": checksum(Path("x"))}
