"""How a CSV file is laid out, found in its beginning: delimiter, quotation marks, header.

Every dialect that may be meant reads the first lines. The one in whose rows the wanted columns stand has it, and of
several the one that leaves the fewest rows broken.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from tasks.config.sources import Csv
from tasks.sources.csv_rows import Dialect, Row, read_rows

_DELIMITERS = ",;\t|"
_NONE = "\x1f"  # the unit separator: of files of one column, in whose texts any of the others may stand
_ROWS = 200  # that a dialect is judged by
_HEADER_WITHIN = 30  # rows
_MOST_TITLES = 3  # rows
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is laid out.

    Attributes:
        dialect: of its rows.
        names: of its columns: white space in them as one space, empty ones numbered, repeated ones with a suffix
            (`body`, `body_2`), wanted ones as they are wanted.
        begin: lines before the first row.
    """

    dialect: Dialect
    names: list[str]
    begin: int


def find_layout(lines: Sequence[str], wanted: Collection[str], options: Csv, tabs: bool) -> Layout | None:
    """The layout of a file, or None where it has no line that could be a header.

    Args:
        lines: its first, whole, with their line ends.
        wanted: names of columns, one of which the header has where it is found.
        options: what the source says of it.
        tabs: whether the file's name promises tabs; marks are text then, unless they show to be more.
    """
    said = next((line for line in lines if line.strip()), "")
    separator = _SEPARATOR.fullmatch(said)
    start = lines.index(said) + 1 if separator else 0
    delimiter = options.delimiter or (separator[1] if separator else None)
    best: tuple[tuple[int, bool, bool, float, int], Layout] | None = None
    for place, dialect in enumerate(_dialects(lines, delimiter, options, tabs)):
        rows = list(islice(read_rows(iter(lines[start:]), dialect, None), _ROWS))
        found = _judged(rows, dialect, wanted, options)
        if found is None:
            continue
        score, names, row = found
        begin = start + (rows[row + 1].line - 1 if row + 1 < len(rows) else len(lines) - start)
        if best is None or (*score, -place) > best[0]:
            spaces = len(names) > 1 and all(name.startswith(" ") for name in names[1:])
            best = (*score, -place), Layout(replace(dialect, spaces=spaces), _named(names, wanted), begin)
    return best and best[1]


def _dialects(lines: Sequence[str], delimiter: str | None, options: Csv, tabs: bool) -> list[Dialect]:
    """Those that may be meant, the likeliest first."""
    delimiters = delimiter or ("\t,;|" if tabs else _DELIMITERS) + _NONE
    quote = options.quote or '"'
    quotes = [None if quote == "none" else quote] if options.quote else [None, quote] if tabs else [quote, None]
    escapes: list[str | None] = [None]
    if options.escape:
        escapes = [None if options.escape == "none" else options.escape]
    elif any('\\"' in line for line in lines):
        escapes = [None, "\\"]
    return [
        Dialect(delimiter, quote, escape, comment=options.comment)
        for delimiter in delimiters
        for quote in quotes
        for escape in (escapes if quote else [None])
    ]


def _judged(
    rows: list[Row], dialect: Dialect, wanted: Collection[str], options: Csv
) -> tuple[tuple[int, bool, bool, float], list[str], int] | None:
    """How well a dialect fits its rows; the header's fields; which row that is, -1 for none.

    A dialect fits by: the wanted columns in the header, whether most rows have as many fields as the header, whether
    these are several, and the share of these rows.
    """
    if options.columns:
        names, place = options.columns, -1
    else:
        place = _header(rows, wanted)
        names = rows[place].fields or [] if rows else []
        if not any(row.fields is None or any(map(str.strip, row.fields)) for row in rows):
            return None
    matches = len({_plain(name) for name in names} & {_plain(name) for name in wanted})
    following = rows[place + 1 :]
    widths = [len(_without_end(row.fields, len(names))) if row.fields else 0 for row in following]
    doubtful = sum(width == len(names) and bool(row.problem) for width, row in zip(widths, following, strict=True))
    share = (widths.count(len(names)) - doubtful / 2) / len(widths) if widths else 1.0
    if set(widths) == {len(names) + 1}:  # as R writes them: no name for the column of row names
        names, share = ["row", *names], 0.9
    if dialect.quote is None and _means_marks(rows, names, dialect.delimiter == "\t"):
        share -= 0.2
    return (matches, share >= 0.5, len(names) > 1, round(share, 3)), names, place


