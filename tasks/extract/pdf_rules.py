"""The straight lines that a PDF page draws: rules of tables, and the edges of boxes."""

import ctypes
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

_THIN = 3.0  # points; what is thinner is a line, however it was drawn
_SHORTEST = 6.0  # points
_MOST = 4_000  # lines on a page; a drawing has more
_TOUCH = 3.0  # points between two parts of one line


class Rule(NamedTuple):
    """A line along one axis, in points from the lower left corner.

    Attributes:
        at: its place on the other axis.
        start, end: where it begins and ends along its own.
    """

    at: float
    start: float
    end: float


Box = tuple[float, float, float, float]  # left, bottom, right, top


def read_rules(page: Any) -> tuple[list[Rule], list[Rule]]:
    """The horizontal and the vertical lines of a page of pypdfium2 that is not turned; none of a page full of drawings.

    Parts that touch are one line. What stands in an included drawing (a form object) is not looked at.
    """
    flat: list[Rule] = []
    steep: list[Rule] = []
    for number in range(pdfium.FPDFPage_CountObjects(page.raw)):
        item = pdfium.FPDFPage_GetObject(page.raw, number)
        if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_PATH:
            continue
        for left, bottom, right, top in _lines(item):
            if top - bottom <= _THIN and right - left >= _SHORTEST:
                flat.append(Rule((bottom + top) / 2, left, right))
            elif right - left <= _THIN and top - bottom >= _SHORTEST:
                steep.append(Rule((left + right) / 2, bottom, top))
        if len(flat) + len(steep) > _MOST:
            return [], []
    return _merged(flat), _merged(steep)


def _lines(item: Any) -> Iterator[Box]:
    """The boxes of a path's straight lines; that of the whole path where it is thin."""
    edges = [ctypes.c_float() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetBounds(item, *edges):
        return
    left, bottom, right, top = (edge.value for edge in edges)
    if min(right - left, top - bottom) <= _THIN:
        yield left, bottom, right, top
        return
    if pdfium.FPDFPath_CountSegments(item) > _MOST or not _is_stroked(item):
        return
    matrix = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(item, matrix):
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    first = before = (0.0, 0.0)
    for number in range(pdfium.FPDFPath_CountSegments(item)):
        segment = pdfium.FPDFPath_GetPathSegment(item, number)
        if not pdfium.FPDFPathSegment_GetPoint(segment, x, y):
            return
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield _box(before, point)
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield _box(point, first)
        before = point


def _is_stroked(path: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(path, fill, stroke)) and bool(stroke.value)


def _box(one: tuple[float, float], other: tuple[float, float]) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1])


def _merged(rules: list[Rule]) -> list[Rule]:
    """Each line once, parts that touch put together."""
    places: list[list[Rule]] = []
    for rule in sorted(rule for rule in rules if all(map(math.isfinite, rule))):
        if places and rule.at - places[-1][-1].at <= _THIN / 2:
            places[-1].append(rule)
        else:
            places.append([rule])
    found: list[Rule] = []
    for place in places:
        at = place[0].at
        begun: Rule | None = None
        for rule in sorted(place, key=lambda rule: rule.start):
            if begun is not None and rule.start <= begun.end + _TOUCH:
                begun = begun._replace(end=max(begun.end, rule.end))
                continue
            if begun is not None:
                found.append(begun)
            begun = Rule(at, rule.start, rule.end)
        if begun is not None:
            found.append(begun)
    return found
