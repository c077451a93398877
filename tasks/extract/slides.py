"""PowerPoint files into Markdown: a heading for each slide, its texts, tables, charts and diagrams, and its notes."""

from dataclasses import dataclass, field

from tasks.errors import EmptyDocument
from tasks.extract.blocks import Blocks, Converted, clean_title
from tasks.extract.drawings import chart_of, paragraphs_of, words_of
from tasks.extract.package import Element, Package, attribute, child, children, local, properties

_FURNITURE = {"sldNum", "dt", "ftr", "hdr", "sldImg"}
_TITLES = {"title", "ctrTitle"}


@dataclass(slots=True)
class _Shape:
    """A shape with words: the role of its placeholder, its paragraphs with their depth, or its table."""

    role: str
    paragraphs: list[tuple[int, str]] = field(default_factory=list)
    tables: list[list[list[str]]] = field(default_factory=list)


def read_slides(package: Package, main: str) -> Converted:
    """The slides in the order in which they are shown.

    Args:
        package: the file.
        main: name of its main part.

    Raises:
        EmptyDocument: there are only pictures on them.
    """
    blocks = Blocks()
    slides = slides_of(package, main)
    for number, part in enumerate(slides, 1):
        _add_slide(blocks, package, part, number)
    if blocks.is_empty:
        raise EmptyDocument(f"there is no text on {len(slides)} slides", "Pictures of text need OCR first.")
    found = properties(package.xml(package.first_related("", "core-properties") or "docProps/core.xml"))
    return blocks.converted(clean_title(found.pop("title", None)), dict(found))


def slides_of(package: Package, main: str) -> list[str]:
    """The names of the slides' parts, in the order in which they are shown."""
    parts = package.related(main, "slide")
    shown = children(child(package.xml(main), "sldIdLst"), "sldId")
    order = [next((v for k, v in slide.attrib.items() if k.endswith("}id")), "") for slide in shown]
    return [parts[identity] for identity in order if identity in parts]


def _add_slide(blocks: Blocks, package: Package, part: str, number: int) -> None:
    tree = child(package.xml(part), "cSld", "spTree")
    shapes = _shapes(tree, package, part) if tree is not None else []
    title = next((shape for shape in shapes if shape.role in _TITLES and shape.paragraphs), None)
    notes = [
        text
        for notes in package.related(part, "notesSlide").values()
        for shape in _shapes(child(package.xml(notes), "cSld", "spTree"), package, notes)
        if shape.role == "body"
        for _, text in shape.paragraphs
    ]
    if title is not None:
        blocks.heading(1, " ".join(text for _, text in title.paragraphs))
    elif shapes or notes:
        blocks.heading(1, f"Slide {number}", made_up=True)
    for shape in shapes:
        if shape is title:
            continue
        for depth, text in shape.paragraphs:
            if shape.role in ("body", "obj") and (len(shape.paragraphs) > 1 or depth):
                blocks.item(depth, "-", text)
            else:
                blocks.paragraph(text)
        for table in shape.tables:
            blocks.table(table)
    if notes:
        blocks.paragraph("Notes: " + "\n".join(notes))


def _shapes(tree: Element | None, package: Package, part: str) -> list[_Shape]:
    """The shapes with words in a slide or group, in the order in which they are drawn."""
    found: list[_Shape] = []
    for element in tree if tree is not None else ():
        name = local(element)
        if name in ("grpSp", "AlternateContent", "Choice"):
            found += _shapes(element, package, part)
        elif name in ("sp", "cxnSp"):
            shape = _text_shape(element)
            if shape.role not in _FURNITURE and shape.paragraphs:
                found.append(shape)
        elif name == "graphicFrame":
            found += _graphic(element, package, part)
    return found


def _text_shape(element: Element) -> _Shape:
    placeholder = child(element, "nvSpPr", "nvPr", "ph")
    role = (attribute(placeholder, "type") or "obj") if placeholder is not None else ""
    return _Shape(role, paragraphs_of(child(element, "txBody")))


def _graphic(frame: Element, package: Package, part: str) -> list[_Shape]:
    """A table, chart or diagram."""
    found = []
    for element in frame.iter():
        name = local(element)
        if name == "tbl":
            rows = [
                [" ".join(text for _, text in paragraphs_of(child(cell, "txBody"))) for cell in children(row, "tc")]
                for row in children(element, "tr")
            ]
            found.append(_Shape("", tables=[rows]))
        elif name == "chart":
            target = package.related(part, "chart").get(attribute(element, "id") or "")
            title, rows = chart_of(package.xml(target or ""))
            found.append(_Shape("", [(0, title)] if title else [], [rows] if rows else []))
        elif name == "relIds":
            target = package.related(part, "diagramData").get(attribute(element, "dm") or "")
            found.append(_Shape("body", [(0, text) for text in words_of(package.xml(target or ""))]))
    return [shape for shape in found if shape.paragraphs or shape.tables]
