"""Sizes of letters whose font tells none, by how high they are drawn.

A Type 3 font has a unit of its own; of the bitmaps that TeX's dvips makes it is a dot of the printer.
"""

import ctypes
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any, Protocol

import pypdfium2.raw as pdfium

TOLD = 2.0
"""Points; nothing that is to be read is smaller, so a smaller size is none."""

_NEAR = 0.12  # of a size: the drawn heights of one font differ by less, those of a body and its headings by more
_HEIGHTS = {  # times the size, in Computer Modern; in Times they are within a twentieth of these
    **dict.fromkeys("acemnorsuvwxz", 0.44), **dict.fromkeys("bdfhkl", 0.694), **dict.fromkeys("gpqy", 0.63),
    **dict.fromkeys("ABCDEFGHIKLMNOPRSTUVWXYZ", 0.685), **dict.fromkeys("0123456789", 0.65),
}  # fmt: skip


class Sized(Protocol):
    """A line: what has a size, in points."""

    size: float


Span = tuple[Sized, int, int]
"""A line, and where its letters begin and end in the page's text."""


def give_sizes(spans: Sequence[Span], text: str, textpage: Any) -> None:
    """Set the sizes of lines: what their letters tell, made one where they differ only by how letters are drawn.

    Args:
        spans: of lines without one.
        text: of the page.
        textpage: of pdfium.
    """
    for line, start, end in spans:
        line.size = _drawn(text, textpage, start, end)
    sizes: Counter[float] = Counter()
    for line, start, end in spans:
        if line.size:
            sizes[_rounded(line.size)] += end - start
    usual = [size for size, _ in sizes.most_common()]
    for line, _, _ in spans:
        line.size = next((size for size in usual if abs(size - line.size) < _NEAR * size), line.size)
        if not line.size and usual:  # of no letter, such as a row of dots
            line.size = usual[0]


def _drawn(text: str, textpage: Any, start: int, end: int) -> float:
    box = [ctypes.c_double() for _ in range(4)]
    at = [ctypes.byref(side) for side in box]
    sizes = []
    for index in range(start, min(end, len(text))):
        height = _HEIGHTS.get(text[index])
        if height and pdfium.FPDFText_GetCharBox(textpage, index, *at):
            sizes.append((box[3].value - box[2].value) / height)
    return median(sizes) if sizes else 0.0


def _rounded(size: float) -> float:
    return round(size * 2) / 2
