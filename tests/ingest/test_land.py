"""Landing: differences alone are written, in an order that may break off anywhere, and a lake is as its last files."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import BrokenDocument, DocumentError, ShrunkSource, UnreadDocument
from tasks.ingest.compare import MANY
from tasks.ingest.identity import RowSettings, settings_of
from tasks.ingest.land import Landing
from tasks.ingest.prepare import Prepared, prepare
from tasks.ingest.stored import orphan_chunks, remove_documents
from tasks.lake.failures import reading_failures
from tasks.progress import DocumentCounts
from tasks.records import Failure
from tasks.sources.contents import by_content
from tasks.sources.listing import File, list_files
from tasks.sources.work import Files, read_blocks
from tests.lakes import new_lake, rows
from tests.machine.engine import Writes
from tests.machine.world import make_model_folders

TEXTS = st.lists(st.sampled_from(["The river rose.", "Nobody saw it.", "It rained.", "Birds came."]), max_size=4)
CONTENTS = st.dictionaries(st.sampled_from(["a.txt", "b.txt", "c.txt"]), TEXTS.map("\n\n".join))


class Place:
    """Sources, a lake, and runs that read all there is.

    Args:
        folder: empty.
        changes: of the corpus.
    """

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        make_model_folders(folder / "models")
        for name in ("docs", "books"):
            (folder / name).mkdir()
        self.lake = new_lake(folder, chunking={"size": 8}, **changes)
        self.counts = DocumentCounts()
        self.runs = 0

    def put(self, name: str, content: str) -> None:
        (self.folder / name).write_text(content)

    def settings(self) -> dict[str, RowSettings]:
        return settings_of(self.lake.corpus, str(self.folder / "models" / "words"))

    def begin(self, **more: Any) -> Landing:
        self.runs += 1
        self.counts = DocumentCounts()
        self.lake.refresh()
        return Landing(self.lake, f"run {self.runs}", self.counts, self.settings(), **more)

    def files(self) -> list[File]:
        sources = {source.name: source for source in self.lake.corpus.sources}
        return [by_content(file, sources[file.source]) for file in list_files(self.lake.corpus.sources).files]

    def prepared(self, file: File) -> Iterator[Prepared]:
        corpus = self.lake.corpus
        source = next(source for source in corpus.sources if source.name == file.source)
        works = read_blocks(file, source, [], 2**20) if file.is_container else [Files([file])]
        return (prepare(work, corpus, str(self.folder / "models" / "words")) for work in works)

    def run(self, **more: Any) -> DocumentCounts:
        """Read and land every file; remove what is gone."""
        landing = self.begin(**more)
        there = self.files()
        known = {row["document_id"] for row in rows(self.lake, "documents", "document_id", "container")}
        landing.remove(known - {file.document_id for file in there} - self.records())
        for file in there:
            for prepared in self.prepared(file):
                list(landing.add(prepared))
            if file.is_container:
                list(landing.finish_container(file))
        list(landing.flush())
        return self.counts

    def records(self) -> set[str]:
        return {r["document_id"] for r in rows(self.lake, "documents", "document_id", "container") if r["container"]}

    def states(self) -> dict[str, str]:
        return {row["document_id"]: row["state"] for row in rows(self.lake, "documents", "document_id", "state")}

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The rows of a table, but for when they were written."""
        found = self.lake.read(self.lake.name(kind), self.lake.columns(self.lake.name(kind))).to_pylist()
        past = ("run", "tag", "settings", "first_time", "last_time", "attempts", "uri", "version")
        return sorted(({k: v for k, v in row.items() if k not in past} for row in found), key=str)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def records(*keys: str) -> str:
    return "".join(f'{{"key": "{key}", "text": "Record {key} tells of birds."}}\n' for key in keys)


