"""Records that claim the same id: the first one, by its file's document id and its place in the file, has it.

The others are set aside, each with a row that says which id it claims. So the sources alone decide, whatever came
first: when the first record goes, `lost_claims` names the files to read again for the next one.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tasks.errors import BrokenDocument, EmptyDocument
from tasks.hashing import hash_fields, sealed
from tasks.ingest.compare import GOOD
from tasks.ingest.prepare import Prepared, RowSettings
from tasks.lake.tables import Lake
from tasks.records import Failure

Row = dict[str, Any]


@dataclass(slots=True)
class Decided:
    """What becomes of what was read.

    Attributes:
        keep: positions of the rows that stay as they are.
        rows: further rows, or other ones in the place of those that do not stay.
        failures: of records whose id another one has.
        chunked: ids of documents whose chunks land.
        lost: ids of records that cannot be used and do not have their id either.
        equal: how many records without an id were equal to one before them.
    """

    keep: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
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
        self.nameless = 0  # records of the file whose id cannot be told
        self._again: Counter[str] = Counter()

    def decide(self, prepared: Prepared, before: Callable[[str], Row | None], holders: dict[str, Row]) -> Decided:
        """What becomes of one piece of work.

        Args:
            prepared: it.
            before: the row that the lake has for an id, or None.
            holders: rows of records that have an id as of this run; added to.
        """
        found = Decided()
        rows = prepared.documents
        columns = [rows[name].to_pylist() for name in ("document_id", "container", "state", "repeats", "chunks")]
        uris = rows["uri"].to_pylist()
        place: Row = rows.slice(0, 1).select(["source", "uri", "container"]).to_pylist()[0] if len(rows) else {}
        self._file = place.get("container")
        for i, (identity, container, state, repeats, chunks) in enumerate(zip(*columns, strict=True)):
            claimed = repeats or identity
            old = before(claimed)
            if container is not None:  # a record; all of one piece of work are of one file
                if not self._has(claimed, repeats is None, place, old, holders, found):
                    found.lost.add(identity)
                    continue
            else:  # a file: it has its id before any record
                holder = holders.get(claimed, old)
                holders[claimed] = {"uri": uris[i], "container": None}
                if holder is not None and holder["container"] is not None:
                    self._set_aside(claimed, holder, uris[i], found)
            same = old is not None and old["container"] == container
            good = self._keep and same and old is not None and old["state"] in GOOD
            emptied = state == "active" and container is None and not chunks and old and old["chunks"]  # half-written?
            if old is not None and good and (state == "quarantined" or emptied):
                told = rows.slice(i, 1).select(["uri", "tag", "settings"]).to_pylist()[0]
                if emptied:
                    told["settings"] = self._settings[old["source"]].failed
                    error = EmptyDocument("the file is empty; it had a text before")
                    found.failures.append(Failure.of(error, identity, uris[i], "extract", told["settings"]))
                found.rows.append(sealed(old | told | {"state": "stale"}))
                continue
            found.keep.append(i)
            if state == "active":
                found.chunked.add(identity)
        return found

    def _has(
        self, identity: str, first: bool, place: Row, old: Row | None, holders: dict[str, Row], found: Decided
    ) -> bool:
        """Whether a record has the id that it claims; if not, it is set aside, or is one with its equal."""
        container = place["container"]
        first = first and identity not in self.seen
        self.seen.add(identity)
        nameless = identity.startswith(container + "#line-")
        if nameless or place["source"] not in self._named:  # an id within its file
            self.nameless += nameless
            found.equal += not first
            return first
        holder = holders.get(identity, old)
        if holder is not None and holder["container"] == container:
            holder = None
        if first and not (holder and (holder["container"] is None or holder["container"] < container)):
            if holder:
                self._set_aside(identity, holder, place["uri"], found)
            holders[identity] = place
            return True
        self._set_aside(identity, place, holder["uri"] if first and holder else None, found)
        return False

    def _set_aside(self, identity: str, row: Row, uri: str | None, found: Decided) -> None:
        """A record whose id another one has: in the file at `uri`, or earlier in its own."""
        settings = self._settings[row["source"]].failed
        count = 0
        if uri is None:
            self._again[identity] += 1
            count = self._again[identity]
        again = _again_id(row["container"], identity, count)
        if row["container"] == self._file:
            self.seen.add(again)
        else:
            self.displaced.setdefault(row["container"], set()).add(again)
        found.rows.append(
            sealed(
                {
                    "document_id": again, "source": row["source"], "uri": row["uri"], "container": row["container"],
                    "settings": settings, "state": "quarantined", "repeats": identity,
                }
            )
        )  # fmt: skip
        place = f"also in {uri}, which comes first" if uri else "before it in the same file"
        error = BrokenDocument(f"its id {identity!r} is {place}; that record is kept", "Give each record its own id.")
        found.failures.append(Failure.of(error, again, row["uri"], "extract", settings))


def _again_id(container: str, identity: str, count: int) -> str:
    """The document id of a record that does not have its own: the first one in its file (0), or a later one."""
    return f"{container}#again-{hash_fields(identity, count)[:16]}"


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
