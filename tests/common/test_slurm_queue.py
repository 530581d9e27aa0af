"""What the SLURM plugin hears where SLURM is silent or has forgotten a job."""

import asyncio
import logging
import subprocess
import sys

import pytest
import snakemake_executor_plugin_slurm as plugin
from snakemake_executor_plugin_slurm.job_status_query import query_job_status

from scripts.common.slurm_queue import keep_sight_of_jobs, settled

LOGGER = logging.getLogger(__name__)


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Return a function that sets what `squeue` prints; None makes it fail."""

    def answer(text: str | None) -> None:
        program = tmp_path / "squeue"
        program.write_text("#!/bin/sh\n" + ("exit 1\n" if text is None else f"printf '{text}'\n"))
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return answer


def test_silence_is_an_answer_without_jobs_and_a_warning(squeue, caplog):
    ask = settled(query_job_status)
    squeue(None)
    assert asyncio.run(ask("squeue --me", LOGGER)) == ({}, 0.0)
    assert "SLURM does not answer" in caplog.text


def test_a_job_that_squeue_knew_and_forgot_is_over(squeue):
    ask = settled(query_job_status)
    squeue("7|RUNNING\\n8|PENDING\\n")
    assert asyncio.run(ask("squeue --me", LOGGER))[0] == {"7": "RUNNING", "8": "PENDING"}
    squeue(None)
    assert asyncio.run(ask("squeue --me", LOGGER))[0] == {}
    squeue("8|RUNNING\\n")
    assert asyncio.run(ask("squeue --me", LOGGER))[0] == {"7": "UNKNOWN", "8": "RUNNING"}


def test_the_accounting_database_may_lag_behind_the_queue(squeue, tmp_path):
    ask = settled(query_job_status)
    squeue("7|RUNNING\\n")
    asyncio.run(ask("squeue --me", LOGGER))
    (tmp_path / "squeue").rename(tmp_path / "sacct")
    (tmp_path / "sacct").write_text("#!/bin/sh\nprintf '6|COMPLETED\\n'\n")
    assert asyncio.run(ask("sacct -X", LOGGER))[0] == {"6": "COMPLETED"}


def test_the_installed_plugin_asks_so_once_it_is_told_to(monkeypatch):
    monkeypatch.setattr(plugin, "query_job_status", query_job_status)
    keep_sight_of_jobs()
    keep_sight_of_jobs()
    assert asyncio.run(plugin.query_job_status("false", LOGGER)) == ({}, 0.0)
    # Its own loop calls the function by the module's name, so the exchange takes effect.
    names = plugin.Executor.check_active_jobs.__code__.co_names
    assert "query_job_status" in names


def test_the_workflow_tells_it():
    """Every call of Snakemake that plans the workflow has the plugin loaded and exchanged."""
    script = (
        "import sys; from snakemake.cli import main\n"
        "try: main(['-n', '--quiet', 'all'])\n"
        "except SystemExit: pass\n"
        "plugin = sys.modules['snakemake_executor_plugin_slurm']\n"
        "sys.exit(not hasattr(plugin.query_job_status, 'known'))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
