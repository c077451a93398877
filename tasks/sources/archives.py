"""The members of zip and tar archives, read from a stream one at a time. Nothing is written under a member's name.

What an archive may grow to is bounded by what it takes as it is stored, as a zip bomb does not respect.
"""

import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import IO, Any

from tasks.errors import BrokenDocument, DocumentError, EncryptedDocument
from tasks.sources.disk import unmistakable
from tasks.sources.inflation import Budget, Counted
from tasks.sources.opening import is_damaged

_ENDS_OF_LARGE_ZIPS = 76  # bytes between the directory of a zip and the record that ends it
_PIECE = 2**18  # bytes of a tar that are read at once
_LONGEST_HEADER = 2**20  # bytes of a tar's extended header, which is read at once
_EXTENDED = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
_KINDS = {tarfile.SYMTYPE: "link", tarfile.LNKTYPE: "link", tarfile.FIFOTYPE: "named pipe"}
_DRIVE = re.compile(r"[A-Za-z]:")
_STORE_AGAIN = "Is it complete? Store it again."


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of an archive.

    Attributes:
        name: its path in the archive, with slashes.
        size: in bytes, after decompression, as the archive says.
        modified: when its content last changed, as the archive says.
        kind: empty for a file, else what it is: link, named pipe, device.
        error: what is wrong with it as the archive tells it, or None.
        open: opens it for reading; of a tar, before the next entry is asked for.
    """

    name: str
    size: int
    modified: datetime | None
    kind: str
    error: DocumentError | None
    open: Callable[[], AbstractContextManager[IO[bytes]]]


class CutOff(Exception):
    """An archive that cannot be read on from here.

    Args:
        error: what is wrong with it.
    """

    def __init__(self, error: DocumentError) -> None:
        super().__init__(error.message)
        self.error = error


def entries_of(stream: Any, form: str, budget: Budget) -> Iterator[Entry]:
    """The members of an archive in its order, folders left out.

    Args:
        stream: its bytes; one that can go back, of a zip.
        form: zip or tar; a tar decompressed.
        budget: of the outermost archive.

    Raises:
        BrokenDocument: it is no such archive, or damaged from here on.
        OversizedDocument: too much is in it.
        OSError: it cannot be fetched.
    """
    found = _in_zip(stream, budget) if form == "zip" else _in_tar(stream, budget)
    for entry in found:
        budget.take_member()
        yield entry


def _in_zip(stream: Any, budget: Budget) -> Iterator[Entry]:
    try:
        _refuse_many(stream, budget)
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, IndexError, UnicodeError) as error:
        raise BrokenDocument(f"not a readable zip archive: {error}", _STORE_AGAIN) from None
    entries = archive.infolist()
    if {"[Content_Types].xml", "mimetype"} & {entry.filename for entry in entries[:1]}:
        raise BrokenDocument("it is an Office file, or an EPUB, and no archive", "Give it the extension that it had.")
    budget.check(sum(entry.file_size for entry in entries))
    for entry in entries:
        if entry.is_dir():
            continue
        name = _name_in_zip(entry)
        wrong = _misnamed(name)
        if entry.flag_bits & 1:
            wrong = EncryptedDocument("it needs a password", "Store a copy of the archive without a password.")
        opened = partial(_counted, archive, entry, budget)
        yield Entry(name, entry.file_size, _local_time(entry.date_time), "", wrong, opened)


def _refuse_many(stream: Any, budget: Budget) -> None:
    """Count a zip's members by its directory, of all of which zipfile makes objects before it gives the first."""
    end = zipfile._EndRecData(stream)  # type: ignore[attr-defined]
    if end is None:  # it is no zip, as is told next
        return
    size, place = end[zipfile._ECD_SIZE], end[zipfile._ECD_LOCATION]  # type: ignore[attr-defined]
    if size > budget.most_members * zipfile.sizeCentralDir:  # type: ignore[attr-defined]
        stream.seek(max(place - size - _ENDS_OF_LARGE_ZIPS, 0))
        count, last = 0, b""
        while (data := stream.read(_PIECE)) and count <= budget.most_members:
            count += (last + data).count(zipfile.stringCentralDir)  # type: ignore[attr-defined]
            last = data[-3:]
        budget.check_members(count)


def _counted(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget) -> IO[bytes]:
    return Counted(archive.open(entry), budget)  # type: ignore[return-value]


def _name_in_zip(entry: zipfile.ZipInfo) -> str:
    """A member's path; programs write UTF-8 also where they do not say so, and some backslashes."""
    name = entry.filename
    if not entry.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return _plain(name.replace("\\", "/"))


def _local_time(parts: tuple[int, int, int, int, int, int]) -> datetime | None:
    """A time without a zone, as MS-DOS wrote it."""
    try:
        return datetime(*parts)
    except ValueError:
        return None


def _in_tar(stream: Any, budget: Budget) -> Iterator[Entry]:
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_PIECE, tarinfo=_Header, encoding="utf-8") as archive:
            while (entry := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep each one
                if entry.isdir():
                    continue
                name = _plain(entry.name)
                kind = "" if entry.isreg() else _KINDS.get(entry.type, "device")
                budget.take(entry.size)
                opened = partial(_in_order, archive, entry)
                yield Entry(name, entry.size, _told_time(entry.mtime), kind, _misnamed(name), opened)
    except tarfile.TarError as error:
        raise _not_readable(error) from None


def _not_readable(error: Exception) -> BrokenDocument:
    return BrokenDocument(f"not a readable tar archive: {error}"[:300], _STORE_AGAIN)


def _in_order(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    return _InOrder(archive.extractfile(entry))  # type: ignore[return-value]


class _InOrder(io.RawIOBase):
    """A member of a tar. Where it cannot be read, what follows it cannot either.

    Raises:
        CutOff: on reading, there.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except Exception as error:
            if not (is_damaged(error) or isinstance(error, tarfile.TarError)):
                raise
            raise CutOff(_not_readable(error)) from None
        buffer[: len(data)] = data
        return len(data)


class _Header(tarfile.TarInfo):
    """A header that is damaged says so: tarfile takes it for the end, and what follows it would be lost in silence."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Header":
        try:
            found = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise BrokenDocument(f"not a readable tar archive: {error}", _STORE_AGAIN) from None
        if found.type in _EXTENDED and found.size > _LONGEST_HEADER:
            raise BrokenDocument(f"a header in it has {found.size:,} bytes", _STORE_AGAIN)
        return found


def _told_time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _plain(name: str) -> str:
    """A path without parts that lead nowhere, such as those of `./a`."""
    begin = "/" if name.startswith("/") else ""
    return unmistakable(begin + "/".join(part for part in name.split("/") if part not in ("", ".")))


def _misnamed(name: str) -> DocumentError | None:
    """What is wrong with a name that leads out of its archive."""
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        return BrokenDocument(
            f"its name leads out of the archive: {name}"[:300], "Make the archive with relative names."
        )
    return None
