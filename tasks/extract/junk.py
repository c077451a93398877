"""Runs of a text that no reader reads, cut out of it: base64, digests, sequences of genes."""

import re
from collections.abc import Iterator

_SHORTEST = 256  # characters of a run that is cut out; keys and tokens that a text shows are shorter
_RUN = re.compile(
    r"(?:data:[\w.+/;=-]{0,100};base64,\s?)?(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{56,}+(?:\r?\n[A-Za-z0-9+/_=-]{56,}+)*+"
    r"(?:\r?\n[A-Za-z0-9+/]{4,}={0,2}(?!\S))?"  # a last line, which is shorter
)
_HEX = re.compile(r"[0-9a-fA-F]+")
_GENES = re.compile(r"[ACGTUNacgtun-]+")
_RULE = "-"  # of which a line through a page, or a table, is made; in genes it is a gap
GAP = "…"
"""What stands in the place of a run."""


def junk_runs(text: str) -> list[tuple[int, int]]:
    """Where runs of at least 256 characters stand that are no words, from start to end."""
    found = []
    for start, end in _without_spaces(text):
        for match in _RUN.finditer(text, start, end):
            if match.end() - match.start() >= _SHORTEST and _is_junk(match[0]):
                found.append(match.span())
    return found


def without_runs(text: str, runs: list[tuple[int, int]], places: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """The text with a sign in the place of each run, and where some places of it are now.

    Args:
        text: from which they are cut.
        runs: in order and apart.
        places: offsets, ascending.
    """
    if not runs:
        return text, places
    parts, moved, at, gone, last = [], list[int](), 0, 0, 0
    for start, end in runs:
        parts += [text[last:start], GAP]
        while at < len(places) and places[at] < end:
            moved.append(min(places[at], start) - gone)
            at += 1
        gone += end - start - len(GAP)
        last = end
    parts.append(text[last:])
    return "".join(parts), (*moved, *(place - gone for place in places[at:]))


def _without_spaces(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of at least so many characters without a space; prose is passed over in steps of that many."""
    start = 0
    while start + _SHORTEST <= len(text):
        space = text.rfind(" ", start, start + _SHORTEST)
        if space >= 0:
            start = space + 1
            continue
        end = text.find(" ", start + _SHORTEST)
        end = len(text) if end < 0 else end
        begin = text.rfind(" ", 0, start) + 1
        yield begin, end
        start = end + 1


def _is_junk(run: str) -> bool:
    """Whether a run is base64 (it has many capitals and digits), hexadecimal, or a sequence of genes or proteins."""
    bare = re.sub(r"\s", "", run.partition(";base64,")[2] or run)
    capitals, digits = sum(map(str.isupper, bare)), sum(map(str.isdigit, bare))
    if 5 * capitals > len(bare) and 20 * digits > len(bare):
        return True
    if 4 * digits > len(bare) and (_HEX.fullmatch(bare) is not None):
        return True
    genes = 2 * bare.count(_RULE) < len(bare) and _GENES.fullmatch(bare) is not None
    return genes or (bare.isalpha() and bare.isupper() and bare.isascii())
