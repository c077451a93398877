"""A service's model through the whole pipeline: the provider is registered, and nothing else knows of it.

The service is made up; it answers over HTTP, and fails as services do.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from embedlake import (
    Encoded,
    Encoder,
    Item,
    OversizedBatch,
    RefusedChunk,
    ResolvedModel,
    Served,
    ServiceError,
    register_provider,
)
from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.lake.failures import list_failures
from tasks.models import choose, providers
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import texts_of
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.lakes import lake_of
from tests.machine.engine import quick, run_ingest


class Service:
    """Counts letters for vectors; an answer of another kind comes first for each status in `troubles`."""

    def __init__(self) -> None:
        self.version, self.troubles, self.requests = "1", list[int](), list[list[str]]()
        service = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests.append(asked["input"])
                refused = any("unspeakable" in text for text in asked["input"])
                status = 413 if len(asked["input"]) > 4 else 400 if refused else 200
                status = service.troubles.pop(0) if service.troubles else status
                vectors = [[text.count(letter) for letter in "abcdefgh"] + [1] for text in asked["input"]]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps({"vectors": vectors}).encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def find(self, model: Model) -> Served:
        name = model.model.removeprefix("toy:")
        if name == "none":
            raise ServiceError(f"model {model.model!r}: the service has no such model")
        return Served("toy", name, self.version)

    def load(self, model: ResolvedModel, budget: int | None) -> Encoder:
        return ToyEncoder(self.url)


class ToyEncoder:
    dimension = 9
    max_cost = 1000
    modalities = frozenset({"text"})
    backend = "toy service"
    concurrency = 1
    batch_cost = 500

    def __init__(self, url: str) -> None:
        self._url = url

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        texts = texts_of(items)
        try:
            with urlopen(Request(self._url, json.dumps({"input": texts}).encode()), timeout=30) as answer:
                vectors = np.array(json.load(answer)["vectors"], np.float32)
        except HTTPError as error:
            with error:
                raise _meaning(error.code) from None
        return Encoded(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), [len(t.split()) for t in texts])

    encode_queries = encode_documents


def _meaning(status: int) -> Exception:
    if status == 413:
        return OversizedBatch("more than 4 texts")
    if status == 400:
        return RefusedChunk("the service refuses it")
    return ServiceError(f"the service answers {status}", "See to the key.", transient=status in (429, 503))


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(providers, "_PROVIDERS", {})
    made = Service()
    register_provider("toy", made)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def corpus(make_corpus: Callable[..., Path], tmp_path: Path, tiny_model: Path, service: Service) -> Callable[..., Path]:
    def make(**changes: Any) -> Path:
        for i in range(10):
            (tmp_path / "docs").mkdir(exist_ok=True)
            (tmp_path / "docs" / f"{i}.txt").write_text("abcdefgh"[i % 8] * (i + 3))
        return make_corpus(
            **{"chunking": {"tokenizer": str(tiny_model)}, "models": [{"model": "toy:letters", "name": "toy"}]}
            | changes
        )

    return make


def run(corpus_file: Path) -> Any:
    with quick_readers():
        return run_ingest(str(corpus_file))


@contextmanager
def quick_readers() -> Iterator[None]:
    """As `quick`, with the encoders that the corpus names."""
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", load_encoder)
        yield


def test_a_corpus_is_embedded_searched_and_verified_by_a_service(corpus: Callable[..., Path], service: Service) -> None:
    report = run(corpus())
    assert (report.models[0].rows, report.models[0].backend, report.failed) == (10, "toy service", 0)
    assert max(map(len, service.requests)) > 4  # which it refused
    best = open_lake(corpus()).search("ccc", limit=1)
    assert best[0].document_id == "docs:2.txt"
    assert verify(lake_of(corpus())) == []
    asked = len(service.requests)
    run(corpus())
    assert len(service.requests) == asked


def test_a_new_version_of_the_services_model_gets_a_table_of_its_own(
    corpus: Callable[..., Path], service: Service
) -> None:
    first = run(corpus()).models[0].table
    service.version = "2"
    report = run(corpus())
    assert report.models[0].table != first
    assert (report.models[0].rows, report.models[0].state, report.promoted) == (10, "ready", "")
    assert first in report.unkept  # the service has that version no more


def test_trouble_that_passes_is_waited_for(corpus: Callable[..., Path], service: Service) -> None:
    service.troubles = [429, 503]
    assert run(corpus()).models[0].rows == 10


def test_a_service_that_knows_no_such_key_ends_the_run_and_no_text_fails(
    corpus: Callable[..., Path], service: Service
) -> None:
    service.troubles = [401]
    with pytest.raises(ModelError, match="the service answers 401"):
        run(corpus())
    assert list_failures(lake_of(corpus())) == []
    assert run(corpus()).models[0].rows == 10


def test_a_text_that_the_service_refuses_fails_alone(
    corpus: Callable[..., Path], service: Service, tmp_path: Path
) -> None:
    corpus_file = corpus()
    (tmp_path / "docs" / "3.txt").write_text("an unspeakable text")
    report = run(corpus_file)
    assert (report.models[0].rows, report.models[0].failed) == (9, 1)
    [failure] = list_failures(lake_of(corpus_file))
    assert (failure["document_id"], failure["error"]) == ("docs:3.txt", "RefusedChunk")


def test_what_only_local_models_do_is_refused(corpus: Callable[..., Path], service: Service) -> None:
    model = resolve_model(Model.model_validate("toy:letters"))
    with pytest.raises(ModelError, match="has no weights here; toy has it"):
        _ = model.weights
    with pytest.raises(ModelError, match="the service has no such model"):
        resolve_model(Model.model_validate("toy:none"))
