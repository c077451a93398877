"""A query and each of some texts into padded matrices of token ids, without torch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from tasks.models.tokens import Features


@dataclass(frozen=True, slots=True)
class PairDescription:
    """What has to be known of a cross-encoder to feed it.

    Attributes:
        max_tokens: of query and text together, special tokens included.
        tokenizer: tokenizer.json, as text.
        inputs: names of the model's inputs, in order.
        pad_id, pad_type_id: that fill up short rows; pad_left: on which side.
    """

    max_tokens: int
    tokenizer: str
    inputs: list[str]
    pad_id: int
    pad_type_id: int
    pad_left: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class PairTokenizer:
    """Tokenises for one cross-encoder.

    Args:
        description: of it.
        max_tokens: of query and text together; the longer of the two is cut first.
    """

    def __init__(self, description: PairDescription, max_tokens: int) -> None:
        self._description = description
        self._tokenizer = Tokenizer.from_str(description.tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens, strategy="longest_first")

    def tokenise(self, query: str, texts: Sequence[str]) -> list[Encoding]:
        """The query with each text, marked and cut."""
        return self._tokenizer.encode_batch([(query, text) for text in texts])

    def pad(self, rows: Sequence[Encoding]) -> Features:
        """The model's inputs for some pairs, as long as the longest of them."""
        about = self._description
        longest = max(len(row.ids) for row in rows)
        shape = (len(rows), longest)
        features = {
            "input_ids": np.full(shape, about.pad_id, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
            "token_type_ids": np.full(shape, about.pad_type_id, np.int64),
        }
        for i, row in enumerate(rows):
            count = len(row.ids)
            place = slice(longest - count, longest) if about.pad_left else slice(0, count)
            features["input_ids"][i, place] = row.ids
            features["attention_mask"][i, place] = 1
            features["token_type_ids"][i, place] = row.type_ids
        return {name: features[name] for name in about.inputs}
