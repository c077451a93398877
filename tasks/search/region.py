"""Some lines of a file, to find what is like them: of one on this machine, or of a document in the lake."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError, DocumentError, UnknownName
from tasks.lake.literals import quoted
from tasks.lake.nearest import View
from tasks.sources.formats import format_of
from tasks.sources.opening import open_file
from tasks.text.decode import decode
from tasks.text.normalise import normalise

_OF_LINES = ("text", "code", "markdown", "rst", "tex", "org", "asciidoc", None)
_LINES = re.compile(r"(?s)(.+):(\d+)(?:-(\d+))?")


class Lines(NamedTuple):
    """Lines of a file.

    Attributes:
        place: of the file, or the id of a document.
        first, last: from 1, both included.
    """

    place: str
    first: int
    last: int


def lines_in(reference: str) -> Lines | None:
    """The lines that a reference such as `store.py:120-160` or `docs:store.py:120` names; None where it names none."""
    found = _LINES.fullmatch(reference)
    if not found or Path(reference).exists():
        return None
    return Lines(found[1], int(found[2]), int(found[3] or found[2]))


def region_of(view: View, corpus: Corpus, lines: Lines) -> tuple[str, str | None]:
    """The text of some lines, and a filter that leaves out what the table has of them.

    Args:
        view: of the table.
        corpus: whose sources say how a document is fetched.
        lines: of a file on this machine or of a document.

    Raises:
        UnknownName: there is neither such a file nor such a document.
        ConfigurationError: it has no such lines, or no lines at all.
    """
    path = Path(lines.place).expanduser()
    columns = ["document_id", "uri", "source"]
    if path.is_file():
        name, data = str(path.absolute()), path.read_bytes()
        rows = view.matched(f"uri = {quoted(os.path.normpath(name))}", columns)
    else:
        rows = view.matched(f"document_id = {quoted(lines.place)}", columns)
        if not rows:
            raise UnknownName(
                f"there is no file {lines.place!r}, and {view.table} has no document of that id",
                "Give a path, or an id as a search shows it, such as docs:store.py, then :120-160.",
            )
        name, data = rows[0]["uri"], _fetched(corpus, rows[0])
    if format_of(name) not in _OF_LINES or len({row["document_id"] for row in rows}) > 1 or "!/" in lines.place:
        raise ConfigurationError(
            f"{lines.place} is no file of lines", "Give a text or a program, or leave the lines out."
        )
    try:
        text = decode(data).text
    except DocumentError as error:
        raise ConfigurationError(
            f"{lines.place} is no file of lines: {error.message}", "Leave the lines out."
        ) from None
    return _chosen(text, lines, format_of(name) == "code", rows[0]["document_id"] if rows else None)


def _fetched(corpus: Corpus, row: dict[str, str]) -> bytes:
    source = next((source for source in corpus.sources if source.name == row["source"]), None)
    try:
        if source is None:
            raise OSError(f"the corpus file has no source {row['source']!r} any more")
        with open_file(source, row["uri"]) as stream:
            return stream.read()
    except OSError as error:
        raise ConfigurationError(
            f"{row['uri']} cannot be read: {error}", "Give a file that is there, or the document as a whole."
        ) from None


def _chosen(text: str, lines: Lines, is_code: bool, document_id: str | None) -> tuple[str, str | None]:
    """The lines of a text, and a filter that leaves out the chunks of a document that have some of them: all of its,
    where they are not as the lake has them."""
    every = re.split(r"\r\n|\r|\n", text)
    chosen = normalise("\n".join(every[lines.first - 1 : lines.last]), code=is_code)
    if not 1 <= lines.first <= lines.last or not chosen.strip():
        raise ConfigurationError(
            f"{lines.place} has no text in lines {lines.first}-{lines.last}; it has {len(every)} lines",
            "Count from 1, the first and the last included.",
        )
    if document_id is None:
        return chosen, None
    before = len(normalise("\n".join(every[: lines.first - 1]), code=is_code))
    start = normalise(text, code=is_code).find(chosen, max(before - 1, 0))
    itself = f"document_id = {quoted(document_id)}"
    if start >= 0:
        itself += f" AND start < {start + len(chosen)} AND `end` > {start}"
    return chosen, f"NOT ({itself})"
