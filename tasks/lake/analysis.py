"""How text becomes the words that a text index holds: split, brought to one form, the commonest left out.

The same is done to a query. Words are split where people split them, and identifiers at their parts, in prose as in
code: `parse_http_date`, `parseHttpDate` and `p53` are found by a part of theirs. Languages that are written without
spaces are cut by ICU's dictionaries.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tasks.chunk.language import language_of

Analysis = dict[str, Any]

_STEMMED = {
    "ar": "Arabic", "da": "Danish", "nl": "Dutch", "en": "English", "fi": "Finnish", "fr": "French", "de": "German",
    "el": "Greek", "hu": "Hungarian", "it": "Italian", "nb": "Norwegian", "nn": "Norwegian", "no": "Norwegian",
    "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "es": "Spanish", "sv": "Swedish", "ta": "Tamil",
    "tr": "Turkish",
}  # fmt: skip
_WITHOUT_SPACES = frozenset({"ja", "km", "lo", "my", "th", "zh"})
_SHARE = 0.2  # of passages without spaces from which on all are cut by dictionaries, which do for others too


def analysis_of(language: str) -> Analysis:
    """How text of a language is analysed, as Lance's inverted index takes it.

    Args:
        language: ISO 639-1 code. One that has no stemmer there keeps its words as they are.
    """
    if language in _WITHOUT_SPACES:
        return {"base_tokenizer": "icu/split", "language": "English", "stem": True, "remove_stop_words": False}
    stemmed = language in _STEMMED
    return {
        "analyzer": "code", "base_tokenizer": "code", "split_identifiers": True, "split_on_numerics": True,
        "preserve_original": True, "language": _STEMMED.get(language, "English"), "stem": stemmed,
        "remove_stop_words": stemmed,
    }  # fmt: skip


def known_analyses() -> list[Analysis]:
    """Every analysis that `analysis_of` gives."""
    return [analysis_of(language) for language in ("zh", "other", *_STEMMED)]


def main_language(texts: Iterable[str]) -> str:
    """The ISO 639-1 code of the language that most of some passages are in, as far as it decides their analysis."""
    counts = Counter(language_of(text) for text in texts)
    dense = {language: count for language, count in counts.items() if language in _WITHOUT_SPACES}
    if sum(dense.values()) > _SHARE * counts.total():
        return max(dense, key=lambda language: dense[language])
    return counts.most_common(1)[0][0] if counts else "en"


def words_of(text: str, analysis: Analysis) -> list[str]:
    """The words of a text as the index has them, in order."""
    from lance import tokenize

    return [word.text for word in tokenize(text, **analysis)]
