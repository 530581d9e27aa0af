"""What the configuration names as the track's files."""

from pathlib import Path

import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import checked_config, load_schema
from scripts.common.errors import ConfigError, DownloadError
from scripts.descriptors.plan import DescriptorsPlan

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")


def plan(folder: Path, **given: object) -> DescriptorsPlan:
    return DescriptorsPlan(checked_config({"descriptors": {"input": given}}, SCHEMA), folder)


def test_addresses_become_files_in_their_order_with_their_digests(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        kind="smiles",
        location="https://example.org/b.csv?x=1 http://example.org/deep/a.smi.gz",
        sha256=["1" * 64, "2" * 64],
    )
    assert found.smiles_files() == [
        "<results>/descriptors/inputs/b.csv",
        "<results>/descriptors/inputs/a.smi.gz",
    ]
    assert [found.digest(name) for name in ("b.csv", "a.smi.gz")] == ["1" * 64, "2" * 64]
    assert found.jobs_of("fetch_inputs", {"file"}) == [{"file": "b.csv"}, {"file": "a.smi.gz"}]


def test_a_table_may_be_fetched_as_well(tmp_path: Path) -> None:
    found = plan(tmp_path, kind="table", location="https://example.org/t.parquet")
    assert found.parts() == ["<results>/descriptors/inputs/t.parquet"]
    assert found.digest("t.parquet") is None


def test_local_files_are_fetched_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("smiles\nC\n")
    found = plan(tmp_path, kind="smiles", location="*.csv")
    assert found.files() == [str(tmp_path / "m.csv")]
    assert found.jobs_of("fetch_inputs", {"file"}) == []


def test_addresses_with_one_file_name_are_refused(tmp_path: Path) -> None:
    both = plan(tmp_path, kind="table", location="https://a.org/t.csv https://b.org/t.csv")
    with pytest.raises(DownloadError, match=r"both be stored as t\.csv"):
        both.files()


def test_digests_fit_the_addresses(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 digests for 2 addresses"):
        plan(
            tmp_path,
            kind="smiles",
            location="https://a.org/1.csv https://a.org/2.csv",
            sha256=["0" * 64],
        )
    with pytest.raises(ConfigError, match="1 digests for 0 addresses"):
        plan(tmp_path, kind="smiles", location="*.csv", sha256=["0" * 64])
