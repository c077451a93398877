"""Short histories that once went wrong or easily might: each ends in a lake that equals its sources."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machine import oracle
from tests.machine.drive import Driver
from tests.machine.encoders import BLANK, POISON
from tests.machine.engine import Writes, quick
from tests.machine.world import UNREADABLE, Record, Source, make_model_folders

pytestmark = pytest.mark.slow

HISTORIES: list[Callable[[Driver], None]] = []


def history(steps: Callable[[Driver], None]) -> Callable[[Driver], None]:
    HISTORIES.append(steps)
    return steps


@history
def equal_records_without_id(d: Driver) -> None:
    d.world.put("left", "r.jsonl", (Record("a", "It rained."), Record("a", "It rained."), Record("b", "It rained.")))
    d.run()
    d.world.put("left", "r.jsonl", (Record("a", "It rained."), Record("b", "It rained.")))
    d.run()


@history
def one_id_in_two_files(d: Driver) -> None:
    d.world.put("right", "r.jsonl", (Record("a", "First."), Record("a", "Second."), Record("a", "Second.")))
    d.world.put("right", "s.jsonl", (Record("a", "Third."),))
    d.run()
    d.world.put("right", "r.jsonl", (Record("b", "First."),))
    d.run()
    d.world.put("right", "a.jsonl", (Record("a", "Before them."),))
    d.run()
    d.world.remove("right", "a.jsonl")
    d.run()


@history
def the_first_of_an_id_cannot_be_used(d: Driver) -> None:
    d.world.put("right", "r.jsonl", (Record("a", "First."), Record("a", "Second.")))
    d.run()
    d.world.put("right", "r.jsonl", (Record("a", " "), Record("a", "Second.")))
    d.run()


@history
def a_later_one_of_an_id_cannot_be_used(d: Driver) -> None:
    d.world.put("right", "a.txt", "The file.")
    d.world.put("right", "r.jsonl", (Record("a", "First."), Record("a", " "), Record("a.txt", " ")))
    d.run()


@history
def a_run_goes_on_after_one_broke_off(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.run()
    d.world.put("left", "b.txt", "It rained.")
    for at in range(3):
        d.crash(Writes(at))
    d.world.put("left", "c.txt", "It rained.")
    d.world.put("left", "d.txt", "It snowed.")
    d.run()


@history
def a_record_with_the_id_of_a_file(d: Driver) -> None:
    d.world.put("right", "r.jsonl", (Record("a.txt", "First."), Record("b", "Second.")))
    d.run()
    d.world.put("right", "a.txt", "The file.")
    d.run()
    d.world.remove("right", "a.txt")
    d.run()


@history
def a_record_moves_between_files(d: Driver) -> None:
    d.world.put("right", "r.jsonl", (Record("a", "First."), Record("b", "Second.")))
    d.world.put("right", "s.jsonl", (Record("c", "Third."),))
    d.run()
    d.world.put("right", "r.jsonl", (Record("b", "Second."),))
    d.world.put("right", "s.jsonl", (Record("c", "Third."), Record("a", "First.")))
    d.run()
    d.world.put("right", "r.jsonl", (Record("b", "Second."), Record("a", "First.")))
    d.world.put("right", "s.jsonl", (Record("c", "Third."),))
    d.run()


@history
def a_file_becomes_unreadable_and_comes_back(d: Driver) -> None:
    d.world.put("left", "a.txt", "The river rose.")
    d.run()
    d.world.put("left", "a.txt", UNREADABLE)
    d.run()
    d.world.settings.on_failure = "drop"
    d.run()
    d.world.settings.on_failure = "keep"
    d.run()
    d.world.put("left", "a.txt", "The river rose.")
    d.run()


@history
def a_stale_file_under_other_settings(d: Driver) -> None:
    d.world.put("left", "a.txt", "\n\n".join(f"The river rose {i} times, so they say." for i in range(9)))
    d.world.put("left", "b.txt", "It rained.")
    d.run()
    d.world.put("left", "a.txt", UNREADABLE)
    d.world.settings.size = 32
    d.world.settings.metadata = {"year": "integer"}
    d.run()
    d.world.settings.timeout = 299
    d.world.settings.metadata = {"year": "string"}
    d.world.settings.tokenizer = "letters"
    d.run()
    d.world.settings.metadata = {}
    d.world.settings.models = ("two", "one")
    d.run()


@history
def lines_break_and_records_vanish(d: Driver) -> None:
    good = tuple(Record(f"k{i}", f"Record {i}.") for i in range(4))
    d.world.put("right", "r.jsonl", good)
    d.run()
    d.world.put("right", "r.jsonl", (Record("k0", "", broken=True), *good[1:]))
    d.run()
    d.world.put("right", "r.jsonl", (Record("k0", "", broken=True), *good[2:]))
    d.run()
    d.world.put("right", "r.jsonl", good)
    d.run()


@history
def a_table_of_records_cannot_be_read(d: Driver) -> None:
    good = tuple(Record(f"k{i}", f"Record {i}.") for i in range(4))
    d.world.put("right", "u.parquet", good)
    d.world.put("right", "v.jsonl", good[:1])
    d.run()
    d.world.put("right", "u.parquet", UNREADABLE)
    d.run()
    d.world.settings.on_failure = "drop"
    d.run()
    d.world.put("right", "u.parquet", good)
    d.run()


@history
def a_metadata_field_comes_changes_and_goes(d: Driver) -> None:
    d.world.put("right", "r.jsonl", (Record("a", "First.", 2001), Record("b", "Second.", "bad")))
    d.world.put("left", "t.csv", (Record("a", "First.", 2001), Record("b", "Second.", 2002)))
    d.run()
    for metadata in ({"year": "integer"}, {"year": "string", "lang": "string"}, {"lang": "string"}, {}):
        d.world.settings.metadata = metadata
        for errors in ("refuse", "count"):
            d.world.settings.metadata_errors = errors
            d.run()


@history
def a_table_without_rows(d: Driver) -> None:
    d.world.put("left", "t.csv", ())
    d.world.put("left", "r.jsonl", ())
    d.world.put("left", "u.parquet", ())
    d.run()


@history
def chunks_longer_than_the_model_reads(d: Driver) -> None:
    d.world.put("left", "a.txt", "Stones were carried far by it, down to the sea and along the coast.")
    d.run()
    for overlong in ("refuse", "count", "refuse"):
        d.world.settings.overlong = overlong
        d.run()
    d.world.put("left", "b.txt", "Stones were carried by it, down to the sea and then along the whole coast.")
    d.run()


@history
def models_come_go_and_change_places(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    for number, models in enumerate([("one",), ("one", "two"), ("two",), ("three", "one"), ("one", "three"), ("two",)]):
        d.world.settings.models = models
        d.run()
        d.world.put("left", "b.txt", f"It rained {number} times.")
        d.run()


@history
def another_model_is_filled_and_left_behind(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.run()
    d.backfill("three")
    d.run()
    d.world.put("left", "b.txt", "It snowed.")
    d.run()
    d.world.remove("left", "a.txt")
    d.run()
    d.backfill("three")
    d.run()


@history
def encoders_fail(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.world.put("left", "b.txt", f"{POISON} is here.")
    d.world.put("left", "c.txt", f"{BLANK} pages.")
    d.run_with_a_broken_encoder("cuda", frozenset())
    d.run_with_a_broken_encoder("nan", frozenset())
    d.run()
    d.world.put("left", "d.txt", "It snowed.")
    d.run_with_a_broken_encoder("cuda", frozenset())
    d.run_with_a_broken_encoder("flaky", frozenset({1}))
    d.run()


@history
def sources_come_go_and_are_renamed(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.world.put("right", "b.txt", "It snowed.")
    d.run()
    d.world.settings.sources = {"docs": Source("left")}
    d.run(allow=False)
    d.run()
    d.world.settings.sources = {"papers": Source("left"), "books": Source("right", True)}
    d.run()


@history
def a_file_and_a_folder_of_one_name(d: Driver) -> None:
    d.world.put("left", "r", "It rained.")
    d.world.put("left", "b.txt", "It rained.")
    d.run()
    d.world.put("left", "r/e.txt", "It rained.")
    d.run()
    d.world.put("left", "r", "It rained.")
    d.run()


@history
def an_edit_that_keeps_size_and_time(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.run()
    d.world.put("left", "a.txt", "It snowed.", quietly=True)
    d.run()


@history
def deduplication_changes_only_what_search_shows(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.world.put("left", "b.txt", "It rained.")
    d.world.put("right", "r.jsonl", (Record("a", "It rained.", 2001), Record("b", "It rained.", 2002)))
    d.world.settings.metadata = {"year": "integer"}
    d.run()
    for deduplication in ("none", "exact"):
        d.world.settings.deduplication = deduplication
        d.nothing_to_do()
        d.run()


@history
def the_first_run_breaks_off(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    for at in (14, 10, 6, 2):
        d.crash(Writes(at))
    d.world.settings.models = ("three",)
    d.run()


@history
def damage_is_repaired(d: Driver) -> None:
    d.world.put("left", "a.txt", "It rained.")
    d.world.put("left", "b.txt", "It snowed.")
    d.world.put("right", "r.jsonl", (Record("a", "It rained.", 2001), Record("b", "It rained.", 2002)))
    d.world.settings.models = ("one", "two")
    d.run()
    for pick in range(8):
        for kind in ("rows removed", "rows doubled", "column altered"):
            d.damage_and_repair(kind, pick)


@pytest.mark.parametrize("steps", HISTORIES, ids=lambda steps: steps.__name__)
def test_a_history(steps: Callable[[Driver], None], driver: Driver) -> None:
    steps(driver)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    make_model_folders(tmp_path / "models")
    oracle.use_models(str(tmp_path / "models"))
    with quick():
        yield Driver(tmp_path, tmp_path / "models", Counter(), random.Random(1))
