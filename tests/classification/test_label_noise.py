"""Label noise: planted flips are found, sound rows left alone; every part against another one."""

import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, vstack
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.naive_bayes import MultinomialNB

from scripts.classification import find_label_noise
from scripts.classification.confident_labels import LEAST_SEEN, judge_labels
from scripts.classification.hashed_ngrams import SIZES, count_ngrams
from scripts.classification.ngram_store import BLOCK_ROWS, NgramStore
from scripts.classification.out_of_fold import (
    SCALES,
    OutOfFold,
    folds_of,
    predict_out_of_fold,
)
from scripts.classification.tables import KEPT, NOISE
from scripts.common.errors import ConfigError, InputError
from scripts.common.tables import write_table

BITS = 16
_WORDS = ["식대", "출장", "임차", "수도", "광고", "교육"]
_PARTNERS = ["한솔식당", "고속버스", "부동산", "상수도사업소", "신문사", "연수원"]


def separable(rows=1_000, classes=5, seed=0):
    """Texts with two words of their class and others that all classes share, and the classes."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(classes, size=rows)
    texts = [
        f"{_WORDS[label]} {draw.integers(12) + 1}월 {_PARTNERS[label]} {draw.integers(10_000)} 지급"
        for number, label in enumerate(labels)
    ]
    return texts, labels


def flipped(labels, share, classes, seed=1):
    """Labels of which a share is another class's, and which ones."""
    draw = np.random.default_rng(seed)
    chosen = draw.choice(labels.size, round(share * labels.size), replace=False)
    wrong = labels.copy()
    wrong[chosen] = (labels[chosen] + draw.integers(1, classes, chosen.size)) % classes
    return wrong, set(chosen.tolist())


def write_kept(path, texts, labels, groups=None, order=None):
    rows = np.arange(len(texts))
    order = rows if order is None else order
    columns = {
        "row": rows,
        "label": [f"c{number}" for number in labels],
        "label_id": np.asarray(labels),
        "text": texts,
        "group": rows if groups is None else groups,
        "train_only": np.zeros(rows.size, bool),
    }
    write_table(path, pa.table(columns, schema=KEPT).take(pa.array(order)), KEPT)
    return path


def suspects(tmp_path, texts, labels, **options):
    tmp_path.mkdir(exist_ok=True)
    kept = write_kept(tmp_path / "kept.parquet", texts, labels)
    find_label_noise.run(kept, tmp_path / "noise.parquet", tmpdir=tmp_path, **options)
    rows = pq.read_table(tmp_path / "noise.parquet").to_pylist()
    assert [row["row"] for row in rows] == list(range(len(texts)))
    return {row["row"] for row in rows if row["suspect"]}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_three_percent_of_flips_are_found(tmp_path, seed):
    texts, labels = separable(seed=seed)
    wrong, planted = flipped(labels, 0.03, 5, seed)
    found = suspects(tmp_path, texts, wrong)
    assert len(planted) == 30
    assert len(found & planted) / len(planted) >= 0.95
    assert len(found & planted) / len(found) >= 0.95


def test_sound_rows_are_left_alone(tmp_path):
    texts, labels = separable()
    assert len(suspects(tmp_path, texts, labels)) <= 2


def test_rows_of_classes_that_look_alike_are_no_mistakes(tmp_path):
    # Half of the rows of two siblings do not say which of the two it is.
    draw = np.random.default_rng(4)
    texts, labels = separable(rows=1_200, classes=6)
    for row in np.flatnonzero(labels < 2):
        if draw.random() < 0.5:
            texts[row] = f"공통 {draw.integers(10_000)} 지급 {row}"
    siblings = {int(row) for row in np.flatnonzero(labels < 2)}
    wrong, planted = flipped(labels, 0.03, 6)
    found = suspects(tmp_path, texts, wrong)
    assert len(found & planted) > 0.8 * len(planted)
    assert len((found - planted) & siblings) <= 0.01 * len(siblings)


