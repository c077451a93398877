"""What a run would make of one file: its text, title and metadata, and where it is cut."""

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from tasks.config.settings import Corpus
from tasks.config.sources import Source
from tasks.errors import ConfigurationError, DocumentError
from tasks.ingest.faults import document_error
from tasks.ingest.reading import read_all
from tasks.ingest.tokenizer import tokenizer_of
from tasks.operate.sampling import SHOWN
from tasks.records import Failure
from tasks.sources.contents import by_content
from tasks.sources.formats import ARCHIVES
from tasks.sources.listing import File, list_files
from tasks.sources.members import works_of
from tasks.sources.work import Block, Members, Work, group_files


@dataclass(frozen=True, slots=True)
class Inspected:
    """A document as a run would land it.

    Attributes:
        document: its columns in the documents table that say something, the run's own left out.
        text: as extracted; only white space is not as it was.
        chunks: columns of the chunks table that say where each one is cut, and its text.
        failure: error, message and hint, where it cannot be used.
    """

    document: dict[str, Any]
    text: str
    chunks: list[dict[str, Any]]
    failure: dict[str, str] | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


_UNTOLD = {"settings", "run", "version", "tag", "text_hash", "content_hash", "source", "uri", "container"}


@dataclass(frozen=True, slots=True)
class Held:
    """What lies in an archive or a mailbox.

    Attributes:
        path: what to put behind the file's own address and `!/` to see one of them.
        format: that it is read as.
        bytes: after decompression.
        failure: what is wrong with it, where it cannot be read.
    """

    path: str
    format: str
    bytes: int
    failure: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def held_in(address: str, corpus: Corpus) -> list[Held] | None:
    """What lies in an archive or a mailbox; None of any other file, of a member, and where it cannot be told.

    Args:
        address: of the file: a path or an address of one of the corpus's sources.
        corpus: whose settings decide.

    Raises:
        ConfigurationError: no file is there.
    """
    outer, member = _split(address)
    file, corpus = _find(outer, corpus)
    if member or file.true_format not in (*ARCHIVES, "mbox"):
        return None
    found: dict[str, Held] = {}
    try:
        for work in works_of(file, corpus):
            if isinstance(work, Block):
                path = work.file.key.removeprefix(f"{file.key}!/")
                found.setdefault(path, Held(path, work.file.true_format, work.file.size))
            for one in work.members if isinstance(work, Members) else ():
                failure = one.content.message if isinstance(one.content, DocumentError) else None
                path = one.file.key.removeprefix(f"{file.key}!/")
                found[path] = Held(path, one.file.true_format, one.file.size, failure)
    except Exception:  # whatever a parser or a file system raises: `inspect` tells
        return None
    return list(found.values())


def inspect(address: str, corpus: Corpus, limit: int) -> list[Inspected]:
    """The first documents of a file.

    Args:
        address: of the file: a path or an address of one of the corpus's sources; `a.zip!/b/c.md` of a member.
        corpus: whose settings decide.
        limit: most documents, where it holds records.

    Raises:
        ConfigurationError: no file is there.
    """
    outer, member = _split(address)
    file, corpus = _find(outer, corpus)
    found: list[Inspected] = []
    broken: list[DocumentError] = []  # the file, where it holds records
    works = _only(_works(file, corpus, broken), f"{file.document_id}!/{member}" if member else "")
    for _, prepared in read_all(works, corpus, tokenizer_of(corpus, None).folder()):
        failures = {failure.document_id: failure for failure in prepared.failures}
        chunks: dict[str, list[dict[str, Any]]] = {}
        for row in prepared.chunks.to_pylist():
            chunks.setdefault(row["document_id"], []).append({name: row[name] for name in SHOWN})
        for row in prepared.documents.to_pylist():
            if member and not _is_within(row["document_id"], file.document_id, member):
                continue
            document = {name: value for name, value in row.items() if value is not None and name not in _UNTOLD}
            cut = chunks.get(row["document_id"], [])
            found.append(Inspected(document, _joined(cut), cut, _told(failures.get(row["document_id"]))))
        if len(found) >= limit:
            break
    for error in broken:
        failure = Failure.of(error, file.document_id, file.uri, "read", "")
        found.append(Inspected({"document_id": file.document_id, "state": "quarantined"}, "", [], _told(failure)))
    if member and not found:
        raise ConfigurationError(f"there is no {member} in {outer}", f"List what is: embedlake inspect {outer}")
    return found[:limit]


