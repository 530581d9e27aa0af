import csv
import gzip
import io
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.common.errors import ConfigError, InputError
from scripts.corpus.read_rows import Row, format_of, read_rows, supported_suffixes


def rows_of(path: Path, *fields: str, id_field: str | None = None, **options: Any) -> list[Row]:
    return list(
        read_rows(
            path, text_fields=fields or ("text",), separator="\n", id_field=id_field, **options
        )
    )


def outcomes(rows: list[Row]) -> list[tuple[int, str | None]]:
    return [(row.number, row.problem or row.text) for row in rows]


def write(path: Path, content: str | bytes) -> Path:
    """Write text or bytes, compressed as the suffix asks for."""
    data = content.encode() if isinstance(content, str) else content
    if path.suffix.lower() == ".gz":
        data = gzip.compress(data)
    elif path.suffix.lower() == ".zst":
        data = zstandard.compress(data)
    path.write_bytes(data)
    return path


def failure(path: Path, *fields: str, **options: Any) -> str:
    """Return the one-line message with which reading fails."""
    with pytest.raises(InputError) as caught:
        rows_of(path, *fields, **options)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


# The same rows in every format that has fields.

RECORDS = [
    {"id": "a", "text": "첫 문장이다.", "title": "하나"},
    {"id": "b", "text": '둘째, "따옴표"와\n줄바꿈', "title": "둘"},
    {"id": "c", "text": "", "title": "셋"},
]


def write_records(path: Path) -> Path:
    kind = format_of(path.name)
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(RECORDS), path, row_group_size=2)
        return path
    if kind == "jsonl":
        return write(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in RECORDS))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, ["id", "text", "title"], delimiter="," if kind == "csv" else "\t")
    table.writeheader()
    table.writerows(RECORDS)
    return write(path, text.getvalue())


@pytest.mark.parametrize(
    "suffix", [s for s in supported_suffixes() if not s.startswith(".txt")] + [".JSONL.GZ", ".CSV"]
)
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    path = write_records(tmp_path / f"part{suffix}")
    rows = list(read_rows(path, text_fields=["title", "text"], separator=" | ", id_field="id"))
    assert rows == [
        Row(at, record["id"], f"{record['title']} | {record['text']}", None)
        for at, record in enumerate(RECORDS)
    ]


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz", ".txt.zst"])
def test_text_files_are_one_document_or_one_per_line(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a{suffix}", "\ufeff첫 줄\r\n\r\n \n둘째 줄\n끝")
    assert rows_of(path) == [Row(0, None, "첫 줄\r\n\r\n \n둘째 줄\n끝", None)]
    lines = rows_of(path, txt_unit="line")
    assert outcomes(lines) == [(0, "첫 줄"), (3, "둘째 줄"), (4, "끝")]


def test_a_text_file_with_fields_or_an_unknown_unit_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "글")
    with pytest.raises(ConfigError, match="no fields"):
        rows_of(path, "document")
    with pytest.raises(ConfigError, match="no fields"):
        rows_of(path, id_field="id")
    with pytest.raises(ConfigError, match="'paragraph'; choose 'file' or 'line'"):
        rows_of(path, txt_unit="paragraph")


def test_trouble_in_one_line_stays_in_that_line(tmp_path: Path) -> None:
    lines = [
        b'\xef\xbb\xbf{"text": "\xea\xb0\x80"}',
        b'{"text": "\xff"}',
        b"",
        b'{"text": "half',
        b'{"text": null}',
        b'{"other": 1}',
        b'{"text": 5}',
        b'{"text": ["a"]}',
        b"17",
        b'{"text": "\\ud800 \\uac00"}',
        b"[" * 5000,
        b'{"text": "end"}\r',
    ]
    rows = rows_of(write(tmp_path / "a.jsonl", b"\n".join(lines)))
    assert outcomes(rows) == [
        (0, "가"),
        (1, "invalid_utf8"),
        (2, "invalid_json"),
        (3, "missing_text"),
        (4, "missing_text"),
        (5, "wrong_type"),
        (6, "wrong_type"),
        (7, "wrong_type"),
        (8, "\ud800 가"),
        (9, "invalid_json"),
        (10, "end"),
    ]


def test_invalid_bytes_in_text_csv_and_parquet(tmp_path: Path) -> None:
    assert outcomes(rows_of(write(tmp_path / "a.txt", b"ok\xff"))) == [(0, "invalid_utf8")]
    lines = write(tmp_path / "b.txt", b"ok\n\xff\xfa\nalso")
    assert outcomes(rows_of(lines, txt_unit="line")) == [
        (0, "ok"),
        (1, "invalid_utf8"),
        (2, "also"),
    ]
    table = write(tmp_path / "c.csv", b"text,note\nok,\xff\n\xff,x\nalso,y\n")
    assert outcomes(rows_of(table)) == [(0, "ok"), (1, "invalid_utf8"), (2, "also")]
    offsets = pa.py_buffer(b"\0\0\0\0\1\0\0\0\3\0\0\0")
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xffok")])
    pq.write_table(pa.table({"text": broken}), tmp_path / "d.parquet")
    assert outcomes(rows_of(tmp_path / "d.parquet")) == [(0, "invalid_utf8"), (1, "ok")]


