"""Bedrock against the fake: its address, its bodies, and what its errors mean."""

import json

import numpy as np
import pytest

from tasks.config.models import Model
from tasks.errors import ConfigurationError, OversizedBatch, RefusedChunk, ServiceError
from tasks.models.api.bedrock import Bedrock
from tasks.models.api.faults import TooLong
from tasks.models.api.providers import place_of
from tasks.models.api.wire import Asked
from tasks.models.find import resolve_model
from tasks.models.interface import encode_in_parts, text_items
from tests.models.api.fake import KEY, Fake, Faults
from tests.models.api.test_encoder import TEXTS, assert_theirs, served
from tests.models.api.test_pictures import image

TITAN = "bedrock:amazon.titan-embed-text-v2:0"
MODELS = [TITAN, "bedrock:cohere.embed-multilingual-v3", "bedrock:eu.cohere.embed-v4:0"]


@pytest.mark.parametrize("reference", MODELS)
def test_texts_get_their_vectors_whatever_comes(reference: str) -> None:
    fake = Fake(faults=Faults(0.1, 0.05, 0, 0.05, 0, 0, 0.05, 0.05, 0.05), inputs=1 if reference == TITAN else 96)
    with served(fake, reference) as encoder:
        assert_theirs(TEXTS, encode_in_parts(encoder, text_items(TEXTS)).vectors)
        assert_theirs(TEXTS[:3], encoder.encode_queries(text_items(TEXTS[:3])).vectors)
        encoder.probe()
    assert fake.violations == []
    kinds = {paid.kind for paid in fake.bill}
    assert kinds == ({""} if reference == TITAN else {"document", "query"})


def test_tokens_are_those_that_titan_tells() -> None:
    fake = Fake()
    with served(fake, TITAN) as encoder:
        encode_in_parts(encoder, text_items(TEXTS))
        assert encoder.billed == fake.tokens_paid


def test_cohere_there_sees_images_too() -> None:
    fake = Fake()
    with served(fake, "bedrock:cohere.embed-v4:0", dimension=256) as encoder:
        found = encoder.encode_documents([image(name, seed=1) for name in ("red", "blue")]).vectors
        [query] = encoder.encode_queries(text_items(["something blue"])).vectors
        assert (found @ query).argmax() == 1
    assert fake.violations == []
    with served(Fake(), "bedrock:cohere.embed-v4:0", output="binary", dimension=256) as encoder:
        assert len(np.unique(np.abs(encoder.encode_documents(text_items(TEXTS)).vectors))) == 1


@pytest.mark.parametrize(
    ("status", "told", "count", "kind", "passing"),
    [
        (400, "Too many input tokens. Max input tokens: 8192, request input token count: 9001", 1, TooLong, None),
        (400, "#/texts/0: expected maxLength: 2048, actual: 2500", 2, OversizedBatch, None),
        (400, "#/texts: expected maximum item count: 96, found: 97", 97, OversizedBatch, None),
        (400, "The provided model identifier is invalid.", 1, ServiceError, False),
        (400, "Invocation of model ID cohere.embed-v4:0 with on-demand throughput isn\u2019t supported. Retry your"
         " request with the ID or ARN of an inference profile", 1, ServiceError, False),
        (403, "You don't have access to the model with the specified model ID.", 1, ServiceError, False),
        (404, "Model use case details have not been submitted for this account.", 1, ServiceError, False),
        (429, "Too many requests, please wait before trying again.", 1, ServiceError, True),
        (429, "Too many tokens per day, please wait before trying again.", 1, ServiceError, False),
        (503, "Bedrock is unable to process your request.", 1, ServiceError, True),
        (408, "The model took too long", 1, ServiceError, True),
        (400, "This request has been blocked by our content filters: content filter", 1, RefusedChunk, None),
    ],
)  # fmt: skip
def test_errors_mean_what_they_say(
    status: int, told: str, count: int, kind: type[Exception], passing: bool | None
) -> None:
    error = Bedrock().fault(status, {}, json.dumps({"message": told}).encode(), count)
    assert type(error) is kind
    if isinstance(error, ServiceError):
        assert error.transient == passing


def test_its_address_is_the_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    monkeypatch.delenv("AWS_REGION", raising=False)
    for region in ("", "evil.example/", "eu-central-1.evil.example#"):
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        with pytest.raises(ConfigurationError, match="has no address") as error:
            resolve_model(Model.model_validate(TITAN))
        assert "bedrock-runtime" in error.value.hint
    monkeypatch.setenv("AWS_REGION", "us-gov-west-1")
    assert place_of(Model.model_validate(TITAN))[0] == "https://bedrock-runtime.us-gov-west-1.amazonaws.com"
    wire = Bedrock()
    assert wire.path(Asked("amazon.titan-embed-text-v2:0")) == "/model/amazon.titan-embed-text-v2:0/invoke"
    assert wire.path(Asked("arn:aws:bedrock:x:1:a/cohere.embed-y")).endswith("a%2Fcohere.embed-y/invoke")
    with pytest.raises(ConfigurationError, match="Titan Text and Cohere") as refused:
        resolve_model(Model.model_validate("bedrock:twelvelabs.marengo-embed-2-7-v1:0"))
    assert "LiteLLM" in refused.value.hint
