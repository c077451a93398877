"""Letters of fonts that do not say which characters they show: what their codes tell, and whether it is text."""

import re

_TEX = {
    0x0B: "ﬀ", 0x0C: "ﬁ", 0x0E: "ﬃ", 0x0F: "ﬄ", 0x10: "“", 0x11: "”", 0x15: "–", 0x16: "—",
    0x1B: "ﬀ", 0x1C: "ﬁ", 0x1D: "ﬂ", 0x1E: "ﬃ", 0x1F: "ﬄ", 0x88: "•",
}  # fmt: skip
"""What stands at codes that are no characters of text, in TeX's encodings OT1, T1 and TS1."""

_CODES = re.compile(f"[{''.join(map(chr, _TEX))}]")
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_FREQUENT = "etaoinsr"  # half or more of the letters of every language in Latin letters
_LETTERS = re.compile("[a-z]+")


def with_tex_letters(text: str) -> str:
    """A page's characters with those of TeX's fonts in the place of codes that are none; as many as before."""
    return text.translate(_TEX) if _CODES.search(text) else text


def without_ligatures(text: str) -> str:
    """The text with each letter of a ligature by itself, as it is searched for."""
    return text.translate(_LIGATURES) if _LIGATURE.search(text) else text


def is_language(text: str) -> bool:
    """Whether letters that only their codes tell are those meant: the frequent ones are frequent, and words usual."""
    words = _LETTERS.findall(text.lower())
    letters = "".join(words)
    frequent = sum(map(letters.count, _FREQUENT))
    shown = sum(not char.isspace() for char in text)
    return len(letters) > 0.6 * shown and frequent > 0.5 * len(letters) and 2 < len(letters) / len(words) < 12
