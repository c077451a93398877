"""Vectors in int8 and in bits, where a service gives such."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.config.models import Model, Output
from tasks.errors import ConfigurationError, ModelError
from tasks.models.api.answers import Reply, numbers_of
from tasks.models.find import resolve_model, revision_of
from tasks.models.interface import cosines, text_items
from tasks.models.resolved import Served
from tests.models.api.fake import KEY, Fake, vector_of
from tests.models.api.test_encoder import TEXTS, served


@pytest.mark.parametrize("output", ["int8", "binary"])
@pytest.mark.parametrize("reference", ["cohere:embed-v4.0", "voyage:voyage-4", "mistral:codestral-embed", "jina:j-v3"])
def test_smaller_numbers_are_asked_for_and_mean_the_same(reference: str, output: Output) -> None:
    if (reference, output) == ("jina:j-v3", "int8"):
        pytest.skip("Jina has none")
    fake = Fake()
    with served(fake, reference, output=output, dimension=512) as encoder:
        found = encoder.encode_documents(text_items(TEXTS)).vectors
        query = encoder.encode_queries(text_items(TEXTS[:1])).vectors
    own = np.stack([vector_of(text, 512) for text in TEXTS])
    assert found.shape == own.shape
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert (own @ found.T).argmax(axis=1).tolist() == list(range(len(TEXTS)))
    assert (found @ query[0]).argmax() == 0
    if output == "binary":
        np.testing.assert_array_equal(np.sign(found), np.where(own > 0, 1, -1))
        assert len(np.unique(np.abs(found))) == 1
    else:
        assert cosines(own, found).min() > 0.999


@pytest.mark.parametrize("fault", ["short", "zero", "shuffled", "duplicate"])
def test_every_text_gets_its_own_bits_whatever_comes(fault: str) -> None:
    with served(Fake(script=[fault]), "voyage:voyage-4", output="binary", dimension=512) as encoder:
        found = encoder.encode_documents(text_items(TEXTS)).vectors
    own = np.stack([vector_of(text, 512) for text in TEXTS])
    agree = (np.sign(found) == np.where(own > 0, 1, -1)).all(axis=1)
    assert agree.sum() >= len(TEXTS) - (fault == "zero")


@pytest.mark.parametrize(
    ("reference", "output", "told"),
    [
        ("openai:text-embedding-3-small", "int8", "none but float"), ("gemini:gemini-embedding-001", "binary", "none"),
        ("jina:jina-embeddings-v3", "int8", "only float and binary"), ("voyage:voyage-3", "int8", "none but float"),
        ("voyage:voyage-multimodal-3", "int8", "none but float"), ("mistral:mistral-embed", "int8", "none but float"),
    ],
)  # fmt: skip
def test_what_a_provider_does_not_offer_is_refused(
    reference: str, output: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI", "GEMINI", "JINA", "VOYAGE", "MISTRAL"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
    with pytest.raises(ConfigurationError, match=told):
        resolve_model(Model.model_validate({"model": reference, "output": output}))
    batch = {"model": "voyage:voyage-4", "output": "int8", "api": {"mode": "batch"}}
    with pytest.raises(ConfigurationError, match="mode: batch"):
        resolve_model(Model.model_validate(batch))


def test_a_model_on_this_machine_has_no_outputs(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="behind an API"):
        resolve_model(Model.model_validate({"model": str(tiny_model), "output": "binary"}))


def test_each_output_gets_a_table_of_its_own() -> None:
    origin = Served("cohere", "embed-v4.0", "")
    outputs = ({}, {"output": "float"}, {"output": "int8"}, {"output": "binary"})
    models = [Model.model_validate({"model": "cohere:embed-v4.0"} | output) for output in outputs]
    first, same, *others = [revision_of(origin, model) for model in models]
    assert first == same
    assert len({first, *others}) == 3


@given(arrays(np.bool_, st.integers(1, 40).map(lambda bytes: 8 * bytes)))
def test_bits_come_back_as_they_were_packed(bits: np.ndarray) -> None:
    packed = np.packbits(bits).astype(np.float32)
    [vector] = numbers_of(Reply([packed], 1), "binary").vectors
    np.testing.assert_array_equal(vector, np.where(bits, 1, -1))


@pytest.mark.parametrize("wrong", [[-1.0, 3.0], [256.0], [0.5]])
def test_what_is_no_byte_is_no_vector(wrong: list[float]) -> None:
    assert numbers_of(Reply([np.array(wrong, np.float32), None], None), "binary").vectors == [None, None]
