"""Retrieval measures of single queries, as trec_eval and the MS MARCO script define them.

Success@k: an answer stands among the first k. Recall@k: share of the answers among the first k.
MRR@10: inverse rank of the first answer, 0 below rank 10. nDCG@10: gains as judged, discounted by
log2(rank + 1), by the largest possible (Järvelin and Kekäläinen 2002). All are computed by
ir_measures, for which a query that is missing in the run has 0 in every measure.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from scripts.retrieval.tables import MEASURES

Run = Mapping[str, Mapping[str, float]]  # score by document, by query
Answers = Mapping[str, Mapping[str, int]]  # judged score (above 0) by document, by query
MIN_DEPTH = 100  # of a run, the deepest measure's


@cache
def _library_measures() -> dict[Any, str]:
    from ir_measures import RR, R, Success, nDCG

    kinds = {"success": Success, "recall": R, "mrr": RR, "ndcg": nDCG}
    named = ((name, *name.split("_")) for name in MEASURES)
    return {kinds[kind] @ int(cutoff): name for name, kind, cutoff in named}


def score_queries(run: Run, answers: Answers) -> dict[str, dict[str, float]]:
    """Return `MEASURES` of every query that has an answer.

    Args:
        run: the scores of the documents found; ranks follow from them.
        answers: of each query; a query without any is left out of the result.
    """
    import ir_measures

    judged = {qid: dict(known) for qid, known in answers.items() if known}
    found: dict[str, dict[str, float]] = {qid: {} for qid in judged}
    if not judged:
        return {}
    names = _library_measures()
    shown = {qid: dict(hits) for qid, hits in run.items() if hits and qid in judged}
    for value in ir_measures.evaluator(list(names), judged).iter_calc(shown):
        found[value.query_id][names[value.measure]] = float(value.value)
    return found
