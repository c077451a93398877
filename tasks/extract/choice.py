"""Which part of a page is its text: the smallest that holds what trafilatura chooses, and all that is in it.

trafilatura tells articles from what stands around them, but leaves headings, lists and code out that it takes for
furniture: of 83 pages of documentation 567 of 1,050 headings. So its choice says where the text is, not what it is.
"""

import re

import trafilatura
from lxml import etree
from lxml.html import HtmlElement

_WORD = re.compile(r"\w+")
_RUN = 3  # words in a row that are looked for in the choice
_ENOUGH = 0.95  # of the chosen words, which the part must hold
_FURNITURE = (0.15, 0.6)  # share of the unlinked words outside the part: less may be text, more is not furniture alone
_SURE = 0.85  # share of the part's unlinked words in the choice, from which on less is furniture, too
_DEEPEST = 100  # elements within each other of a page that may be an article; trafilatura's time grows with them
_BESIDE = ("div", "section", "aside", "ul", "ol", "dl", "figure", "p", "header", "footer", "form")
_CHIEF = "descendant-or-self::pre | descendant-or-self::table | descendant::h1"  # what is never taken for furniture
_POST = re.compile(r"NewsArticle|(?:Blog|SocialMedia)Posting")
"""Types of schema.org; `Article` alone is what themes of documentation call their pages, too."""
_FEW = 100  # unlinked words of a page that is taken whole


def text_of(body: HtmlElement, page: HtmlElement) -> HtmlElement:
    """The smallest element of a body that holds what trafilatura chooses, or the body where that is too little.

    Args:
        body: without furniture.
        page: as it came, for trafilatura, which may change it.
    """
    if _depth(page) > _DEEPEST:
        return body
    is_post = _says_it_is_a_post(page)
    try:
        chosen = trafilatura.extract(
            page, output_format="txt", include_links=False, include_images=False, include_comments=False,
            include_formatting=False, favor_recall=True,
        )  # fmt: skip
    except Exception:  # it raises whatever deep or broken pages make it raise
        return body
    words = _WORD.findall(chosen or "")
    runs = set(zip(*(words[i:] for i in range(_RUN)), strict=False))
    if not runs:
        return body
    kept, free = _counts(body, runs)
    part = body
    while True:
        inner = max(part, key=lambda child: kept.get(child, 0), default=None)
        if inner is None or kept.get(inner, 0) < _ENOUGH * kept[body]:
            break
        part = inner
    if is_post and len(words) >= _FEW:
        _drop_beside(part, kept, f" {' '.join(words)} ")
        return _with_title(part, body)
    titles = _titles(body)
    titles_lost = titles - _titles(part)
    lost = (free[body] - free[part]) / max(free[body], 1)
    sure = kept[part] >= _SURE * free[part] and not titles_lost
    if free[part] < _FEW or titles_lost * 2 > titles or not (0 if sure else _FURNITURE[0]) < lost < _FURNITURE[1]:
        return body
    if sure:
        _drop_lists_of_links(part, kept, free)
    return _with_title(part, body)


def _with_title(part: HtmlElement, body: HtmlElement) -> HtmlElement:
    """The part, begun with the body's title where that stands outside of it."""
    title = body.find(".//h1")
    if title is not None and part.find(".//h1") is None:
        part.insert(0, title)
        title.tail, part.text = part.text, None
    return part


def _says_it_is_a_post(page: HtmlElement) -> bool:
    """Whether a page says that it is news or a post of a blog: by Open Graph, or by schema.org's types."""
    for element in page.iter("meta"):
        name, content = (element.get("property") or "").lower(), (element.get("content") or "").lower()
        if name == "article:published_time" or (name == "og:type" and content in ("article", "blog", "news")):
            return True
    if any(_POST.search(kind) for kind in page.xpath("//@itemtype")):
        return True
    return any(
        _POST.search(script.text or "") for script in page.iter("script") if script.get("type") == "application/ld+json"
    )


def _drop_beside(part: HtmlElement, kept: dict[HtmlElement, int], chosen: str) -> None:
    """Take out blocks of which nothing was chosen: related pages, comments, what to subscribe to; not code and tables.

    Args:
        part: of a page.
        kept: words of each element that were chosen.
        chosen: the choice's words with single spaces.
    """
    stack = [part]
    while stack:
        for child in list(stack.pop()):
            if kept.get(child) or child.tag not in _BESIDE:
                stack.append(child)
            elif f" {' '.join(_WORD.findall(child.text_content()))} " not in chosen and not child.xpath(_CHIEF):
                child.drop_tree()


def _titles(element: HtmlElement) -> int:
    """Headings below the first level that are no links, as those of other pages are."""
    found = element.iter("h2", "h3", "h4", "h5", "h6")
    return sum(title.find(".//a[@href]") is None and next(title.iterancestors("a"), None) is None for title in found)


def _depth(page: HtmlElement) -> int:
    """How many elements stand within each other."""
    depth = deepest = 0
    for event, _ in etree.iterwalk(page, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _drop_lists_of_links(part: HtmlElement, kept: dict[HtmlElement, int], free: dict[HtmlElement, int]) -> None:
    """Take out what holds links alone, and nothing that was chosen."""
    for element in [e for e in part.iter("ul", "ol", "div", "section", "aside", "p") if not free[e] and not kept[e]]:
        if element is not part and element.getparent() is not None and element.find(".//h1") is None:
            element.drop_tree()


def _counts(body: HtmlElement, runs: set[tuple[str, ...]]) -> tuple[dict[HtmlElement, int], dict[HtmlElement, int]]:
    """For each element, its words that stand in runs of the choice, and those outside links."""
    kept: dict[HtmlElement, int] = {}
    free: dict[HtmlElement, int] = {}
    links = 0
    for event, element in etree.iterwalk(body, events=("start", "end")):
        if event == "start":
            links += element.tag == "a"
            words = _WORD.findall(element.text or "")
            kept[element] = _in_runs(words, runs)
            free[element] = 0 if links else len(words)
            continue
        links -= element.tag == "a"
        parent = element.getparent()
        if element is body:
            break
        words = _WORD.findall(element.tail or "")
        kept[parent] += kept[element] + _in_runs(words, runs)
        free[parent] += free[element] + (0 if links else len(words))
    return kept, free


def _in_runs(words: list[str], runs: set[tuple[str, ...]]) -> int:
    return sum(run in runs for run in zip(*(words[i:] for i in range(_RUN)), strict=False))
