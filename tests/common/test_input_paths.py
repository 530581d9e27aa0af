"""What a person's location names: a path as it stands, else what its glob finds, in two places."""

from pathlib import Path

import pytest

from scripts.common.config_table import find_file
from scripts.common.errors import ConfigError
from scripts.common.input_paths import named_paths, paths_below

KEY = "classification.input.location"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The working directory and the Snakefile's folder, whose names read as globs."""
    here, basedir = tmp_path / "run [1]", tmp_path / "dure [2] *"
    here.mkdir()
    basedir.mkdir()
    monkeypatch.chdir(here)
    return here, basedir


def test_the_working_directory_comes_first_and_files_are_sorted(
    places: tuple[Path, Path],
) -> None:
    here, basedir = places
    for name in ("b.csv", "a.csv"):
        (basedir / name).touch()
    assert named_paths(KEY, "*.csv", basedir) == [f"{basedir}/a.csv", f"{basedir}/b.csv"]
    (here / "c.csv").touch()
    assert named_paths(KEY, "*.csv", basedir) == ["c.csv"]
    assert named_paths(KEY, "b.csv", basedir) == [f"{basedir}/b.csv"]


def test_a_path_that_is_there_is_taken_though_it_reads_as_a_glob(
    places: tuple[Path, Path],
) -> None:
    here, basedir = places
    (here / "rows [2025].csv").touch()
    assert named_paths(KEY, "rows [2025].csv", basedir) == ["rows [2025].csv"]
    whole = str(here / "rows [2025].csv")
    assert named_paths(KEY, whole, basedir) == [whole]


def test_folders_are_left_out_where_files_are_read_but_no_link_is(
    places: tuple[Path, Path],
) -> None:
    here, basedir = places
    (here / "in" / "saved").mkdir(parents=True)
    (here / "in" / "moved.csv").symlink_to(here / "gone.csv")
    assert named_paths(KEY, "in/*", basedir) == ["in/moved.csv", "in/saved"]
    assert named_paths(KEY, "in/*", basedir, folders=False) == ["in/moved.csv"]
    assert named_paths(KEY, "in", basedir) == ["in"]
    with pytest.raises(ConfigError, match=r"location = in names no file; correct"):
        named_paths(KEY, "in", basedir, folders=False)


def test_the_home_of_nobody_is_one_line(places: tuple[Path, Path]) -> None:
    _, basedir = places
    with pytest.raises(ConfigError, match="location = ~nobody-of-this-name/x names no file"):
        named_paths(KEY, "~nobody-of-this-name/x", basedir)
    with pytest.raises(ConfigError, match="is no file, neither in the working directory"):
        find_file("corpus.sources", "~nobody-of-this-name/x", basedir, allowed="a table")


def test_a_mark_is_filled_and_the_message_shows_both(places: tuple[Path, Path]) -> None:
    here, basedir = places
    (here / "D0.jsonl").touch()
    marks = {"session": "D0"}
    assert named_paths(KEY, "{session}.jsonl", basedir, marks=marks) == ["D0.jsonl"]
    with pytest.raises(ConfigError, match=r"= x/\{session\} names no file for session D0; correct"):
        named_paths(KEY, "x/{session}", basedir, marks=marks)


def test_files_of_a_source_are_found_below_a_folder_that_reads_as_a_glob(
    places: tuple[Path, Path],
) -> None:
    here, _ = places
    for name in ("b [1].csv", "a.csv"):
        (here / name).touch()
    (here / "folder.csv").mkdir()
    assert paths_below(here, "*.csv", folders=False) == [f"{here}/a.csv", f"{here}/b [1].csv"]
    assert paths_below(here, "b [1].csv", folders=False) == [f"{here}/b [1].csv"]
    assert paths_below(here, "c.csv", folders=False) == []
