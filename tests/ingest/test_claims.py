"""Which of several records with one id has it: the sources alone decide, whatever was read first."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.settings import Corpus
from tasks.hashing import sealed
from tasks.ingest.claims import Claims, Decided, Holder, lost_claims
from tasks.ingest.identity import VERSIONS, RowSettings
from tasks.ingest.prepare import Prepared
from tasks.lake import schemas
from tasks.lake.schemas import chunks_schema, documents_schema
from tasks.lake.tables import Lake
from tasks.records import Document
from tests.lakes import new_lake

CORPUS = Corpus.model_validate(
    {"name": "notes", "lake": "/lake", "models": ["some/model"], "sources": [{"name": "books", "uri": "/books"}]}
)
DOCUMENTS = documents_schema(CORPUS)
SETTINGS = {"books": RowSettings({}, "failed", VERSIONS)}
Row = dict[str, Any]
FILES = st.dictionaries(
    st.sampled_from(["a.jsonl", "b.jsonl", "c.jsonl"]), st.lists(st.sampled_from(["k1", "k2", "k3"]), max_size=5)
)


def row(file: str, identity: str, **more: Any) -> Row:
    """A record's row."""
    return {
        "document_id": f"books:{identity}", "source": "books", "uri": f"/books/{file}", "container": f"books:{file}",
        "settings": "read", "state": "active",
    } | more  # fmt: skip


def prepared(file: str, keys: list[str]) -> Prepared:
    """A block, as a reader gives it: it quarantines what repeats an id of the same block."""
    rows = [
        row(file, key)
        if key not in keys[:i]
        else row(file, f"{file}#line-{i}", state="quarantined", repeats=f"books:{key}")
        for i, key in enumerate(keys)
    ]
    return table_of(rows)


def table_of(rows: list[Row]) -> Prepared:
    table = pa.Table.from_pylist([sealed(row) for row in rows], schema=DOCUMENTS)
    return Prepared(table, chunks_schema(CORPUS).empty_table())


def rows_of(found: Decided) -> list[Row]:
    return schemas.table_of(found.documents, DOCUMENTS).drop_columns("run").to_pylist()


class Reading:
    """Runs over files of records, and the rows that they leave."""

    def __init__(self, keep: bool = True) -> None:
        self.claims = Claims(SETTINGS, {"books"}, keep)
        self.rows: dict[str, Row] = {}
        self.before: dict[str, Row] = {}

    def read(self, file: str, keys: list[str], size: int = 100) -> None:
        """A file, in blocks of so many records."""
        for start in range(0, len(keys), size):
            self.decide(prepared(file, keys[start : start + size]))
        self.claims.begin_file()

    def decide(self, work: Prepared) -> Decided:
        holders = {
            identity: Holder(row["source"], row["uri"], row["container"])
            for identity, row in self.rows.items()
            if row.get("repeats") is None
        }
        found = self.claims.decide(work, self._was, holders)
        rows = work.documents.to_pylist()
        for each in [*(rows[i] for i in found.keep), *rows_of(found)]:
            self.rows[each["document_id"]] = each
        return found

    def _was(self, identity: str) -> Document | None:
        return Document.of(self.before[identity]) if identity in self.before else None

    def outcome(self) -> tuple[dict[str, str], dict[str, set[str]]]:
        """The file that has each id, and those that wanted it too."""
        has: dict[str, str] = {}
        wants: dict[str, set[str]] = {}
        for identity, each in self.rows.items():
            if each.get("repeats"):
                wants.setdefault(each["repeats"], set()).add(each["container"])
            else:
                has[identity] = each["container"]
        return has, wants


@given(FILES, st.permutations(["a.jsonl", "b.jsonl", "c.jsonl"]), st.integers(1, 6))
def test_the_first_file_has_the_id_in_whatever_order_and_blocks_they_are_read(
    files: dict[str, list[str]], order: list[str], size: int
) -> None:
    reading = Reading()
    for file in order:
        reading.read(file, files.get(file, []), size)
    has, wants = reading.outcome()
    for key in ("k1", "k2", "k3"):
        claimants = sorted(f"books:{file}" for file, keys in files.items() if key in keys)
        first = next(iter(claimants), None)
        twice = {f"books:{file}" for file, keys in files.items() if keys.count(key) > 1}
        assert has.get(f"books:{key}") == first
        assert wants.get(f"books:{key}", set()) == (set(claimants) - {first}) | twice


@given(FILES, st.integers(1, 6), st.integers(1, 6))
def test_other_blocks_give_the_same_rows(files: dict[str, list[str]], one: int, other: int) -> None:
    found = []
    for size in (one, other):
        reading = Reading()
        for file, keys in sorted(files.items()):
            reading.read(file, keys, size)
        found.append({identity: each for identity, each in reading.rows.items() if "#line-" not in identity})
    assert found[0] == found[1]


