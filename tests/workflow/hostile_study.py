"""A small study whose texts, labels, names of columns and domains were made to do harm."""

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

# Each would do something if a page, a figure, a template, a shell, a path or Snakemake read it.
NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "<svg onload=alert(3)>'",
    "javascript:alert(4)",
    "</style></title><base href=//evil>",
    r"$x^2$ and $\frac{",
    "{{ 7*7 }}{% raw %}",
    "$(touch pwned)",
    "`touch pwned`; touch pwned |",
    "../../../pwned",
    "a{x}<results>{{b}}",
    "[a](javascript:alert(5)) | *b* & &lt;i&gt;",
)
ROWS = 20  # of a label
WORDS = ("서울", "부산", "대구", "인천", "광주", "대전", "울산", "세종")
SEPARATOR = "; touch pwned; <b>{x}</b> "


def write_study(folder: Path) -> Path:
    """Write the files of the study; return its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(7)
    _write_sources(folder, dice)
    _write_rows(folder, dice)
    _write_table(folder, dice)
    _write_collection(folder, dice)
    config = folder / "study.yaml"
    config.write_text(yaml.safe_dump(settings(folder), allow_unicode=True), encoding="utf-8")
    return config


def settings(folder: Path) -> dict[str, Any]:
    """Return the configuration: a corpus, rows to classify, descriptors and a collection."""
    small = {"min_characters": 20, "min_sentence_marks": 0, "min_hangul_ratio": 0.0}
    return {
        "corpus": {
            "sources": str(folder / "sources.tsv"),
            "demo_articles": 60,
            "lengths": [128],
            "tokenizer": {"vocabulary": 1500},
            "entity_coref": {"max_characters": 2500},
            "mlm": {**small, "max_symbol_ratio": 1.0},
        },
        "classification": {
            "input": {
                "kind": "files",
                "location": str(folder / "rows.csv"),
                "label_column": NAMES[0],
                "text_columns": [NAMES[1], NAMES[10]],
                "separator": SEPARATOR,
            },
            "strategies": str(folder / "strategies.tsv"),
            "training_seeds": [1],
            "noise_folds": 2,
            "evaluation": {"bootstrap": 100},
            "tfidf": {"ngram_max": 2, "epochs": 2},
        },
        "descriptors": {
            "input": {"kind": "table", "location": str(folder / "table.csv")},
            "columns": {"metadata": [NAMES[0]], "prefer": [NAMES[10]]},
            "clustering": {"restarts": 2},
            "nonlinear": {"permutations": 20},
            "stability": {"bootstraps": 1, "rows": 100},
            "threads": 1,
        },
        "retrieval": {
            "input": {
                "kind": "files",
                **{
                    name: str(folder / f"{name}.{end}")
                    for name, end in (("corpus", "jsonl"), ("queries", "jsonl"), ("qrels", "tsv"))
                },
                "sessions": ["D0", "D1"],
            },
            "methods": str(folder / "methods.tsv"),
            "training_seeds": [1],
            "encoder": {"dimension": 8, "buckets": 256},
            "evaluation": {"bootstrap": 100},
        },
    }


def _write_sources(folder: Path, dice: random.Random) -> None:
    rows = [
        {"id": f"{name} {number}", "text": f"{name} {' '.join(dice.choices(WORDS, k=20))}."}
        for number, name in enumerate(NAMES)
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (folder / "notes.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "sources.tsv").write_text(
        "source\tkind\tlocation\tid_field\tused_by\tlicence\n"
        f"demo\tdemo\t\tid\tentity_coref mlm\t{NAMES[0]}\n"
        f"notes\tlocal\tnotes.jsonl\tid\tmlm\t{NAMES[11]}\n",
        encoding="utf-8",
    )


def _write_rows(folder: Path, dice: random.Random) -> None:
    (folder / "strategies.tsv").write_text(
        "strategy\tmodels\tresampling\nnone\ttfidf\t\nover\ttfidf\tover\n", encoding="utf-8"
    )
    rows = [
        [name, f"{name} {WORDS[number % len(WORDS)]} {dice.choice(WORDS)} {dice.random()}", name]
        for number, name in enumerate(NAMES)
        for _ in range(ROWS)
    ]
    rows.append(["<b>rare</b>", "서울", ""])
    _write_csv(folder / "rows.csv", [NAMES[0], NAMES[1], NAMES[10]], rows)


def _write_table(folder: Path, dice: random.Random) -> None:
    rows = []
    for number in range(120):
        first, second = dice.gauss(0, 1), dice.gauss(0, 1)
        values = [first, first + 0.01 * dice.gauss(0, 1), second, second**2, 1.0]
        rows.append([f"{NAMES[0]} {number}", *values, *(dice.gauss(0, 1) for _ in NAMES[6:])])
    _write_csv(folder / "table.csv", NAMES, rows)


def _write_collection(folder: Path, dice: random.Random) -> None:
    documents, queries, judged = [], [], ["query-id\tcorpus-id\tscore\n"]
    for number in range(48):
        name, session = NAMES[number % len(NAMES)], f"D{number % 2}"
        text = f"{name} {' '.join(dice.choices(WORDS, k=6))}"
        row = {"text": text, "domain": name, "session": session}
        documents.append({"doc_id": f"<d>{{{number}}}", **row})
        queries.append({"qid": f"<q>$({number})", **row, "text": f"{text} {number}"})
        judged.append(f"<q>$({number})\t<d>{{{number}}}\t1\n")
    for file, rows in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
        (folder / file).write_text("".join(lines), encoding="utf-8")
    (folder / "qrels.tsv").write_text("".join(judged), encoding="utf-8")
    (folder / "methods.tsv").write_text(
        "method\tkind\nfrozen\tfrozen\nbm25\tbm25\n", encoding="utf-8"
    )


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
