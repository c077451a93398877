"""Encoders of images and of sound, beside one of texts: toys, which the pools take as they are.

One behind a service is in test_providers.py.
"""

import io
import math
import struct
import wave
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tasks.embed.batches import Batch
from tasks.embed.pools import LocalPool
from tasks.embed.trials import Trials
from tasks.errors import ModelError, OversizedBatch, UnusableVector
from tasks.models.interface import Encoded, Item, encode_checked, encode_in_parts, text_items, texts_of
from tasks.models.probes import probe


class ImageEncoder:
    """The mean colour of an image in portable pixmap format (P6); its cost is its pixels."""

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
    def _pixels(content: str | bytes) -> Any:
        assert isinstance(content, bytes)
        kind, _, _, body = content.split(b"\n", 3)
        if kind != b"P6":
            raise ValueError("not a portable pixmap")
        return np.frombuffer(body, np.uint8).reshape(-1, 3).astype(np.float32)


class SoundEncoder:
    """Loudness and zero crossings of 16-bit samples; its cost is the samples."""

    dimension = 2
    max_cost = 16_000
    modalities = frozenset({"sound"})
    backend = "toy"
    concurrency = 2
    batch_cost = 64_000

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        waves = [np.frombuffer(bytes(item.content), "<i2").astype(np.float32) for item in items]  # type: ignore[arg-type]
        vectors = [[np.abs(wave).mean(), (np.diff(np.sign(wave)) != 0).mean() + 1] for wave in waves]
        return Encoded(np.array(vectors, np.float32), [len(wave) for wave in waves])

    encode_queries = encode_documents


def bytes_of(item: Item) -> bytes:
    assert isinstance(item.content, bytes)
    return item.content


def image(red: int, green: int, blue: int, pixels: int = 12) -> Item:
    return Item("image", b"P6\n%d 1\n255\n" % pixels + bytes([red, green, blue]) * pixels, pixels)


def sound(hertz: int) -> Item:
    wave = [int(9000 * math.sin(2 * math.pi * hertz * i / 8000)) for i in range(800)]
    return Item("sound", struct.pack("<800h", *wave), 800)


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
    broken = Item("image", b"GIF89a\n\n\n", 1)
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


def test_a_probe_of_each_modality_can_be_read() -> None:
    with Image.open(io.BytesIO(bytes_of(probe("image")))) as found:
        assert (found.format, found.size, found.getpixel((31, 0))) == ("PNG", (32, 32), (248, 0, 128))
    with wave.open(io.BytesIO(bytes_of(probe("sound")))) as sounds:
        assert (sounds.getframerate(), sounds.getnframes(), sounds.getnchannels()) == (16_000, 16_000, 1)
    assert texts_of([probe("text")])