def test_a_record_that_loses_its_id_to_an_earlier_file_is_set_aside_and_says_so() -> None:
    reading = Reading()
    reading.read("b.jsonl", ["k1"])
    found = reading.decide(prepared("a.jsonl", ["k1"]))
    [aside] = rows_of(found)
    assert (aside["container"], aside["state"], aside["repeats"]) == ("books:b.jsonl", "quarantined", "books:k1")
    assert aside["document_id"].startswith("books:b.jsonl#again-")
    assert found.chunked == {"books:k1"}
    assert reading.claims.displaced == {"books:b.jsonl": {aside["document_id"]}}
    [failure] = found.failures
    assert failure.message == "its id 'books:k1' is also in /books/a.jsonl, which comes first; that record is kept"


def test_a_file_has_its_id_before_any_record() -> None:
    reading = Reading()
    reading.read("a.jsonl", ["k1"])
    document = row("k1", "k1", uri="/books/k1", container=None)
    found = reading.decide(table_of([document]))
    assert found.keep == [0]
    assert [(each["container"], each["repeats"]) for each in rows_of(found)] == [("books:a.jsonl", "books:k1")]
    reading.read("a.jsonl", ["k1"])
    assert reading.rows["books:k1"]["container"] is None


def test_what_was_read_once_and_cannot_be_now_is_stale_or_goes() -> None:
    for keep, state in ((True, "stale"), (False, "quarantined")):
        reading = Reading(keep)
        reading.before["books:k1"] = sealed(row("a.jsonl", "k1", text_hash="t", chunks=3, tag=None))
        reading.decide(table_of([row("a.jsonl", "k1", state="quarantined", settings="failed")]))
        now = reading.rows["books:k1"]
        assert (now["state"], now["settings"]) == (state, "failed")
        assert now.get("chunks") == (3 if keep else None)
        assert sealed(now) == now


def test_records_whose_id_cannot_be_told_are_counted_and_lose_it_to_nobody() -> None:
    reading = Reading()
    found = reading.decide(table_of([row("a.jsonl", f"a.jsonl#line-{i}", state="quarantined") for i in (1, 2)]))
    assert (found.keep, found.documents, reading.claims.nameless) == ([0, 1], [], 2)


def test_equal_records_without_an_id_are_one() -> None:
    claims = Claims(SETTINGS, set(), keep=True)
    found = claims.decide(prepared("a.jsonl", ["a.jsonl#x", "a.jsonl#x", "a.jsonl#y"]), {}.get, {})
    assert (found.equal, found.keep, found.failures) == (1, [0, 2], [])
    assert found.lost == {"books:a.jsonl#line-1"}


def landed(lake: Lake, rows: list[Row]) -> None:
    lake.merge(lake.name("documents"), pa.Table.from_pylist([sealed(row) for row in rows], schema=DOCUMENTS))


def test_files_are_named_whose_record_may_have_its_id_now(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    assert lost_claims(lake) == set()
    reading = Reading()
    for file, keys in {"a.jsonl": ["k1", "k2"], "b.jsonl": ["k1", "k3"], "c.jsonl": ["k1", "k3", "k3"]}.items():
        reading.read(file, keys)
    landed(lake, list(reading.rows.values()))
    assert lost_claims(lake) == set()
    lake.delete_in(lake.name("documents"), "document_id", ["books:k1"])
    assert lost_claims(lake) == {"books:b.jsonl", "books:c.jsonl"}
    landed(lake, [row("c.jsonl", "k1")])
    assert lost_claims(lake) == {"books:b.jsonl", "books:c.jsonl"}  # c has it, and a row that says that b has
    landed(lake, [row("a.jsonl", "k1")])
    assert lost_claims(lake) == set()


def test_what_is_attached_to_mails_is_no_part_of_the_file_that_comes_next() -> None:
    reading = Reading()
    mails = ("m.eml", "n.eml")
    rows = [(row(mail, mail, container=None), row(mail, "k1"), row(mail, f"{mail}!/r.csv#line-2")) for mail in mails]
    found = reading.decide(table_of([one for three in rows for one in three]))
    assert [failure.message.partition(",")[0] for failure in found.failures] == [
        "its id 'books:k1' is also in /books/m.eml"
    ]
    assert (reading.claims.seen, reading.claims.nameless) == (set(), 0)
    [failure] = reading.decide(prepared("p.jsonl", ["k1", "k2"])).failures
    assert "also in /books/m.eml" in failure.message
    reading.decide(replace(prepared("p.jsonl", []), unchanged=["books:k3"]))
    assert {"books:k1", "books:k2", "books:k3"} <= reading.claims.seen
