"""A model behind an API, against the fake: what it gives, what it sends, and what it makes of trouble."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.models import Model
from tasks.errors import (
    BudgetSpent,
    ConfigurationError,
    EmbedlakeError,
    ModelError,
    RefusedChunk,
    ServiceError,
    UnusableVector,
)
from tasks.models.api import connection as clients
from tasks.models.api.client import TRIES
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.paid import Paid
from tasks.models.api.providers import WIRES
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import Vectors, cosines, encode_in_parts, text_items
from tasks.models.providers import BUILT_IN
from tests.models.api.fake import KEY, Fake, Faults, serving, vector_of

TEXTS = [f"text number {i} of the harbour" for i in range(40)]


@contextmanager
def served(fake: Fake, reference: str = "openai:text-embedding-3-small", **settings: Any) -> Iterator[ApiEncoder]:
    with serving(fake) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKE_KEY", KEY)
        patch.setattr(clients, "_FIRST_PAUSE", 0.001)
        provider = reference.partition(":")[0]
        if WIRES[provider].own_server:
            reference = f"{provider}:{url}{'/v1#' + fake.model if provider != 'tei' else ''}"
        base = url + {"gemini": "/v1beta", "cohere": "", "azure": "", "bedrock": ""}.get(provider, "/v1")
        api = {"key_env": "FAKE_KEY"} | ({} if WIRES[provider].own_server else {"url": base}) | settings.pop("api", {})
        model = resolve_model(Model.model_validate({"model": reference, "api": api, "dimension": 32} | settings))
        made = load_encoder(model)
        assert isinstance(made, ApiEncoder)
        yield made


def assert_theirs(texts: list[str], vectors: Vectors, dimension: int = 32) -> None:
    own = np.stack([vector_of(text, dimension) for text in texts])
    assert cosines(own, vectors).min() > 0.99999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("provider", sorted(BUILT_IN))
def test_every_provider_gives_documents_and_queries(provider: str) -> None:
    name = "amazon.titan-embed-text-v2:0" if provider == "bedrock" else "some-model"
    with served(Fake(), f"{provider}:{name}") as encoder:
        found = encode_in_parts(encoder, text_items(TEXTS))
        assert_theirs(TEXTS, found.vectors)
        assert all(cost > 3 for cost in found.costs)
        assert_theirs(TEXTS[:3], encoder.encode_queries(text_items(TEXTS[:3])).vectors)
    assert set(WIRES) == BUILT_IN


def test_a_dimension_that_nobody_knows_is_asked_for() -> None:
    with served(Fake(dimension=48), "mistral:new", dimension=None) as encoder:
        assert encoder.dimension == 48
        assert_theirs(TEXTS, encoder.encode_documents(text_items(TEXTS)).vectors, 48)


@pytest.mark.parametrize("fault", ["too_many", "broken", "cut", "shuffled", "duplicate", "short", "nan", "zero"])
@pytest.mark.parametrize("provider", ["openai", "cohere", "gemini", "tei"])
def test_every_text_gets_its_own_vector_whatever_comes(provider: str, fault: str) -> None:
    fake = Fake()
    with served(fake, f"{provider}:m") as encoder:
        fake.script = [fault, fault]
        assert_theirs(TEXTS, encoder.encode_documents(text_items(TEXTS)).vectors)
    assert fake.met[fault] >= 1
    assert fake.violations == []


def test_what_came_is_not_paid_again() -> None:
    fake = Fake(script=["short", "duplicate"])
    with served(fake) as encoder:
        encoder.encode_documents(text_items(TEXTS))
    assert sum(fake.times_paid("").values()) == len(TEXTS) + 1  # the text that the first answer lacked


def test_a_text_without_a_usable_vector_fails_and_what_the_others_got_is_kept() -> None:
    fake = Fake()
    with served(fake) as encoder:
        encoder.paid = Paid(Path("/nonexistent"))  # lasting, without a file
        encoder.paid._write = lambda rows: Path("/nonexistent/file")  # type: ignore[method-assign]
        fake.script = ["short"] * 100
        with pytest.raises(UnusableVector):
            encoder.encode_documents(text_items(TEXTS))
        paid = fake.times_paid("")
        kept = [text for text in TEXTS if paid[text] == 1]
        assert len(kept) == len(TEXTS) - 1
        asked = fake.requests
        assert_theirs(kept, encoder.encode_documents(text_items(kept)).vectors)
        assert fake.requests == asked


def test_a_longer_text_is_cut_by_us_and_counted_in_full() -> None:
    fake = Fake(longest=20)
    with served(fake, max_tokens=20) as encoder:
        long = " ".join(f"word{i}" for i in range(50))
        found = encoder.encode_documents(text_items([long, "short"]))
    assert found.costs[0] > 20 >= found.costs[1]
    assert fake.violations == []
    assert_theirs(["short"], found.vectors[1:])


def test_a_text_that_the_service_finds_too_long_is_cut_until_it_fits() -> None:
    fake = Fake(longest=20)
    with served(fake) as encoder:  # which believes that 8,192 tokens are read
        found = encoder.encode_documents(text_items([" ".join(f"word{i}" for i in range(30))]))
        assert found.costs[0] > encoder.max_cost


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_is_not_sent(text: str) -> None:
    fake = Fake()
    with served(fake) as encoder, pytest.raises(RefusedChunk):
        encoder.encode_documents(text_items([text]))
    assert fake.requests == 0


def test_a_filtered_text_is_refused() -> None:
    with served(Fake()) as encoder, pytest.raises(RefusedChunk, match="content management policy"):
        encoder.encode_documents(text_items(["something unspeakable"]))


@pytest.mark.parametrize("state", ["revoked", "quota", "retired"])
def test_trouble_of_the_whole_is_met_once(state: str) -> None:
    fake = Fake(state=state)
    with served(fake) as encoder:
        for _ in range(3):
            with pytest.raises(ServiceError) as error:
                encoder.encode_documents(text_items(TEXTS))
            assert not error.value.transient
            assert KEY not in str(error.value) + error.value.hint + repr(error.value)
    assert fake.requests == 1


def test_a_service_that_is_down_is_asked_some_times() -> None:
    fake = Fake(state="down")
    with served(fake) as encoder:
        with pytest.raises(ServiceError) as error:
            encoder.encode_documents(text_items(TEXTS))
        assert error.value.transient
        assert fake.requests == TRIES
        with pytest.raises(ServiceError):
            encoder.encode_queries(text_items(["where?"]))
        assert fake.requests == TRIES + 3


def test_queries_are_remembered() -> None:
    fake = Fake()
    with served(fake, "cohere:m") as encoder:
        first = encoder.encode_queries(text_items(["where?", "when?"]))
        again = encoder.encode_queries(text_items(["when?", "where?", "when?"]))
    np.testing.assert_array_equal(first.vectors[[1, 0, 1]], again.vectors)
    assert fake.requests == 1
    assert fake.bill[0].kind == "query"


def test_a_budget_is_never_exceeded() -> None:
    fake = Fake()
    with served(fake, api={"price": 1.0}) as encoder:
        encoder.spend_at_most(500 / 1e6)
        for start in range(0, 100, 10):
            encoder.encode_documents(text_items([f"text {start + i}" for i in range(10)]))
        with pytest.raises(BudgetSpent):
            encoder.encode_documents(text_items([f"text {i} " * 10 for i in range(30)]))
    assert 200 <= fake.tokens_paid <= 500


def test_only_local_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for settings in ({"int8": True}, {"backend": "torch"}, {"sha256": "0" * 64}, {"trust_remote_code": True}):
        with pytest.raises(ConfigurationError, match="behind an API"):
            resolve_model(Model.model_validate({"model": "openai:text-embedding-3-small"} | settings))
    with pytest.raises(ConfigurationError, match="no shorter ones"):
        resolve_model(Model.model_validate({"model": "openai:text-embedding-ada-002", "dimension": 5}))


def test_a_key_that_is_not_there_is_one_clear_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COHERE_API_KEY", raising=False)
    model = resolve_model(Model.model_validate("cohere:embed-v4.0"))
    with pytest.raises(ModelError, match="COHERE_API_KEY is not set"):
        load_encoder(model)


@pytest.mark.parametrize("reference", ["tei:nowhere", "openai-compatible:", "tei:http://user:word@host"])
def test_an_address_that_is_none(reference: str) -> None:
    with pytest.raises(EmbedlakeError) as error:
        resolve_model(Model.model_validate(reference))
    assert "user and password" in str(error.value) or "http://" in str(error.value)


def test_the_only_model_of_a_server_need_not_be_named() -> None:
    with serving(Fake(model="the-one")) as url:
        origin = resolve_model(Model.model_validate(f"openai-compatible:{url}/v1")).origin
        assert origin.identity() == {"provider": "openai-compatible", "name": "the-one", "version": ""}
        origin = resolve_model(Model.model_validate(f"tei:{url}")).origin
        assert origin.identity() == {"provider": "tei", "name": "fake/model", "version": "f" * 40}


def test_a_mixture_of_faults_gives_no_text_anothers_vector() -> None:
    fake = Fake(faults=Faults(0.1, 0.05, 0, 0.05, 0.1, 0.05, 0.05, 0.05, 0.05))
    with served(fake) as encoder:
        for start in range(0, 2000, 50):
            texts = [f"{start + i} ships" for i in range(50)]
            assert_theirs(texts, encoder.encode_documents(text_items(texts)).vectors)
    assert fake.violations == []


def test_more_texts_than_a_request_takes_are_never_sent() -> None:
    fake = Fake(inputs=96)
    with served(fake, "cohere:m") as encoder:
        found = encode_in_parts(encoder, text_items([f"text {i}" for i in range(300)]))
        assert_theirs([f"text {i}" for i in range(300)], found.vectors)
        encoder.encode_queries(text_items([f"query {i}" for i in range(200)]))
    assert fake.violations == []
    assert fake.requests < 10


def test_queries_with_too_many_tokens_are_asked_in_parts() -> None:
    fake = Fake(tokens=100)
    with served(fake) as encoder:
        queries = [f"the query with the number {i}" for i in range(60)]
        assert_theirs(queries, encoder.encode_queries(text_items(queries)).vectors)


def test_a_service_that_is_mended_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_GRACE", 0.2)
    fake = Fake(state="revoked")
    with served(fake) as encoder:
        began = time.monotonic()
        while time.monotonic() < began + 0.25:  # who asks meanwhile does not put it off
            with pytest.raises(ServiceError):
                encoder.encode_queries(text_items(["where?"]))
            time.sleep(0.02)
        fake.state = ""
        time.sleep(0.25)
        assert_theirs(["where?"], encoder.encode_queries(text_items(["where?"])).vectors)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("openai:text-embedding-3-small", "openai-text-embedding-3-small"),
        ("openai-compatible:http://localhost:8000/v1#BAAI/bge-m3", "bge-m3"),
        ("openai-compatible:http://localhost:8000/v1", "openai-compatible"), ("tei:https://host:8080/", "tei"),
        ("openai-compatible:http://localhost:11434/v1#nomic-embed-text", "nomic-embed-text"),
    ],
)  # fmt: skip
def test_tables_have_names(reference: str, name: str) -> None:
    assert Model.model_validate(reference).name == name


@pytest.mark.parametrize(
    ("body", "told"),
    [("<html>Sign in</html>", "it is no JSON"), ('{"error": {"message": "no such deployment"}}', "no such deployment")],
)
def test_what_is_no_answer_of_the_protocol_is_told(body: str, told: str) -> None:
    import httpx

    with served(Fake()) as encoder:
        encoder._client._connection._http = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda _: httpx.Response(200, text=body))
        )
        with pytest.raises(ServiceError, match=told) as error:
            encoder.probe()
    assert "address" in error.value.hint


def test_a_proxy_that_is_none_is_told_and_nothing_is_billed(monkeypatch: pytest.MonkeyPatch) -> None:
    with served(Fake()) as encoder:
        monkeypatch.setenv("ALL_PROXY", "gopher://me:hush-hush-hush@127.0.0.1:1")
        with pytest.raises(ServiceError, match="cannot be asked") as error:
            encoder.probe()
        assert "hush" not in str(error.value)
    with served(Fake(), api={"url": "http://embeddings.invalid/v1"}) as encoder:
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        with pytest.raises(ServiceError, match="does not answer"):
            encoder.probe()
        assert encoder.billed == 0


def test_a_key_goes_to_its_own_provider_alone() -> None:
    filled = Model.model_validate({"model": "openai:text-embedding-3-small", "name": "m"})
    other = Model.model_validate({"model": "voyage:voyage-4", "name": "m", "api": {"key_env": "VOYAGES"}})
    moved = Model.model_validate({"model": "openai:text-embedding-3-large", "name": "m", "api": {"key_env": "OURS"}})
    assert filled.asked_as(other).api is None
    assert filled.asked_as(moved).api == moved.api
    with pytest.raises(ConfigurationError, match="pooling"):
        resolve_model(Model.model_validate({"model": "openai:text-embedding-3-small", "pooling": "cls"}))
