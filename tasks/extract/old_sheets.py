"""Workbooks in binary formats (.xls, .xlsb) into Markdown, by calamine."""

import io
from datetime import date, datetime, time, timedelta

from tasks.errors import BrokenDocument, EmptyDocument, EncryptedDocument
from tasks.extract.blocks import Blocks, Converted
from tasks.extract.sheets import add_sheet, shown_number


def read_old_workbook(data: bytes) -> Converted:
    """The sheets of an .xls or .xlsb file.

    Raises:
        EncryptedDocument: it needs a password.
        BrokenDocument: it cannot be parsed.
        EmptyDocument: there is no text in it.
    """
    import python_calamine

    blocks = Blocks()
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).iter_rows()
            add_sheet(blocks, name, [row for cells in rows if any(row := [_shown(cell) for cell in cells])])
    except python_calamine.PasswordError:
        raise EncryptedDocument("the workbook needs a password", "Store a copy without a password.") from None
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise BrokenDocument(f"not a readable workbook: {error}"[:300], "Is it complete? Store it again.") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of calamine, which is no Exception
            raise
        raise BrokenDocument(f"not a readable workbook: {error}"[:300], "Is it complete? Store it again.") from None
    if blocks.is_empty:
        raise EmptyDocument("there is no text in the workbook")
    return blocks.converted()


def _shown(cell: object) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return shown_number(str(cell), "")
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return shown_number(str(cell.total_seconds() / 86_400), "e")
    return str(cell).replace("\0", "")  # which texts in UTF-16 come with
