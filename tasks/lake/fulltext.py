"""The text index of a model's table: an inverted index each of text, title and headings (BM25: Robertson and
Zaragoza, 2009), built and brought up to date by the run. It lies beside the rows: to make it anew, nothing is read
from a source or embedded again."""

import logging
from typing import Any

from tasks.lake.analysis import Analysis, analysis_of, known_analyses, main_language
from tasks.lake.tables import Lake

COLUMNS = {"text": 1.0, "title": 0.3, "heading_path": 0.3}
"""What is searched, and how much a word counts there. SciFact, nDCG@10 of the text index alone: titles beside texts
0.693 at 0.3 and 0.669 at 1, texts alone 0.674; where texts have their titles already, 0.710 and 0.698."""

_UNINDEXED_ROWS = 100  # rows that searches may read one by one, at 30 microseconds each,
_UNINDEXED_SHARE = 0.1  # or this share of all, if that is less; their scores are a little off meanwhile
_SEGMENTS = 8  # of an index; with more, they become one, which reads all of it: 2.5 s of 400,000 rows
_SAMPLE = 200  # passages whose language is looked at
_MEMORY = 1024  # MiB that a build may use

logger = logging.getLogger("embedlake.lake")


def build_text_index(lake: Lake, table: str) -> None:
    """Build the text index of a table, or bring it up to date where it lacks many rows. A conflict with another
    writer leaves it for the next time: rows that it lacks are found too."""
    rows = lake.count(table)
    if not rows:
        return
    try:
        wanted = _wanted(lake, table)
        there = text_indexes(lake.dataset(table))
        for column in COLUMNS:
            index = there.get(column)
            if index is None or not _is_by(index, wanted):
                logger.info("building the text index of %s in %s", column, table)
                lake.dataset(table).create_scalar_index(column, "INVERTED", memory_limit=_MEMORY, **wanted)
            elif rows - index.num_rows_indexed > min(_UNINDEXED_ROWS, _UNINDEXED_SHARE * rows):
                merged = len(index.segments) if len(index.segments) >= _SEGMENTS else 0
                lake.dataset(table).optimize.optimize_indices(index_names=[index.name], num_indices_to_merge=merged)
    except (RuntimeError, OSError) as error:
        logger.info("the text of %s was not indexed this time: %s", table, error)


def lacks_text_index(lake: Lake, table: str) -> bool:
    """Whether a table has rows, and no text index as its corpus wants it."""
    if not lake.has(table) or not lake.count(table):
        return False
    there = text_indexes(lake.dataset(table))
    right = [analysis_of(lake.corpus.language)] if lake.corpus.language else known_analyses()
    return not any(all(c in there and _is_by(there[c], wanted) for c in COLUMNS) for wanted in right)


def text_indexes(dataset: Any) -> dict[str, Any]:
    """Lance's description of each text index of a table of its, by its column."""
    indexes = (index for index in dataset.describe_indices() if index.index_type == "Inverted")
    return {index.field_names[0]: index for index in indexes}


def analysis_in(index: Any) -> Analysis:
    """The analysis that an index was built with."""
    wanted: Analysis = next((known for known in known_analyses() if _is_by(index, known)), known_analyses()[0])
    return wanted


def _wanted(lake: Lake, table: str) -> Analysis:
    """By the corpus's language; where the corpus does not say it, that of the index that is there, or of the rows."""
    if lake.corpus.language:
        return analysis_of(lake.corpus.language)
    there = text_indexes(lake.dataset(table)).get("text")
    if there:
        found = next((known for known in known_analyses() if _is_by(there, known)), None)
        if found:
            return found
    texts = lake.snapshot(table).sample(_SAMPLE, ["text"])["text"].drop_null().to_pylist()
    return analysis_of(main_language(texts))


def _is_by(index: Any, analysis: Analysis) -> bool:
    told = index.details or {}
    return all(told.get(name) == value for name, value in analysis.items() if name != "analyzer")
