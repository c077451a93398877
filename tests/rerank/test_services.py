"""Reranking APIs over HTTP, and what becomes of a search when they fail."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.reranking import Rerank
from tasks.errors import ConfigurationError, EmbedlakeError, ServiceError
from tasks.rerank.choose import load_reranker
from tasks.rerank.order import Reranked, rerank
from tasks.rerank.services import WIRES, scores_of
from tasks.secrets import redact
from tasks.services import retry_after, what_it_says
from tests.rerank.service import FakeRerankService

TEXTS = ["the sea", "a deep river", "how deep is the river", "nothing"]
SCORES = [0.2, 0.4, 1.0, 0.0]
PATHS = {"cohere": "/v2/rerank", "jina": "/v1/rerank", "voyage": "/v1/rerank", "tei": "/rerank"}
QUERY = "how deep is the river"


@pytest.fixture
def service() -> Iterator[FakeRerankService]:
    made = FakeRerankService()
    yield made
    made.server.shutdown()
    made.server.server_close()


def settings(service: FakeRerankService, protocol: str = "cohere", **more: Any) -> Rerank:
    return Rerank.model_validate({"model": f"{protocol}:small", "url": service.url, **more})


def asked(service: FakeRerankService, **more: Any) -> Reranked:
    return rerank(lambda: load_reranker(settings(service, **more)), QUERY, TEXTS, more.get("seconds", 30))


@pytest.mark.parametrize("protocol", sorted(WIRES))
def test_every_protocol_is_spoken(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = FakeRerankService(voyage=protocol == "voyage")
    monkeypatch.setenv("SOME_KEY", "a-secret-of-some-length")
    found = asked(service, protocol=protocol, key_env="SOME_KEY")
    assert found == Reranked([2, 1, 0, 3], pytest.approx(SCORES), "")  # type: ignore[arg-type]
    [(path, headers, body)] = service.requests
    assert path == PATHS[protocol]
    assert headers["authorization"] == "Bearer a-secret-of-some-length"
    assert body["query"] == QUERY
    assert body["model"] == "small"
    assert body["texts" if protocol == "tei" else "documents"] == TEXTS
    service.server.shutdown()
    service.server.server_close()


def test_more_texts_than_a_service_takes_at_once_are_asked_in_parts(service: FakeRerankService) -> None:
    service.most = 3
    found = rerank(lambda: load_reranker(settings(service, "tei")), QUERY, TEXTS * 5, 30)
    assert found.scores == SCORES * 5
    sizes = [len(body["texts"]) for _, _, body in service.requests]
    assert sum(size for size in sizes if size <= 3) == len(TEXTS) * 5


def test_texts_that_it_does_not_take_at_once_in_other_words_are_asked_in_parts(service: FakeRerankService) -> None:
    service.answers = [(422, {}, b'{"error": "batch size 4 > maximum allowed batch size 2"}')]
    assert asked(service, protocol="tei").scores == SCORES
    assert [len(body["texts"]) for _, _, body in service.requests] == [4, 2, 2]


def test_a_key_that_was_refused_is_not_tried_at_each_search(service: FakeRerankService) -> None:
    service.answers = [(401, {}, b"{}")] * 9
    reranker = load_reranker(settings(service))
    for _ in range(3):
        with pytest.raises(ServiceError, match="refuses the key"):
            reranker.scores(QUERY, TEXTS)
    assert len(service.requests) == 1


def test_a_key_goes_to_no_other_address_than_its_company_s(
    service: FakeRerankService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COHERE_API_KEY", "a-secret-of-some-length")
    assert asked(service).note == ""
    assert "authorization" not in service.requests[0][1]


def test_a_key_that_is_not_there_is_told_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COHERE_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="COHERE_API_KEY is not set"):
        load_reranker(Rerank.model_validate("cohere:small"))


FAILURES = {
    "wrong key": ((401, {}, b'{"message": "invalid api token"}'), "refuses the key (HTTP 401): invalid api token"),
    "forbidden": ((403, {}, b"{}"), "refuses the key (HTTP 403)"),
    "no model": ((404, {}, b'{"detail": "model not found"}'), "has no such model (HTTP 404): model not found"),
    "elsewhere": ((302, {"Location": "http://127.0.0.1:1/"}, b""), "sends elsewhere (HTTP 302)"),
    "no JSON": ((200, {}, b"<html>busy</html>"), "it is no JSON"),
    "no list": ((200, {}, b'{"data": []}'), "it has no list results"),
    "null": ((200, {}, b"null"), "it has no list results"),
    "fewer": ((200, {}, b'{"results": [{"index": 0, "relevance_score": 1}]}'), "it has 1 results for 4 texts"),
    "twice": ((200, {}, json.dumps({"results": [{"index": 1, "relevance_score": 1}] * 4}).encode()), "text 1 twice"),
    "huge": (
        (200, {}, b'{"results": [{"index": 0, "relevance_score": 1' + b"0" * 400 + b"}]}"),
        "that are numbers",
    ),
    "outside": ((200, {}, b'{"results": [{"index": 4, "relevance_score": 1}]}'), "it names text 4 of 4"),
    "negative": ((200, {}, b'{"results": [{"index": -1, "relevance_score": 1}]}'), "it names text -1 of 4"),
    "no score": ((200, {}, b'{"results": [{"index": 0}]}'), "no index and relevance_score that are numbers"),
    "NaN": ((200, {}, b'{"results": [{"index": 0, "relevance_score": NaN}]}'), "that are numbers"),
    "words": ((200, {}, b'{"results": [{"index": "0", "relevance_score": "1"}]}'), "that are numbers"),
}


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_an_answer_that_is_no_use_leaves_the_order_and_says_so(service: FakeRerankService, name: str) -> None:
    answer, message = FAILURES[name]
    service.answers = [answer]
    found = asked(service)
    assert (found.order, found.scores) == ([0, 1, 2, 3], None)
    assert message in found.note
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [424, 429, 500, 503])
def test_what_may_pass_is_tried_again_while_there_is_time(service: FakeRerankService, status: int) -> None:
    service.answers = [(status, {"Retry-After": "0.1"}, b"")]
    assert asked(service).scores == SCORES
    assert len(service.requests) == 2


def test_a_service_that_asks_to_wait_longer_than_there_is_time_is_not_waited_for(service: FakeRerankService) -> None:
    service.answers = [(429, {"Retry-After": "3600"}, b'{"message": "slow down"}')] * 9
    began = time.monotonic()
    note = asked(service).note
    assert "(HTTP 429) and asks to wait 3600 s: slow down" in note
    assert time.monotonic() - began < 20
    assert len(service.requests) == 1


def test_nobody_there() -> None:
    service = FakeRerankService()
    service.server.shutdown()
    service.server.server_close()
    assert "cohere does not answer" in asked(service, seconds=2).note


def test_a_service_that_is_late_leaves_the_order_and_says_so(service: FakeRerankService) -> None:
    service.answers = [lambda: time.sleep(2)]
    assert asked(service, seconds=0.3) == Reranked(
        [0, 1, 2, 3], None, "not reranked: its scores did not come within 0.3 s"
    )


class Given:
    def __init__(self, scores: Any) -> None:
        self._scores = scores

    def scores(self, query: str, texts: Any) -> Any:
        if isinstance(self._scores, Exception):
            raise self._scores
        return self._scores


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, -2.0]), max_size=20))
def test_the_order_is_that_of_the_scores_and_of_equal_ones_the_old_one(scores: list[float]) -> None:
    found = rerank(lambda: Given(scores), "q", ["t"] * len(scores), 30)
    assert found.order == sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    assert found.note == ""


@pytest.mark.parametrize(
    "scores",
    [[1.0], [1.0, 2.0, 3.0], [1.0, float("nan")], [float("inf"), 1.0], ValueError("odd"), MemoryError(), "ab", None],
)
def test_a_reranker_of_anyone_s_never_fails_a_search(scores: Any) -> None:
    found = rerank(lambda: Given(scores), "q", ["a", "b"], 30)
    assert found.order == [0, 1]
    assert found.scores is None
    assert found.note.startswith("not reranked: ")


def test_one_that_sleeps_is_left_alone() -> None:
    class Sleeps:
        def scores(self, query: str, texts: Any) -> list[float]:
            time.sleep(5)
            return [1.0, 2.0]

    began = time.monotonic()
    assert "within 0.2 s" in rerank(Sleeps, "q", ["a", "b"], 0.2).note
    assert time.monotonic() - began < 4


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists),
    st.sampled_from(sorted(WIRES)),
)
def test_json_of_any_other_kind_is_an_error_with_a_message(results: Any, protocol: str) -> None:
    wire = WIRES[protocol]
    body = json.dumps({wire.results: results} if wire.results else results).encode()
    with pytest.raises(ServiceError, match=protocol):
        scores_of(protocol, body, 3)


@pytest.mark.parametrize(
    ("asked_for", "least", "most"),
    [("7", 7, 7), ("", 0, 0), ("soon", 0, 0), ("-3", 0, 0), ("inf", 0, 0), ("nan", 0, 0)],
)
def test_retry_after_in_seconds(asked_for: str, least: float, most: float) -> None:
    assert least <= retry_after({"retry-after": asked_for}) <= most


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 < retry_after({"retry-after": date}) <= 90


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "no", "type": "x"}}', ": no"), (b'{"message": "no"}', ": no"), (b"", ""),
        (b'{"error": "no", "error_type": "Validation"}', ": no"), (b"<html><p>no</p></html>", ""),
        (b"plain\n no", ": plain no"), (b"\xff", ": \ufffd"), (b"{}", ""),
        (b'{"detail": [{"loc": ["body"], "msg": "no"}]}', ': [{"loc": ["body"], "msg": "no"}]'),
    ],
)  # fmt: skip
def test_what_a_service_says(body: bytes, message: str) -> None:
    assert what_it_says(body) == message


def test_a_key_that_comes_back_in_a_message_is_hidden(
    service: FakeRerankService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "a-secret-of-some-length")
    service.answers = [(401, {}, b'{"message": "a-secret-of-some-length is no key"}')]
    note = asked(service, key_env="SOME_KEY").note
    assert redact(note).endswith("*** is no key")


def test_errors_are_embedlake_s(service: FakeRerankService) -> None:
    service.answers = [(418, {}, b"")]
    with pytest.raises(EmbedlakeError):
        load_reranker(settings(service)).scores(QUERY, TEXTS)
