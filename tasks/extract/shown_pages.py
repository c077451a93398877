"""The images that pages of HTML, books of them (EPUB) and notebooks show."""

import base64
import binascii
import json
import posixpath
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes

from lxml import etree
from lxml.html import HtmlElement

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.extract.blocks import clean_title, one_line
from tasks.extract.elements import BLOCKS
from tasks.extract.epub import chapters_of, page_of
from tasks.extract.package import Package, attribute
from tasks.extract.shown import Inline
from tasks.extract.web import tree_of

_DATA = re.compile(r"\s*data:image/[\w.+-]+((?:;[^;,]*)*),(.*)", re.DOTALL | re.IGNORECASE)
_UNSEEN = ("script", "style", "template", "head")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")

Found = tuple[str, Callable[[], bytes | None]]
"""Which image it is, and what reads it."""


def inline_of_html(page: str) -> Iterator[str | Inline]:
    """Paragraphs and images of a page that has these in itself (`data:`), which are numbered from 1.

    Args:
        page: HTML.
    """
    number = 0

    def found(source: str) -> Found | None:
        nonlocal number
        if not _DATA.match(source):
            return None
        number += 1
        return f"image={number}", partial(_decoded, source)

    return _walk(tree_of(page), found)


def inline_of_book(package: Package) -> Iterator[str | Inline]:
    """Paragraphs and images of a book's chapters; the images are its parts."""
    names = set(package.names)
    for path, chapter in chapters_of(package):

        def found(source: str, folder: str = posixpath.dirname(path)) -> Found | None:
            name = posixpath.normpath(posixpath.join(folder, unquote(source).partition("#")[0]))
            return (f"part={quote(name)}", partial(package.read, name)) if name in names else None

        try:
            tree = tree_of(page_of(chapter))
        except (EmptyDocument, BrokenDocument):  # as it is left out of the text
            continue
        yield from _walk(tree, found)


def _walk(tree: HtmlElement, found: Callable[[str], Found | None]) -> Iterator[str | Inline]:
    words: list[str] = []
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if tag in BLOCKS:
            yield "".join(words)
            words.clear()
        if event == "end":
            words.append(element.tail or "")
            continue
        if tag in _UNSEEN:
            walk.skip_subtree()
            continue
        words.append(element.text or "")
        image = found(attribute(element, "src" if tag == "img" else "href") or "") if tag in ("img", "image") else None
        if image:
            yield "".join(words)
            words.clear()
            yield Inline(image[0], _said(element), image[1])


def _said(image: HtmlElement) -> str:
    """The alternative text of an image, else the caption of the figure that it is in."""
    alt = one_line(image.get("alt") or "")
    if clean_title(alt):
        return alt
    figure = next(image.iterancestors("figure"), None)
    caption = figure.find(".//figcaption") if figure is not None else None
    return one_line("".join(caption.itertext())) if caption is not None else ""


def inline_of_notebook(text: str) -> Iterator[str | Inline]:
    """Cells and the images in what they put out, or that are attached to them, numbered from 1.

    Args:
        text: JSON in the notebook format, version 3 or 4.
    """
    book = json.loads(text)
    number = 0
    for cell in book.get("cells") or [cell for sheet in book.get("worksheets") or () for cell in sheet["cells"]]:
        yield _joined(cell.get("source", cell.get("input", "")))
        attached, outputs = cell.get("attachments"), cell.get("outputs")
        shown = list(attached.values()) if isinstance(attached, dict) else []
        shown += map(_data, outputs if isinstance(outputs, list) else ())
        for kinds in shown:
            kind = next((kind for kind in _IMAGES if kind in kinds), None) if isinstance(kinds, dict) else None
            if kind:
                number += 1
                mark = "" if kind.endswith("svg+xml") else ";base64"
                content = quote(_joined(kinds[kind])) if not mark else _joined(kinds[kind])
                yield Inline(f"image={number}", "", partial(_decoded, f"data:{kind}{mark},{content}"))


def _data(output: Any) -> dict[str, Any]:
    """What an output is, by media type."""
    if not isinstance(output, dict):
        return {}
    data = output.get("data")
    older = {f"image/{kind}": output[kind] for kind in ("png", "jpeg") if kind in output}
    return data if isinstance(data, dict) else older


def _joined(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _decoded(source: str) -> bytes | None:
    """The content of a `data:` address (RFC 2397)."""
    found = _DATA.match(source)
    if not found:
        return None
    if not found[1].lower().endswith(";base64"):
        return unquote_to_bytes(found[2])
    try:
        return base64.b64decode(unquote(found[2]) + "==")
    except (binascii.Error, ValueError):
        return None
