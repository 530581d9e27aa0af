"""Precision and recall of the audit by hand."""

from scripts.classification import score_audit
from scripts.classification.tables import PLANTED, SUSPECTS
from scripts.common.tables import write_table
from tests.classification.audit_builders import read_tsv, table


def test_precision_and_recall_by_hand(tmp_path):
    suspects, planted = tmp_path / "suspects.parquet", tmp_path / "planted.parquet"
    found = {"label_noise": [1, 2, 3, 4], "singleton": [9], "empty_text": [5]}
    true = {"label_noise": [2, 4, 6], "singleton": [9], "null_label": [7, 8]}
    for path, schema, rows in ((suspects, SUSPECTS, found), (planted, PLANTED, true)):
        pairs = [(row, fault) for fault in rows for row in rows[fault]]
        columns = {"row": [row for row, _ in pairs], "fault": [fault for _, fault in pairs]}
        write_table(path, table(schema, **columns), schema)
    score_audit.run(suspects, planted, tmp_path / "score.tsv")
    assert [tuple(line.values()) for line in read_tsv(tmp_path / "score.tsv")] == [
        ("empty_text", "0", "1", "0", "0.0000", ""),
        ("label_noise", "3", "4", "2", "0.5000", "0.6667"),
        ("null_label", "2", "0", "0", "", "0.0000"),
        ("singleton", "1", "1", "1", "1.0000", "1.0000"),
    ]
