"""The images that Word and PowerPoint files show, as their parts."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from lxml import etree

from tasks.extract.package import Element, Package, attribute, local
from tasks.extract.shown import Inline
from tasks.extract.slides import slides_of
from tasks.extract.word import GONE, described


def inline_of_word(package: Package, main: str) -> Iterator[str | Inline]:
    """Paragraphs and images of a Word file's body.

    Args:
        package: the file.
        main: name of its main part.
    """
    return _walk(package, main)


def inline_of_slides(package: Package, main: str) -> Iterator[str | Inline]:
    """Of each slide its paragraphs, then its images.

    Args:
        package: the file.
        main: name of its main part.
    """
    for number, slide in enumerate(slides_of(package, main), 1):
        images: list[Inline] = []
        words = False
        for piece in _walk(package, slide):
            if isinstance(piece, Inline):
                images.append(piece)
            else:
                words = words or bool(piece.strip())
                yield piece
        if not words:
            yield f"Slide {number}"  # the heading that it gets
        yield from images


def _walk(package: Package, part: str) -> Iterator[str | Inline]:
    root: Element | None = package.xml(part)
    if root is None:
        return
    targets = package.related(part, "image")
    words: list[str] = []
    said = ""
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = local(element)
        if event == "end":
            if name == "p":
                yield "".join(words)
                words.clear()
        elif name in GONE:
            walk.skip_subtree()
        elif name == "t":
            words.append(element.text or "")
        elif name in ("docPr", "cNvPr"):
            said = described(attribute(element, "descr"))[1:-1]
        elif name in ("blip", "imagedata"):
            target = targets.get(attribute(element, "embed") or attribute(element, "id") or "")
            if target:
                yield "".join(words)
                words.clear()
                yield Inline(f"part={quote(target)}", said, partial(package.read, target))
