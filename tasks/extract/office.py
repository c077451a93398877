"""Word, PowerPoint, Excel, OpenDocument and EPUB files into Markdown: which of them an archive is, and its reader."""

from tasks.errors import BrokenDocument, EmptyDocument, UnsupportedDocument
from tasks.extract.blocks import Converted
from tasks.extract.package import Package, local

_READERS = ("docx", "docm", "dotx", "pptx", "ppsx", "xlsx", "xlsm", "xlsb", "epub", "odt", "ods", "odp")


def read_office(data: bytes, extension: str, max_bytes: int) -> Converted:
    """A document in a zip archive; what it is its parts tell, not its name.

    Args:
        data: the file.
        extension: of its name, for messages.
        max_bytes: most bytes that the archive may inflate to.

    Raises:
        BrokenDocument: it cannot be parsed.
        EncryptedDocument: it needs a password.
        OversizedDocument: it inflates to more than `max_bytes`.
        EmptyDocument: there is no text in it.
        UnsupportedDocument: it is an archive of another kind.
    """
    package = Package(data, extension, max_bytes)
    found = _read(package, data, extension)
    if not found.text.strip():
        raise EmptyDocument("there is no text in it", "Pictures of text need OCR first.")
    return found


def _read(package: Package, data: bytes, extension: str) -> Converted:
    kind, main = main_part(package)
    if kind == "document":
        from tasks.extract.word import read_word

        return read_word(package, main)
    if kind == "presentation":
        from tasks.extract.slides import read_slides

        return read_slides(package, main)
    if kind == "workbook":
        from tasks.extract.sheets import read_workbook

        return read_workbook(package, main)
    if kind == "binary workbook":
        from tasks.extract.old_sheets import read_old_workbook
        from tasks.extract.sheet_areas import cells_of_xlsb, check_areas

        parts = (package.read(name) for name in package.names if "sheets/" in name.lower())
        check_areas(cells_of_xlsb(part) for part in parts if part)
        return read_old_workbook(data)
    names = {name.lower() for name in package.names}
    if "content.xml" in names:
        from tasks.extract.opendocument import read_opendocument

        return read_opendocument(package)
    if is_book(package):
        from tasks.extract.epub import read_epub

        return read_epub(package)
    named = f"(named {extension or 'without an extension'})"
    if extension[1:] in _READERS:
        raise BrokenDocument(
            f"a zip archive that is no Word, PowerPoint, Excel, OpenDocument or EPUB file {named}",
            "Is it complete? Store it again.",
        )
    if any(name.endswith(".iwa") for name in names):
        raise UnsupportedDocument("a Pages, Numbers or Keynote file", "Export it as .docx, .xlsx, .pptx or PDF.")
    raise UnsupportedDocument(f"a zip archive {named}", "Unpack it, or leave it out with `exclude`.")


def is_book(package: Package) -> bool:
    """Whether an archive is an EPUB file."""
    names = {name.lower() for name in package.names}
    return "meta-inf/container.xml" in names or any(name.endswith(".opf") for name in names)


def main_part(package: Package) -> tuple[str, str]:
    """What kind of Office file it is, and its main part: by the package's relationships, else by the usual names."""
    usual = ["word/document.xml", "ppt/presentation.xml", "xl/workbook.xml", "xl/workbook.bin"]
    for name in [*package.related("", "officeDocument").values(), *usual]:
        if name.endswith(".bin") and package.read(name):
            return "binary workbook", name
        root = package.xml(name)
        if root is not None and local(root) in ("document", "presentation", "workbook"):
            return local(root), name
    return "", ""
