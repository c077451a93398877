"""Every damage to a row of a lake is found, and gone after a repair and a run; see tests.audit.

All are some 1,300, of which a few are tried unless EMBEDLAKE_DAMAGES=all says otherwise.
"""

import os
import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.operate.verify import verify
from tests.audit.damage import KEYS, Damage, damages, do, rows_of
from tests.audit.lake import at_work, corpus_of, lake_of, make_lake, repair
from tests.machine.engine import Killed, Writes, run_ingest

pytestmark = pytest.mark.slow

ALL = os.environ.get("EMBEDLAKE_DAMAGES") == "all"
FEW = 16

UNREADABLE = ("stale file", "stale record", "unseen record", "row of a torn file")
"""Documents that cannot be read any more: what the lake lost of them, no source has."""
TOLD_BY_CHUNKS = {
    "source", "uri", "container", "content_hash", "state", "repeats", "title", "chunks", "run", "year", "lang",
}  # fmt: skip
"""Columns of such a document that its chunks tell, or nobody needs; if another one is damaged, all that they do not
tell is lost."""


def may_be_missed(damage: Damage) -> bool:
    """Damage that nothing tells of: a run, a switch, an evaluation or a job that is removed, the run of a document.
    Leases heal when they are taken."""
    history = damage.table in ("runs", "switches", "evaluations", "jobs") and damage.what == "removed"
    lease = damage.table == "leases" and damage.what != "doubled"
    return history or lease or (damage.table, damage.column) == ("documents", "run")


def lost_columns(damage: Damage) -> set[str]:
    """Columns of documents that a repair cannot bring back."""
    whole = damage.what == "doubled" or damage.column in TOLD_BY_CHUNKS
    lost = damage.table == "documents" and damage.kind in UNREADABLE and not whole
    return {"media_type", "encoding", "encoding_confidence", "text_hash", "bytes", "version"} if lost else set()


PASSING = {
    "documents": {"run"}, "failures": {"attempts", "first_time", "last_time", "version"},
    "catalog": {"changed", "version", "fusion"},
}  # fmt: skip
"""Columns that tell of runs and times, and what a run measures."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A lake, and beside it the same once more, untouched."""
    place = tmp_path_factory.mktemp("lake")
    with at_work():
        make_lake(place)
        assert verify(lake_of(place)) == []
        shutil.move(place / "lake", place / "whole")
        yield place


def content(folder: Path, lost: Iterable[str] = ()) -> dict[str, Any]:
    """What a lake says, but for runs and times, and columns of documents that are lost. Leases but for their scopes;
    a lease that got another scope stays as one of that."""
    lake = lake_of(folder)
    skipped = PASSING | {"documents": {*PASSING["documents"], *lost}}
    return {
        table: sorted(
            ({k: v for k, v in row.items() if k not in skipped.get(table, ())} for row in rows_of(lake, table)),
            key=str,
        )
        for table in KEYS
        if table not in ("runs", "switches", "evaluations", "jobs", "leases")
    }


def restore(folder: Path) -> None:
    shutil.rmtree(folder / "lake", ignore_errors=True)
    shutil.copytree(folder / "whole", folder / "lake")


def test_every_damage_is_found_and_mended(folder: Path) -> None:
    restore(folder)
    every = list(damages(lake_of(folder)))
    tried = every if ALL else random.Random(1).sample(every, FEW)
    wrong = [f"{damage}: {problem}" for damage in tried for problem in check(folder, damage)]
    assert not wrong, f"{len(wrong)} of {len(tried)}:\n" + "\n".join(wrong)


def check(folder: Path, damage: Damage) -> Iterator[str]:
    """What goes wrong with a damage."""
    restore(folder)
    before = content(folder, lost_columns(damage))
    do(lake_of(folder), damage)
    try:
        if not verify(lake_of(folder)) and not may_be_missed(damage):
            yield "not found"
        repair(folder)
        run_ingest(str(corpus_of(folder)))
        yield from left(folder, before, lost_columns(damage))
    except Exception as error:
        yield f"{type(error).__name__}: {error}"[:300]


def left(folder: Path, before: dict[str, Any], lost: Iterable[str]) -> Iterator[str]:
    """What is still wrong after a repair and a run."""
    yield from (f"left: {finding.table}: {finding.problem}" for finding in verify(lake_of(folder)))
    after = content(folder, lost)
    for table, rows in before.items():
        lacks = [row for row in rows if row not in after[table]]
        has = [row for row in after[table] if row not in rows]
        if after[table] != rows:
            yield f"{table}: lacks {lacks}, has {has}"[:800]


BREAKS = [
    Damage("documents", "stale file", "removed"),
    Damage("documents", "stale file", "doubled"),
    Damage("documents", "active record", "null", "state"),
    Damage("chunks", "stale file", "removed"),
    Damage("chunks", "stale record", "doubled"),
    Damage("chunks", "long file", "neighbour", "chunk_id"),
    Damage("failures", "docs:stale.txt extract", "doubled"),
    Damage("failures", "line extract", "removed"),
    Damage("one", "stale record", "removed"),
    Damage("catalog", "one", "doubled"),
    Damage("catalog", "one", "null", "max_tokens"),
    Damage("tokenizer", "tokenizer", "other", "reference"),
    Damage("evaluations", "arm", "doubled"),
    Damage("jobs", "done job", "null", "state"),
]


@pytest.mark.parametrize("damage", BREAKS if ALL else BREAKS[:1], ids=str)
def test_a_repair_that_is_broken_off_loses_nothing(folder: Path, damage: Damage) -> None:
    """At each of its writes; then comes a run, and only then another repair."""
    lost = lost_columns(damage)
    restore(folder)
    before = content(folder, lost)
    at, done = 0, False
    while not done:
        for written in (False, True) if ALL else (False,):
            restore(folder)
            do(lake_of(folder), damage)
            try:
                with Writes(at, written).watched():
                    repair(folder)
                done = True
            except Killed:
                pass
            if damage.kind not in UNREADABLE:  # a run alone would take what the damage left of these for done
                run_ingest(str(corpus_of(folder)))
            repair(folder)
            run_ingest(str(corpus_of(folder)))
            wrong = list(left(folder, before, lost))
            assert not wrong, f"broken off at write {at}: {wrong}"
        at += 1
