"""Schemas of the corpus track's Parquet tables.

A *key* is the 64-bit hash of a document's id; tables are sorted by it, so that the shards of a
source, read one after the other, give the same order for any number of shards. Equal texts have
one *analysed* document: the first of them by (source order, key); analyses, tokens and candidate
samples are stored once, under its source and key.
"""

import pyarrow as pa

DOCUMENTS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("key", pa.uint64()),
        ("text_hash", pa.binary(16)),
        ("removed_characters", pa.int32()),
        ("replaced_surrogates", pa.int32()),
        ("text", pa.string()),
    ]
)

UNREADABLE = pa.schema(
    [("doc_id", pa.string()), ("file", pa.string()), ("row", pa.int64()), ("problem", pa.string())]
)

DUPLICATES = pa.schema([("key", pa.uint64()), ("doc_id", pa.string())])

MENTION_LISTS = (
    ("mention_form", pa.list_(pa.string())),
    ("mention_tag", pa.list_(pa.string())),
    ("mention_start", pa.list_(pa.int32())),
    ("mention_end", pa.list_(pa.int32())),
    ("mention_particle", pa.list_(pa.string())),
)

SCORES = pa.schema(
    [
        ("doc_id", pa.string()),
        ("key", pa.uint64()),
        ("text_hash", pa.binary(16)),
        ("characters", pa.int32()),
        ("sentence_marks", pa.int32()),
        ("hangul_ratio", pa.float64()),
        ("symbol_ratio", pa.float64()),
        # "duplicate" (analysed elsewhere), "outside" (of the floor), "analysed" or "failed"
        ("analysis", pa.string()),
        ("kiwi_tokens", pa.int32()),
        ("nnp", pa.int32()),
        ("nnp_ratio", pa.float64()),
        ("pronouns", pa.int32()),
        ("unspanned_nouns", pa.int32()),
        *MENTION_LISTS,
    ]
)

SIGNATURES = pa.schema(
    [("key", pa.uint64()), ("text_hash", pa.binary(16)), ("bands", pa.list_(pa.uint64()))]
)

GROUPS = pa.schema([("text_hash", pa.binary(16)), ("group", pa.binary(16))])

SPLITS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("key", pa.uint64()),
        ("text_hash", pa.binary(16)),
        ("group", pa.binary(16)),
        ("split", pa.string()),
    ]
)

SELECTION = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("key", pa.uint64()),
        ("text_hash", pa.binary(16)),
        ("split", pa.string()),
        ("reason", pa.string()),  # "kept", or the first reason against the document
        ("analysed_source", pa.string()),
        ("analysed_key", pa.uint64()),
    ]
)

TOKENS = pa.schema(
    [
        ("key", pa.uint64()),
        ("token_ids", pa.list_(pa.int32())),
        ("token_starts", pa.list_(pa.int32())),
        ("token_ends", pa.list_(pa.int32())),
    ]
)

CANDIDATES = pa.schema(
    [
        ("source", pa.string()),
        ("key", pa.uint64()),
        ("doc_id", pa.string()),
        ("split", pa.string()),
        ("entity", pa.string()),
        ("surface", pa.string()),
        ("particle", pa.string()),
        ("ordinal", pa.int32()),
        ("rank", pa.uint64()),
        ("distance", pa.int32()),
        ("antecedent_start", pa.int32()),
        ("antecedent_end", pa.int32()),
        ("mention_start", pa.int32()),
        ("mention_end", pa.int32()),
        ("antecedent_token_start", pa.int32()),
        ("antecedent_token_end", pa.int32()),
        ("fused", pa.bool_()),
        ("bound", pa.bool_()),
        ("left", pa.int32()),
        ("right", pa.int32()),
        ("left_ids", pa.list_(pa.int32())),
        ("label_ids", pa.list_(pa.int32())),
        ("right_ids", pa.list_(pa.int32())),
        ("window_start", pa.int32()),
        ("window_tokens", pa.int32()),
    ]
)

OUTCOMES = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("outcome", pa.string()),  # "candidate", "no_repeated_entity" or "no_sample"
    ]
)

PAIR_COUNTS = pa.schema(
    [
        ("outcome", pa.string()),
        ("pairs", pa.int64()),
        ("fused", pa.int64()),  # a token straddles an edge of the mention
        ("fused_with_particle", pa.int64()),  # and the mention is followed by a particle
    ]
)

CUTOFFS = pa.schema(
    [
        ("entity", pa.string()),
        ("rank", pa.uint64()),
        ("doc_id", pa.string()),
        ("ordinal", pa.int32()),
    ]
)

# Entities below the minimum frequency, by document: a row for each document that has training
# samples of one, in the order of the candidates.
RARE_ENTITIES = pa.schema([("source", pa.string()), ("key", pa.uint64()), ("entity", pa.string())])

ENTITIES = pa.schema(
    [
        ("entity", pa.string()),
        ("samples_before_cap", pa.int64()),  # training samples
        ("samples_after_cap", pa.int64()),  # 0 below the minimum frequency
        ("validation", pa.int64()),  # samples of the other splits, which are not capped
        ("test", pa.int64()),
        ("holdout", pa.int64()),
    ]
)

FATES = pa.schema([("doc_id", pa.string()), ("source", pa.string()), ("outcome", pa.string())])

ENTITY_COREF_ROWS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("source", pa.string()),
        ("entity", pa.string()),
        ("surface", pa.string()),
        ("particle", pa.string()),
        ("distance", pa.int32()),
        ("antecedent_start", pa.int32()),
        ("antecedent_end", pa.int32()),
        ("mention_start", pa.int32()),
        ("mention_end", pa.int32()),
        ("antecedent_token_start", pa.int32()),
        ("antecedent_token_end", pa.int32()),
        ("mask_token_start", pa.int32()),
        ("fused", pa.bool_()),
        ("bound", pa.bool_()),
        ("label_ids", pa.list_(pa.int32())),
        ("input_ids", pa.list_(pa.int32())),
    ]
)

MLM_ROWS = pa.schema(
    [
        ("input_ids", pa.list_(pa.int32())),
        ("segment_lengths", pa.list_(pa.int32())),
        ("doc_ids", pa.list_(pa.string())),
    ]
)
