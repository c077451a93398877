"""Small files of each kind, made from their parts."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence

_OFFICE = "http://schemas.openxmlformats.org"
_W = f'xmlns:w="{_OFFICE}/wordprocessingml/2006/main"'
_RELATIONSHIPS = f"{_OFFICE}/officeDocument/2006/relationships"


def zipped(parts: dict[str, str]) -> bytes:
    """An archive of some parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def relationships(targets: dict[str, str]) -> str:
    """A part that leads to others: kind of relationship and id (`styles:s1`) to name."""
    links = "".join(
        f'<Relationship Id="{key.partition(":")[2] or key}" Type="{_RELATIONSHIPS}/{key.partition(":")[0]}" Target="{target}"/>'
        for key, target in targets.items()
    )
    return f'<Relationships xmlns="{_OFFICE}/package/2006/relationships">{links}</Relationships>'


def word(body: str, styles: str = "", core: str = "", main: str = "word/document.xml", **more: str) -> bytes:
    """A Word file.

    Args:
        body: what stands in its body.
        styles: what stands in its styles.
        core: what stands in its core properties.
        main: name of its main part.
        more: other parts beside the main one, by kind: footnotes, numbering.
    """
    parts = {
        "_rels/.rels": relationships({"officeDocument": main, "core-properties": "docProps/core.xml"}),
        main: f"<w:document {_W}><w:body>{body}</w:body></w:document>",
        "docProps/core.xml": f'<c:coreProperties xmlns:c="c" xmlns:dc="d">{core}</c:coreProperties>',
        "word/styles.xml": f"<w:styles {_W}>{styles}</w:styles>",
        **{f"word/{kind}.xml": f"<w:{kind} {_W}>{content}</w:{kind}>" for kind, content in more.items()},
    }
    name = main.rpartition("/")[2]
    parts[f"word/_rels/{name}.rels"] = relationships({kind: f"{kind}.xml" for kind in ("styles", *more)})
    return zipped(parts)


