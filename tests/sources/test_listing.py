"""What a folder lists, whatever lies in it."""

import bz2
import errno
import gzip
import json
import lzma
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
import zstandard
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.sources import Source
from tasks.errors import (
    BrokenDocument,
    ConfigurationError,
    MissingSource,
    OversizedDocument,
    SourceError,
    UnreadDocument,
)
from tasks.sources.listing import Listing, list_files
from tasks.sources.opening import read_file

PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}  # fmt: skip


def listed(uri: object, **more: Any) -> Listing:
    return list_files([Source.model_validate({"name": "s", "uri": str(uri), **more})])


def keys(uri: object, **more: Any) -> list[str]:
    return [file.document_id.removeprefix("s:") for file in listed(uri, **more).files]


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"Words of {name}.")


def test_names_that_are_not_utf8_are_told_apart_and_stay_readable(tmp_path: Path) -> None:
    for name in (b"caf\xe9.md", b"caf\xe8.md", b"pic\xff.png", b"d\xe9/in.txt"):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        Path(os.fsdecode(path)).write_bytes(name)
    listing = listed(tmp_path, include=["*.md", "*.txt", "*.png"])
    names = [file.document_id for file in listing.files]
    assert [name.rpartition("~")[0] for name in names] == [r"s:caf\xe8.md", r"s:caf\xe9.md", r"s:d\xe9/in.txt"]
    assert all(len(name.rpartition("~")[2]) == 8 for name in names)
    assert len({file.uri for file in listing.files}) == 3
    assert [file.format for file in listing.files] == ["markdown", "markdown", "text"]
    assert listing.skipped == {"image/png": 1}
    source = Source.model_validate({"name": "s", "uri": str(tmp_path)})
    for file in listing.files:
        json.dumps([file.document_id, file.uri, file.tag], ensure_ascii=False).encode()
        assert read_file(source, file.path, 100) in (b"caf\xe9.md", b"caf\xe8.md", b"d\xe9/in.txt")
    assert keys(tmp_path, exclude=[r"caf\\xe9*", "d*/"]) == [names[0].removeprefix("s:")]


def test_what_is_no_file_is_left_out_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.txt", "data:image/png,x.txt")
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / ".hidden")
    os.mkfifo(tmp_path / "tmp.sock")
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("listener")
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "to-pipe").symlink_to("pipe")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "through").symlink_to("a.txt/b")
    listing = listed(tmp_path, exclude=["tmp.*"])
    assert [file.document_id for file in listing.files] == ["s:a.txt", "s:data:image/png,x.txt"]
    assert listing.skipped == {"named pipe": 1, "socket": 1, "device": 1, "broken link": 3}


def test_what_links_lead_to_lands_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(root, "a.txt", "sub/b.txt", "drafts/c.txt", ".store/d.txt")
    write(tmp_path, "outside/e.txt", "outside/deep/f.txt", "other.txt")
    links = {
        "a-link.txt": "a.txt",  # listed by itself
        "sub-link": "sub",
        "published": "drafts",  # which is excluded under its own name
        "shown": ".store",
        "y-out": str(tmp_path / "outside"),
        "x-out": str(tmp_path / "outside"),
        "sub/deep": "../../outside/deep",
        "z.txt": str(tmp_path / "other.txt"),
        "w.txt": str(tmp_path / "other.txt"),
        "sub/up": "..",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    (tmp_path / "outside" / "back").symlink_to(root)
    (tmp_path / "outside" / "self").symlink_to(".")
    expected = [
        "a.txt", "published/c.txt", "shown/d.txt", "sub/b.txt", "sub/deep/f.txt", "w.txt", "x-out/e.txt",
    ]  # fmt: skip
    assert keys(root, exclude=["/drafts/"]) == expected
    (tmp_path / "entry").symlink_to(root)
    assert keys(tmp_path / "entry", exclude=["/drafts/"]) == expected
    drafted = ["drafts/c.txt" if name == "published/c.txt" else name for name in expected]
    assert keys(root) == sorted(drafted)
    assert keys(root, include=["/y-out/deep/", "/y-out/e.txt"]) == ["y-out/deep/f.txt", "y-out/e.txt"]


def test_the_order_of_a_folder_decides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    write(root, "a.txt", "b/c.txt")
    write(tmp_path, "out/d.txt", "out/e/f.txt")
    for name in ("m", "k", "b/l", "z"):
        (root / name).symlink_to(tmp_path / "out")
    (root / "j").symlink_to(tmp_path / "out" / "e")
    found = listed(root).files
    scandir = os.scandir

    class Turned:
        def __init__(self, path: str) -> None:
            with scandir(path) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name, reverse=True)

        def __enter__(self) -> Any:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Turned)
    assert listed(root).files == found


