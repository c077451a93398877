"""Runs of corpora that the fake embeds, without Prefect's engine; `python -m tests.models.api.runs FILE` is one."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tasks.models import choose
from tasks.models.choose import load_encoder
from tests.machine.engine import quick, run_ingest
from tests.models.api.fake import Fake

WORDS = ["heron", "river", "moon", "tide", "stone", "bread", "owl", "night", "ship", "rope", "glass", "salt"]


@contextmanager
def encoders_as_named() -> Iterator[None]:
    """As `quick`, with the encoders that the corpus names."""
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", load_encoder)
        yield


def run(corpus_file: Path) -> Any:
    with encoders_as_named():
        return run_ingest(str(corpus_file))


def write_documents(folder: Path, count: int) -> None:
    """Documents of a chunk each."""
    folder.mkdir(exist_ok=True)
    for i in range(count):
        (folder / f"{i}.txt").write_text(f"The {WORDS[i % len(WORDS)]} number {i} is here.")


def model_at(url: str, api: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """OpenAI's small model, asked at an address with the key in FAKE_KEY."""
    own = {"model": "openai:text-embedding-3-small", "name": "small", "dimension": 32} | settings
    return own | {"api": {"url": f"{url}/v1", "key_env": "FAKE_KEY"} | (api or {})}


def killed_runs(
    fake: Fake, corpus_file: Path, kills: int, chance: random.Random, longest: float, runs: str = __name__
) -> list[float]:
    """Runs in processes of their own that are killed at a random moment after they began to ask; then one that ends.

    Args:
        fake: that they ask.
        corpus_file: theirs.
        kills: how many.
        chance: decides when.
        longest: seconds between the first request and a kill.
        runs: the module that runs them.

    Returns:
        When each was killed, in seconds of the epoch.
    """
    times = []
    for kill in range(kills + 1):
        asked = fake.requests
        process = subprocess.Popen([sys.executable, "-m", runs, str(corpus_file)])
        while kill < kills and process.poll() is None and fake.requests <= asked + 1:
            time.sleep(0.002)
        if kill < kills and process.poll() is None:
            time.sleep(chance.random() * longest)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                times.append(time.time())
                process.wait()
                time.sleep(fake.latency + 0.1)  # what was in flight is paid for by now
        process.wait(300)
    assert process.returncode == 0
    return times


def paid_in_vain(fake: Fake, kills: list[float]) -> tuple[int, float]:
    """Texts that were paid for twice, and how long an answer that was lost had been sent when a run was killed: at
    most so many seconds, 0 where each was still to be sent. An answer that no kill explains makes it infinite.

    Args:
        fake: that has the bill.
        kills: when runs were killed, in seconds of the epoch.
    """
    twice = {text for text, times in fake.times_paid("").items() if times > 1 and "number" in text}
    longest = 0.0
    for text in twice:
        answers = sorted((paid.came, paid.sent) for paid in fake.bill if text in paid.texts)
        for came, sent in answers[:-1]:
            ages = [kill - sent for kill in kills if kill >= came]
            longest = max(longest, min(ages, default=float("inf")))
    return len(twice), longest


if __name__ == "__main__":
    run(Path(sys.argv[1]))
