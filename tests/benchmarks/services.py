"""A model behind an API that fails as services do: wrong assignments, share of the allowed rate, texts paid twice.

The service is the fake of tests/models/api/fake.py, in a process of its own: no real one is asked, nothing is paid.

    python -m tests.benchmarks.services --texts 100000 --tokens-a-minute 500000
    python -m tests.benchmarks.services --texts 20000 --tokens-a-minute 100000 --runs 2
    python -m tests.benchmarks.services --kills 30 --texts 3000
    python -m tests.benchmarks.services --kills 30 --texts 3000 --batches
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tasks.config.loading import load_corpus
from tasks.lake.nearest import matrix
from tasks.lake.tables import Lake
from tasks.models.interface import cosines
from tests.conftest import free_port
from tests.models.api import batch_runs
from tests.models.api.fake import KEY, Fake, serving, vector_of
from tests.models.api.fake_batches import BatchFaults, FakeBatches
from tests.models.api.runs import WORDS, killed_runs, model_at, paid_in_vain

MIX = {
    "too_many": 0.10, "broken": 0.05, "slow": 0.02, "cut": 0.02, "shuffled": 0.05, "duplicate": 0.01, "short": 0.01,
    "nan": 0.01, "zero": 0.01,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--tokens-a-minute", type=int, default=500_000)
    parser.add_argument("--inputs", type=int, default=96, help="texts a request")
    parser.add_argument("--runs", type=int, default=1, help="corpora of so many texts each that are embedded at once")
    parser.add_argument("--kills", type=int, default=0, help="kill so many runs instead, without other faults")
    parser.add_argument("--batches", action="store_true", help="ask by the Batch API, with its own faults")
    told = parser.parse_args()
    os.environ["FAKE_KEY"] = KEY
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        if told.kills and told.batches:
            kill_batches(Path(folder), told.texts, told.kills)
        elif told.kills:
            kill(Path(folder), told.texts, told.kills)
        else:
            embed(Path(folder), told.texts, told.tokens_a_minute, told.inputs, told.runs)


def embed(folder: Path, texts: int, tokens_a_minute: int, inputs: int, runs: int) -> None:
    """Runs, all at once, through the mixture of faults."""
    settings = {
        "faults": MIX, "tokens_a_minute": tokens_a_minute, "inputs": inputs, "latency": 0.2,
    }  # fmt: skip
    with fake_process(settings) as url:
        model = model_at(url, {"inputs": inputs, "tokens_per_minute": tokens_a_minute})
        folders = [folder / str(run) for run in range(runs)]
        for one in folders:
            one.mkdir()
        files = [corpus(one, texts, model) for one in folders]
        began = time.monotonic()
        started = [subprocess.Popen([sys.executable, "-m", "tests.models.api.runs", str(file)]) for file in files]
        assert [run.wait() for run in started] == [0] * runs
        seconds = time.monotonic() - began
        bill = httpx.get(f"{url}/fake/bill", timeout=60).json()
    came = np.array(bill["came"])
    minutes = (came[:, 0] - came[0, 0]) // 60
    shares = [came[minutes == minute, 1].sum() / tokens_a_minute for minute in range(int(minutes[-1]))]
    print(
        f"{runs} runs of {texts:,} texts in {seconds:.0f} s; {bill['requests']:,} requests, faults met: {bill['met']}"
    )
    print(f"rows {sum(map(check, files)):,}, wrong assignments 0, requests over a limit: {len(bill['violations'])}")
    print(f"requests over the rate: {bill['over_rate']}")
    print("share of the allowed tokens, minute by minute:", ", ".join(f"{share:.1%}" for share in shares))


def kill(folder: Path, texts: int, kills: int) -> None:
    """Many runs that are killed, then one that ends."""
    fake = Fake(latency=0.05, inputs=16)
    with serving(fake) as url:
        file = corpus(folder, texts, model_at(url, {"inputs": 4, "concurrency": 8}))
        times = killed_runs(fake, file, kills, random.Random(5), 2.0)
    twice, longest = paid_in_vain(fake, times)
    print(f"{len(times)} runs killed, {texts:,} texts, {check(file):,} rows")
    print(f"paid twice: {twice} texts; their answers were still to be sent, or {longest * 1000:.0f} ms old at most")


def kill_batches(folder: Path, texts: int, kills: int) -> None:
    """The same by a Batch API whose jobs expire, lack answers and are created although the answer is an error."""
    fake = Fake()
    faults = BatchFaults(
        too_many=0.05, broken=0.02, lost=0.1, never=0.05, cut=0.05, failing=0.02, missing=0.02, doubled=0.02,
        stranger=0.02, expires=0.2,
    )  # fmt: skip
    fake.batches = FakeBatches(fake, faults, seconds=0.5)
    with serving(fake) as url:
        api = {"mode": "batch", "batch_tokens": texts}
        file = corpus(folder, texts, model_at(url, api))
        times = killed_runs(fake, file, kills, random.Random(5), 4.0, runs=batch_runs.__name__)
    counts = Counter(times for text, times in fake.times_paid().items() if "number" in text)
    states = Counter(job.state for job in fake.batches.jobs.values())
    print(f"{len(times)} runs killed, {texts:,} texts, {check(file):,} rows, jobs: {dict(states)}")
    print(f"texts by how often they were paid: {dict(counts)}; files that are left: {len(fake.batches.files)}")


def corpus(folder: Path, texts: int, model: dict[str, Any]) -> Path:
    """A corpus of short records."""
    with (folder / "texts.jsonl").open("w") as written:
        for i in range(texts):
            text = f"The {WORDS[i % 12]} and the {WORDS[i // 12 % 12]}, number {i}, are here again today."
            written.write(json.dumps({"id": str(i), "text": text}) + "\n")
    file = folder / "texts.yaml"
    sources = [{"name": "texts", "uri": str(folder / "texts.jsonl"), "fields": {"id": "id", "text": "text"}}]
    file.write_text(json.dumps({"name": "texts", "lake": str(folder / "lake"), "sources": sources, "models": [model]}))
    return file


def check(file: Path) -> int:
    """Rows of the model's table, each of which has the vector of its text."""
    lake = Lake(load_corpus(file))
    [entry] = lake.catalog()
    for rows in lake.snapshot(entry["table"]).scan(["text", "vector"]):
        own = np.stack([vector_of(text, entry["dimension"]) for text in rows["text"].to_pylist()])
        assert cosines(own, matrix(rows)).min() > 0.9999
    return lake.count(entry["table"])


@contextmanager
def fake_process(settings: dict[str, Any]) -> Iterator[str]:
    """The fake in a process of its own; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "tests.models.api.fake", "--port", str(port), "--settings", json.dumps(settings)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx.get(f"{url}/info")
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
