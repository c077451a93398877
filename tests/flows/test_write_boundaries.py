"""A scripted history, each of whose runs is broken off at its writes, and run again.

`WRITE_BOUNDARIES=all` breaks off at every one, which takes minutes; else at each of every few, others in each test.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from tests.machine import oracle
from tests.machine.drive import Driver
from tests.machine.encoders import POISON
from tests.machine.engine import Writes, quick
from tests.machine.world import UNREADABLE, Record, Source, World, make_model_folders

pytestmark = pytest.mark.slow

STEP = {True: 1, False: 1} if os.environ.get("WRITE_BOUNDARIES") == "all" else {True: 8, False: 11}
LONG = "\n\n".join(f"Paragraph {i} says that the river rose." for i in range(6))
RECORDS = tuple(Record(f"k{i}", f"Record {i} tells of birds.", 2000 + i) for i in range(4))


def _first(world: World) -> None:
    world.put("left", "a.txt", LONG)
    world.put("left", "deep/b.txt", "Nobody saw it.")
    world.put("left", "c", "It rained.")
    world.put("right", "r.jsonl", RECORDS)
    world.put("right", "s.jsonl", (Record("k0", "Another first record."), Record("k9", "It rained.")))


def _edits(world: World) -> None:
    world.put("left", "a.txt", f"A new beginning.\n\n{LONG}\n\n{POISON} is in the end.")
    world.move("left", "deep/b.txt", "right", "b.txt")
    world.put("left", "c/d.txt", "It rained.")
    world.put("right", "r.jsonl", (*RECORDS[1:], Record("k7", "It rained.")))


def _settings(world: World) -> None:
    world.settings.metadata = {"year": "integer"}
    world.settings.size = 32


def _models(world: World) -> None:
    world.settings.models = ("two", "one")
    world.settings.overlong = "refuse"


def _unreadable(world: World) -> None:
    world.put("left", "a.txt", UNREADABLE)
    world.put("right", "r.jsonl", (RECORDS[1], Record("k2", " "), Record("k3", "", broken=True)))


def _retyped(world: World) -> None:
    world.settings.metadata = {"year": "string", "lang": "string"}
    world.settings.models = ("two",)
    world.put("right", "t.csv", (Record("k8", "A table.", 2001, "en"),))


def _dropped(world: World) -> None:
    world.settings.on_failure = "drop"
    world.settings.tokenizer = "letters"
    world.settings.overlong = "count"


def _readable_again(world: World) -> None:
    world.settings.metadata = {}
    world.put("left", "a.txt", LONG)
    world.put("left", "c", "It rained again.")


def _other_sources(world: World) -> None:
    world.settings.sources = {"papers": Source("left"), "books": Source("right", True)}
    world.settings.models = ("three", "one")


def _gone(world: World) -> None:
    world.remove("right", "r.jsonl")
    world.remove("left", "a.txt")


HISTORY: list[Callable[[World], None]] = [
    _first, _edits, _settings, _models, _unreadable, _retyped, _dropped, _readable_again, _other_sources, _gone,
]  # fmt: skip


@pytest.fixture
def _quick(tmp_path: Path) -> Iterator[None]:
    make_model_folders(tmp_path / "models")
    oracle.use_models(str(tmp_path / "models"))
    with quick():
        yield


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "failed"])
def test_every_run_may_break_off_at_every_write(tmp_path: Path, killed: bool) -> None:
    done: Counter[str] = Counter()
    driver = Driver(tmp_path / "here", tmp_path / "models", done, random.Random(1))
    wrong: list[str] = []
    lake, kept = tmp_path / "here" / "lake", tmp_path / "kept"
    lake.mkdir()
    for change in HISTORY:
        change(driver.world)
        _copy(lake, kept)
        before = deepcopy((driver.memory, driver.kept, driver.live, driver.been))
        broke_off, at = True, 0
        while broke_off:
            _copy(kept, lake)
            driver.memory, driver.kept, driver.live, driver.been = deepcopy(before)
            writes = Writes(at, written=False, killed=killed)
            try:
                broke_off = driver.crash(writes)
                driver.run()
            except Exception as error:
                if writes.count <= at:  # it fails without having been broken off
                    raise
                where = f"write {at} ({writes.names[at]})"
                wrong.append(f"{change.__name__}, broken off at {where}: {type(error).__name__} {str(error)[:1000]}")
            at += STEP[killed]
        done[f"tried in {change.__name__}"] = at // STEP[killed]
    print(dict(done))
    assert not wrong, "\n\n".join(wrong)


def _copy(folder: Path, to: Path) -> None:
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(folder, to)
