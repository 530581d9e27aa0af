"""Schemas of the language_model track's Parquet tables.

An *item* is one masked mention (or blank) of an evaluation set; its `half` ("validation" or
"test") is a keyed hash of its document, so that all items of a document stand in one half. Spans
are in characters of `text`, ends excluded.
"""

import pyarrow as pa

# One evaluation set: the same file for all lengths and runs.
EVALUATION_ITEMS = pa.schema(
    [
        ("item_id", pa.string()),  # unique over all sets
        ("set", pa.string()),  # "real_coref", "gold_coref" or "lambada"
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("half", pa.string()),
        ("text", pa.string()),  # the context; it fits the shortest length of all runs
        ("mention_start", pa.int32()),
        ("mention_end", pa.int32()),
        ("antecedent_start", pa.int32()),
        ("antecedent_end", pa.int32()),
        ("distance", pa.int32()),  # characters from the antecedent's end to the mention's start
        ("entity", pa.string()),  # the answer without spaces, as training counts it
        ("answer", pa.string()),  # text[mention_start:mention_end]
        ("particle", pa.string()),  # tag of the particle that follows, "" where none does
        ("particle_text", pa.string()),  # its characters, "" where none does
        ("training_samples", pa.int64()),  # samples of the entity in any training set
        ("unseen", pa.bool_()),  # training_samples is 0
        # All noun mentions of `text` but the masked one, in text order.
        ("noun_form", pa.list_(pa.string())),
        ("noun_start", pa.list_(pa.int32())),
        ("noun_end", pa.list_(pa.int32())),
        # The set's own candidates (answer included), empty where it has none.
        ("choices", pa.list_(pa.string())),
    ]
)

# One row per item and checkpoint.
ITEM_SCORES = pa.schema(
    [
        ("item_id", pa.string()),
        ("set", pa.string()),
        ("doc_id", pa.string()),
        ("half", pa.string()),
        ("unseen", pa.bool_()),
        ("particle", pa.string()),
        ("strict_1", pa.bool_()),  # the exact form is the best candidate
        ("strict_5", pa.bool_()),  # ... among the best five
        ("lenient_1", pa.bool_()),
        ("lenient_5", pa.bool_()),
        ("choice_1", pa.bool_()),  # the answer is the best of the set's own candidates; or null
        ("entity_1", pa.bool_()),  # given the answer's k masks, the likeliest pieces are its own
        ("rank", pa.int32()),  # of the answer among the candidates, from 1; null if it is none
        ("candidates", pa.int32()),  # number of candidates; chance level is 1 / candidates
        ("answer_log_probability", pa.float64()),  # nats a token, at the answer's own k masks
        ("best", pa.string()),  # the best candidate
    ]
)

# One row per item and model-free baseline.
BASELINE_SCORES = pa.schema([("baseline", pa.string()), *ITEM_SCORES])

# One row per document of the held-out text and checkpoint; sums over its tokens, in nats.
HELDOUT_SCORES = pa.schema(
    [
        ("doc_id", pa.string()),
        ("half", pa.string()),
        ("loss_sum", pa.float64()),  # of -log p of the masked tokens
        ("loss_tokens", pa.int64()),
        ("sentence_sum", pa.float64()),  # of -log p of its sentences' tokens, one masked at a time
        ("sentence_tokens", pa.int64()),  # 0 where no sentence of it was chosen
    ]
)

# One row per optimizer step of a segment.
STEPS = pa.schema(
    [
        ("step", pa.int64()),  # from 1
        ("epoch", pa.float64()),
        ("loss", pa.float64()),  # nats per labelled token, mean over the step
        ("gradient_norm", pa.float64()),  # before clipping
        ("learning_rate", pa.float64()),
        ("tokens", pa.int64()),  # input tokens, padding left out
        ("labelled", pa.int64()),  # tokens with a label
    ]
)

# Tidy results of all checkpoints.
METRICS = pa.schema(
    [
        ("run", pa.string()),
        ("epoch", pa.string()),  # as in runs.tsv, e.g. "0.5"
        ("step", pa.int64()),
        ("set", pa.string()),  # a set's name; "heldout" (losses) or "composite" otherwise
        ("half", pa.string()),  # "validation", "test" or "all"
        ("subset", pa.string()),  # "all", "unseen", "seen" or "particle:JKS"
        ("metric", pa.string()),  # a boolean column of ITEM_SCORES, "loss", "composite_strict" ...
        ("items", pa.int64()),
        ("documents", pa.int64()),
        ("value", pa.float64()),
        ("low", pa.float64()),  # 95 % interval, bootstrap over documents
        ("high", pa.float64()),
    ]
)
