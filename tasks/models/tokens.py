"""Texts into padded matrices of token ids, without torch.

The tokenizer runs once for each text, uncut; what a model adds around a text, and where it cuts, is done on the ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Ids = npt.NDArray[np.int64]
Features = dict[str, npt.NDArray[np.int64]]
"""A model's inputs by name, each int64 of shape (n_texts, longest)."""


@dataclass(frozen=True, slots=True)
class Description:
    """What has to be known of a transformer model to feed it.

    Attributes:
        dimension: of its vectors, uncut.
        max_tokens: that it reads, its own special tokens included.
        tokenizer: tokenizer.json, as text.
        inputs: names of the model's inputs, in order.
        pad_id: token id that fills up short rows; pad_left: on which side.
        query_prompt, document_prompt: put before a text where the corpus file says nothing.
    """

    dimension: int
    max_tokens: int
    tokenizer: str
    inputs: list[str]
    pad_id: int
    pad_left: bool
    query_prompt: str
    document_prompt: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class TextTokenizer:
    """Tokenises for one model.

    Args:
        description: of the model.
        max_tokens: cut texts after so many tokens, special tokens included.
    """

    def __init__(self, description: Description, max_tokens: int) -> None:
        self._description = description
        self._max_tokens = max_tokens
        self._tokenizer = Tokenizer.from_str(description.tokenizer)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        marked, bare = (self._tokenizer.encode("a", add_special_tokens=add).ids for add in (True, False))
        before = next(i for i in range(len(marked)) if marked[i : i + len(bare)] == bare)
        self._before = np.array(marked[:before], np.int64)
        self._after = np.array(marked[before + len(bare) :], np.int64)

    def tokenise(self, texts: Sequence[str]) -> tuple[list[Ids], list[int]]:
        """The ids of each text, marked and cut, and how many there were before the cut."""
        special_tokens = len(self._before) + len(self._after)
        room = max(self._max_tokens - special_tokens, 0)
        found, counts = [], []
        for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False):
            ids = np.array(encoding.ids, np.int64)
            counts.append(len(ids) + special_tokens)
            found.append(np.concatenate([self._before, ids[:room], self._after]))
        return found, counts

    def pad(self, rows: Sequence[Ids]) -> Features:
        """The model's inputs for some texts, as long as the longest of them."""
        longest = max(max(map(len, rows)), 1)
        ids = np.full((len(rows), longest), self._description.pad_id, np.int64)
        mask = np.zeros((len(rows), longest), np.int64)
        for i, row in enumerate(rows):
            place = slice(longest - len(row), longest) if self._description.pad_left else slice(0, len(row))
            ids[i, place] = row
            mask[i, place] = 1
        features = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return {name: features[name] for name in self._description.inputs}


def batches_of(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions of texts in batches of like length, the longest first.

    Args:
        lengths: in tokens.
        budget: most tokens in a batch, padding included; a single longer text is a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    start = 0
    while start < len(order):
        most = max(budget // max(lengths[order[start]], 1), 1)
        yield order[start : start + most]
        start += most
