"""`verify --contents` finds what changed without a sign, and the next run reads it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.hashing import sealed
from tasks.lake.schemas import documents_schema
from tasks.operate.verify import verify
from tasks.sources.listing import list_files
from tests.audit.lake import at_work, corpus_of, lake_of, make_lake, repair
from tests.machine.engine import run_ingest

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with at_work():
        make_lake(tmp_path)
        yield tmp_path


def quietly(folder: Path, path: str, change: Callable[[str], str]) -> str:
    """Change a file and have the lake take its new version for the one that it knows; its document id."""
    (folder / path).write_text(change((folder / path).read_text()))
    identity = path.replace("/", ":")
    lake = lake_of(folder)
    tags = {file.document_id: file.tag for file in list_files(lake.corpus.sources).files}
    schema = documents_schema(lake.corpus)
    [row] = lake.read_in(lake.name("documents"), "document_id", [identity], schema.names).to_pylist()
    lake.merge(lake.name("documents"), pa.Table.from_pylist([sealed(row | {"tag": tags[identity]})], schema=schema))
    return identity


CHANGES: list[tuple[str, Callable[[str], str]]] = [
    ("docs/plain.txt", lambda text: text.replace("moon", "star")),
    ("docs/stale.txt", lambda text: text.replace("\0", " ")),
    ("docs/bad.txt", lambda text: text.replace("\0", " ")),
    ("docs/rows.csv", lambda text: text.replace("bridges", "tunnels")),
    ("docs/torn.csv", lambda text: text.replace("text,year\na,b,c,d", "text\nA row here.")),
    ("books/a.jsonl", lambda text: text.replace("two years ago", "ten years ago")),
    ("books/b.jsonl", lambda text: text.replace('{"key,', '{"key": "k5",')),
]


@pytest.mark.parametrize(("path", "change"), CHANGES, ids=[path for path, _ in CHANGES])
def test_a_change_without_a_sign_is_found_and_read(folder: Path, path: str, change: Callable[[str], str]) -> None:
    assert verify(lake_of(folder), contents=True) == []
    identity = quietly(folder, path, change)
    assert run_ingest(str(corpus_of(folder))).idle
    [finding] = [finding for finding in verify(lake_of(folder), contents=True) if "other content" in finding.problem]
    assert finding.examples == [identity]
    repair(folder, contents=True)
    assert not run_ingest(str(corpus_of(folder))).idle
    assert verify(lake_of(folder), contents=True) == []
    assert run_ingest(str(corpus_of(folder))).idle