NESTED = [
    {"q": "물음", "answers": {"text": ["답", "다른 답"], "start": [1, 2]}},
    {"q": "물음2", "answers": {"text": [], "start": []}},
    {"q": "물음3", "answers": None},
]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_dotted_paths_reach_into_structs_and_lists(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"qa{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(NESTED), path)
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in NESTED))
    assert outcomes(rows_of(path, "q", "answers.text.0")) == [
        (0, "물음\n답"),
        (1, "missing_text"),
        (2, "missing_text"),
    ]
    assert next(iter(rows_of(path, "answers.text.1"))).text == "다른 답"
    message = failure(path, "answers.txt.0")
    assert "nearest is 'answers.text.0'" in message


def test_a_name_that_holds_the_dots_is_taken_first(tmp_path: Path) -> None:
    record = {"a.b": "flat", "a": {"b": "deep"}}
    path = write(tmp_path / "a.jsonl", json.dumps(record))
    assert rows_of(path, "a.b")[0].text == "flat"
    pq.write_table(pa.table({"a.b": ["flat"]}), tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet", "a.b")[0].text == "flat"


def test_ids_are_text_and_trouble_with_them_names_the_row(tmp_path: Path) -> None:
    good = write(tmp_path / "a.jsonl", '{"id": 7, "text": "x"}\n{"id": "n-1", "text": null}\n')
    assert [row.id for row in rows_of(good, id_field="id")] == ["7", "n-1"]
    for value, words in (
        ("null", "null or empty"),
        ('""', "null or empty"),
        ("true", "bool"),
        ("1.5", "float"),
        ('"\\ud800"', "surrogate"),
    ):
        bad = write(tmp_path / "b.jsonl", f'{{"id": 1, "text": "x"}}\n{{"id": {value}}}\n')
        message = failure(bad, id_field="id")
        assert "row 1" in message and words in message
    absent = write(tmp_path / "c.jsonl", '{"idx": 1, "text": "x"}\n')
    assert "nearest is 'idx'" in failure(absent, id_field="id_x")


# Files that cannot be used at all.


def test_missing_empty_unknown_and_foreign_files(tmp_path: Path) -> None:
    assert "is missing" in failure(tmp_path / "nothing.jsonl")
    for suffix in (".jsonl", ".csv", ".txt", ".parquet", ".jsonl.gz", ".jsonl.zst"):
        path = tmp_path / f"empty{suffix}"
        path.touch()
        assert "0 bytes" in failure(path)
    assert "holds no data" in failure(write(tmp_path / "hollow.jsonl.gz", b""))
    message = failure(write(tmp_path / "a.xml", "<a/>"))
    assert "unknown suffix" in message and ".jsonl.zst" in message
    assert "unknown suffix" in failure(write(tmp_path / "a.parquet.gz", "x"))
    folder = tmp_path / "folder.jsonl"
    folder.mkdir()
    assert "not a file" in failure(folder)
    assert "UTF-16" in failure(write(tmp_path / "a.csv", "text\n글\n".encode("utf-16")))


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".parquet", ".csv.gz", ".txt.zst"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_truncated_files_never_end_as_if_complete(
    tmp_path: Path, suffix: str, share: float
) -> None:
    path = tmp_path / f"whole{suffix}"
    texts = [f"{at * 7919 % 100_003} 번째 문장" for at in range(20_000)]
    if suffix == ".parquet":
        pq.write_table(pa.table({"text": texts}), path)
    elif suffix.startswith(".jsonl"):
        write(path, "".join(json.dumps({"text": text}) + "\n" for text in texts))
    else:
        write(path, "text\n" + "\n".join(texts))
    whole = path.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[: int(len(whole) * share)])
    assert "truncated" in failure(cut)


def test_compressed_files_of_several_members_are_read_whole(tmp_path: Path) -> None:
    first, second = b'{"text": "a"}\n{"te', b'xt": "b"}\n'
    zst = tmp_path / "a.jsonl.zst"
    zst.write_bytes(zstandard.compress(first) + zstandard.compress(second))
    gz = tmp_path / "a.jsonl.gz"
    gz.write_bytes(gzip.compress(first) + gzip.compress(second))
    assert outcomes(rows_of(zst)) == outcomes(rows_of(gz)) == [(0, "a"), (1, "b")]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_missing_column_is_named_with_its_nearest_before_any_row(
    tmp_path: Path, suffix: str
) -> None:
    path = write_records(tmp_path / f"a{suffix}")
    message = failure(path, "txet")
    assert "column 'txet' is missing" in message
    assert "nearest is 'text'" in message and "id, text, title" in message
    assert "column 'idd'" in failure(path, "text", id_field="idd")


