"""A step's arguments come by name from the rule, or not at all; failures end as they should."""

import errno
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, ResourceList, Wildcards

from scripts.common.entry import ContractError, arguments_from_job, whole_folder
from scripts.common.logs import refusal

ROOT = Path(__file__).parents[2]
ENTRIES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "scripts").rglob("*.py")
    if re.search(r"^    entry\(run, globals\(\)", path.read_text("utf-8"), re.MULTILINE)
)


def files(kind, *unnamed, **named):
    """Return Snakemake's own list: a string is one file, a list is a named group of files."""
    items = kind(toclone=list(unnamed))
    for name, value in named.items():
        start = len(items)
        if isinstance(value, list):
            items.extend(value)
            items._set_name(name, start, end=len(items))
        else:
            items.append(value)
            items._set_name(name, start)
    return items


def job(*, inputs=None, outputs=None, params=None, wildcards=None, **rest):
    return SimpleNamespace(
        rule="make_it",
        input=inputs if inputs is not None else files(InputFiles),
        output=outputs if outputs is not None else files(OutputFiles),
        params=Params(fromdict=params or {}),
        wildcards=Wildcards(fromdict=wildcards or {}),
        resources=ResourceList(fromdict={"tmpdir": "/scratch", "mem_mb": 700}),
        threads=3,
        log=Log(),
        **rest,
    )


def test_names_come_from_inputs_outputs_params_and_the_offered_ones():
    def run(
        shard: Path, scores: Path, *, min_ratio: float, length: int, threads: int, tmpdir: Path
    ) -> None: ...

    arguments = arguments_from_job(
        run,
        job(
            inputs=files(InputFiles, shard="in.parquet"),
            outputs=files(OutputFiles, scores="out.parquet"),
            params={"min_ratio": 0.4, "code": "b36d"},
            wildcards={"length": "512", "unused": "x"},
        ),
    )
    assert arguments == {
        "shard": Path("in.parquet"),
        "scores": Path("out.parquet"),
        "min_ratio": 0.4,
        "length": 512,
        "threads": 3,
        "tmpdir": Path("/scratch"),
    }
    assert type(arguments["length"]) is int


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["a"], [Path("a")]),
        (["a", "b"], [Path("a"), Path("b")]),
        ([], []),
        ("a", [Path("a")]),
    ],
)
def test_list_of_files(given, wanted):
    def run(shards: list[Path]) -> None: ...

    assert arguments_from_job(run, job(inputs=files(InputFiles, shards=given))) == {
        "shards": wanted
    }


@pytest.mark.parametrize(("given", "wanted"), [([], None), ("a", Path("a"))])
def test_file_that_may_be_absent(given, wanted):
    def run(model: Path | None) -> None: ...

    assert arguments_from_job(run, job(inputs=files(InputFiles, model=given))) == {"model": wanted}


def test_empty_and_full_groups_side_by_side_keep_their_files():
    def run(first: list[Path], none: Path | None, one: list[Path], last: Path) -> None: ...

    inputs = files(InputFiles, first=["a", "b"], none=[], one=["c"], last="d")
    assert arguments_from_job(run, job(inputs=inputs)) == {
        "first": [Path("a"), Path("b")],
        "none": None,
        "one": [Path("c")],
        "last": Path("d"),
    }


def test_params_keep_their_types():
    def run(
        *,
        limits: dict[str, float],
        names: list[str],
        sizes: list[int],
        ceiling: int | str,
        word: int | str,
        off: int | None,
        flag: bool,
        text: str,
    ) -> None: ...

    given = {
        "limits": {"a": 0.5},
        "names": ["x"],
        "sizes": [1, 2],
        "ceiling": 2500,
        "word": "measured",
        "off": None,
        "flag": False,
        "text": "가",
    }
    arguments = arguments_from_job(run, job(params=given))
    assert arguments == given
    assert arguments["flag"] is False


@pytest.mark.parametrize(
    ("hint", "wanted"), [(int, 7), (float, 7.0), (str, "7"), (Path, Path("7"))]
)
def test_wildcard_has_the_annotated_type(hint, wanted):
    def run(*, number) -> None: ...

    run.__annotations__["number"] = hint
    (value,) = arguments_from_job(run, job(wildcards={"number": "7"})).values()
    assert value == wanted
    assert type(value) is type(wanted)


def test_file_shadows_the_wildcard_of_its_name():
    def run(shard: Path) -> None: ...

    shadowed = job(inputs=files(InputFiles, shard="x/3.parquet"), wildcards={"shard": "3"})
    assert arguments_from_job(run, shadowed) == {"shard": Path("x/3.parquet")}


def test_what_only_tells_what_is_stale_is_not_owed_to_the_script():
    def run(shard: Path) -> None: ...

    told = job(inputs=files(InputFiles, shard="a", digests=["b", "c"]), params={"code": "1"})
    assert arguments_from_job(run, told) == {"shard": Path("a")}


