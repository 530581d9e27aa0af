"""A bad table of sources gives a line that names the file, the row and the column."""

from pathlib import Path

import pytest

from scripts.common.check_config import ROOT
from scripts.common.config import load_schema
from scripts.common.errors import ConfigError
from scripts.common.sources_table import find_table, read_sources

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sources.tsv"
    path.write_bytes(text.encode())
    return path


def table_complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_sources(table(tmp_path, text), SCHEMA)
    (line,) = str(caught.value).splitlines()
    return line


def test_sources_come_in_order_of_priority_with_defaults(tmp_path):
    rows = read_sources(
        table(
            tmp_path,
            "source\tkind\tlocation\tpriority\ttext_fields\tmax_documents\n"
            "web\thub\towner/name\t\ttitle body\t\n"
            "own\tlocal\t../a b.jsonl \t7\t\t12\n"
            "demo\tdemo\t\t100\t\t\n",
        ),
        SCHEMA,
    )
    assert list(rows) == ["own", "web", "demo"]
    assert rows["web"]["text_fields"] == ["title", "body"]
    assert rows["own"] == {
        "source": "own",
        "kind": "local",
        "location": "../a b.jsonl",
        "config": "",
        "split": "",
        "text_fields": ["text"],
        "join": "newline",
        "id_field": "",
        "txt_unit": "file",
        "revision": "",
        "sha256": [],
        "min_characters": 0,
        "max_characters": 1_000_000_000,
        "max_documents": 12,
        "shards": 1,
        "used_by": ["entity_coref", "mlm"],
        "priority": 7,
        "licence": "unknown",
    }


def test_comments_blank_lines_and_spreadsheet_traces_are_no_rows(tmp_path):
    path = table(
        tmp_path,
        "\ufeff# what this table is\r\n"
        "source\tkind\r\n"
        "# one cell\r\n"
        "#off\tdemo\r\n"
        "\t\r\n"
        "\r\n"
        'demo\t"demo"\r\n',
    )
    with pytest.raises(ConfigError, match=r"^sources.tsv line 7, column kind = "):
        read_sources(path, SCHEMA)  # quotes belong to the cell, and line 7 is line 7
    path.write_text(path.read_text("utf-8").replace('"', ""), "utf-8")
    assert list(read_sources(path, SCHEMA)) == ["demo"]


HEADER = "source\tkind\tlocation\tshards\tmax_characters\tmin_characters\tused_by\tsplit\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "source\tkind\tshard\na\tdemo\t1\n",
            "sources.tsv column 'shard' is unknown; did you mean shards? allowed: batch_",
        ),
        ("kind\ndemo\n", "sources.tsv column 'source' is missing; the header needs it"),
        ("source\tkind\tkind\na\tdemo\tdemo\n", "sources.tsv column 'kind' stands twice"),
        (
            HEADER + "a\tdemon\t\t\t\t\t\t\n",
            'sources.tsv line 2, column kind = "demon" is not allowed; allowed: demo, local, ',
        ),
        (
            HEADER + "A b\tdemo\t\t\t\t\t\t\n",
            'sources.tsv line 2, column source = "A b" is not allowed; allowed: string matching',
        ),
        (
            HEADER + "a\tdemo\t\t2.5\t\t\t\t\n",
            'sources.tsv line 2, column shards = "2.5" is not allowed; allowed: integer ≥ 1, ≤',
        ),
        (
            "source\tkind\tworkers\na\tdemo\tnull\n",
            'sources.tsv line 2, column workers = "null" is not allowed; allowed: integer ≥ 1, ≤',
        ),
        (
            HEADER + "a\tdemo\t\t0\t\t\t\t\n",
            "sources.tsv line 2, column shards = 0 is not allowed; allowed: integer ≥ 1, ≤ 1000",
        ),
        (
            HEADER + "a\tdemo\t\t\t\t\tmlm coref\t\n",
            'sources.tsv line 2, column used_by.1 = "coref" is not allowed; allowed: entity_coref',
        ),
        (
            HEADER + "\tdemo\t\t\t\t\t\t\n",
            "sources.tsv line 2, column source is missing",
        ),
        (
            HEADER + "a\tdemo\t\t\t\t\t\t\n# note\na\tdemo\t\t\t\t\t\t\n",
            "sources.tsv line 4, column source = a stands twice; names are unique",
        ),
        (
            HEADER + "a\tlocal\t\t\t\t\t\t\n",
            "sources.tsv line 2, column location is empty; a source of kind local needs one",
        ),
        (
            HEADER + "a\tlocal\tx.csv\t\t5\t6\t\t\n",
            "sources.tsv line 2, column min_characters = 6 is above max_characters = 5",
        ),
        (
            HEADER + "a\tlocal\tx.csv\t\t\t\t\ttrain\n",
            "sources.tsv line 2, column split = train has no meaning; allowed: only for kind hub",
        ),
        (
            HEADER + "a\tdemo\tx.csv\t\t\t\t\t\n",
            "sources.tsv line 2, column location = x.csv has no meaning; allowed: empty for kind",
        ),
        (
            HEADER + "a\tdemo\t\n",
            "sources.tsv line 2 has 3 cells; allowed: as many as the header, 8",
        ),
        (
            "source\tkind\na\tdemo\t\n",
            "sources.tsv line 2 has 3 cells; allowed: as many as the header, 2",
        ),
        (HEADER, "sources.tsv has no row; add at least one source"),
        ("", "sources.tsv is empty; add a header and at least one source"),
        ("# only this\n", "sources.tsv is empty; add a header and at least one source"),
    ],
)
def test_bad_table_of_sources(tmp_path, text, message):
    assert table_complaint(tmp_path, text).startswith(message)


def test_row_without_name_and_kind_gets_a_line_for_each(tmp_path):
    with pytest.raises(ConfigError) as caught:
        read_sources(table(tmp_path, "source\tkind\tlicence\n\t\tMIT\n"), SCHEMA)
    assert sorted(str(caught.value).splitlines()) == [
        "sources.tsv line 2, column kind is missing",
        "sources.tsv line 2, column source is missing",
    ]


def test_table_that_is_missing_or_not_utf8(tmp_path):
    with pytest.raises(ConfigError, match=r"^config key corpus.sources = .*gone.tsv\" is no file"):
        find_table(str(tmp_path / "gone.tsv"), ROOT)
    (tmp_path / "euc.tsv").write_bytes("source\tkind\n뉴스\tdemo\n".encode("euc-kr"))
    with pytest.raises(ConfigError, match=r"^euc.tsv is not UTF-8"):
        read_sources(tmp_path / "euc.tsv", SCHEMA)


def test_table_is_looked_up_where_one_works_then_beside_the_snakefile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "config/sources.tsv"
    assert find_table(name, ROOT) == ROOT / name
    (tmp_path / "config").mkdir()
    (tmp_path / name).write_text("source\tkind\n")
    assert find_table(name, ROOT).resolve() == tmp_path / name
    assert find_table(str(ROOT / name), tmp_path) == ROOT / name
