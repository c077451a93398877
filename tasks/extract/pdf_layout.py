"""The order and the shape of a PDF's text: running heads away, columns one after the other, lines into paragraphs."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from tasks.extract.pdf_page import Line, Page, Table
from tasks.extract.pdf_regions import with_aligned_tables

_MARGIN = 0.12  # of a page's height, at its top and at its bottom, in which running heads stand
_LONGEST_HEAD = 120  # characters
_NUMBER_WORDS = 12  # most letters of a line that only says a page's number
LONGEST_WORD = 60  # characters
_PEELS = 3  # most lines of running heads at one edge
_COLUMN_ROWS = 4  # fewest rows that make columns
_COLUMN_WORDS = 3  # fewest words a line, on average, in a column of prose; a table's cells have fewer
_NUMBER = re.compile(r"\d+")
_OF = re.compile(r"\d+ ?(?:/|of|von|de|sur|di|van|из) ?\d+$")  # pages
_ROMAN = re.compile(r"\b[ivxlc]+\b")
_ENDS = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_ITEM = re.compile(r"^(?:[•‣◦▪▫●○■□–—·*-]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")
_SECTION = re.compile(r"(?:\d+|[A-Z])(?:\.\d+)*\.?")  # the number of a heading
_NUMBERED = re.compile(r"\d+(?:\.\d+)*\.?\s")
_LEADERS = re.compile(r"(?:[.·…_] ?){4,}")  # to a page's number in a table of contents; lines to write on
_HYPHENS = "-\u00ad\u2010\x02"

Rows = list[list[Line]]


def without_running_heads(pages: Sequence[Page]) -> list[Rows]:
    """Each page's rows without running heads, feet and page numbers.

    A line at the edge of a page is one where pages near it have the same words at the same height, numbers aside, or
    where it ends or begins with a number that counts the pages. What most pages have at the very same place goes too,
    as a watermark. A page's only line stays.
    """
    left = _without_stamps(pages)
    for _ in range(_PEELS):
        for edge in (_topmost, _lowest):
            outer = {
                number: row for number, (page, rows) in enumerate(zip(pages, left, strict=True))
                if len(rows) > 1 and (row := edge(rows, page.height)) is not None
            }  # fmt: skip
            for number in _running(outer):
                left[number] = [row for row in left[number] if row is not outer[number]]
    return left


def _without_stamps(pages: Sequence[Page]) -> list[Rows]:
    """Each page's rows without those that at least half of the pages have with the same words at the same place."""
    where = Counter(place for page in pages for place in {_place(row) for row in page.rows})
    stamps = {place for place, times in where.items() if times >= 3 and times * 2 >= len(pages)}
    left = []
    for page in pages:
        kept = [row for row in page.rows if _place(row) not in stamps] if stamps else list(page.rows)
        left.append(kept or list(page.rows))
    return left


def _place(row: list[Line]) -> tuple[str, int, int]:
    return " ".join(line.text for line in row), round(row[0].left), round(row[0].bottom)


def _topmost(rows: Rows, height: float) -> list[Line] | None:
    row = max(rows, key=lambda row: row[0].top)
    return row if row[0].bottom > height * (1 - _MARGIN) else None


def _lowest(rows: Rows, height: float) -> list[Line] | None:
    row = min(rows, key=lambda row: row[0].bottom)
    return row if row[0].top < height * _MARGIN else None


def _running(outer: dict[int, list[Line]]) -> set[int]:
    """Which of the pages' outermost rows are running heads."""
    texts = {number: " ".join(line.text for line in row) for number, row in outer.items()}
    keys = {n: (_without_numbers(text), round(outer[n][0].bottom / 4)) for n, text in texts.items()}
    same = Counter(keys.values())
    enough = 3 if len(outer) > 2 else 2
    found = {n for n, key in keys.items() if same[key] >= enough}
    offsets = Counter(offset for n, text in texts.items() for offset in _offsets(n, text))
    for offset, times in offsets.most_common(2):  # those of a preface, and those of the body
        if times >= 3 and times * 3 >= len(outer):
            found |= {n for n, text in texts.items() if offset in _offsets(n, text)}
    return {n for n in found if len(texts[n]) <= _LONGEST_HEAD}


