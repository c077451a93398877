"""Counting tokens: how many each word of some texts has, found for all of them at once.

A tokenizer that splits at white space first, as BERT's does, gives a word the same tokens wherever it stands. So
each distinct word is tokenised once in a process, and counting is looking words up. Other tokenizers read all of it.
"""

import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import regex
from tokenizers import Tokenizer

_BLOCK = 20_000  # characters given to the tokenizer at once: its offsets come as Python objects
_BLOCKS_AT_ONCE = 32
_LONGEST = 64  # characters; a longer token (an unknown word) counts as several, so that chunks stay bounded
_LONG_WORD = 24  # characters; a longer word is taken apart into its tokens, where it may have to be cut
_RANK_WIDTH = 8  # units that a rank stands on
_MOST_WORDS = 500_000  # remembered at once
_SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"  # white space to Python, control characters that tokenizers drop
_WIDE_SPACE = re.compile(r"[^\S\x00-\x7f]")


class Counter:
    """Counts tokens as one tokenizer does.

    Attributes:
        tokenizer: it, without truncation or padding.
        special_tokens: how many the model adds around every text.
        by_words: whether a word has the same tokens wherever it stands.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.special_tokens: int = tokenizer.num_special_tokens_to_add(False)
        parts = json.loads(tokenizer.to_str())
        self.by_words = ((parts["pre_tokenizer"] or {}).get("type"), parts["model"].get("type")) == (
            "BertPreTokenizer",
            "WordPiece",
        )
        self._words: dict[str, int] = {}

    def look_up(self, words: pa.Array) -> np.ndarray:
        """For each word, a number that stands on it alone, times 2^16, plus its tokens, or 0 for a long one."""
        encoded = words.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        known = list(map(self._words.get, distinct))
        if None in known:
            if len(self._words) > _MOST_WORDS:
                self._words.clear()
            new = [word for word in distinct if word not in self._words]
            self._words.update(zip(new, self._tokenise(new).tolist(), strict=True))
            known = list(map(self._words.get, distinct))
        found: np.ndarray = np.array(known, np.int64)[encoded.indices.to_numpy()]
        return found

    def _tokenise(self, words: list[str]) -> np.ndarray:
        joined = " ".join(words)
        lengths = np.array([len(word) for word in words])
        ends = np.cumsum(lengths + 1)
        counts = np.bincount(ends.searchsorted(_tokenise(joined, self.tokenizer)[0], "right"), minlength=len(words))
        counts[lengths > _LONG_WORD] = 0
        numbers = np.array([zlib.crc32(word.encode()) for word in words])
        found: np.ndarray = numbers << 16 | counts
        return found


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text, in units that stand on their own: words, or single tokens.

    Attributes:
        starts: character offset of each unit, ascending, int64 of shape (n_units,).
        before: tokens before each unit, and in all, int64 of shape (n_units + 1,).
        ranks: a random-looking number for each unit, the same wherever the next few units are the same, uint64 of
            shape (n_units,).
        special_tokens: how many the model adds around every text.
    """

    starts: np.ndarray
    before: np.ndarray
    ranks: np.ndarray
    special_tokens: int

    @property
    def total(self) -> int:
        """Tokens of the whole text, with the special tokens that the model adds."""
        return int(self.before[-1]) + self.special_tokens

    def unit(self, offsets: "int | np.ndarray") -> "np.ndarray":
        """How many units begin before character offsets."""
        found: np.ndarray = self.starts.searchsorted(offsets)
        return found

    def index(self, offsets: "int | np.ndarray") -> "np.ndarray":
        """How many tokens stand before character offsets."""
        found: np.ndarray = self.before[self.unit(offsets)]
        return found

    def count(self, starts: "int | np.ndarray", ends: "int | np.ndarray") -> "np.ndarray":
        """Tokens of spans, each with the special tokens that the model adds."""
        found: np.ndarray = self.index(ends) - self.index(starts) + self.special_tokens
        return found


