"""Images for models behind an API, against the fakes that decode what they are sent."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tasks.errors import BudgetSpent, ModelError, RefusedChunk, ServiceError
from tasks.models.api.bill import Bill
from tasks.models.api.encoder import ApiEncoder
from tasks.models.api.faults import RejectedRequest
from tasks.models.api.pictures import Picture, data_of, picture_of, requests_of
from tasks.models.api.providers import WIRES
from tasks.models.api.wire import Sight
from tasks.models.interface import Item, cosines, text_items
from tests.models.api.fake import Fake, vector_of
from tests.models.api.fake_images import COLOURS
from tests.models.api.test_encoder import served

SEEING = ["cohere:embed-v4.0", "voyage:voyage-multimodal-3.5", "gemini:gemini-embedding-2", "jina:jina-embeddings-v4"]
NAMES = [name for name in COLOURS if name not in ("magenta", "cyan")]


def image(colour: str, height: int = 40, width: int = 30, seed: int | None = None) -> Item:
    """All of one colour; with a seed, of a photograph's many."""
    pixels = np.full((height, width, 3), COLOURS[colour], np.uint8)
    if seed is not None:
        noise = np.random.default_rng(seed).integers(-9, 10, pixels.shape)
        pixels = np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)
    return Item("image", pixels, height * width)


@contextmanager
def seeing(fake: Fake, reference: str, **settings: Any) -> Iterator[ApiEncoder]:
    with served(fake, reference, **{"dimension": 256, **settings}) as encoder:
        yield encoder


@pytest.mark.parametrize("reference", SEEING)
def test_images_and_texts_meet_in_one_space(reference: str) -> None:
    fake = Fake()
    with seeing(fake, reference) as encoder:
        assert encoder.modalities == {"text", "image"}
        shown = encoder.encode_documents([image(name, seed=i) for i, name in enumerate(NAMES)])
        assert shown.costs == [1200] * len(NAMES)
        words = encoder.encode_queries(text_items([f"something {name}" for name in NAMES])).vectors
        np.testing.assert_array_equal((words @ shown.vectors.T).argmax(axis=1), range(len(NAMES)))
        asked = encoder.encode_queries([image("blue", seed=9)]).vectors
        assert (asked @ shown.vectors.T).argmax() == NAMES.index("blue")
        mixed = encoder.encode_documents([*text_items(["red"]), image("red"), *text_items(["a blue thing"])]).vectors
        alone = encoder.encode_documents([*text_items(["red", "a blue thing"]), image("red")]).vectors
        assert cosines(mixed, alone[[0, 2, 1]]).min() > 0.99999
        assert encoder.billed > 0
    assert fake.violations == []
    assert {paid.kind for paid in fake.bill} <= {"document", "query", ""}


@pytest.mark.parametrize("reference", SEEING)
def test_limits_are_kept_and_large_images_are_made_smaller(reference: str) -> None:
    fake = Fake()
    with seeing(fake, reference) as encoder:
        encoder.encode_documents([image(NAMES[i % 6], 20 + i, 20) for i in range(100)])
        encoder.encode_documents([image("green", 2500, 1700, seed=1)])
    assert fake.violations == []
    *small, large = fake.pictures
    assert len(small) == 100
    provider, name = reference.split(":")
    sight = WIRES[provider].sight(name)
    assert sight
    assert sight.pixels * 0.99 < large.height * large.width <= sight.pixels
    assert abs(large.height / large.width - 2500 / 1700) < 0.01
    assert (small[0].form, large.form) == ("png", "jpeg")
    assert fake.requests >= 100 / sight.inputs


@pytest.mark.parametrize("reference", SEEING)
@pytest.mark.parametrize("fault", ["too_many", "broken", "short", "nan"])
def test_every_image_gets_its_own_vector_whatever_comes(reference: str, fault: str) -> None:
    fake = Fake()
    with seeing(fake, reference) as encoder:
        images = [image(name, seed=i) for i, name in enumerate(NAMES[:5])]
        fake.script = [fault]
        found = encoder.encode_documents(images).vectors
        words = np.stack([vector_of(name, 256) for name in NAMES[:5]])
        np.testing.assert_array_equal((words @ found.T).argmax(axis=1), range(5))


@pytest.mark.parametrize("reference", SEEING)
def test_one_image_is_at_fault_alone(reference: str) -> None:
    with seeing(Fake(), reference) as encoder:
        with pytest.raises(RefusedChunk):
            encoder.encode_documents([image("magenta")])
        with pytest.raises(RejectedRequest):
            encoder.encode_documents([image("cyan")])
        with pytest.raises(ServiceError, match="does not take the image"):
            encoder.encode_queries([image("cyan")])


