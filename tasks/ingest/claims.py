"""Records that claim the same id: the first one, by its file's document id and its place in the file, has it.

The others are quarantined, each with a row that says which id it claims. So the sources alone decide, whatever came
first: when the first record goes, `lost_claims` names the files to read again for the next one.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.extract.read import EMPTY
from tasks.hashing import hash_fields
from tasks.ingest.compare import GOOD
from tasks.ingest.identity import RowSettings
from tasks.ingest.prepare import Prepared
from tasks.lake.tables import Lake
from tasks.records import Document, Failure

_LINE = re.compile(r"#line-\d+$")


class Holder(NamedTuple):
    """Where the document is that has an id.

    Attributes:
        source, uri: of its file.
        container: the file's id, of a record.
    """

    source: str
    uri: str
    container: str | None


@dataclass(slots=True)
class Decided:
    """What becomes of what was read.

    Attributes:
        keep: positions of the rows that stay as they are.
        documents: further rows, or other ones in the place of those that do not stay.
        failures: of records whose id another one has.
        chunked: ids of documents whose chunks land.
        lost: ids of records that cannot be used and do not have their id either.
        equal: how many records without an id were equal to one before them.
    """

    keep: list[int] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    chunked: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    equal: int = 0


class Claims:
    """Decides, row by row in the order of reading, whether a record has the id that it claims.

    Args:
        settings: by source.
        named: sources whose records have ids of their own.
        keep: whether a document that was read before and cannot be read now stays as it was.
    """

    def __init__(self, settings: dict[str, RowSettings], named: set[str], keep: bool) -> None:
        self._settings = settings
        self._named = named
        self._keep = keep
        self.displaced: dict[str, set[str]] = {}  # rows of records, by file, that lost their id to another file's
        self.begin_file()

    def begin_file(self) -> None:
        """A file of records begins."""
        self._file: str | None = None
        self.seen: set[str] = set()  # ids of the file's rows
        self.failed: set[str] = set()  # those of them that cannot be used
        self.nameless = 0  # records of the file whose id cannot be told
        self._again: Counter[str] = Counter()

    def decide(
        self, prepared: Prepared, before: Callable[[str], Document | None], holders: dict[str, Holder]
    ) -> Decided:
        """What becomes of one piece of work.

        Args:
            prepared: it.
            before: the document that the lake has with an id, or None.
            holders: of records' ids as of this run; added to.
        """
        found = Decided()
        self.seen.update(prepared.unchanged)
        rows = prepared.documents
        columns = ("document_id", "source", "uri", "container", "state", "repeats", "tag", "settings", "media_type")
        if len(rows):
            self._file = rows["container"][0].as_py()
        for i, row in enumerate(zip(*(rows[name].to_pylist() for name in columns), strict=True)):
            identity, source, uri, container, state, repeats, tag, settings, media_type = row
            claimed, place = repeats or identity, Holder(source, uri, container)
            old = before(claimed)
            held = holders.get(claimed, Holder(old.source, old.uri, old.container) if old else None)
            if container is not None:  # a record; all of one piece of work are of one file
                if not self._has(claimed, repeats is None, place, held, holders, found):
                    found.lost.add(identity)
                    continue
            else:  # a file: it has its id before any record
                self.begin_file()  # of records, if any are attached to it
                holders[claimed] = place
                if held is not None and held.container is not None:
                    self._displace(claimed, held, held.container, uri, found)
            good = self._keep and old is not None and old.container == container and old.state in GOOD
            emptied = media_type == EMPTY and container is None and old and old.chunks  # half-written?
            if state == "quarantined":
                self.failed.add(identity)
            if old is not None and good and (state == "quarantined" or emptied):
                if emptied:
                    settings = self._settings[source].failed
                    error = EmptyDocument("the file is empty; it had a text before")
                    found.failures.append(Failure.of(error, identity, uri, "extract", settings))
                found.documents.append(replace(old, uri=uri, tag=tag, settings=settings, state="stale"))
                continue
            found.keep.append(i)
            if state == "active":
                found.chunked.add(identity)
        if len(rows) and rows["container"][0].as_py() is None:
            self.begin_file()  # what is attached to files is no part of the file of records that comes next
        return found

    def _has(
        self, identity: str, first: bool, place: Holder, held: Holder | None, holders: dict[str, Holder], found: Decided
    ) -> bool:
        """Whether a record has the id that it claims; if not, it is quarantined, or is one with its equal."""
        container = place.container
        assert container is not None
        first = first and identity not in self.seen
        self.seen.add(identity)
        nameless = is_nameless(identity, container)
        if nameless or place.source not in self._named:  # an id within its file
            self.nameless += nameless
            found.equal += not first
            return first
        if held is not None and held.container == container:
            held = None
        if first and not (held and (held.container is None or held.container < container)):
            if held and held.container:
                self._displace(identity, held, held.container, place.uri, found)
            holders[identity] = place
            return True
        self._displace(identity, place, container, held.uri if first and held else None, found)
        return False

    def _displace(self, identity: str, place: Holder, container: str, uri: str | None, found: Decided) -> None:
        """A record whose id another one has: in the file at `uri`, or earlier in its own."""
        settings = self._settings[place.source].failed
        count = 0
        if uri is None:
            self._again[identity] += 1
            count = self._again[identity]
        again = _again_id(container, identity, count)
        if container == self._file:
            self.seen.add(again)
        else:
            self.displaced.setdefault(container, set()).add(again)
        found.documents.append(
            Document(again, place.source, place.uri, "quarantined", settings, container, repeats=identity)
        )
        where = f"also in {uri}, which comes first" if uri else "before it in the same file"
        error = BrokenDocument(f"its id {identity!r} is {where}; that record is kept", "Give each record its own id.")
        found.failures.append(Failure.of(error, again, place.uri, "extract", settings))


def _again_id(container: str, identity: str, count: int) -> str:
    """The document id of a record that does not have its own: the first one in its file (0), or a later one."""
    return f"{container}#again-{hash_fields(identity, count)[:16]}"


def is_nameless(identity: str, container: str) -> bool:
    """Whether a document id is that of a record that cannot be told by its own, in a file or in one of its members."""
    return identity.startswith((container + "#line-", container + "!/")) and bool(_LINE.search(identity))


def lost_claims(lake: Lake) -> set[str]:
    """Files with a record whose id nobody has any more, or only one that comes after it: they have to be read again."""
    table, columns = lake.name("documents"), ["document_id", "container", "repeats"]
    claims = lake.read(table, columns, "repeats IS NOT NULL AND container IS NOT NULL").to_pylist()
    if not claims:
        return set()
    holding = lake.read_in(table, "document_id", {c["repeats"] for c in claims}, columns[:2]).to_pylist()
    holders = {row["document_id"]: row["container"] or "" for row in holding}
    lost = set()
    for claim in claims:
        holder, own = holders.get(claim["repeats"]), claim["container"]
        first = claim["document_id"] == _again_id(own, claim["repeats"], 0)
        if holder is None or holder > own or (first and holder == own):
            lost.add(own)
    return lost
