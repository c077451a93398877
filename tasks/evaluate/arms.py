"""Arms: what is compared. A table of a model, searched in one way."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError
from tasks.evaluate.agreement import repeating
from tasks.evaluate.measures import DEPTH
from tasks.hashing import hash_text
from tasks.lake.catalog import Entry
from tasks.search.passage import Passage, Passages
from tasks.search.query import OpenLake
from tasks.search.retrieve import Way

WAYS: tuple[Way, ...] = ("vector", "text", "hybrid")
_TOP = 10  # passages of each list that are kept to be read
_LONGEST = 600  # characters of them


@dataclass(frozen=True, slots=True)
class Arm:
    """A table, searched in one way.

    Attributes:
        table: full name.
        model: short name.
        way: of the search.
        reranked: whether a reranker orders the best passages.
    """

    table: str
    model: str
    way: Way
    reranked: bool = False

    @property
    def label(self) -> str:
        """For people: `minilm, hybrid, reranked`."""
        return f"{self.model}, {self.way}{', reranked' if self.reranked else ''}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage as a report shows it; its text is cut."""

    chunk_id: str
    document_id: str
    title: str
    text: str
    score: float

    @classmethod
    def of(cls, passage: Passage) -> "Shown":
        """From what a search found."""
        title = " > ".join(part for part in (passage.title, *passage.headings) if part)
        return cls(passage.chunk_id, passage.document_id, title, passage.text[:_LONGEST], passage.score)


@dataclass(slots=True)
class Answers:
    """What an arm gives.

    Attributes:
        passages: of each query's list, best first: the document that each is shown under, and the hash of its text.
        documents: that these are; see `Documents.ranked`.
        top: the first passages of each list.
        seconds: that all searches took together, the embedding of their queries included.
        repeating: passages among the first ones that nearly repeat one above them.
        notes: of searches that were to be reranked and were not.
    """

    passages: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    documents: dict[str, list[str]] = field(default_factory=dict)
    top: dict[str, list[Shown]] = field(default_factory=dict)
    seconds: float = 0.0
    repeating: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def repeating_share(self) -> float:
        """Of the first passages of all lists."""
        return self.repeating / max(sum(map(len, self.top.values())), 1)


def arms_of(
    corpus: Corpus, entries: Sequence[Entry], ways: Sequence[Way], rerank: bool | None, has_words: Callable[[str], bool]
) -> list[Arm]:
    """What to compare, the reference first: the first table, searched as the corpus is by default, if that is asked.

    By words alone all tables of a corpus give the same: only the first is searched so, unless that is the default.

    Args:
        corpus: how it is searched by default.
        entries: lines of the catalog of the tables to compare; the reference's first.
        ways: to search each.
        rerank: also with the corpus's reranker; None: if its file names one.
        has_words: whether a table has a text index.

    Raises:
        ConfigurationError: nothing is left to compare, or the corpus file names no reranker.
    """
    default, reranker = corpus.search.by, corpus.search.rerank is not None
    if rerank and not reranker:
        raise ConfigurationError(
            f"the file of the corpus {corpus.name!r} names no reranker",
            "Name one there, such as: search: { rerank: cross-encoder/ms-marco-MiniLM-L6-v2 }",
        )
    first = default if default in ways else ways[0]
    found = []
    for number, entry in enumerate(entries):
        for way in (first, *(way for way in ways if way != first)):
            if way != "vector" and not has_words(entry["table"]):
                continue
            if way == "text" and number and default != "text":
                continue
            found.append(Arm(entry["table"], entry["model"], way))
        if reranker and rerank is not False:
            at = next((n for n, arm in enumerate(found) if arm.table == entry["table"]), len(found))
            found.insert(at, Arm(entry["table"], entry["model"], first, reranked=True))
    if not found:
        raise ConfigurationError(
            "no table can be searched by words yet", "The next run builds its text index, or say --by vector."
        )
    return found


def ask(lake: OpenLake, arm: Arm, queries: Mapping[str, str], told: Callable[[int], None]) -> Answers:
    """Search an arm for all queries, as `embedlake search` does.

    Args:
        lake: to search.
        arm: what to search, and how.
        queries: their texts, by id.
        told: is called with how many are done.

    Raises:
        ModelError: the model cannot be loaded, or is not the one that filled the table.
        LakeError: the table cannot be read.
    """
    answers = Answers()
    notes: dict[str, None] = {}
    for number, (identity, query) in enumerate(queries.items()):
        if not number:
            _search(lake, arm, query)  # what is loaded on first use is no part of the time
        clock = time.perf_counter()
        found = _search(lake, arm, query)
        answers.seconds += time.perf_counter() - clock
        answers.passages[identity] = [(passage.document_id, hash_text(passage.text)) for passage in found]
        answers.top[identity] = [Shown.of(passage) for passage in found[:_TOP]]
        answers.repeating += repeating([passage.text for passage in found[:_TOP]])
        notes |= {found.note: None} if found.note else {}
        told(number + 1)
    answers.notes = list(notes)
    return answers


def _search(lake: OpenLake, arm: Arm, query: str) -> Passages:
    return lake.search(query, arm.table, DEPTH, by=arm.way, per_document=1, rerank=arm.reranked)