def _header(rows: list[Row], wanted: Collection[str]) -> int:
    """The first row as wide as most, or one before it with more of the wanted columns.

    What stands before it is a preamble: of another width, marked as a comment, or a title. A row after it is not the
    header, whatever words are in it: the rows between would be lost.
    """
    plain = {_plain(name) for name in wanted}
    first = rows[:_HEADER_WITHIN]
    matches = [len(plain & {_plain(field) for field in row.fields or []}) for row in first]
    widths = Counter(len(row.fields) for row in rows if row.fields)
    usual = max(widths, key=lambda width: (widths[width], width), default=0)
    fitting = (i for i, row in enumerate(first) if row.fields and len(row.fields) == usual)
    place = next((i for i in fitting if matches[i] or not (rows[i].fields or [""])[0].startswith("#")), None)
    preamble = matches if place is None else matches[: place + 1]
    if any(preamble):
        return preamble.index(max(preamble))
    begun = len(rows[0].fields or []) if rows else 0
    if begun > 1 and set(widths) == {begun, begun + 1} and widths[begun] == 1:  # no name for the column of row names
        return 0
    place = place or 0
    return place + _titles(first[place:], matches[place:], usual)


def _titles(rows: Sequence[Row], matches: Sequence[int], width: int) -> int:
    """How many rows are titles although they are as wide as the table, as spreadsheets write them: most of their cells
    are empty before a row of names, or several of the wanted columns stand in a row right after them."""
    near = [row.fields if row.fields and len(row.fields) == width > 1 else [] for row in rows[: _MOST_TITLES + 1]]
    named = next((place for place, fields in enumerate(near) if fields and matches[place] > 1), 0)
    if named and not matches[0]:
        return named
    empty = next((place for place, fields in enumerate(near) if 2 * sum(map(bool, map(str.strip, fields))) >= width), 0)
    return empty if empty and _are_names(near[empty]) else 0


def _are_names(fields: Sequence[str]) -> bool:
    """Whether fields look like a header's: all different words."""
    return len({_plain(field) for field in fields}) == len(fields) and all(
        any(map(str.isalpha, field)) for field in fields
    )


def _named(names: Sequence[str], wanted: Collection[str]) -> list[str]:
    """A name for each column, all different."""
    spelled = {_plain(name): name for name in wanted}
    taken: set[str] = set()
    result = []
    for place, name in enumerate(names, 1):
        plain = _plain(name) or f"column_{place}"
        plain = spelled.get(plain, plain)
        unique, count = plain, 1
        while unique in taken:
            count += 1
            unique = f"{plain}_{count}"
        taken.add(unique)
        result.append(unique)
    return result


def _plain(name: str) -> str:
    return " ".join(name.split())


def _means_marks(rows: list[Row], names: Sequence[str], tabs: bool) -> bool:
    """Whether quotation marks, read as text, turn out to be more: around names; around more fields than begin with
    one only; and between tabs, where they are no custom, doubled within."""
    if any(map(_wrapped, names)):
        return True
    begun = [field for row in rows for field in row.fields or [] if field.startswith('"')]
    around = [field for field in begun if _wrapped(field)]
    return 2 * len(around) > len(begun) and (not tabs or any('""' in field[1:-1] for field in around))


def _wrapped(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"'


def _without_end(fields: list[str], width: int) -> list[str]:
    """The fields but for empty ones beyond a width."""
    return fields if any(fields[width:]) else fields[:width]
