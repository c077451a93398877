"""The part of a corpus file that names a model, and how it is run."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from tasks.config.part import Name, ShortForm


class Model(ShortForm):
    """A model that embeds the corpus; it gets a table of its own."""

    hashed_always = frozenset({"dimension", "normalize", "document_prompt", "max_tokens", "int8"})
    hashed_never = frozenset(  # not of what decides a document's vector
        {"model", "name", "hub_revision", "sha256", "query_prompt", "trust_remote_code", "backend", "precision"}
    )

    model: str = Field(
        min_length=1,
        description="A hub name (org/name), a local folder (./path, /path), or package:NAME for an installed one.",
    )
    name: Name = Field("", validate_default=False, description="Name of its table; from the model by default.")
    hub_revision: str | None = Field(
        None,
        description="Branch, tag or commit on the hub. Without it, the commit that first filled the model's table stays"
        " in use.",
    )
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="SHA-256 of a file of weights, as the hub shows it; a model with others is refused."
    )
    dimension: int | None = Field(None, gt=0, description="Cut vectors to this length (Matryoshka models).")
    normalize: bool = Field(True, description="Scale every vector to length 1; false leaves it as the model gives it.")
    query_prompt: str | None = Field(None, description="Put before a query; the model's own by default.")
    document_prompt: str | None = Field(None, description="Put before a document; the model's own by default.")
    max_tokens: int | None = Field(None, gt=0, description="Read at most this many tokens; the model's own by default.")
    trust_remote_code: bool = Field(False, description="Run Python code that comes with the model.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="What runs it; auto: torch on a GPU, OpenVINO on a CPU where it gives the same vectors."
    )
    precision: Literal["auto", "float32"] = Field(
        "auto", description="auto: half precision where the processor has it (cosine to float32 0.999 or more)."
    )
    int8: bool = Field(
        False, description="Run it in int8 on the CPU: faster, a little less exact; gets a table of its own."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"model": value}
        if isinstance(value, dict) and isinstance(value.get("model"), str) and not value.get("name"):
            value = {**value, "name": table_name_of(value["model"])}
        return value


def table_name_of(model: str) -> str:
    """A table's name for a model: the last part of its reference, in letters, digits, _ and -."""
    last = model.removeprefix("package:").rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-_").lower() or "model"
