"""What is known of models behind an API: prices with their date, lengths of vectors, tokenizers."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model.

    Attributes:
        price: USD for a million tokens.
        image_price: USD for a million tokens that an image is billed with.
        dimension: of its vectors, uncut.
        tokenizer: an encoding of tiktoken.
        fixed: whether the provider has no shorter vectors of it.
    """

    price: float | None = None
    image_price: float | None = None
    dimension: int | None = None
    tokenizer: str | None = None
    fixed: bool = False


def known(provider: str, model: str) -> Known:
    """What is known of a provider's model; nothing of most."""
    return Known(**_data()["models"].get(f"{provider}:{model}", {}))


def date_of_prices() -> str:
    """When prices were looked up, as YYYY-MM-DD."""
    return str(_data()["date"])


@cache
def _data() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((files("tasks.models.api") / "models.json").read_text("utf-8"))
    return told
