"""Schemas of the descriptors track's Parquet tables.

Descriptors are numeric columns of the table that is reduced, items its rows. Similarities are
absolute values in [0, 1].
"""

import pyarrow as pa

# The embedded library, one row per molecule.
LIBRARY = pa.schema([("id", pa.string()), ("smiles", pa.string())])

# Molecules of a shard, each once.
MOLECULES = pa.schema(
    [
        ("molecule_id", pa.string()),
        ("smiles", pa.string()),  # canonical, after standardisation
        ("inchikey", pa.string()),
    ]
)

# One row per input row: where it went.
MOLECULE_ROWS = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),  # from 0, of the file
        ("given_id", pa.string()),
        ("given_smiles", pa.string()),
        ("fate", pa.string()),  # "kept", "duplicate" or "rejected"
        ("reason", pa.string()),  # of a rejected row; null otherwise
        ("molecule_id", pa.string()),  # whose descriptors stand for the row; null if rejected
    ]
)

# Molecules whose descriptors could not be computed.
DESCRIPTOR_REJECTS = pa.schema(
    [("molecule_id", pa.string()), ("smiles", pa.string()), ("reason", pa.string())]
)

# One row per descriptor, from the scan of pass 1.
STATISTICS = pa.schema(
    [
        ("name", pa.string()),
        ("valid", pa.int64()),  # values that are neither null, NaN nor infinite
        ("missing_ratio", pa.float64()),
        ("minimum", pa.float64()),
        ("maximum", pa.float64()),
        ("low_quantile", pa.float64()),  # 0.025
        ("high_quantile", pa.float64()),  # 0.975
        ("mean", pa.float64()),
        ("sd", pa.float64()),
        ("distinct", pa.int64()),  # exact
        ("mode_share", pa.float64()),  # of the most frequent value among valid ones
        ("scaled_variance", pa.float64()),  # by the range that the config names
        ("survives", pa.bool_()),
        ("reason", pa.string()),  # first failing criterion; null for a survivor
    ]
)

# One removal. Pass 1 has a reason and no heir, passes 2 to 4 have an heir and no reason.
EVENTS = pa.schema(
    [
        ("removed", pa.string()),
        ("heir", pa.string()),
        ("pass", pa.int8()),
        ("statistic", pa.string()),  # "missing_ratio", "spearman", "vif", "nhsic", "rdc" ...
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("similarity", pa.float64()),  # to the heir; of pass 4 on the joint scale of its measures
        ("weak", pa.bool_()),  # the heir is a poor stand-in
        ("reason", pa.string()),
    ]
)

# Clusters of pass 2 or 4, one row per member.
CLUSTERS = pa.schema(
    [
        ("cluster", pa.int32()),  # from 0, largest first, then by representative
        ("name", pa.string()),
        ("representative", pa.string()),
        ("similarity", pa.float64()),  # to the representative; 1 for itself
    ]
)

# Steps of pass 3, in order.
VIF_PATH = pa.schema(
    [
        ("step", pa.int32()),  # from 1
        ("removed", pa.string()),
        ("vif", pa.float64()),
        ("heir", pa.string()),
        ("similarity", pa.float64()),
        ("remaining", pa.int32()),
    ]
)

# Memory and time by block of a pass.
MEMORY = pa.schema(
    [
        ("stage", pa.string()),
        ("block", pa.int32()),
        ("resident_mb", pa.float64()),
        ("seconds", pa.float64()),
    ]
)

# One row per input column.
LINEAGE = pa.schema(
    [
        ("name", pa.string()),
        ("fate", pa.string()),  # "survivor", "alternative", "reject", "protected", ...
        ("survivor", pa.string()),  # itself for a survivor; null for rejects and others
        ("pass", pa.int8()),  # that removed it; null for survivors and others
        ("heirs", pa.list_(pa.string())),  # chain from its heir to the survivor
        ("similarity", pa.float64()),  # to the survivor, where it was measured
        ("measure", pa.string()),  # of the similarity: "spearman", "rdc", "last vif", ...
        ("weak", pa.bool_()),  # some event on its chain is weak
        ("reason", pa.string()),
    ]
)

# For the report: |ρ| of survivors of pass 1, one row each, members of a cluster side by side.
HEATMAP = pa.schema(
    [
        ("name", pa.string()),
        ("survivor", pa.string()),  # that stands for it after all passes
        ("representative", pa.string()),  # of its cluster in pass 2
        ("values", pa.list_(pa.float32())),  # |ρ| to each row's descriptor; null where undefined
    ]
)

# For the report: pairs of pass 4, the most dependent first.
PAIRS = pa.schema(
    [
        ("first", pa.string()),
        ("second", pa.string()),
        ("spearman", pa.float64()),  # |ρ| of pass 2; null where undefined
        ("nhsic", pa.float64()),
        ("rdc", pa.float64()),
        ("fusion", pa.float64()),  # weighted mean of the two
        ("edge", pa.bool_()),  # a measure reaches its threshold
    ]
)
