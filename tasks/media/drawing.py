"""Drawings (SVG) into pictures, by resvg; what a drawing points at outside itself is neither opened nor fetched."""

from lxml import etree

from tasks.errors import BrokenDocument

LONGER_SIDE = 1_024  # pixels of a drawing's longer side, since it has no pixels of its own

_DPI = 96  # of sizes in millimetres and points, as CSS has it
_DESCRIPTIONS = ("{*}desc", "{*}title", "{*}metadata//{*}description", "{*}metadata//{*}title")
_FONT = "DejaVu Sans"  # for the generic families, whose usual fonts few servers have


def rasterise(content: bytes) -> tuple[bytes, str]:
    """A drawing as a PNG file, whose longer side has 1,024 pixels, and what it says of itself.

    Args:
        content: of the SVG file.

    Raises:
        BrokenDocument: it is not well-formed, or has no size.
    """
    import resvg_py

    parser = etree.XMLParser(resolve_entities="internal", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
        for element in root.iter("{*}*"):
            _keep_inside(element)
        drawing = etree.tostring(root, encoding="unicode", with_tail=False)
        picture = resvg_py.svg_to_bytes(
            svg_string=drawing,
            dpi=_DPI,
            width=LONGER_SIDE,
            height=LONGER_SIDE,
            font_family=_FONT,
            serif_family=_FONT,
            sans_serif_family=_FONT,
        )
        return picture, _description(root)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise BrokenDocument(f"the SVG drawing cannot be drawn: {error}", "Does a browser show it?") from error


def _keep_inside(element: etree._Element) -> None:
    """Take out references to files: resvg would open them."""
    for name, value in element.attrib.items():
        if etree.QName(name).localname == "href" and not value.strip().startswith(("#", "data:")):
            del element.attrib[name]


def _description(root: etree._Element) -> str:
    texts = (" ".join("".join(found.itertext()).split()) for path in _DESCRIPTIONS for found in root.iterfind(path))
    return next(filter(None, texts), "")
