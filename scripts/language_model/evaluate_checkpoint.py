"""Evaluates one checkpoint on all evaluation sets and on held-out text.

In: a checkpoint, the tokenizer, the evaluation sets, a masked-language-model dataset whose hold-out
split gives the text. Out: one row per item (`ITEM_SCORES`), one per document of the held-out text
(`HELDOUT_SCORES`), and metrics.json with the held-out loss, the pseudo-perplexity, plain means by
set, and the definition of every metric.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from scripts.common.entry import entry
from scripts.common.errors import InputError, IntegrityError
from scripts.common.files import read_json, sha256_file, write_json
from scripts.common.memory import keep_freed_memory
from scripts.common.progress import Progress
from scripts.common.tables import table_of_rows, table_writer, write_table
from scripts.common.wordpiece import load_wordpiece
from scripts.language_model import heldout_text, lenient_scores, strict_scores
from scripts.language_model.analysed_texts import analyser
from scripts.language_model.checkpoints import load_checkpoint
from scripts.language_model.evaluation_sets import Item, read_items
from scripts.language_model.halves import half_of_document
from scripts.language_model.heldout_text import (
    DocumentSum,
    Segment,
    TextScore,
    held_out_segments,
    keyed_sample,
    masked_loss,
    pseudo_perplexity,
)
from scripts.language_model.item_scores import ItemScorer
from scripts.language_model.lenient_scores import NounTest
from scripts.language_model.masked_logits import Runner
from scripts.language_model.tables import HELDOUT_SCORES, ITEM_SCORES

_ITEMS_AT_A_TIME = 256
_PACKAGES = ("kiwipiepy", "kiwipiepy_model", "tokenizers", "torch", "transformers")
_SHARES = ("strict_1", "strict_5", "lenient_1", "lenient_5", "choice_1", "entity_1")


def run(
    model: Path,
    model_config: Path,
    tokenizer: Path,
    sets: list[Path],
    contamination: Path,
    heldout: Path,
    heldout_manifest: Path,
    scores: Path,
    heldout_scores: Path,
    metrics: Path,
    *,
    run: str,
    epoch: str,
    length: int,
    max_masks: int,
    top_candidates: int,
    heldout_mask_rate: float,
    heldout_tokens: int,
    perplexity_sentences: int,
    precision: str,
    seed: int,
    code_hash: str,
    batch_tokens: int,
    threads: int = 1,
) -> None:
    """Write the items' scores and the metrics of a checkpoint.

    Args:
        model: the weights.
        model_config: their config.json.
        tokenizer: the tokenizer of the model, of the sets and of the dataset.
        sets: the evaluation sets.
        contamination: the check of these sets against the training sets.
        heldout: folder of a masked-language-model dataset of a length that this run can take.
        heldout_manifest: its manifest.
        scores: where the items' scores go.
        heldout_scores: where the held-out documents' sums go.
        metrics: where the metrics go.
        run: name of the run.
        epoch: epoch of the checkpoint, as in the table of runs.
        length: length of the run's inputs in tokens, special tokens included.
        max_masks: most pieces of a candidate.
        top_candidates: single pieces that become candidates.
        heldout_mask_rate: share of the held-out tokens that are masked for the loss.
        heldout_tokens: held-out tokens that are read at most.
        perplexity_sentences: sentences of the pseudo-perplexity at most.
        precision: "fp32" or "bf16".
        seed: key of the fixed masks, of the sampled sentences and of the halves.
        code_hash: version of this step's code.
        batch_tokens: tokens of a forward pass at most, padding included.
        threads: threads of the CPU.
    """
    torch.set_num_threads(threads)
    keep_freed_memory()
    wordpiece = load_wordpiece(tokenizer)
    evaluated = read_items(sets)
    sets_sha256 = {path.stem: sha256_file(path) for path in sets}
    _refuse_unchecked_sets(contamination, sets_sha256)
    loaded = load_checkpoint(model, model_config)
    if loaded.config.vocab_size != len(wordpiece.pieces):
        raise InputError(
            f"{model} has a vocabulary of {loaded.config.vocab_size}, {tokenizer} one of "
            f"{len(wordpiece.pieces)}; give the tokenizer that the model was trained with"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runner = Runner(
        loaded.to(device),  # type: ignore[arg-type]
        wordpiece.special_ids["pad"],
        batch_tokens,
        precision,
        str(model),
    )
    scorer = ItemScorer(
        runner,
        wordpiece,
        NounTest(wordpiece, analyser()),
        max_masks=max_masks,
        top_candidates=top_candidates,
        length=length,
    )
    _refuse_other_tokenizer(heldout, tokenizer)
    segments = keyed_sample(held_out_segments(heldout), heldout_tokens, seed)
    _refuse_long(segments, heldout, length)
    progress = Progress(f"evaluate_checkpoint {run} {epoch}", total=len(evaluated), unit="items")
    rows: list[dict[str, Any]] = []
    with table_writer(scores, ITEM_SCORES) as writer:
        for some in _similar_lengths(evaluated):
            rows += scorer.score(some)
            progress.advance(len(some))
        rows.sort(key=lambda row: (row["set"], row["doc_id"], row["item_id"]))
        writer.write_table(table_of_rows(rows, ITEM_SCORES))
    loss = masked_loss(runner, wordpiece, segments, rate=heldout_mask_rate, seed=seed)
    sentences = pseudo_perplexity(
        runner, wordpiece, segments, count=perplexity_sentences, seed=seed
    )
    by_document = heldout_rows(loss, sentences, seed=seed)
    write_table(heldout_scores, table_of_rows(by_document, HELDOUT_SCORES), HELDOUT_SCORES)
    write_json(
        metrics,
        {
            "run": run,
            "epoch": epoch,
            "sets": means_by_set(rows),
            "heldout": {
                "loss": loss.value,
                "masked_tokens": loss.tokens,
                "segments": loss.texts,
                "documents": len(loss.documents),
                "pseudo_perplexity": sentences.perplexity,
                "pseudo_loss": sentences.value,
                "sentence_tokens": sentences.tokens,
                "sentences": sentences.texts,
                "sentence_documents": len(sentences.documents),
            },
            "dropped_candidates": dict(sorted(scorer.dropped.items())),
            "definitions": {
                "strict": strict_scores.DEFINITION,
                "lenient": lenient_scores.DEFINITION,
                "choice_1": "the answer is the best of the set's own candidates, scored likewise",
                "entity_1": (
                    "given the answer's own number of masks, the likeliest piece at each of them "
                    "is the answer's (the training objective; it knows the number of pieces)"
                ),
                "heldout": f"{heldout_text.LOSS_DEFINITION}; {heldout_text.PERPLEXITY_DEFINITION}",
            },
            "max_masks": max_masks,
            "top_candidates": top_candidates,
            "heldout_mask_rate": heldout_mask_rate,
            "precision": precision,
            "device": device,
            "threads": threads,
            "seed": seed,
            "model_sha256": sha256_file(model),
            "config_sha256": sha256_file(model_config),
            "sets_sha256": sets_sha256,
            "heldout_sha256": read_json(heldout_manifest)["sha256"],
            "contamination_sha256": sha256_file(contamination),
            "tokenizer_sha256": sha256_file(tokenizer),
            "code_hash": code_hash,
            "package_versions": {package: version(package) for package in _PACKAGES},
        },
    )
    progress.finish()


def _refuse_unchecked_sets(contamination: Path, sets_sha256: Mapping[str, str]) -> None:
    if read_json(contamination)["sets_sha256"] != sets_sha256:
        raise IntegrityError(
            f"{contamination} is the check of other evaluation sets than "
            f"{', '.join(sets_sha256)}; delete it and run again"
        )


def _refuse_other_tokenizer(dataset: Path, tokenizer: Path) -> None:
    stated = read_json(dataset / "metadata.json").get("tokenizer_sha256")
    if stated != sha256_file(tokenizer):
        raise InputError(
            f"{dataset} was built for another tokenizer (sha256 {stated}) than {tokenizer}; build "
            "it again with `snakemake corpus`"
        )


def _refuse_long(segments: Sequence[Segment], heldout: Path, length: int) -> None:
    longest = max(len(segment.ids) for segment in segments)
    if longest > length:
        raise InputError(
            f"{heldout} holds a piece of {longest} tokens, more than the {length} of this run; "
            "give the dataset of the shortest length of all runs"
        )


def _similar_lengths(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield the items in groups of similar length; prepared candidates take much memory."""
    ordered = sorted(items, key=lambda item: (len(item["text"]), item["item_id"]))
    for start in range(0, len(ordered), _ITEMS_AT_A_TIME):
        yield ordered[start : start + _ITEMS_AT_A_TIME]


