"""Pairs of passages that are alike: copies, and what was copied and changed, of programs and of prose.

Passages of equal text are known by its hash, and each further one is a pair with the first (clones of type 1, as Roy
and Cordy, 2007, call them). Of different texts, each once, vectors are compared with one another: all of them, block by
block, up to 200,000; beyond that, each with those that the table's index says are nearest, so that the work does not
grow with their square. The vectors lie in a file meanwhile, and only the best pairs are kept. Images are compared by
their perceptual hashes, as vectors of 64 signs, whose cosine is 1 less a 32nd of the bits in which they differ.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.lake.literals import in_backticks, quoted
from tasks.lake.nearest import Effort, Row, View, matrix
from tasks.models.interface import Vectors, unit
from tasks.search.looks import VISUAL, signs

COMPARED = 200_000
"""Different texts up to which each vector is compared with all others."""
_NEAREST = 25  # that the index is asked for of each
_BLOCK = 1024  # vectors that are compared with as many at a time
_ROWS = 500  # that are looked up in one filter
_COLUMNS = ("chunk_id", "document_id", "ordinal", "start", "end", "text_hash", "token_count")


@dataclass(frozen=True, slots=True)
class Member:
    """A passage of a pair: its document, where it stands in that, in characters, and what it says; of an image, what
    its content reference is."""

    document_id: str
    uri: str
    headings: list[str]
    start: int
    end: int
    chunk_id: str
    text: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Clone:
    """Two passages that are alike.

    Attributes:
        cosine: of their vectors, 1 of equal texts; of images, of their perceptual hashes.
        exact: whether their texts are equal; of images, whether their bytes are.
        first, second: the passages, in the order of their documents.
    """

    cosine: float
    exact: bool
    first: Member
    second: Member


@dataclass(frozen=True, slots=True)
class Clones:
    """What was found.

    Attributes:
        pairs: the best, best first; of equally good ones the longest first.
        exact, near: pairs in all, of equal and of different texts.
        texts: different texts that were compared.
    """

    pairs: list[Clone]
    exact: int
    near: int
    texts: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class _Pair(NamedTuple):
    """How good a pair is: its cosine, its tokens; and the numbers of its passages, negative so that the first ones are
    kept."""

    cosine: float
    tokens: int
    first: int
    second: int


class _Passages:
    """The passages of a table: their places, and of each different text the first one that has it, with its vector."""

    def __init__(self, view: View, where: str, file: Any, images: bool) -> None:
        chunk_ids: list[str] = []
        numbers: dict[str, int] = {}
        rows: list[npt.NDArray[np.int64]] = []
        first: dict[str, int] = {}
        self.copies: list[tuple[int, int]] = []
        self.distinct: list[int] = []
        for some in view.snapshot.scan([*_COLUMNS, VISUAL if images else "vector"], in_backticks(where)):
            told = some.select(list(_COLUMNS)).to_pylist()
            fresh = []
            for place, row in enumerate(told):
                number = len(chunk_ids)
                chunk_ids.append(row["chunk_id"])
                known = first.setdefault(row["text_hash"], number)
                if known == number:
                    fresh.append(place)
                    self.distinct.append(number)
                else:
                    self.copies.append((known, number))
            documents = [numbers.setdefault(row["document_id"], len(numbers)) for row in told]
            spans = [_place(row) if images else [row["start"], row["end"], row["token_count"] or 0] for row in told]
            rows.append(np.column_stack([documents, np.array(spans, np.int64).reshape(-1, 3)]))
            vectors = signs(some[VISUAL].to_pylist()) if images else matrix(some)
            file.write(unit(vectors[fresh]).tobytes())
        file.flush()
        self.chunk_ids = chunk_ids
        self.places = np.concatenate(rows) if rows else np.empty((0, 4), np.int64)
        shape = (len(self.distinct), -1)
        self.vectors: Vectors = (
            np.memmap(file.name, np.float32, "r").reshape(shape) if self.distinct else np.empty((0, 1), np.float32)
        )

    def overlap(self, these: npt.NDArray[np.int64], those: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether passages have a part of their document in common, pair by pair."""
        a, b = self.places[these], self.places[those]
        found: npt.NDArray[np.bool_] = (a[:, 0] == b[:, 0]) & (a[:, 1] < b[:, 2]) & (b[:, 1] < a[:, 2])
        return found