def _without_numbers(text: str) -> str:
    """A line such as `Page 3 of 12` or `iv` with a sign for each number; one with more words as it is."""
    text = _OF.sub("#", text)
    bare = _ROMAN.sub("#", _NUMBER.sub("#", text))
    return bare if sum(map(str.isalpha, bare)) <= _NUMBER_WORDS else text


def _offsets(page: int, text: str) -> set[int]:
    """How far the number that a line begins or ends with is ahead of the page's."""
    ends = re.findall(r"^\W*(\d{1,5})\b|\b(\d{1,5})\W*$", text)
    return {int(number) - page for pair in ends for number in pair if number}


def in_reading_order(rows: Rows) -> list[Line]:
    """The lines of a page, columns one after the other where the page draws them beside each other."""
    gutter = _gutter(rows)
    if gutter is None:
        return [line for row in with_aligned_tables(rows) for line in _lines_of(row)]
    ordered: list[Line] = []
    region: Rows = []
    for row in [*rows, None]:
        if row is not None and all(line.right <= gutter + 1 or line.left >= gutter - 1 for line in row):
            region.append(row)
            continue
        for side in (lambda line: line.right <= gutter + 1, lambda line: line.left >= gutter - 1):
            ordered += in_reading_order(_half(region, side))
        region = []
        if row is not None:
            ordered += _lines_of(row)
    return ordered


def _half(region: Rows, side: Callable[[Line], bool]) -> Rows:
    return [half for row in region if (half := [line for line in row if side(line)])]


def _gutter(rows: Rows) -> float | None:
    """Where the white stripe between two columns of prose lies, if rows reach over it."""
    wide = [row for row in rows if len(row) > 1]
    if len(wide) < _COLUMN_ROWS:
        return None
    edges = Counter(round(line.left) for row in wide for line in row[1:])
    for start, _ in edges.most_common(4):
        x = float(start)
        split = [row for row in wide if any(abs(line.left - x) < 3 for line in row[1:])]
        halves = [
            ([line for line in row if line.left < x - 3], [line for line in row if line.left >= x - 3]) for row in split
        ]
        if len(split) < _COLUMN_ROWS or any(line.right > x for before, _ in halves for line in before):
            continue
        words = [[sum(line.text.count(" ") + 1 for line in half) for half in pair] for pair in halves]
        lines = [[len(half) for half in pair] for pair in halves]
        prose = (sum(w[i] for w in words) >= _COLUMN_WORDS * sum(n[i] for n in lines) for i in (0, 1))
        if all(prose):
            return x - 1
    return None


def _lines_of(row: list[Line]) -> list[Line]:
    """A row as one line, tables on it by themselves."""
    words = [line for line in row if line.cells is None]
    return [*([_joined(words)] if words else []), *(line for line in row if line.cells)]


def _joined(row: list[Line]) -> Line:
    """A row as one line."""
    if len(row) == 1:
        return row[0]
    longest = max(row, key=lambda line: len(line.text))
    return replace(
        longest, text=" ".join(line.text for line in row), left=row[0].left, first=row[0].first,
        right=max(line.right for line in row), fixed=all(line.fixed for line in row),
        alone=len(row) == 2 and bool(_SECTION.fullmatch(row[0].text)),
        bottom=min(line.bottom for line in row), top=max(line.top for line in row),
    )  # fmt: skip


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together.

    Attributes:
        lines: in reading order, at least one.
        goes_on: it goes on from the paragraph before it, over the end of a column or a page.
    """

    lines: list[Line]
    goes_on: bool = False

    @property
    def size(self) -> float:
        """Of its font, in points."""
        return self.lines[0].size

    @property
    def table(self) -> Table | None:
        """That stands in this place."""
        return self.lines[0].cells


def paragraphs(lines: Sequence[Line]) -> list[Paragraph]:
    """Lines of a page grouped: by the gaps between them, by the font's size, and by indents."""
    leading = _leading(lines)
    found: list[Paragraph] = []
    for line in lines:
        if found and not _begins(found[-1].lines[-1], line, leading):
            found[-1].lines.append(line)
        else:
            jumped = bool(found) and line.bottom > found[-1].lines[-1].top
            found.append(Paragraph([line], jumped and continues(found[-1], line)))
    return found


