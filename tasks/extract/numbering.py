"""The marks of a Word file's lists as Word counts them."""

import re

from tasks.extract.package import Element, attribute, child, children

_DEEPEST = 9


class Numbering:
    """Counts the items of lists.

    Args:
        root: of the part that says how lists are numbered, or None.
    """

    def __init__(self, root: Element | None) -> None:
        kinds = {attribute(kind, "abstractNumId"): kind for kind in children(root, "abstractNum")}
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}  # by list: format, text and start of each level
        self._counts: dict[str, list[int | None]] = {}
        self._same: dict[str, str] = {}  # lists that go on with each other's numbers
        for number in children(root, "num"):
            identity, reference = attribute(number, "numId") or "", child(number, "abstractNumId")
            kind = attribute(reference, "val") if reference is not None else None
            if kind not in kinds:
                continue
            self._levels[identity] = {
                int(attribute(level, "ilvl") or 0): _level(level) for level in children(kinds[kind], "lvl")
            }
            restarts = any(child(override, "startOverride") is not None for override in children(number, "lvlOverride"))
            self._same[identity] = identity if restarts else f"abstract {kind}"

    def next(self, identity: str, depth: int) -> tuple[int, str]:
        """How deep an item of a list is, and its mark: `-` for a bullet, else its number as Word shows it."""
        depth = min(depth, _DEEPEST - 1)
        levels = self._levels.get(identity)
        if not levels or depth not in levels:
            return depth, "-"
        counts = self._counts.setdefault(self._same[identity], [None] * _DEEPEST)
        form, text, start = levels[depth]
        counts[depth] = start if counts[depth] is None else counts[depth] + 1  # type: ignore[operator]
        counts[depth + 1 :] = [None] * (_DEEPEST - depth - 1)
        if form == "none" or not text.strip():
            return depth, ""
        if form == "bullet" or "%" not in text:
            return depth, "-"

        def count(match: re.Match[str]) -> str:
            level = int(match[1]) - 1
            own, _, first = levels.get(level, ("decimal", "", 1))
            value = counts[level] if counts[level] is not None else first
            return _shown(value or 0, own)

        return depth, re.sub(r"%(\d)", count, text).strip()


def _level(level: Element) -> tuple[str, str, int]:
    form, text, start = (child(level, name) for name in ("numFmt", "lvlText", "start"))
    first = attribute(start, "val") if start is not None else None
    return (
        attribute(form, "val") or "decimal" if form is not None else "decimal",
        attribute(text, "val") or "" if text is not None else "",
        int(first) if first and first.isdigit() else 1,
    )


def _shown(value: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and value > 0:
        letters = chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return letters if form == "lowerLetter" else letters.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < value < 4000:
        roman = ""
        for worth, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            ["m", "cm", "d", "cd", "c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"],
            strict=True,
        ):
            roman, value = roman + sign * (value // worth), value % worth
        return roman if form == "lowerRoman" else roman.upper()
    return f"{value:02}" if form == "decimalZero" else str(value)