def test_imbalanced_classes_do_not_hide_flips(tmp_path):
    draw = np.random.default_rng(6)
    labels = np.repeat(np.arange(6), [1_000, 300, 100, 40, 20, 10])
    texts = [f"{_WORDS[n]} {_PARTNERS[n]} {draw.integers(10_000)} 지급" for n in labels]
    wrong = labels.copy()
    wrong[:5], wrong[1_400:1_403] = [1, 2, 3, 2, 1], 0  # out of the largest class, and into it
    found = suspects(tmp_path, texts, wrong)
    planted = {*range(5), 1_400, 1_401, 1_402}
    assert len(found & planted) >= 7 and len(found - planted) <= 2


def test_the_same_text_under_two_labels_is_suspect_and_an_empty_one_is_not(tmp_path):
    texts, labels = separable(rows=400)
    texts[7] = texts[3]
    labels[3], labels[7] = 0, 1
    for row in (20, 21, 22, 23, 24, 25):
        texts[row] = ""
    found = suspects(tmp_path, texts, labels)
    assert {3, 7} <= found and not found & {20, 21, 22, 23, 24, 25}


def test_a_class_of_few_rows_does_not_overrule_labels(tmp_path):
    texts, labels = separable(rows=400, classes=4)
    texts += [f"{_WORDS[1]} {_PARTNERS[1]} 드문 {number}" for number in range(LEAST_SEEN)]
    found = suspects(tmp_path, texts, np.r_[labels, [4] * LEAST_SEEN])
    assert not found & set(range(400, 400 + LEAST_SEEN))


def test_neither_threads_nor_order_of_rows_change_a_byte(tmp_path):
    texts, labels = separable(rows=BLOCK_ROWS + 300)
    wrong, _ = flipped(labels, 0.03, 5)
    groups = np.arange(len(texts)) // 3 * 3
    order = np.random.default_rng(5).permutation(len(texts))
    written = []
    for name, threads, ordered in (("a", 1, None), ("b", 3, None), ("c", 2, order)):
        kept = write_kept(tmp_path / f"{name}.parquet", texts, wrong, groups, ordered)
        noise = tmp_path / f"noise-{name}.parquet"
        find_label_noise.run(kept, noise, threads=threads, tmpdir=tmp_path)
        written.append(noise.read_bytes())
    assert written[0] == written[1] == written[2]
    assert pq.read_schema(noise).equals(NOISE)


def test_models_that_know_nothing_say_so(tmp_path, caplog):
    texts, labels = separable(rows=400)
    suspects(tmp_path / "sound", texts, labels)
    assert "do not know the classes" not in caplog.text
    suspects(tmp_path / "shuffled", texts, np.random.default_rng(8).permutation(labels))
    assert "do not know the classes" in caplog.text


def test_bad_input(tmp_path):
    kept = write_kept(tmp_path / "kept.parquet", [], np.zeros(0, int))
    with pytest.raises(InputError, match="has no rows"):
        find_label_noise.run(kept, tmp_path / "noise.parquet", tmpdir=tmp_path)
    with pytest.raises(ConfigError, match="folds is 1"):
        find_label_noise.run(kept, tmp_path / "noise.parquet", folds=1, tmpdir=tmp_path)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=80),
    st.integers(2, 6),
)
def test_folds_divide_no_group_and_deal_classes_evenly(rows, folds):
    labels, groups = (np.array(column) for column in zip(*rows, strict=True))
    fold = folds_of(labels, groups, folds=folds, seed=1)
    assert set(fold) <= set(range(folds))
    class_of: dict[int, int] = {}
    fold_of: dict[int, int] = {}
    for label, group, number in zip(labels.tolist(), groups.tolist(), fold.tolist(), strict=True):
        class_of.setdefault(group, label)
        assert fold_of.setdefault(group, number) == number
    for label in set(class_of.values()):
        dealt = Counter(fold_of[group] for group, of in class_of.items() if of == label)
        sizes = [dealt[number] for number in range(folds)]
        assert max(sizes) - min(sizes) <= 1


def slow_ngrams(text):
    padded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    padded = f" {padded} " if padded else ""
    return Counter(
        padded[place : place + size] for size in SIZES for place in range(len(padded) - size + 1)
    )


@settings(max_examples=80, deadline=None)
@given(st.lists(st.text("가나다AbÉ１ \n", max_size=12), min_size=1, max_size=6))
def test_ngrams_are_those_of_a_slow_count(texts):
    owner, columns, counts = count_ngrams(texts, 32)  # so wide that none share a column
    for number, text in enumerate(texts):
        here = owner == number
        expected = slow_ngrams(text)
        assert sorted(counts[here].tolist()) == sorted(expected.values())
        assert len(set(columns[here].tolist())) == len(expected)
    assert len(set(columns.tolist())) == len({gram for text in texts for gram in slow_ngrams(text)})


