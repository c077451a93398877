"""Search where a service has the model; and embedlake as the service of another embedlake."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from tasks.lake.nearest import matrix
from tasks.models.api import connection as clients
from tasks.models.interface import cosines
from tasks.service.app import create_app
from tasks.service.guard import Limits
from tasks.service.keys import ENVIRONMENT, Keys
from tasks.service.warm import Corpora
from tests.lakes import lake_of
from tests.models.api.fake import KEY, Fake, serving
from tests.models.api.runs import model_at, run, write_documents

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(clients, "_FIRST_PAUSE", 0.001)


def test_a_provider_that_is_down_is_said_and_words_are_found(make_corpus: Make, tmp_path: Path) -> None:
    write_documents(tmp_path / "docs", 12)
    fake = Fake()
    with serving(fake) as url:
        file = make_corpus(models=[model_at(url)])
        run(file)
        fake.state = "down"
        corpora = Corpora([file])
        with TestClient(create_app(corpora, Keys(), Limits(query=1000)), base_url="http://localhost") as client:
            answer = client.post("/search", json={"query": "owl number 6", "by": "vector"})
            assert answer.status_code == 503
            assert "openai fails (HTTP 503)" in answer.text
            assert KEY not in answer.text
            assert client.post("/search", json={"query": "owl", "by": "text"}).status_code == 200
            fake.state = ""
            asked = fake.requests
            for _ in range(3):
                found = client.post("/search", json={"query": "owl number 6 is here", "by": "vector"}).json()
                assert found["results"][0]["passages"][0]["document_id"] == "docs:6.txt"
            assert fake.requests == asked + 1
        corpora.close()


def test_embedlake_embeds_by_another_embedlake(make_corpus: Make, tmp_path: Path) -> None:
    write_documents(tmp_path / "docs", 30)
    near = make_corpus("near", lake=str(tmp_path / "near"))
    run(near)
    corpora = Corpora([near])
    server = uvicorn.Server(
        uvicorn.Config(create_app(corpora, Keys(), Limits(query=1000)), port=0, log_level="critical")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reference = f"openai-compatible:http://127.0.0.1:{port}/v1#near"
    far = make_corpus("far", lake=str(tmp_path / "far"), models=[{"model": reference, "name": "far"}])
    assert run(far).models[0].rows == 30
    found = [
        lake.read(lake.catalog()[0]["table"], ["text", "vector"]).sort_by("text") for lake in map(lake_of, (near, far))
    ]
    assert found[0]["text"] == found[1]["text"]
    assert cosines(matrix(found[0]), matrix(found[1])).min() > 0.99999
    server.should_exit = True
    thread.join(10)
    corpora.close()
