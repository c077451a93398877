"""The language of a passage, as far as its sentences end by other rules than those of English."""

from functools import cache
from typing import Any

_SAMPLE = 500  # characters
_LONGER_SAMPLE = 1500  # where the first few words leave it open; py3langid's model takes half a second to load
_ENGLISH = (" the ", " of ", " and ", " with ", " that ")
_RARE = 250  # characters; English has one of these words at least as often
_LANGUAGES = [
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "gu", "hi", "hr", "hu", "hy", "id",
    "is", "it", "ja", "kn", "ko", "lt", "lv", "ml", "mr", "my", "nl", "no", "pa", "pl", "pt", "ro", "ru", "sk", "sl",
    "sr", "sv", "ta", "te", "th", "tr", "uk", "vi", "zh",
]  # fmt: skip


def language_of(text: str) -> str:
    """The ISO 639-1 code of a passage's language: English by its commonest words, else by py3langid."""
    sample = text[:_SAMPLE]
    if _is_english(sample):
        return "en"
    longer = text[:_LONGER_SAMPLE]
    if any(word in sample for word in _ENGLISH) and " the " in longer and _is_english(longer):
        return "en"
    return str(_identifier().classify(sample)[0])


def _is_english(sample: str) -> bool:
    """Whether the commonest words of English are as frequent as it has them."""
    found = 0
    for word in _ENGLISH:
        found += sample.count(word)
        if found * _RARE >= len(sample):
            return True
    return False


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(_LANGUAGES)
    return identifier
