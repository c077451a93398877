"""How much meaning counts against words, by queries whose answers somebody has judged."""

from collections.abc import Mapping

from tasks.lake.nearest import View
from tasks.models.interface import Encoder, text_items
from tasks.search.fusion import DEPTH, Scored, most_words
from tasks.search.learn import JUDGMENTS, Learnt, Trial, weigh
from tasks.search.retrieve import Query, Way, retrieve
from tasks.search.scales import background_of


def learn_from_judgments(
    view: View, encoder: Encoder, queries: Mapping[str, str], judged: Mapping[str, Mapping[str, int]]
) -> Learnt:
    """The weight with which a table answers judged queries best; see `settle.keep` for where it goes.

    Args:
        view: of the table, which has a text index.
        encoder: of its model.
        queries: their texts, by id.
        judged: grades from 0 on of the documents that answer each query, by its id and theirs; at least two queries.

    Raises:
        LakeError: the table cannot be read.
    """
    asked = [identity for identity in judged if identity in queries and any(judged[identity].values())]
    vectors = encoder.encode_queries(text_items(queries[identity] for identity in asked)).vectors
    trials = []
    for identity, vector in zip(asked, vectors, strict=True):
        query = queries[identity]
        near = _documents(view, query, vector.tolist(), "vector")
        matching = _documents(view, query, vector.tolist(), "text")
        trials.append(Trial(near, matching, most_words(len(view.words(query)), view.rows), judged[identity]))
    return weigh(trials, background_of(view.some_vectors), view.rows, JUDGMENTS)


def _documents(view: View, text: str, vector: list[float], by: Way) -> Scored:
    """The documents that one list has, by their best passages."""
    found: dict[str, float] = {}
    for hit in retrieve(view, Query(text, vector, by, DEPTH)):
        found.setdefault(hit.row["document_id"], hit.score)
    return list(found.items())
