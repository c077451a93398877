"""A FAKE of a service whose model is the stand-in `five`: the real client asks it over HTTP in OpenAI's protocol.

It refuses poisoned texts as a filter does, has no vector of blank ones, and fails as it is told. What is paid for is
counted where other stand-ins count what they embed.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from tasks.models import choose
from tasks.models.api import connection, loop, providers
from tasks.models.api.fingerprint import PROBES
from tasks.models.interface import texts_of
from tasks.models.providers import provider_of
from tasks.models.resolved import ResolvedModel
from tests.machine.encoders import BLANK, POISON, StandIn, fails, tokens_of, vector_of
from tests.machine.world import SERVED
from tests.models.api.fake import Fake, Paid, serving

STATES = ["", "", "revoked", "quota", "retired", "down", "changed"]
FAULTS = ["too_many", "broken", "cut", "shuffled", "duplicate", "short", "nan", "zero"]
_KEPT = ("", "shuffled")
"""Of these faults every vector can be used."""
_PROMPT = re.compile(rf"^{SERVED} \d")
"""What is put before documents, and not before queries."""


class Service(Fake):
    """The service.

    Attributes:
        table: that it is asked for now.
        given: table and text of all that it gave vectors of, in this run; unlanded: in runs that broke off since one
            ended.
        doubted: whether it had no vector of a text: then it is asked for one that it had before, to see whose fault
            that is.
    """

    def __init__(self) -> None:
        super().__init__(key="", dimension=4, filtered=POISON)
        self.table, self._after, self._later = "", 0, ""
        self.unlanded: set[tuple[str, str]] = set()
        self.given: set[tuple[str, str]] = set()
        self.doubted = False

    def count(self, text: str) -> int:
        return tokens_of(_own(text))

    def vector(self, text: str, dimension: int) -> np.ndarray:
        vector: np.ndarray = vector_of(SERVED, _own(text)) * (BLANK not in text)
        return vector[::-1] if self.drift else vector

    def answered(self, paid: Paid, fault: str) -> None:
        if self._after:
            self._after -= 1
            self.state = self.state if self._after else self._later
        texts = [_own(text) for text in paid.texts if _PROMPT.match(text)]
        texts = [text for text in texts if text not in _PROBED]
        StandIn.calls += bool(texts)
        StandIn.troubled |= any(fails(text) for text in texts) or fault not in _KEPT
        self.doubted |= any(BLANK in text for text in texts)
        if fault in _KEPT:
            self.given |= {(self.table, text) for text in texts if not fails(text)}
        if not StandIn.troubled:
            StandIn.embedded.update((self.table, text) for text in texts)

    @contextmanager
    def broken(self, state: str, after: int, faults: Sequence[str]) -> Iterator[None]:
        """While it lasts, the next requests meet with some faults, and after so many answers it fails as a whole."""
        self.script[:] = faults
        if state == "changed":
            self.drift = 1.0
        elif after:
            self._after, self._later = after, state
        else:
            self.state = state
        try:
            yield
        finally:
            self.settled()
            self.script.clear()
            self.state, self.drift, self._after = "", 0.0, 0

    def settled(self) -> None:
        """Wait until nothing is asked any more: answers that are under way when a run breaks off are kept."""
        loop.start(_others_end()).result(10)


async def _others_end() -> None:
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


class Counter:
    """Counts as stand-ins do, and cuts nothing: a stand-in reads all of a text."""

    exact = False

    def __init__(self, _: str | None) -> None:
        pass

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [tokens_of(_own(text)) for text in texts]

    def cut(self, text: str, _: int) -> str:
        return text


@contextmanager
def service() -> Iterator[tuple[Service, str]]:
    """The service, and its address. While it lasts, its models are loaded as they are, and ask again at once."""
    fake, stand_in, load = Service(), choose.load_encoder, _LOAD

    def loaded(model: ResolvedModel, *others: Any, **more: Any) -> Any:
        if provider_of(model.settings.model) is None:
            return stand_in(model, *others, **more)
        fake.table = f"{model.name}.{model.revision}"
        return load(model)

    with serving(fake) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", loaded)
        patch.setattr(providers, "Counter", Counter)
        patch.setattr(connection, "_FIRST_PAUSE", 0.0)
        yield fake, f"openai-compatible:{url}/v1#{SERVED}"


def _own(text: str) -> str:
    """A text without what is put before it."""
    return _PROMPT.sub("", text)


_LOAD = choose.load_encoder
_PROBED = {*texts_of(PROBES)}
