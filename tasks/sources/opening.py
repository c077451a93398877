"""Opening and reading the files of a source; with `listing`, all that touches fsspec."""

import gzip
import lzma
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import fsspec
import pyarrow as pa
from fsspec.compression import compr
from fsspec.core import url_to_fs
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from tasks.config.sources import Source
from tasks.errors import BrokenDocument, ConfigurationError, OversizedDocument, UnreadDocument
from tasks.secrets import redact
from tasks.sources.formats import split_compression

_ATTEMPTS = 5
_DAMAGED = ("Invalid data stream", "Truncated compressed stream", "ZSTD")  # all that bz2, and Arrow, say


def file_system(source: Source) -> tuple[Any, str]:
    """The file system of a source, and its address there.

    Raises:
        ConfigurationError: its kind of file system needs a package, or is not known.
    """
    try:
        return url_to_fs(source.uri, **source.options)  # type: ignore[no-any-return]
    except ImportError as error:
        raise ConfigurationError(
            f"source {source.name!r}: {source.uri}: {error}", "Install that package beside embedlake."
        ) from None
    except ValueError as error:
        raise ConfigurationError(
            f"source {source.name!r}: {source.uri}: {error}",
            f"Known protocols: {', '.join(sorted(fsspec.available_protocols()))}",
        ) from None


def file_size(source: Source, path: str) -> int:
    """Bytes of a file, as stored.

    Raises:
        OSError: it is not there.
    """
    fs, _ = file_system(source)
    return int(fs.size(path) or 0)


def is_local(fs: Any) -> bool:
    """Whether a file system is the machine's own."""
    return "file" in (fs.protocol if isinstance(fs.protocol, tuple | list) else (fs.protocol,))


@contextmanager
def open_file(source: Source, path: str) -> Iterator[IO[bytes]]:
    """A file of a source, decompressed, for reading from its start."""
    fs, _ = file_system(source)
    with fs.open(path, "rb") as raw, decompressed(raw, path) as stream:
        yield stream


@contextmanager
def decompressed(raw: Any, name: str) -> Iterator[IO[bytes]]:
    """A stream, decompressed as its name says."""
    compression = split_compression(name)[1]
    if compression is None:
        yield raw
    elif compression == "zstd":  # by Arrow, which reads every frame, and says where the last one is cut off
        with pa.PythonFile(raw, "r") as packed, pa.CompressedInputStream(packed, "zstd") as stream:
            yield stream
    else:
        with compr[compression](raw, mode="rb") as stream:
            yield stream


def read_head(source: Source, path: str, size: int) -> bytes:
    """The first bytes of a file, decompressed, at most so many. What the network drops is asked for again.

    Raises:
        BrokenDocument: its compression is damaged.
        UnreadDocument: it could not be fetched.
    """
    try:
        return _read(source, path, size)
    except Exception as error:
        if is_damaged(error):
            raise BrokenDocument(f"cannot be decompressed: {error}", "Is it complete? Store it again.") from None
        if not isinstance(error, OSError):
            raise
        raise UnreadDocument(redact(f"cannot be read: {type(error).__name__}: {error}")) from None


@retry(
    retry=retry_if_exception(lambda error: is_transient(error)),
    stop=stop_after_attempt(_ATTEMPTS),
    wait=wait_exponential_jitter(multiplier=0.5, max=20),
    reraise=True,
    sleep=lambda seconds: time.sleep(seconds),
)
def _read(source: Source, path: str, size: int) -> bytes:
    with open_file(source, path) as stream:
        data: bytes = stream.read(size)
        return data


def read_file(source: Source, path: str, max_bytes: int) -> bytes:
    """A file's content, decompressed. What the network drops is asked for again.

    Raises:
        OversizedDocument: it has more than `max_bytes`.
        BrokenDocument: its compression is damaged.
        UnreadDocument: it could not be fetched.
    """
    data = read_head(source, path, max_bytes + 1)
    if len(data) > max_bytes:
        raise OversizedDocument(
            f"it has more than {max_bytes:,} bytes", "Raise `extraction.max_bytes`, or leave it out with `exclude`."
        )
    return data


def is_transient(error: BaseException) -> bool:
    """Whether the same read may succeed a little later: not where the file is missing, forbidden or damaged."""
    lasting = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
    return isinstance(error, OSError) and not isinstance(error, lasting) and not is_damaged(error)


def is_damaged(error: BaseException) -> bool:
    """Whether decompression failed on what the file holds."""
    return isinstance(error, EOFError | gzip.BadGzipFile | zlib.error | lzma.LZMAError) or (
        isinstance(error, OSError) and str(error).startswith(_DAMAGED)
    )