def heldout_rows(loss: TextScore, sentences: TextScore, *, seed: int) -> list[dict[str, Any]]:
    """Return rows of `HELDOUT_SCORES`, sorted by document.

    Args:
        loss: the masked-language-model loss.
        sentences: the pseudo-perplexity.
        seed: key of the halves, the same as that of the evaluation sets.
    """
    nothing = DocumentSum(0.0, 0)
    rows = []
    for doc_id in sorted({*loss.documents, *sentences.documents}):
        masked, asked = (one.documents.get(doc_id, nothing) for one in (loss, sentences))
        rows.append(
            {
                "doc_id": doc_id,
                "half": half_of_document(seed, doc_id),
                "loss_sum": masked.total,
                "loss_tokens": masked.tokens,
                "sentence_sum": asked.total,
                "sentence_tokens": asked.tokens,
            }
        )
    return rows


def means_by_set(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return plain means of the items' scores by set, with the number of items and chance."""
    means = {}
    for name, group in groupby(sorted(rows, key=lambda row: row["set"]), lambda row: row["set"]):
        found = list(group)
        shares = {
            column: fmean(values)
            for column in _SHARES
            if (values := [row[column] for row in found if row[column] is not None])
        }
        candidates = [row["candidates"] for row in found]
        means[name] = {
            "items": len(found),
            "documents": len({row["doc_id"] for row in found}),
            "answer_is_candidate": fmean(row["rank"] is not None for row in found),
            "candidates_mean": fmean(candidates),
            "chance_1": fmean(1 / number if number else 0.0 for number in candidates),
            "chance_5": fmean(min(1.0, 5 / number) if number else 0.0 for number in candidates),
            "answer_log_probability": fmean(row["answer_log_probability"] for row in found),
            **shares,
        }
    return means


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
