"""Schemas of the retrieval track's Parquet tables.

Sessions are numbered 0 to T - 1 in order of time; a stream is one method trained with one seed
through all of them. An answer is a document that the relevance judgements (qrels) name for a query
with a score above 0.
"""

import pyarrow as pa

# A session's own documents, its collection, in order of the input.
DOCUMENTS = pa.schema(
    [
        ("doc_id", pa.string()),
        ("text", pa.string()),
        ("domain", pa.string()),  # null where the input names none
    ]
)

# A session's queries, in order of the input.
TRAIN, TEST = "train", "test"
QUERIES = pa.schema(
    [
        ("qid", pa.string()),
        ("text", pa.string()),
        ("domain", pa.string()),
        ("split", pa.string()),  # TRAIN or TEST
    ]
)

# Judgements of a session's queries; the document may be of this session or of an earlier one.
QRELS = pa.schema(
    [
        ("qid", pa.string()),
        ("doc_id", pa.string()),
        ("score", pa.int32()),
        ("session", pa.int32()),  # of the document
    ]
)

# What a memory holds: documents, and queries of the training split.
DOCUMENT, QUERY = "document", "query"
NO_CLUSTER = -1
MEMBERS = pa.schema(
    [
        ("kind", pa.string()),  # DOCUMENT or QUERY
        ("id", pa.string()),  # doc_id or qid
        ("session", pa.int32()),  # in which it arrived
        ("domain", pa.string()),
        ("text", pa.string()),
        ("cluster", pa.int32()),  # NO_CLUSTER where the stream has none
        (
            "distance",
            pa.float32(),
        ),  # to the cluster's prototype, 0 to 2; null without a cluster, and for one alone in it
        ("known_answers", pa.list_(pa.string())),  # of a query: those that its labels policy shows
        # Of a query: all; read for what is reported, and by samplers that say so (`labels`).
        ("true_answers", pa.list_(pa.string())),
    ]
)

# Scores of the test queries of one session that have an answer in the collection searched.
MEASURES = (
    *("success_1", "success_5", "success_10"),
    *("recall_5", "recall_10", "recall_100"),
    *("mrr_10", "ndcg_10"),
)
FULL, STORED, CLUSTERS = MODES = ("full", "stored", "clusters")
QUERY_SCORES = pa.schema(
    [
        ("mode", pa.string()),
        ("test", pa.int32()),  # the queries' session
        ("qid", pa.string()),
        ("domain", pa.string()),
        ("answers", pa.int32()),  # in the collection searched
        *((measure, pa.float64()) for measure in MEASURES),
    ]
)
