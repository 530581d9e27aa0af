"""Invented tables of the corpus track, of any number of sources and datasets.

Run it to look at a page: python -m tests.report.fake_tables FOLDER --sources 8 --lengths 2
"""

import argparse
import csv
import json
import math
import random
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from scripts.report import plot_corpus, write_report
from scripts.report.corpus_tables import (
    CEILING_COLUMNS,
    DATASET_COLUMNS,
    ENTITY_COLUMNS,
    FILTER_COST_COLUMNS,
    FUNNEL_COLUMNS,
    HISTOGRAM_COLUMNS,
    PRONOUN_COLUMNS,
    SAMPLE_COLUMNS,
    THRESHOLD_COLUMNS,
)

OUTCOMES = [
    "invalid_utf8",
    "invalid_json",
    "missing_text",
    "wrong_type",
    "empty",
    "too_short",
    "too_long",
    "few_sentences",
    "little_hangul",
    "many_symbols",
    "analysis_failed",
    "few_proper_nouns",
    "many_proper_nouns",
    "pronoun",
    "exact_duplicate",
    "near_duplicate",
    "no_repeated_entity",
    "no_sample",
    "rare_entity",
    "entity_cap",
    "kept",
]
SOURCE_NAMES = (
    "news",
    "HPLT/HPLT2.0_cleaned",
    "AIR-Bench/qa_news_ko",
    "나의 말뭉치",
    "dev7halo/naver-news-summarization-ko-with-gen",
    "nmixx-fin/twice_kr_finance_news_summ",
    "klue",
    "skt/kobest_v1",
)
ENTITY_NAMES = [
    "삼성전자",
    "한국은행",
    "서울",
    "대한민국",
    "현대자동차",
    "김민수",
    "부산광역시",
    "국회",
    "네이버",
    "카카오",
    "엘지에너지솔루션",
    "미국",
    "일본",
    "중국",
    "세종대왕",
    "경기도",
    "인천국제공항공사",
    "이순신",
    "한강",
    "제주",
    "대전",
    "광주",
    "울산",
    "코스피",
    "금융위원회",
    "기획재정부",
    "두레",
    "청와대",
    "포항제철",
    "동해",
]
FIGURES = (
    "funnel",
    "filters",
    "pronouns",
    "attributes",
    "ceilings",
    "entities",
    "distances",
    "lengths",
)
COUNTED = ("samples", "filter_costs", "pronouns", "ceilings")
PLOTTED = ("funnel", *COUNTED, "histograms", "thresholds", "entities", "datasets")
SHOWN = ("summary", "funnel", *COUNTED, "entities", "datasets")
CHECKS = {
    "too_short": 800,
    "too_long": 2500,
    "few_sentences": 3,
    "little_hangul": 0.4,
    "many_symbols": 0.3,
    "few_proper_nouns": 0.05,
    "many_proper_nouns": 0.2,
}

Row = Sequence[Any]


def write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> Path:
    """Write a table as the corpus track does; None becomes an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def source_names(number: int) -> list[str]:
    """Return so many source names, long and Korean ones among them."""
    extra = [f"source_{index:02d}" for index in range(len(SOURCE_NAMES), number)]
    return [*SOURCE_NAMES, *extra][:number]


def funnel_rows(sources: Sequence[str], lengths: Sequence[int], dice: random.Random) -> list[Row]:
    """Invent fates that add up to each source's documents; the last of several keeps nothing."""
    rows: list[Row] = []
    raw = [round(10 ** dice.uniform(1.5, 6.5)) for _ in sources]
    for kind in ("entity_coref", "mlm"):
        for length in lengths:
            for place, source in enumerate(sources):
                weights = [dice.random() ** 4 for _ in OUTCOMES]
                weights[-1] = 0 if place == len(sources) - 1 > 0 else 2
                counts = [int(raw[place] * weight / sum(weights)) for weight in weights]
                counts[OUTCOMES.index("too_short")] += raw[place] - sum(counts)
                rows += [
                    (f"{kind}_{length}", source, outcome, documents)
                    for outcome, documents in zip(OUTCOMES, counts, strict=True)
                ]
    return rows


def bell(
    quantity: str, group: str, edges: Sequence[float], centre: float, width: float, total: int
) -> list[Row]:
    """Return bins of a bell curve around `centre`."""
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    weights = [math.exp(-(((m - centre) / width) ** 2) / 2) for m in middles]
    return [
        (quantity, group, low, high, round(total * weight / sum(weights)))
        for low, high, weight in zip(edges[:-1], edges[1:], weights, strict=True)
    ]


