"""Real documents as local sources: a sample of them, or all with DURE_REAL_DOCUMENTS=all."""

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from tests.workflow.harness import ROOT, snakemake, succeeded

FILES = {"ko_documents": "ko_documents.parquet", "ko_odd": "ko_documents_odd_lengths.parquet"}
SAMPLE = {"ko_documents": 900, "ko_odd": 150}
# A job of a sample's shard takes longer to start than to work.
ALL = os.environ.get("DURE_REAL_DOCUMENTS") == "all"
FEW_SHARDS, MANY_SHARDS = 3, 30 if ALL else 8
CAP = 40
NEAR_COPY = "-near"

CONFIG = f"""\
corpus:
  sources: sources.tsv
  lengths: [1536, 2048]
  tokenizer: {{vocabulary: 12000}}
  entity_coref: {{max_characters: measured, max_entity_freq: {CAP}, drop_near_duplicates: false}}
  mlm: {{drop_near_duplicates: false}}
"""


@dataclass(frozen=True)
class RealRun:
    """A finished run on real documents.

    Attributes:
        files: the local files, by source.
        directory: working directory of the run.
    """

    files: dict[str, Path]
    directory: Path

    @property
    def corpus(self) -> Path:
        return self.directory / "results" / "corpus"


@pytest.fixture(scope="session")
def real_files(shared_tmp: Path) -> dict[str, Path]:
    """Every k-th document of the shared files."""
    folder = ROOT.parent / "shared" / "data" / "corpus"
    if not all((folder / name).is_file() for name in FILES.values()):
        pytest.skip("the real documents are not beside this checkout")
    files = {}
    with FileLock(shared_tmp / "real_files.lock"):
        for source, name in FILES.items():
            target = shared_tmp / f"sample_{name}"
            if not target.exists():
                table = pq.read_table(folder / name)
                if not ALL:
                    step = max(1, table.num_rows // SAMPLE[source])
                    table = table.take(list(range(0, table.num_rows, step)))
                if source == "ko_documents":
                    table = pa.concat_tables([table, near_copies(table)])
                pq.write_table(table, target)
            files[source] = target
    return files


def near_copies(table: pa.Table) -> pa.Table:
    """Return near-duplicates of every 30th row of a length that one sentence hardly changes."""
    rows = [row for row in table.to_pylist()[::30] if len(row["text"]) >= 200]
    changed = [
        row | {"id": f"{row['id']}{NEAR_COPY}", "text": f"{row['text']} 한 문장이 덧붙었다."}
        for row in rows
    ]
    return pa.Table.from_pylist(changed, schema=table.schema)


def run_on(
    shared_tmp: Path, files: dict[str, Path], name: str, *, shards: int, workers: int, seed: str
) -> RealRun:
    """Run the corpus track on local files; once per name and test session."""
    directory = shared_tmp / name
    with FileLock(shared_tmp / f"{name}.lock"):
        if not (shared_tmp / f"{name}.done").exists():
            directory.mkdir(parents=True)
            counts = {"ko_documents": shards, "ko_odd": max(1, shards // 4)}
            rows = [
                f"{source}\tlocal\t{path}\tid\t{counts[source]}" for source, path in files.items()
            ]
            header = "source\tkind\tlocation\tid_field\tshards"
            (directory / "sources.tsv").write_text("\n".join([header, *rows]) + "\n")
            (directory / "my.yaml").write_text(CONFIG + f"  workers: {workers}\n")
            succeeded(
                snakemake(
                    *("corpus", "--configfile", "my.yaml", "--cores", str(workers)),
                    directory=directory,
                    hash_seed=seed,
                    cwd=directory,
                )
            )
            (shared_tmp / f"{name}.done").touch()
    return RealRun(files, directory)


@pytest.fixture(scope="session")
def real_run(shared_tmp: Path, real_files: dict[str, Path]) -> RealRun:
    return run_on(shared_tmp, real_files, "real_few_shards", shards=FEW_SHARDS, workers=2, seed="0")


@pytest.fixture(scope="session")
def other_real_run(shared_tmp: Path, real_files: dict[str, Path]) -> RealRun:
    return run_on(
        shared_tmp, real_files, "real_many_shards", shards=MANY_SHARDS, workers=1, seed="4711"
    )
