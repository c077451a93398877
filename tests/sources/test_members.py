"""What lies in archives and mailboxes: every member once, under its path, whatever is wrong with the others."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.settings import Corpus
from tasks.errors import BrokenDocument, DocumentError, OversizedDocument
from tasks.sources import archives, inflation, mailbox
from tasks.sources.archives import entries_of
from tasks.sources.contents import by_content
from tasks.sources.inflation import Budget
from tasks.sources.listing import File, list_files
from tasks.sources.mailbox import Attached, messages_of
from tasks.sources.members import _Walk, attached_works, works_of
from tasks.sources.work import Block, Members, Within

Made = Callable[[Mapping[str, bytes]], bytes]


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def tarred(members: Mapping[str, bytes], mode: Any = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


ARCHIVES: dict[str, Made] = {
    "a.zip": zipped,
    "a.tar": tarred,
    "a.tar.gz": lambda members: gzip.compress(tarred(members)),
    "a.tgz": lambda members: gzip.compress(tarred(members)),
    "a.tar.bz2": lambda members: bz2.compress(tarred(members)),
    "a.tar.xz": lambda members: lzma.compress(tarred(members)),
    "a.tar.zst": lambda members: zstandard.ZstdCompressor().compress(tarred(members)),
}


def corpus_of(folder: Path, **more: Any) -> Corpus:
    source = {"name": "s", "uri": str(folder), **more}
    limits = {"max_bytes": source.pop("max_bytes", 2**20)}
    return Corpus.model_validate({"name": "c", "sources": [source], "models": ["m"], "extraction": limits})


def works(folder: Path, **more: Any) -> list[Within]:
    corpus = corpus_of(folder, **more)
    files = [by_content(file, corpus.sources[0]) for file in list_files(corpus.sources).files]
    found: list[Within] = []
    for file in files:
        assert file.is_container
        for work in works_of(file, corpus):
            assert not isinstance(work, Block) or work.container == file
            found.append(work)  # type: ignore[arg-type]
    return found


def told(found: list[Within]) -> dict[str, Any]:
    """Content, or name of the error, of each member by its path; texts of each record by that of its file."""
    members: dict[str, Any] = {}
    for work in found:
        if isinstance(work, Block):
            texts = [record["text"] for record in work.records() if isinstance(record, dict)]
            members[work.file.key] = members.get(work.file.key, []) + texts
            continue
        for member in work.members:
            assert member.file.key not in members
            error = isinstance(member.content, DocumentError)
            members[member.file.key] = type(member.content).__name__ if error else member.content
    return members


def skipped(found: list[Within]) -> dict[str, int]:
    return {kind: n for work in found if isinstance(work, Members) for kind, n in work.skipped.items()}


def parquet(*texts: str) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(pa.table({"text": list(texts)}), file)
    return file.getvalue()


@pytest.mark.parametrize("name", ARCHIVES)
def test_members_are_read_as_files_of_a_folder_are(tmp_path: Path, name: str) -> None:
    members = {
        "a.md": b"# A", "./b/c.txt": b"It rained.", "b/d.txt.gz": gzip.compress(b"packed"), "b/e.png": b"\x89PNG",
        ".hidden": b"x", "b/empty.py": b"", "r.jsonl": b'{"text": "one"}\n{"text": "two"}\n', "r.parquet": parquet("p"),
        "r.json": b'[{"text": "three"}]', "x.whl": b"PK",
        "inner.zip": zipped({"f.md": b"# F", "g.csv": b"text\nrow\n"}),
        "inner.tgz": gzip.compress(tarred({"h.md": b"# H"})),
    }  # fmt: skip
    (tmp_path / name).write_bytes(ARCHIVES[name](members))
    found = works(tmp_path)
    assert told(found) == {
        f"{name}!/{key}": content
        for key, content in {
            "a.md": b"# A", "b/c.txt": b"It rained.", "b/d.txt.gz": b"packed", "b/empty.py": b"",
            "r.jsonl": ["one", "two"], "r.parquet": ["p"], "r.json": ["three"], "inner.zip!/f.md": b"# F",
            "inner.zip!/g.csv": ["row"], "inner.tgz!/h.md": b"# H",
        }.items()
    }  # fmt: skip
    assert skipped(found) == {"image/png": 1, "application/zip": 1}


@pytest.mark.parametrize("name", ["a.zip", "a.tar"])
def test_patterns_are_for_the_paths_of_members(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(ARCHIVES[name]({"a.md": b"a", "b.txt": b"b", "drafts/c.md": b"c", "b/d.md": b"d"}))
    for more, expected in (
        ({"include": ["*.md"]}, {"a.md", "drafts/c.md", "b/d.md"}),
        ({"exclude": ["drafts/", "*.txt"]}, {"a.md", "b/d.md"}),
        ({"include": ["b/"]}, {"b/d.md"}),
        ({"include": [name]}, {"a.md", "b.txt", "drafts/c.md", "b/d.md"}),
    ):
        assert {key.partition("!/")[2] for key in told(works(tmp_path, **more))} == expected
    assert list_files(corpus_of(tmp_path, exclude=["a.*"]).sources).files == []


def test_what_is_wrong_with_a_member_is_its_own(tmp_path: Path) -> None:
    data = zipped(
        {"a.txt": b"first", "b.txt": b"damaged", "c.txt": b"long" * 2**10, "d.txt": b"last"}, zipfile.ZIP_STORED
    )
    data = data.replace(b"damaged", b"DAMAGED")
    (tmp_path / "a.zip").write_bytes(data)
    (tmp_path / "b.zip").write_bytes(
        zipped({"../up.txt": b"x", "/root.txt": b"x", "C:/x.txt": b"x", "in.zip": b"PK\x03\x04", "ok.txt": b"fine"})
    )
    locked = bytearray(zipped({"l.txt": b"secret", "o.txt": b"open"}))
    at = locked.index(b"PK\x01\x02")
    locked[at + 8] |= 1
    (tmp_path / "c.zip").write_bytes(bytes(locked))
    assert told(works(tmp_path, max_bytes=2**11)) == {
        "a.zip!/a.txt": b"first", "a.zip!/b.txt": "BrokenDocument", "a.zip!/c.txt": "OversizedDocument",
        "a.zip!/d.txt": b"last", "b.zip!/../up.txt": "BrokenDocument", "b.zip!//root.txt": "BrokenDocument",
        "b.zip!/C:/x.txt": "BrokenDocument", "b.zip!/in.zip": "BrokenDocument", "b.zip!/ok.txt": b"fine",
        "c.zip!/l.txt": "EncryptedDocument", "c.zip!/o.txt": b"open",
    }  # fmt: skip


def test_members_with_one_name_are_told_apart(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for content in (b"old", b"new"):
            entry = tarfile.TarInfo("a.txt")
            entry.size = 3
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "a.tar").write_bytes(file.getvalue())
    found = works(tmp_path)
    assert told(found) == {"a.tar!/a.txt": b"old", "a.tar!/a.txt~2": b"new"}
    assert skipped(found) == {"link": 1}


def test_what_has_one_name_has_one_format_and_one_id_each(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        inner = zipped({"c.txt": b"within"})
        for name, content in (("r.csv", b"text\none\n"), ("r.csv", b"text\ntwo\n"), ("b.zip", inner),
                              ("b.zip!/c.txt", b"beside"), ("b.zip!/c.txt~2", b"third")):  # fmt: skip
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    (tmp_path / "a.tar").write_bytes(file.getvalue())
    assert told(works(tmp_path)) == {
        "a.tar!/r.csv": ["one"], "a.tar!/r.csv~2": ["two"], "a.tar!/b.zip!/c.txt": b"within",
        "a.tar!/b.zip!/c.txt~2": b"beside", "a.tar!/b.zip!/c.txt~2~2": b"third",
    }  # fmt: skip


def test_many_members_with_one_name_take_no_longer_each(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path)
    (tmp_path / "a.tar").write_bytes(b"")
    [file] = list_files(corpus.sources).files
    walk = _Walk(file, corpus, lambda member, content: [])
    keys = {walk._member(file, "a", 0, None).key for _ in range(50_000)}  # hours, if each counted from one
    assert len(keys) == 50_000


def test_names_in_utf_8_whether_a_zip_says_so_or_not(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("x")
    entry.filename, entry.flag_bits = "Mühle.txt".encode().decode("cp437"), 0
    assert archives._name_in_zip(entry) == "Mühle.txt"
    entry.filename = "a\\b\\c.txt"
    assert archives._name_in_zip(entry) == "a/b/c.txt"


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_cut_off_gives_what_came_before_and_says_so(tmp_path: Path, name: str) -> None:
    members = {f"{i}.txt": bytes(range(256)) * 40 + bytes([i]) for i in range(4)}
    data = ARCHIVES[name](members)
    whole = tmp_path / name
    for end in (0, 1, len(data) // 3, len(data) // 2):
        whole.write_bytes(data[:end])
        corpus = corpus_of(tmp_path)
        [file] = list_files(corpus.sources).files
        found: list[Any] = []
        with pytest.raises((DocumentError, EOFError, OSError, lzma.LZMAError)):
            found.extend(works_of(file, corpus))
        assert all(members[key.partition("!/")[2]] == content for key, content in told(found).items())


def test_a_damaged_header_of_a_tar_is_not_taken_for_its_end() -> None:
    data = bytearray(tarred({"a.txt": b"first", "b.txt": b"second", "c.txt": b"third"}))
    data[1024 + 5] ^= 0xFF  # in the second header
    seen = []
    with pytest.raises(BrokenDocument):
        seen.extend(entry.name for entry in entries_of(io.BytesIO(bytes(data)), "tar", Budget(2**20, 2**20)))
    ended = tarred({"a.txt": b"first"})[:1024]  # and no blocks of zeros
    with pytest.raises(BrokenDocument):
        list(entries_of(io.BytesIO(ended), "tar", Budget(2**20, 2**20)))


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_a_bomb_is_refused_as_a_whole(tmp_path: Path, name: str) -> None:
    zeros = bytes(2**19)
    members = {f"{i}.txt": zeros for i in range(9)}
    inner = ARCHIVES[name](members)
    (tmp_path / name).write_bytes(ARCHIVES[name]({"ok.txt": b"fine", name: inner}))
    corpus = corpus_of(tmp_path)
    [file] = list_files(corpus.sources).files
    found: list[Any] = []
    with pytest.raises(OversizedDocument, match="inflates"):
        found.extend(works_of(file, corpus))
    assert told(found)[f"{name}!/ok.txt"] == b"fine"


def test_a_bomb_in_a_compressed_member_is_one_too(tmp_path: Path) -> None:
    bomb = gzip.compress(b"PK\x03\x04" + bytes(2**22))
    (tmp_path / "a.zip").write_bytes(zipped({"b.zip.gz": bomb}))
    with pytest.raises(OversizedDocument, match="inflates"):
        works(tmp_path)


def test_members_of_a_zip_are_counted_before_all_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(zipped({f"{i:03}": b"x" for i in range(40)}))
    data[-14:-10] = bytes((1, 0, 1, 0))  # it says that it has one
    (tmp_path / "a.zip").write_bytes(data)
    assert len(told(works(tmp_path))) == 40
    monkeypatch.setattr(inflation, "_MOST_MEMBERS", 39)
    monkeypatch.setattr(archives, "_PIECE", 7)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(OversizedDocument, match="members"):
        works(tmp_path)


def test_too_many_members_and_too_many_archives_within_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path = b"x", "x.txt"
    for _ in range(6):
        data, path = zipped({path: data}, zipfile.ZIP_STORED), "a.zip"
    (tmp_path / "a.zip").write_bytes(data)
    assert told(works(tmp_path)) == {"a.zip!/a.zip!/a.zip!/a.zip!/a.zip": "UnsupportedDocument"}
    monkeypatch.setattr(inflation, "_MOST_MEMBERS", 2)
    (tmp_path / "a.zip").write_bytes(zipped({f"{i}": b"x" for i in range(3)}))
    with pytest.raises(OversizedDocument, match="members"):
        works(tmp_path)


def test_an_office_file_named_as_an_archive_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"[Content_Types].xml": b"<x/>"}))
    with pytest.raises(BrokenDocument, match="Office"):
        works(tmp_path)


def test_what_is_unchanged_is_not_given_again(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped({"a.txt": b"a", "b.txt": b"b"}))
    corpus = corpus_of(tmp_path)
    [file] = list_files(corpus.sources).files

    def known(member: File, content: bytes) -> list[str]:
        return [member.document_id] if content == b"a" else []

    [work] = works_of(file, corpus, known)
    assert isinstance(work, Members)
    assert work.unchanged == ["s:a.zip!/a.txt"]
    assert [member.content for member in work.members] == [b"b"]


MESSAGE = "From ann@example.org Fri Mar  1 10:00:00 2024\nMessage-ID: <{}>\nFrom: ann\n\n{}\n\n"


@settings(deadline=None)
@given(
    bodies=st.lists(st.text("abc \nFrom", max_size=40), max_size=8),
    piece=st.integers(1, 200),
    most=st.integers(60, 2000),
)
def test_every_message_of_a_mailbox_whatever_pieces_it_is_read_in(bodies: list[str], piece: int, most: int) -> None:
    messages = [MESSAGE.format(i, body).encode() for i, body in enumerate(bodies)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailbox, "_PIECE", piece)
        patch.setattr(mailbox, "_LONGEST_LINE", 80)
        found = list(messages_of(io.BytesIO(b"".join(messages)), most))
    assert [name for name, _ in found] == [str(i) for i in range(len(bodies))]
    for (_, content), message in zip(found, messages, strict=True):
        assert content == message if len(message) <= most else isinstance(content, OversizedDocument)


def test_messages_of_a_mailbox_are_told_by_their_ids(tmp_path: Path) -> None:
    text = MESSAGE.format("a@x", "One.") + MESSAGE.format("a@x", "Two.") + MESSAGE.format("b@x", "Three.")
    nameless = "From ann@example.org Fri Mar  1 10:00:00 2024\nFrom: ann\n\nMessage-ID: <no>\n"
    for name in ("in.mbox", "Inbox"):
        (tmp_path / name).write_text(text + nameless)
    keys = [*told(works(tmp_path))]
    assert keys[:3] == ["Inbox!/a@x", "Inbox!/a@x~2", "Inbox!/b@x"]
    assert len(keys[3].partition("!/")[2]) == 16
    assert [key.partition("!/")[2] for key in keys[4:]] == [key.partition("!/")[2] for key in keys[:4]]


def test_no_message_passes_for_what_is_attached_to_another(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_text(MESSAGE.format("a@x!/report.pdf", "Not attached."))
    assert [*told(works(tmp_path))] == ["a.mbox!/a@x!_report.pdf"]


def test_a_line_that_may_begin_a_message_is_judged_once() -> None:
    line = b"From " + b"00:00" * 2**16
    assert not mailbox.begins_mailbox(line + b"\n-no header")  # hours, if every time in it were tried
    assert mailbox.begins_mailbox(line + b"\r\nA-header:")


def test_a_mailbox_that_no_message_begins_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a.mbox").write_bytes(b"a file\0that is no mail")
    with pytest.raises(BrokenDocument):
        works(tmp_path)
    (tmp_path / "a.mbox").write_bytes(b"")
    assert works(tmp_path) == []


def test_an_archive_in_a_store() -> None:
    fs = fsspec.filesystem("memory")
    for name, made in ARCHIVES.items():
        fs.pipe(f"/store/{name}", made({"b/c.txt": b"It rained."}))
    corpus = Corpus.model_validate({"name": "c", "sources": [{"name": "s", "uri": "memory://store"}], "models": ["m"]})
    found = [work for file in list_files(corpus.sources).files for work in works_of(file, corpus)]
    assert told(found) == {f"{name}!/b/c.txt": b"It rained." for name in ARCHIVES}  # type: ignore[arg-type]


def test_folders_whose_names_end_as_archives_are_marked(tmp_path: Path) -> None:
    (tmp_path / "x!").mkdir()
    (tmp_path / "x!" / "a.zip").write_bytes(zipped({"y!/a.txt": b"a", "y/b.txt": b"b"}))
    for pattern, expected in (("x!/**", {"y!/a.txt", "y/b.txt"}), ("y!/", {"y!/a.txt"}), ("x/**", set())):
        assert {key.removeprefix("x!/a.zip!/") for key in told(works(tmp_path, include=[pattern]))} == expected


def test_what_is_attached_to_a_mail_inflates_to_no_more_than_a_document(tmp_path: Path) -> None:
    large = zipped({"a.txt": b"tide " * 2**17, "b.txt": bytes(2**16)})
    mail, corpus = File("s:m.eml", "s", "m.eml", "m.eml", "", 2**20, "mail"), corpus_of(tmp_path)
    attached = [Attached(f"{number}.zip", large) for number in range(3)] + [Attached("c.txt", b"c")]
    found = told(list(attached_works(mail, attached, corpus)))
    names = [f"m.eml!/{name}" for name in ("0.zip!/a.txt", "1.zip", "2.zip", "c.txt")]
    assert [len(found[names[0]]), *(found[name] for name in names[1:])] == [
        5 * 2**17, "OversizedDocument", "OversizedDocument", b"c",
    ]  # fmt: skip
