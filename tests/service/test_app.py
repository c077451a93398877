"""The service over real lakes: what it answers, and that it goes on answering while they change."""

import base64
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from flows.ingest import ingest
from tasks.operate.promote import promote, rollback
from tasks.search.query import open_lake
from tasks.service.app import create_app
from tasks.service.guard import Limits
from tasks.service.keys import ENVIRONMENT, Keys
from tasks.service.warm import Corpora
from tests.answer.endpoint import FakeChat
from tests.conftest import free_port, wait_until
from tests.lakes import lake_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

Make = Callable[..., Path]
BIN = Path(sys.executable).parent
TEXTS = {
    "river.txt": "The river rose, and stones were carried down to the sea.",
    "birds.txt": "Birds came back in spring, one by one, and sang.",
    "dates.py": "def parse_http_date(text):\n    return text.split()\n",
}


@pytest.fixture
def corpus_file(make_corpus: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    file = make_corpus(metadata={"folder": "string"}, resources={"commit_seconds": 0.1})
    for name, text in TEXTS.items():
        (tmp_path / "docs" / name).write_text(text)
    ingest(file)
    return file


@pytest.fixture
def client(corpus_file: Path) -> Iterator[TestClient]:
    corpora = Corpora([corpus_file])
    with TestClient(create_app(corpora, Keys(), Limits(query=1000)), base_url="http://localhost") as client:
        yield client
    corpora.close()


def ask(client: Any, **asked: Any) -> Any:
    answer = client.post("/search", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("by", ["vector", "text", "hybrid", None])
def test_it_finds_what_the_library_finds(client: TestClient, corpus_file: Path, by: Any) -> None:
    queries = ["the river", "birds in spring"]
    found = ask(client, query=queries, by=by, limit=2)
    assert [answer["query"] for answer in found["results"]] == queries
    for answer in found["results"]:
        expected = [p.to_dict() for p in open_lake(corpus_file).search(answer["query"], by=by, limit=2)]
        assert [(p["chunk_id"], p["text"], p["rank"]) for p in answer["passages"]] == [
            (p["chunk_id"], p["text"], p["rank"]) for p in expected
        ]
        assert [p["score"] for p in answer["passages"]] == pytest.approx([p["score"] for p in expected], abs=1e-3)


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({"query": " "}, 422, "query"), ({"query": []}, 422, "query"), ({}, 422, "query"),
        ({"query": ["a", ""]}, 422, "query"),
        ({"query": "a", "corpus": "no"}, 404, "no corpus 'no' is served"), ({"query": "a", "limit": 0}, 422, "limit"),
        ({"query": "a" * 1001}, 413, "1,001 characters"), ({"query": ["a"] * 101}, 413, "101 queries"),
        ({"query": "a", "where": "year = 'it''s'"}, 400, "year"), ({"query": "a", "where": "1=1; x"}, 400, "more than"),
        ({"query": "a", "where": "uri = 'it's'"}, 400, "filter"), ({"query": "a", "typo": 1}, 422, "typo"),
        ({"query": "a", "model": "no"}, 404, "no table of a model 'no'"), ({"query": "a", "expand": 0}, 422, "expand"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_told_what_is_wrong(client: TestClient, asked: Any, status: int, message: str) -> None:
    answer = client.post("/search", json=asked)
    error = answer.json()["error"]
    assert (answer.status_code, message in error["message"]) == (status, True), answer.text
    assert error["request_id"] == answer.headers["x-request-id"]


def test_what_is_no_json_and_no_route(client: TestClient) -> None:
    broken = client.post("/search", content=b"{", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.json()["error"]["type"]) == (400, "invalid_request_error")
    assert client.get("/nowhere").json()["error"]["type"] == "not_found_error"
    assert client.get("/search").status_code == 405


def test_openai_clients_embed_queries(client: TestClient, corpus_file: Path) -> None:
    expected = open_lake(corpus_file).embed_query("birds")
    for model in ("notes", "tiny"):
        found = client.post("/v1/embeddings", json={"input": ["birds"], "model": model}).json()
        assert found["data"][0]["embedding"] == pytest.approx(expected, abs=1e-3)
        assert found["usage"]["total_tokens"] == found["usage"]["prompt_tokens"] > 2
    packed = client.post("/v1/embeddings", json={"input": "birds", "model": "notes", "encoding_format": "base64"})
    data = base64.b64decode(packed.json()["data"][0]["embedding"])
    assert struct.unpack(f"<{len(data) // 4}f", data) == pytest.approx(expected, abs=1e-3)
    assert client.post("/v1/embeddings", json={"input": "a", "model": "gpt"}).status_code == 404
    assert client.post("/v1/embeddings", json={"input": "a", "model": "notes", "dimensions": 3}).status_code == 400
    assert {model["id"] for model in client.get("/v1/models").json()["data"]} == {"notes", "tiny"}


def test_openai_clients_search_a_corpus_as_a_vector_store(client: TestClient) -> None:
    found = client.post("/v1/vector_stores/notes/search", json={"query": "the river rose", "max_num_results": 2})
    page = found.json()
    assert (found.status_code, page["object"]) == (200, "vector_store.search_results.page")
    assert page["data"][0]["content"][0]["text"] == TEXTS["river.txt"]
    assert len(page["data"]) == 2
    assert client.post("/v1/vector_stores/none/search", json={"query": "a"}).status_code == 404

    notes = {"type": "eq", "key": "source", "value": "docs"}
    for filters, count in (
        (notes, 3), ({"type": "and", "filters": [notes, {"type": "nin", "key": "title", "value": ["birds.txt"]}]}, 3),
        ({"type": "ne", "key": "source", "value": "docs"}, 0),
    ):  # fmt: skip
        page = client.post("/v1/vector_stores/notes/search", json={"query": "a", "filters": filters}).json()
        assert len(page["data"]) == count
    for filters in ({"type": "eq", "key": "none", "value": 1}, {"type": "near"}, {"type": "and", "filters": 1}):
        assert client.post("/v1/vector_stores/notes/search", json={"query": "a", "filters": filters}).status_code == 400


def test_filters_are_values_too(client: TestClient) -> None:
    for value, count in (("docs", 3), ("x' OR '1'='1", 0)):
        [answer] = ask(client, query="a", where={"source": value})["results"]
        assert len(answer["passages"]) == count


def test_a_document_and_what_is_like_it(client: TestClient) -> None:
    document = client.get("/corpora/notes/documents/docs:birds.txt")
    assert document.json()["text"] == TEXTS["birds.txt"]
    found = client.post("/similar", json={"id": "docs:birds.txt", "limit": 5}).json()
    assert {p["document_id"] for p in found["passages"]} == {"docs:river.txt", "docs:dates.py"}
    assert client.get("/corpora/notes/documents/docs:none").status_code == 404
    assert client.post("/similar", json={"id": "none"}).status_code == 404


def test_questions_are_answered(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = client.post("/ask", json={"question": "when do birds come back?"}).json()
    assert (nobody["answer"], nobody["prompt"][-1]["role"]) == (None, "user")
    chat = FakeChat()
    try:
        monkeypatch.setenv("EMBEDLAKE_ASK_URL", chat.url)
        monkeypatch.setenv("EMBEDLAKE_ASK_MODEL", "fake")
        chat.says("In spring [1], they say [99].")
        whole = client.post("/ask", json={"question": "when do birds come back?"})
        assert (whole.status_code, whole.json()["answer"]) == (200, "In spring [1], they say [99?].")
        assert (whole.json()["cited"], len(whole.json()["unknown_citations"])) == ([1], 1)
        streamed = client.post("/ask", json={"question": "when do birds come back?", "stream": True}).text
        events = [line.removeprefix("event: ") for line in streamed.splitlines() if line.startswith("event: ")]
        assert (events[0], events[-1], set(events[1:-1])) == ("sources", "end", {"piece"})
        chat.body = chat.body[:3]
        chat.lost = True
        cut = client.post("/ask", json={"question": "when do birds come back?"})
        assert (cut.status_code, cut.json()["error"]["kind"]) == (502, "CutAnswer")
        assert cut.json()["answer"]
    finally:
        chat.close()


def test_it_says_how_it_is(client: TestClient) -> None:
    ask(client, query="birds")
    [corpus] = client.get("/corpora").json()
    assert (corpus["name"], corpus["rows"], corpus["ready"]) == ("notes", 3, True)
    assert client.get("/ready").json() == client.get("/health").json() == {"status": "ok", "corpora": ["notes"]}
    numbers = client.get("/metrics").text
    assert 'embedlake_requests_total{route="/search",status="200"} 1.0' in numbers
    assert 'embedlake_rows{corpus="notes"} 3.0' in numbers


def test_it_goes_on_while_the_lake_changes(
    corpus_file: Path, make_corpus: Make, tmp_path: Path, tiny_model: Path
) -> None:
    """Runs land rows, another model goes live, tables are compacted: no query fails, none mixes two models."""
    corpora = Corpora([corpus_file])
    ended = threading.Event()
    models = [{"model": str(tiny_model), "name": "other", "document_prompt": "of ", "query_prompt": "is "}]
    with (
        TestClient(create_app(corpora, Keys(), Limits()), base_url="http://localhost") as client,
        ThreadPoolExecutor(3) as threads,
    ):

        def ask_on() -> set[str]:
            """The best scores of a query, which each model gives in a way of its own."""
            seen = set()
            while not ended.is_set():
                [answer] = ask(client, query="stones in the river", by="vector", limit=1)["results"]
                seen.add(f"{answer['passages'][0]['score']:.3f}")
            return seen

        def best(file: Path) -> str:
            [found] = open_lake(file).search("stones in the river", by="vector", limit=1)
            return f"{found.score:.3f}"

        asking = [threads.submit(ask_on) for _ in range(3)]
        expected = {best(corpus_file)}
        for number in range(3):
            (tmp_path / "docs" / f"{number}.txt").write_text(f"More words, {number} of them.")
            ingest(corpus_file)
            expected.add(best(corpus_file))
            wait_until(lambda n=number: client.get("/corpora").json()[0]["rows"] == 4 + n, 30, "the new rows")
        switched = make_corpus(metadata={"folder": "string"}, models=models)
        ingest(switched)
        lake = lake_of(switched)
        expected.add(best(switched))
        for _ in range(3):
            promote(lake, "other", "test")
            wait_until(lambda: client.get("/corpora").json()[0]["model"] == "other", 30, "the other model")
            expected.add(best(switched))
            rollback(lake, "test")
            wait_until(lambda: client.get("/corpora").json()[0]["model"] == "tiny", 30, "the model before")
        promote(lake, "other", "test")
        wait_until(lambda: client.get("/corpora").json()[0]["model"] == "other", 30, "the other model")
        lake.handle(lake.live_table() or "").optimize()
        wait_until(lambda: client.get("/ready").status_code == 200, 30, "the service")
        ended.set()
        seen = set().union(*(future.result() for future in asking))
    corpora.close()
    assert seen <= expected
    assert best(switched) in seen


def test_the_command_listens_until_it_is_stopped(corpus_file: Path, tmp_path: Path) -> None:
    port = free_port()
    key = "k" * 24
    command = [BIN / "embedlake", "serve-search", corpus_file, "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, ENVIRONMENT: key}, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"

        def lives() -> bool:
            try:
                return httpx.get(f"{url}/health").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(lives, 60, "the service")
        assert httpx.post(f"{url}/search", json={"query": "birds"}).status_code == 401
        found = httpx.post(f"{url}/search", json={"query": "birds"}, headers={"authorization": f"Bearer {key}"})
        assert found.json()["results"][0]["passages"][0]["text"] == TEXTS["birds.txt"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert key not in (tmp_path / "log").read_text()
