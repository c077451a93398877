"""HTML into Markdown: the main text with its headings, without links and page furniture, by trafilatura."""

import lxml.html
import trafilatura

from tasks.errors import EmptyDocument


def read_html(data: bytes | str) -> tuple[str, str | None]:
    """Text as Markdown, and the title.

    Raises:
        EmptyDocument: the page has no text.
    """
    tree = trafilatura.load_html(data)
    if tree is None:
        raise EmptyDocument("the page has no text")
    title = tree.findtext(".//title") or tree.findtext(".//h1")
    text = trafilatura.extract(
        tree, output_format="markdown", include_links=False, include_images=False, include_comments=False,
        include_formatting=True, favor_recall=True,
    )  # fmt: skip
    if not text:
        text = _all_text(data)
    if not text.strip():
        raise EmptyDocument("the page has no text")
    return text, title.strip() if title else None


def _all_text(data: bytes | str) -> str:
    """Every visible word, for pages with too little text to tell the main part."""
    tree = lxml.html.fromstring(data)
    for element in tree.xpath("//script | //style | //head"):
        element.drop_tree()
    return "\n\n".join(part.strip() for part in tree.itertext() if part.strip())