def _split(address: str) -> tuple[str, str]:
    """The address of a file, and the path of a member of it, which is empty where the whole file is meant."""
    outer, mark, member = address.partition("!/")
    if not mark or ("://" not in address and os.path.exists(os.path.expanduser(address))):
        return address, ""
    return outer, member


def _only(works: Iterator[Work], wanted: str) -> Iterator[Work]:
    """The work that has a document, or what it is attached to; all where none is wanted."""
    for work in works:
        if isinstance(work, Members) and wanted:
            members = [m for m in work.members if _related(m.file.document_id, wanted)]
            if members:
                yield replace(work, members=members)
        elif not (isinstance(work, Block) and wanted) or _related(work.file.document_id, wanted):
            yield work


def _related(identity: str, wanted: str) -> bool:
    return f"{identity}!/".startswith(f"{wanted}!/") or wanted.startswith(f"{identity}!/")


def _is_within(identity: str, file: str, member: str) -> bool:
    """Whether a document is a member of a file, or lies in that, or is a record whose id does not say where it lies."""
    wanted = f"{file}!/{member}"
    return identity == wanted or identity.startswith((f"{wanted}!/", f"{wanted}#")) or not identity.startswith(file)


def _works(file: File, corpus: Corpus, broken: list[DocumentError]) -> Iterator[Work]:
    if not file.is_container:
        yield from group_files([file])
        return
    try:
        yield from works_of(file, corpus)
    except Exception as error:  # whatever a parser or a file system raises
        broken.append(document_error(error, corpus.extraction.timeout, fetching=True))


def _told(failure: Failure | None) -> dict[str, str] | None:
    return {"error": failure.error, "message": failure.message, "hint": failure.hint} if failure else None


def _find(address: str, corpus: Corpus) -> tuple[File, Corpus]:
    """The file, and a corpus that has only its source."""
    place = address if "://" in address else os.path.abspath(os.path.expanduser(address))
    if "://" not in place and not os.path.isfile(place):
        raise ConfigurationError(
            f"there is no file {address}", "Give the path of one, or the address of one in a store."
        )
    source = _source_of(place, corpus)
    listing = list_files([source], media=corpus.extraction.media)
    if not listing.files:
        kinds = ", ".join(listing.skipped) or "nothing that holds text"
        asked_for = "Give a file that holds text, or a --corpus that asks for such files."
        raise ConfigurationError(f"{address} is skipped by a run: it is {kinds}", asked_for)
    return by_content(listing.files[0], source), corpus.model_copy(update={"sources": [source]})


def _source_of(place: str, corpus: Corpus) -> Source:
    """The source that has a file, made to list that one alone: the one whose folder is the nearest, or whose uri is
    the file or a pattern that it fits. A file of none is a source of its own, by default settings."""
    for source in sorted(corpus.sources, key=lambda source: len(source.uri), reverse=True):
        root = source.uri.rstrip("/")
        if place.startswith(root + "/"):
            within = re.sub(r"([*?[\]\\!# ])", r"\\\1", place.removeprefix(root))  # a pattern for it alone
            return source.model_copy(update={"include": [within], "exclude": [], "hidden": True})
        if place == root:
            return source
        if glob.has_magic(root) and any(
            file.uri == place for file in list_files([source], media=corpus.extraction.media).files
        ):
            return source.model_copy(update={"uri": place})
    return Source.model_validate({"name": "file", "uri": place, "hidden": True})


def _joined(chunks: list[dict[str, Any]]) -> str:
    """The text that chunks were cut from, in order; white space between two of them is a blank line at most."""
    text, end = "", 0
    for chunk in chunks:
        if chunk["span_unit"] != "characters":  # an image, whose caption is a chunk too
            continue
        gap = chunk["start"] - end
        text += "\n" * min(gap, 2) + chunk["text"][max(-gap, 0) :]
        end = max(chunk["end"], end)
    return text
