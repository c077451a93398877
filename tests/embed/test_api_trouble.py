"""Documents change, the service fails in every way, and runs break off: in the end every chunk has its own vector.

EXACTLY_ONCE_SEED and EXACTLY_ONCE_EXAMPLES as for the state machine.
"""

import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.embed.api_pool import paid_folder
from tasks.embed.commits import Commits
from tasks.errors import BudgetSpent, ServiceError
from tasks.lake.failures import list_failures
from tasks.lake.nearest import matrix
from tasks.models.api import connection as clients
from tasks.models.interface import cosines
from tasks.operate.verify import verify
from tests.lakes import lake_of
from tests.machine.engine import run_ingest
from tests.models.api.fake import FILTERED, KEY, Fake, Faults, serving, vector_of
from tests.models.api.runs import encoders_as_named, model_at, write_documents

STEPS = 4


class BrokenOff(BaseException):
    """As a kill: nothing is written after it."""


@pytest.mark.slow
def test_whatever_happens_every_chunk_gets_its_own_vector(
    make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setattr(clients, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(clients, "_GRACE", 0.0)
    first = int(os.environ.get("EXACTLY_ONCE_SEED", "1"))
    for seed in range(first, first + int(os.environ.get("EXACTLY_ONCE_EXAMPLES", "1"))):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        live_through(seed, make_corpus, folder)


def live_through(seed: int, make_corpus: Callable[..., Path], folder: Path) -> None:
    chance = random.Random(seed)
    fake = Fake(faults=Faults(seed=seed), latency=0.002)
    docs = folder / "docs"
    write_documents(docs, 30)
    with serving(fake) as url:
        for step in range(STEPS + 1):
            settled = step == STEPS
            for i in chance.sample(range(60), 8):
                bad = f" {FILTERED}" if chance.random() < 0.1 else ""
                (docs / f"{i}.txt").write_text(f"The number {i} was written in step {chance.randrange(3)}{bad}.")
            for i in chance.sample(range(60), 4):
                (docs / f"{i}.txt").unlink(missing_ok=True)
            fake.faults = Faults(*(0 if settled else chance.random() * 0.15 for _ in range(2)), seed=seed)
            for name in ("cut", "shuffled", "duplicate", "short", "nan", "zero"):
                setattr(fake.faults, name, 0 if settled else chance.random() * 0.1)
            api = {"inputs": chance.randint(1, 9), "concurrency": chance.randint(1, 8), "price": 100}
            budget = {"budget": 0.02 + chance.random() / 10} if not settled and chance.random() < 0.3 else {}
            file = make_corpus(
                lake=str(folder / "lake"), sources=[{"name": "docs", "uri": str(docs)}], models=[model_at(url, api)],
                resources={"commit_seconds": chance.choice([0.001, 60])}, **budget,
            )  # fmt: skip
            trouble = "" if settled else chance.choice(["", "", "revoked", "quota", "break", "break"])
            live_a_run(fake, file, trouble, chance)
            check(fake, file, settled)


def live_a_run(fake: Fake, file: Path, trouble: str, chance: random.Random) -> None:
    """A run that goes well, meets with the end of a key or a quota, or is broken off at a write."""
    left = chance.randint(1, 8)
    plain = Fake._fault

    def fault(self: Fake) -> str:
        nonlocal left
        left -= 1
        if left == 0 and trouble in ("revoked", "quota"):
            self.state = trouble
        return plain(self)

    commit = Commits.commit

    def broken_off(self: Any) -> None:
        if trouble == "break" and chance.random() < 0.5:
            raise BrokenOff
        commit(self)

    with encoders_as_named(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fake, "_fault", fault)
        patch.setattr(Commits, "commit", broken_off)
        expected = {"break": (BrokenOff, BudgetSpent), "": (BudgetSpent,)}.get(trouble, (ServiceError, BudgetSpent))
        with contextlib.suppress(*expected):
            run_ingest(str(file))
    fake.state = ""


def check(fake: Fake, file: Path, settled: bool) -> None:
    lake = lake_of(file)
    for entry in lake.catalog():
        rows = lake.read(entry["table"], ["text", "vector"])
        if len(rows):
            own = np.stack([vector_of(text, entry["dimension"]) for text in rows["text"].to_pylist()])
            assert cosines(own, matrix(rows)).min() > 0.9999
    assert fake.violations == []
    assert all(failure["error"] == "RefusedChunk" for failure in list_failures(lake))
    if settled:
        [entry] = lake.catalog()
        assert entry["state"] in ("live", "building", "ready")
        assert verify(lake) == []
        bad = {row["chunk_id"] for row in list_failures(lake)}
        chunks = {*lake.read(lake.name("chunks"), ["chunk_id"])["chunk_id"].to_pylist()}
        assert {*lake.read(entry["table"], ["chunk_id"])["chunk_id"].to_pylist()} == chunks - bad
        assert list(paid_folder(lake, entry["table"]).glob("*")) == []