def _leading(lines: Sequence[Line]) -> dict[int, float]:
    """The usual distance of two lines' feet, for each size of font."""
    steps: dict[int, list[float]] = {}
    for above, below in pairwise(lines):
        step = above.foot - below.foot
        if 0.5 * above.size < step < 2.6 * above.size and abs(above.size - below.size) < 1:
            steps.setdefault(round(above.size), []).append(step)
    return {size: median(found) for size, found in steps.items()}


def _begins(above: Line, line: Line, leading: dict[int, float]) -> bool:
    """Whether a line begins a paragraph."""
    if above.cells or line.cells:
        return True
    size = max(above.size, line.size)
    if abs(above.size - line.size) > 0.08 * size or above.fixed != line.fixed:
        return not (above.text.endswith("\x02") or abs(above.foot - line.foot) < 0.3 * size)
    step = above.foot - line.foot
    if step < -0.5 * size or step > 1.25 * leading.get(round(line.size), 1.3 * size):
        return True
    if above.bold and line.bold and _NUMBERED.match(line.text):
        return True
    if above.bold != line.bold and (above.alone and line.alone) and _whole_title(above, line):
        return True
    indent = line.left - above.left
    return 0.8 * size < indent < 4 * size and bool(_ENDS.search(above.text)) and not line.fixed


def _whole_title(above: Line, line: Line) -> bool:
    """Whether a bold line above a plain one may be a title of its own: it is short, and no sentence."""
    return above.bold and len(above.text) < 80 and not _ENDS.search(above.text) and above.right < line.right + 1


def continues(above: Paragraph, line: Line) -> bool:
    """Whether a line at the top of a column or page goes on with a paragraph that ends another."""
    text = above.lines[-1].text
    if above.lines[-1].cells or line.cells:
        return False
    same = abs(above.size - line.size) < 0.5 and above.lines[-1].fixed == line.fixed
    return same and (text[-1:] in _HYPHENS or (not _ENDS.search(text) and line.text[:1].islower()))


def joined_text(lines: Sequence[Line], words: Counter[str]) -> str:
    """A paragraph's text: a space where a line was full, a line feed where it ends earlier than it must.

    Args:
        lines: of the paragraph.
        words: of the document, by which a word cut by a hyphen is told from one that has a hyphen.
    """
    edge = max(line.right for line in lines)
    parts = [lines[0].text]
    for above, line in pairwise(lines):
        space = 0.3 * line.size
        full = not _LEADERS.search(above.text) and above.right + space + line.first > edge + 0.5
        joined = join(parts.pop(), line.text, words, full and not _ITEM.match(line.text) and not line.fixed)
        done = max(len(joined) - len(line.text) - LONGEST_WORD, 0)
        parts += [joined[:done], joined[done:]]
    text = "".join(parts)
    return _LEADERS.sub("… ", text.replace("\x02", "-")) if not lines[0].fixed else text.replace("\x02", "-")


def join(text: str, line: str, words: Counter[str], full: bool = True) -> str:
    """Two lines as one text; a word that was cut at the end of the first is whole again."""
    if text[-1:] in _HYPHENS and text[-2:-1].isalpha() and line[:1].isalpha():
        begun = re.split(r"[^\w-]", text[-LONGEST_WORD:-1])[-1]
        rest = re.match(r"[\w]*", line)
        end = rest[0] if rest else ""
        with_hyphen, without = f"{begun}-{end}".lower(), f"{begun}{end}".lower()
        if text[-1] == "\u00ad" or (line[:1].islower() and words[without] >= words[with_hyphen]):
            return text[:-1] + line
        return f"{text[:-1]}-{line}"
    return f"{text}{' ' if full else chr(10)}{line}"


def vocabulary(pages: Sequence[Sequence[Line]]) -> Counter[str]:
    """How often each word stands in a document, with its hyphens; what stands at a line's end is left out."""
    found: Counter[str] = Counter()
    for lines in pages:
        for line in lines:
            words = re.findall(r"\w+(?:-\w+)*", line.text.lower())
            found.update(words[:-1] if line.text[-1:] in _HYPHENS else words)
    return found


def indented(lines: Sequence[Line]) -> str:
    """Lines in letters of one width, each as far to the right as it stands."""
    edge = min(line.left for line in lines)
    width = median((line.right - line.left) / len(line.text) for line in lines) or 1.0
    return "\n".join(" " * round((line.left - edge) / width) + line.text.replace("\x02", "-") for line in lines)