def count_tokens(texts: Sequence[str], counter: Counter) -> list[Tokens]:
    """The tokens of each of some texts, all looked up together where words are."""
    apart = _apart(texts, counter)
    together = iter(_by_words([text for text, alone in zip(texts, apart, strict=True) if not alone], counter))
    return [_by_tokens(text, counter) if alone else next(together) for text, alone in zip(texts, apart, strict=True)]


def count_totals(texts: Sequence[str], counter: Counter) -> list[int]:
    """How many tokens each of some texts has, without those that the model adds."""
    if any(_apart(texts, counter)):
        return [tokens.total - tokens.special_tokens for tokens in count_tokens(texts, counter)]
    units = _units(texts, counter)
    totals: list[int] = np.diff(units.before[units.edges]).tolist()
    return totals


@cache
def load_counter(folder: str) -> Counter:
    """Counts as the tokenizer in a model's folder does.

    Raises:
        FileNotFoundError: the folder holds no tokenizer.json.
    """
    tokenizer = Tokenizer.from_str(json.dumps(json.loads((Path(folder) / "tokenizer.json").read_text("utf-8"))))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return Counter(tokenizer)


def _apart(texts: Sequence[str], counter: Counter) -> list[bool]:
    """Whether the words of each text cannot be looked up."""
    if not counter.by_words:
        return [True] * len(texts)
    whole = "\n".join(texts)
    separators = [separator for separator in _SEPARATORS if separator in whole]
    if not separators:
        return [False] * len(texts)
    return [any(separator in text for separator in separators) for text in texts]


class _Units(NamedTuple):
    """The units of some texts together: where they begin in the texts joined by line feeds, how many tokens stand
    before each, numbers that stand on them alone, where each text begins in characters, and at which unit."""

    starts: np.ndarray
    before: np.ndarray
    numbers: np.ndarray
    begins: np.ndarray
    edges: np.ndarray


def _units(texts: Sequence[str], counter: Counter) -> _Units:
    """Of texts whose words can be looked up: a unit is a word, or of a long one, a token."""
    starts, words = _words(texts)
    found = counter.look_up(words)
    counts, numbers = found & 0xFFFF, found >> 16
    long = np.flatnonzero(counts == 0)
    if len(long):
        starts, counts, numbers = _take_apart(starts, counts, numbers, long, words.take(long).to_pylist(), counter)
    begins = np.cumsum([0, *(len(text) + 1 for text in texts)])  # of each text, a line feed after each
    edges = starts.searchsorted(begins)
    return _Units(starts, np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), numbers, begins, edges)


def _by_words(texts: Sequence[str], counter: Counter) -> list[Tokens]:
    """The tokens of texts whose words can be looked up."""
    starts, before, numbers, begins, edges = _units(texts, counter)
    ranks = _ranks(numbers, edges)
    return [
        Tokens(
            starts[first:last] - begin,
            before[first : last + 1] - before[first],
            ranks[first:last],
            counter.special_tokens,
        )
        for begin, (first, last) in zip(begins.tolist(), pairwise(edges.tolist()), strict=False)
    ]


def _words(texts: Sequence[str]) -> "tuple[np.ndarray, pa.Array]":
    """The words of some texts, and where they begin in the texts joined by line feeds, in characters."""
    content = "\n".join(["", *texts, ""]).encode()
    data = np.frombuffer(content, np.uint8)
    if _WIDE_SPACE.search(data[np.flatnonzero(data > 127)].tobytes().decode()):
        content = _WIDE_SPACE.sub(" ", content.decode()).encode()
        data = np.frombuffer(content, np.uint8)
    space = (data == 32) | (data == 10) | (data == 9) | (data == 13)
    begins, ends = np.flatnonzero(space[1:] != space[:-1]).reshape(-1, 2).T
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(ends - begins)])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(content.translate(None, b" \n\t\r"))]
    following = begins.searchsorted(np.flatnonzero(data[1:] >> 6 == 0b10))  # the word after each byte that begins none
    shifts = np.cumsum(np.bincount(following, minlength=len(begins) + 1))[:-1]
    return begins - shifts, pa.Array.from_buffers(pa.large_string(), len(begins), buffers)


