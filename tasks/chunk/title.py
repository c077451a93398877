"""The title of a text that has none beside it."""

from tasks.chunk import markdown, restructured

_BEGINNING = 4000  # characters


def title_of(text: str, kind: str) -> str | None:
    """The first heading of a marked-up text."""
    if kind == "markdown":
        return markdown.title_of(text[:_BEGINNING])
    if kind == "rst":
        sections = restructured.outline(text[:_BEGINNING]).sections
        return next((section.headings[0] for section in sections if section.headings), None)
    return None