def histogram_rows(
    sources: Sequence[str], lengths: Sequence[int], dice: random.Random
) -> list[Row]:
    """Invent the distributions of documents, distances and tokens."""
    rows: list[Row] = []
    shares = [index / 50 for index in range(51)]
    for source in sources:
        n = int(10 ** dice.uniform(1.5, 5))
        rows += bell("characters", source, range(0, 5001, 100), dice.uniform(800, 2500), 700, n)
        rows += bell("sentence_marks", source, range(0, 61, 2), dice.uniform(8, 30), 8, n)
        rows += bell("hangul_ratio", source, shares, dice.uniform(0.6, 0.8), 0.08, n)
        rows += bell("symbol_ratio", source, shares, dice.uniform(0.02, 0.2), 0.05, n)
        rows += bell("nnp_ratio", source, shares[:26], dice.uniform(0.05, 0.2), 0.05, n)
    distances = [10, 20, 40, 70, 100, 140, 200, 280, 400, 560, 800, 1100, 1500, 2001]
    for length in lengths:
        tokens = range(0, length + 1, 64)
        rows += bell("distance", f"entity_coref_{length}", distances, 150, 300, 90_000)
        rows += bell("tokens", f"entity_coref_{length}", tokens, 700, 250, 90_000)
        rows += bell("tokens", f"mlm_{length}", tokens, length, 20, 40_000)
    fertility = [index / 50 for index in range(15, 40)]
    rows += bell("tokens_per_character", "training sample", fertility, 0.53, 0.05, 2000)
    return rows


