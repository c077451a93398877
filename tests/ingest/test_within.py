"""Archives, mailboxes and attachments in a lake: what changed in them is cut again, and nothing else."""

import io
import random
import zipfile
from collections import Counter
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tasks.ingest import prepare
from tasks.ingest.identity import row_settings
from tests.machine import check, oracle
from tests.machine.drive import Driver
from tests.machine.engine import Writes, quick, run_ingest
from tests.machine.world import DAMAGED, UNREADABLE, Record, Within, make_model_folders, message


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    make_model_folders(tmp_path / "models")
    oracle.use_models(str(tmp_path / "models"))
    with quick():
        yield Driver(tmp_path, tmp_path / "models", Counter(), random.Random(1))


def rows(driver: Driver, *columns: str) -> dict[str, Any]:
    lake = check.lake_of(driver.world)
    found = lake.read(lake.name("documents"), ["document_id", *columns]).to_pylist()
    return {row.pop("document_id"): row for row in found}


def cut(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the documents that are cut from now on."""
    seen: list[str] = []
    real = prepare.chunks_of

    def chunks_of(document: Any, *others: Any) -> Any:
        seen.append(document.document_id)
        return real(document, *others)

    monkeypatch.setattr(prepare, "chunks_of", chunks_of)
    return seen


def test_only_members_that_changed_are_cut_again(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = message("", "Body.", (("list.txt", "Corn."),))
    members = {"a.txt": "It rained.", "b.txt": "Nobody saw it.", "m.eml": mail}
    for path in ("z.zip", "y.tar"):
        driver.world.put("left", path, Within(tuple(members.items())))
    run_ingest(str(driver.world.corpus_file()))
    seen = cut(monkeypatch)
    for path in ("z.zip", "y.tar"):
        driver.world.put("left", path, Within(tuple({**members, "b.txt": "All saw it.", "c.txt": "New."}.items())))
    report = run_ingest(str(driver.world.corpus_file()))
    assert sorted(seen) == [f"docs:{path}!/{name}" for path in ("y.tar", "z.zip") for name in ("b.txt", "c.txt")]
    assert (report.documents.new, report.documents.changed, report.documents.deleted) == (2, 2, 0)
    assert "docs:z.zip!/m.eml!/list.txt" in rows(driver)
    seen.clear()
    assert run_ingest(str(driver.world.corpus_file()), reread=["z.zip"]).documents.touched == 5
    assert len(seen) == 5


@pytest.mark.slow
def test_every_way_of_an_archive(driver: Driver) -> None:
    texts = [(f"{i}.txt", f"Text {i} tells of birds.") for i in range(3)]
    records = (Record("k1", "One."), Record("k2", "Two.", broken=True))
    for content in (
        Within((*texts, ("r.jsonl", records))),
        Within((("0.txt", UNREADABLE), *texts[1:], ("r.jsonl", records[:1]))),
        Within((("0.txt", DAMAGED), ("new.txt", texts[1][1]), ("2.txt", ""))),
        UNREADABLE,
        Within(()),
        Within(tuple(texts)),
    ):
        driver.world.put("left", "z.zip", content)
        driver.run()
    driver.world.move("left", "z.zip", "left", "moved.zip")
    driver.run()


@pytest.mark.slow
def test_every_way_of_a_mailbox_and_of_attachments(driver: Driver) -> None:
    for box, mail in (
        (Within((("m@1", "One."), ("m@2", "Two."))), Within((("", "Body."), ("a.txt", "A."), ("b.txt", "B.")))),
        (Within((("m@2", "Two."), ("m@1", "One again."))), Within((("", "Body."), ("b.txt", "B again.")))),
        (UNREADABLE, UNREADABLE),
        (Within((("m@3", "Three."),)), b""),
        (b"", Within((("", "Body."),))),
    ):
        driver.world.put("left", "m.mbox", box)
        driver.world.put("left", "e.eml", mail)
        driver.run()


def test_what_was_in_a_member_that_cannot_be_read_now_stays(driver: Driver) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.txt", "Deep down.")
    mail = message("", "Body.", (("list.txt", "Corn."),))
    there = (("in.zip", inner.getvalue()), ("m.eml", mail), ("r.parquet", b"PAR1"), ("a.txt", "A."))
    driver.world.put("left", "z.zip", Within(there))
    run_ingest(str(driver.world.corpus_file()))
    broken = (("in.zip", b"PK\x03\x04"), ("m.eml", UNREADABLE), ("a.txt", "A."))
    driver.world.put("left", "z.zip", Within(broken))
    run_ingest(str(driver.world.corpus_file()))
    states = {identity.removeprefix("docs:z.zip!/"): row["state"] for identity, row in rows(driver, "state").items()}
    assert states == {
        "docs:z.zip": "container", "in.zip": "quarantined", "in.zip!/x.txt": "active", "m.eml": "stale",
        "m.eml!/list.txt": "active", "a.txt": "active",
    }  # fmt: skip
    check.whole(driver.world)


def test_what_is_attached_says_to_what(driver: Driver) -> None:
    driver.world.settings.metadata = {"attached_to": "string", "author": "string"}
    driver.world.put("left", "e.eml", Within((("", "Body."), ("a.txt", "A."), ("r.csv", "text\nOne\n"))))
    run_ingest(str(driver.world.corpus_file()))
    [record] = [row for key, row in rows(driver, "attached_to", "author").items() if "#" in key]
    assert record == {"attached_to": "docs:e.eml", "author": "ann@example.org"}
    row = rows(driver, "attached_to", "author", "title", "container")["docs:e.eml!/a.txt"]
    assert row == {
        "attached_to": "docs:e.eml", "author": "ann@example.org", "title": "a.txt, attached to a mail",
        "container": "docs:e.eml",
    }  # fmt: skip


def test_folders_named_as_what_holds_files_do_not_count_as_such(driver: Driver) -> None:
    path = "!/".join(["a", "b", "c", "d", "e.eml"])
    driver.world.put("left", path, Within((("", "Body."), ("a.txt", "A."))))
    run_ingest(str(driver.world.corpus_file()))
    assert rows(driver, "state")[f"docs:{path}!/a.txt"] == {"state": "active"}


def test_patterns_are_part_of_what_an_archive_is_read_with(driver: Driver) -> None:
    corpus = check.lake_of(driver.world).corpus
    source = corpus.sources[0]
    before, after = (
        row_settings(corpus, source.model_copy(update={"exclude": patterns}), "t") for patterns in ([], ["*.md"])
    )
    assert before.read("zip") != after.read("zip")
    assert before.read("text", "text/plain") == after.read("text", "text/plain")
    assert before.read("jsonl") == after.read("jsonl")


def test_a_sitemap_is_counted_and_has_no_text(driver: Driver) -> None:
    driver.world.put("left", "map.xml", "<urlset><url><loc>http://a</loc></url></urlset>")
    report = run_ingest(str(driver.world.corpus_file()))
    assert report.documents.skipped == {"sitemaps": 1}
    assert rows(driver, "state", "chunks")["docs:map.xml"] == {"state": "active", "chunks": 0}
    assert run_ingest(str(driver.world.corpus_file())).idle
    check.whole(driver.world)


@pytest.mark.slow
def test_other_settings_and_back_again_after_a_run_that_broke_off(driver: Driver) -> None:
    for path in ("a.txt", "z.zip"):
        text = "\n\n".join(f"Paragraph {i} says that the river rose." for i in range(6))
        driver.world.put("left", path, Within((("b.txt", text),)) if path == "z.zip" else text)
    driver.run()
    for at in range(1, 4):
        driver.world.settings.size = 32
        assert driver.crash(Writes(at, written=True))
        driver.world.settings.size = 16
        driver.run()


def test_what_is_wrong_with_an_attachment_is_its_own(driver: Driver) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.txt", bytes(2**27))
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@example.org", "Three files"
    mail.set_content("Body.")
    inner = message("", "Inner.", (("deep.txt", "Deep."),))
    files = {
        "bomb.zip": bomb.getvalue(),
        "bad.pdf": b"%PDF-",
        "ok.csv": b"text\nA row.\n",
        "in.eml": inner,
        "p.png": b"x",
    }
    for name, content in files.items():
        mail.add_attachment(content, "application", "octet-stream", filename=name)
    driver.world.put("left", "e.eml", mail.as_string())
    report = run_ingest(str(driver.world.corpus_file()))
    states = {identity.removeprefix("docs:e.eml"): row["state"] for identity, row in rows(driver, "state").items()}
    assert len(row := [key for key in states if key.startswith("!/ok.csv#")]) == 1
    assert states == {
        "": "active", "!/bomb.zip": "quarantined", "!/bad.pdf": "quarantined", row[0]: "active", "!/in.eml": "active",
        "!/in.eml!/deep.txt": "active",
    }  # fmt: skip
    assert report.documents.skipped == {"image/png": 1}
    assert rows(driver, "title")["docs:e.eml!/in.eml"] == {"title": "in.eml, attached to Three files"}
    check.whole(driver.world)
    assert run_ingest(str(driver.world.corpus_file())).idle
