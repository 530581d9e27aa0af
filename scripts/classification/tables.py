"""Schemas of the classification track's Parquet tables.

A row is a labelled example of the input; its number counts the rows of all input files in order.
Labels are the input's own texts, label ids the numbers 0..C-1 of those that survive the filter, in
sorted order of the labels.
"""

import pyarrow as pa

# The embedded rows, as an accounting system would export them.
GENERATED = pa.schema(
    [
        ("acct_code", pa.string()),
        ("posted", pa.date32()),
        ("amount", pa.float64()),
        ("counterparty", pa.string()),
        ("memo", pa.string()),
        ("old_split", pa.string()),  # as someone once split them: "train" or "test"
    ]
)

# What was planted in them. No step but score_audit reads it.
PLANTED = pa.schema([("row", pa.int64()), ("fault", pa.string())])

# Rows of the input that have a label.
ROWS = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.string()),
        ("text", pa.string()),
        ("group", pa.int64()),  # smallest row of those that must stay on one side of a split
        ("given_split", pa.string()),  # of the input's own split; null where it has none
    ]
)

# Rows whose class survives the filter.
KEPT = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.string()),
        ("label_id", pa.int32()),
        ("text", pa.string()),
        ("group", pa.int64()),
        ("train_only", pa.bool_()),  # of a rare class that no other split may hold
    ]
)

# Where each kept row went.
SPLITS = pa.schema([("row", pa.int64()), ("label_id", pa.int32()), ("split", pa.string())])
TRAIN, VALIDATION, TEST = SPLIT_NAMES = ("train", "validation", "test")

# Predictions for kept rows by models that had not seen them (out of fold).
NOISE = pa.schema(
    [
        ("row", pa.int64()),
        ("label_id", pa.int32()),
        ("predicted_id", pa.int32()),
        ("own_probability", pa.float64()),  # of the given label
        ("predicted_probability", pa.float64()),
        ("suspect", pa.bool_()),  # the label is probably wrong
    ]
)

# Rows that the audit names.
SUSPECTS = pa.schema([("row", pa.int64()), ("fault", pa.string())])

# A serialized split, beside the `datasets` folder.
EXAMPLES = pa.schema([("row", pa.int64()), ("text", pa.string()), ("label", pa.int64())])

# A trained model's answers on the test split, in row order.
PREDICTIONS = pa.schema(
    [
        ("row", pa.int64()),
        ("label_id", pa.int32()),
        ("predicted_id", pa.int32()),
        ("probability", pa.float64()),  # of the predicted class
    ]
)

# Losses along a training, on the same scale for every strategy.
LOSSES = pa.schema(
    [
        ("step", pa.int64()),  # optimizer steps done; 0 before the first
        ("epoch", pa.float64()),
        ("cross_entropy", pa.float64()),  # of the training batch, unweighted, in nats
        ("objective", pa.float64()),  # what is minimized: weighted, focal, or the same
        ("validation_cross_entropy", pa.float64()),  # unweighted; null between evaluations
        ("validation_macro_f1", pa.float64()),  # null between evaluations
    ]
)

# A split as the encoder reads it, in the order of EXAMPLES.
TOKENS = pa.schema(
    [
        ("row", pa.int64()),
        ("label", pa.int64()),
        ("input_ids", pa.list_(pa.int32())),  # special tokens included, no padding
    ]
)
