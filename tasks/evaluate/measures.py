"""Measures of ranked lists against judgments, by ir-measures: nDCG@10, recall and mean reciprocal rank.

Gains are linear in the grade, as BEIR and trec_eval have them.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from tasks.evaluate.statistics import Values

MAIN = "nDCG@10"
"""The measure that arms are compared by."""
_NAMES = {"nDCG@10": "nDCG@10", "R@10": "recall@10", "R@100": "recall@100", "RR@10": "MRR@10"}
MEASURES = tuple(_NAMES.values())
DEPTH = 100
"""Of the lists that are judged."""

Grades = Mapping[str, Mapping[str, int]]
Ranked = Mapping[str, Sequence[str]]


def measured(grades: Grades, ranked: Ranked) -> dict[str, Values]:
    """Each measure of each query, in the order of `grades`; a query whose list is empty has 0.

    Args:
        grades: of documents, by query; 0 is not relevant.
        ranked: documents, best first and each once, by query.
    """
    import ir_measures

    names = {ir_measures.parse_measure(name): shown for name, shown in _NAMES.items()}
    # what it scores equal it orders by name: so each rank has a score of its own
    run = {query: {key: float(-rank) for rank, key in enumerate(ranked.get(query, ()))} for query in grades}
    plain = {query: dict(relevant) for query, relevant in grades.items()}
    places = {query: place for place, query in enumerate(grades)}
    values: dict[str, Values] = {shown: np.zeros(len(places)) for shown in names.values()}
    if any(run.values()):
        for metric in ir_measures.iter_calc(list(names), plain, run):
            values[names[metric.measure]][places[metric.query_id]] = metric.value
    return values