def _take_apart(
    starts: np.ndarray, counts: np.ndarray, numbers: np.ndarray, long: np.ndarray, words: list[str], counter: Counter
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """The units with the tokens of the long words, which are at `long`, in their place."""
    places, ids = _tokenise(" ".join(words), counter.tokenizer)
    lengths = np.array([len(word) + 1 for word in words])
    word = np.cumsum(lengths).searchsorted(places, "right")
    units = np.ones(len(starts), np.int64)
    units[long] = np.bincount(word, minlength=len(words))
    parts = np.flatnonzero(np.repeat(counts == 0, units))
    starts, counts, numbers = np.repeat(starts, units), np.repeat(counts, units), np.repeat(numbers, units)
    starts[parts] += places - (np.cumsum(lengths) - lengths)[word]
    counts[parts], numbers[parts] = 1, ids
    return starts, counts, numbers


def _by_tokens(text: str, counter: Counter) -> Tokens:
    """The tokens of a text as the tokenizer finds them in it."""
    starts, ids = _tokenise(text, counter.tokenizer)
    return Tokens(starts, np.arange(len(ids) + 1), _ranks(ids, np.array([0, len(ids)])), counter.special_tokens)


def _tokenise(text: str, tokenizer: Tokenizer) -> "tuple[np.ndarray, np.ndarray]":
    """Where tokens begin, and their ids."""
    starts, ids = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    blocks = _blocks(text)
    for group in (blocks[i : i + _BLOCKS_AT_ONCE] for i in range(0, len(blocks), _BLOCKS_AT_ONCE)):
        encodings = tokenizer.encode_batch([text[begin:end] for begin, end in group], add_special_tokens=False)
        for (begin, _), encoding in zip(group, encodings, strict=True):
            offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
            pieces = 1 + np.maximum(offsets[:, 1] - offsets[:, 0] - 1, 0) // _LONGEST
            within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
            places = np.repeat(offsets[:, 0], pieces) + within * _LONGEST + begin
            for place in np.flatnonzero(within):
                first = place - within[place]
                places[place] = _character_at(text, int(places[first]), int(places[place]))
            starts.append(places)
            ids.append(np.repeat(np.array(encoding.ids, np.int64), pieces))
    return np.maximum.accumulate(np.concatenate(starts)), np.concatenate(ids)


def _character_at(text: str, start: int, place: int) -> int:
    """Where the character as readers see it (grapheme cluster) begins that holds a place, looking from a start."""
    near = max(start, place - _LONGEST)
    part = text[near : place + 1]
    return place if part.isascii() else near + [match.start() for match in regex.finditer(r"\X", part)][-1]


def _blocks(text: str) -> list[tuple[int, int]]:
    """Spans of about `_BLOCK` characters that end after a line or a space where there is one."""
    blocks, begin = [], 0
    while begin < len(text):
        end = min(begin + _BLOCK, len(text))
        if end < len(text):
            cut = max(text.rfind("\n", begin, end), text.rfind(" ", begin, end))
            end = cut if cut > begin else end
        blocks.append((begin, end))
        begin = end
    return blocks


def _ranks(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """A number for each unit from its own and those of the few after it in the same text, whose first units are at
    `edges`."""
    texts = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    at = np.arange(len(numbers)) + _RANK_WIDTH * texts  # each text is followed by as many zeros
    padded = np.zeros(len(numbers) + _RANK_WIDTH * len(edges), np.uint64)
    padded[at] = numbers.astype(np.uint64) + np.uint64(1)
    size = len(padded) - _RANK_WIDTH
    rank = np.zeros(size, np.uint64)
    for shift in range(_RANK_WIDTH):
        rank = (rank ^ padded[shift : shift + size]) * np.uint64(0x9E3779B97F4A7C15)
        rank ^= rank >> np.uint64(29)
    found: np.ndarray = rank[at]
    return found