@settings(max_examples=4, deadline=None)
@given(before=CONTENTS, now=CONTENTS)
def test_a_lake_that_was_changed_is_as_one_that_was_made_anew(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, str], now: dict[str, str]
) -> None:
    changed, anew = Place(tmp_path_factory.mktemp("changed")), Place(tmp_path_factory.mktemp("anew"))
    for name, text in before.items():
        changed.put(f"docs/{name}", text)
    changed.run()
    for name in before.keys() - now.keys():
        (changed.folder / "docs" / name).unlink()
    for name, text in now.items():
        changed.put(f"docs/{name}", text)
        anew.put(f"docs/{name}", text)
    counts = changed.run()
    assert counts.new == len(now.keys() - before.keys())
    assert counts.deleted == len(before.keys() - now.keys())
    emptied = {name for name, text in now.items() if before.get(name) and not text}  # and stay as they were
    assert counts.touched == len(emptied) + sum(before.get(name) == text for name, text in now.items())
    assert counts.changed == len(now.keys() & before.keys()) - counts.touched
    anew.run()
    kept = {f"docs:{name}" for name in emptied}
    assert {row["document_id"] for row in changed.told("failures")} == kept
    for kind in ("documents", "chunks"):
        told = [row for row in changed.told(kind) if row["document_id"] not in kept]
        assert told == [row for row in anew.told(kind) if row["document_id"] not in kept]
    assert {identity for identity, state in changed.states().items() if state == "stale"} == kept
    assert orphan_chunks(changed.lake) == []


def test_what_did_not_change_is_not_written(place: Place) -> None:
    place.put("docs/a.txt", "The river rose.")
    place.put("books/r.jsonl", records("k1", "k2"))
    place.run()
    assert (place.counts.new, place.counts.chunks) == (3, 3)
    before = {kind: place.lake.version(place.lake.name(kind)) for kind in ("chunks", "failures")}
    with Writes(None).watched() as writes:
        place.run()
    assert (place.counts.touched, place.counts.chunks) == (3, 0)
    assert {kind: place.lake.version(place.lake.name(kind)) for kind in before} == before
    assert set(writes.names) == {"_do_merge notes.documents"}  # the row of the file of records
    assert {row["run"] for row in rows(place.lake, "documents", "document_id", "run")} == {"run 1", "run 2"}


def test_failures_are_written_before_chunks_and_those_before_the_documents_that_speak_of_them(place: Place) -> None:
    place.put("docs/a.txt", "The river rose.")
    place.put("docs/bad.txt", "no\0text")
    landing = place.begin()
    for file in place.files():
        for prepared in place.prepared(file):
            assert list(landing.add(prepared)) == []  # it waits for more
    with Writes(None).watched() as writes:
        [written] = landing.flush()
    assert [name.split()[1] for name in writes.names] == ["notes.failures", "notes.chunks", "notes.documents"]
    assert written["document_id"].to_pylist() == ["docs:a.txt"]
    assert place.states() == {"docs:a.txt": "active", "docs:bad.txt": "quarantined"}
    with Writes(None).watched() as writes:
        remove_documents(place.lake, ["docs:a.txt", "docs:bad.txt"])
    assert [name.split()[1] for name in writes.names] == ["notes.chunks", "notes.failures", "notes.documents"]
    assert place.told("failures") == place.told("documents") == place.told("chunks") == []


def test_a_document_that_could_not_be_fetched_stays_as_it_was(place: Place) -> None:
    place.put("docs/a.txt", "The river rose.")
    place.run()
    before = place.told("documents"), place.told("chunks")
    [file] = place.files()
    [prepared] = place.prepared(file)
    error = UnreadDocument("throttled")
    failed = Failure.of(error, file.document_id, file.uri, "read", "failed")
    landing = place.begin()
    list(landing.add(Prepared(prepared.documents, prepared.chunks.slice(0, 0), [failed])))
    list(landing.flush())
    assert (place.told("documents"), place.told("chunks")) == before
    assert reading_failures(place.lake, ["document_id"])["document_id"].to_pylist() == ["docs:a.txt"]
    place.run()
    assert place.told("failures") == []


