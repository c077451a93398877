"""A tokenizer for those who have none: its counts are near those of the large models' tokenizers.

A token is up to six letters of a Latin word, three of other alphabets, three digits, or one sign; one character where
words are not written apart.
"""

from functools import cache

from tokenizers import Regex, Tokenizer, models, pre_tokenizers

_TOKEN = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]|\p{Latin}{1,6}|[\p{L}\p{M}]{1,3}"
    r"|\p{N}{1,3}|[^\s\p{L}\p{M}\p{N}]"
)


@cache
def estimated_tokenizer() -> Tokenizer:
    """The tokenizer: every token is an unknown one, where it stands and how many there are is what counts."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_TOKEN), "removed", invert=True)
    return tokenizer
