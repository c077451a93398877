"""The real services, for those who have keys and mean to pay a fraction of a cent: `pytest -m live`."""

import os

import numpy as np
import pytest

from tasks.config.models import Model
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import cosines, text_items

MODELS = {
    "OPENAI_API_KEY": "openai:text-embedding-3-small", "COHERE_API_KEY": "cohere:embed-v4.0",
    "GEMINI_API_KEY": "gemini:gemini-embedding-001", "VOYAGE_API_KEY": "voyage:voyage-4",
    "MISTRAL_API_KEY": "mistral:mistral-embed", "JINA_API_KEY": "jina:jina-embeddings-v3",
    "EMBEDLAKE_LIVE_TEI": "", "EMBEDLAKE_LIVE_COMPATIBLE": "",
}  # fmt: skip
"""By the environment variable with the key; of servers of one's own, with the whole reference."""


@pytest.mark.live
@pytest.mark.parametrize("variable", MODELS)
def test_a_real_service_finds_what_is_meant(variable: str) -> None:
    if not os.environ.get(variable):
        pytest.skip(f"{variable} is not set")
    model = resolve_model(Model.model_validate(MODELS[variable] or os.environ[variable]))
    encoder = load_encoder(model)
    documents = ["The owl hunts at night.", "Bread is made of flour and water.", "An empty glass."]
    found = encoder.encode_documents(text_items(documents))
    assert found.vectors.shape == (3, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-4)
    [query] = encoder.encode_queries(text_items(["Which bird is awake in the dark?"])).vectors
    assert int((found.vectors @ query).argmax()) == 0
    again = encoder.encode_documents(text_items(documents[::-1])).vectors[::-1]
    assert cosines(found.vectors, np.ascontiguousarray(again)).min() > 0.999
