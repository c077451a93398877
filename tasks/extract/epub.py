"""EPUB books into Markdown, chapter by chapter in reading order."""

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from tasks.extract.blocks import Blocks, Converted, clean_title
from tasks.extract.package import Element, Package, attribute, child, children, local, properties
from tasks.extract.web import read_html
from tasks.text.decode import decode

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/x-oeb1-document")


def read_epub(package: Package) -> Converted:
    """The chapters as the book's spine orders them; those without text are left out.

    Raises:
        BrokenDocument: it does not say what its chapters are, or none is there.
        EncryptedDocument: its chapters are encrypted.
        EmptyDocument: there are only pictures in it.
    """
    _, book = _listed(package)
    blocks = Blocks()
    read = 0
    for _, chapter in chapters_of(package):
        read += 1
        try:
            text = read_html(page_of(chapter))[0]
        except (EmptyDocument, BrokenDocument):
            continue
        blocks.markdown(text)
    if blocks.is_empty:
        if _is_encrypted(package):
            raise EncryptedDocument("the book's chapters are encrypted (DRM)", "Store a copy without protection.")
        if not read:
            raise BrokenDocument("an EPUB whose chapters are not in it", "Is it complete? Store it again.")
        raise EmptyDocument(f"there is no text in {read} chapters", "Pictures of text need OCR first.")
    found = properties(child(book, "metadata"))
    return blocks.converted(clean_title(found.pop("title", None)), dict(found))


def chapters_of(package: Package) -> Iterator[tuple[str, bytes]]:
    """The chapters that are there as the book's spine orders them, each with its name and content.

    Raises:
        BrokenDocument: it does not say what its chapters are.
    """
    name, book = _listed(package)
    folder = posixpath.dirname(name)
    items = {attribute(item, "id"): item for item in children(child(book, "manifest"), "item")}
    spine = [
        items[reference] for r in children(child(book, "spine"), "itemref") if (reference := r.get("idref")) in items
    ]
    pages = [item for item in items.values() if attribute(item, "media-type") in _PAGES]
    for item in spine or pages:
        path = posixpath.join(folder, unquote(attribute(item, "href") or "").partition("#")[0])
        chapter = package.read(path)
        if chapter is not None and "nav" not in (attribute(item, "properties") or "").split():
            yield path, chapter


def page_of(chapter: bytes) -> str:
    """The HTML of a chapter.

    Raises:
        BrokenDocument: its bytes are no text.
    """
    return _DECLARATION.sub("", decode(chapter).text)


def _listed(package: Package) -> tuple[str, Element]:
    """The name and the root of the part that lists the book's chapters."""
    container = package.xml("META-INF/container.xml")
    roots = [attribute(e, "full-path") or "" for e in container.iter("{*}rootfile")] if container is not None else []
    roots += [name for name in package.names if name.lower().endswith(".opf")]
    name, book = next(((n, root) for n in roots if (root := package.xml(n)) is not None), ("", None))
    if book is None:
        raise BrokenDocument("an EPUB without a list of its chapters", "Is it complete? Store it again.")
    return name, book


def _is_encrypted(package: Package) -> bool:
    root = package.xml("META-INF/encryption.xml")
    return root is not None and any(local(element) == "EncryptedData" for element in root.iter())
