"""Passages on the terminal: where each is from, and the part of it that says most, its words marked."""

import os
import pydoc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from flows.cli.terminal import PICTURES, harmless, out, shown, size_told
from tasks.content.reference import reference_of

if TYPE_CHECKING:
    from tasks.search.passage import Passage
    from tasks.search.vocabulary import Wider

_INDENT = 3
_LINES = 5  # of each passage
_WIDEST = 100  # characters of a line, on whatever terminal


def print_passages(
    passages: "list[Passage]",
    explain: bool = False,
    query: str = "",
    picture: "Callable[[Passage], str] | None" = None,
) -> None:
    """What a search found, best first.

    Args:
        passages: to show; what knows how a text index takes words has an `analysis`.
        explain: show what made each score.
        query: whose words are marked, with those that were looked for beside them.
        picture: makes of an image what the terminal paints.
    """
    if not passages:
        out.print("Nothing found.")
    expanded: Sequence[Wider] = getattr(passages, "expanded", ())
    if explain and expanded:
        told = ", ".join(f"{one.word} ({one.beside} {one.cosine:.2f}) × {one.weight:.2f}" for one in expanded)
        out.print(f"[dim]also looked for: {shown(told)}[/]", soft_wrap=True)
    query = " ".join([query, *(one.word for one in expanded)]) if query else query
    for passage in passages:
        _print_head(passage)
        if explain:
            out.print(f"   [dim]{_explained(passage)}[/]", soft_wrap=True)
        part = _shown_part(passage.text, query, getattr(passages, "analysis", None))
        for line in part.wrap(out, _width() - _INDENT)[:_LINES] if out.is_terminal else part.split():
            line.rstrip()
            out.print(Text(" " * _INDENT) + line, soft_wrap=True)
        if picture and passage.modality == "image":
            out.file.write(picture(passage))
            out.file.flush()


def _print_head(passage: "Passage") -> None:
    """Rank, document, title and headings, score and place: on one line, or where that is too narrow on two."""
    named = " > ".join(passage.headings)
    title = passage.title or ""
    if title in passage.document_id or title in passage.headings or passage.text.startswith(title):
        title = ""
    name = "  ".join(filter(None, [passage.document_id, " > ".join(filter(None, [title, named]))]))
    head = harmless(f"{passage.rank}. {name}".replace("\n", PICTURES[10]))
    page = f"page {passage.page}, " if passage.page else ""
    place = f"{page}{_span(passage)}"
    tail = f"[cyan]{passage.score:.3f}[/]  {place}"
    if not out.is_terminal or len(head) + len(place) + 10 <= _width():
        out.print(f"[bold]{shown(head)}[/]  {tail}", soft_wrap=True)
        return
    line = Text(head, "bold")
    line.truncate(_width(), overflow="ellipsis")
    out.print(line, soft_wrap=True)
    out.print(f"{' ' * _INDENT}{tail}", soft_wrap=True)


def _span(passage: "Passage") -> str:
    """Where a passage stands: of an image its size, and that of its file where it lies on this machine, or which one of
    a document's images it is; of sound, films and subtitles their time."""
    if passage.time:
        kind = {"text": "", "image": "frame "}.get(passage.modality, f"{passage.modality} ")
        return f"{kind}{'–'.join(map(_timecode, passage.time))}"
    if passage.modality == "text":
        return f"characters {passage.start}–{passage.end}"
    left, top, right, bottom = passage.region or (0, 0, 0, 0)
    place = f" at {left}, {top}" if (left, top) != (0, 0) else ""
    if passage.reference and (part := reference_of(passage.reference).place.part):
        return f"{passage.modality} {right - left} × {bottom - top}{place}, {part.removeprefix('part=')}"
    whole = Path(passage.uri) if passage.document_id.endswith(passage.uri.rpartition("/")[2]) else None
    size = f", {size_told(whole.stat().st_size)}" if whole and whole.is_file() else ""
    return f"{passage.modality} {right - left} × {bottom - top}{place}{size}"


def _timecode(milliseconds: int) -> str:
    """As players tell it, to a tenth of a second: 1:02:03.4."""
    tenths = round(milliseconds / 100)
    hours, minutes, seconds = tenths // 36_000, tenths // 600 % 60, tenths // 10 % 60
    return f"{f'{hours}:{minutes:02}' if hours else minutes}:{seconds:02}.{tenths % 10}"


def _shown_part(text: str, query: str, analysis: Any) -> Text:
    """Some lines of a text, with the words of a query marked."""
    from tasks.search.snippet import excerpt, matches

    text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip())
    spans = matches(text, query, analysis) if query else []
    first, last = excerpt(text, spans, _LINES * (_width() - _INDENT))
    if spans and first:  # after what was left out
        text = f"… {text[first:]}"
        spans = [(start - first + 2, end - first + 2) for start, end in spans if start >= first]
        last = last - first + 2
    lines = text[:last].split("\n")
    kept = "\n".join(lines[:_LINES])
    more = len(kept) < len(text)
    found = Text(harmless(kept) + (" …" if more else ""))
    for start, end in spans:
        if end <= len(kept):
            found.stylize("bold yellow", start, end)
    return found


def _width() -> int:
    return min(out.width, _WIDEST)


@contextmanager
def paged() -> Iterator[None]:
    """What is printed meanwhile goes through the terminal's pager where it is longer than the screen."""
    if not (out.is_terminal and sys.stdin.isatty()):
        yield
        return
    with out.capture() as captured:
        yield
    text = captured.get()
    if text.count("\n") < out.height:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    os.environ.setdefault("LESS", "-RFX")  # colours pass
    pydoc.pager(text)


def _explained(passage: "Passage") -> str:
    """How each list has a passage, and what made its score of it."""
    names = {"vector": "by meaning", "text": "by words"}
    told = []
    for way, name in names.items():
        standing = passage.scores.get(way)
        if standing is None:
            continue
        fused = f", {standing['weight']:.2f} × {standing['share']:.3f}" if "weight" in standing else ""
        told.append(f"{name}: rank {standing['rank']}, {standing['score']:.3f}{fused}")
    if boost := passage.scores.get("boost"):
        told.append(f"boost: {boost['before']:.3f} × {boost['by']:.3f}")
    if gap := passage.scores.get("gap"):
        told.append(f"cosine {gap['cosine']:.3f}, told as that of a text would be")
    if moved := passage.scores.get("diverse"):
        told.append(f"diversity: was rank {moved['before']:.0f}")
    if judged := passage.scores.get("rerank"):
        told.append(f"reranker: {judged['score']:.3f}, was rank {judged['before']}")
    return "; ".join(told)
