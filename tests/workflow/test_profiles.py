"""Each profile is complete, explained, understood by Snakemake, and agrees on what is stale."""

import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.cli import get_argument_parser

from tests.workflow.test_rules import rules

ROOT = Path(__file__).parents[2]
PROFILES = ("default", "gpu", "slurm", "ci")
COMMON_KEYS = {
    "rerun-triggers",
    "rerun-incomplete",
    "show-failed-logs",
    "benchmark-extended",
    "keep-going",
    "printshellcmds",
    "retries",
    "latency-wait",
    "default-resources",
}
SNAKEFILE = """
rule all:
    input: "b.txt"

rule make_first:
    output: "a.txt"
    benchmark: "a.jsonl"
    script: "first.py"

rule make_second:
    input: "a.txt"
    output: "b.txt"
    params: text="b"
    shell: "echo {params.text} > {output}"
"""
GPU_SNAKEFILE = """
rule all:
    input: "0", "1"

rule hold_device:
    output: "{job}"
    resources: gpu=1
    shell: "date +%s.%N > {output}; sleep 0.5; date +%s.%N >> {output}"
"""


def load(name: str) -> dict:
    return yaml.safe_load((ROOT / "profiles" / name / "profile.yaml").read_text("utf-8"))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "first.py").write_text("open(snakemake.output[0], 'w').write('a')\n")
    return tmp_path


def snakemake(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


@pytest.mark.parametrize("name", PROFILES)
def test_profile_is_the_only_file_and_states_every_common_key(name):
    files = {path.name for path in (ROOT / "profiles" / name).iterdir()}
    assert files == {"profile.yaml"} | ({"partitions.yaml"} if name == "slurm" else set())
    assert load(name).keys() >= COMMON_KEYS
    assert {"mem_mb", "runtime"} <= load(name)["default-resources"].keys()


def test_all_profiles_agree_on_what_makes_a_job_stale():
    assert [load(name)["rerun-triggers"] for name in PROFILES] == [
        ["mtime", "params", "input", "software-env"]
    ] * len(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_every_value_has_its_reason_above_it(name):
    lines = (ROOT / "profiles" / name / "profile.yaml").read_text("utf-8").splitlines()
    for above, line in itertools.pairwise(lines):
        if re.match(r"^ *[a-z_-]+: \S", line):
            assert above.lstrip().startswith("#"), f"{name}: no reason above '{line.strip()}'"


@pytest.mark.parametrize("name", PROFILES)
def test_every_key_is_an_option_of_the_installed_snakemake(name):
    parser = get_argument_parser()
    options = {option for action in parser._actions for option in action.option_strings}
    assert {f"--{key}" for key in load(name)} <= options


def test_every_rule_that_can_use_a_device_stands_in_the_profiles():
    able = {name for name, rule in rules().items() if "gpu" in rule.resources}
    for name in ("default", "ci"):
        assert {rule: {"gpu": 0} for rule in able} == load(name)["set-resources"]
    offered = (ROOT / "profiles/slurm/profile.yaml").read_text("utf-8")
    assert set(re.findall(r"^#   (\w+): \{slurm_partition", offered, re.MULTILINE)) == able


def test_slurm_profile_keeps_off_what_hangs_for_ever():
    profile = load("slurm")
    assert profile["executor"] == "slurm"
    assert profile["slurm-status-command"] == "squeue"
    assert profile["max-threads"] > 0
    assert profile["retries"] >= 1
    assert profile["default-resources"]["mem_mb"] >= 300


def test_default_profile_loads_by_itself_and_a_touched_script_rebuilds_nothing(toy):
    assert "3 of 3 steps (100%) done" in snakemake(toy)
    assert '"params"' in (toy / "a.jsonl").read_text()  # benchmark-extended came from the profile
    (toy / "first.py").write_text(
        "# an edit that `code` would see\n" + (toy / "first.py").read_text()
    )
    assert "Nothing to be done" in snakemake(toy, "-n")
    (toy / "Snakefile").write_text(SNAKEFILE.replace('text="b"', 'text="c"'))
    assert re.search(r"^make_second +1$", snakemake(toy, "-n"), re.MULTILINE)


def test_named_profile_takes_the_place_of_the_default(toy):
    printed = snakemake(toy, "--workflow-profile", "profiles/ci")
    assert "Provided cores: 2" in printed
    assert "3 of 3 steps (100%) done" in printed


def test_gpu_profile_runs_one_gpu_job_at_a_time(toy):
    (toy / "Snakefile").write_text(GPU_SNAKEFILE)
    snakemake(toy, "--workflow-profile", "profiles/gpu", "--cores", "2")
    first, second = sorted(
        [float(moment) for moment in (toy / name).read_text().split()] for name in ("0", "1")
    )
    assert first[1] <= second[0]
