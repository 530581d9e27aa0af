"""Saves of a long step: the newest whole one counts, and only one of the same settings."""

from pathlib import Path

import pytest

from scripts.common.saves import KeyedSaves, save_key


def save(saves: KeyedSaves, step: int) -> None:
    with saves.writing(step) as folder:
        (folder / "state").write_text(str(step), encoding="utf-8")


def test_newest_by_number_and_older_ones_gone(tmp_path):
    saves = KeyedSaves(tmp_path / "saves", "a")
    assert saves.newest() is None
    for step in (9, 10):
        save(saves, step)
    newest = saves.newest()
    assert newest is not None
    assert (newest / "state").read_text(encoding="utf-8") == "10"
    assert [path.name for path in (tmp_path / "saves/a").iterdir()] == ["step-000000010"]
    saves.clear()
    assert list(tmp_path.iterdir()) == []


def test_half_a_save_leaves_the_one_before(tmp_path):
    saves = KeyedSaves(tmp_path, "a")
    save(saves, 3)

    def fail() -> None:
        with saves.writing(4) as folder:
            (folder / "state").write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert saves.newest() == tmp_path / "a" / "step-000000003"


def test_saves_of_other_settings_are_removed(tmp_path):
    save(KeyedSaves(tmp_path, "a"), 3)
    assert KeyedSaves(tmp_path, "b").newest() is None
    assert list(tmp_path.iterdir()) == []


def test_key_follows_values_and_not_their_order():
    assert save_key({"a": 1, "b": None}) == save_key({"b": None, "a": 1})
    assert save_key({"a": 1}) != save_key({"a": 2})
    assert Path(save_key({"a": "값"})).name.isalnum()
