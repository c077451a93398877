"""PDF into text, by pdfium."""

import pypdfium2

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument


def read_pdf(data: bytes) -> tuple[str, str | None]:
    """Text of all pages, with a blank line between them, and the title.

    Raises:
        EncryptedDocument: it needs a password.
        BrokenDocument: it cannot be parsed.
        EmptyDocument: it has no text, as a scan has none.
    """
    try:
        document = pypdfium2.PdfDocument(data)
        pages = [page.get_textpage().get_text_bounded() for page in document]
        title = document.get_metadata_value("Title")
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise EncryptedDocument("the PDF needs a password", "Store a copy without a password.") from None
        raise BrokenDocument(f"not a readable PDF: {error}", "Is it complete? Store it again.") from None
    text = "\n\n".join(pages)
    if not text.strip():
        raise EmptyDocument(f"the PDF has no text on {len(pages)} pages", "A scan needs OCR first.")
    return text, title or None
