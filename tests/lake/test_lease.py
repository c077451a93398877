"""Leases: who may write, on disk and on S3, with live, silent, gone and suspended holders, and damaged tables."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from lancedb.merge import LanceMergeInsertBuilder

from tasks.config.settings import Corpus
from tasks.errors import LeaseHeld, LeaseLost
from tasks.lake import scope as scope_module
from tasks.lake import versions as tidy
from tasks.lake.holder import LEASES, claim
from tasks.lake.lease import lease_epochs, try_writing, writing
from tasks.lake.schemas import RUNS
from tasks.lake.scope import Lease
from tasks.lake.tables import Lake

SECONDS = 2.0
Open = Callable[..., Lake]


def open_at(uri: str, options: dict[str, str] | None = None, seconds: float = SECONDS) -> Lake:
    corpus = {
        "name": "notes", "lake": {"uri": uri, "options": options or {}}, "lease": {"seconds": seconds},
        "sources": [{"name": "docs", "uri": "/nowhere"}], "models": ["some/model"],
    }  # fmt: skip
    return Lake(Corpus.model_validate(corpus), may_be_empty=True)


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Opens the lake anew, as another process would."""

    def open_lake(seconds: float = SECONDS) -> Lake:
        lake = open_at(str(tmp_path / "lake"), seconds=seconds)
        lake.create("leases", LEASES)
        return lake

    return open_lake


def put(lake: Lake, scope: str = "documents", **values: Any) -> dict[str, Any]:
    """Write a row behind the leases' back: by default that of a live holder elsewhere."""
    row = {"scope": scope, **claim("other", 7), "place": "elsewhere", "host": "far", **values}
    lance.write_dataset(pa.Table.from_pylist([row], schema=LEASES), lake.dataset("notes.leases").uri, mode="append")
    return row


def rows(lake: Lake, scope: str = "documents") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.read("notes.leases", LEASES.names, f"scope = '{scope}'").to_pylist()
    return found


@contextmanager
def beating(lake: Lake, scope: str = "documents", ahead: float = 0.0) -> Iterator[None]:
    """A live holder elsewhere, whose clock goes wrong by so many seconds."""
    put(lake, scope, heartbeat=time.time() + ahead)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(SECONDS / 6):
            lake.update("notes.leases", f"scope = '{scope}' AND holder = 'other'", {"heartbeat": time.time() + ahead})

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def steal(lake: Lake, scope: str) -> None:
    """Take a lease over, as if its holder had been watched and silent."""
    lake.update("notes.leases", f"scope = '{scope}'", claim("thief", rows(lake, scope)[0]["epoch"] + 1))


@pytest.mark.slow
def test_what_is_held_lives_while_the_next_is_waited_for(opened: Open) -> None:
    lake = opened()
    with beating(opened(), "notes.b"), ThreadPoolExecutor(1) as pool:
        got = threading.Event()

        def both() -> None:
            with writing(lake, ["documents", "notes.b"], "first", wait=True):
                got.set()
                assert rows(lake)[0]["holder"] == "first"

        running = pool.submit(both)
        time.sleep(2 * SECONDS)
        assert not got.is_set()
        with pytest.raises(LeaseHeld):
            Lease(opened(), "documents", "second").take(wait=False)
        opened().update("notes.leases", "scope = 'notes.b'", {"holder": ""})
        running.result(10)


def test_the_catalog_is_taken_for_a_moment_within(opened: Open) -> None:
    lake = opened()
    with writing(lake, ["documents"], "run", wait=False):
        outer = lake.fence
        with writing(lake, ["catalog"], "run", wait=True):
            assert lake.fence is not outer
            assert lake.fence is not None
            with try_writing(opened(), ["catalog"], "other") as taken:
                assert not taken
            lake.fence()
        assert lake.fence is outer
        with try_writing(opened(), ["catalog"], "other") as taken:
            assert taken
    assert lake.fence is None


@pytest.mark.slow
@pytest.mark.parametrize("stolen", ["documents", "catalog"])
def test_within_another_both_leases_are_checked(opened: Open, stolen: str) -> None:
    lake = opened()
    with writing(lake, ["documents"], "run", wait=False), writing(lake, ["catalog"], "run", wait=True):
        steal(opened(), stolen)
        time.sleep(SECONDS / 2)
        assert lake.fence is not None
        with pytest.raises(LeaseLost, match="run thief"):
            lake.fence()


