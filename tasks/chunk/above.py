"""How many tokens of a chunk's size go to the title and the headings that may be put before it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from tasks.chunk.structure import Definition
from tasks.chunk.tokens import Counter, Tokens, count_tokens
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
        if any(any(path) for some in paths for path in some):
            flat = [joined(self._title, path) for some in paths for path in some]
            counts = [own_tokens(tokens) for tokens in count_tokens(flat, self._counter)]
        else:
            counts = [self._tokens for some in paths for _ in some]
        edges = accumulate(map(len, paths), initial=0)
        return [size - min(max(counts[first:last]), size // _LEAST_FOR_TEXT) for first, last in pairwise(edges)]


def count_above(titles: Sequence[str | None], counter: Counter) -> list[Above]:
    """What stands above the chunks of documents with some titles, all counted together."""
    counted = count_tokens([joined(title, ()) for title in titles], counter)
    return [Above(title, own_tokens(tokens), counter) for title, tokens in zip(titles, counted, strict=True)]


def own_tokens(tokens: Tokens) -> int:
    """Of a text, without those that a model adds."""
    return tokens.total - tokens.special_tokens


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
