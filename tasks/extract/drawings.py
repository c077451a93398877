"""What Office files draw: the words of shapes and diagrams, and charts as the numbers that they show."""

from tasks.extract.blocks import one_line
from tasks.extract.package import Element, attribute, child, children, local


def paragraphs_of(body: Element | None) -> list[tuple[int, str]]:
    """The paragraphs of a shape's text, each with its depth."""
    found = []
    for paragraph in children(body, "p"):
        marks = child(paragraph, "pPr")
        depth = attribute(marks, "lvl") if marks is not None else None
        text = _words(paragraph)
        if text.strip():
            found.append((int(depth) if depth and depth.isdigit() else 0, text))
    return found


def _words(paragraph: Element) -> str:
    parts = []
    for element in paragraph.iter():
        name = local(element)
        if name == "t":
            parts.append((element.text or "").replace("\v", "\n").replace("_x000B_", "\n"))
        elif name == "br":
            parts.append("\n")
        elif name == "tab":
            parts.append("\t")
    return "".join(parts)


def words_of(root: Element | None) -> list[str]:
    """All paragraphs with words that stand anywhere in a part, such as a diagram's."""
    texts = (_words(paragraph) for paragraph in (root.iter("{*}p") if root is not None else ()))
    return [text for text in texts if text.strip()]


def chart_of(root: Element | None) -> tuple[str, list[list[str]]]:
    """A chart's title, and its numbers as a table with a column for each series; empty where it has none."""
    if root is None:
        return "", []
    words = one_line(" ".join(words_of(child(root, "chart", "title"))))
    series = list(root.iter("{*}ser"))
    columns = [_points(child(s, "val") if child(s, "val") is not None else child(s, "yVal")) for s in series]
    labels = next(
        (found for s in series for name in ("cat", "xVal") if (found := _points(child(s, name)))), dict[int, str]()
    )
    names = [next(iter(_points(child(s, "tx")).values()), "") for s in series]
    places = sorted({place for column in (labels, *columns) for place in column})
    rows = [[labels.get(place, ""), *(column.get(place, "") for column in columns)] for place in places]
    return words, [["", *names], *rows] if rows else []


def _points(holder: Element | None) -> dict[int, str]:
    """The values that a chart keeps of its cells, by their place."""
    found = {}
    for point in holder.iter("{*}pt") if holder is not None else ():
        value, place = child(point, "v"), attribute(point, "idx") or ""
        if value is not None and value.text and place.isdigit():
            is_number = local(point.getparent()).startswith("num")
            found[int(place)] = _shown(value.text) if is_number else value.text
    return found


def _shown(number: str) -> str:
    """A number with the 15 digits that a spreadsheet keeps."""
    try:
        return f"{float(number):.15g}"
    except ValueError:
        return number
