"""Listing what a source holds; with `opening`, all that touches fsspec."""

import glob
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from fsspec.utils import glob_translate

from tasks.config.sources import Source
from tasks.errors import MissingSource, SourceError
from tasks.secrets import redact
from tasks.sources.disk import Found, Walk, found_at, unmistakable
from tasks.sources.formats import (
    ARCHIVES,
    CONTAINERS,
    format_of,
    is_archive,
    medium_of,
    no_content,
    other_medium,
)
from tasks.sources.opening import file_system, is_local
from tasks.sources.patterns import Patterns, is_pattern, split_glob
from tasks.sources.sidecars import sidecars_of

_CHANGED = (  # what file systems call the time of the last change
    "mtime", "LastModified", "updated", "last_modified", "modified", "modify", "modificationTime", "last_write_time",
    "date_time", "created",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class File:
    """A file that a source lists, or one that lies in such a file.

    Attributes:
        document_id: `<source>:<path>`, the path relative to the source's folder; bytes that are no UTF-8 as `\\xff`.
            Of a member of another file, `<that file's id>!/<path>`.
        path: as its file system knows it, which is not always UTF-8; of a member, the path in the file that has it.
        uri: the whole address, as a person would open it; of a member, that of the file that is listed.
        tag: its version as the store tells it without reading: etag, or times and size.
        size: in bytes, as stored.
        format: as declared, or by its name; text where the name says nothing.
        changed: when its content last did, as the store tells it: in seconds since 1970, or a time.
        sidecar: path of the file with its metadata, or empty.
        content: the format that its content shows, where its name says another; empty where nobody looked.
        outer: of a member, the file that is listed.
    """

    document_id: str
    source: str
    path: str
    uri: str
    tag: str
    size: int
    format: str
    changed: Any = None
    sidecar: str = ""
    content: str = ""
    outer: "File | None" = None

    @property
    def key(self) -> str:
        """Its path relative to the source's folder."""
        return self.document_id.partition(":")[2]

    @property
    def is_container(self) -> bool:
        """Whether it holds records, messages or files, each one a document."""
        return self.true_format in CONTAINERS

    @property
    def true_format(self) -> str:
        """Its format, as its content shows it where anybody looked."""
        return self.content or self.format


@dataclass(frozen=True, slots=True)
class Listing:
    """What the sources hold.

    Attributes:
        files: ordered by document id.
        skipped: how many entries hold no text: other media by media type, named pipes and broken links by that.
    """

    files: list[File]
    skipped: dict[str, int]


def list_files(sources: list[Source], lake: str = "", media: Collection[str] = ()) -> Listing:
    """Every file of the sources that their patterns let in.

    Args:
        sources: of a corpus.
        lake: address of its lake: should that lie in a source's folder on disk, it holds no documents.
        media: modalities beside text whose files are documents.

    Raises:
        SourceError: a source is not there or cannot be listed.
        ConfigurationError: its kind of file system needs a package.
    """
    files: list[File] = []
    skipped: Counter[str] = Counter()
    for source in sources:
        entries = _entries(source, os.path.realpath(lake) if lake and "://" not in lake else "")
        for found in _with_sidecars(entries, source, media) if source.sidecar else entries:
            name = PurePosixPath(found.key).name
            other = found.kind or without_text(name, source, media)
            if other:
                skipped[other] += 1
                continue
            form = declared_format(name, source, media)
            identity = f"{source.name}:{unmistakable(found.key)}"
            files.append(
                File(
                    identity, source.name, found.path, unmistakable(found.uri), found.tag, found.size, form,
                    found.changed, found.sidecar,
                )
            )  # fmt: skip
    return Listing(sorted(files, key=lambda file: file.document_id), dict(skipped))


def without_text(name: str, source: Source, media: Collection[str] = ()) -> str | None:
    """What a file is that is no document, by its name: of a medium that is not asked for, or marks of programs; else
    None."""
    if is_archive(name) or medium_of(name) in media:
        return None
    return no_content(name) or (other_medium(f"./{name}") if source.format == "auto" else None)


def declared_format(name: str, source: Source, media: Collection[str] = ()) -> str:
    """The format of a file as its source declares it, or by its name. What holds files is what its name says: the
    source tells of what is in it. Files of a medium that is asked for have that for a format."""
    found = format_of(name)
    if source.format == "auto" and (medium := medium_of(name)) in media:
        return str(medium)
    if source.format == "auto" or found in ARCHIVES or (found == "mbox" and source.format == "mail"):
        return found or "text"
    return source.format


@dataclass(frozen=True, slots=True)
class Entry:
    """What a source lists: a file, or, where `kind` says something, what is none."""

    path: str
    key: str  # the path relative to the source's folder
    uri: str
    size: int
    tag: str
    kind: str = ""
    changed: Any = None
    sidecar: str = ""


def _entries(source: Source, without: str) -> Iterator[Entry]:
    fs, path = file_system(source)
    try:
        if is_local(fs):
            yield from _on_disk(source, path, without)
        else:
            yield from _in_store(source, fs, path)
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


def _on_disk(source: Source, path: str, without: str) -> Iterator[Entry]:
    path = path.rstrip("/") or "/"
    patterns = Patterns(source)
    wanted = patterns.let_in
    found: Iterable[Found]
    if os.path.lexists(path) and not os.path.isdir(path):
        root, name = os.path.split(path)
        found = [found_at(path)] if wanted(name) else []
    elif os.path.isdir(path) or not is_pattern(path):
        root = path
        found = Walk(root, wanted, patterns.excluded, hidden=source.hidden, without=without, patterns=patterns.any)
    else:
        root, pattern = split_glob(path, os.path.exists)
        matches = re.compile(glob_translate(pattern)).match
        found = Walk(
            root or "/", lambda key: bool(matches(key)) and wanted(key), patterns.excluded,
            depth=None if "**" in pattern else pattern.count("/") + 1, hidden=source.hidden, without=without,
            patterns=True,
        )  # fmt: skip
    for file in found:
        key = file.path[len(root) :].lstrip("/")
        yield Entry(file.path, key, file.path, file.size, file.tag, file.kind, file.changed)


def _in_store(source: Source, fs: Any, path: str) -> Iterator[Entry]:
    """In as few requests as the store allows."""
    marked = is_pattern(path)
    if fs.isfile(path):
        root, found = str(PurePosixPath(path).parent), {path: fs.info(path)}
    elif fs.isdir(path):
        root = path.rstrip("/")
        found = fs.find(root, detail=True)
    elif marked:
        root, pattern = split_glob(path, fs.exists)
        found = fs.glob(f"{glob.escape(root)}/{pattern}", detail=True)
        if not found and not fs.exists(root):
            raise FileNotFoundError(root)
    else:
        raise FileNotFoundError(path)
    patterns = Patterns(source)
    for name, info in found.items():
        key = name[len(root) :].lstrip("/") or PurePosixPath(name).name
        if patterns.let_in(key) and not (marked and info.get("type") == "directory"):
            size = int(info.get("size") or 0)
            yield Entry(name, key, fs.unstrip_protocol(name), size, _tag(info, size), changed=_changed(info))


def _with_sidecars(entries: Iterable[Entry], source: Source, media: Collection[str]) -> Iterator[Entry]:
    """The entries but for sidecars, each with its own: whose version is part of the version of the file."""
    found = {entry.key: entry for entry in entries}
    sidecars = sidecars_of(found, source.sidecar or "", media)
    own = set(sidecars.values())
    patterns = Patterns(source)
    for key, entry in found.items():
        if key in own or not patterns.names(key):
            continue
        if key in sidecars:
            sidecar = found[sidecars[key]]
            entry = replace(entry, tag=f"{entry.tag} sidecar {sidecar.tag}", sidecar=sidecar.path)
        yield entry


def _tag(info: dict[str, Any], size: int) -> str:
    etag = info.get("ETag") or info.get("etag") or info.get("md5Hash") or info.get("sha")
    return f"etag {etag}" if etag else f"mtime {_changed(info)} size {size}"


def _changed(info: dict[str, Any]) -> Any:
    return next((info[name] for name in _CHANGED if info.get(name)), None)