@pytest.mark.parametrize("clock", [0, 1])
def test_a_holder_that_was_suspended_looks_before_it_writes(
    opened: Open, monkeypatch: pytest.MonkeyPatch, clock: int
) -> None:
    lease = Lease(opened(), "documents", "sleeper")
    lease.take(wait=False)
    steal(opened(), "documents")
    lease.check()  # it was renewed just now
    then = scope_module._clocks()
    now = tuple(at + (100 if i == clock else 0) for i, at in enumerate(then))
    monkeypatch.setattr(scope_module, "_clocks", lambda: now)
    with pytest.raises(LeaseLost):
        lease.check()


def test_time_asleep_is_counted() -> None:
    assert scope_module._SLEPT_TOO == time.CLOCK_BOOTTIME


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [-1000.0, 1000.0])
def test_a_live_holder_with_a_wrong_clock_keeps_its_lease(opened: Open, ahead: float) -> None:
    with beating(opened(), ahead=ahead):
        began = time.monotonic()
        with pytest.raises(LeaseHeld, match="documents of the corpus 'notes' are being written by run other on far"):
            Lease(opened(), "documents", "me").take(wait=False)
        assert time.monotonic() - began < SECONDS + 1.5


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [-1000.0, 1000.0, 1e300, float("nan"), float("inf"), None])
def test_a_silent_holder_is_watched_then_taken_over(opened: Open, ahead: float | None) -> None:
    put(opened(), heartbeat=None if ahead is None else time.time() + ahead)
    lease, began = Lease(opened(), "documents", "me"), time.monotonic()
    lease.take(wait=False)
    assert SECONDS <= time.monotonic() - began < SECONDS + 3
    assert (rows(opened())[0]["holder"], lease.found) == ("me", 7)
    lease.beat()


@pytest.mark.slow
def test_a_holder_that_looks_alive_is_not_waited_for(opened: Open) -> None:
    put(opened())
    began = time.monotonic()
    with pytest.raises(LeaseHeld):
        Lease(opened(), "documents", "me").take(wait=False)
    assert time.monotonic() - began < 1
    Lease(opened(), "documents", "me").take(wait=True)
    assert time.monotonic() - began > SECONDS


def test_a_sign_of_life_just_before_the_claim_counts(opened: Open) -> None:
    first, second = Lease(opened(), "documents", "first"), Lease(opened(), "documents", "second")
    first.take(wait=False)
    seen = second._read()
    first.beat()
    assert not second._claim(seen)
    first.beat()
    assert second._claim(second._read())
    with pytest.raises(LeaseLost, match="run second"):
        first.beat()


