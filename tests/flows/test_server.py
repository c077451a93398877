"""Runs under a real Prefect server: what its API, and so its UI, knows of them."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.artifacts import artifact_key
from tests.conftest import free_port, wait_until
from tests.lakes import check_whole, lake_of
from tests.machine.engine import quick, run_ingest

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Prefect server of its own; gives the environment that points at it."""
    home = tmp_path_factory.mktemp("prefect")
    port = free_port()
    environment = {
        **os.environ, "PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",  # seconds between looks for runs that are to begin or to end; else 10
    }  # fmt: skip
    environment.pop("PREFECT_API_DATABASE_CONNECTION_URL", None)
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [BIN / "prefect", "server", "start", "--port", str(port)], env=environment, stdout=log, stderr=log
        )

    def ready() -> bool:
        try:
            return bool(ask(environment, "GET", "health"))
        except OSError:
            return False

    try:
        wait_until(ready, 90, "the Prefect server")
        yield environment
    finally:
        process.terminate()
        process.wait()


def ask(environment: dict[str, str], method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{environment['PREFECT_API_URL']}/{path}", data, {"Content-Type": "application/json"}, method=method
    )
    for attempt in range(6):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503 or attempt == 5:  # a busy server says 503, and Prefect's own client asks again too
                raise
        time.sleep(1)
    raise AssertionError("unreachable")


def test_a_run_shows_its_tasks_progress_and_report(
    server: dict[str, str], make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    subprocess.run([BIN / "embedlake", "run", corpus_file], env=server, check=True, capture_output=True)
    [run] = ask(server, "POST", "flow_runs/filter", {})
    assert run["name"].startswith("ingest notes ")
    assert run["state_name"] == "Completed"
    tasks = {task["name"].rsplit("-", 1)[0]: task["state_name"] for task in ask(server, "POST", "task_runs/filter", {})}
    assert tasks == dict.fromkeys(
        [
            "resolve models",
            "list sources",
            "compare with lake",
            "look for work",
            "make tables ready",
            "load and chunk",
            "embed tiny",
            "index and finish",
            "switch and retire",
        ],
        "Completed",
    )
    artifacts = {artifact["key"]: artifact for artifact in ask(server, "POST", "artifacts/filter", {})}
    assert {"progress-notes-read", "progress-notes-embed", "report-notes"} <= set(artifacts)
    assert artifacts["progress-notes-embed"]["data"] == 100.0
    assert "| documents new | 1 |" in artifacts["report-notes"]["data"]


def test_artifacts_are_keyed_by_corpus_and_stage() -> None:
    assert artifact_key("progress", "docs", "read") == "progress-docs-read"
    keys = {artifact_key("progress", corpus, "read") for corpus in ("my-notes", "My-notes", "my_notes")}
    assert len(keys) == 3
    assert all(re.fullmatch("progress-my-notes-read(-[0-9a-f]{6})?", key) for key in keys)


def test_served_corpora_run_on_demand_and_on_schedule(
    server: dict[str, str], make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus_file = make_corpus("served", schedule={"cron": "0 2 * * *", "timezone": "Europe/Paris"})
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    with (tmp_path / "serve.log").open("w") as log:
        process = subprocess.Popen([BIN / "embedlake", "serve", corpus_file], env=server, stdout=log, stderr=log)
    try:

        def deployed() -> dict[str, Any]:
            return {
                f"{d['entrypoint'].rsplit(':')[-1]}/{d['name']}": d
                for d in ask(server, "POST", "deployments/filter", {})
            }

        wait_until(lambda: "ingest/served" in deployed() and "backfill/served" in deployed(), 60, "the deployments")
        ingest = deployed()["ingest/served"]
        assert ingest["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
        assert ingest["schedules"][0]["schedule"]["timezone"] == "Europe/Paris"
        assert not deployed()["backfill/served"]["schedules"]
        run = ask(server, "POST", f"deployments/{ingest['id']}/create_flow_run", {})
        wait_until(
            lambda: ask(server, "GET", f"flow_runs/{run['id']}")["state_name"] in ("Completed", "Failed", "Crashed"),
            120,
            "the end of the run",
        )
        done = ask(server, "GET", f"flow_runs/{run['id']}")
        assert done["state_name"] == "Completed", (tmp_path / "serve.log").read_text()
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_run_that_is_cancelled_in_prefect_leaves_a_whole_state(
    server: dict[str, str], make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus_file = make_corpus(
        "cancelled", resources={"batch_tokens": 8, "commit_seconds": 0.5, "in_process_below": 10**9}
    )
    for i in range(5000):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i} at some length.")
    with (tmp_path / "serve.log").open("w") as log:
        process = subprocess.Popen([BIN / "embedlake", "serve", corpus_file], env=server, stdout=log, stderr=log)
    try:
        names = {"deployments": {"name": {"any_": ["cancelled"]}}, "flows": {"name": {"any_": ["ingest"]}}}
        wait_until(lambda: bool(ask(server, "POST", "deployments/filter", names)), 60, "the deployment")
        [deployment] = ask(server, "POST", "deployments/filter", names)
        run = ask(server, "POST", f"deployments/{deployment['id']}/create_flow_run", {})
        place = f"flow_runs/{run['id']}"
        wait_until(lambda: any((tmp_path / "lake").glob("cancelled.tiny.*/data/*")), 120, "the first vectors")
        ask(server, "POST", f"{place}/set_state", {"state": {"type": "CANCELLING"}})
        wait_until(lambda: ask(server, "GET", place)["state_type"] == "CANCELLED", 60, "the end of the run")
    finally:
        process.terminate()
        process.wait(timeout=30)
    lake = lake_of(corpus_file)
    kept = lake.count(lake.catalog()[0]["table"])
    assert 0 < kept < 5000
    with quick(stand_ins=False):
        report = run_ingest(str(make_corpus("cancelled")))
    assert report.models[0].embedded == 5000 - kept
    check_whole(corpus_file)


def test_the_work_pool_file_names_deployments_that_exist() -> None:
    from ruamel.yaml import YAML

    for deployment in YAML(typ="safe").load(Path("infra/prefect.yaml").read_text())["deployments"]:
        path, name = deployment["entrypoint"].split(":")
        assert f"def {name}(" in Path(path).read_text()
        assert Path(deployment["parameters"]["corpus_file"]).exists()
