"""The title of a text that has none beside it."""

from tasks.chunk import restructured


def title_of(text: str, kind: str) -> str | None:
    """The first heading of a marked-up text."""
    if kind == "markdown":
        first = next((line for line in text[:4000].split("\n") if line.startswith("# ")), None)
        return first.removeprefix("# ").strip() if first else None
    if kind == "rst":
        return next((section.headings[0] for section in restructured.sections(text[:4000]) if section.headings), None)
    return None
