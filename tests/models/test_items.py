"""Encoders of images and of sound, beside one of texts: toys, which the pools take as they are.

One behind a service is in test_providers.py.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from tasks.embed.batches import Batch
from tasks.embed.pools import LocalPool
from tasks.embed.trials import Trials
from tasks.errors import ModelError, OversizedBatch, UnusableVector
from tasks.models.interface import Encoded, Item, Samples, encode_checked, encode_in_parts, text_items, texts_of
from tasks.models.probes import probe


class ImageEncoder:
    """The mean colour of an image; its cost is its pixels. It has no eye for what is red all over."""

    dimension = 3
    max_cost = 1_000_000
    modalities = frozenset({"image"})
    backend = "toy"
    concurrency = 1
    batch_cost = 1000

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        pixels = [self._pixels(item.content) for item in items]
        return Encoded(np.stack([found.mean(axis=0) for found in pixels]), [len(found) for found in pixels])

    encode_queries = encode_documents

    @staticmethod
    def _pixels(content: Any) -> Any:
        assert content.dtype == np.uint8
        if (content[..., 0] == 255).all():
            raise ValueError("too red")
        return content.reshape(-1, 3).astype(np.float32)


class SoundEncoder:
    """Loudness and zero crossings; its cost is the samples."""

    dimension = 2
    max_cost = 16_000
    modalities = frozenset({"audio"})
    backend = "toy"
    concurrency = 2
    batch_cost = 64_000

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        waves = [item.content.samples for item in items if isinstance(item.content, Samples)]
        vectors = [[np.abs(wave).mean(), (np.diff(np.sign(wave)) != 0).mean() + 1] for wave in waves]
        return Encoded(np.array(vectors, np.float32), [len(wave) for wave in waves])

    encode_queries = encode_documents


def image(red: int, green: int, blue: int, pixels: int = 12) -> Item:
    return Item("image", np.full((1, pixels, 3), [red, green, blue], np.uint8), pixels)


def sound(hertz: int) -> Item:
    wave = np.sin(2 * np.pi * hertz * np.arange(800) / 8000).astype(np.float32)
    return Item("audio", Samples(wave, 8000), 100)


def embedded(make: Callable[[], Any], items: list[Item]) -> Any:
    """The vectors that a pool gives, one batch for each item."""
    pool = LocalPool(make)
    batches = (Batch(pa.table({"n": [i]}), [item], [0]) for i, item in enumerate(items))
    try:
        found = {result.batch.rows["n"][0].as_py(): result.vectors[0] for result in pool.embed(batches)}
    finally:
        pool.close()
    return np.stack([found[i] for i in range(len(items))])


def test_a_pool_embeds_images() -> None:
    vectors = embedded(ImageEncoder, [image(200, 10, 10), image(10, 10, 200), image(190, 20, 10)])
    assert np.linalg.norm(vectors[0] - vectors[2]) < np.linalg.norm(vectors[0] - vectors[1])


def test_a_pool_embeds_sound() -> None:
    low, high = embedded(SoundEncoder, [sound(100), sound(2000)])
    assert low[1] < high[1]


def test_one_broken_image_is_found_among_good_ones() -> None:
    encoder, trials = ImageEncoder(), Trials("toy", image(1, 2, 3))
    broken = image(255, 0, 0)
    items = [image(i, i, 7) for i in range(5)] + [broken] + [image(7, i, i) for i in range(1, 5)]
    waiting = [Batch(pa.table({"n": range(len(items))}), items, list(range(len(items))))]
    at_fault = []
    while waiting or trials:
        batch = waiting.pop() if waiting else trials.next(idle=True)
        assert batch is not None
        try:
            encode_checked(encoder, batch.items)
        except Exception as error:
            trials.failed(batch, error)
        else:
            at_fault += trials.passed(batch) or []
    assert [batch.items for batch, _ in at_fault] == [[broken]]


def test_vectors_are_checked_whatever_they_are_of() -> None:
    with pytest.raises(UnusableVector, match="zero or not finite"):
        encode_checked(ImageEncoder(), [image(0, 0, 0)])


def test_an_encoder_of_texts_says_that_it_takes_no_image() -> None:
    with pytest.raises(ModelError, match="embeds text, and was given image"):
        texts_of([*text_items(["a text"]), image(1, 1, 1)])


def test_any_number_of_items_is_encoded_in_parts_that_suit_the_encoder() -> None:
    class Careful(ImageEncoder):
        sizes: ClassVar[list[int]] = []

        def encode_documents(self, items: Sequence[Item]) -> Encoded:
            if len(items) > 3:
                raise OversizedBatch("more than 3 images")
            self.sizes.append(len(items))
            return super().encode_documents(items)

    items = [image(i, 9, 9, pixels=100) for i in range(20)]
    vectors, costs = encode_in_parts(Careful(), items)
    assert vectors.tolist() == ImageEncoder().encode_documents(items).vectors.tolist()
    assert (costs, sum(Careful.sizes)) == ([100] * 20, 20)
    assert max(Careful.sizes) <= 3


def test_a_probe_of_each_modality_is_what_items_of_it_are() -> None:
    picture, note = probe("image").content, probe("audio", rate=8000).content
    assert isinstance(picture, np.ndarray)
    assert (picture.shape, picture.dtype, picture[0, 31].tolist()) == ((32, 32, 3), np.uint8, [248, 0, 128])
    assert isinstance(note, Samples)
    assert (note.samples.shape, note.samples.dtype, note.rate) == ((8000,), np.float32, 8000)
    assert texts_of([probe("text")])
