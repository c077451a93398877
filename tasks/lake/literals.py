"""Values as SQL writes them."""


def quoted(text: str) -> str:
    """A text as a literal: no quotation mark in it ends it."""
    return "'" + text.replace("'", "''") + "'"
