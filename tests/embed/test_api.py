"""Corpora that are embedded by a service: whole runs against the fake, and what is left of those that break off."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.loading import load_corpus
from tasks.embed.api_pool import paid_folder
from tasks.errors import BudgetSpent, ConfigurationError, ModelError, ServiceError
from tasks.lake.failures import list_failures
from tasks.lake.nearest import matrix
from tasks.lake.tables import Lake
from tasks.models.api import connection as clients
from tasks.models.api.paid import Paid
from tasks.models.interface import cosines
from tasks.operate.plan import plan_of
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.lakes import check_whole, lake_of
from tests.machine.engine import run_ingest
from tests.models.api.fake import KEY, Fake, Faults, serving, vector_of
from tests.models.api.runs import encoders_as_named, killed_runs, model_at, paid_in_vain, run, write_documents


@pytest.fixture(autouse=True)
def _kept_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setattr(clients, "_FIRST_PAUSE", 0.001)


@pytest.fixture
def corpus(make_corpus: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    def make(url: str, documents: int = 12, **changes: Any) -> Path:
        write_documents(tmp_path / "docs", documents)
        model = model_at(url, changes.pop("api", None), **changes.pop("model", {}))
        return make_corpus(models=[model], **changes)

    return make


def assert_their_own(corpus_file: Path) -> None:
    """Every row has the vector of what was embedded of it."""
    lake = lake_of(corpus_file)
    for entry in lake.catalog():
        rows = lake.read(entry["table"], ["text", "vector"])
        own = np.stack([vector_of(text, entry["dimension"]) for text in rows["text"].to_pylist()])
        assert cosines(own, matrix(rows)).min() > 0.9999


def test_a_corpus_is_embedded_searched_and_verified(corpus: Callable[..., Path]) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url)
        with encoders_as_named():
            corpus_of = load_corpus(file)
            [planned] = plan_of(corpus_of, Lake(corpus_of, may_be_empty=True)).models
        assert fake.requests == 0
        counts = run(file).models[0]
        assert (counts.rows, counts.state, counts.backend) == (12, "live", "openai API")
        assert counts.billed == fake.tokens_paid
        assert counts.cost == pytest.approx(fake.tokens_paid * 0.02 / 1e6)
        assert planned.cost == pytest.approx(counts.cost, rel=0.6)
        assert_their_own(file)
        assert verify(check_whole(file)) == []
        asked = fake.requests
        assert run(file).idle
        assert fake.requests == asked
        assert open_lake(file).search("owl number 6 is here", by="vector", limit=1)[0].document_id == "docs:6.txt"
    assert list(paid_folder(lake_of(file), counts.table).glob("*")) == []
    assert fake.violations == []


def test_equal_texts_are_paid_once_and_counted_as_saved(corpus: Callable[..., Path], tmp_path: Path) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url)
        run(file)
        (tmp_path / "docs" / "again.md").write_text("The heron number 0 is here.")
        counts = run(file).models[0]
    assert (counts.embedded, counts.reused) == (0, 1)
    assert counts.saved == pytest.approx(counts.reused_tokens * 0.02 / 1e6)
    assert max(fake.times_paid("").values()) == 1


@pytest.mark.parametrize(
    ("state", "told"), [("revoked", "refuses the key"), ("quota", "quota"), ("retired", "no such model")]
)
def test_trouble_of_the_whole_ends_the_run_and_what_was_paid_is_landed(
    corpus: Callable[..., Path], state: str, told: str
) -> None:
    fake = Fake(latency=0.02)
    with serving(fake) as url:
        file = corpus(url, 60, api={"inputs": 4, "concurrency": 4})
        answered = 0

        def trouble(*_: Any) -> str:
            nonlocal answered
            answered += 1
            if answered == 8:
                fake.state = state
            return ""

        fake._fault = trouble  # type: ignore[method-assign]
        with pytest.raises(ServiceError, match=told):
            run(file)
        paid = {text for text in fake.times_paid("") if "number" in text}
        landed = {row["text"] for row in lake_of(file).read(lake_of(file).catalog()[0]["table"], ["text"]).to_pylist()}
        assert landed == paid
        assert 8 < len(paid) < 60
        assert list_failures(lake_of(file)) == []
        fake.state = ""
        assert run(file).models[0].rows == 60
        assert max(fake.times_paid("").items(), key=lambda each: each[1] if "number" in each[0] else 0)[1] == 1
    assert_their_own(file)


def test_a_budget_ends_the_run_before_it_is_exceeded(corpus: Callable[..., Path]) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url, 60, api={"inputs": 4, "concurrency": 2, "price": 1000}, budget="0.3 USD")
        with pytest.raises(BudgetSpent) as error:
            run(file)
        assert error.value.exit_code == 12
        assert 0.15 < fake.tokens_paid * 1000 / 1e6 <= 0.3
        lake = lake_of(file)
        assert lake.count(lake.catalog()[0]["table"]) >= 16
        file = corpus(url, 60, api={"inputs": 4, "price": 1000}, budget=5)
        assert run(file).models[0].rows == 60
        file = corpus(url, 61, model={"model": "openai:unknown"}, budget=5)
        with pytest.raises(ConfigurationError, match="nobody knows what openai:"):
            run(file)


def test_a_text_at_fault_fails_alone(corpus: Callable[..., Path], tmp_path: Path) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url, 9)
        (tmp_path / "docs" / "3.txt").write_text("An unspeakable text.")
        report = run(file)
        assert (report.models[0].rows, report.models[0].failed) == (8, 1)
    [failure] = list_failures(lake_of(file))
    assert (failure["document_id"], failure["error"]) == ("docs:3.txt", "RefusedChunk")
    assert max(fake.times_paid("").values()) == 1


def test_answers_that_were_not_landed_are_not_paid_again(corpus: Callable[..., Path]) -> None:
    """As after a kill: the files of answers are there, and no row."""
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url)
        with encoders_as_named(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("tasks.embed.embedding.Commits.commit", _killed)
            with pytest.raises(KeyboardInterrupt):
                run_ingest(str(file))
        lake = lake_of(file)
        [entry] = lake.catalog()
        assert lake.count(entry["table"]) == 0
        assert len(Paid(paid_folder(lake, entry["table"]))) == 12
        assert run(file).models[0].rows == 12
    assert all(times == 1 for text, times in fake.times_paid("").items() if "number" in text)
    assert list(paid_folder(lake, entry["table"]).glob("*")) == []
    assert_their_own(file)


def test_answers_for_a_lake_that_is_gone_are_not_mixed_with_those_of_a_model_that_changed(
    corpus: Callable[..., Path],
) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url)
        with encoders_as_named(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("tasks.embed.embedding.Commits.commit", _killed)
            with pytest.raises(KeyboardInterrupt):
                run_ingest(str(file))
        shutil.rmtree(load_corpus(file).lake.uri)
        fake.drift = 1.0
        assert run(file).models[0].rows == 12
    lake = lake_of(file)
    rows = lake.read(lake.catalog()[0]["table"], ["text", "vector"])
    own = np.stack([vector_of(text, 32, 1.0) for text in rows["text"].to_pylist()])
    assert cosines(own, matrix(rows)).min() > 0.9999


def _killed(_: Any) -> None:
    raise KeyboardInterrupt


def test_a_model_that_changed_behind_its_name_is_noticed(corpus: Callable[..., Path]) -> None:
    fake = Fake()
    with serving(fake) as url:
        run(corpus(url))
        fake.drift = 1.0
        with pytest.raises(ModelError, match="not the model any more"):
            run(corpus(url, 13))
        report = run(corpus(url, 13, model={"hub_revision": "2"}))
        assert [(counts.rows, counts.state) for counts in report.models] == [(13, "ready")]


def test_other_faults_change_nothing(corpus: Callable[..., Path]) -> None:
    fake = Fake(faults=Faults(0.1, 0.05, 0, 0.05, 0.1, 0.05, 0.05, 0.05, 0.05))
    with serving(fake) as url:
        file = corpus(url, 400, api={"inputs": 2})  # so many requests that each fault is met
        assert run(file).models[0].rows == 400
    assert_their_own(file)
    assert fake.violations == []
    assert {"too_many", "broken", "cut", "shuffled", "duplicate", "short", "nan", "zero"} <= {*fake.met}


def test_a_missing_key_is_said_before_anything_is_read(
    corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAKE_KEY")
    file = corpus("http://127.0.0.1:9")
    with pytest.raises(ModelError, match="FAKE_KEY is not set"):
        run(file)
    assert lake_of(file).count(lake_of(file).name("documents")) == 0


def test_a_plan_needs_no_key(corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAKE_KEY")
    made = load_corpus(corpus("http://127.0.0.1:9"))
    plan = plan_of(made, Lake(made, may_be_empty=True))
    assert plan.cost
    assert plan.models[0].texts


@pytest.mark.parametrize("mode", ["requests", "batch"])
def test_what_is_refused_as_overlong_is_not_paid_for(corpus: Callable[..., Path], tmp_path: Path, mode: str) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url, 3, api={"mode": mode}, overlong="refuse", model={"max_tokens": 12})
        (tmp_path / "docs" / "long.txt").write_text("The heron stands by the river and looks into the water for long.")
        counts = run(file).models[0]
    assert (counts.refused, counts.failed, counts.rows + counts.waiting) == (1, 1, 3)
    assert not any("heron stands" in text for text in fake.times_paid(""))
    [failure] = list_failures(lake_of(file))
    assert failure["error"] == "OverlongChunk"


def test_no_key_is_written_anywhere(
    corpus: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    fake = Fake(faults=Faults(0.2, 0.1, 0, 0.1))
    with serving(fake) as url:
        file = corpus(url, 40, api={"inputs": 3})
        report = run(file)
        open_lake(file).search("the owl", by="vector")
        fake.state = "revoked"
        with pytest.raises(ServiceError) as error:
            run(corpus(url, 41))
    told = json.dumps(report.to_dict()) + repr(error.value) + str(error.value.__dict__) + caplog.text
    assert KEY not in told
    assert KEY not in repr(report)
    for path in tmp_path.rglob("*"):
        assert KEY not in str(path)
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_a_key_in_a_secret_block_is_used_and_told_nowhere(
    corpus: Callable[..., Path], tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.blocks.system import Secret
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    monkeypatch.delenv("FAKE_KEY")
    Secret(value=KEY).save("the-key")
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url, api={"secret": "the-key"})
        told = [cli("plan", file, "--json"), cli("run", file, "--json"), cli("status", file, "--json")]
        assert [code for code, _, _ in told] == [0, 0, 0]
        assert json.loads(told[1][1])["models"][0]["rows"] == 12
        told.append(cli("search", file, "the owl", "--json"))
        fake.state = "revoked"
        corpus(url, 13, api={"secret": "the-key"})
        code, out, err = cli("run", file)
        assert code == 6
        assert "refuses the key" in err
        told.append((code, out, err))
        told.append(cli("run", corpus(url, 13, api={"secret": "none"})))
        assert told[-1][0] == 6
        assert "there is no Secret block 'none'" in told[-1][2]
    database = Path(PREFECT_API_DATABASE_CONNECTION_URL.value().partition(":///")[2])  # where blocks are encrypted
    files = [database, *database.parent.glob(f"{database.name}*"), *(f for f in tmp_path.rglob("*") if f.is_file())]
    assert database.stat().st_size > 10_000
    assert KEY not in str(told)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


@pytest.mark.slow
def test_what_was_paid_before_a_kill_is_not_paid_again(corpus: Callable[..., Path]) -> None:
    fake = Fake(latency=0.05)
    with serving(fake) as url:
        file = corpus(url, 300, api={"inputs": 2, "concurrency": 4})
        kills = killed_runs(fake, file, 2, random.Random(3), 0.8)
        assert len(kills) == 2
    assert_their_own(file)
    assert lake_of(file).count(lake_of(file).catalog()[0]["table"]) == 300
    twice, longest = paid_in_vain(fake, kills)
    assert longest < 1.0  # on a busy machine it takes that long to read an answer
    assert twice <= 2 * 4 * 2  # kills, requests at once, texts in each
