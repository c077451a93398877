"""Known items: queries whose answer is known without anybody's judgment, made from the corpus itself.

A heading, or a title where there is none, is to find its passage among others (Azzopardi and de Rijke, "Automatic
Construction of Known-Item Finding Test Beds", 2006). What would give the answer away is out of reach: the words are
taken out of the passage, which is embedded anew without them, and what is matched by words is the text alone, without
the columns of titles and headings. A corpus without such names has sentences to find the passage that they were taken
out of, as in `tasks.search.learn`, which this shares its searches with.

The passages are a sample of the corpus, so that the figures are higher than a search of the whole would give; they
compare models with each other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import ConfigurationError
from tasks.lake.analysis import Analysis, analysis_of, main_language, words_of
from tasks.lake.literals import quoted
from tasks.lake.nearest import Row, View
from tasks.models.interface import Encoder, encode_in_parts, text_items
from tasks.models.template import Template, is_text
from tasks.search.fusion import fuse
from tasks.search.learn import ITEMS, known_items, trials_of
from tasks.search.retrieve import Scales, Way

POOL = 2_000
"""Passages among which the known ones are to be found."""
_LEAST = 20  # items; with fewer, nothing is told
_ENOUGH = 50  # with fewer names, sentences are asked
_QUERY_WORDS, _REST_WORDS = 2, 3  # distinct ones, at least
_COLUMNS = ("chunk_id", "document_id", "ordinal", "title", "heading_path", "text", "text_hash")


@dataclass(frozen=True, slots=True)
class Pool:
    """Passages, and queries that some of them answer.

    Attributes:
        chunk_ids, texts: of the passages.
        items: the place of a passage, the query, and what is left of the passage.
        made_of: what the queries are.
        analysis: how words are told.
    """

    chunk_ids: list[str]
    texts: list[str]
    items: list[tuple[int, str, str]]
    made_of: str
    analysis: Analysis

    @property
    def queries(self) -> dict[str, str]:
        """Their texts, by id."""
        return {f"k{number}": query for number, (_, query, _) in enumerate(self.items)}

    @property
    def grades(self) -> dict[str, dict[str, int]]:
        """The passage that answers each, by its place."""
        return {f"k{number}": {str(place): 1} for number, (place, _, _) in enumerate(self.items)}


def pool_of(views: Sequence[View], count: int) -> Pool:
    """Passages that all of some tables have, each text once, and what is asked of them.

    Args:
        views: of the tables.
        count: most passages.

    Raises:
        ConfigurationError: they give too few queries.
    """
    sample = views[0].sample(count, [*_COLUMNS, "modality"])
    rows = sample.filter(is_text(sample)).to_pylist()
    analysis = views[0].analysis or analysis_of(main_language(row["text"] or "" for row in rows))
    common = {row["chunk_id"] for row in rows}
    for view in views[1:]:
        there = view.matched(f"chunk_id IN ({', '.join(map(quoted, common))})", ["chunk_id"]) if common else []
        common = {row["chunk_id"] for row in there}
    distinct = {row["text_hash"]: row for row in rows if row["chunk_id"] in common and row["text"]}
    kept = _one_of_each(list(distinct.values()))
    items, made_of = named_items(kept, analysis), "titles and headings"
    if len(items) < _ENOUGH:
        kept = list(distinct.values())
        sentences = known_items([row["text"] for row in kept], analysis)
        if len(sentences) <= len(items):
            kept = _one_of_each(kept)
        else:
            items, made_of = sentences, "sentences"
    if len(items) < _LEAST:
        raise ConfigurationError(
            f"the corpus gives {len(items)} known items, too few to compare by",
            "Judge some queries with: embedlake judge CORPUS.yaml, then give them with --queries and --qrels.",
        )
    return Pool([row["chunk_id"] for row in kept], [row["text"] for row in kept], items, made_of, analysis)


def named_items(rows: Sequence[Row], analysis: Analysis) -> list[tuple[int, str, str]]:
    """Passages that a name of their own leads to: the place of each, the name, and the text without it.

    Args:
        rows: of a model's table: title, heading_path, text.
        analysis: how words are told.
    """
    names = [_names(row) for row in rows]
    holders: dict[str, int] = {}
    for candidates in names:
        for name in {" ".join(parts).casefold() for parts in candidates}:
            holders[name] = holders.get(name, 0) + 1
    found = []
    for place, (row, candidates) in enumerate(zip(rows, names, strict=True)):
        own = next((parts for parts in candidates if holders[" ".join(parts).casefold()] == 1), None)
        if own is None:
            continue
        rest = str(row["text"])
        for part in own:
            rest = re.sub(re.escape(part), " ", rest, flags=re.IGNORECASE)
        query = " ".join(own)
        asked, left = set(words_of(query, analysis)), set(words_of(rest, analysis))
        if len(asked) >= _QUERY_WORDS and len(left) >= _REST_WORDS:
            found.append((place, query, rest))
    return [found[at * len(found) // ITEMS] for at in range(ITEMS)] if len(found) > ITEMS else found


def ranked_items(
    view: View, pool: Pool, encoder: Encoder, template: Template, scales: Scales, ways: Sequence[Way]
) -> dict[Way, dict[str, list[str]]]:
    """What each way of searching the pool gives for each query: places of passages, best first.

    Args:
        view: of a table, one of those that the pool was taken from.
        pool: the passages and queries.
        encoder, template: of the table's model.
        scales: of its hybrid searches.
        ways: to search.
    """
    vectors = view.vectors_of(pool.chunk_ids)
    queries = encoder.encode_queries(text_items(query for _, query, _ in pool.items)).vectors
    rests = encode_in_parts(encoder, text_items(template.render(None, (), rest) for _, _, rest in pool.items)).vectors
    found: dict[Way, dict[str, list[str]]] = {way: {} for way in ways}
    trials = trials_of(pool.items, pool.texts, vectors, queries, rests, pool.analysis)
    for number, trial in enumerate(trials):
        lists: dict[Way, list[str]] = {
            "vector": [key for key, _ in trial.near],
            "text": [key for key, _ in trial.matching],
            "hybrid": [
                one.key for one in fuse(trial.near, trial.matching, scales.weight, scales.background, trial.most)
            ],
        }
        for way in ways:
            found[way][f"k{number}"] = lists[way]
    return found


def _one_of_each(rows: list[Row]) -> list[Row]:
    """The first passage of those of a document that have one name: a query is to have one answer."""
    first: dict[tuple[str, ...], Row] = {}
    for row in sorted(rows, key=lambda row: (str(row["document_id"]), row["ordinal"])):
        first.setdefault((str(row["document_id"]), *_headings(row)), row)
    return list(first.values())


def _names(row: Row) -> list[tuple[str, ...]]:
    """What may lead to a passage, the shortest first, each in its parts."""
    title, headings = str(row["title"] or "").strip(), _headings(row)
    inner = headings[-1] if headings else title
    found: list[tuple[str, ...]] = [(inner,)] if inner else []
    if title and inner and title.casefold() != inner.casefold():
        found.append((title, inner))
    return found


def _headings(row: Row) -> list[str]:
    path = row["heading_path"]
    return [part.strip() for part in path if part and part.strip()] if isinstance(path, list) else []
