"""Histories of a corpus whose model is behind an API that fails: a settled lake equals its sources, and what was given
is not paid for twice."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import oracle
from tests.machine.drive import Driver
from tests.machine.encoders import BLANK, POISON
from tests.machine.engine import Writes, quick
from tests.machine.service import FAULTS, STATES, service
from tests.machine.world import SERVED, make_model_folders


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    make_model_folders(tmp_path / "models")
    oracle.use_models(str(tmp_path / "models"))
    with quick(), service() as served:
        made = Driver(tmp_path, tmp_path / "models", Counter(), random.Random(1), served)
        made.world.settings.models = (SERVED,)
        yield made


def write(driver: Driver, name: str, *more: str) -> None:
    paragraphs = [f"Paragraph {i} of {name} tells of the river and the sea.\n\n" for i in range(5)]
    driver.world.put("left", name, "".join(paragraphs) + "\n\n".join(more))


def test_faults_of_requests_leave_no_trace(driver: Driver) -> None:
    write(driver, "a.txt", f"{POISON} is refused.", f"{BLANK} has no vector.")
    driver.run_with_a_broken_service("", 0, FAULTS)
    write(driver, "b.txt")
    driver.run_with_a_broken_service("", 0, [*reversed(FAULTS)])
    assert driver.done["lakes compared"] == 2
    assert driver.done["searches"] == 2


@pytest.mark.slow
def test_a_service_that_fails_as_a_whole_ends_a_run_and_the_next_goes_on(driver: Driver) -> None:
    write(driver, "a.txt")
    driver.run()
    for state in sorted({*STATES} - {""}):
        write(driver, f"{state}.txt")
        driver.run_with_a_broken_service(state, 2 * (state in ("revoked", "quota", "retired")), [])
        assert driver.done[f"ended by service {state}"] == 1
    driver.run()


def test_what_was_given_to_a_run_that_breaks_off_is_not_paid_for_again(driver: Driver) -> None:
    write(driver, "a.txt")
    driver.run()
    for at in (2, 3):
        write(driver, f"{at}.txt")
        assert driver.crash(Writes(at, written=False))
    driver.run()
