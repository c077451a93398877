"""What is embedded of a chunk: its text, or what its model's template puts around it."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.models import TEMPLATES, Model
from tasks.hashing import hash_text
from tasks.models.interface import UNITS, in_tokens
from tasks.text.headings import BETWEEN, bounded, unsaid

HASH = "embedded_hash"
"""The column of a model's table that holds the hash of what was embedded, where that is not the text alone."""
NEEDED = ("text", "text_hash", "token_count", "title", "heading_path", "modality", "start", "end")
"""Columns of a chunk that decide what is embedded of it."""
CONTENT, COST = "embedded.text", "embedded.cost"
"""Columns of rows on their way, in no table: what is embedded, null where that is no text and is still to be fetched;
and its cost in tokens, those around the text estimated."""

_BYTES_OF_A_TOKEN = 4


class Template:
    """What a model's settings put around a text.

    Args:
        model: the settings.

    Attributes:
        plain: whether it is the text alone.
        key: the column of the model's table with the hash of what was embedded.
    """

    def __init__(self, model: Model) -> None:
        self.plain = model.template == "text"
        self.key = "text_hash" if self.plain else HASH
        self._lines = TEMPLATES.get(model.template, model.template).split("\n")
        self._adds_nothing = self.render(None, (), "text") == "text"  # where nothing stands above a text

    def render(self, title: str | None, headings: Sequence[str], text: str) -> str:
        """What is embedded. Of title and headings, what the text begins with is not said again.

        Args:
            title: of the document, if it has one.
            headings: that the text stands under, outermost first.
            text: the chunk's.
        """
        if self.plain:
            return text
        named, path = bounded(*unsaid(title, headings, text))
        told = {"title": named, "headings": BETWEEN.join(path)}
        lines = [line for line in self._lines if not _says_nothing(line, told)]
        return "\n".join(line.format(text=text, **told) for line in _trimmed(lines))

    def fill(self, rows: pa.Table) -> pa.Table:
        """Chunks with the columns that say what is embedded of them: content, its hash, its cost. Nothing is put around
        what is no text.

        Args:
            rows: with the columns `NEEDED`.
        """
        columns = self._of_texts(rows)
        if "modality" in rows.column_names:
            columns = _of_others(rows, columns)
        for name, column in columns.items():
            rows = rows.drop_columns([name]) if name in rows.column_names else rows
            rows = rows.append_column(name, column)
        return rows

    def _of_texts(self, rows: pa.Table) -> dict[str, Any]:
        if self.plain or (self._adds_nothing and _nothing_above(rows)):
            return {CONTENT: rows["text"], HASH: rows["text_hash"], COST: rows["token_count"]}
        values = (rows[name].to_pylist() for name in ("title", "heading_path", "text", "token_count"))
        contents, costs = [], []
        for title, headings, text, tokens in zip(*values, strict=True):
            contents.append(self.render(title, headings or (), text or ""))
            costs.append((tokens or 0) + (len(contents[-1]) - len(text or "")) // _BYTES_OF_A_TOKEN)
        hashes = map(hash_text, contents)
        return {
            CONTENT: pa.array(contents, pa.string()), HASH: pa.array(hashes, pa.string()),
            COST: pa.array(costs, pa.int32()),
        }  # fmt: skip


def is_text(rows: pa.Table) -> pa.ChunkedArray:
    """Whether each chunk is a text; those of an older embedlake say nothing else."""
    return pc.equal(rows["modality"].fill_null("text"), "text")


def _of_others(rows: pa.Table, columns: dict[str, Any]) -> dict[str, Any]:
    """The columns, where chunks that are no text have theirs."""
    texts = is_text(rows)
    if pc.all(texts).as_py() is not False:
        return columns
    sizes = zip(*(rows[name].to_pylist() for name in ("modality", "start", "end")), strict=True)
    costs = [  # what is damaged costs nothing here: an audit goes through it too
        in_tokens(name, end - start) if name in UNITS and None not in (start, end) else 0 for name, start, end in sizes
    ]
    return {
        CONTENT: pc.if_else(texts, columns[CONTENT], pa.scalar(None, pa.string())),
        HASH: pc.if_else(texts, columns[HASH], rows["text_hash"]),
        COST: pc.if_else(texts, columns[COST], pa.array(costs, pa.int32())),
    }


def _nothing_above(rows: pa.Table) -> bool:
    """Whether no chunk has a title or a heading."""
    titled = pc.sum(pc.binary_length(rows["title"])).as_py()
    return not titled and not len(pc.list_flatten(rows["heading_path"]))


def _says_nothing(line: str, told: dict[str, str]) -> bool:
    """Whether a line would say nothing but what stands around fields that are all empty."""
    fields = [value for name, value in told.items() if f"{{{name}}}" in line]
    return bool(fields) and not any(fields) and "{text}" not in line


def _trimmed(lines: list[str]) -> list[str]:
    """Without empty lines before the first that says something."""
    first = next(i for i, line in enumerate(lines) if line)
    return lines[first:]
