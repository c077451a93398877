"""What a prompt holds of the passages that a search found: stretches of documents, numbered, within a budget."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from tasks.search.passage import Passage

_AROUND = 40  # tokens of delimiters, title and headings around a source
_GAP = 4  # characters of white space that may lie between two chunks that follow one another


@dataclass(frozen=True, slots=True)
class Source:
    """A stretch of a document, of one passage or of several that touch or overlap; a citation names it.

    Attributes:
        number: from 1.
        document_id, title, uri: of its document.
        headings: that it begins under, outermost first.
        start, end: offsets into the document's extracted text, in characters.
        page: on which it begins, from 1, where the format knows pages.
        text: without repetitions.
        chunk_ids: of its passages.
    """

    number: int
    document_id: str
    title: str | None
    uri: str
    headings: list[str]
    start: int
    end: int
    page: int | None
    text: str
    chunk_ids: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def sources_of(passages: Sequence[Passage], budget: int) -> list[Source]:
    """Passages as sources: documents in the order of their best passage, and in each the order of its text.

    Args:
        passages: best first.
        budget: most tokens. The passages that fit are taken, best first; the first one is cut where it alone is too
            long.
    """
    taken = _within(passages, budget)
    documents = list(dict.fromkeys(passage.document_id for passage in taken))
    found: list[Source] = []
    for passage in sorted(taken, key=lambda p: (documents.index(p.document_id), p.start, p.end)):
        before = found[-1] if found and found[-1].document_id == passage.document_id else None
        rest = _rest(before, passage) if before else None
        if before and rest is not None:
            text, ids = before.text + rest, [*before.chunk_ids, passage.chunk_id]
            found[-1] = replace(before, text=text, end=max(before.end, passage.end), chunk_ids=ids)
        else:
            found.append(_source(len(found) + 1, passage))
    return found


def tokens_of(text: str) -> int:
    """About how many tokens a chat model makes of a text: one for each four bytes of UTF-8."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def _within(passages: Sequence[Passage], budget: int) -> list[Passage]:
    """The passages that fit, best first."""
    taken: list[Passage] = []
    for passage in passages:
        if not passage.text.strip():
            continue  # an image without a caption
        cost = tokens_of(passage.text) + _AROUND
        if cost <= budget:
            taken.append(passage)
            budget -= cost
        elif not taken:
            text = passage.text.encode("utf-8", "replace")[: 4 * max(budget - _AROUND, 1)].decode("utf-8", "ignore")
            return [replace(passage, text=text, end=passage.start + len(text))]
    return taken


def _source(number: int, passage: Passage) -> Source:
    return Source(
        number=number, document_id=passage.document_id, title=passage.title, uri=passage.uri,
        headings=passage.headings, start=passage.start, end=passage.end, page=passage.page, text=passage.text,
        chunk_ids=[passage.chunk_id],
    )  # fmt: skip


def _rest(before: Source, passage: Passage) -> str | None:
    """What a passage says beyond the source before it; None where it does not go on from there."""
    repeated = before.end - passage.start
    if repeated <= 0:
        return "\n" * min(-repeated, 2) + passage.text if -repeated <= _GAP else None
    if repeated >= len(passage.text):
        return "" if passage.text in before.text else None
    return passage.text[repeated:] if before.text.endswith(passage.text[:repeated]) else None
