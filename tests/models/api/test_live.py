"""The real services, for those who have keys and mean to pay a fraction of a cent: `pytest -m live`."""

import os
from typing import Any

import numpy as np
import pytest

from tasks.config.models import Model
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import Encoder, cosines, text_items
from tests.models.api.test_pictures import image

MODELS = {
    "OPENAI_API_KEY": "openai:text-embedding-3-small", "COHERE_API_KEY": "cohere:embed-v4.0",
    "GEMINI_API_KEY": "gemini:gemini-embedding-001", "VOYAGE_API_KEY": "voyage:voyage-4",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock:amazon.titan-embed-text-v2:0",
    "MISTRAL_API_KEY": "mistral:mistral-embed", "JINA_API_KEY": "jina:jina-embeddings-v3",
    "EMBEDLAKE_LIVE_TEI": "", "EMBEDLAKE_LIVE_COMPATIBLE": "",
}  # fmt: skip
"""By the environment variable with the key; of servers of one's own, with the whole reference."""


def _loaded(variable: str, model: Any) -> Encoder:
    """The encoder of a model, where its key is there."""
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set")
    return load_encoder(resolve_model(Model.model_validate(model)))


@pytest.mark.live
@pytest.mark.parametrize("variable", MODELS)
def test_a_real_service_finds_what_is_meant(variable: str) -> None:
    encoder = _loaded(variable, MODELS[variable] or os.environ.get(variable))
    documents = ["The owl hunts at night.", "Bread is made of flour and water.", "An empty glass."]
    found = encoder.encode_documents(text_items(documents))
    assert found.vectors.shape == (3, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-4)
    [query] = encoder.encode_queries(text_items(["Which bird is awake in the dark?"])).vectors
    assert int((found.vectors @ query).argmax()) == 0
    again = encoder.encode_documents(text_items(documents[::-1])).vectors[::-1]
    assert cosines(found.vectors, np.ascontiguousarray(again)).min() > 0.999


SEEING = {
    "COHERE_API_KEY": "cohere:embed-v4.0", "GEMINI_API_KEY": "gemini:gemini-embedding-2",
    "VOYAGE_API_KEY": "voyage:voyage-multimodal-3.5", "JINA_API_KEY": "jina:jina-embeddings-v4",
}  # fmt: skip


@pytest.mark.live
@pytest.mark.parametrize("variable", SEEING)
def test_a_real_service_sees_what_is_meant(variable: str) -> None:
    encoder = _loaded(variable, SEEING[variable])
    images = [image(colour, 224, 224) for colour in ("red", "green", "blue")]
    found = encoder.encode_documents(images).vectors
    [query] = encoder.encode_queries(text_items(["A plain blue square"])).vectors
    assert int((found @ query).argmax()) == 2
    [like] = encoder.encode_queries([image("green", 200, 240)]).vectors
    assert int((found @ like).argmax()) == 1


SMALLER = {
    "COHERE_API_KEY": ("cohere:embed-v4.0", "int8"), "VOYAGE_API_KEY": ("voyage:voyage-4", "binary"),
    "MISTRAL_API_KEY": ("mistral:codestral-embed", "int8"), "JINA_API_KEY": ("jina:jina-embeddings-v3", "binary"),
}  # fmt: skip


@pytest.mark.live
@pytest.mark.parametrize("variable", SMALLER)
def test_smaller_numbers_of_a_real_service_are_like_its_floats(variable: str) -> None:
    model, output = SMALLER[variable]
    texts = text_items(["The owl hunts at night.", "Bread is made of flour and water."])
    floats, smaller = (
        _loaded(variable, {"model": model, "output": one}).encode_documents(texts) for one in ("float", output)
    )
    assert cosines(floats.vectors, smaller.vectors).min() > {"int8": 0.99, "binary": 0.7}[output]
