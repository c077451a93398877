"""What elements of HTML are: blocks, headings, tables of data, code of a language."""

import re

from lxml.html import HtmlElement

_BLOCKS = (
    "address article aside blockquote body caption center col colgroup dd details dialog dir div dl dt fieldset"
    " figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option"
    " p pre search section summary table tbody td tfoot th thead tr ul xmp listing plaintext"
)
BLOCKS = frozenset(_BLOCKS.split())
"""Elements that begin on a line of their own."""

VERBATIM = ("pre", "xmp", "listing", "plaintext")
"""Elements whose white space counts."""

_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|brush|sourceCode)[-: ]\s*([A-Za-z][\w+#.-]*)")
_NO_LANGUAGES = ("default", "none", "text", "notranslate", "source")


def heading_level(element: HtmlElement) -> int:
    """1 to 6 for a heading, else 0."""
    if len(element.tag) == 2 and element.tag[0] == "h" and element.tag[1] in "123456":
        return int(element.tag[1])
    if element.get("role") == "heading":
        level = element.get("aria-level", "2")
        return min(int(level), 6) if level.isdecimal() and int(level) else 2
    return 0


def holds_data(table: HtmlElement) -> bool:
    """Whether a table has rows of several cells and in them only text, as one that lays out a page has not."""
    several = False
    for element in table.iterdescendants():
        tag = element.tag
        if tag in ("table", "h1", "h2", "h3", "h4", "h5", "h6") or (
            tag in VERBATIM and "\n" in "".join(element.itertext()).strip()
        ):
            return False
        several = several or (tag == "tr" and sum(child.tag in ("td", "th") for child in element) > 1)
    return several


def first_number(element: HtmlElement) -> int:
    """The number that a list's items begin with."""
    start = element.get("start") or ""
    return int(start) if start.isdecimal() and len(start) < 9 else 1


def language_named(element: HtmlElement) -> str:
    """The programming language that the classes of an element, of its only child or of those around it name."""
    near = [element, *element[:1], element.getparent()]
    near.append(near[-1].getparent() if near[-1] is not None else None)
    for other in near:
        found = _LANGUAGE.search(other.get("class", "")) if other is not None else None
        if found and found[1] not in _NO_LANGUAGES:
            return found[1].lower()
    return ""
