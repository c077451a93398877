"""Letters of fonts that do not say which characters they show: what their codes tell, and whether it is text."""

import re

_TEX = {
    0x0B: "ﬀ", 0x0C: "ﬁ", 0x0E: "ﬃ", 0x0F: "ﬄ", 0x10: "“", 0x11: "”", 0x15: "–", 0x16: "—",
    0x1B: "ﬀ", 0x1C: "ﬁ", 0x1D: "ﬂ", 0x1E: "ﬃ", 0x1F: "ﬄ", 0x88: "•",
}  # fmt: skip
"""What stands within words at codes that are no characters of text, in TeX's encodings OT1, T1 and TS1."""

_ODD = re.compile("[\x0b\x0c\x0e-\x1f\x88]")
_LIGATED = "[\x0b\x0c\x0e\x0f\x1b-\x1f]"
_CODES = re.compile(
    f"(?<=[A-Za-z]){_LIGATED}(?=[a-z])|(?<![^ \n]){_LIGATED}(?=[a-z]{{2}})|(?<=[a-z]{{2}}){_LIGATED}(?![^ .,;:\r\n-])"
    r"|\x10(?=\w)|(?<=[\w.,!?])\x11|(?<=[\w ])[\x15\x16](?=[\w ])|(?<![^ \n])\x88(?= )"
)
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_LIGATURE = re.compile("[\ufb00-\ufb06]")
_FREQUENT = "etaoinsr"  # half or more of the letters of every language in Latin letters
_LETTERS = re.compile("[a-z]+")


def with_tex_letters(text: str) -> str:
    """A page's characters with those of TeX's fonts in the place of codes that are none; as many as before."""
    return _CODES.sub(lambda match: _TEX[ord(match[0])], text) if _ODD.search(text) else text


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