def test_a_folder_that_comes_and_goes_is_no_error_and_one_that_is_closed_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.txt", "b/c.txt")
    scandir = os.scandir
    error: OSError = FileNotFoundError("b")

    def gone(path: str) -> Any:
        if str(path).endswith("/b"):
            raise error
        return scandir(path)

    monkeypatch.setattr(os, "scandir", gone)
    assert keys(tmp_path) == ["a.txt"]
    error = PermissionError("b")
    with pytest.raises(SourceError, match="cannot be listed: PermissionError"):
        listed(tmp_path)
    assert keys(tmp_path, exclude=["b/"]) == ["a.txt"]


def test_a_disk_that_does_not_answer_behind_a_link_is_no_broken_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.txt")
    (tmp_path / "mounted").symlink_to(tmp_path)
    realpath = os.path.realpath

    def stale(path: str, **more: Any) -> str:
        if str(path).endswith("mounted"):
            raise OSError(errno.ESTALE, "Stale file handle")
        return realpath(path, **more)

    monkeypatch.setattr(os.path, "realpath", stale)
    with pytest.raises(SourceError, match="Stale file handle"):
        listed(tmp_path)


def test_marks_of_patterns_in_names_that_are_there_are_meant_literally(tmp_path: Path) -> None:
    write(tmp_path, "[a] what?/x*.txt", "[a] what?/y.txt", "[a] what?/.z.txt", "[a] what?/sub/z.txt", "a/n.txt")
    folder = tmp_path / "[a] what?"
    assert keys(folder) == ["sub/z.txt", "x*.txt", "y.txt"]
    assert keys(folder / "x*.txt") == ["x*.txt"]
    assert keys(folder / "?.txt") == ["y.txt"]
    assert keys(folder / "*.txt") == ["x*.txt", "y.txt"]
    assert keys(folder / "*.txt", hidden=True) == [".z.txt", "x*.txt", "y.txt"]
    assert keys(folder / "**" / "*.txt") == ["sub/z.txt", "x*.txt", "y.txt"]
    assert keys(tmp_path / "[ab]" / "*") == ["a/n.txt"]
    assert keys(tmp_path / "[ab]" / "none*") == []
    with pytest.raises(SourceError, match="nothing at"):
        listed(tmp_path / "none" / "*.txt")


def test_marks_of_patterns_are_taken_literally_in_stores_too() -> None:
    store = fsspec.filesystem("memory")
    for name in ("/[a]/x.txt", "/[a]/y.md", "/a/z.txt"):
        store.pipe(name, b"words")
    try:
        assert keys("memory://[a]") == ["x.txt", "y.md"]
        assert keys("memory://[a]/*.txt") == ["x.txt"]
        assert keys("memory://[ab]/*.txt") == ["a/z.txt"]
    finally:
        store.rm("/", recursive=True)


def test_other_content_with_the_same_size_and_time_has_another_tag(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "out/target.txt")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.txt").symlink_to(tmp_path / "out" / "target.txt")
    before = listed(tmp_path).files + listed(tmp_path / "in").files
    for name in ("a.txt", "out/target.txt"):
        stat = (tmp_path / name).stat()
        (tmp_path / name).write_text(f"WORDS of {name}.")
        os.utime(tmp_path / name, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = listed(tmp_path).files + listed(tmp_path / "in").files
    assert [file.size for file in before] == [file.size for file in after]
    assert all(old.tag != new.tag for old, new in zip(before, after, strict=True))
    assert before[0].tag.split()[::2] == ["mtime", "size", "changed", "inode"]


def test_a_lake_in_the_folder_is_left_out_by_whatever_way_it_is_met(tmp_path: Path) -> None:
    (tmp_path / "docs" / "lake" / "t.lance").mkdir(parents=True)
    for name in ("a.txt", "lake/t.lance/data.txt"):
        (tmp_path / "docs" / name).write_text("Words.")
    (tmp_path / "docs" / "loop").symlink_to(tmp_path / "docs")
    (tmp_path / "docs" / "other").symlink_to(tmp_path / "docs" / "lake" / "t.lance")
    source = Source.model_validate({"name": "s", "uri": str(tmp_path / "docs")})
    assert [file.document_id for file in list_files([source], str(tmp_path / "docs" / "lake")).files] == ["s:a.txt"]
    assert len(list_files([source]).files) == 2


NAMES = st.sets(st.sampled_from(["a.md", "b.txt", "deep/a.md", "deep/er/c.txt", ".h/d.md", "deep/.e.txt"]), min_size=1)
PATTERNS = st.lists(st.sampled_from(["*.md", "/deep/", "deep/*.md", "!a.md", "*", "/*.txt", "er/"]), max_size=3)


@settings(max_examples=25, deadline=None)
@given(names=NAMES, include=PATTERNS, exclude=PATTERNS, hidden=st.booleans())
def test_a_store_and_a_folder_with_the_same_files_list_the_same(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], include: list[str], exclude: list[str], hidden: bool
) -> None:
    folder = tmp_path_factory.mktemp("listed")
    store = fsspec.filesystem("memory")
    for name in names:
        write(folder, name)
        store.pipe(f"/listed/{name}", b"words")
    options = {"include": include, "exclude": exclude, "hidden": hidden}
    try:
        found = keys("memory://listed", **options)
    finally:
        store.rm("/", recursive=True)
    assert found == keys(folder, **options)
    assert set(found) <= names
    if not include and not exclude:
        assert set(found) == {name for name in names if hidden or "." not in (name[0], name.rpartition("/")[2][0])}


