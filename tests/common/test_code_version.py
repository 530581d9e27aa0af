"""A logic edit changes the version of exactly the scripts that import it; nothing else does."""

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.common.code_version import code_version, module_closure

ROOT = Path(__file__).parents[2]
PACKAGE = {
    "__init__": "",
    "common/__init__": "",
    "common/logs": "FORMAT = 1",
    "common/progress": "from scripts.common import deep\nEVERY = 1",
    "common/deep": '"""What it is."""\n\ndef depth():\n    """Say it."""\n    return 1\n',
    "common/middle": "from scripts.common import deep\ndef twice():\n    return 2 * deep.depth()",
    "common/late": "VALUE = 1",
    "common/lonely": "VALUE = 1",
    "track/__init__": "VALUE = 1",
    "track/near": "VALUE = 1",
    "track/one": "import scripts.common.middle\nfrom scripts.common.logs import FORMAT\n",
    "track/two": "def run():\n    from scripts.common.late import VALUE\n\n    return VALUE\n",
    "track/three": "from scripts.track import near\nfrom scripts.common.progress import EVERY\n",
    "other/__init__": "",
    "other/four": "import json\n\n\ndef run(value):\n    return json.dumps(value)  # text\n",
    "other/five": "from scripts.common.middle import twice as both\n\nclass A:\n    pass\n",
}
ENTRIES = ("track/one", "track/two", "track/three", "other/four", "other/five")


@pytest.fixture
def project(tmp_path):
    for name, text in PACKAGE.items():
        path = tmp_path / "scripts" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "page.html").write_text("<p>")
    return tmp_path


def versions(root):
    return {name: code_version(f"scripts/{name}.py", root=root) for name in ENTRIES}


def edit(root, name, old, new):
    path = root / "scripts" / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    later = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(later, later))


def changed(root, before):
    after = versions(root)
    return {name for name in ENTRIES if after[name] != before[name]}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("track/one", "", ""),
        ("common/deep", "", "# why\n"),
        ("common/deep", "return 1", "return 1  # because"),
        ("common/deep", '"""What it is."""', '"""What it was."""'),
        ("common/deep", '    """Say it."""\n', ""),
        ("common/deep", '    """Say it."""', "    '''Say\n    it.'''"),
        ("common/deep", "return 1", "return (\n        1\n    )"),
        ("other/four", "json.dumps(value)", "json.dumps( value, )"),
        ("other/five", "class A:\n    pass", 'class A:\n    """It."""\n\n    pass'),
        ("common/middle", "2 * deep", "2*deep"),
    ],
    ids=range(10),
)
def test_touch_comment_docstring_and_format_change_nothing(project, name, old, new):
    before = versions(project)
    edit(project, name, old, new)
    assert changed(project, before) == set()


@pytest.mark.parametrize(
    ("name", "old", "new", "stale"),
    [
        ("other/four", "(value)", "(value, indent=1)", {"other/four"}),
        ("other/four", "dumps(value)", "dumps(*value)", {"other/four"}),
        ("other/four", "dumps(value)", "dumps(value[1:])", {"other/four"}),
        ("other/four", "def run", "async def run", {"other/four"}),
        ("common/middle", "2 *", "3 *", {"track/one", "other/five"}),
        ("common/deep", "return 1", "return 2", {"track/one", "other/five"}),
        ("common/deep", "return 1", "return 1.0", {"track/one", "other/five"}),
        ("common/deep", "return 1", "return '1'", {"track/one", "other/five"}),
        ("common/late", "1", "2", {"track/two"}),
        ("track/near", "1", "2", {"track/three"}),
        ("track/__init__", "1", "2", {"track/three"}),
        ("common/__init__", "", "A = 1", set(ENTRIES) - {"other/four"}),
        ("common/lonely", "1", "2", set()),
        ("common/logs", "1", "2", set()),
        ("common/progress", "1", "2", set()),
    ],
)
def test_logic_edit_changes_exactly_the_importers(project, name, old, new, stale):
    before = versions(project)
    edit(project, name, old, new)
    assert changed(project, before) == stale
    edit(project, name, new, old)
    assert changed(project, before) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value[1:]", "value[:1]"),
        ("[[value], run]", "[[value, run]]"),
        ("f(value, key=1)", "f(value, **{'key': 1})"),
        ("{**value, 1: 2}", "{1: 2, **value}"),
        ("lambda a, *b: a", "lambda *b, a: a"),
        ("'a', 'b'", "'a' 'b'"),
        ("None", "'None'"),
        ("(value := 1)", "value == 1"),
    ],
)
def test_places_and_kinds_of_the_parts_count(project, old, new):
    edit(project, "other/four", "json.dumps(value)", old)
    before = versions(project)
    edit(project, "other/four", old, new)
    assert changed(project, before) == {"other/four"}


