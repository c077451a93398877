"""The rows of delimited text, one by one: a broken row costs itself and no other.

Python's csv module parses. Where it fails, or a row has another number of fields than the header, the row's first line
is judged alone, and the lines after it are read again as rows of their own: a quotation mark that is never closed
would swallow them.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

LONGEST_ROW = 16 * 2**20
"""Characters in a line or a field; what is longer is no row."""

_ESCAPED = "\ue000"  # of private use: stands for an escaped quotation mark while a row is parsed


@dataclass(frozen=True, slots=True)
class Dialect:
    """How rows are written.

    Attributes:
        delimiter: one character between fields.
        quote: one character around fields, or None where quotation marks are text.
        escape: one character before a quotation mark within a quoted field; None where it is doubled.
        spaces: whether spaces after a delimiter belong to it.
        comment: what lines begin with that are no rows, or None.
    """

    delimiter: str
    quote: str | None = '"'
    escape: str | None = None
    spaces: bool = False
    comment: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """For Python's csv module."""
        return {
            "delimiter": self.delimiter, "quotechar": self.quote, "strict": True, "skipinitialspace": self.spaces,
            "quoting": csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL,
        }  # fmt: skip


class Row(NamedTuple):
    """A row, or what is wrong with it.

    Attributes:
        line: the number of its first line, from 1.
        fields: None where it is broken.
        problem: what is wrong with a broken one, or with one that was read in spite of it.
    """

    line: int
    fields: list[str] | None
    problem: str = ""


class NoLine(Exception):
    """Stands for a line that cannot be read; says what is wrong, as in `has more than 9 bytes`."""


def read_rows(lines: Iterator[str | NoLine], dialect: Dialect, width: int | None) -> Iterator[Row]:
    """The rows on some lines; blank lines are none.

    Args:
        lines: with their line ends; a `NoLine` for each that cannot be read.
        dialect: how they are written.
        width: fields of a row, or None for any number. Empty fields beyond it are left out.
    """
    csv.field_size_limit(LONGEST_ROW)
    ahead: deque[str | NoLine] = deque()  # lines to be read again
    taken: list[str] = []  # lines of the row that is being read
    unescape = _Unescape(dialect)

    def feed() -> Iterator[str]:
        while True:
            line = ahead.popleft() if ahead else next(lines, "")
            if isinstance(line, NoLine):
                raise line
            if not line:
                return
            taken.append(line)
            yield unescape.hide(line)

    number = 1
    reader = csv.reader(feed(), **dialect.arguments)
    while True:
        first = 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except NoLine as line:
            if not taken:
                yield Row(number, None, f"it {line}")
            else:  # of a row that goes on there, if a quotation mark in it means that
                if not _is_comment(taken[0], dialect):
                    yield _judged(number, unescape.hide(taken[0]), dialect, width, "unexpected end", unescape)
                ahead.extendleft([line, *reversed(taken[1:])])
            reader = csv.reader(feed(), **dialect.arguments)
        except csv.Error as error:
            if not _is_comment(taken[0], dialect):
                yield _judged(number, unescape.hide(taken[0]), dialect, width, str(error), unescape)
            ahead.extendleft(reversed(taken[1:]))
            reader = csv.reader(feed(), **dialect.arguments)
        else:
            first = len(taken)
            if dialect.escape is not None:
                fields = unescape.show(fields)
            if not fields or _is_comment(taken[0], dialect):
                pass
            elif width is None or (len(fields) == width and (first < 3 or not _swallows(taken, dialect, width))):
                yield Row(number, fields)
            elif len(fields) == 1 and not fields[0].strip():
                pass
            elif len(fields) > width and not any(fields[width:]):
                yield Row(number, fields[:width])
            elif len(fields) == width or any(_is_whole(unescape.hide(line), dialect, width) for line in taken[1:]):
                yield Row(number, None, "a quotation mark in it is not closed")
                ahead.extendleft(reversed(taken[1:]))
                reader = csv.reader(feed(), **dialect.arguments)
                first = 1
            else:
                yield Row(number, None, f"it has {len(fields)} fields; the header has {width}")
        number += first
        taken.clear()


def _swallows(lines: list[str], dialect: Dialect, width: int) -> bool:
    """Whether a row over several lines, with the right number of fields, has others in it, between marks that are not
    each other's: where a line inside it has as many tabs as a row, and no marks. Other delimiters prose may have."""
    quote = dialect.quote or ""
    return dialect.delimiter == "\t" and any(
        line.count("\t") == width - 1 and quote not in line for line in lines[1:-1]
    )


def _is_comment(line: str, dialect: Dialect) -> bool:
    return dialect.comment is not None and line.startswith(dialect.comment)


def _judged(number: int, line: str, dialect: Dialect, width: int | None, error: str, unescape: "_Unescape") -> Row:
    """A line that Python's parser refuses: with marks as they stand where text follows a quoted beginning, as in
    `"Tide" is a word`, and the fields come out right; else broken."""
    bare = replace(dialect, quote=None)
    fields = next(csv.reader([line], **bare.arguments), [])
    unclosed = any(_is_unclosed(field, dialect.quote or "") for field in fields)
    if not unclosed and (width is None or len(fields) == width):
        return Row(number, unescape.show([_unquoted(field, dialect.quote or "") for field in fields]), error)
    problem = "a quotation mark in it is not closed" if unclosed or "unexpected end" in error else error
    return Row(number, None, problem)


def _is_unclosed(field: str, quote: str) -> bool:
    return field.startswith(quote) and field.count(quote) % 2 == 1 and (field == quote or not field.endswith(quote))


def _unquoted(field: str, quote: str) -> str:
    wrapped = len(field) > 1 and field[0] == field[-1] == quote
    return field[1:-1].replace(quote * 2, quote) if wrapped else field


def _is_whole(line: str, dialect: Dialect, width: int) -> bool:
    """Whether a line is a row by itself, and not the end of a field that began above it."""
    if dialect.quote is not None and line.count(dialect.quote) % 2:
        return False
    try:
        return len(next(csv.reader([line], **dialect.arguments), [])) == width
    except csv.Error:
        return False


class _Unescape:
    """Escaped quotation marks, out of the parser's way: its own way drops every backslash, in paths too."""

    def __init__(self, dialect: Dialect) -> None:
        self._quote = dialect.quote or ""
        self._escape = dialect.escape
        if dialect.escape is not None:
            escape = re.escape(dialect.escape)
            self._pattern = re.compile(f"{escape}({re.escape(self._quote)}|{escape})")

    def hide(self, line: str) -> str:
        if self._escape is None or self._escape not in line:
            return line
        return self._pattern.sub(lambda match: _ESCAPED if match[1] == self._quote else match[1], line)

    def show(self, fields: list[str]) -> list[str]:
        return [field.replace(_ESCAPED, self._quote) if _ESCAPED in field else field for field in fields]
