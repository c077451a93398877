"""The images that Word, PowerPoint, Excel and OpenDocument files show, as their parts."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote, unquote

from lxml import etree

from tasks.extract.blocks import one_line
from tasks.extract.package import Element, Package, attribute, child, children, local
from tasks.extract.shown import Inline
from tasks.extract.slides import slides_of
from tasks.extract.word import GONE, described

_UNSEEN = ("tracked-changes", "annotation", "desc", "title")  # of OpenDocument, what is not in the text


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


def inline_of_workbook(package: Package, main: str) -> Iterator[str | Inline]:
    """Of each sheet its name, which is its heading, then the images that lie on it.

    Args:
        package: the file.
        main: name of its main part.
    """
    parts = package.related(main, "sheet")
    for sheet in children(child(package.xml(main), "sheets"), "sheet"):
        part = parts.get(next((v for k, v in sheet.attrib.items() if k.endswith("}id")), ""))
        drawing = package.first_related(part, "drawing") if part else None
        yield attribute(sheet, "name") or ""
        if drawing:
            yield from (piece for piece in _walk(package, drawing) if isinstance(piece, Inline))


def inline_of_opendocument(package: Package, content: Element) -> Iterator[str | Inline]:
    """Paragraphs and images of a text, of sheets behind their names, or of slides. What is said of an image is the
    description of its frame, else the frame's title.

    Args:
        package: the file.
        content: of its part `content.xml`.
    """
    names = set(package.names)
    words: list[str] = []
    slides = 0
    walk = etree.iterwalk(content, events=("start", "end"))
    for event, element in walk:
        name = local(element)
        if event == "end":
            if name in ("p", "h"):
                yield "".join(words)
                words.clear()
            words.append((element.tail or "") if _in_paragraph(element) else "")
        elif name in _UNSEEN:
            walk.skip_subtree()
        elif name in ("p", "h"):
            yield "".join(words)
            words[:] = [element.text or ""]
        elif name == "table" and local(element.getparent()) == "spreadsheet":
            yield attribute(element, "name") or ""
        elif name == "page":
            slides += 1
            if not any(attribute(frame, "class") == "title" for frame in element.iter("{*}frame")):
                yield f"Slide {slides}"  # the heading that it gets
        elif name == "image":
            target = unquote(attribute(element, "href") or "").removeprefix("./")
            if target in names:
                yield "".join(words)
                words.clear()
                yield Inline(f"part={quote(target)}", _of_frame(element.getparent()), partial(package.read, target))
        elif _in_paragraph(element):
            words.append(element.text or "")


def _in_paragraph(element: Element) -> bool:
    return any(local(above) in ("p", "h") for above in element.iterancestors())


def _of_frame(frame: Element) -> str:
    told = (child(frame, name) for name in ("desc", "title"))
    return next((text for one in told if one is not None and (text := one_line("".join(one.itertext())))), "")


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