def filled_store(folder, texts):
    store = NgramStore(folder, BITS)
    for start in range(0, len(texts), 7):
        store.add(texts[start : start + 7])
    store.finish()
    return store


def test_weights_are_those_of_scikit_learn(tmp_path):
    texts = [*separable(rows=60)[0], "", "혼자", "지급 " * 50]
    store = filled_store(tmp_path, texts)
    owner, columns, counts = count_ngrams(texts, BITS)
    raw = csr_matrix((counts, (owner, columns)), shape=(len(texts), 1 << BITS))
    raw = raw[:, np.asarray((raw > 0).sum(axis=0)).ravel() >= 2]
    # smooth_idf counts one more row that has every term, as here; columns of one row are left out.
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(raw)
    found = vstack([block for _, block in store.blocks()])
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-6


def test_predictions_are_those_of_naive_bayes(tmp_path):
    texts, labels = separable(rows=120, classes=3)
    store, fold = filled_store(tmp_path, texts), np.arange(120) % 4
    told: list[int] = []
    found = predict_out_of_fold(store, labels, fold, classes=3, threads=1, advance=told.append)
    weights = vstack([block for _, block in store.blocks()]).tocsr()
    assert sum(told) == 120
    as_it_stands = SCALES.tolist().index(1)
    for number in range(4):
        train, test = fold != number, fold == number
        sizes = np.bincount(labels[train], minlength=3)
        prior = (sizes + 0.5) / (sizes + 0.5).sum()
        shared = np.asarray(weights[train].sum(axis=0)).ravel() + 0.001
        shared *= 10 / shared.sum()
        model = MultinomialNB(alpha=shared, class_prior=prior).fit(weights[train], labels[train])
        expected = model.predict_proba(weights[test])
        own = expected[np.arange(test.sum()), labels[test]]
        assert found.own[as_it_stands, test] == pytest.approx(own, abs=1e-5)
        assert found.best[as_it_stands, test] == pytest.approx(expected.max(axis=1), abs=1e-5)
        assert found.best_id[as_it_stands, test].tolist() == expected.argmax(axis=1).tolist()
        assert found.seen[test].tolist() == sizes[labels[test]].tolist()


def test_the_rule_by_hand():
    # Two classes of five sure rows each, and four odd ones; the same at every scale.
    labels = np.array([0] * 5 + [1] * 5 + [0, 0, 0, 1])
    own = np.array([0.9] * 10 + [0.001, 0.45, 0.001, 0.001])
    best = np.array([0.9] * 10 + [0.999, 0.55, 0.70, 0.999])
    best_id = np.array([0] * 5 + [1] * 5 + [1, 1, 1, 0], np.int32)
    own, best, best_id = (np.tile(values, (SCALES.size, 1)) for values in (own, best, best_id))
    seen = np.array([8] * 13 + [LEAST_SEEN - 1])
    found = OutOfFold(own=own, best=best, best_id=best_id, seen=seen)
    judgement = judge_labels(found, labels, np.ones(14, bool), 2)
    # Thresholds: of class 0 the mean of 0.9 * 5, 0.001, 0.45, 0.001: 0.619; of class 1: 0.9.
    # Row 10 is suspect; 11 is merely ambiguous and 12 below class 1's 0.9; 13 is not judged.
    assert np.flatnonzero(judgement.suspect).tolist() == [10]
    assert np.flatnonzero(~judgement.judged).tolist() == [13]
    by_chance = np.where(labels[:13] == 0, 8 / 14, 6 / 14)
    share = judgement.noise_share
    wrong = share * by_chance / ((1 - share) * own[0, :13] + share * by_chance)
    assert share == pytest.approx(wrong.mean(), abs=1e-6)  # a fixed point of the mixture


def test_columns_shrink_where_there_are_very_many_classes():
    assert [find_label_noise.column_bits(n) for n in (1, 224, 256, 257, 2_000, 10**6)] == [
        *(16, 16, 16, 15, 13, 13)
    ]