def test_a_renewal_that_was_not_written_is_none(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(opened(), "documents", "me")
    lease.take(wait=False)
    update, calls = lease._update, []

    def now_and_then(condition: str, **values: object) -> None:
        calls.append(condition)
        if len(calls) == 3:
            update(condition, **values)

    monkeypatch.setattr(lease, "_update", now_and_then)
    lease.beat()
    assert len(calls) == 3


def test_two_of_one_name_are_two(opened: Open) -> None:
    first, second = Lease(opened(), "documents", "verify-17"), Lease(opened(), "documents", "verify-17")
    first.take(wait=False)
    with pytest.raises(LeaseHeld):
        second.take(wait=False)
    steal(opened(), "documents")
    opened().update("notes.leases", "true", {"holder": "verify-17", "epoch": 1})
    with pytest.raises(LeaseLost):
        first.beat()


def test_a_process_that_is_gone_holds_nothing(opened: Open) -> None:
    gone = subprocess.Popen(["true"])  # not waited for: its id stays taken, but it has ended
    time.sleep(0.5)
    here = claim("other", 7)
    put(opened(), **here | {"process": gone.pid, "started": None})
    put(opened(), "notes.b", **here | {"process": os.getpid(), "started": here["started"] - 1})  # an id that came again
    put(opened(), "notes.c", **here)
    put(opened(), "notes.d", **here | {"started": None})
    for scope, free in (("documents", True), ("notes.b", True), ("notes.c", False), ("notes.d", False)):
        with try_writing(opened(), [scope], "me") as taken:
            assert taken == free, scope
    gone.wait()


def test_a_lake_of_before_gets_the_new_column(tmp_path: Path, opened: Open) -> None:
    uri = str(tmp_path / "lake")
    lake = open_at(uri)
    old = pa.schema([field for field in LEASES if field.name != "started"])
    lake.create("leases", old)
    row = {key: value for key, value in claim("other", 3).items() if key != "started"}
    table = pa.Table.from_pylist([{"scope": "documents", **row}], schema=old)
    lance.write_dataset(table, lake.dataset("notes.leases").uri, mode="append")
    with ThreadPoolExecutor(4) as pool:
        lakes = list(pool.map(lambda _: opened(), range(4)))
    for each in (lake, *lakes):
        with pytest.raises(LeaseHeld):
            Lease(each, "documents", "me").take(wait=False)
    lake.update("notes.leases", "true", {"holder": ""})
    with writing(lakes[0], ["documents"], "me", wait=False):
        assert rows(lake)[0]["started"] == claim("me", 1)["started"]


@pytest.mark.slow
def test_old_versions_go(opened: Open, tmp_path: Path) -> None:
    lake = opened(seconds=300)
    folder = tmp_path / "lake" / "notes.leases.lance"
    for _ in range(5):
        with writing(lake, ["documents"], "me", wait=False):
            held = Lease(lake, "notes.b", "me")
            held.take(wait=False)
            for _ in range(100):
                held.beat()
            held.release()
    most = tidy._KEPT + tidy._EVERY + 110
    for part in ("_versions", "data", "_transactions"):
        assert len(list((folder / part).iterdir())) < most, part


@pytest.mark.slow
def test_a_keeper_removes_old_versions_while_it_holds(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "_KEPT", 8)
    monkeypatch.setattr(tidy, "_EVERY", 8)
    with writing(opened(), ["documents"], "me", wait=False):
        time.sleep(24 * SECONDS / 6)
        assert opened().version("notes.leases") > 20
        assert len(list((tmp_path / "lake" / "notes.leases.lance" / "_versions").iterdir())) <= 18


def test_whether_another_run_held_it_since(opened: Open) -> None:
    lake = opened()
    assert lease_epochs(open_at(lake.uri + "2")) == {}
    before = lease_epochs(lake)
    with writing(lake, ["documents"], "me", wait=False, since=before) as found:
        assert not found.overtaken
        during = lease_epochs(opened())
    with writing(lake, ["documents"], "me", wait=False, since=before) as found:
        assert found.overtaken
    with writing(lake, ["documents"], "me", wait=False) as found:
        assert not found.overtaken
    with writing(lake, ["documents"], "me", wait=False, since=during) as found:
        assert found.overtaken
    before = lease_epochs(opened())
    with writing(lake, ["documents", "notes.new"], "me", wait=False, since=before) as found:
        assert not found.overtaken


def test_a_run_that_held_it_when_asked_counts_as_since(opened: Open) -> None:
    with writing(opened(), ["documents"], "other", wait=False):
        during = lease_epochs(opened())
    with writing(opened(), ["documents"], "me", wait=False, since=during) as found:
        assert found.overtaken


def test_all_are_taken_at_once_or_none(opened: Open) -> None:
    lake = opened()
    with beating(opened(), "notes.b"):
        began = time.monotonic()
        with try_writing(lake, ["documents", "notes.b"], "me") as taken:
            assert not taken
            assert lake.fence is None
        assert time.monotonic() - began < 1
        assert rows(lake)[0]["holder"] == ""
    began = time.monotonic()
    with try_writing(lake, ["documents", "notes.b"], "me") as taken:  # silent, but that takes time to see
        assert not taken
    assert time.monotonic() - began < 1
    with try_writing(lake, ["documents", "notes.c"], "me") as taken:
        assert taken
        assert lake.fence is not None
    with pytest.raises(LeaseHeld, match="from within"), try_writing(lake, ["documents"], "me"):
        raise LeaseHeld("from within")
    assert rows(lake)[0]["holder"] == ""


def test_a_write_that_fails_after_its_lease_was_taken_says_so(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = opened()
    lake.create("runs", RUNS)
    then = scope_module._clocks()

    def stopped_in_the_middle(*_: object) -> None:
        steal(opened(), "documents")
        monkeypatch.setattr(scope_module, "_clocks", lambda: (then[0] + 100, then[1] + 100))
        raise RuntimeError("lance error: Too many concurrent writers")

    row = pa.Table.from_pylist([{"run_id": "1"}], RUNS)
    with writing(lake, ["documents"], "sleeper", wait=False):
        monkeypatch.setattr(LanceMergeInsertBuilder, "execute", stopped_in_the_middle)
        with pytest.raises(LeaseLost, match="run thief"):
            lake.merge("notes.runs", row)
        monkeypatch.undo()


@pytest.mark.slow
def test_a_row_that_is_removed_lets_nobody_in_beside_its_holder(opened: Open) -> None:
    lake = opened()
    with writing(lake, ["documents"], "first", wait=False):
        lake._tables["notes.leases"].delete("scope = 'documents'")
        began = time.monotonic()
        with try_writing(opened(), ["documents"], "second") as taken:
            assert not taken
        with writing(opened(), ["documents"], "second", wait=False):
            assert SECONDS <= time.monotonic() - began < SECONDS + 3
            assert lake.fence is not None
            with pytest.raises(LeaseLost, match="removed from the lake"):
                lake.fence()
    with writing(opened(), ["documents"], "third", wait=False):
        assert len(rows(lake)) == 1


@pytest.mark.slow
def test_rows_of_one_scope_are_taken_together(opened: Open) -> None:
    lake = opened()
    put(lake)
    put(lake, holder="another", epoch=9, heartbeat=5e9)
    put(lake, holder="", epoch=2)
    began = time.monotonic()
    with writing(lake, ["documents"], "me", wait=True):
        assert SECONDS <= time.monotonic() - began < SECONDS + 3
        time.sleep(SECONDS)
        with try_writing(opened(), ["documents"], "other") as taken:
            assert not taken
        assert {(row["holder"], row["epoch"]) for row in rows(lake)} == {("me", 10)}
    with try_writing(opened(), ["documents"], "other") as taken:
        assert taken


@pytest.mark.slow
def test_one_live_row_of_several_keeps_all(opened: Open) -> None:
    lake = opened()
    with beating(opened()):
        put(lake, holder="nobody", epoch=9, heartbeat=5e9)
        with pytest.raises(LeaseHeld):
            Lease(lake, "documents", "me").take(wait=False)
        seen = Lease(lake, "documents", "me")._read()
        time.sleep(SECONDS / 2)
        late = Lease(lake, "documents", "me")
        assert not late._claim(seen)  # one of them had moved; what was taken of the others is given back
        assert sorted(row["holder"] for row in rows(lake)) == ["", "other"]


@pytest.mark.slow
def test_a_row_of_nothing_is_taken(opened: Open) -> None:
    lake = opened()
    empty = dict.fromkeys(LEASES.names) | {"scope": "documents"}
    put(lake, **empty)
    with try_writing(lake, ["documents"], "me") as taken:
        assert taken
    put(lake, **{**empty, "scope": "notes.b", "holder": "o'brien", "since": 1e300, "process": 2**62})
    with pytest.raises(LeaseHeld, match="since an unknown time"):
        Lease(opened(seconds=1e300), "notes.b", "me").take(wait=False)
    Lease(lake, "notes.b", "me").take(wait=False)
    assert lease_epochs(lake) == {"documents": 1, "notes.b": 0}


WORKER = """
import json, sys, time
from pathlib import Path
from tasks.lake.lease import writing
from tasks.lake.versions import forget
from tests.lake.test_lease import open_at

store, counter, name, takes = json.loads(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
lake = open_at(*store)
if name == "tidy":
    while not counter.with_name("done").exists():
        if "notes.leases" in lake._tables:
            forget(lake, "notes.leases", 16)
        lake.refresh()
        time.sleep(0.05)
for take in range(takes):
    with writing(lake, ["documents"], "worker", wait=True):
        value = int(counter.read_text())
        time.sleep(0.002)
        lake.fence()
        counter.write_text(str(value + 1))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("store", "takes"), [("disk", 30), ("s3", 10)])
def test_processes_write_one_at_a_time(tmp_path: Path, request: pytest.FixtureRequest, store: str, takes: int) -> None:
    address: list[Any] = [str(tmp_path / "lake"), {}, 30]
    if store == "s3":
        server = request.getfixturevalue("s3_server")
        options = {
            "aws_access_key_id": server["key"], "aws_secret_access_key": server["secret"],
            "aws_endpoint": server["endpoint"], "aws_region": "us-east-1", "allow_http": "true",
        }  # fmt: skip
        address = [f"s3://embedlake/{tmp_path.name}", options, 30]
    counter = tmp_path / "counter"
    counter.write_text("0")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    def start(name: str, count: int) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", WORKER, json.dumps(address), str(counter), name, str(count)]
        return subprocess.Popen(command, env=environment)

    tidier = start("tidy", 0)
    workers = [start(f"worker{i}", takes) for i in range(3)]
    assert [worker.wait(240) for worker in workers] == [0, 0, 0]
    (tmp_path / "done").touch()
    assert tidier.wait(60) == 0
    assert int(counter.read_text()) == 3 * takes
    [row] = rows(open_at(*address))
    assert (row["epoch"], row["holder"]) == (3 * takes, "")