def test_records_that_their_file_holds_no_more_go_when_it_was_read_to_its_end(place: Place) -> None:
    place.put("books/r.jsonl", records("k1", "k2", "k3"))
    place.run()
    place.put("books/r.jsonl", records("k2", "k4"))
    place.run()
    assert place.states() == {"books:k2": "active", "books:k4": "active", "books:r.jsonl": "container"}
    assert (place.counts.deleted, place.counts.new, place.counts.touched) == (2, 1, 1)
    assert {row["document_id"] for row in place.told("chunks")} == {"books:k2", "books:k4"}


@pytest.mark.parametrize(("left", "refused"), [(MANY // 2, False), (MANY // 2 - 1, True)])
def test_a_file_that_lost_more_than_half_of_its_records_is_asked_about(place: Place, left: int, refused: bool) -> None:
    keys = [f"k{i}" for i in range(MANY)]
    place.put("books/r.jsonl", records(*keys))
    place.run()
    place.put("books/r.jsonl", records(*keys[:left]))
    if refused:
        with pytest.raises(ShrunkSource, match=f"holds {left} of the {MANY} records"):
            place.run()
        assert len(place.records()) == MANY
        place.run(allow_shrinking=True)
    else:
        place.run()
    assert place.records() == {f"books:{key}" for key in keys[:left]}


@pytest.mark.parametrize(
    ("keep", "transient", "states"),
    [
        ("keep", False, {"active": 2, "stale": 1}), ("keep", True, {"active": 2, "container": 1}),
        ("drop", False, {"quarantined": 1}), ("drop", True, {"active": 2, "container": 1}),
    ],
)  # fmt: skip
def test_records_of_a_file_that_cannot_be_read_stay_or_go_as_the_corpus_says(
    tmp_path: Path, keep: str, transient: bool, states: dict[str, int]
) -> None:
    place = Place(tmp_path, extraction={"on_failure": keep})
    place.put("books/r.jsonl", records("k1", "k2"))
    place.run()
    [file] = place.files()
    error = UnreadDocument("throttled") if transient else BrokenDocument("torn")
    list(place.begin().fail_container(file, error))
    assert Counter(place.states().values()) == states
    assert [row["document_id"] for row in place.told("failures")] == ["books:r.jsonl"]
    assert place.counts.failed == 1
    place.run()
    assert place.told("failures") == []
    assert Counter(place.states().values()) == {"active": 2, "container": 1}


def test_records_go_where_their_file_becomes_a_document(place: Place) -> None:
    place.put("books/r", records("k1", "k2"))
    [source] = [source for source in place.lake.corpus.sources if source.name == "books"]
    place.lake.corpus.sources[1] = source.model_copy(update={"format": "jsonl"})
    place.run()
    assert place.states() == {"books:k1": "active", "books:k2": "active", "books:r": "container"}
    place.lake.corpus.sources[1] = source.model_copy(update={"format": "text"})
    place.run()
    assert place.states() == {"books:r": "active"}
    assert {row["document_id"] for row in place.told("chunks")} == {"books:r"}


def as_array(*keys: str) -> str:
    return "[" + ",\n".join(records(*keys).splitlines()) + "]"


@pytest.mark.parametrize("other", ["a.jsonl", "z.jsonl"])
def test_records_that_move_out_of_a_file_that_becomes_a_document_stay(place: Place, other: str) -> None:
    place.put("books/x.json", as_array("k1", "k2"))
    place.run()
    place.put("books/x.json", '{"lamp": "lit"}')
    place.put(f"books/{other}", records("k1", "k2"))
    place.run()
    place.run()  # where another file comes first, it is read again for them
    states = {"books:k1": "active", "books:k2": "active", "books:x.json": "active", f"books:{other}": "container"}
    assert place.states() == states
    assert {row["document_id"] for row in place.told("chunks")} == {"books:k1", "books:k2", "books:x.json"}
    assert place.told("failures") == []


def test_a_file_with_other_records_did_not_shrink(place: Place) -> None:
    place.put("books/r.jsonl", records(*(f"k{i}" for i in range(MANY))))
    place.run()
    others = [f"other{i}" for i in range(MANY)]
    place.put("books/r.jsonl", records(*others))
    place.run()
    assert place.records() == {f"books:{key}" for key in others}
    fewer = [f"third{i}" for i in range(MANY // 2 - 1)]
    place.put("books/r.jsonl", records(*fewer))
    with pytest.raises(ShrunkSource, match=f"holds 0 of the {MANY} records .* and {len(fewer)} others"):
        place.run()


@pytest.mark.parametrize("content", ["", "garbage", '{"key": "k0" "text": "x"}\n{"key": "k1"}', "\0\1\2"])
def test_records_stay_where_their_file_breaks_and_is_told_by_its_content_no_more(place: Place, content: str) -> None:
    keys = [f"k{i}" for i in range(MANY)]
    place.put("books/x.json", as_array(*keys))
    place.run()
    place.put("books/x.json", content)
    if content in ("garbage", '{"key": "k0" "text": "x"}\n{"key": "k1"}'):  # which is text
        with pytest.raises(ShrunkSource, match="holds 0 of the 10 records"):
            place.run()
    else:
        place.run()
        assert place.states()["books:x.json"] == "stale"
        assert [row["document_id"] for row in place.told("failures")] == ["books:x.json"]
    assert place.records() == {f"books:{key}" for key in keys}
    place.put("books/x.json", as_array(*keys))
    place.run()
    assert place.states() == {"books:x.json": "container"} | {f"books:{key}": "active" for key in keys}
    assert place.told("failures") == []


@pytest.mark.parametrize(
    ("content", "landed"),
    [('[{"text": "one", ', False), ('[{"key": "k1", "text": "one"},{"key": "k2"', True)],
)
def test_a_document_that_becomes_a_broken_file_of_records_keeps_its_text_until_records_land(
    place: Place, content: str, landed: bool
) -> None:
    place.put("books/x.json", '{"lamp": "lit"}')
    place.run()
    [file] = (place.put("books/x.json", content), place.files())[1]
    assert file.is_container
    landing = place.begin()
    try:
        for prepared in place.prepared(file):
            list(landing.add(prepared))
    except DocumentError:
        pass
    list(landing.fail_container(file, BrokenDocument("torn")))
    chunked = {row["document_id"] for row in place.told("chunks")}
    assert chunked == ({"books:k1"} if landed else {"books:x.json"})
    assert place.states()["books:x.json"] == "stale"


@pytest.mark.parametrize("name", ["x.jsonl", "x.csv", "x.json"])
@pytest.mark.parametrize("blank", ["", "\n \n"])
def test_records_of_a_file_that_is_emptied_stay_and_it_is_told(place: Place, name: str, blank: str) -> None:
    content = {"x.jsonl": records("k1", "k2"), "x.csv": "key,text\nk1,one\nk2,two\n", "x.json": as_array("k1", "k2")}
    place.put(f"books/{name}", blank)
    place.run()
    assert place.told("failures") == []
    place.put(f"books/{name}", content[name])
    place.run()
    before = place.told("chunks")
    place.put(f"books/{name}", blank)
    place.run()
    assert place.told("chunks") == before
    assert place.states() == {f"books:{name}": "stale", "books:k1": "active", "books:k2": "active"}
    [failure] = place.told("failures")
    assert failure["message"] == "the file is empty; it held records before"
    place.put(f"books/{name}", content[name])
    place.run()
    assert (place.told("chunks"), place.told("failures")) == (before, [])


def test_chunks_without_a_good_row_are_orphans(place: Place) -> None:
    place.put("docs/a.txt", "The river rose.")
    place.put("docs/b.txt", "Nobody saw it.")
    place.run()
    assert orphan_chunks(place.lake) == []
    place.lake.delete_in("notes.documents", "document_id", ["docs:a.txt"])
    assert orphan_chunks(place.lake) == ["docs:a.txt"]


def test_a_move_is_told_from_a_new_document(place: Place) -> None:
    place.put("docs/a.txt", "The river rose.")
    place.run()
    contents = {row["content_hash"] for row in rows(place.lake, "documents", "content_hash")}
    (place.folder / "docs" / "a.txt").rename(place.folder / "docs" / "b.txt")
    place.run(gone_contents=contents)
    assert (place.counts.new, place.counts.moved, place.counts.deleted) == (1, 1, 1)
