"""Counting tokens: how many each word of a text has, found once for the whole text.

A tokenizer that splits at white space first, as BERT's does, gives a word the same tokens wherever it stands. So
each distinct word is tokenised once in a process, and counting is looking words up. Other tokenizers read all of it.
"""

import json
import zlib
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

_BLOCK = 20_000  # characters given to the tokenizer at once: its offsets come as Python objects
_BLOCKS_AT_ONCE = 32
_LONGEST = 64  # characters; a longer token (an unknown word) counts as several, so that chunks stay bounded
_LONG_WORD = 24  # characters; a longer word is taken apart into its tokens, where it may have to be cut
_MOST_WORDS = 500_000  # remembered at once
_SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x1f\x85"  # white space to Python, control characters that tokenizers drop
_SPACES = np.array([chr(code).isspace() for code in range(0x3001)])  # all white space of Unicode lies below


class Counter:
    """Counts tokens as one tokenizer does.

    Attributes:
        tokenizer: it, without truncation or padding.
        marks: tokens that the model adds around every text.
        by_words: whether a word has the same tokens wherever it stands.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.marks: int = tokenizer.num_special_tokens_to_add(False)
        parts = json.loads(tokenizer.to_str())
        self.by_words = ((parts["pre_tokenizer"] or {}).get("type"), parts["model"].get("type")) == (
            "BertPreTokenizer",
            "WordPiece",
        )
        self._words: dict[str, int] = {}

    def look_up(self, words: list[str]) -> list[int]:
        """For each word, a number that stands on it alone, times 2^16, plus its tokens, or 0 for a long one."""
        try:
            return [self._words[word] for word in words]
        except KeyError:
            self._learn(set(words).difference(self._words), words)
            return [self._words[word] for word in words]

    def _learn(self, missing: set[str], words: list[str]) -> None:
        if len(self._words) > _MOST_WORDS:
            self._words.clear()
            missing = set(words)
        new = list(missing)
        encodings = self.tokenizer.encode_batch_fast(new, add_special_tokens=False)
        for word, encoding in zip(new, encodings, strict=True):
            count = 0 if len(word) > _LONG_WORD else len(encoding.ids)
            self._words[word] = zlib.crc32(word.encode("utf-8", "surrogatepass")) << 16 | count


class Tokens:
    """The tokens of one text, in units that stand on their own: words, or single tokens.

    Attributes:
        marks: tokens that the model adds around every text.
    """

    def __init__(self, text: str, counter: Counter) -> None:
        self._text = text
        self._counter = counter
        self.marks = counter.marks
        by_words = counter.by_words and not any(separator in text for separator in _SEPARATORS)
        self._words = text.split() if by_words else None
        self._found = counter.look_up(self._words) if self._words is not None else None

    @cached_property
    def total(self) -> int:
        """Tokens of the whole text, with the marks that the model adds."""
        counts = [number & 0xFFFF for number in self._found or [0]]
        return (sum(counts) if all(counts) else int(self.before[-1])) + self.marks

    @property
    def starts(self) -> np.ndarray:
        """Character offset of each unit, ascending, int64 of shape (n_units,)."""
        return self._units[0]

    @cached_property
    def before(self) -> np.ndarray:
        """Tokens before each unit, and in all, int64 of shape (n_units + 1,)."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(self._units[1])])

    @cached_property
    def ranks(self) -> np.ndarray:
        """A random-looking number for each unit, the same wherever the next few units are the same, uint64 of
        shape (n_units,)."""
        return _ranks(self._units[2].astype(np.uint64))

    def unit(self, offset: "int | np.ndarray") -> "np.ndarray":
        """How many units begin before a character offset."""
        found: np.ndarray = self.starts.searchsorted(offset)
        return found

    def index(self, offset: int) -> int:
        """How many tokens stand before a character offset."""
        return int(self.before[self.unit(offset)])

    def count(self, start: int, end: int) -> int:
        """Tokens of a span, with the marks that the model adds."""
        return self.index(end) - self.index(start) + self.marks

    @cached_property
    def _units(self) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
        """Where units begin, their tokens, and the numbers that ranks are made of."""
        if self._words is None or self._found is None:
            starts, ids = _by_tokens(self._text, self._counter.tokenizer)
            return starts, np.ones(len(starts), np.int64), ids
        return _by_words(self._text, self._words, np.array(self._found, np.int64), self._counter.tokenizer)


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


def _by_words(
    text: str, words: list[str], found: np.ndarray, tokenizer: Tokenizer
) -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Units where words were looked up: each word, and of the long ones each token."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    space = _SPACES[np.minimum(codes, 0x2FFF)] | (codes == 0x3000)
    starts = np.flatnonzero(~space & np.concatenate([[True], space[:-1]]))
    counts, numbers = found & 0xFFFF, found >> 16
    long = np.flatnonzero(counts == 0)
    if not len(long):
        return starts, counts, numbers
    all_starts, all_counts, all_numbers, done = [], [], [], 0
    for i in long.tolist():
        within, inner = _by_tokens(words[i], tokenizer)
        all_starts += [starts[done:i], within + starts[i]]
        all_counts += [counts[done:i], np.ones(len(within), np.int64)]
        all_numbers += [numbers[done:i], inner]
        done = i + 1
    return (
        np.concatenate([*all_starts, starts[done:]]),
        np.concatenate([*all_counts, counts[done:]]),
        np.concatenate([*all_numbers, numbers[done:]]),
    )


def _by_tokens(text: str, tokenizer: Tokenizer) -> "tuple[np.ndarray, np.ndarray]":
    """Where tokens begin, and their ids."""
    starts, ids = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    blocks = _blocks(text)
    for group in (blocks[i : i + _BLOCKS_AT_ONCE] for i in range(0, len(blocks), _BLOCKS_AT_ONCE)):
        encodings = tokenizer.encode_batch([text[begin:end] for begin, end in group], add_special_tokens=False)
        for (begin, _), encoding in zip(group, encodings, strict=True):
            offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
            pieces = 1 + np.maximum(offsets[:, 1] - offsets[:, 0] - 1, 0) // _LONGEST
            within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
            starts.append(np.repeat(offsets[:, 0], pieces) + within * _LONGEST + begin)
            ids.append(np.repeat(np.array(encoding.ids, np.int64), pieces))
    return np.maximum.accumulate(np.concatenate(starts)), np.concatenate(ids)


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


def _ranks(numbers: np.ndarray, width: int = 8) -> np.ndarray:
    """A number for each unit from its own and those of the `width - 1` after it."""
    padded = np.concatenate([numbers + np.uint64(1), np.zeros(width, np.uint64)])
    rank = np.zeros(len(numbers), np.uint64)
    for shift in range(width):
        rank = (rank ^ padded[shift : shift + len(numbers)]) * np.uint64(0x9E3779B97F4A7C15)
        rank ^= rank >> np.uint64(29)
    return rank
