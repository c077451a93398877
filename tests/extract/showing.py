"""Documents with images in them."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from tests.extract.files import open_document, paragraph, relationships, slides, word, workbook

_DRAWN = (
    '<w:p><w:r><w:drawing xmlns:a="a" xmlns:r="r"><wp:inline xmlns:wp="wp"><wp:docPr id="1" descr="{said}"/>'
    '<a:graphic><a:blip r:embed="{id}"/></a:graphic></wp:inline></w:drawing></w:r></w:p>'
)


def with_parts(archive: bytes, parts: Mapping[str, bytes | str]) -> bytes:
    """An archive with some more parts, or others instead of those of their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return buffer.getvalue()


def drawn(identity: str, said: str = "") -> str:
    """A paragraph of a Word file with an image."""
    return _DRAWN.format(id=identity, said=said)


def word_with(images: Mapping[str, bytes], *body: str) -> bytes:
    """A Word file with images by their id (`r1` is `media/r1.png`) and what stands in its body."""
    links = {"styles": "styles.xml", **{f"image:{name}": f"media/{name}.png" for name in images}}
    parts = {f"word/media/{name}.png": content for name, content in images.items()}
    styles = '<w:style w:styleId="h1"><w:name w:val="heading 1"/></w:style>'
    return with_parts(word("".join(body), styles), {"word/_rels/document.xml.rels": relationships(links), **parts})


def heading(text: str) -> str:
    """A heading of a Word file made by `word_with`."""
    return paragraph(text, "h1")


def slides_with(image: bytes, pages: Sequence[str], said: str = "") -> bytes:
    """A PowerPoint file with an image at the beginning of its second slide as shown (that of `pages[0]`)."""
    picture = (
        f'<p:pic><p:nvPicPr><p:cNvPr id="4" name="x" descr="{said}"/></p:nvPicPr>'
        '<p:blipFill><a:blip r:embed="i1"/></p:blipFill></p:pic>'
    )
    rels = relationships({"image:i1": "../media/image1.png"})
    whole = slides([picture + pages[0], *pages[1:]])
    return with_parts(whole, {"ppt/media/image1.png": image, "ppt/slides/_rels/s0.xml.rels": rels})


def workbook_with(images: Mapping[str, bytes], sheets: Mapping[str, str], said: str = "") -> bytes:
    """An Excel file with an image on each of its first sheets; sheets are a cell with a text each."""
    rows = {n: f'<row><c t="inlineStr"><is><t>{text}</t></is></c></row>' for n, text in sheets.items()}
    parts: dict[str, bytes | str] = {}
    for number, (name, content) in enumerate(images.items()):
        parts[f"xl/media/{name}"] = content
        parts[f"xl/worksheets/_rels/s{number}.xml.rels"] = relationships({"drawing": f"../drawings/d{number}.xml"})
        parts[f"xl/drawings/_rels/d{number}.xml.rels"] = relationships({"image:i1": f"../media/{name}"})
        parts[f"xl/drawings/d{number}.xml"] = (
            '<x:wsDr xmlns:x="x" xmlns:a="a" xmlns:r="r"><x:twoCellAnchor><x:pic><x:nvPicPr>'
            f'<x:cNvPr id="2" name="x" descr="{said}"/></x:nvPicPr><x:blipFill><a:blip r:embed="i1"/></x:blipFill>'
            "</x:pic></x:twoCellAnchor></x:wsDr>"
        )
    return with_parts(workbook(rows), parts)


def framed(name: str, said: str = "") -> str:
    """A frame of an OpenDocument file with an image that is a part of it."""
    told = f"<svg:desc>{said}</svg:desc>" if said else ""
    link = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<draw:frame><draw:image {link} xlink:href="Pictures/{name}"/>{told}</draw:frame>'


def open_document_with(images: Mapping[str, bytes], body: str, kind: str = "text") -> bytes:
    """An OpenDocument file with images by their names."""
    return with_parts(open_document(body, kind), {f"Pictures/{name}": content for name, content in images.items()})


def data_of(image: bytes, kind: str = "png") -> str:
    """The `data:` address of an image."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def book_with(images: Mapping[str, bytes], chapters: Mapping[str, str]) -> bytes:
    """An EPUB file of chapters, the insides of their bodies, and images by their names."""
    items = "".join(f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    parts: dict[str, bytes | str] = {
        "META-INF/container.xml": '<container><rootfile full-path="OEBPS/book.opf"/></container>',
        "OEBPS/book.opf": f"<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
        **{f"OEBPS/{name}": f"<html><body>{body}</body></html>" for name, body in chapters.items()},
        **{f"OEBPS/{name}": content for name, content in images.items()},
    }
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    return with_parts(empty.getvalue(), parts)


def notebook_with(image: bytes) -> bytes:
    """A notebook whose second cell puts an image out."""
    content = base64.b64encode(image).decode()
    cells = [
        {"cell_type": "markdown", "source": ["# Tides\n", "Measured at the pier."]},
        {"cell_type": "code", "source": "plot(x)", "outputs": [{"output_type": "x", "data": {"image/png": content}}]},
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}).encode()


def pdf_with(pages: Sequence[tuple[Sequence[str], Sequence[tuple[bytes, float, float]]]]) -> bytes:
    """A PDF whose pages have texts, each a line from above, and images of 100 points' side: JPEG files, or pixels of
    8 x 8 (RGB), with their lower left corner."""
    out, offsets = b"%PDF-1.4\n", []
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    add(b"<< /Type /Catalog /Pages 2 0 R >>")
    add(b"")
    font = add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    kids = []
    for texts, images in pages:
        drawn = "".join(f"BT /F1 11 Tf 1 0 0 1 72 {y} Tm ({text}) Tj ET\n" for text, y in _placed(texts))
        names = ""
        for number, (content, x, y) in enumerate(images):
            jpeg = content.startswith(b"\xff\xd8")
            side, kind = (64, "/Filter /DCTDecode") if jpeg else (int((len(content) // 3) ** 0.5), "")
            head = (
                f"<< /Type /XObject /Subtype /Image /Width {side} /Height {side} /ColorSpace /DeviceRGB"
                f" /BitsPerComponent 8 {kind} /Length {len(content)} >>\nstream\n"
            )
            body = head.encode() + content + b"\nendstream"
            names += f"/I{number} {add(body)} 0 R "
            drawn += f"q 100 0 0 100 {x} {y} cm /I{number} Do Q\n"
        stream = add(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream".encode())
        page = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {stream} 0 R"
            f" /Resources << /Font << /F1 {font} 0 R >> /XObject << {names} >> >> >>"
        )
        kids.append(add(page.encode()))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>".encode()
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + trailer


def _placed(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Lines with how high they stand: from 740 points downwards, a gap of 120 points where a text is empty."""
    placed, y = [], 740.0
    for text in texts:
        if text:
            placed.append((text, y))
        y -= 20 if text else 120
    return placed
