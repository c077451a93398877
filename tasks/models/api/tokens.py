"""Counting tokens as a provider does, where its tokenizer is public and here; else about so many."""

import logging
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from tasks.models.estimated import estimated_tokenizer
from tasks.patience import each_within

if TYPE_CHECKING:
    import tiktoken

_DOWNLOAD_SECONDS = 30.0
logger = logging.getLogger("embedlake.encode")


class Counter:
    """Counts a model's tokens, and cuts texts to so many.

    Args:
        encoding: of tiktoken, where the model has one.

    Attributes:
        exact: whether it counts as the provider does.
    """

    def __init__(self, encoding: str | None) -> None:
        self._encoding = _loaded(encoding) if encoding else None
        self.exact = self._encoding is not None

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, one at least."""
        if self._encoding:
            return [max(len(ids), 1) for ids in self._encoding.encode_ordinary_batch(list(texts), num_threads=2)]
        encodings = estimated_tokenizer().encode_batch_fast(list(texts), add_special_tokens=False)
        return [max(len(encoding), 1) for encoding in encodings]

    def cut(self, text: str, tokens: int) -> str:
        """The beginning of a text, so many tokens long."""
        if self._encoding:
            beginning: str = self._encoding.decode(self._encoding.encode_ordinary(text)[:tokens])
            return beginning.rstrip("\ufffd")
        offsets = estimated_tokenizer().encode(text, add_special_tokens=False).offsets
        return text[: offsets[tokens - 1][1]] if len(offsets) > tokens else text


@cache
def _loaded(encoding: str) -> "tiktoken.Encoding | None":
    """An encoding; None where tiktoken is not installed, or cannot fetch what it needs."""
    try:
        import tiktoken

        return next(each_within((tiktoken.get_encoding(name) for name in [encoding]), _DOWNLOAD_SECONDS))
    except ImportError:
        return None
    except Exception as error:  # whatever its download raises, which waits for ever by itself
        logger.info("tokens are estimated: tiktoken cannot load %s (%s)", encoding, type(error).__name__)
        return None