def test_a_store_in_memory_tells_that_a_file_changed_though_not_its_size() -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/told/a.txt", b"one")
    [before] = listed("memory://told").files
    [again] = listed("memory://told").files
    store.pipe("/told/a.txt", b"two")
    [after] = listed("memory://told").files
    store.rm("/told", recursive=True)
    assert before == again
    assert before.tag != after.tag


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_content_is_read_decompressed_up_to_a_limit(tmp_path: Path, suffix: str) -> None:
    source = Source.model_validate({"name": "s", "uri": str(tmp_path)})
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACKED[suffix](b"x" * 1000))
    assert read_file(source, str(path), 1000) == b"x" * 1000
    with pytest.raises(OversizedDocument, match="more than 999 bytes"):
        read_file(source, str(path), 999)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_content_packed_in_parts_is_read_whole(tmp_path: Path, suffix: str) -> None:
    source = Source.model_validate({"name": "s", "uri": str(tmp_path)})
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(PACKED[suffix](b"x" * 1000) + PACKED[suffix](b"y" * 1000))
    assert read_file(source, str(path), 2000) == b"x" * 1000 + b"y" * 1000


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_content_that_is_cut_off_is_broken(tmp_path: Path, suffix: str) -> None:
    source = Source.model_validate({"name": "s", "uri": str(tmp_path)})
    path = tmp_path / f"a.txt{suffix}"
    content = random.Random(1).randbytes(200_000).hex().encode()
    packed = PACKED[suffix](content)
    for end in (len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:end])
        with pytest.raises(BrokenDocument, match="cannot be decompressed"):
            read_file(source, str(path), 400_000)


@pytest.mark.parametrize(
    ("errors", "tries", "read"),
    [
        ([TimeoutError()] * 4, 5, True), ([ConnectionResetError()] * 5, 5, False), ([PermissionError()], 1, False),
        ([FileNotFoundError()], 1, False), ([OSError(errno.EIO, "gone")], 2, True),
    ],
)  # fmt: skip
def test_what_a_network_drops_is_asked_for_again_and_what_is_missing_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: list[OSError], tries: int, read: bool
) -> None:
    write(tmp_path, "a.txt")
    source = Source.model_validate({"name": "s", "uri": str(tmp_path)})
    calls: list[str] = []
    real = LocalFileSystem.open

    def drop(fs: LocalFileSystem, path: str, *arguments: Any, **more: Any) -> Any:
        calls.append(path)
        if len(calls) <= len(errors):
            raise errors[len(calls) - 1]
        return real(fs, path, *arguments, **more)

    monkeypatch.setattr(LocalFileSystem, "open", drop)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    if read:
        assert read_file(source, str(tmp_path / "a.txt"), 1000) == b"Words of a.txt."
    else:
        with pytest.raises(UnreadDocument, match=type(errors[0]).__name__):
            read_file(source, str(tmp_path / "a.txt"), 1000)
    assert len(calls) == tries


def test_a_source_that_cannot_be_is_explained(tmp_path: Path) -> None:
    with pytest.raises(MissingSource, match="nothing at"):
        listed(tmp_path / "none")
    with pytest.raises(MissingSource, match="nothing at"):
        listed("memory://none")
    with pytest.raises(ConfigurationError, match="nosuch"):
        listed("nosuch://bucket/folder")


def test_files_of_all_sources_are_listed_in_the_order_of_their_ids(tmp_path: Path) -> None:
    write(tmp_path, "b/x.txt", "a/x.txt", "a/y.jsonl", "a/z.png")
    sources = [Source.model_validate({"name": name, "uri": str(tmp_path / name)}) for name in ("b", "a")]
    found = list_files(sources)
    assert [file.document_id for file in found.files] == ["a:x.txt", "a:y.jsonl", "b:x.txt"]
    assert [file.is_container for file in found.files] == [False, True, False]
    assert found.skipped == {"image/png": 1}
    forced = Source.model_validate({"name": "a", "uri": str(tmp_path / "a"), "format": "text"})
    assert {file.format for file in list_files([forced]).files} == {"text"}
