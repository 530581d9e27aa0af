"""Shards read one after the other are one order, and every row of a source is accounted for."""

import random
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.corpus_tables import DOCUMENTS
from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json
from scripts.corpus import shard_source
from scripts.corpus import spool as spool_module
from scripts.corpus.documents import shard_file
from scripts.corpus.spool import Spool
from tests.common.loopback import wait_until
from tests.corpus.builders import articles, shard_files, shard_texts, write_jsonl

SPAN = 1 << 64


@pytest.fixture(scope="module")
def raw_texts():
    return {article.id: article.text for article in articles(150)}


def test_order_does_not_depend_on_the_number_of_shards(tmp_path, raw_texts):
    rows = {}
    for shards in (1, 3, 30):
        source = shard_texts(tmp_path / str(shards), "news", raw_texts, shards=shards)
        assert len(source.shards) == shards
        rows[shards] = source.rows()
        for part, path in enumerate(source.shards):
            keys = pq.read_table(path)["key"].to_pylist()
            assert all(key * shards // SPAN == part for key in keys)
    assert rows[1] == rows[3] == rows[30]
    keys = [row["key"] for row in rows[1]]
    assert keys == sorted(keys)
    assert {row["doc_id"] for row in rows[1]} == {f"news:{name}" for name in raw_texts}


def test_order_depends_neither_on_files_nor_on_the_size_of_runs(tmp_path, raw_texts, monkeypatch):
    whole = shard_texts(tmp_path / "whole", "news", raw_texts)
    rows = [{"id": name, "text": text} for name, text in raw_texts.items()]
    files = [
        write_jsonl(tmp_path / "parts" / f"{part}.jsonl", reversed(rows[part::4]))
        for part in range(4)
    ]
    monkeypatch.setattr(shard_source, "_BATCH_CHARACTERS", 5_000)
    monkeypatch.setattr(
        shard_source, "Spool", lambda path, schema: Spool(path, schema, run_bytes=20_000)
    )
    parts = shard_files(tmp_path / "split", "news", files)
    assert whole.rows() == parts.rows()


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(
        st.one_of(st.integers(0, SPAN - 1), st.sampled_from([0, 1, SPAN // 2, SPAN - 1])),
        max_size=40,
        unique=True,
    ),
    run_bytes=st.sampled_from([1, 200, 1 << 20]),
    parts=st.sampled_from([1, 2, 3, 7]),
    batch=st.integers(1, 9),
)
def test_spool_sorts_what_it_is_given(tmp_path_factory, keys, run_bytes, parts, batch):
    path = Path(tmp_path_factory.mktemp("spool")) / "spool.arrow"
    schema = pa.schema([("key", pa.uint64()), ("doc_id", pa.string())])
    rows = [{"key": key, "doc_id": f"d{number}"} for number, key in enumerate(keys)]
    with Spool(path, schema, run_bytes=run_bytes) as spool:
        for start in range(0, len(rows), batch):
            spool.add(pa.RecordBatch.from_pylist(rows[start : start + batch], schema=schema))
        spool.finish()
        edges = [-(-part * SPAN // parts) for part in range(parts + 1)]
        found = []
        for low, high in pairwise(edges):
            part = [row for table in spool.sorted_range(low, high) for row in table.to_pylist()]
            assert all(low <= row["key"] < high for row in part)
            found += part
    assert found == sorted(rows, key=lambda row: row["key"])
    assert not path.exists()


def test_a_spool_stays_mapped_for_one_piece_at_a_time(tmp_path):
    """What was read of a mapping stays resident until it is closed: in the end the whole spool."""
    schema = pa.schema([("key", pa.uint64()), ("doc_id", pa.string())])
    path = tmp_path / "spool.arrow"
    chance = random.Random(0)
    with Spool(path, schema, run_bytes=20_000) as spool:
        for _ in range(20):
            keys = [chance.randrange(SPAN) for _ in range(1000)]
            columns = {"key": keys, "doc_id": [str(key) for key in keys]}
            spool.add(pa.record_batch(columns, schema=schema))
        spool.finish()
        pieces = rows = 0
        for table in spool.sorted_range(0, SPAN):
            pieces, rows = pieces + 1, rows + table.num_rows
            assert wait_until(lambda: not is_mapped(path))  # a thread may hold it a moment longer
    assert pieces > 10 and rows == 20_000


def test_runs_that_are_mapped_a_few_at_a_time_give_the_same_order(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "_RUNS_MAPPED_AT_A_TIME", 3)
    schema = pa.schema([("key", pa.uint64()), ("doc_id", pa.string())])
    chance = random.Random(0)
    keys = [chance.randrange(SPAN) for _ in range(700)]
    with Spool(tmp_path / "spool.arrow", schema, run_bytes=1) as spool:
        for start in range(0, len(keys), 100):  # seven runs
            part = keys[start : start + 100]
            columns = {"key": part, "doc_id": [str(key) for key in part]}
            spool.add(pa.record_batch(columns, schema=schema))
        spool.run_bytes = 10_000
        spool.finish()
        found = [key for table in spool.sorted_range(0, SPAN) for key in table["key"].to_pylist()]
    assert found == sorted(keys)


def is_mapped(path: Path) -> bool:
    return str(path) in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_every_row_is_a_document_or_unreadable(tmp_path):
    file = tmp_path / "rows.jsonl"
    lines = ['{"id": "a", "text": "가"}', "{broken", '{"id": "b", "text": null}']
    lines += ['{"id": "c", "text": ""}', "", '{"id": "d", "text": 7}', '{"id": "e", "text": "마"}']
    file.write_bytes("\n".join(lines).encode() + b"\n\xff\n")
    source = shard_files(tmp_path, "news", [file])
    unreadable = pq.read_table(source.unreadable).to_pylist()
    assert [(row["row"], row["problem"]) for row in unreadable] == [
        (1, "invalid_json"),
        (2, "missing_text"),
        (4, "wrong_type"),
        (6, "invalid_utf8"),
    ]
    manifest = read_json(source.manifest)
    assert (manifest["documents"], manifest["unreadable"]) == (3, 4)
    assert sum(shard["rows"] for shard in manifest["shards"]) == 3
    assert {row["doc_id"]: row["text"] for row in source.rows()} == {
        "news:a": "가",
        "news:c": "",
        "news:e": "마",
    }


def test_documents_are_limited_by_rows_read(tmp_path, raw_texts):
    source = shard_texts(tmp_path, "news", raw_texts, max_documents=40)
    assert {row["doc_id"] for row in source.rows()} == {
        f"news:{name}" for name in list(raw_texts)[:40]
    }
    assert read_json(source.manifest)["documents"] == 40


def test_source_without_a_single_document(tmp_path):
    file = write_jsonl(tmp_path / "rows.jsonl", [{"id": "a", "text": None}])
    source = shard_files(tmp_path, "news", [file])
    assert len(source.shards) == 3 and source.rows() == []
    assert read_json(source.manifest)["unreadable"] == 1


def test_repeated_id_is_refused_and_nothing_is_left(tmp_path):
    rows = [{"id": name, "text": name} for name in ("a", "b", "a")]
    file = write_jsonl(tmp_path / "rows.jsonl", rows)
    with pytest.raises(InputError, match="'a' and 'a'") as error:
        shard_files(tmp_path, "news", [file])
    assert "news" in str(error.value) and "id_field" in str(error.value)
    assert not (tmp_path / "documents" / "news").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_ids_from_file_and_row(tmp_path):
    first = write_jsonl(tmp_path / "1.jsonl", [{"text": "가"}, {"text": "나"}])
    second = write_jsonl(tmp_path / "2.jsonl", [{"text": "다"}])
    source = shard_files(tmp_path, "news", [first, second], id_field="")
    texts = {row["doc_id"]: row["text"] for row in source.rows()}
    assert sorted(texts.values()) == ["가", "나", "다"]
    assert sorted(doc_id.rsplit(":", 1)[1] for doc_id in texts) == ["0", "0", "1"]
    # An id follows the file's content, not its name.
    moved = shard_files(
        tmp_path / "moved", "news", [first.rename(tmp_path / "z.jsonl"), second], id_field=""
    )
    assert {row["doc_id"]: row["text"] for row in moved.rows()} == texts


def test_file_that_stands_twice_in_a_source(tmp_path):
    files = [write_jsonl(tmp_path / name, [{"text": "가"}]) for name in ("1.jsonl", "2.jsonl")]
    source = shard_files(tmp_path, "news", files, id_field="")
    assert [row["text"] for row in source.rows()] == ["가", "가"]


def test_mended_characters_are_counted_per_document(tmp_path):
    source = shard_texts(tmp_path, "news", {"a": "삼\u200b성\x00", "b": "\ud800가"})
    rows = source.by_id()
    assert (rows["news:a"]["text"], rows["news:a"]["removed_characters"]) == ("삼성", 2)
    assert (rows["news:b"]["text"], rows["news:b"]["replaced_surrogates"]) == ("\ufffd가", 1)


def test_equal_normalized_texts_have_equal_hashes(tmp_path):
    texts = {"a": "한국", "b": " \u1112\u1161\u11ab\u1100\u116e\u11a8\u200b", "c": "한 국"}
    rows = shard_texts(tmp_path, "news", texts).by_id()
    hashes = {name: rows[f"news:{name}"]["text_hash"] for name in texts}
    assert hashes["a"] == hashes["b"] != hashes["c"]


def test_truncated_shard_is_refused_by_name(tmp_path, raw_texts):
    source = shard_texts(tmp_path, "news", raw_texts)
    path = source.shards[1]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(IntegrityError, match=r"001\.parquet"):
        shard_file(source.folder, source.manifest, "001")
    assert shard_file(source.folder, source.manifest, "000") == source.shards[0]


def test_shards_have_the_schema_and_the_manifest_their_digests(tmp_path, raw_texts):
    source = shard_texts(tmp_path, "news", raw_texts)
    for path, entry in zip(source.shards, read_json(source.manifest)["shards"], strict=True):
        table = pq.read_table(path)
        assert table.schema.equals(DOCUMENTS)
        assert (entry["path"], entry["rows"]) == (path.name, table.num_rows)
        assert entry["bytes"] == path.stat().st_size
