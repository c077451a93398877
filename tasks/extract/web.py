"""HTML into Markdown: a page's whole text with its structure, without navigation and other furniture."""

import re
from copy import deepcopy
from typing import Any

import lxml.html
from lxml.html import HtmlElement

from tasks.errors import EmptyDocument
from tasks.extract.choice import text_of
from tasks.extract.furniture import main_of, without_code
from tasks.extract.markup import one_line, to_markdown
from tasks.extract.meta import properties_of

_NO_TITLES = ("", "untitled", "untitled document", "document", "index", "new page")
# Taken out of a page whose elements stand deeper in each other than the parser goes, about 2,000:
_UNKNOWN = re.compile(r"</?(?!(?:h[1-6]|p|br|pre|title|li|tr|td)\b)[a-zA-Z][^<>]*>")


def read_html(data: str) -> tuple[str, str | None, dict[str, object]]:
    """Text as Markdown, the title, and what the page says of itself.

    Args:
        data: a page or a fragment of one.

    Raises:
        EmptyDocument: the page has no text.
    """
    tree = tree_of(data)
    title, properties = _title(tree), properties_of(tree)
    page = deepcopy(tree)
    main = text_of(main_of(tree), page)
    heading = main.find(".//h1")
    if title is None and heading is not None:
        title = one_line(" ".join(heading.itertext())) or None
    text = to_markdown(main) or to_markdown(without_code(tree_of(data)))  # a page of nothing but navigation
    if not text:
        raise EmptyDocument("the page has no text")
    return text, title, properties


def tree_of(data: str) -> HtmlElement:
    """The tree of a page or a fragment."""
    tree, errors = _tree(data)
    if any("depth" in entry.message for entry in errors):
        tree, _ = _tree(_UNKNOWN.sub(" ", data))
    return tree


def _tree(data: str) -> tuple[HtmlElement, Any]:
    """What the parser makes of it, and what it found wrong."""
    parser = lxml.html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    content = data.replace("\0", "\ufffd").encode("utf-8", "replace")
    if not content.strip():
        raise EmptyDocument("the page has no text")
    return lxml.html.document_fromstring(content, parser=parser, ensure_head_body=True), parser.error_log


def _title(tree: HtmlElement) -> str | None:
    """What the page calls itself, if it says anything; a picture's title within it is none of its own."""
    element = next((e for e in tree.iter("title") if e.getparent().tag in ("head", "html", "body")), None)
    title = one_line("".join(element.itertext())) if element is not None else ""
    return None if title.lower() in _NO_TITLES else title