def test_exempt_module_does_not_hide_what_is_imported_elsewhere(project):
    """`track/three` reaches `deep` through `progress` only, which shapes nothing that it writes."""
    before = versions(project)
    edit(project, "common/deep", "1", "5")
    assert "track/three" not in changed(project, before)


def test_new_module_in_place_of_a_package_is_seen(project):
    before = versions(project)
    (project / "scripts/track/near.py").rename(project / "scripts/track/nearer.py")
    edit(project, "track/three", "import near", "import nearer as near")
    assert changed(project, before) == {"track/three"}


def test_relative_import_in_a_helper_is_followed(project):
    (project / "scripts/track/near.py").write_text("from .beside import B\nfrom . import apart\n")
    (project / "scripts/track/beside.py").write_text("B = 1")
    (project / "scripts/track/apart.py").write_text("C = 1")
    before = versions(project)
    edit(project, "track/beside", "1", "2")
    assert changed(project, before) == {"track/three"}
    before = versions(project)
    edit(project, "track/apart", "1", "2")
    assert changed(project, before) == {"track/three"}


def test_circular_imports_end(project):
    edit(project, "common/deep", '"""What it is."""', "import scripts.common.middle")
    closure = module_closure(project / "scripts/track/one.py", project)
    assert [path.relative_to(project / "scripts").as_posix() for path in closure] == [
        "__init__.py",
        "common/__init__.py",
        "common/deep.py",
        "common/middle.py",
        "track/one.py",
    ]


def test_version_of_a_package_counts_where_it_is_named(project, monkeypatch):
    script = "scripts/other/four.py"

    def version(*packages):
        return code_version(script, root=project, packages=packages)

    plain, numpy = version(), version("numpy")
    assert plain != numpy
    assert version("numpy", "pyarrow") == version("pyarrow", "numpy")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0")
    assert version() == plain
    assert version("numpy") != numpy
    monkeypatch.undo()
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        version("no-such-package-here")


def test_contents_of_a_named_file_count(project):
    def version():
        return code_version("scripts/other/four.py", root=project, files=["page.html"])

    before = version()
    os.utime(project / "page.html", ns=(1, 1))
    assert version() == before
    (project / "page.html").write_text("<p >")
    assert version() != before
    (project / "page.html").unlink()
    with pytest.raises(FileNotFoundError):
        version()


def test_version_depends_on_no_folder_and_no_hash_seed(project, tmp_path):
    program = (
        "from pathlib import Path; from scripts.common.code_version import code_version as v;"
        f"print([v(f'scripts/{{n}}.py', root=Path({str(project)!r}), packages=['numpy', 'pyarrow'])"
        f" for n in {ENTRIES!r}])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(printed) == 1
    before = versions(project)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (project / "scripts").rename(moved / "scripts")
    assert versions(moved) == before


def test_version_is_sixteen_hexadecimal_digits(project):
    for version in versions(project).values():
        assert len(version) == 16
        int(version, 16)
