"""A file of every format, made from scratch, and files that are wrong in every way."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import zstandard

SUBJECTS = {
    "plain.txt": "glaciers", "notes.md": "volcanoes", "manual.rst": "lighthouses", "page.html": "orchids",
    "paper.pdf": "comets", "letter.docx": "violins", "slides.pptx": "submarines", "table.xlsx": "beehives",
    "book.epub": "windmills", "lines.jsonl": "tigers", "rows.csv": "bridges", "columns.parquet": "deserts",
    "program.py": "elevators", "old.txt.gz": "castles", "new.txt.zst": "penguins", "latin.txt": "cafés",
    "really_a_pdf.txt": "meteors", "no_extension": "teapots",
}  # fmt: skip
"""Good files, each with the subject that it alone is about."""

BAD = {
    "locked.pdf": "EncryptedDocument",
    "torn.pdf": "BrokenDocument", "torn.docx": "BrokenDocument", "locked.docx": "EncryptedDocument",
    "picture.txt": "UnsupportedDocument", "noise.txt": "BrokenDocument", "torn.txt.gz": "BrokenDocument",
    "archive.docx": "BrokenDocument", "bomb.docx": "OversizedDocument", "torn.parquet": "BrokenDocument",
    "scan.pdf": "EmptyDocument",
}  # fmt: skip
"""Bad files, each with the error that tells why."""


def sentence(subject: str) -> str:
    """A text about a subject."""
    return f"This document is all about {subject}. People who study {subject} learn many things about {subject}."


def write_good(folder: Path) -> None:
    """A good file of every format."""
    folder.mkdir(parents=True, exist_ok=True)
    say = {name: sentence(subject) for name, subject in SUBJECTS.items()}
    (folder / "plain.txt").write_text(say["plain.txt"])
    (folder / "no_extension").write_text(say["no_extension"])
    (folder / "latin.txt").write_bytes((say["latin.txt"] + " Le garçon a mangé à la fenêtre.").encode("cp1252"))
    (folder / "notes.md").write_text(f"# Fire\n\n{say['notes.md']}\n")
    (folder / "manual.rst").write_text(f"Light\n=====\n\n{say['manual.rst']}\n")
    (folder / "page.html").write_text(
        f"<html><head><title>Flowers</title></head><body><nav><a href='/'>Home</a></nav><article><h1>Flowers</h1>"
        f"<p>{say['page.html']}</p><p>{say['page.html']} <a href='x'>more</a></p></article></body></html>"
    )
    (folder / "paper.pdf").write_bytes(pdf(say["paper.pdf"]))
    (folder / "really_a_pdf.txt").write_bytes(pdf(say["really_a_pdf.txt"]))
    (folder / "letter.docx").write_bytes(docx(say["letter.docx"]))
    _pptx(say["slides.pptx"], folder / "slides.pptx")
    _xlsx(say["table.xlsx"], folder / "table.xlsx")
    (folder / "book.epub").write_bytes(_epub(say["book.epub"]))
    (folder / "lines.jsonl").write_text(json.dumps({"text": say["lines.jsonl"]}) + "\n")
    table = pa.table({"text": [say["rows.csv"]]})
    pa.csv.write_csv(table, folder / "rows.csv")
    pa.parquet.write_table(pa.table({"text": [say["columns.parquet"]]}), folder / "columns.parquet")
    (folder / "program.py").write_text(f'def run():\n    """{say["program.py"]}"""\n    return 1\n')
    (folder / "old.txt.gz").write_bytes(gzip.compress(say["old.txt.gz"].encode()))
    (folder / "new.txt.zst").write_bytes(zstandard.compress(say["new.txt.zst"].encode()))


def write_bad(folder: Path) -> None:
    """A file for everything that may be wrong with one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "locked.pdf").write_bytes(pdf("secret", locked=True))
    (folder / "torn.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Cat")
    (folder / "torn.docx").write_bytes(docx("half of it")[:300])
    (folder / "locked.docx").write_bytes(docx("locked", locked=True))
    (folder / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 4)
    (folder / "torn.txt.gz").write_bytes(gzip.compress(b"a text that was cut off " * 500)[:60])
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("../../etc/passwd", "root")
    (folder / "archive.docx").write_bytes(archive.getvalue())
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr("word/document.xml", b"\0" * 300_000_000)
    (folder / "bomb.docx").write_bytes(bomb.getvalue())
    (folder / "torn.parquet").write_bytes(b"PAR1 and nothing more")
    (folder / "scan.pdf").write_bytes(pdf(""))


def pdf(text: str, locked: bool = False) -> bytes:
    """A PDF of one page; a locked one says that it is encrypted, with a password that nobody knows."""
    stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 2000 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -44 >>" % (b"41" * 32, b"42" * 32),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    encrypt = b"/Encrypt 6 0 R /ID [<00> <00>] " if locked else b""
    trailer = b"trailer\n<< /Size %d /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, encrypt, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + trailer


def docx(text: str, locked: bool = False) -> bytes:
    """A Word file with one paragraph; a locked one is marked as encrypted."""
    office = "http://schemas.openxmlformats.org"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" Type="{office}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{office}/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>',
    }  # fmt: skip
    data = _zipped(parts)
    if locked:  # bit 0 of the flags, in each local and central header
        mutable = bytearray(data)
        for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            found = data.find(mark)
            while found >= 0:
                mutable[found + at] |= 1
                found = data.find(mark, found + 1)
        data = bytes(mutable)
    return data


def _pptx(text: str, path: Path) -> None:
    from pptx import Presentation

    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = text
    deck.save(str(path))


def _xlsx(text: str, path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.active["A1"] = "text"
    book.active["A2"] = text
    book.save(path)


def _epub(text: str) -> bytes:
    return _zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
            "content.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title></metadata><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>',
            "c.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Chapter</h1><p>{text}</p></body></html>',
        }
    )  # fmt: skip


def _zipped(parts: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
