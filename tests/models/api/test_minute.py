"""Minutes that several share, under a clock of their own."""

import logging
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.models.api.minute import Minute, shared_minute
from tests.models.api.fake import KEY


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.integers(2, 20),
    st.integers(60, 2000),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60), st.floats(0, 30)), max_size=40),
)
@settings(max_examples=25, deadline=None)
def test_no_minute_of_all_who_share_it_has_more_than_is_allowed(
    tmp_path_factory: pytest.TempPathFactory, requests: int, tokens: int, asked: list[tuple[int, int, float]]
) -> None:
    clock, file = Clock(), tmp_path_factory.mktemp("minute") / "shared.sqlite"
    minutes = [Minute(file, clock=clock) for _ in range(3)]
    sent = []
    for which, count, later in asked:
        clock.now = max(clock.now + later, sent[-1][0] - 180 if sent else 0)  # each waits until its last one goes
        sent.append((minutes[which].place(count, requests, tokens).at, count))
    assert all(before <= after for (before, _), (after, _) in pairwise(sent))  # in turn
    for begin, _ in sent:
        minute = [count for at, count in sent if begin <= at < begin + 60]
        assert len(minute) <= requests
        assert sum(minute) <= tokens


def test_nobody_waits_longer_than_the_minute_needs(tmp_path: Path) -> None:
    clock = Clock()
    here, there = (Minute(tmp_path / "shared.sqlite", clock=clock) for _ in range(2))
    times = [minute.place(50, None, 100).at - clock.now for minute in (here, there, here, there)]
    assert times == pytest.approx([0, 0, 60.3, 60.3])


def test_what_was_less_than_expected_makes_room(tmp_path: Path) -> None:
    clock = Clock()
    here, there = (Minute(tmp_path / "shared.sqlite", clock=clock) for _ in range(2))
    here.settle(here.place(100, None, 100), 40)
    withdrawn = there.place(60, None, 100)
    there.withdraw(withdrawn)
    assert there.place(60, None, 100).at == clock.now
    assert here.place(1, None, 100).at > clock.now


def test_who_waits_goes_earlier_when_others_need_less(tmp_path: Path) -> None:
    clock = Clock()
    here, there = (Minute(tmp_path / "shared.sqlite", clock=clock) for _ in range(2))
    first = here.place(100, None, 100)
    waiting = [there.place(40, None, 100), here.place(40, None, 100)]
    assert all(one.at > clock.now + 60 for one in waiting)
    here.settle(first, 50)
    assert there.when(waiting[0]) == clock.now
    assert here.when(waiting[1]) > clock.now + 60


def test_a_query_waits_for_no_run_and_counts(tmp_path: Path) -> None:
    clock = Clock()
    run, search = (Minute(tmp_path / "shared.sqlite", clock=clock) for _ in range(2))
    run.place(100, None, 100)
    waits = run.place(100, None, 100)
    assert waits.at > clock.now
    assert search.place(40, None, 100, urgent=True).at == clock.now
    assert search.place(40, None, None, urgent=True).at == clock.now
    last = search.place(40, None, 100, urgent=True)
    assert last.at == pytest.approx(clock.now + 60.3)  # of its own, enough
    run.withdraw(waits)
    assert search.when(last) == pytest.approx(clock.now + 60.3)
    search.withdraw(last)
    clock.now += 60.2
    assert run.place(70, None, 100).at == pytest.approx(clock.now + 0.1)
    assert run.place(70, None, 100).at > clock.now + 60


def test_who_waits_goes_earlier_when_others_give_up(tmp_path: Path) -> None:
    clock = Clock()
    here, there = (Minute(tmp_path / "shared.sqlite", clock=clock) for _ in range(2))
    here.place(100, None, 100)
    waiting = [here.place(100, None, 100), there.place(40, None, 100)]
    assert there.when(waiting[1]) > clock.now + 120
    here.withdraw(waiting[0])
    assert there.when(waiting[1]) == pytest.approx(clock.now + 60.3)


def test_a_request_that_is_settled_late_changes_no_other_one() -> None:
    clock = Clock()
    minute = Minute(clock=clock)
    late = minute.place(100, None, 100)
    clock.now += 90
    minute.place(100, None, 100)
    minute.settle(late, 0)
    assert minute.place(1, None, 100).at > clock.now


def test_a_clock_that_was_put_back_blocks_nobody(tmp_path: Path) -> None:
    clock = Clock()
    minute = Minute(tmp_path / "shared.sqlite", clock=clock)
    minute.place(100, None, 100)
    clock.now -= 86_400
    assert minute.place(100, None, 100).at == clock.now


@pytest.mark.parametrize("content", [b"no database" * 100, None], ids=["another file", "a folder"])
def test_a_file_that_cannot_be_used_counts_for_one_alone(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file, clock = tmp_path / "shared.sqlite", Clock()
    file.write_bytes(content) if content else file.mkdir()
    minute = Minute(file, clock=clock)
    with caplog.at_level(logging.WARNING, "embedlake.encode"):
        first = minute.place(100, None, 100)
    assert minute.place(1, None, 100).at == pytest.approx(first.at + 60.3)
    assert len(caplog.records) == 1


def test_it_is_shared_by_those_with_one_key_for_one_model_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours = ("https://api.example.com", KEY, "small")
    others = [("https://api.example.com", "another key", "small"), ("https://api.example.com", KEY, "large")]
    for one in (ours, ours, *others):
        shared_minute(*one).place(1, None, None)
    files = sorted(tmp_path.rglob("*.sqlite"))
    assert len(files) == 3
    assert all(KEY.encode() not in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
