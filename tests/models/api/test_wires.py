"""Each protocol against the fake that speaks it."""

import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tasks.config.loading import secret_from
from tasks.errors import OversizedBatch, RefusedChunk, ServiceError
from tasks.models.api.answers import UnusableAnswer, listed
from tasks.models.api.azure import Azure
from tasks.models.api.cohere import Cohere
from tasks.models.api.faults import RejectedRequest, TooLong
from tasks.models.api.gemini import Gemini
from tasks.models.api.jina import Jina
from tasks.models.api.mistral import Mistral
from tasks.models.api.openai import Compatible, OpenAI
from tasks.models.api.tei import Tei
from tasks.models.api.voyage import Voyage
from tasks.models.api.wire import Asked, Kind, Wire
from tests.models.api.fake import KEY, Fake, serving, vector_of

BASES = {"cohere": "", "gemini": "/v1beta", "tei": "", "azure": ""}
WIRES = [OpenAI(), Compatible(), Azure(), Cohere(), Gemini(), Voyage(), Mistral(), Jina(), Tei()]
TEXTS = ["the tide comes in", "a lighthouse", "twice a day"]


@pytest.fixture(scope="module")
def fake() -> Iterator[tuple[Fake, str]]:
    made = Fake()
    with serving(made) as url:
        yield made, url


def post(wire: Wire, url: str, texts: list[str], kind: Kind = "document", key: str = KEY) -> httpx.Response:
    asked = Asked("text-embedding-3-small", 48)
    body = wire.body(asked, texts, kind)
    address = url + BASES.get(wire.name, "/v1") + wire.path(asked)
    return httpx.post(address, json=body, headers=wire.headers(key))


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_texts_get_their_vectors(wire: Wire, fake: tuple[Fake, str]) -> None:
    reply = wire.reply(post(wire, fake[1], TEXTS).json(), 3)
    for text, vector in zip(TEXTS, reply.vectors, strict=True):
        assert vector is not None
        np.testing.assert_allclose(vector / np.linalg.norm(vector), vector_of(text, 48), atol=1e-6)
    assert (reply.tokens is None) == (wire.name in ("gemini", "tei"))


@pytest.mark.parametrize("wire", [Cohere(), Gemini(), Voyage(), Jina()], ids=lambda wire: wire.name)
def test_documents_and_queries_are_told_apart(wire: Wire, fake: tuple[Fake, str]) -> None:
    for kind in ("document", "query"):
        post(wire, fake[1], TEXTS, kind)  # type: ignore[arg-type]
        assert fake[0].bill[-1].kind == kind


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_errors_mean_what_they_say(wire: Wire, fake: tuple[Fake, str]) -> None:
    service, url = fake

    def fault(texts: list[str], key: str = KEY) -> Exception:
        answer = post(wire, url, texts, key=key)
        assert answer.status_code >= 300
        return wire.fault(answer.status_code, answer.headers, answer.content, len(texts))

    for state, told in (("quota", "quota"), ("retired", "no such model")):
        service.state = state
        error = fault(TEXTS)
        assert isinstance(error, ServiceError)
        assert not error.transient
        assert told in error.message
    service.state = ""
    if wire.name != "tei":
        error = fault(TEXTS, "wrong")
        assert isinstance(error, ServiceError)
        assert not error.transient
    for script in ("too_many", "broken"):
        service.script = [script]
        error = fault(TEXTS)
        assert isinstance(error, ServiceError)
        assert error.transient
    service.longest = 5
    assert isinstance(fault(["a b c d e f g"]), TooLong)
    assert isinstance(fault(["a b c d e f g", "a"]), OversizedBatch)
    service.longest, service.inputs = 8192, 2
    assert isinstance(fault(TEXTS), OversizedBatch)
    service.inputs = 2048
    assert isinstance(fault(["an unspeakable text"]), RefusedChunk)


