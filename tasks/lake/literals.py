"""Values as SQL writes them."""

import re

# a text, a remark, a name in backticks, or (kept) one in double quotes
_PARTS = re.compile(r"""'[^']*'|--[^\n]*|/\*.*?\*/|`[^`]*`|"([^"`]*)\"""", re.DOTALL)


def quoted(text: str) -> str:
    """A text as a literal: no quotation mark in it ends it."""
    return "'" + text.replace("'", "''") + "'"


def in_backticks(condition: str) -> str:
    """A condition in SQL whose names in double quotes stand in backticks: Lance by itself takes those for texts, and
    LanceDB, which looks at conditions first, for names."""
    return _PARTS.sub(lambda part: part[0] if part[1] is None else f"`{part[1]}`", condition)
