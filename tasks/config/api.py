"""The part of a corpus file that says how a model behind an API is asked."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from tasks.config.part import Settings, Variable


class Api(Settings):
    """How a model behind an API is asked. Nothing of it decides a vector."""

    url: str | None = Field(
        None,
        description="Address of the service, where it is not the provider's own: a proxy's, or a region's. The path of"
        " the endpoint is added to it. No key is sent there but that of `key_env` or `secret`.",
    )
    key_env: Variable | None = Field(
        None,
        description="Environment variable with the key; by default the one that the provider names (OPENAI_API_KEY and"
        " the like).",
    )
    secret: str | None = Field(
        None, pattern="^[a-z0-9-]+$", description="Name of a Prefect Secret block with the key, instead of `key_env`."
    )
    mode: Literal["requests", "batch"] = Field(
        "requests",
        description="requests: texts are embedded while a run waits; batch: they go into batches that the provider does"
        " within hours for less money (OpenAI, Mistral, Gemini: half; Voyage: a third less), and a later run lands"
        " them. Queries are always requests.",
    )
    batch_wait: float = Field(
        0, ge=0, description="Minutes that a run waits for its batches before it leaves them to a later run."
    )
    batch_tokens: int | None = Field(
        None,
        ge=1,
        description="Most tokens in batches that are under way at once, as the provider allows (OpenAI's enqueued"
        " tokens); by default any number.",
    )
    requests_per_minute: int | None = Field(
        None, ge=1, description="Most requests in any minute; by default as the service's answers tell, or any number."
    )
    tokens_per_minute: int | None = Field(
        None, ge=1, description="Most tokens in any minute; by default as the service's answers tell, or any number."
    )
    concurrency: int = Field(
        32, ge=1, le=256, description="Most requests at once. A run begins with few, and finds how many go well."
    )
    inputs: int | None = Field(
        None, ge=1, description="Most texts in a request; by default as the provider says, and 64 of other servers."
    )
    seconds: float = Field(60, gt=0, description="Longest wait for an answer.")
    price: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="USD for a million tokens; by default what is known of the model (embedlake plan).",
    )
    image_price: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="USD for a million tokens of images, of a model that takes them; by default what is known of it.",
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return value if value is None else address(value)


def address(value: str) -> str:
    """An address over HTTP without anything secret in it.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address that begins with http:// or https://")
    if parts.username or parts.password or parts.query:
        raise ValueError("no user and password may stand in an address; name the key's environment variable: key_env")
    return value.rstrip("/")