def paragraph(text: str, style: str = "", marks: str = "") -> str:
    """A paragraph of a Word file."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{marks}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def workbook(sheets: dict[str, str], shared: Sequence[str] = (), formats: Sequence[str] = ()) -> bytes:
    """An Excel file: the rows of each sheet, the texts that they share, and the number format of each style."""
    x = f'xmlns="{_OFFICE}/spreadsheetml/2006/main" xmlns:r="{_RELATIONSHIPS}"'
    listed = "".join(f'<sheet name="{name}" r:id="r{i}"/>' for i, name in enumerate(sheets))
    own = "".join(f'<numFmt numFmtId="{164 + i}" formatCode="{code}"/>' for i, code in enumerate(formats))
    styles = "".join(f'<xf numFmtId="{164 + i}"/>' for i in range(len(formats)))
    return zipped(
        {
            "_rels/.rels": relationships({"officeDocument": "xl/workbook.xml"}),
            "xl/workbook.xml": f"<workbook {x}><sheets>{listed}</sheets></workbook>",
            "xl/_rels/workbook.xml.rels": relationships(
                {f"worksheet:r{i}": f"worksheets/s{i}.xml" for i in range(len(sheets))}
                | {"sharedStrings": "texts.xml", "styles": "styles.xml"}
            ),
            "xl/texts.xml": f"<sst {x}>{''.join(f'<si><t>{text}</t></si>' for text in shared)}</sst>",
            "xl/styles.xml": f"<styleSheet {x}><numFmts>{own}</numFmts><cellXfs><xf numFmtId='0'/>{styles}</cellXfs></styleSheet>",
            **{
                f"xl/worksheets/s{i}.xml": f"<worksheet {x}><sheetData>{rows}</sheetData></worksheet>"
                for i, rows in enumerate(sheets.values())
            },
        }
    )


def slides(pages: Sequence[str], notes: str = "") -> bytes:
    """A PowerPoint file: the shapes of each slide, and the notes of the first."""
    p = f'xmlns:p="{_OFFICE}/presentationml/2006/main" xmlns:a="{_OFFICE}/drawingml/2006/main" xmlns:r="{_RELATIONSHIPS}"'
    listed = "".join(f'<p:sldId id="{256 + i}" r:id="r{i}"/>' for i in reversed(range(len(pages))))
    parts = {
        "_rels/.rels": relationships({"officeDocument": "ppt/presentation.xml"}),
        "ppt/presentation.xml": f"<p:presentation {p}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relationships(
            {f"slide:r{i}": f"slides/s{i}.xml" for i in range(len(pages))}
        ),
        **{
            f"ppt/slides/s{i}.xml": f"<p:sld {p}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
            for i, shapes in enumerate(pages)
        },
    }
    if notes:
        parts["ppt/slides/_rels/s0.xml.rels"] = relationships({"notesSlide": "../notes/n.xml"})
        body = shape(notes, "body")
        parts["ppt/notes/n.xml"] = f"<p:notes {p}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:notes>"
    return zipped(parts)


def shape(text: str, role: str = "") -> str:
    """A shape of a slide with a paragraph for each line."""
    placeholder = f'<p:nvSpPr><p:nvPr><p:ph type="{role}"/></p:nvPr></p:nvSpPr>' if role else ""
    paragraphs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f"<p:sp>{placeholder}<p:txBody>{paragraphs}</p:txBody></p:sp>"


def open_document(body: str, kind: str = "text", meta: str = "") -> bytes:
    """An OpenDocument file."""
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in (
            ("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"),
            ("presentation", "presentation"), ("svg", "svg-compatible"), ("meta", "meta"),
        )
    )  # fmt: skip
    content = f"<office:{kind}>{body}</office:{kind}>"
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {names}><office:body>{content}</office:body></office:document-content>",
            "meta.xml": f'<office:document-meta {names} xmlns:dc="d"><office:meta>{meta}</office:meta></office:document-meta>',
        }
    )


def pdf(
    pages: Sequence[Sequence[str]],
    info: str = "",
    outline: Sequence[tuple[str, int]] = (),
    fields: str = "",
    drawn: Mapping[str, tuple[int, int]] | None = None,
) -> bytes:
    """A PDF: operators that draw each page (see `line`), its information, bookmarks to pages, and a form's field; where
    `drawn` tells how far below and above the line letters reach, in hundredths of an em, F2 is a Type 3 font of them
    with a unit of 0.01 em, all of 60 units' width."""
    count = len(pages)
    first = 6 + 2 * count
    kids = " ".join(f"{6 + 2 * i} 0 R" for i in range(count))
    form = f"/AcroForm << /Fields [{first + len(outline) + 1} 0 R] >>" if fields else ""
    marks = f"/Outlines {first} 0 R" if outline else ""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {marks} {form} >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
        f"<< {info} >>",
    ]
    for i, lines in enumerate(pages):
        stream = "BT\n" + "\n".join(lines) + "\nET"
        annots = f"/Annots [{first + len(outline) + 1} 0 R]" if fields and i == 0 else ""
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {7 + 2 * i} 0 R {annots}"
            " /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    last = first + len(outline)
    objects.append(f"<< /Type /Outlines /First {first + 1} 0 R /Last {last} 0 R /Count {len(outline)} >>")
    for i, (title, page) in enumerate(outline, 1):
        following = f"/Next {first + i + 1} 0 R" if i < len(outline) else ""
        objects.append(f"<< /Title ({title}) /Parent {first} 0 R {following} /Dest [{6 + 2 * page} 0 R /Fit] >>")
    if fields:
        objects.append(fields)
    for bottom, top in (drawn or {}).values():
        glyph = f"60 0 5 {bottom} 55 {top} d1 5 {bottom} 50 {top - bottom} re f"
        objects.append(f"<< /Length {len(glyph)} >>\nstream\n{glyph}\nendstream")
    if drawn:
        glyphs = " ".join(f"/{letter} {len(objects) - len(drawn) + i} 0 R" for i, letter in enumerate(drawn, 1))
        codes = " ".join(f"{ord(letter)} /{letter}" for letter in drawn)
        objects[3] = (
            "<< /Type /Font /Subtype /Type3 /FontMatrix [1 0 0 1 0 0] /FontBBox [0 -25 60 75] /FirstChar 32"
            f" /LastChar 126 /Widths [{'60 ' * 95}] /CharProcs << {glyphs} >>"
            f" /Encoding << /Type /Encoding /Differences [{codes}] >> /Resources << >> >>"
        )
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(out),
    )
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + trailer


def line(text: str, x: float = 72, y: float = 700, size: float = 11, font: str = "F1") -> str:
    """The operators that draw a line of text, in points from the lower left corner."""
    return f"/{font} {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj"


def lines(texts: Sequence[str], x: float = 72, y: float = 700, step: float = 14, font: str = "F1") -> list[str]:
    """Lines below each other."""
    return [line(text, x, y - step * i, font=font) for i, text in enumerate(texts)]


def compound(stream: bytes, name: str = "Workbook") -> bytes:
    """A file in Microsoft's compound format with one stream, which is filled up to at least 4,096 bytes.

    The table of its sectors stands in the first sector, their directory in the second.
    """
    stream = stream.ljust(4096, b"\0")
    stream += bytes(-len(stream) % 512)
    sectors = len(stream) // 512
    end, free, nothing = 2**32 - 2, 2**32 - 1, b""
    table = [2**32 - 3, end, *range(3, sectors + 2), end]

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        said = f"{name}\0".encode("utf-16-le") if name else nothing
        return struct.pack("<64sHBBIII36xIIxxxx", said, len(said), kind, 1, free, free, child, start, size)

    places = [entry("Root Entry", 5, 1, end, 0), entry(name, 2, free, 2, len(stream)), *[entry("", 0, free, 0, 0)] * 2]
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096,
        end, 0, end, 0, 0,
    )  # fmt: skip
    header += struct.pack("<108I", *[free] * 108)
    return header + struct.pack("<128I", *table, *[free] * (128 - len(table))) + b"".join(places) + stream
