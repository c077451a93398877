"""A reader that needs more memory than it may take ends, and takes one document with it."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks import memory
from tasks.config.loading import load_corpus
from tasks.errors import UnfinishedDocument
from tasks.ingest.reading import read_all
from tasks.memory import call_within, memory_of_machine, share_of_memory
from tasks.sources.listing import list_files
from tasks.sources.work import group_files
from tests import poison

GIB = 2**30

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit has no effect")


@pytest.mark.parametrize(
    ("readers", "machine", "share"),
    [(1, 24, 18), (2, 24, 9), (16, 64, 4), (8, 8, 4), (2, 4, 2), (64, 512, 6)],
)
def test_readers_share_the_memory_of_the_machine(readers: int, machine: int, share: int) -> None:
    assert share_of_memory(readers, machine * GIB) == share * GIB


def test_a_container_has_the_memory_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", tmp_path)
    assert memory_of_machine() > GIB // 4
    for limit, expected in (("max", memory_of_machine()), (str(2**27), 2**27)):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        assert memory_of_machine() == expected


def test_the_limit_ends_with_the_call() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    assert call_within(64 * GIB, sum, [1, 2]) == 3
    with pytest.raises(TypeError):
        call_within(64 * GIB, sum, [None])
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@on_linux
def test_a_document_that_needs_too_much_memory_is_found(
    make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = load_corpus(make_corpus(resources={"readers": 2}))
    for i in range(4):
        (tmp_path / "docs" / f"{i:02}.txt").write_text(f"Document {i}.")
    (tmp_path / "docs" / "01.txt").write_text("hoard")
    (tmp_path / "docs" / "02.txt").write_text("abort")
    monkeypatch.setattr("tasks.ingest.readers.prepare", poison.prepare)
    monkeypatch.setattr("tasks.processes.share_of_memory", lambda readers: 2 * GIB)
    works = group_files(list_files(corpus.sources).files)
    results = [prepared for _, prepared in read_all(works, corpus, corpus.models[0].model)]
    failures = {f.document_id: f for prepared in results for f in prepared.failures}
    rows = [row for prepared in results for row in prepared.documents.to_pylist() if row["state"] == "active"]
    assert set(failures) == {"docs:01.txt", "docs:02.txt"}
    assert failures["docs:01.txt"].message == "reading it needs more memory than a reader may take"
    assert "perhaps for want of memory" in failures["docs:02.txt"].message
    assert all(f.error == UnfinishedDocument.__name__ and "`resources.readers`" in f.hint for f in failures.values())
    assert len(rows) == 2


@pytest.mark.parametrize(("debug", "seen"), [("", ""), ("1", "a library's dump")])
def test_what_libraries_print_when_they_crash_is_seen_only_on_demand(debug: str, seen: str) -> None:
    script = 'import os; from tasks.processes import quiet_worker; quiet_worker(); os.write(2, b"a library\'s dump")'
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, "EMBEDLAKE_DEBUG": debug}
    )
    assert (done.returncode, done.stderr) == (0, seen)
