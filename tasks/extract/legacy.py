"""Old Office files: which kind one is; Word and PowerPoint files by a converter where one is installed."""

import io
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import olefile

from tasks.errors import BrokenDocument, EncryptedDocument, UnsupportedDocument
from tasks.extract.blocks import Converted, clean_title, one_line
from tasks.extract.office import read_office
from tasks.extract.old_sheets import read_old_workbook
from tasks.extract.sheet_areas import check_areas, sheets_of_xls

_SECONDS = 240  # for a converter
_OPTIONS = {  # a paragraph on one line, in UTF-8
    "antiword": ("-w", "0", "-m", "UTF-8.txt"),
    "catdoc": ("-w", "-d", "utf-8"),
    "catppt": ("-d", "utf-8"),
}
_FILE_PASS, _END = 0x2F, 0x0A  # records of a workbook
_CONVERTERS = {  # in the order in which they are tried: with structure, then without
    "Word": (("soffice", "docx"), ("libreoffice", "docx"), ("antiword", ""), ("catdoc", "")),
    "Excel": (("soffice", "xlsx"), ("libreoffice", "xlsx")),
    "PowerPoint": (("soffice", "pptx"), ("libreoffice", "pptx"), ("catppt", "")),
}


def read_compound(data: bytes, extension: str, max_bytes: int) -> Converted:
    """A file in Microsoft's compound format: which kind it is its streams tell.

    Args:
        data: the file.
        extension: of its name, for messages.
        max_bytes: most bytes that what a converter gives may inflate to.

    Raises:
        EncryptedDocument: it needs a password.
        BrokenDocument: it cannot be parsed.
        EmptyDocument: there is no text in the workbook.
        UnsupportedDocument: no converter for it is installed, or it is of a kind without text.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            streams = {"/".join(path).lower() for path in file.listdir()}
            found = _facts(file)
            books = [file.openstream(name).read() for name in ("Workbook", "Book") if file.exists(name)]
            locked = any(_is_locked(stream[:4096]) for stream in books)
            endless = _is_endless(file)
    except (OSError, ValueError, IndexError, AttributeError, TypeError, KeyError) as error:
        raise BrokenDocument(
            f"not a readable {extension or 'Office'} file: {type(error).__name__}: {error}"[:300],
            "Is it complete? Store it again.",
        ) from None
    title = clean_title(found.pop("title", None))
    if "encryptedpackage" in streams or locked:
        raise EncryptedDocument("the document needs a password", "Store a copy without a password.")
    if "workbook" in streams or "book" in streams:
        for stream in books:
            check_areas(sheets_of_xls(stream))
        try:
            if endless:
                raise BrokenDocument("not a readable workbook: its sectors have no end", "Store it again.")
            book = read_old_workbook(data)
        except BrokenDocument:
            if not any(map(shutil.which, ("soffice", "libreoffice"))):
                raise
            book = _converted(data, "Excel", ".xls", title, found, max_bytes)
        return Converted(book.text, title, book.kind, found)
    if "worddocument" in streams:
        return _converted(data, "Word", ".doc", title, found, max_bytes)
    if "powerpoint document" in streams:
        return _converted(data, "PowerPoint", ".ppt", title, found, max_bytes)
    if "__properties_version1.0" in streams:
        raise UnsupportedDocument(f"an Outlook message (named {extension or 'without an extension'})", "Name it .msg.")
    raise UnsupportedDocument(
        f"a file of Microsoft's compound format that is no Office document (named {extension or 'with no extension'})",
        "Leave it out with `exclude`.",
    )


def _facts(file: olefile.OleFileIO) -> dict[str, object]:
    meta = file.get_metadata()
    found: dict[str, object] = {}
    for name, value in (
        ("title", meta.title), ("author", meta.author), ("subject", meta.subject), ("keywords", meta.keywords),
        ("created", meta.create_time), ("modified", meta.last_saved_time),
    ):  # fmt: skip
        if isinstance(value, bytes):
            value = value.decode("cp1252" if meta.codepage == 1252 else "utf-8", "replace")
        if isinstance(value, datetime):
            found[name] = value.isoformat()
        elif isinstance(value, str) and one_line(value):
            found[name] = one_line(value)
    return found


def _is_endless(file: olefile.OleFileIO) -> bool:
    """Whether a chain of sectors that calamine follows to its end comes back on itself, or leads out of the file:
    calamine holds all that it passes, up to the end of memory."""
    within_fat = [file.first_dir_sector]
    within_fat += [file.root.isectStart] if file.root.size else []
    within_fat += [file.first_mini_fat_sector] if file.num_mini_fat_sectors else []
    within_mini: list[int] = []
    for entry in file.direntries:
        if entry is not None and entry.name in ("Workbook", "Book"):
            (within_mini if entry.size < file.mini_stream_cutoff_size else within_fat).append(entry.isectStart)
    return any(
        not _ends(table, start)
        for table, starts in ((file.fat, within_fat), (file.minifat, within_mini))
        for start in starts
    )


def _ends(table: Sequence[int], sector: int) -> bool:
    for _ in range(len(table) + 1):
        if sector in (olefile.ENDOFCHAIN, olefile.FREESECT):
            return True
        if sector >= len(table):
            return False
        sector = table[sector]
    return False


def _is_locked(workbook: bytes) -> bool:
    """Whether one of a workbook's first records says that what follows is encrypted."""
    place = 0
    while place + 4 <= len(workbook):
        kind, length = struct.unpack_from("<HH", workbook, place)
        if kind == _FILE_PASS:
            return True
        place += 4 + length
        if kind == _END:
            return False
    return False


def _converted(
    data: bytes, kind: str, extension: str, title: str | None, facts: dict[str, object], max_bytes: int
) -> Converted:
    """What the first converter that is installed makes of it; where it makes nothing, the next one."""
    tried = ""
    for program, target in _CONVERTERS[kind]:
        path = shutil.which(program)
        if path is None:
            continue
        tried = program
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, f"file{extension}")
            source.write_bytes(data)
            if not target:
                text = _run([path, *_OPTIONS[program], str(source)]).decode("utf-8", "replace")
                if text.strip():
                    return Converted(text, title, "text", facts)
                continue
            _run([path, f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", target,
                  "--outdir", folder, str(source)])  # fmt: skip
            made = Path(folder, f"file.{target}")
            if made.exists():
                found = read_office(made.read_bytes(), f".{target}", max_bytes)
                return Converted(found.text, found.title or title, found.kind, facts or found.metadata)
    if tried:
        raise BrokenDocument(f"not a readable {kind} file: {tried} makes no text of it", "Store it again.")
    raise UnsupportedDocument(
        f"an old {kind} file ({extension})",
        f"Install LibreOffice or {_CONVERTERS[kind][-1][0]} on the machine that reads, or store it as {extension}x.",
    )


def _run(command: Sequence[str]) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise BrokenDocument(f"{Path(command[0]).name} took more than {_SECONDS} seconds", "Store it again.") from None
    return done.stdout