def test_a_json_field_may_be_rare_but_not_absent(tmp_path: Path) -> None:
    def lines(count: int, last: dict[str, str]) -> str:
        return "".join(
            json.dumps(record) + "\n" for record in [{"body": "x"}] * (count - 1) + [last]
        )

    rare = write(tmp_path / "rare.jsonl", lines(1000, {"bdy": "found"}))
    assert [row.text for row in rows_of(rare, "bdy")][-1] == "found"
    late = write(tmp_path / "late.jsonl", lines(1001, {"bdy": "too late"}))
    assert "none of the first 1000 rows, the nearest is 'body'" in failure(late, "bdy")
    short = write(tmp_path / "short.jsonl", lines(3, {"body": "x"}))
    assert "none of the first 3 rows" in failure(short, "bdy")


def test_parquet_columns_must_be_text_and_ids_text_or_whole_numbers(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["x"],
            "large": pa.array(["y"], pa.large_string()),
            "coded": pa.array(["z"]).dictionary_encode(),
            "count": [3],
            "share": [0.5],
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path)
    assert rows_of(path, "text", "large", "coded", id_field="count") == [
        Row(0, "3", "x\ny\nz", None)
    ]
    assert "column 'count' has type int64, not text" in failure(path, "count")
    assert "id column 'share' has type double" in failure(path, id_field="share")


def test_broken_tables_name_the_line(tmp_path: Path) -> None:
    ragged = write(tmp_path / "a.csv", 'id,text\n1,"a\nb"\n2,c,d\n')
    assert "line 4: 3 fields but 2 columns" in failure(ragged)
    assert "line 3 holds a NUL" in failure(write(tmp_path / "b.csv", "text\na\nb\0\n"))
    assert "line 3" in failure(write(tmp_path / "c.csv", 'text\n"a\nb\n'))
    assert "more than once" in failure(write(tmp_path / "d.csv", "text,text\na,b\n"))
    short = write(tmp_path / "e.csv", "id,text\n1\n\n2,b\n")
    assert outcomes(rows_of(short)) == [(0, "missing_text"), (1, "b")]


def test_a_field_above_the_limit_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.corpus.read_rows._MAX_CSV_FIELD_CHARACTERS", 1000)
    path = write(tmp_path / "a.csv", "text\nok\n" + "가" * 2000 + "\n")
    assert "line 3: field larger than field limit" in failure(path)
    csv.field_size_limit(131_072)


def test_a_document_of_fifty_megabytes_is_read(tmp_path: Path) -> None:
    text = "가나다라마 " * 3_000_000
    for name in ("a.jsonl", "a.csv", "a.txt"):
        content = json.dumps({"text": text}) if name == "a.jsonl" else f"text\n{text}\n"
        rows = rows_of(write(tmp_path / name, content))
        assert len(rows) == 1 and rows[0].text is not None and len(rows[0].text) >= len(text)


# Memory and laziness.


def peak_of(rows: Iterator[Row], expected: int) -> int:
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows) == expected
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".csv.gz", ".txt.gz", ".parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"large{suffix}"
    count, text = 30_000, "긴 문장을 되풀이한다. " * 80
    if suffix == ".parquet":
        pq.write_table(pa.table({"text": [f"{at} {text}" for at in range(count)]}), path)
    else:
        line = json.dumps({"text": text}, ensure_ascii=False) if "jsonl" in suffix else text
        header = "text\n" if "csv" in suffix else ""
        plain = (header + f"{line}\n" * count).encode()
        assert len(plain) > 60e6
        path.write_bytes(
            gzip.compress(plain, 1) if suffix.endswith("gz") else zstandard.compress(plain, 1)
        )
        del plain
    arrow_before = pa.total_allocated_bytes()
    rows = read_rows(path, text_fields=["text"], separator="", id_field=None, txt_unit="line")
    assert peak_of(rows, count) < 24e6
    assert pa.total_allocated_bytes() - arrow_before < 1e6


def test_rows_come_one_by_one(tmp_path: Path) -> None:
    """The first rows of a file with a broken end can be had before the end is reached."""
    whole = gzip.compress(b"".join(b'{"text": "%d"}\n' % at for at in range(500_000)), 1)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(whole[:-50])
    rows = read_rows(path, text_fields=["text"], separator="", id_field=None)
    assert [row.text for row in itertools.islice(rows, 3)] == ["0", "1", "2"]
    missing = read_rows(tmp_path / "no.jsonl", text_fields=["t"], separator="", id_field=None)
    with pytest.raises(InputError):
        next(missing)


# Any texts come back as they were.

TEXTS = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=TEXTS)
def test_any_texts_survive_every_format(tmp_path: Path, texts: list[str]) -> None:
    jsonl = write(tmp_path / "t.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in texts))
    table = io.StringIO(newline="")
    csv.writer(table, quoting=csv.QUOTE_ALL).writerows([["text"], *[[t] for t in texts]])
    comma = write(tmp_path / "t.csv", table.getvalue())
    pq.write_table(pa.table({"text": texts}), tmp_path / "t.parquet")
    for path in (jsonl, comma, tmp_path / "t.parquet"):
        assert [row.text for row in rows_of(path)] == texts
