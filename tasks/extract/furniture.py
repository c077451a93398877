"""A web page without what is not its text: scripts, navigation, heads and feet, signs of links to headings.

What an element is called decides only with what is in it: a list of links named `menu` is navigation, the prose of a
restaurant's menu is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement

_NO_TEXT = (
    "script style noscript template head svg canvas iframe object embed applet audio video map button select"
    " input textarea datalist progress meter dialog frameset"
)
_NEVER = _NO_TEXT.split()
_ROLES = ("navigation", "search", "menu", "menubar", "toolbar", "dialog", "alertdialog", "contentinfo")
_ALWAYS = re.compile(
    r"(?<![\w-])(?:sphinxsidebar|sphinxsidebarwrapper|navheader|navfooter|nav-panel|navbar|breadcrumbs?|related-bar"
    r"|wy-side-nav-search|rst-footer-buttons|toc-drawer|mobile-header|bottomNav|topNav|subNav|navBar|linenos?|linenodiv"
    r"|linenumbers?|gutter|skip-?link|skip-to-(?:main|content)|sr-only-focusable|mw-editsection|mw-jump-link"
    r"|copybtn|cookie-?(?:banner|notice|consent|bar)|gdpr|noprint|source-link|viewcode-link|viewcode-back"
    r"|headerlink|anchorjs-link|copiable-link|permalink|heading-?anchor|header-?anchor"
    r"|comments|comments-area|comment-?list|comment-respond|respond|disqus_thread|sharedaddy)(?![\w-])",
    re.IGNORECASE,
)
"""Names that generators of pages give to what is no text: Sphinx, DocBook, texinfo, javadoc, rustdoc, wikis, blogs."""

_WITH_LINKS = re.compile(
    r"(?:^|[\s_-])(?:nav|navi|navigation|sidebar|side|menu|header|head|banner|footer|foot|related|pager"
    r"|pagination|share|sharing|social|tags?|links?|widget|widgets|complementary|recommended|promo|teasers?|topbar"
    r"|toolbar|subscribe|newsletter|cookies?|prev|next|secondary)(?:[\s_-]|$)",
    re.IGNORECASE,
)
"""Names of what is navigation if it is mostly links."""

_SIGN = re.compile(
    r"\W*(?:link|anchor|permalink|link to this (?:heading|section|definition)|edit|source)?\W*", re.IGNORECASE
)
_SIGN_ALONE = re.compile(r"[^\w]*")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LONGEST_LINKS = 0.6  # share of the words that stand in links, from which on a named part is navigation


@dataclass(slots=True)
class _Content:
    """What is in an element: letters, those of them in links, headings, and elements that only a main part has."""

    letters: int = 0
    linked: int = 0
    headings: int = 0
    chief: int = 0


def main_of(tree: HtmlElement) -> HtmlElement:
    """The part of a page that holds its text, after what is not text was taken out of the whole tree."""
    body = without_code(tree)
    content = _contents(body)
    for element in list(_furniture(body, content)):
        element.drop_tree()
    mains = [e for e in body.iter("main", "div", "section", "td") if e.tag == "main" or e.get("role") == "main"]
    best = max(mains, key=lambda element: content[element].letters, default=None)
    if best is not None and content[best].letters * 2 > _letters(body):
        title = body.find(".//h1")
        if title is not None and best.find(".//h1") is None:
            best.insert(0, title)
            title.tail, best.text = best.text, None
        return best
    return body


def without_code(tree: HtmlElement) -> HtmlElement:
    """The body of a page, after all was taken out that no reader of it sees as text: scripts, forms, pictures."""
    body = tree.find(".//body")
    body = tree if body is None else body
    _formulas_as_text(body)
    for element in list(body.iter(*_NEVER)):
        if element is not body:
            element.drop_tree()
    return body


def _formulas_as_text(body: HtmlElement) -> None:
    """MathML's elements as the TeX that they are annotated with, where they are."""
    for formula in list(body.iter("math")):
        source = next((e.text for e in formula.iter("annotation") if "tex" in (e.get("encoding") or "")), None)
        if source:
            tail = formula.tail
            formula.clear()
            formula.tail, formula.text = tail, source


def _furniture(body: HtmlElement, content: dict[HtmlElement, _Content]) -> Iterator[HtmlElement]:
    """Elements to take out; those within one that is taken out are not looked at."""
    stack = [body]
    while stack:
        element = stack.pop()
        if element is not body and _is_furniture(element, content[element]):
            yield element
        else:
            stack.extend(reversed(element))


def _is_furniture(element: HtmlElement, content: _Content) -> bool:
    tag = element.tag
    if tag == "nav" or element.get("role") in _ROLES or _hidden(element):
        return True
    if tag == "a":
        return _is_sign(element)
    name = f"{element.get('class', '')} {element.get('id', '')}"
    if tag in ("header", "footer") and not _within_text(element):
        return tag == "footer" or not content.headings
    if name == " " or tag in ("body", "main", "article", *_HEADINGS):
        return False
    if _ALWAYS.search(name):
        return not content.chief
    named = tag == "aside" or _WITH_LINKS.search(name) is not None
    return named and content.linked >= _LONGEST_LINKS * content.letters


def _hidden(element: HtmlElement) -> bool:
    style = element.get("style", "")
    return (element.get("hidden") is not None or "display:none" in style.replace(" ", "").lower()) and element.get(
        "role"
    ) != "tabpanel"


def _is_sign(link: HtmlElement) -> bool:
    """Whether a link is only the sign of a heading's address."""
    address = link.get("href", "")
    if not address.startswith("#") and "link" not in link.get("class", "") and "anchor" not in link.get("class", ""):
        return False
    text = "".join(link.itertext())
    parent = link.getparent()
    while parent is not None and parent.tag == "span":
        parent = parent.getparent()
    at_title = parent is not None and parent.tag in (*_HEADINGS, "dt")
    return bool((_SIGN if at_title else _SIGN_ALONE).fullmatch(text)) and bool(text.strip())


def _within_text(element: HtmlElement) -> bool:
    return any(
        parent.tag in ("article", "main", "section", "blockquote", "figure") for parent in element.iterancestors()
    )


def _contents(body: HtmlElement) -> dict[HtmlElement, _Content]:
    """What is in each element, in one walk."""
    found: dict[HtmlElement, _Content] = {}
    links = 0
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if event == "start":
            links += element.tag == "a"
            own = found[element] = _Content(_size(element.text))
            own.linked = own.letters if links else 0
            own.headings, own.chief = element.tag in _HEADINGS, element.tag in ("h1", "main")
        else:
            links -= element.tag == "a"
            if element is body:
                break
            around, own, after = found[element.getparent()], found[element], _size(element.tail)
            around.letters += own.letters + after
            around.linked += own.linked + (after if links else 0)
            around.headings += own.headings
            around.chief += own.chief
    return found


def _letters(element: HtmlElement) -> int:
    return sum(_size(text) for text in element.itertext())


def _size(text: str | None) -> int:
    return len(text) - text.count(" ") if text else 0