class _Best:
    """The best pairs, at most so many, and how many there were."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[_Pair] = []
        self.count = 0

    def add(self, cosines: Iterable[float], tokens: Iterable[int], pairs: Iterable[tuple[int, int]]) -> None:
        for cosine, length, (first, second) in zip(cosines, tokens, pairs, strict=True):
            self.count += 1
            pair = _Pair(float(cosine), int(length), -min(first, second), -max(first, second))
            if len(self._heap) < self._limit:
                heapq.heappush(self._heap, pair)
            else:
                heapq.heappushpop(self._heap, pair)

    def sorted(self) -> list[_Pair]:
        return sorted(self._heap, reverse=True)


def clones_in(
    view: View, where: str, above: float, limit: int, exact: bool, effort: Effort, images: bool = False
) -> Clones:
    """The pairs of a table's passages that are most alike. Two of different texts that overlap in one document are no
    pair.

    Args:
        view: of the table.
        where: which passages, as SQL.
        above: least cosine of a pair.
        limit: most pairs that are told.
        exact: also tell pairs of equal text.
        effort: how much of the index is looked at, where it is asked.
        images: compare images by what they look like; all of them, `looks.IMAGES`.
    """
    with tempfile.NamedTemporaryFile(prefix="embedlake-clones-") as file:
        passages = _Passages(view, where, file, images)
        near = _Best(limit)
        compared = images or len(passages.distinct) <= COMPARED or not view.has_vector_index
        found = _compared(passages, above) if compared else _by_index(view, passages, where, above, effort)
        for cosines, pairs in found:
            near.add(cosines, _tokens(passages, pairs), map(tuple, pairs.tolist()))
    equal = _Best(limit if exact else 0)
    copies = np.array(passages.copies, np.int64).reshape(-1, 2)
    equal.add([1.0] * len(copies), _tokens(passages, copies), passages.copies)
    best = [(pair, True) for pair in equal.sorted()] + [(pair, False) for pair in near.sorted()]
    return Clones(list(_told(view, passages, best[:limit])), equal.count, near.count, len(passages.distinct))


def _compared(passages: _Passages, above: float) -> Iterator[tuple[Vectors, npt.NDArray[np.int64]]]:
    """Cosines and numbers of the pairs, each compared."""
    vectors, numbers = passages.vectors, np.array(passages.distinct, np.int64)
    for first in range(0, len(vectors), _BLOCK):
        these = np.asarray(vectors[first : first + _BLOCK])
        for second in range(first, len(vectors), _BLOCK):
            cosines = these @ np.asarray(vectors[second : second + _BLOCK]).T
            alike = cosines >= above
            a, b = np.nonzero(np.triu(alike, 1) if second == first else alike)
            pairs = np.column_stack([numbers[a + first], numbers[b + second]])
            kept = ~passages.overlap(pairs[:, 0], pairs[:, 1])
            yield cosines[a, b][kept], pairs[kept]


def _by_index(
    view: View, passages: _Passages, where: str, above: float, effort: Effort
) -> Iterator[tuple[Vectors, npt.NDArray[np.int64]]]:
    """The same of the nearest of each by the index; a pair that both name is given once."""
    by_chunk = {chunk_id: number for number, chunk_id in enumerate(passages.chunk_ids)}
    distinct = set(passages.distinct)
    for place, number in enumerate(passages.distinct):
        found = view.nearest(passages.vectors[place].tolist(), _NEAREST, where, effort)
        close = [one for one in found if 1 - one.score >= above]
        if len(close) < 2:
            continue
        named = view.rows_of([one.row_id for one in close], ["chunk_id"])
        others = [by_chunk.get(row["chunk_id"], number) for row in named]
        pairs = [(1 - one.score, other) for one, other in zip(close, others, strict=True) if other in distinct]
        told = np.array([(number, other) for _, other in pairs if other > number], np.int64).reshape(-1, 2)
        cosines = np.array([cosine for cosine, other in pairs if other > number], np.float32)
        kept = ~passages.overlap(told[:, 0], told[:, 1])
        yield cosines[kept], told[kept]


def _tokens(passages: _Passages, pairs: npt.NDArray[np.int64]) -> list[int]:
    """The tokens of the shorter passage of each pair."""
    tokens: list[int] = passages.places[pairs, 3].min(axis=1).tolist() if len(pairs) else []
    return tokens


def _told(view: View, passages: _Passages, pairs: list[tuple[_Pair, bool]]) -> Iterator[Clone]:
    ids = list({passages.chunk_ids[-number] for pair, _ in pairs for number in (pair.first, pair.second)})
    rows: dict[str, Row] = {}
    columns = [
        "chunk_id",
        "document_id",
        "uri",
        "heading_path",
        "start",
        "end",
        "text",
        "modality",
        "content_reference",
    ]
    columns = [name for name in columns if name in view.columns]
    for first in range(0, len(ids), _ROWS):
        wanted = ", ".join(map(quoted, ids[first : first + _ROWS]))
        rows |= {row["chunk_id"]: row for row in view.matched(f"chunk_id IN ({wanted})", columns)}
    for pair, exact in pairs:
        members = [_member(rows[passages.chunk_ids[-number]]) for number in (pair.first, pair.second)]
        first_one, second_one = sorted(members, key=lambda one: (one.document_id, one.start))
        yield Clone(min(pair.cosine, 1.0), exact, first_one, second_one)


def _member(row: Row) -> Member:
    headings = list(row["heading_path"] or [])
    reference = row.get("content_reference") if row.get("modality") not in (None, "text") else None
    place = row["start"], row["end"], row["chunk_id"]
    return Member(row["document_id"], row["uri"], headings, *place, row["text"], reference)


def _place(row: Row) -> list[int]:
    """The place and the size in pixels of an image, which overlaps no other."""
    return [row["ordinal"], row["ordinal"] + 1, row["end"] - row["start"]]
