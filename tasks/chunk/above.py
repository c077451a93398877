"""How many tokens of a chunk's size go to the title and the headings that may be put before it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from tasks.chunk.structure import Definition
from tasks.chunk.tokens import Counter, count_totals
from tasks.text.headings import joined

Path = tuple[str, ...]
_LEAST_FOR_TEXT = 2  # a chunk's text has at least one part in so many of its size, whatever stands above it


class Above:
    """What stands above the chunks of one document.

    Args:
        title: of the document, if it has one.
        tokens: of the title, as it is put before a text.
        counter: of tokens.
    """

    def __init__(self, title: str | None, tokens: int, counter: Counter) -> None:
        self._title = title
        self._tokens = tokens
        self._counter = counter

    def left(self, size: int, paths: Sequence[Sequence[Path]]) -> list[int]:
        """What is left of a size for texts under the title and the longest of some heading paths each, in tokens."""
        if not any(any(path) for some in paths for path in some):
            return [self.left_by_title(size)] * len(paths)
        counts = count_totals([joined(self._title, path) for some in paths for path in some], self._counter)
        edges = accumulate(map(len, paths), initial=0)
        return [_left(size, max(counts[first:last])) for first, last in pairwise(edges)]

    def left_by_title(self, size: int) -> int:
        """What is left of a size for texts under the title alone, in tokens."""
        return _left(size, self._tokens)


def count_above(titles: Sequence[str | None], counter: Counter) -> list[Above]:
    """What stands above the chunks of documents with some titles, all counted together."""
    distinct = dict.fromkeys(title for title in titles if title)
    counts = dict(zip(distinct, count_totals([joined(title, ()) for title in distinct], counter), strict=True))
    return [Above(title, counts[title] if title else 0, counter) for title in titles]


def _left(size: int, above: int) -> int:
    return size - min(above, size // _LEAST_FOR_TEXT)


def paths_within(headings: Path, start: int, end: int, definitions: Sequence[Definition]) -> Iterator[Path]:
    """The heading paths that chunks of a section may have: its own, and those of what is defined in it.

    Args:
        headings: the section's.
        start, end: of it, in characters.
        definitions: of the text, in order of their starts, the outer first.
    """
    yield headings
    around: list[Definition] = []
    first, last = (bisect_left(definitions, at, key=lambda one: one.start) for at in (start, end))
    for definition in definitions[first:last]:
        around = [one for one in around if one.end > definition.start] + [definition]
        yield headings + tuple(one.name for one in around)
