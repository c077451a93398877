"""How many tokens of a chunk's size go to the title and the headings that may be put before it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from tasks.chunk.structure import Definition
from tasks.chunk.tokens import Counter, count_tokens
from tasks.text.headings import MOST, joined

Path = tuple[str, ...]
_LEAST_FOR_TEXT = 2  # a chunk's text has at least one part in so many of its size, whatever stands above it


class Above:
    """What stands above the chunks of one document.

    Args:
        title: of the document, if it has one.
        counter: of tokens; by default nothing is counted, and nothing goes to what stands above.
    """

    def __init__(self, title: str | None = None, counter: Counter | None = None) -> None:
        self._title = title
        self._counter = counter

    def fits(self, tokens: int, size: int) -> bool:
        """Whether a text of so many tokens fits a size together with the title, of which a byte has a token at most."""
        return tokens + (MOST if self._title else 0) <= size or tokens <= self.left(size, [[()]])[0]

    def left(self, size: int, paths: Sequence[Sequence[Path]]) -> list[int]:
        """What is left of a size for texts under the longest of some heading paths each, in tokens."""
        if self._counter is None or not (self._title or any(any(any(path) for path in some) for some in paths)):
            return [size] * len(paths)
        flat = [joined(self._title, path) for some in paths for path in some]
        counts = [int(tokens.before[-1]) for tokens in count_tokens(flat, self._counter)]
        edges = accumulate(map(len, paths), initial=0)
        return [size - min(max(counts[first:last]), size // _LEAST_FOR_TEXT) for first, last in pairwise(edges)]


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
