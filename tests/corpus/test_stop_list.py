"""The file of entities that give no sample: what it may hold, and what is refused."""

import unicodedata
from pathlib import Path

import pytest

from scripts.common.errors import ConfigError
from scripts.corpus.stop_list import read_stop_list


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "stop.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_spaces_comments_and_spelling_do_not_matter(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "한국은행")
    lines = [
        "\ufeff서울",
        " 국립 중앙 박물관 ",
        "# names that are none",
        f"{decomposed}  # the central bank",
        "서울",
        "SK하이닉스\r",
    ]
    expected = {"서울", "국립중앙박물관", "한국은행", "SK하이닉스"}
    for end in ("", "\n"):
        assert read_stop_list(written(tmp_path, "\n".join(lines) + end)) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("서울\n\n부산\n", r"stop list .*stop\.txt line 2 is empty; write an entity"),
        ("서울\n \t\u200b\n", "line 2 is empty"),
        ("서울\n\n", "line 2 is empty"),
        ("", "line 1 is empty"),
        ("# nothing yet\n", "names no entity; add one, or set corpus.entity_coref.stop_list to"),
        ("서울\n".encode("cp949"), r"stop\.txt is not UTF-8 .*; save it as UTF-8"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read_stop_list(written(tmp_path, content))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gone.txt", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(.+\); correct corpus\.entity_coref"):
        read_stop_list(tmp_path / name)