def test_what_was_paid_for_is_not_paid_again() -> None:
    fake = Fake()
    with seeing(fake, "cohere:embed-v4.0") as encoder:
        kept: dict[str, Any] = {}
        encoder.paid.keep = lambda contents, vectors, tokens: kept.update(  # type: ignore[method-assign]
            {c: (v, t) for c, v, t in zip(contents, vectors, tokens, strict=True)}
        )
        encoder.paid.find = kept.get  # type: ignore[method-assign]
        encoder._gallery._sight = Sight(1, 10_000, 10_000, 10_000)  # type: ignore[union-attr]
        with pytest.raises(RejectedRequest):
            encoder.encode_documents([image("red"), image("blue"), image("cyan")])
        asked = fake.requests
        encoder.encode_documents([image("red"), image("blue")])
        assert fake.requests == asked


def test_a_budget_bounds_texts_and_images_together() -> None:
    fake = Fake()
    with seeing(fake, "gemini:gemini-embedding-2", api={"price": 1.0, "image_price": 2.0}) as encoder:
        encoder.spend_at_most(2_000 / 1e6)
        encoder.encode_documents(text_items(["some words"] * 1))
        encoder.encode_documents([image("red"), image("blue")])
        with pytest.raises(BudgetSpent):
            encoder.encode_documents([image("green"), image("black")])
        assert encoder.cost == pytest.approx((encoder.billed + 534) / 1e6, rel=0.1)
        assert encoder.cost * 1e6 < 2_000
    with seeing(Fake(), "cohere:embed-v4.0", api={"price": 1.0}) as encoder:
        encoder.spend_at_most(1.0)
        with pytest.raises(ModelError, match="nobody knows what images cost"):
            encoder.encode_documents([image("red")])


def test_bills_side_by_side() -> None:
    texts = Bill(1.0)
    images = texts.beside(10.0)
    texts.limit(100 / 1e6)
    images.reserve(5)
    texts.reserve(40)
    with pytest.raises(BudgetSpent):
        images.reserve(2)
    images.settle(5, 5)
    texts.settle(40, 0)
    assert texts.cost == images.cost == pytest.approx(50 / 1e6)
    assert texts.left == pytest.approx(50 / 1e6)


@pytest.mark.parametrize(
    ("reference", "height", "width", "tokens"),
    [
        ("cohere:embed-v4.0", 512, 512, 1610), ("voyage:voyage-multimodal-3", 100, 100, 89),
        ("voyage:voyage-multimodal-3", 4000, 4000, 3571), ("gemini:gemini-embedding-2", 10, 9, 267),
        ("jina:jina-clip-v2", 512, 513, 8000), ("jina:jina-embeddings-v4", 28, 57, 30),
    ],
)  # fmt: skip
def test_what_an_image_is_billed_with(reference: str, height: int, width: int, tokens: int) -> None:
    provider, name = reference.split(":")
    assert WIRES[provider].picture_tokens(name, height, width) == tokens


def test_models_of_texts_take_no_images() -> None:
    for reference in ("openai:text-embedding-3-small", "cohere:embed-english-v3.0", "gemini:gemini-embedding-001",
                      "voyage:voyage-4", "jina:jina-embeddings-v3", "mistral:mistral-embed"):  # fmt: skip
        provider, name = reference.split(":")
        assert WIRES[provider].sight(name) is None
    with served(Fake()) as encoder, pytest.raises(ModelError, match="embeds text"):
        encoder.encode_documents([image("red")])


@given(st.lists(st.integers(1, 60), max_size=60), st.integers(1, 9), st.integers(1, 100))
def test_requests_hold_every_picture_once_within_their_limits(sizes: list[int], inputs: int, most: int) -> None:
    pictures = [Picture("x" * size, 1) for size in sizes]
    cut = list(requests_of(pictures, Sight(inputs, 1, 1, most)))
    assert [i for request in cut for i in request] == list(range(len(sizes)))
    for request in cut:
        assert len(request) <= inputs
        assert len(request) == 1 or sum(sizes[i] for i in request) <= most


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 10_000))
def test_what_is_sent_is_small_enough_and_looks_the_same(height: int, width: int, pixels: int) -> None:
    down = np.linspace(40, 200, height)[:, None, None]
    shown = np.broadcast_to(down, (height, width, 3)).astype(np.uint8)
    uri, tokens = picture_of(shown, Sight(1, pixels, 2_000_000, 9), WIRES["cohere"], "embed-v4.0")
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data_of(uri)[1]))))
    assert back.shape[0] * back.shape[1] <= max(pixels, max(height, width))
    assert abs(back.mean() - shown.mean()) < 12
    assert tokens > 0


def test_what_is_sent_is_no_larger_than_the_provider_takes() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    uri, _ = picture_of(noise, Sight(1, 10**6, 90_000, 9), WIRES["cohere"], "embed-v4.0")
    assert len(base64.b64decode(data_of(uri)[1])) <= 90_000


def test_a_strip_is_sent_that_is_longer_than_jpeg_has_sides() -> None:
    strip = np.random.default_rng(1).integers(0, 256, (5, 66_000, 3), np.uint8)
    uri, _ = picture_of(strip, Sight(1, 10**6, 5_000_000, 9), WIRES["cohere"], "embed-v4.0")
    assert Image.open(io.BytesIO(base64.b64decode(data_of(uri)[1]))).size == (65_500, 5)
