"""What was measured lands in the lake, and the verdict is that of the latest evaluation of both tables."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.evaluate import statistics
from tasks.evaluate.arms import Arm, Shown
from tasks.evaluate.landing import land
from tasks.evaluate.measures import MEASURES
from tasks.evaluate.report import as_html, as_markdown, write
from tasks.evaluate.results import Agreement, ArmResult, Evaluation, Side, conclusion
from tasks.evaluate.statistics import compared, interval
from tasks.evaluate.verdict import latest_verdict
from tasks.lake.schemas import embeddings_schema
from tasks.lake.tables import Lake
from tasks.operate.verify import verify
from tests.lakes import new_lake, vectors_table

LIVE, NEW = "notes.one.1", "notes.two.2"
START = datetime(2026, 1, 1, tzinfo=UTC)


def evaluation(values: dict[str, Any], kind: str = "judgments", after: int = 0, way: Any = "hybrid") -> Evaluation:
    """Of tables whose values are given, the first the reference."""
    arms = []
    baseline: Any = next(iter(values.values()))
    for number, (table, found) in enumerate(values.items()):
        measures = dict.fromkeys(MEASURES, np.asarray(found, np.float64))
        means = {name: interval(one) for name, one in measures.items()}
        comparison = compared([(np.asarray(found), np.asarray(baseline))])[0] if number else None
        arm = Arm(table, table.split(".")[1], way)
        baseline_label = "one, hybrid" if number else ""
        arms.append(
            ArmResult(
                arm, "some/model", 7, 100, 4, 1600, measures, means, baseline_label, comparison, 20.0, 0.1, "nothing"
            )
        )  # fmt: skip
    names = [f"q{n}" for n in range(len(baseline))]
    shown = Shown("c", "docs:<b>.txt", "A & B", "<script>alert(1)</script>", 0.5)
    sides = [Side("<i>query</i>", ["docs:<b>.txt"], {"one, hybrid": 1.0}, {arms[0].arm.label: [shown]})]
    when = START + timedelta(hours=after)
    return Evaluation(
        f"{kind}-{after}", "notes", when, kind, "f" * 32, names, arms, 0.02,
        [Agreement("one, hybrid", "two, hybrid", 0.5, 0.6)], sides, ["Something was left out."],
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_RESAMPLES", 1000)


def filled(folder: Path, **changes: Any) -> Lake:
    """A lake with both tables, of as many rows as evaluations say."""
    lake = new_lake(folder, **changes)
    for table in (LIVE, NEW):
        lake.create(table.removeprefix("notes."), embeddings_schema(lake.corpus, 4, {}))
        lake.merge(table, vectors_table(lake, table, 100))
    return lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return filled(tmp_path)


def quality(count: int, less: float = 0.0) -> Any:
    return np.random.default_rng(1).uniform(0.4, 0.6, count) - less


def test_without_an_evaluation_of_both_there_is_no_verdict(lake: Lake) -> None:
    assert latest_verdict(lake, NEW, LIVE) is None
    land(lake, evaluation({LIVE: quality(200)}))
    land(lake, evaluation({NEW: quality(200)}, way="vector", after=1))
    assert latest_verdict(lake, NEW, LIVE) is None


def test_an_evaluation_in_another_way_counts_where_none_is_in_the_default_way(lake: Lake) -> None:
    land(lake, evaluation({LIVE: quality(200), NEW: quality(200, 0.1)}, way="vector", after=2))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert (found.measure, found.not_worse) == ("nDCG@10 by vector", False)
    land(lake, evaluation({LIVE: quality(200), NEW: quality(200)}, after=1))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert (found.measure, found.not_worse) == ("nDCG@10", True)


def test_known_items_are_compared_without_the_reranker_that_they_never_have(tmp_path: Path) -> None:
    lake = filled(tmp_path, search={"rerank": "x/y"})
    land(lake, evaluation({LIVE: quality(200), NEW: quality(200, 0.3)}, kind="titles and headings"))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert (found.measure, found.not_worse) == ("nDCG@10 without the reranker", False)
    assert found.difference == pytest.approx(-0.3)


@pytest.mark.parametrize(("rows", "counts"), [(3, False), (89, False), (90, True), (110, True), (111, False)])
def test_what_was_measured_of_a_table_that_has_changed_much_counts_no_more(lake: Lake, rows: int, counts: bool) -> None:
    found = evaluation({LIVE: quality(200), NEW: quality(200)})
    land(lake, replace(found, arms=[replace(found.arms[0], rows=rows), found.arms[1]]))
    assert (latest_verdict(lake, NEW, LIVE) is not None) == counts


def test_equal_models_are_not_worse_where_queries_are_many(lake: Lake) -> None:
    land(lake, evaluation({LIVE: quality(300), NEW: quality(300)}))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert found.not_worse
    assert (found.difference, found.queries, found.measure, found.when) == (0.0, 300, "nDCG@10", START)
    land(lake, evaluation({LIVE: quality(10), NEW: quality(10)}, after=1))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert not found.not_worse, "ten queries show too little"


def test_the_latest_counts_and_judgments_before_known_items(lake: Lake) -> None:
    land(lake, evaluation({LIVE: quality(300), NEW: quality(300, 0.1)}, after=1))
    land(lake, evaluation({LIVE: quality(300), NEW: quality(300)}, kind="titles and headings", after=2))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert (found.evaluation, found.not_worse) == ("judgments-1", False)
    assert found.difference == pytest.approx(-0.1)
    assert found.low < -0.1 < found.high < 0
    other = latest_verdict(lake, LIVE, NEW)
    assert other
    assert other.not_worse
    assert other.difference == pytest.approx(0.1)
    land(lake, evaluation({NEW: quality(300), LIVE: quality(300)}, after=3))
    found = latest_verdict(lake, NEW, LIVE)
    assert found
    assert (found.evaluation, found.not_worse) == ("judgments-3", True)


def test_a_row_that_was_altered_is_found_and_not_believed(lake: Lake) -> None:
    land(lake, evaluation({LIVE: quality(300), NEW: quality(300, 0.1)}))
    assert not verify(lake)
    lake.update(lake.name("evaluations"), f"`table` = '{NEW}'", {"margin": 0.5})
    assert latest_verdict(lake, NEW, LIVE) is None
    assert [finding.table for finding in verify(lake, repair=True)] == ["notes.evaluations"]
    assert lake.count("notes.evaluations") == 1


def test_conclusions_say_what_is_known() -> None:
    def told(less: float, count: int = 200, spread: float = 0.0) -> str:
        noise = np.random.default_rng(2).normal(0, spread, count)
        found = evaluation({LIVE: quality(count), NEW: quality(count, less) + noise})
        return conclusion(found.arms[1], found)

    assert told(0.1).startswith("two, hybrid is worse than one, hybrid: -0.100")
    assert told(-0.1).startswith("two, hybrid is better than one, hybrid: +0.100")
    assert "is not worse than one, hybrid by more than 0.02" in told(0.0)
    assert "20 queries are too few to tell less than 0." in told(0.0, 20, 0.3)


def test_reports_load_nothing_and_obey_nothing(tmp_path: Path) -> None:
    found = evaluation({LIVE: quality(50), NEW: quality(50, 0.1)})
    page = as_html(found)
    assert "<script" not in page
    assert "://" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page
    assert "&lt;i&gt;query&lt;/i&gt;" in page
    assert page.count("<svg") == 3
    assert "| two, hybrid |" in as_markdown(found)
    assert [file.name for file in write(found, tmp_path / "new")] == ["evaluation.html", "evaluation.md"]
    json.dumps(found.to_dict())
