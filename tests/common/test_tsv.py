"""Tables with tabs are read back as they were written; a cut one is refused by name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.errors import IntegrityError
from scripts.common.tsv import read_tsv, write_tsv

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_was_written_is_read(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("tsv") / "a.tsv"
    write_tsv(path, ("이름", "n"), rows)
    assert read_tsv(path) == (["이름", "n"], [list(row) for row in rows])


def test_a_table_that_is_cut_within_a_line_is_refused_wherever_that_is(tmp_path: Path):
    path = tmp_path / "a.tsv"
    write_tsv(path, ("이름", "n"), [("가나", 10), ("a b", 200)])
    whole = path.read_bytes()
    for kept in range(1, len(whole)):
        path.write_bytes(whole[:kept])
        if whole[:kept].endswith(b"\n"):
            assert len(read_tsv(path)[1]) < 2  # nothing in the file tells
            continue
        with pytest.raises(IntegrityError, match=rf"{path}.*delete it and run again"):
            read_tsv(path)


def test_a_row_of_another_length_and_a_missing_file_are_named(tmp_path: Path):
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n1\t2\n3\n")
    with pytest.raises(IntegrityError, match=r"a\.tsv row 3 has 1 cells in place of 2"):
        read_tsv(path)
    with pytest.raises(IntegrityError, match="is missing; run the step that makes it again"):
        read_tsv(tmp_path / "none.tsv")
