"""Encoders of images, of sound and behind a service, beside one of texts: toys, which the pools take as they are."""

import json
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pyarrow as pa
import pytest

from tasks.embed.batches import Batch
from tasks.embed.pools import LocalPool
from tasks.embed.trials import Trials
from tasks.errors import ModelError, UnusableVector
from tasks.models.interface import Encoded, Item, encode_checked, text_items, texts_of


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


class ServiceEncoder:
    """Asks a service over HTTP, which counts tokens itself."""

    dimension = 2
    max_cost = 100
    modalities = frozenset({"text"})
    backend = "service"
    concurrency = 4
    batch_cost = 1000

    def __init__(self, url: str) -> None:
        self._url = url

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        return self._ask("document", items)

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        return self._ask("query", items)

    def _ask(self, kind: str, items: Sequence[Item]) -> Encoded:
        body = json.dumps({"input": texts_of(items), "input_type": kind}).encode()
        with urlopen(Request(self._url, body, {"Content-Type": "application/json"}), timeout=30) as answer:
            found = json.load(answer)
        return Encoded(np.array(found["embeddings"], np.float32), found["tokens"])


@pytest.fixture
def service() -> Iterator[str]:
    """A service on this machine; gives its address."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            shift = asked["input_type"] == "query"
            answer = {
                "embeddings": [[len(text), 1 + shift] for text in asked["input"]],
                "tokens": [len(text.split()) for text in asked["input"]],
            }
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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


def test_a_pool_asks_a_service(service: str) -> None:
    vectors = embedded(lambda: ServiceEncoder(service), text_items(["one", "three", "fourteen"]))
    assert vectors.tolist() == [[3, 1], [5, 1], [8, 1]]
    query = ServiceEncoder(service).encode_queries(text_items(["one two"]))
    assert (query.vectors.tolist(), query.costs) == ([[7, 2]], [2])


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


def test_an_encoder_of_texts_says_that_it_takes_no_image(service: str) -> None:
    with pytest.raises(ModelError, match="embeds text, and was given image"):
        ServiceEncoder(service).encode_documents([*text_items(["a text"]), image(1, 1, 1)])
