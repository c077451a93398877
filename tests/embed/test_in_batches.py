"""Corpora that are embedded by a Batch API: whole runs against the fake, and what is left of those that break off."""

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.config.loading import load_corpus
from tasks.embed import in_batches, provider_jobs
from tasks.errors import BudgetSpent, ConfigurationError, LeaseHeld, ModelError, ServiceError, SwitchRefused
from tasks.lake.failures import list_failures, retry_failures
from tasks.lake.jobs import open_jobs
from tasks.lake.schemas import JOBS
from tasks.lake.tables import Lake
from tasks.models.api import batch_client
from tasks.models.api import connection as clients
from tasks.operate.plan import plan_of
from tasks.operate.promote import promote
from tasks.operate.report import plan_rows, report_rows
from tasks.operate.status import status_of
from tasks.operate.verify import verify
from tests.embed.test_api import assert_their_own
from tests.lakes import check_whole, lake_of
from tests.machine.engine import Killed, Writes, run_ingest
from tests.models.api import batch_runs
from tests.models.api.batch_runs import until_done
from tests.models.api.fake import KEY, Fake, serving
from tests.models.api.fake_batches import BatchFaults, FakeBatches
from tests.models.api.runs import encoders_as_named, killed_runs, run, write_documents

PROVIDERS = {
    "openai:text-embedding-3-small": ("/v1", 0.02 * 0.5), "mistral:mistral-embed": ("/v1", 0.10 * 0.5),
    "voyage:voyage-4": ("/v1", 0.06 * 0.67), "gemini:gemini-embedding-001": ("/v1beta", 0.15 * 0.5),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setattr(clients, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(batch_client, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(in_batches, "_FIRST_PAUSE", 0.02)


@pytest.fixture
def corpus(make_corpus: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def make(url: str, documents: int = 12, model: str = "openai:text-embedding-3-small", **changes: Any) -> Path:
        write_documents(tmp_path / "docs", documents)
        fixed = model.startswith("mistral")
        api = {
            "url": f"{url}{PROVIDERS.get(model, ('', 0))[0]}",
            "key_env": "FAKE_KEY",
            "mode": "batch",
            **changes.pop("api", {}),
        }
        settings = {"model": model, "name": "small", "api": api, **({} if fixed else {"dimension": 32})}
        return make_corpus(models=[settings], **changes)

    return make


@contextmanager
def faked(faults: BatchFaults | None = None, dimension: int = 64, **settings: Any) -> Iterator[tuple[Fake, str]]:
    fake = Fake(dimension=dimension)
    fake.batches = FakeBatches(fake, faults or BatchFaults(), **settings)
    with serving(fake) as url:
        yield fake, url
    assert fake.violations == []


def times(fake: Fake) -> set[int]:
    """How often each text of a document was paid."""
    return {count for text, count in fake.times_paid().items() if "number" in text}


@pytest.mark.parametrize("model", PROVIDERS)
def test_a_run_submits_and_a_later_one_lands(corpus: Callable[..., Path], model: str) -> None:
    with faked(seconds=60, dimension=1024) as (fake, url):
        file = corpus(url, model=model)
        first = run(file).models[0]
        assert (first.rows, first.submitted, first.batches, first.waiting, first.pending) == (0, 12, 1, 12, 12)
        assert first.since
        assert first.expected
        assert not run(file).models[0].submitted  # what is under way is not pending again
        fake.batches.seconds = 0
        counts = until_done(file).models[0]
        assert (counts.rows, counts.state, counts.embedded, counts.failed) == (12, "live", 12, 0)
        assert counts.billed == sum(paid.tokens for paid in fake.bill if len(paid.texts) == 1)  # not the first probe
        assert counts.cost == pytest.approx(counts.billed * PROVIDERS[model][1] / 1e6)
        assert times(fake) == {1}
        assert fake.batches.files == {}
        assert_their_own(file)
        assert verify(check_whole(file)) == []
        asked = fake.requests
        assert run(file).idle
        assert fake.requests == asked


def test_it_is_told_how_many_wait_how_long_and_what_they_cost(corpus: Callable[..., Path]) -> None:
    with faked(seconds=60) as (_, url):
        file = corpus(url, api={"price": 1000})
        with encoders_as_named():
            [planned] = plan_of(load_corpus(file), Lake(load_corpus(file), may_be_empty=True)).models
        report = run(file)
        told = dict(report_rows(report))
        assert re.match(r"1 batch with 12 texts since .*, about \d+\.\d+ USD.* run again", told["  under way"])
        assert not report.idle
        [entry] = status_of(lake_of(file))["models"]
        assert entry["under_way"]["jobs"] == 1
        assert entry["under_way"]["texts"] == 12
        assert planned.cost == pytest.approx(entry["under_way"]["cost"], rel=0.6)
        with encoders_as_named():
            plan = plan_of(load_corpus(file), lake_of(file))
        assert (plan.models[0].texts, plan.models[0].under_way) == (0, 12)
        assert "Nothing to do" not in str(plan_rows(plan))
        with pytest.raises(SwitchRefused, match="not complete"):
            promote(lake_of(file), "small", "test")


def test_a_run_waits_where_it_shall(corpus: Callable[..., Path]) -> None:
    with faked(seconds=0.2) as (fake, url):
        counts = run(corpus(url, api={"batch_wait": 1})).models[0]
        assert (counts.rows, counts.state, counts.batches) == (12, "live", 0)
        assert times(fake) == {1}


def test_answers_in_any_order_with_strangers_and_doubles_go_where_they_belong(corpus: Callable[..., Path]) -> None:
    with faked(BatchFaults(doubled=0.3, stranger=0.3, cut=0.3, too_many=0.2, broken=0.2)) as (fake, url):
        file = corpus(url, 60)
        assert until_done(file).models[0].rows == 60
        assert times(fake) == {1}
        assert_their_own(file)


def test_what_is_missing_goes_into_the_next_batch(corpus: Callable[..., Path]) -> None:
    with faked(BatchFaults(failing=0.2, missing=0.2, expires=0.5, seed=3)) as (fake, url):
        file = corpus(url, 24, api={"batch_wait": 1})
        assert until_done(file).models[0].rows == 24
        assert times(fake) == {1}
        assert len(fake.batches.jobs) > 2
        assert {job.state for job in fake.batches.jobs.values()} == {"completed", "expired"}
        assert_their_own(file)
    assert list_failures(lake_of(file)) == []


def test_a_text_at_fault_fails_alone(corpus: Callable[..., Path], tmp_path: Path) -> None:
    with faked() as (_, url):
        file = corpus(url, 9)
        (tmp_path / "docs" / "3.txt").write_text("An unspeakable text.")
        until_done(file)
        assert lake_of(file).count(lake_of(file).catalog()[0]["table"]) == 8
    [failure] = list_failures(lake_of(file))
    assert (failure["document_id"], failure["error"]) == ("docs:3.txt", "RefusedChunk")


def test_a_text_that_is_too_long_is_asked_for_at_once_and_shorter(corpus: Callable[..., Path], tmp_path: Path) -> None:
    with faked() as (fake, url):
        fake.longest = 30
        file = corpus(url, 3)
        text = "The " + "long " * 33 + "text."
        (tmp_path / "docs" / "long.txt").write_text(text)
        until_done(file)
        assert lake_of(file).count(lake_of(file).catalog()[0]["table"]) == 4
        [cut] = [paid for paid in fake.times_paid("") if "long" in paid]
        assert text.startswith(cut)
    assert list_failures(lake_of(file)) == []


def test_a_second_run_leaves_while_the_first_waits(
    corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with faked(seconds=60) as (fake, url):
        file = corpus(url, 3, api={"batch_wait": 1})
        met: list[str] = []

        def meanwhile(_: float) -> None:
            fake.batches.seconds = 0
            with pytest.raises(LeaseHeld) as held:
                run(file)
            met.append(held.value.message)

        monkeypatch.setattr(in_batches.time, "sleep", meanwhile)
        assert run(file).models[0].rows == 3
        assert met
        assert times(fake) == {1}


def test_a_text_without_a_usable_vector_fails_after_three_batches_and_may_be_tried_again(
    corpus: Callable[..., Path],
) -> None:
    with faked(BatchFaults(zero=1.0)) as (fake, url):
        file = corpus(url, 3)
        run(file)
        for _ in range(3):
            run(file)
        assert {failure["error"] for failure in list_failures(lake_of(file))} == {"UnusableVector"}
        assert times(fake) == {3}
        fake.batches.faults.zero = 0
        lake = lake_of(file)
        retry_failures(lake, list_failures(lake))
        assert until_done(file).models[0].rows == 3


def test_a_batch_that_fails_as_a_whole_is_told_and_nothing_is_marked(corpus: Callable[..., Path]) -> None:
    with faked(BatchFaults(fails=1.0)) as (fake, url):
        file = corpus(url)
        run(file)
        with pytest.raises(ServiceError, match=r"did nothing of 1 batches: failed, .*cannot be read"):
            run(file)
        assert fake.batches.files == {}
        fake.batches.faults.fails = 0
        assert until_done(file).models[0].rows == 12
    assert list_failures(lake_of(file)) == []


def test_no_more_is_enqueued_than_the_provider_takes(corpus: Callable[..., Path]) -> None:
    with faked(enqueued=110, seconds=0.05) as (fake, url):
        file = corpus(url, 12, api={"batch_wait": 1, "batch_tokens": 100})
        counts = run(file).models[0]
        assert counts.rows < 12 or not counts.pending
        assert until_done(file).models[0].rows == 12
        assert {job.state for job in fake.batches.jobs.values()} >= {"completed"}
        assert times(fake) == {1}


def test_batches_keep_the_limits(corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_client.BATCH_WIRES["openai"], "requests", 8)
    monkeypatch.setattr(batch_client.BATCH_WIRES["openai"], "bytes", 1500)
    with faked(requests=8, bytes=1500) as (fake, url):
        file = corpus(url, 30)
        assert run(file).models[0].batches > 5
        assert until_done(file).models[0].rows == 30
        assert times(fake) == {1}


def test_a_budget_holds_before_anything_is_submitted(corpus: Callable[..., Path]) -> None:
    with faked(seconds=60) as (fake, url):
        file = corpus(url, 60, api={"price": 2000}, budget="0.4 USD")
        with pytest.raises(BudgetSpent):
            run(file)
        [job] = open_jobs(lake_of(file), lake_of(file).catalog()[0]["table"])
        assert 0.2 < (job.cost or 0) <= 0.4
        with pytest.raises(BudgetSpent):  # what is under way counts
            run(file)
        assert len(fake.batches.jobs) == 1
        with pytest.raises(ConfigurationError, match="cannot be asked in batches"):
            run(corpus(url, model="cohere:embed-v4.0"))


def test_chunks_that_change_meanwhile_are_never_landed_wrongly(corpus: Callable[..., Path], tmp_path: Path) -> None:
    with faked(seconds=0.3) as (fake, url):
        file = corpus(url)
        run(file)
        docs = tmp_path / "docs"
        (docs / "0.txt").unlink()
        (docs / "1.txt").write_text("Something else number 100.")
        (docs / "2.txt").rename(docs / "moved.txt")
        (docs / "copy.md").write_text((docs / "3.txt").read_text())
        fake.batches.seconds = 0
        assert until_done(file).models[0].rows == 12
        assert times(fake) == {1}
        assert_their_own(file)
        assert verify(check_whole(file)) == []


def test_what_a_deleted_chunk_was_embedded_for_is_settled(corpus: Callable[..., Path], tmp_path: Path) -> None:
    with faked(seconds=0.3) as (fake, url):
        file = corpus(url, 3)
        run(file)
        for i in range(1, 3):
            (tmp_path / "docs" / f"{i}.txt").unlink()
        run(file)
        fake.batches.seconds = 0
        assert until_done(file).models[0].rows == 1
        assert fake.batches.files == {}


@pytest.mark.parametrize("fault", ["lost", "never"])
def test_a_creation_that_nobody_knows_the_outcome_of_is_looked_for(corpus: Callable[..., Path], fault: str) -> None:
    with faked(script=[fault], seconds=0.05) as (fake, url):
        file = corpus(url)
        assert run(file).models[0].batches == (1 if fault == "lost" else 0)
        assert until_done(file).models[0].rows == 12
        assert times(fake) == {1}
        assert fake.batches.files == {}


def test_a_creation_that_comes_late_finds_no_file(corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run stops right before it creates a job; another takes over; then the first one goes on."""
    with faked() as (fake, url):
        file = corpus(url)
        late: list[Any] = []

        def stopped(api: Any, sent: str, name: str) -> Any:
            late.append((api, sent, name))
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(batch_client.BatchApi, "create", stopped)
            with pytest.raises(Killed):
                run(file)
        run(file)
        api, sent, name = late[0]
        again = batch_client.BatchApi(api.wire, api._asked, api._base, KEY, 60)
        with pytest.raises(ServiceError, match="does not exist"):
            again.create(sent, name)
        assert until_done(file).models[0].rows == 12
        assert times(fake) == {1}


@pytest.mark.slow
@pytest.mark.parametrize(("lands", "written"), [(False, False), (True, True)])
def test_a_run_that_breaks_off_at_any_write_pays_nothing_twice(
    corpus: Callable[..., Path], written: bool, lands: bool, tmp_path: Path
) -> None:
    with faked() as (fake, url):
        file = corpus(url, 0)
        at, broken = 0, True
        while broken:
            (tmp_path / "docs" / f"{at}.txt").write_text(f"The text number {at} is here.")
            if lands:
                until_submitted(file, fake)
            with encoders_as_named(), Writes(at, written).watched():
                try:
                    run_ingest(str(file))
                    broken = False
                except Killed:
                    at += 1
        assert at > 4
        assert until_done(file).models[0].rows == at + 1
        assert times(fake) == {1}
        assert fake.batches.files == {}
        assert_their_own(file)


@pytest.mark.slow
def test_runs_that_are_killed_pay_for_no_text_twice(corpus: Callable[..., Path]) -> None:
    with faked(seconds=0.2) as (fake, url):
        file = corpus(url, 40, api={"batch_tokens": 250})
        killed = killed_runs(fake, file, 2, random.Random(3), 1.5, runs=batch_runs.__name__)
        assert killed
        assert times(fake) == {1}
        assert fake.batches.files == {}
        assert lake_of(file).count(lake_of(file).catalog()[0]["table"]) == 40
    assert_their_own(file)


def until_submitted(corpus_file: Path, fake: Fake) -> None:
    """What a run before left is landed, and what is new is under way."""
    fake.batches.seconds = 60
    run(corpus_file)
    fake.batches.seconds = 0


def test_a_provider_that_does_not_know_a_batch_is_not_asked_for_it_anew_at_once(
    corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with faked(seconds=60) as (fake, url):
        file = corpus(url)
        run(file)
        fake.batches.jobs.clear()
        with pytest.raises(ServiceError, match="does not know the batch"):
            run(file)
        assert fake.batches.jobs == {}
        monkeypatch.setattr(provider_jobs, "_GIVEN_UP", timedelta(0))
        fake.batches.seconds = 0
        assert until_done(file).models[0].rows == 12


def test_a_model_that_changed_is_noticed_by_its_answers_and_before_anything_is_submitted(
    corpus: Callable[..., Path],
) -> None:
    with faked() as (fake, url):
        until_done(corpus(url))
        file = corpus(url, 14)
        run(file)
        fake.drift = 1.0
        with pytest.raises(ModelError, match="not the model any more"):
            run(file)
        lake = lake_of(file)
        lake.delete_in(lake.name("jobs"), "state", ["submitted"])
        submitted = len(fake.batches.jobs)
        with pytest.raises(ModelError, match="not the model any more"):
            run(file)
        assert len(fake.batches.jobs) == submitted


def test_a_model_that_is_asked_by_requests_again_pays_nothing_twice(corpus: Callable[..., Path]) -> None:
    with faked(seconds=60) as (fake, url):
        run(corpus(url))
        file = corpus(url, 15, api={"mode": "requests"})
        counts = run(file).models[0]
        assert (counts.rows, counts.waiting, counts.pending) == (3, 12, 12)
        fake.batches.seconds = 0
        assert until_done(file).models[0].rows == 15
        assert times(fake) == {1}
        assert_their_own(file)


def test_jobs_are_sealed_rows_that_verify_audits(corpus: Callable[..., Path]) -> None:
    with faked(seconds=60) as (_, url):
        file = corpus(url)
        run(file)
    lake = lake_of(file)
    assert verify(lake) == []
    row = lake.to_arrow(lake.name("jobs")).to_pylist()[0]
    assert row["created"] <= datetime.now(UTC)
    assert lake.columns(lake.name("jobs")) == JOBS.names
    lake.update(lake.name("jobs"), "true", {"job": "another"})
    assert [finding.table for finding in verify(lake)] == [lake.name("jobs")]
