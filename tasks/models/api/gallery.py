"""Images for a model behind an API: made small enough, packed into requests, and paid for once."""

from collections.abc import Sequence

import numpy as np

from tasks.errors import OversizedBatch, RefusedChunk, ServiceError
from tasks.hashing import hash_bytes
from tasks.models.api import loop
from tasks.models.api.answers import Vector
from tasks.models.api.client import TRIES, Client, Got
from tasks.models.api.faults import RejectedRequest, TooLong
from tasks.models.api.paid import Paid
from tasks.models.api.pictures import Picture, picture_of, requests_of
from tasks.models.api.wire import Kind, Sight, Wire
from tasks.models.interface import Image, Item

_CAREFUL = 1.5  # tokens of a provider to one that was estimated, at most, until answers tell
_SPARE = 1.1  # of what answers told
_QUERY_TRIES, _QUERY_SECONDS = 3, 30.0


class Gallery:
    """Has images embedded by a service.

    Args:
        wire: its protocol.
        model: as it calls it.
        sight: what it takes of images.
        client: asks for images.

    Attributes:
        batch_cost: of the images in a call, as they weigh beside texts: 2 million pixels, so that a request under
            way holds 6 MiB.
    """

    batch_cost = 2**13

    def __init__(self, wire: Wire, model: str, sight: Sight, client: Client) -> None:
        self._wire, self._model, self._sight = wire, model, sight
        self.client = client
        self._seen = 0.0  # most tokens of the provider to one that was estimated
        client.scale = _CAREFUL

    def pay_for(self, items: Sequence[Item], contents: Sequence[str], paid: Paid) -> None:
        """Have images embedded, and keep their vectors.

        Args:
            items: images.
            contents: of each, its hash.
            paid: takes what comes.

        Raises:
            RefusedChunk: the service refuses one of them.
            OversizedBatch: they are more than a request takes.
        """
        pictures = [self._sent(item) for item in items]
        for places in requests_of(pictures, self._sight):

            def keep(at: list[int], vectors: list[Vector], ratio: float | None, places: list[int] = places) -> None:
                self._learn(ratio)
                if at:
                    there = [places[i] for i in at]
                    costs = [pictures[i].tokens for i in there]
                    paid.keep([contents[i] for i in there], np.stack(vectors), costs)

            try:
                self._ask([pictures[i] for i in places], "document", TRIES, keep)
            except TooLong as error:
                raise _refused(self._wire.name, error) from None

    def queries(self, items: Sequence[Item]) -> list[Vector]:
        """Vectors of images that are asked by.

        Raises:
            ServiceError: there are none to be had.
        """
        pictures = [self._sent(item) for item in items]
        found: dict[int, Vector] = {}
        try:
            for places in requests_of(pictures, self._sight):

                def keep(at: list[int], vectors: list[Vector], _: float | None, places: list[int] = places) -> None:
                    found.update({places[i]: vector for i, vector in zip(at, vectors, strict=True)})

                self._ask([pictures[i] for i in places], "query", _QUERY_TRIES, keep, _QUERY_SECONDS)
        except (RejectedRequest, RefusedChunk, OversizedBatch) as error:
            raise ServiceError(f"{self._wire.name} does not take the image: {error}", "Ask by another one.") from None
        if len(found) < len(items):
            raise ServiceError(f"{self._wire.name} gave no usable vector of an image", "Try again later.", True)
        return [found[i] for i in range(len(items))]

    def _sent(self, item: Item) -> Picture:
        return picture_of(_pixels(item), self._sight, self._wire, self._model)

    def _ask(self, pictures: list[Picture], kind: Kind, tries: int, keep: Got, seconds: float | None = None) -> None:
        uris, tokens = [picture.uri for picture in pictures], [picture.tokens for picture in pictures]
        loop.within(seconds, self._wire.name, self.client.ask(uris, tokens, kind, tries, keep))

    def _learn(self, ratio: float | None) -> None:
        self._seen = max(self._seen, ratio or 0.0)
        self.client.scale = max(self._seen * _SPARE, 1.0) if self._seen else _CAREFUL


def content_of(item: Item) -> str:
    """The hash by which what an image costs is kept: of its pixels."""
    pixels = _pixels(item)
    return hash_bytes(b"%d %d " % pixels.shape[:2] + pixels.tobytes())


def _pixels(item: Item) -> Image:
    assert isinstance(item.content, np.ndarray)
    return item.content


def _refused(service: str, error: TooLong) -> RefusedChunk:
    return RefusedChunk(f"{service} does not take the image: {error.message}", "Leave it out with `exclude`.")