def filter_rows(
    sources: Sequence[str], lengths: Sequence[int], documents: dict[str, int]
) -> list[Row]:
    """Invent what each check costs: the first fails a third of the documents, the next less."""
    rows: list[Row] = []
    for kind in ("entity_coref", "mlm"):
        for length in lengths:
            for source in sources:
                for place, (check, limit) in enumerate(CHECKS.items()):
                    if kind == "mlm" and "proper" in check:
                        continue
                    n = documents[source]
                    failing = n // (3 + place)
                    unknown = failing // 4 if kind == "entity_coref" and place < 5 else 0
                    costs = (n, failing, failing // 2, failing // 3, unknown)
                    rows.append((f"{kind}_{length}", source, check, limit, *costs))
    return rows


def pronoun_rows(sources: Sequence[str], lengths: Sequence[int]) -> list[Row]:
    """Invent documents by number of pronouns, fewer with more pronouns."""
    return [
        (f"entity_coref_{length}", source, pronouns, 900 // (1 + pronouns))
        for length in lengths
        for source in sources
        for pronouns in range(30)
    ]


def sample_rows(sources: Sequence[str], lengths: Sequence[int]) -> list[Row]:
    """Invent the samples of each source; the last one gives none."""
    return [
        (f"entity_coref_{length}", source, 100_000 // place if place < len(sources) else 0)
        for length in lengths
        for place, source in enumerate(sources, start=1)
    ]


def ceiling_rows(lengths: Sequence[int]) -> list[Row]:
    """Invent ceilings that follow from 0.53 tokens per character."""
    return [
        (
            *(f"entity_coref_{length}", length, 2000, 0.53, 0.527, 0.533),
            *(int((length - 2) / 0.53), int((length - 2) / 0.53), 5000, 0.021),
            *(2500, 1325.0, 4600),
        )
        for length in lengths
    ]


def threshold_rows(lengths: Sequence[int]) -> list[Row]:
    """Invent limits: the ceiling on characters differs by length."""
    rows: list[Row] = []
    for length in lengths:
        rows += [
            (f"entity_coref_{length}", "characters", 800, round(length * 1.8)),
            (f"entity_coref_{length}", "sentence_marks", 3, None),
            (f"entity_coref_{length}", "hangul_ratio", 0.4, None),
            (f"entity_coref_{length}", "symbol_ratio", None, 0.3),
            (f"entity_coref_{length}", "nnp_ratio", 0.05, 0.2),
        ]
    for length in lengths:
        rows += [
            (f"mlm_{length}", "characters", 50, None),
            (f"mlm_{length}", "hangul_ratio", 0.4, None),
        ]
    return rows


def entity_rows(lengths: Sequence[int], cap: int) -> list[Row]:
    """Invent entities whose frequency falls with the rank."""
    return [
        (f"entity_coref_{length}", rank, entity, 9000 // rank, min(cap, 9000 // rank))
        for length in lengths
        for rank, entity in enumerate(ENTITY_NAMES, start=1)
    ]


def dataset_rows(lengths: Sequence[int]) -> list[Row]:
    """Invent the sizes of splits; some columns do not apply."""
    rows: list[Row] = []
    for length in lengths:
        for split, n in (("train", 90_000), ("validation", 5_000), ("test", 5_000)):
            name = f"entity_coref_{length}"
            path = f"results/corpus/datasets/{name}/{split}"
            rows.append((name, split, n, n // 3, n // 9, n * 700, 700.25, 0.031, 0.249, None, path))
            name = f"mlm_{length}"
            path = f"results/corpus/datasets/{name}/{split}"
            rows.append((name, split, n, n * 2, None, n * length, length, None, None, 0.987, path))
    return rows


def write_fake_tables(
    folder: Path, *, sources: int = 3, lengths: Sequence[int] = (1536, 2048), seed: int = 7
) -> dict[str, Path]:
    """Write all inputs of the report into a folder and return them by argument name."""
    dice = random.Random(seed)
    names = source_names(sources)
    funnel = funnel_rows(names, lengths, dice)
    raw = {
        name: sum(row[3] for row in funnel if row[1] == name and row[0] == funnel[0][0])
        for name in names
    }
    summary = {
        "documents": sum(raw.values()),
        "seed": 42,
        "versions": {"kiwipiepy": "0.24.1", "tokenizers": "0.23.3"},
        "code": "5f0c9d1e7a3b",
        "data_sha256": "0123456789abcdef" * 4,
        "tokenizer": {
            "name": "demo-wordpiece",
            "vocabulary": 8000,
            "sha256": "fedcba9876543210" * 4,
            "tokens_per_character": 0.5312,
            "sample_documents": 500,
        },
        "max_entity_freq": 1000,
        "lengths": list(lengths),
        "character_ceilings": {str(length): round(length * 1.8) for length in lengths},
        "sources": {name: {"documents": raw[name], "licence": "CC BY 4.0"} for name in names},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary, ensure_ascii=False), encoding="utf-8")
    return {
        "summary": folder / "summary.json",
        "funnel": write_tsv(folder / "funnel.tsv", FUNNEL_COLUMNS, funnel),
        "samples": write_tsv(folder / "samples.tsv", SAMPLE_COLUMNS, sample_rows(names, lengths)),
        "filter_costs": write_tsv(
            folder / "filter_costs.tsv", FILTER_COST_COLUMNS, filter_rows(names, lengths, raw)
        ),
        "pronouns": write_tsv(
            folder / "pronouns.tsv", PRONOUN_COLUMNS, pronoun_rows(names, lengths)
        ),
        "ceilings": write_tsv(folder / "ceilings.tsv", CEILING_COLUMNS, ceiling_rows(lengths)),
        "histograms": write_tsv(
            folder / "histograms.tsv", HISTOGRAM_COLUMNS, histogram_rows(names, lengths, dice)
        ),
        "thresholds": write_tsv(
            folder / "thresholds.tsv", THRESHOLD_COLUMNS, threshold_rows(lengths)
        ),
        "entities": write_tsv(
            folder / "entities.tsv", ENTITY_COLUMNS, entity_rows(lengths, cap=1000)
        ),
        "datasets": write_tsv(folder / "datasets.tsv", DATASET_COLUMNS, dataset_rows(lengths)),
    }


def build_page(tables: dict[str, Path], folder: Path) -> Path:
    """Run both steps of the report on the tables and return the page."""
    figures = {f"{name}_figure": folder / f"{name}.svg" for name in FIGURES}
    plot_corpus.run(**{name: tables[name] for name in PLOTTED}, **figures)
    page = folder / "index.html"
    write_report.run(**{name: tables[name] for name in SHOWN}, **figures, page=page)
    return page


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sources", type=int, default=3)
    parser.add_argument("--lengths", type=int, default=2, choices=(1, 2))
    given = parser.parse_args()
    tables = write_fake_tables(
        given.folder, sources=given.sources, lengths=(1536, 2048)[: given.lengths]
    )
    print(build_page(tables, given.folder))
