"""Several runs at once, runs that are killed, runs that sleep through their lease. `CHAOS_ROUNDS` sets how many."""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from tasks.errors import LakeError
from tasks.operate.verify import verify
from tasks.progress import RunReport
from tests.conftest import free_port, wait_until
from tests.extract.showing import data_of
from tests.faulty import FaultyProxy
from tests.lakes import check_whole, lake_of
from tests.machine.engine import quick, run_ingest

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Prefect server that all runs share, as they would in production."""
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    server = start_server(home, port)
    yield environment_of(home, port)
    server.terminate()
    server.wait()


def environment_of(home: Path, port: int) -> dict[str, str]:
    """What makes a command use the server there."""
    return {**os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}


def start_server(home: Path, port: int) -> "subprocess.Popen[bytes]":
    """A Prefect server, ready."""
    command = [BIN / "prefect", "server", "start", "--port", str(port)]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            command, env=environment_of(home, port), stdout=log, stderr=log, start_new_session=True
        )
    wait_until(lambda: _listens(port), 90, "the Prefect server")
    return server


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(environment: dict[str, str], *arguments: object) -> "subprocess.Popen[str]":
    command = [str(BIN / "embedlake"), *map(str, arguments), "--json"]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def end(process: "subprocess.Popen[str]", seconds: float = 240) -> tuple[int, Any]:
    out, err = process.communicate(timeout=seconds)
    assert "Traceback" not in out + err, out + err
    return process.returncode, json.loads(out) if out.strip() else {"stderr": err}


def run_here(corpus_file: Path) -> RunReport:
    """A run in this process, which begins at once, for what a test needs before and after what it is about."""
    with quick(stand_ins=False):
        report: RunReport = run_ingest(str(corpus_file))
    return report


def fill(folder: Path, count: int) -> None:
    for i in range(count):
        (folder / f"{i}.txt").write_text(
            f"Document {i} speaks of subject {i * i} at some length, as documents will do."
        )


def stores(tmp_path: Path, s3_server: dict[str, str]) -> dict[str, Any]:
    s3 = {
        "aws_access_key_id": s3_server["key"], "aws_secret_access_key": s3_server["secret"],
        "aws_endpoint": s3_server["endpoint"], "aws_region": "us-east-1", "allow_http": "true",
    }  # fmt: skip
    slow = s3 | {"aws_endpoint": f"http://127.0.0.1:{slow_port(s3_server['endpoint'])}"}
    uri = f"s3://embedlake/{tmp_path.name}"
    return {
        "disk": str(tmp_path / "lake"),
        "s3": {"uri": uri, "options": s3},
        "slow s3": {"uri": uri, "options": slow},
    }


@cache
def slow_port(endpoint: str) -> int:
    """A port that leads to an S3 server and keeps each packet back for up to 10 ms."""
    return FaultyProxy(int(endpoint.rsplit(":", 1)[1]), delay=0.01).port


@pytest.mark.parametrize("store", ["disk", "s3"])
def test_four_runs_at_once_do_the_work_of_one(
    make_corpus: Make, tmp_path: Path, environment: dict[str, str], s3_server: dict[str, str], store: str
) -> None:
    corpus_file = make_corpus(lake=stores(tmp_path, s3_server)[store])
    fill(tmp_path / "docs", 300)
    results = [end(process) for process in [start(environment, "run", corpus_file, "--wait") for _ in range(4)]]
    assert [code for code, _ in results] == [0] * 4, results
    assert verify(check_whole(corpus_file)) == []
    assert lake_of(corpus_file).count("notes.chunks") == 300
    assert sum(model["embedded"] for _, report in results for model in report["models"]) == 300


@pytest.mark.parametrize("store", ["disk", "slow s3"])
def test_two_ingests_and_two_backfills_at_once(
    make_corpus: Make,
    tmp_path: Path,
    tiny_model: Path,
    environment: dict[str, str],
    s3_server: dict[str, str],
    store: str,
) -> None:
    models = [{"model": str(tiny_model), "name": name, "document_prompt": name} for name in ("one", "two", "three")]
    first = make_corpus(models=models[:1], lake=stores(tmp_path, s3_server)[store])
    fill(tmp_path / "docs", 50)
    run_here(first)
    fill(tmp_path / "docs", 150)
    every = tmp_path / "every.yaml"
    every.write_text(json.dumps(json.loads(first.read_text()) | {"models": models}))
    processes = [start(environment, "run", first, "--wait") for _ in range(2)]
    processes += [start(environment, "backfill", every, "--model", name, "--wait") for name in ("two", "three")]
    results = [end(process) for process in processes]
    assert [code for code, _ in results] == [0] * 4, results
    run_here(every)  # what came after the backfills had looked
    assert verify(check_whole(every)) == []
    assert lake_of(every).count("notes.chunks") == 150


def test_a_second_run_says_who_writes(make_corpus: Make, tmp_path: Path, environment: dict[str, str]) -> None:
    corpus_file = make_corpus(resources={"batch_tokens": 8, "commit_seconds": 0.5}, lease={"seconds": 300})
    fill(tmp_path / "docs", 2000)
    first = start(environment, "run", corpus_file)
    wait_until(lambda: any((tmp_path / "lake").glob("notes.chunks.lance/data/*")), 90, "the first chunks")
    os.kill(first.pid, signal.SIGSTOP)  # for less than its lease, so that it does not end too soon for this test
    code, second = end(start(environment, "run", corpus_file))
    os.kill(first.pid, signal.SIGCONT)
    assert (code, second["error"]["kind"]) == (7, "LeaseHeld")
    assert f"process {first.pid}" in second["error"]["message"]
    assert end(first)[0] == 0
    check_whole(corpus_file)


@pytest.mark.parametrize("store", ["disk", "s3"])
def test_a_run_that_sleeps_through_its_lease_writes_no_more(
    make_corpus: Make, tmp_path: Path, environment: dict[str, str], s3_server: dict[str, str], store: str
) -> None:
    corpus_file = make_corpus(
        resources={"batch_tokens": 8, "commit_seconds": 0.5},
        lease={"seconds": 4},
        lake=stores(tmp_path, s3_server)[store],
    )
    fill(tmp_path / "docs", 2000)
    sleeper = start(environment, "run", corpus_file)

    def chunks_landed() -> bool:
        with contextlib.suppress(LakeError):
            return lake_of(corpus_file).count("notes.chunks") > 0
        return False

    wait_until(chunks_landed, 90, "the first chunks")
    os.kill(sleeper.pid, signal.SIGSTOP)
    time.sleep(6)
    code, _ = end(start(environment, "run", corpus_file))
    assert code == 0
    os.kill(sleeper.pid, signal.SIGCONT)
    code, report = end(sleeper)
    assert (code, report["error"]["kind"]) == (7, "LeaseLost"), report
    assert verify(check_whole(corpus_file)) == []
    assert lake_of(corpus_file).count("notes.chunks") == 2000
    assert run_here(corpus_file).idle


@pytest.mark.parametrize("victim", ["driver", "driver with images", "actor", "node"])
def test_what_is_killed_is_gone_on_with(
    make_corpus: Make,
    tmp_path: Path,
    environment: dict[str, str],
    tiny_media: Callable[[str], Path],
    victim: str,
) -> None:
    generator = random.Random(victim)
    resources = {
        "in_process_below": 0 if victim in ("actor", "node") else 10**9,
        "batch_tokens": 64,
        "commit_seconds": 1,
    }
    sight: dict[str, Any] = {}
    if victim == "driver with images":
        sight = {"models": [str(tiny_media("clip"))], "extraction": {"images": "all"}}
    count = 600
    for turn in range(ROUNDS):
        corpus_file = make_corpus(resources=resources, **sight)
        for i in range(turn * count, (turn + 1) * count):
            if i % 2 and victim == "driver with images":
                image = io.BytesIO()
                Image.new("RGB", (32, 32), (i % 256, i // 256, 7)).save(image, "PNG")
                if i % 4 == 1:
                    (tmp_path / "docs" / f"{i}.png").write_bytes(image.getvalue())
                else:
                    (tmp_path / "docs" / f"{i}.html").write_text(f'<p></p><img src="{data_of(image.getvalue())}">')
                continue
            (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i} at some length.")
        process = start(environment, "run", corpus_file)
        if victim == "driver with images":  # its model is looked at first, which takes its time
            wait_until(lambda: any((tmp_path / "lake").glob("notes.chunks.lance/data/*")), 90, "the first chunks")
            time.sleep(generator.uniform(0, 4))
        else:
            time.sleep(generator.uniform(4, 14))
        _kill(process, victim.partition(" ")[0])
        code, report = end(process)
        assert code in (0, 1, -signal.SIGKILL), report
        lake = lake_of(corpus_file)
        kept = sum(lake.count(row["table"]) for row in lake.catalog())
        embedded = sum(model.embedded for model in run_here(make_corpus(**sight)).models)
        assert verify(check_whole(corpus_file)) == []
        assert lake_of(corpus_file).count("notes.chunks") == (turn + 1) * count
        assert embedded == (turn + 1) * count - kept  # nothing that was landed is embedded again


def test_a_prefect_server_that_is_killed_loses_nothing(make_corpus: Make, tmp_path: Path) -> None:
    generator = random.Random(7)
    corpus_file = make_corpus(
        resources={"in_process_below": 10**9, "batch_tokens": 8, "commit_seconds": 1}, lease={"seconds": 5}
    )
    fill(tmp_path / "docs", 600)
    home, port = tmp_path / "prefect", free_port()
    home.mkdir()
    environment = environment_of(home, port) | {"PREFECT_CLIENT_MAX_RETRIES": "1"}  # by itself its client waits minutes
    for _ in range(ROUNDS):
        server = start_server(home, port)
        process = start(environment, "run", corpus_file)
        time.sleep(generator.uniform(4, 10))
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        code, report = end(process)
        assert code == 0 or "Prefect server" in report["error"]["message"], (code, report)
    run_here(make_corpus())
    assert verify(check_whole(corpus_file)) == []
    assert lake_of(corpus_file).count("notes.chunks") == 600


def _kill(process: "subprocess.Popen[str]", victim: str) -> None:
    if victim == "driver":
        process.kill()
        return
    word = "EncoderActor" if victim == "actor" else "raylet"
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for child in family:
        try:
            if word in child.name() or word in " ".join(child.cmdline()[:1]):
                child.kill()
        except psutil.Error:
            continue
