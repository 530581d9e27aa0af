"""A checkpoint's scores are the same at any batch size, and bad inputs end at once."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, DatasetDict

from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, sha256_file, write_json
from scripts.common.tables import read_table, table_of_rows, write_table
from scripts.language_model import evaluate_checkpoint
from scripts.language_model.checkpoints import save_checkpoint
from scripts.language_model.halves import half_of_document
from scripts.language_model.item_scores import ItemScorer
from scripts.language_model.masked_logits import Query, Runner
from scripts.language_model.tables import EVALUATION_ITEMS, HELDOUT_SCORES, ITEM_SCORES
from tests.language_model.evaluation_builders import (
    WORDS,
    item,
    saved_tokenizer,
    tiny_model,
    tiny_noun_test,
    tiny_runner,
    tiny_wordpiece,
)

FP32_TOLERANCE = 1e-5  # nats; sums of float32 in another order
BF16_TOLERANCE = 0.1  # nats; bfloat16 has 8 bits, and these toy weights are large


def many_items() -> list[dict[str, Any]]:
    """Items of many lengths at both kinds of place."""
    rows = []
    for number in range(64):
        names = [WORDS[(number + step) % len(WORDS)] for step in range(1 + number % 7)]
        answer = names[0]
        start = "신" if number % 3 == 0 and answer != "부산" else ""
        text = " . ".join([*(f"{name} 는 갔다" for name in names), f"{start}{answer}에서 말했다"])
        rows.append(item(text, answer, number=number, doc_id=f"d{number // 2}"))
    return rows


def scored(batch_tokens: int, precision: str = "fp32") -> list[dict[str, Any]]:
    wordpiece = tiny_wordpiece()
    runner = Runner(tiny_model(), wordpiece.special_ids["pad"], batch_tokens, precision)
    scorer = ItemScorer(
        runner,
        wordpiece,
        tiny_noun_test(),
        max_masks=4,
        top_candidates=20,
        length=128,
    )
    return list(scorer.score(many_items()))


def without_rounding(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "answer_log_probability"}


def test_one_sequence_a_pass_and_sixty_four_give_the_same_scores() -> None:
    alone, together = scored(1), scored(64 * 60)
    assert [without_rounding(row) for row in alone] == [without_rounding(row) for row in together]
    for one, other in zip(alone, together, strict=True):
        assert one["answer_log_probability"] == pytest.approx(
            other["answer_log_probability"], abs=FP32_TOLERANCE
        )
    assert len({row["rank"] for row in alone}) > 5


def test_bfloat16_stays_within_its_tolerance() -> None:
    for exact, reduced in zip(scored(2048), scored(2048, "bf16"), strict=True):
        assert exact["answer_log_probability"] == pytest.approx(
            reduced["answer_log_probability"], abs=BF16_TOLERANCE
        )


@pytest.mark.parametrize("kind", ["deberta-v2", "bert", "roberta"])
def test_log_probabilities_equal_those_of_the_whole_output_layer(kind: str) -> None:
    model = tiny_model(kind)
    queries = [
        Query([2, *range(5, 5 + length), 3], [1, length, length // 2 + 1])
        for length in (3, 30, 9, 9, 17)
    ]
    for index, found in tiny_runner(model, batch_tokens=64).log_probabilities(queries):
        ids = torch.tensor([queries[index].ids])
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        whole = torch.log_softmax(logits, dim=-1)[list(queries[index].positions)]
        assert torch.allclose(found, whole, atol=FP32_TOLERANCE)


def test_the_model_is_left_as_it_was() -> None:
    model, ids = tiny_model(), torch.tensor([[2, 7, 8, 3]])
    list(tiny_runner(model).log_probabilities([Query([2, 7, 8, 3], [1])]))
    with torch.no_grad():
        assert model(input_ids=ids).logits.shape[:2] == (1, 4)


def inputs(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """Arguments of the step on files in `folder`."""
    save_checkpoint(tiny_model(), folder / "model.safetensors", folder / "config.json")
    write_table(
        folder / "real_coref.parquet", table_of_rows(rows, EVALUATION_ITEMS), EVALUATION_ITEMS
    )
    special = tiny_wordpiece().special_ids
    text = [7, 8, 9, 10, 11, tiny_wordpiece().vocabulary["."]]
    packed = {
        "input_ids": [[special["cls"], *text, special["sep"]] * 3],
        "segment_lengths": [[8, 8, 8]],
        "doc_ids": [["a", "b", "a"]],
    }
    DatasetDict({"holdout": Dataset.from_dict(packed)}).save_to_disk(folder / "mlm")
    write_json(folder / "manifest.json", {"sha256": "ab" * 32})
    digest = sha256_file(folder / "real_coref.parquet")
    write_json(folder / "contamination.json", {"sets_sha256": {"real_coref": digest}})
    tokenizer = saved_tokenizer(folder, tiny_wordpiece())
    write_json(folder / "mlm" / "metadata.json", {"tokenizer_sha256": sha256_file(tokenizer)})
    return {
        "model": folder / "model.safetensors",
        "model_config": folder / "config.json",
        "tokenizer": tokenizer,
        "sets": [folder / "real_coref.parquet"],
        "heldout": folder / "mlm",
        "heldout_manifest": folder / "manifest.json",
        "contamination": folder / "contamination.json",
        "scores": folder / "items.parquet",
        "heldout_scores": folder / "heldout.parquet",
        "metrics": folder / "metrics.json",
        "run": "mlm",
        "epoch": "0.5",
        "length": 128,
        "max_masks": 4,
        "top_candidates": 20,
        "heldout_mask_rate": 0.3,
        "heldout_tokens": 1000,
        "perplexity_sentences": 10,
        "precision": "fp32",
        "seed": 1,
        "code_hash": "c",
        "batch_tokens": 1000,
    } | changes


def test_the_step_writes_every_item_and_its_means(tmp_path: Path) -> None:
    rows = many_items()
    evaluate_checkpoint.run(**inputs(tmp_path, rows))
    found = read_table(tmp_path / "items.parquet", ITEM_SCORES).to_pylist()
    assert {row["item_id"] for row in found} == {row["item_id"] for row in rows}
    documents = read_table(tmp_path / "heldout.parquet", HELDOUT_SCORES).to_pylist()
    assert [row["doc_id"] for row in documents] == ["a", "b"]
    assert [row["sentence_tokens"] for row in documents] == [12, 6]
    assert [row["half"] for row in documents] == [half_of_document(1, name) for name in "ab"]
    means = read_json(tmp_path / "metrics.json")["sets"]["real_coref"]
    heldout = read_json(tmp_path / "metrics.json")["heldout"]
    assert heldout["segments"] == heldout["sentences"] == 3 and heldout["sentence_tokens"] == 18
    assert heldout["documents"] == heldout["sentence_documents"] == 2
    masked = sum(row["loss_tokens"] for row in documents)
    assert masked == heldout["masked_tokens"]
    total = sum(row["loss_sum"] for row in documents)
    assert total / masked == pytest.approx(heldout["loss"])
    assert means["items"] == 64 and means["documents"] == 32
    assert means["strict_1"] == sum(row["strict_1"] for row in found) / 64
    written = [tmp_path / name for name in ("items.parquet", "heldout.parquet", "metrics.json")]
    before = [path.read_bytes() for path in written]
    evaluate_checkpoint.run(**inputs(tmp_path, rows))
    assert before == [path.read_bytes() for path in written]


@pytest.mark.gpu
def test_both_devices_give_the_same_hits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    found = []
    for device in ("cuda", "cpu"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda device=device: device == "cuda")
        evaluate_checkpoint.run(**inputs(tmp_path, many_items()))
        assert read_json(tmp_path / "metrics.json")["device"] == device
        table = read_table(tmp_path / "items.parquet", ITEM_SCORES)
        hits = [name for name in table.column_names if name.endswith(("_1", "_5"))]
        found.append(table.select(["item_id", *hits]).to_pylist())
    assert found[0] == found[1] and {"strict_1", "lenient_5"} <= found[0][0].keys()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_that_gives_no_numbers_has_no_score(tmp_path: Path, value: float) -> None:
    """Nothing is above NaN, so every answer would be the best candidate."""
    arguments = inputs(tmp_path, many_items()[:2])
    broken = copy.deepcopy(tiny_model())
    with torch.no_grad():
        # One piece alone, and not the first: a single logit of each position.
        broken.get_output_embeddings().bias[9] = value
    save_checkpoint(broken, arguments["model"], arguments["model_config"])
    with pytest.raises(InputError, match=r"model\.safetensors gives NaN for logits in fp32"):
        evaluate_checkpoint.run(**arguments)
    assert not (tmp_path / "items.parquet").exists()


def test_a_diverged_model_is_scored_without_a_perplexity(tmp_path: Path) -> None:
    """One piece has all the probability: some 5,000 nats a token, whose exponential is no float."""
    arguments = inputs(tmp_path, many_items()[:2])
    diverged = copy.deepcopy(tiny_model())
    with torch.no_grad():
        diverged.get_output_embeddings().bias[40] = 5000.0
    save_checkpoint(diverged, arguments["model"], arguments["model_config"])
    evaluate_checkpoint.run(**arguments)
    heldout = read_json(tmp_path / "metrics.json")["heldout"]
    assert heldout["pseudo_loss"] > 4000 and heldout["pseudo_perplexity"] is None


def test_bad_inputs_end_in_one_line(tmp_path: Path) -> None:
    rows = many_items()[:2]
    for changes, message in (
        ({"length": 10}, "tokens, more than the 10 of this run"),
        ({"length": 7}, "a piece of 8 tokens, more than the 7 of this run"),
        ({"precision": "fp8"}, "precision 'fp8' is none of fp32, bf16"),
    ):
        with pytest.raises(InputError, match=message):
            evaluate_checkpoint.run(**inputs(tmp_path, rows, **changes))
    with pytest.raises(InputError, match="holds no item"):
        evaluate_checkpoint.run(**inputs(tmp_path, []))
    with pytest.raises(InputError, match="stands in two evaluation sets"):
        evaluate_checkpoint.run(**inputs(tmp_path, [rows[0], rows[0]]))
    arguments = inputs(tmp_path, rows)
    write_json(arguments["contamination"], {"sets_sha256": {"real_coref": "0"}})
    with pytest.raises(IntegrityError, match="check of other evaluation sets than real_coref"):
        evaluate_checkpoint.run(**arguments)
    arguments = inputs(tmp_path, rows)
    write_json(arguments["heldout"] / "metadata.json", {"tokenizer_sha256": "0"})
    with pytest.raises(InputError, match="built for another tokenizer"):
        evaluate_checkpoint.run(**arguments)
    other = tiny_model(vocabulary=33)
    save_checkpoint(other, arguments["model"], arguments["model_config"])
    with pytest.raises(InputError, match="vocabulary of 33"):
        evaluate_checkpoint.run(**arguments)
    arguments["sets"] = [tmp_path / "lambada.parquet"]
    with pytest.raises(IntegrityError, match="is missing"):
        evaluate_checkpoint.run(**arguments)
    assert not (tmp_path / "items.parquet").exists()