def test_home_folder_is_expanded(monkeypatch):
    def run(model: Path) -> None: ...

    monkeypatch.setenv("HOME", "/home/somebody")
    (model,) = arguments_from_job(run, job(params={"model": "~/m"})).values()
    assert model == Path("/home/somebody/m")
    (model,) = arguments_from_job(run, job(params={"model": "~nobody-of-this-name.csv"})).values()
    assert model == Path("~nobody-of-this-name.csv")


def test_default_stands_where_the_rule_is_silent():
    def run(shard: Path, *, revision: str | None = None, seed: int = 4) -> None: ...

    assert arguments_from_job(run, job(inputs=files(InputFiles, shard="a"))) == {"shard": Path("a")}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (job(), "rule make_it does not fit its script: left over [], missing ['limit', 'shard']"),
        (
            job(inputs=files(InputFiles, shard="a"), params={"limit": 1, "limits": 2}),
            "rule make_it does not fit its script: left over ['limits'], missing []",
        ),
        (
            job(inputs=files(InputFiles, shrad="a"), params={"limit": 1}),
            "rule make_it does not fit its script: left over ['shrad'], missing ['shard']",
        ),
        (
            job(inputs=files(InputFiles, "b", shard="a"), params={"limit": 1}),
            "rule make_it: 1 input entries have no name",
        ),
        (
            job(inputs=files(InputFiles, shard="a"), outputs=files(OutputFiles, "x", "y")),
            "rule make_it: 2 output entries have no name",
        ),
        (
            job(inputs=files(InputFiles, shard="a"), outputs=files(OutputFiles, shard="b")),
            "rule make_it: the name 'shard' stands twice",
        ),
        (
            job(inputs=files(InputFiles, shard="a", limit="b"), params={"limit": 1}),
            "rule make_it: the name 'limit' stands twice",
        ),
        (
            job(inputs=files(InputFiles, shard=["a", "b"]), params={"limit": 1}),
            "rule make_it: 'shard' is one file in the script, but the rule gives 2",
        ),
        (
            job(inputs=files(InputFiles, shard=[]), params={"limit": 1}),
            "rule make_it: 'shard' is one file in the script, but the rule gives 0",
        ),
        (
            job(inputs=files(InputFiles, shard="a"), params={"limit": None}),
            "rule make_it: 'limit' is None, which the script does not allow",
        ),
    ],
)
def test_disagreement_of_rule_and_script_is_an_error_before_any_work(given, message):
    def run(shard: Path, *, limit: int) -> None:
        pytest.fail("the step ran")

    with pytest.raises(ContractError) as caught:
        arguments_from_job(run, given)
    assert str(caught.value) == message


def test_version_of_the_code_is_for_snakemake_alone():
    def run(*, code: str) -> None: ...

    with pytest.raises(ContractError, match="missing \\['code'\\]"):
        arguments_from_job(run, job(params={"code": "b36d"}))


def test_a_file_of_a_folder_that_is_made_as_a_whole_is_told_with_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("made/encoder").mkdir(parents=True)
    Path("made/rows.parquet").touch()
    inputs = ["made/rows.parquet", "made/encoder", "made"]
    told = whole_folder("made/encoder/weights is cut; delete it", inputs)
    assert "rm -r made/encoder, then run again" in told and "\n" not in told
    assert whole_folder("made/rows.parquet is cut; delete it", inputs[:2]) == ""
    assert whole_folder("source news: no file", inputs) == ""


def test_a_refused_file_is_one_line_with_its_remedy():
    barred = refusal(OSError(errno.EROFS, "Read-only file system", "/results/made"))
    assert barred is not None and "\n" not in barred
    assert barred.startswith("/results/made: Read-only file system; mount its disk writable")
    denied = refusal(PermissionError(errno.EACCES, "Permission denied", "/texts/a.jsonl"))
    assert denied is not None and "\n" not in denied
    assert denied.startswith("/texts/a.jsonl: Permission denied; allow this user")
    full = refusal(OSError(errno.ENOSPC, "No space left on device"))
    assert full is not None and "cannot be written (No space left on device); free space" in full
    assert refusal(FileNotFoundError(errno.ENOENT, "No such file", "a")) is None
    assert refusal(KeyError("a")) is None


# ---------------------------------------------------------------- a real run

SNAKEFILE = """
rule make_it:
    output:
        made="{name}.txt",
    log:
        "logs/{name}.log",
    params:
        code="0",
    script:
        "make_it.py"
"""
STEP = '''"""Makes a file."""

import errno
import logging
import os
from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import InputError


def run(made: Path, *, name: str, threads: int) -> None:
    """Make a file, or fail as its name says."""
    logging.getLogger(__name__).info("making %s", name)
    if name == "expected":
        raise InputError("table.tsv line 3 is 없음; mend it")
    if name == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "/small/disk/made")
    if name == "unexpected":
        raise KeyError("열쇠")
    made.write_text(f"{name} {threads} {os.environ['OMP_NUM_THREADS']}")


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
'''


