"""Word, PowerPoint, Excel and EPUB into Markdown, by markitdown."""

import io
import logging
import zipfile

from tasks.errors import BrokenDocument, EncryptedDocument, OversizedDocument

_INFLATION = 200  # times its compressed size; what inflates further is taken for a zip bomb


def read_office(data: bytes, extension: str, max_bytes: int) -> tuple[str, str | None]:
    """Text as Markdown, and the title.

    Args:
        data: the file.
        extension: .docx, .pptx, .xlsx or .epub.
        max_bytes: most bytes that the archive may inflate to.

    Raises:
        BrokenDocument: it cannot be parsed.
        EncryptedDocument: a part of it needs a password.
        OversizedDocument: it inflates to more than `max_bytes`.
    """
    kind = _checked_kind(data, extension, max_bytes)
    from markitdown import MarkItDown, StreamInfo

    logging.getLogger("markitdown").setLevel(logging.ERROR)
    try:
        result = MarkItDown(enable_plugins=False).convert_stream(
            io.BytesIO(data), stream_info=StreamInfo(extension=kind)
        )
    except Exception as error:  # the converters raise whatever their parsers raise
        raise BrokenDocument(f"not a readable {kind} file: {type(error).__name__}: {error}"[:500]) from None
    return result.markdown, result.title


def _checked_kind(data: bytes, extension: str, max_bytes: int) -> str:
    """Which of the formats the archive is by what lies in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise BrokenDocument(f"not a readable {extension} file: {error}", "Is it complete? Store it again.") from None
    if any(entry.flag_bits & 1 for entry in entries):
        raise EncryptedDocument("the archive needs a password", "Store a copy without a password.")
    inflated = sum(entry.file_size for entry in entries)
    if inflated > max_bytes or inflated > _INFLATION * len(data) + 2**20:
        raise OversizedDocument(
            f"it inflates from {len(data):,} to {inflated:,} bytes",
            "Raise `extraction.max_bytes` if it is to be trusted.",
        )
    names = {entry.filename for entry in entries}
    for part, kind in (
        ("word/document.xml", ".docx"),
        ("ppt/presentation.xml", ".pptx"),
        ("xl/workbook.xml", ".xlsx"),
        ("META-INF/container.xml", ".epub"),
    ):
        if part in names:
            return kind
    raise BrokenDocument(
        f"a zip archive that is no Word, PowerPoint, Excel or EPUB file (named {extension or 'without an extension'})",
        "Unpack it, or leave it out with `exclude`.",
    )
