"""Values and conditions as SQL writes them."""

import re

# a text, a remark, a name in backticks, or (kept) one in double quotes
_PARTS = re.compile(r"""'[^']*'|--[^\n]*|/\*.*?\*/|`[^`]*`|"([^"`]*)\"""", re.DOTALL)


def quoted(text: str) -> str:
    """A text as a literal: no quotation mark in it ends it."""
    return "'" + text.replace("'", "''") + "'"


def all_of(*conditions: str | None) -> str | None:
    """One condition out of several, None standing for none; each of them may end in a remark."""
    return " AND ".join(f"({condition}\n)" for condition in conditions if condition is not None) or None


def in_backticks(condition: str) -> str:
    """A condition in SQL whose names in double quotes stand in backticks: Lance by itself takes those for texts, and
    LanceDB, which looks at conditions first, for names."""
    return _PARTS.sub(lambda part: part[0] if part[1] is None else f"`{part[1]}`", condition)
