"""Counting tokens: where each token of a text begins, found once for the whole text."""

import json
from functools import cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

_BLOCK = 20_000  # characters given to the tokenizer at once: its offsets come as Python objects
_BLOCKS_AT_ONCE = 32
_LONGEST = 64  # characters; a longer token (an unknown word) counts as several, so that chunks stay bounded


class Tokens:
    """The tokens of one text.

    Attributes:
        starts: character offset of each token, ascending, int64 of shape (n_tokens,).
        ranks: a random-looking number for each token, the same wherever the next few tokens are the same,
            uint64 of shape (n_tokens,).
        marks: tokens that the model adds around every text.
    """

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        starts, ids = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)]
        blocks = _blocks(text)
        for group in (blocks[i : i + _BLOCKS_AT_ONCE] for i in range(0, len(blocks), _BLOCKS_AT_ONCE)):
            encodings = tokenizer.encode_batch([text[begin:end] for begin, end in group], add_special_tokens=False)
            for (begin, _), encoding in zip(group, encodings, strict=True):
                offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
                pieces = 1 + np.maximum(offsets[:, 1] - offsets[:, 0] - 1, 0) // _LONGEST
                within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
                starts.append(np.repeat(offsets[:, 0], pieces) + within * _LONGEST + begin)
                ids.append(np.repeat(np.array(encoding.ids, np.uint64), pieces))
        self.starts = np.maximum.accumulate(np.concatenate(starts))
        self.ranks = _ranks(np.concatenate(ids))
        self.marks: int = tokenizer.num_special_tokens_to_add(False)

    def index(self, offset: int) -> int:
        """How many tokens begin before a character offset."""
        return int(np.searchsorted(self.starts, offset))

    def count(self, start: int, end: int) -> int:
        """Tokens of a span, with the marks that the model adds."""
        return self.index(end) - self.index(start) + self.marks


@cache
def load_tokenizer(folder: str) -> Tokenizer:
    """The tokenizer in a model's folder, without truncation or padding.

    Raises:
        FileNotFoundError: the folder holds no tokenizer.json.
    """
    tokenizer = Tokenizer.from_str(json.dumps(json.loads((Path(folder) / "tokenizer.json").read_text("utf-8"))))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


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


def _ranks(ids: np.ndarray, width: int = 8) -> np.ndarray:
    """A number for each token from its id and those of the `width - 1` after it."""
    padded = np.concatenate([ids + np.uint64(1), np.zeros(width, np.uint64)])
    rank = np.zeros(len(ids), np.uint64)
    for shift in range(width):
        rank = (rank ^ padded[shift : shift + len(ids)]) * np.uint64(0x9E3779B97F4A7C15)
        rank ^= rank >> np.uint64(29)
    return rank
