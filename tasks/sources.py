"""Listing and opening what a source holds; the one module that touches fsspec."""

import gzip
import lzma
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec
import zstandard
from fsspec.compression import compr
from fsspec.core import url_to_fs
from pathspec import GitIgnoreSpec
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from tasks.configuration import redact
from tasks.errors import (
    BrokenDocument,
    ConfigurationError,
    MissingSource,
    OversizedDocument,
    SourceError,
    UnreadDocument,
)
from tasks.extract.formats import CONTAINERS, format_of, other_medium, split_compression
from tasks.settings import Source

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class File:
    """A file that a source lists.

    Attributes:
        document_id: `<source>:<path>`, the path relative to the source's folder.
        path: as its file system knows it.
        uri: the whole address, as a person would open it.
        tag: its version as the store tells it without reading: etag, or mtime and size.
        size: in bytes, as stored.
        format: as declared, or by its name; text where the name says nothing.
    """

    document_id: str
    source: str
    path: str
    uri: str
    tag: str
    size: int
    format: str

    @property
    def is_container(self) -> bool:
        """Whether it holds records, each one a document."""
        return self.format in CONTAINERS


@dataclass(frozen=True, slots=True)
class Listing:
    """What the sources hold.

    Attributes:
        files: ordered by document id.
        left_out: how many files were left out for being another medium, by media type.
    """

    files: list[File]
    left_out: dict[str, int]


def list_files(sources: list[Source]) -> Listing:
    """Every file of the sources that their patterns let in.

    Raises:
        SourceError: a source is not there or cannot be listed.
        ConfigurationError: its kind of file system needs a package.
    """
    files: list[File] = []
    left_out: dict[str, int] = {}
    for source in sources:
        for path, info, fs, root in _entries(source):
            key = path[len(root) :].lstrip("/") or PurePosixPath(path).name
            medium = other_medium(key)
            if source.format == "auto" and medium:
                left_out[medium] = left_out.get(medium, 0) + 1
                continue
            form = source.format if source.format != "auto" else format_of(key) or "text"
            uri = path if _is_local(fs) else fs.unstrip_protocol(path)
            size = int(info.get("size") or 0)
            files.append(File(f"{source.name}:{key}", source.name, path, uri, _tag(info, size), size, form))
    return Listing(sorted(files, key=lambda file: file.document_id), left_out)


def _entries(source: Source) -> Iterator[tuple[str, dict[str, Any], Any, str]]:
    fs, path = _file_system(source)
    try:
        if any(mark in path for mark in "*?["):
            root = path[: min(path.index(mark) for mark in "*?[" if mark in path)].rpartition("/")[0]
            found = [(p, i) for p, i in fs.glob(path, detail=True).items() if i.get("type") == "file"]
            if not found and not fs.exists(root):
                raise FileNotFoundError(root)
            yield from _let_in(source, found, fs, root)
        elif fs.isfile(path):
            yield from _let_in(source, [(path, fs.info(path))], fs, str(PurePosixPath(path).parent))
        elif fs.isdir(path):
            root = path.rstrip("/")
            yield from _let_in(source, _under(source, fs, root), fs, root)
        else:
            raise FileNotFoundError(path)
    except FileNotFoundError:
        raise MissingSource(
            redact(f"source {source.name!r}: nothing at {source.uri}"),
            "Correct its `uri`; nothing in the lake was changed.",
        ) from None
    except Exception as error:  # every file system raises its own
        raise SourceError(
            redact(f"source {source.name!r}: {source.uri} cannot be listed: {type(error).__name__}: {error}"),
            "Check the address, the credentials and the network, then run again; nothing in the lake was changed.",
        ) from error


def _under(source: Source, fs: Any, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file below a folder: in a store in as few requests as it allows, on disk a folder at a time, since what is
    told of a million files takes a gigabyte. A folder that may not be read is an error: its files are not gone."""
    if not _is_local(fs):
        yield from fs.find(folder, detail=True).items()
        return
    folders = [folder]
    while folders:
        for info in fs.ls(folders.pop(), detail=True):
            name = info["name"]
            if info["type"] != "directory":
                yield name, info
            elif source.hidden or not PurePosixPath(name).name.startswith("."):
                folders.append(name)


def _let_in(
    source: Source, found: Iterable[tuple[str, dict[str, Any]]], fs: Any, root: str
) -> Iterator[tuple[str, dict[str, Any], Any, str]]:
    """The files that a source's patterns let in."""
    include, exclude = GitIgnoreSpec.from_lines(source.include), GitIgnoreSpec.from_lines(source.exclude)
    for name, info in found:
        key = name[len(root) :].lstrip("/")
        hidden = not source.hidden and any(part.startswith(".") for part in key.split("/"))
        if hidden or (source.include and not include.match_file(key)) or exclude.match_file(key):
            continue
        yield name, info, fs, root


@contextmanager
def open_file(source: Source, path: str) -> Iterator[IO[bytes]]:
    """A file of a source, decompressed, for reading from its start."""
    fs, _ = _file_system(source)
    compression = split_compression(path)[1]
    with fs.open(path, "rb") as raw:
        if compression is None:
            yield raw
        else:
            with compr[compression](raw, mode="rb") as stream:
                yield stream


def read_file(source: Source, path: str, max_bytes: int) -> bytes:
    """A file's content, decompressed. What the network drops is asked for again.

    Raises:
        OversizedDocument: it has more than `max_bytes`.
        UnreadDocument: it could not be fetched.
    """

    @retry(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential_jitter(multiplier=0.5, max=20),
        reraise=True,
        sleep=time.sleep,
    )
    def read() -> bytes:
        with open_file(source, path) as stream:
            return stream.read(max_bytes + 1)

    try:
        data = read()
    except Exception as error:
        if is_damaged(error):
            raise BrokenDocument(f"cannot be decompressed: {error}", "Is it complete? Store it again.") from None
        if not isinstance(error, OSError):
            raise
        raise UnreadDocument(redact(f"cannot be read: {type(error).__name__}: {error}")) from None
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
    return isinstance(error, EOFError | gzip.BadGzipFile | zlib.error | lzma.LZMAError | zstandard.ZstdError) or (
        isinstance(error, OSError) and str(error) == "Invalid data stream"  # all that bz2 says
    )


def _file_system(source: Source) -> tuple[Any, str]:
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


def _is_local(fs: Any) -> bool:
    return "file" in (fs.protocol if isinstance(fs.protocol, tuple | list) else (fs.protocol,))


def _tag(info: dict[str, Any], size: int) -> str:
    etag = info.get("ETag") or info.get("etag") or info.get("md5Hash")
    changed = info.get("mtime") or info.get("LastModified") or info.get("updated") or info.get("last_modified")
    return f"etag {etag}" if etag else f"mtime {changed} size {size}"