def test_an_answer_is_not_believed_beyond_what_it_says() -> None:
    def entries(*indexes: int) -> dict[str, object]:
        return {"data": [{"index": i, "embedding": [1.0, float(i + 1)]} for i in indexes]}

    assert [v is None for v in listed(entries(2, 0, 1), 3).vectors] == [False, False, False]
    assert [v is None for v in listed(entries(0, 0, 1), 3).vectors] == [True, False, True]
    for wrong in (entries(3), entries(-1), {"data": None}, [], {"data": [{"embedding": [1.0]}]}):
        with pytest.raises(UnusableAnswer):
            listed(wrong, 3)
    for wrong in ([1.0, float("nan")], [0.0, 0.0], [], None, "AAA", "", ["a"], [[1.0]], [10**400]):
        assert listed({"data": [{"index": 0, "embedding": wrong}]}, 1).vectors == [None]


@pytest.mark.parametrize(
    ("status", "body", "count", "kind"),
    [
        (
            400,
            '{"object":"error","message":"Too many tokens overall, split into more batches.","code":"3210"}',
            9,
            OversizedBatch,
        ),
        (400, '{"message":"Too many tokens in batch. Max is 16384 got 17555"}', 9, OversizedBatch),
        (
            400,
            '{"detail":"The max allowed tokens per submitted batch is 120000. Your batch has 130000 tokens"}',
            9,
            OversizedBatch,
        ),
        (413, "<html>request entity too large</html>", 9, OversizedBatch),
        (400, '{"message":"The model takes texts no longer than 512 tokens"}', 2, OversizedBatch),
        (404, "<html>nothing here</html>", 1, ServiceError),
        (400, '{"error":{"message":"Unsupported parameter"}}', 1, RejectedRequest),
        (400, '{"error":{"code":"content_filter","message":"The prompt was filtered"}}', 2, RefusedChunk),
        (403, '{"error":{"message":"Your account is not allowed"}}', 1, ServiceError),
        (402, '{"detail":"Payment required"}', 1, ServiceError),
        (404, '{"error":{"code":"DeploymentNotFound"}}', 1, ServiceError),
        (400, '{"message":"Invalid model: mistral-embid","code":"1500"}', 4, ServiceError),
    ],
)
def test_errors_as_others_met_them(status: int, body: str, count: int, kind: type[Exception]) -> None:
    assert type(Wire().fault(status, {}, body.encode(), count)) is kind


GEMINI = {
    "code": 429, "status": "RESOURCE_EXHAUSTED",
    "message": "You exceeded your current quota, please check your plan and billing details.",
}  # fmt: skip


@pytest.mark.parametrize(("quota", "passing"), [("RequestsPerMinutePerProject", True), ("RequestsPerDay", False)])
def test_a_day_without_quota_is_not_waited_for_and_a_minute_is(quota: str, passing: bool) -> None:
    details = [{"violations": [{"quotaId": f"EmbedContent{quota}-FreeTier"}]}, {"retryDelay": "34.5s"}]
    error = Gemini().fault(429, {}, json.dumps({"error": GEMINI | {"details": details}}).encode(), 3)
    assert isinstance(error, ServiceError)
    assert (error.transient, error.retry_after) == ((True, 34.5) if passing else (False, 0))


@pytest.mark.parametrize(
    ("told", "passing"),
    [
        ("Rate limit reached on tokens per min (TPM): Limit 1000000. You can increase your rate limit by adding a"
         " payment method to your account at https://platform.openai.com/account/billing.", True),
        ("You have not yet added your payment method in the billing page and will have reduced rate limits", True),
        ("You are using a Trial key, which is limited to 40 API calls / minute", True),
        ("Requests have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after 25 seconds."
         " Please go here: https://aka.ms/oai/quotaincrease", True),
        ("You are using a Trial key, which is limited to 1000 API calls / month", False),
        ("You exceeded your current quota, please check your plan and billing details", False),
    ],
)  # fmt: skip
def test_a_rate_is_no_quota(told: str, passing: bool) -> None:
    error = Wire().fault(429, {}, json.dumps({"error": {"message": told}}).encode(), 3)
    assert isinstance(error, ServiceError)
    assert error.transient == passing


def test_half_a_key_is_shown_no_more_than_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "planted-0123456789")
    secret_from("SOME_KEY")
    for length in range(270, 310):
        body = json.dumps({"error": {"message": "." * length + " planted-0123456789"}}).encode()
        for status in (400, 401, 500):
            assert "plan" not in str(Wire().fault(status, {}, body, 1))
