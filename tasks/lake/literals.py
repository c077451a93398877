"""Values as SQL writes them."""

import re

# What may hold a double quote and is none, or a name in such.
_PART = re.compile(r"'(?:[^']|'')*'|`[^`]*`|--[^\n]*|\"(?P<name>[^\"`]+)\"")


def quoted(text: str) -> str:
    """A text as a literal: no quotation mark in it ends it."""
    return "'" + text.replace("'", "''") + "'"


def with_names(where: str) -> str:
    """A user's condition in SQL as Lance reads it: names in double quotes, which it takes for texts, in backticks."""
    return _PART.sub(lambda part: part[0] if part["name"] is None else f"`{part['name']}`", where)
