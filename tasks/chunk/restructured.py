"""The structure of reStructuredText: sections by the lines drawn under (and over) their titles.

The rules are docutils': the first style of line met is the outermost, and so on. Its own parser is not used
because it drops what stands in directives it does not know, and nearly every Sphinx document has some.
"""

import re

from tasks.chunk.markdown import Section, nest

_TITLE = re.compile(
    r"^(?:(?P<over>([!-/:-@\[-`{-~])\2{2,})[ \t]*\n)?"
    r"[ \t]*(?P<title>[^\s].*?)[ \t]*\n"
    r"(?P<under>([!-/:-@\[-`{-~])\5{2,})[ \t]*$",
    re.MULTILINE,
)


def sections(text: str) -> list[Section]:
    """The sections of a reStructuredText document."""
    styles: list[tuple[bool, str]] = []
    found = []
    for match in _TITLE.finditer(text):
        over, title, under = match["over"], match["title"], match["under"]
        if len(under) < len(title) or (over and over[0] != under[0]) or set(title) <= set(under):
            continue
        style = (bool(over), under[0])
        if style not in styles:
            styles.append(style)
        found.append((match.start(), styles.index(style), title))
    return nest(found)