def snakemake(folder, target):
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all", "--", target],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    (folder / "Snakefile").write_text(SNAKEFILE, "utf-8")
    (folder / "make_it.py").write_text(STEP, "utf-8")
    return folder


def test_run_fills_the_log_and_keeps_to_its_threads(toy):
    finished = snakemake(toy, "good.txt")
    assert finished.returncode == 0, finished.stderr
    assert (toy / "good.txt").read_text() == "good 1 1"
    assert " INFO making good\n" in (toy / "logs" / "good.log").read_text("utf-8")


def test_expected_failure_is_one_line(toy):
    finished = snakemake(toy, "expected.txt")
    assert finished.returncode == 1
    log = (toy / "logs" / "expected.log").read_text("utf-8").splitlines()
    assert len(log) == 2
    assert log[1].endswith(" ERROR table.tsv line 3 is 없음; mend it")
    assert "Traceback" not in finished.stderr
    assert finished.stderr.count("table.tsv line 3 is 없음; mend it") == 1


def test_a_full_disk_that_no_writer_explains_is_one_line_too(toy):
    finished = snakemake(toy, "full.txt")
    assert finished.returncode == 1
    (line,) = (toy / "logs" / "full.log").read_text("utf-8").splitlines()[1:]
    assert " ERROR /small/disk/made cannot be written (No space left on device); free" in line
    assert "Traceback" not in finished.stderr


def test_unexpected_failure_leaves_its_traceback_in_the_log(toy):
    finished = snakemake(toy, "unexpected.txt")
    assert finished.returncode == 1
    log = (toy / "logs" / "unexpected.log").read_text("utf-8")
    assert "Traceback (most recent call last):" in log
    assert 'raise KeyError("열쇠")' in log
    assert log.count("KeyError: '열쇠'") == 1


def test_second_attempt_keeps_the_record_of_the_first(toy):
    log = toy / "logs" / "twice.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("the first attempt\n")
    program = (
        "from pathlib import Path; import logging; from scripts.common.logs import start_logging;"
        f"start_logging(Path({str(log)!r})); logging.info('the second')"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True)
    assert log.read_text().startswith("the first attempt\n")
    assert log.read_text().endswith(" INFO the second\n")


def test_command_line_has_the_same_failures(toy):
    def call(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "make_it", *arguments],
            cwd=toy,
            env={"PYTHONPATH": f"{ROOT}:{toy}", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    made = call("--made", "by_hand.txt", "--name", "good", "--threads", "1")
    assert made.returncode == 0, made.stderr
    assert (toy / "by_hand.txt").read_text().startswith("good 1 ")
    failed = call("--made", "x.txt", "--name", "expected", "--threads", "1")
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].endswith(" ERROR table.tsv line 3 is 없음; mend it")
    assert "Traceback" not in failed.stderr
    misused = call("--made", "x.txt", "--threads", "two", "--name", "good")
    assert misused.returncode == 2
    assert not (toy / "x.txt").exists()


@pytest.mark.parametrize(
    ("text", "code", "printed"),
    [
        ('{"뉴스": {"rank": 0}}', 0, "{'뉴스': {'rank': 0}}"),
        ("[1]", 2, "[1] is no JSON object"),
        ("{", 2, "Expecting property name"),
    ],
)
def test_command_line_takes_a_mapping_as_json(toy, text, code, printed):
    (toy / "show_it.py").write_text(
        "from typing import Any\n"
        "from scripts.common.entry import entry\n"
        "def run(*, sources: dict[str, dict[str, Any]]) -> None:\n"
        "    print(sources)\n"
        "entry(run, None)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-m", "show_it", "--sources", text],
        cwd=toy,
        env={"PYTHONPATH": f"{ROOT}:{toy}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == code
    assert printed in finished.stdout + finished.stderr


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(toy):
    (toy / "talk.py").write_text(
        "from scripts.common.entry import entry\n"
        "def run() -> None:\n"
        "    print('\\n'.join(map(str, range(100_000))))\n"
        "entry(run, None)\n"
    )
    finished = subprocess.run(
        f"{sys.executable} -m talk | head -1",
        shell=True,
        cwd=toy,
        env={"PYTHONPATH": f"{ROOT}:{toy}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (finished.stdout, finished.stderr) == ("0\n", "")


@pytest.mark.parametrize("module", ENTRIES)
def test_every_step_is_a_command_that_names_its_arguments(module):
    finished = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    printed = finished.stdout
    assert f"usage: python -m {module} " in printed
    step = import_module(module)
    assert step.__doc__ is not None
    assert step.__doc__.splitlines()[0] in " ".join(printed.replace("│", " ").split())
    for name in inspect.signature(step.run).parameters:
        assert f"--{name.replace('_', '-')}" in printed


def test_there_are_steps():
    assert len(ENTRIES) >= 20
