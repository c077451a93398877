"""How plausible letters are that an encoding was guessed for: what stands where no writing has it."""

import unicodedata
from collections.abc import Iterator
from functools import cache

UNWRITTEN = ("Cc", "Cn", "Co", "Cs")
"""Categories of Unicode that no text has: control, unassigned, of private use, surrogate."""

_SCRIPTS = frozenset(("LATIN", "CYRILLIC", "GREEK", "HEBREW", "ARABIC", "THAI"))
_SIGNS = frozenset("“”‘’„–—…€£©®°«»§·•²³½¼¾±×µ¿¡ªº´¨™′″№\xa0¥¢‚‹›÷¶")


def share_of_faults(text: str) -> float:
    """The share of the characters beyond ASCII that stand where writing has none: from 0 to 1, or a little more.

    Scripts mixed within a word, a capital after a small letter, signs between letters, control and unassigned
    characters, a single letter of another script among Latin ones.
    """
    faults, count = 0.0, 0
    for word in text.split():
        if word.isascii():
            continue
        high = sum(char > "\x7f" for char in word)
        count += high
        letters = [char for char in word if char.isalpha()]
        scripts = {_script(char) for char in letters} & _SCRIPTS
        if len(scripts) > 1:
            faults += high
            continue
        if len(letters) == 1 and "LATIN" not in scripts and scripts:
            faults += 0.5
        faults += sum(_faults_of(word))
    return faults / max(count, 1)


def _faults_of(word: str) -> Iterator[float]:
    for before, char, after in zip(f" {word}", word, f"{word[1:]} ", strict=False):
        if char <= "\x7f":
            continue
        category = unicodedata.category(char)
        between = before.isalpha() and after.isalpha() and char < "\u3000"
        if category in UNWRITTEN or char == "\ufffd":
            yield 2.0
        elif category[0] == "L":
            flipped = (category == "Lu" and before.islower()) or (
                category == "Ll" and before.isupper() and after.isupper()
            )
            if flipped or (category == "Lm" and char < "\u3000"):
                yield 1.0
        elif category[0] != "M":
            astray = (between and char not in "’·—–") or (char in "‚„¿¡‹" and before.isalpha())
            if astray or ("\u2500" <= char <= "\u25ff" and (before.isalnum() or after.isalnum())):
                yield 1.0
            elif char not in _SIGNS and char < "\u2100":
                yield 0.7
            elif char == "…" and before == after == " ":
                yield 0.3


@cache
def _script(char: str) -> str:
    """The script of a letter, as its name begins: LATIN, CYRILLIC, …"""
    return unicodedata.name(char, "").split(" ", 1)[0]
