"""What a protocol of embedding over HTTP is."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from tasks.config.models import Output
from tasks.models.api.answers import Reply, listed, numbers_of
from tasks.models.api.faults import fault_of

Kind = Literal["document", "query"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider takes.

    Attributes:
        inputs: texts in a request.
        tokens: in a request; None where it has no such limit.
        text_tokens: that the model reads of a text.
    """

    inputs: int
    tokens: int | None
    text_tokens: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What a provider takes of images.

    Attributes:
        inputs: images in a request.
        pixels: of an image; larger ones are scaled down before they are sent, as the provider would do, or its model.
        file_bytes: of an image.
        request_bytes: of all images in a request, as base64.
    """

    inputs: int
    pixels: int
    file_bytes: int
    request_bytes: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a model.

    Attributes:
        model: as the provider calls it.
        dimension: of the vectors; None for the model's own.
        pictures: whether what is embedded are images, each a `data:` address.
    """

    model: str
    dimension: int | None = None
    pictures: bool = False


class Wire:
    """A protocol: OpenAI's, which most others are like, unless a method says otherwise.

    Attributes:
        name: of the provider, the first part of references.
        url: of the provider's own service; empty where there is none.
        example: of an address, where it has none of its own.
        key_env: environment variable that the provider names for a key; empty where there are no keys.
        own_server: whether the address stands in the reference and a request costs nothing.
        output: the numbers that are asked for.
    """

    name = "openai"
    url = "https://api.openai.com/v1"
    example = ""
    key_env = "OPENAI_API_KEY"
    own_server = False
    output: Output = "float"

    def found(self) -> str:
        """The address that the environment tells, of a provider without one of its own; empty where it tells none."""
        return ""

    def refusal(self, model: str) -> str:
        """Why a model cannot be asked by this protocol; empty where it can, as far as its name tells."""
        return ""

    def outputs(self, model: str) -> tuple[Output, ...]:
        """The numbers that a model can be asked for. Source: the provider's documentation."""
        return ("float",)

    def giving(self, output: Output) -> Self:
        """The protocol with other numbers asked for."""
        other = copy.copy(self)
        other.output = output
        return other

    def limits(self, model: str) -> Limits:
        """Of a model. Source: the provider's documentation."""
        return Limits(2048, 300_000, 8192)

    def sight(self, model: str) -> Sight | None:
        """What a model takes of images; None where it takes none."""
        return None

    def picture_tokens(self, model: str, height: int, width: int) -> int:
        """What an image of so many pixels is billed with, in tokens, about. Source: the provider's documentation."""
        raise NotImplementedError

    def headers(self, key: str | None) -> dict[str, str]:
        """Of every request."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def path(self, asked: Asked) -> str:
        """Of the endpoint, below the service's address."""
        return "/embeddings"

    def body(self, asked: Asked, texts: list[str], kind: Kind) -> dict[str, Any]:
        """Of a request. What is too long is refused and not cut, where the protocol has a word for it."""
        told: dict[str, Any] = {"model": asked.model, "input": texts, "encoding_format": "base64"}
        return told if asked.dimension is None else told | {"dimensions": asked.dimension}

    def reply(self, answer: Any, count: int) -> Reply:
        """What an answer says.

        Args:
            answer: parsed.
            count: of texts in the request.

        Raises:
            UnusableAnswer: it cannot be told which vector is of which text.
        """
        return numbers_of(listed(answer, count), self.output)

    def fault(self, status: int, headers: Mapping[str, str], body: bytes, count: int) -> Exception:
        """What an answer with a status of 300 or more means; see `faults`."""
        return fault_of(self.name, status, headers, body, count)

    def prompt(self, model: str, kind: Kind) -> str:
        """Put before a text where the request has no place to say what it is."""
        return ""
