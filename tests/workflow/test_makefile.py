"""The Makefile clears no environment that is another's."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.harness import ROOT


@pytest.mark.parametrize("target", ["setup", "lock"])
def test_a_linked_environment_is_left_as_it_is(tmp_path: Path, target: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "requirements.lock").write_text("")
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").touch()
    (tmp_path / ".venv").symlink_to(others)
    made = subprocess.run(
        ["make", target, f"PYTHON={sys.executable}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode != 0
    assert made.stderr.startswith(f"{target}: ")
    assert ".venv is a link to an environment that others may use" in made.stderr
    assert [path.name for path in others.iterdir()] == ["kept"]
