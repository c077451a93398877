"""The part of a corpus file that names a reranker, and how it is asked."""

from typing import Any, Literal

from pydantic import Field, model_validator

from tasks.config.part import ShortForm, Variable


class Rerank(ShortForm):
    """What orders the best passages of a search anew."""

    model: str = Field(
        min_length=1,
        description="A cross-encoder: a hub name, a local folder, or package:NAME; or a service's, as cohere:NAME,"
        " jina:NAME, voyage:NAME, tei:NAME.",
    )
    url: str | None = Field(None, description="Address of the service, where it is not the company's own.")
    key_env: Variable | None = Field(
        None,
        description="Environment variable with the service's key; by default the one that its company names"
        " (COHERE_API_KEY and the like), and none where `url` is given.",
    )
    candidates: int = Field(50, ge=1, le=1000, description="Passages that are scored: so many of the best.")
    seconds: float = Field(
        5, gt=0, description="Longest wait for their scores, loading apart; then the order stays as it was."
    )
    max_tokens: int | None = Field(
        None, gt=0, description="Read at most this many tokens of query and passage; the model's own by default."
    )
    hub_revision: str | None = Field(None, description="Branch, tag or commit on the hub.")
    trust_remote_code: bool = Field(False, description="Run Python code that comes with the model.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="What runs it; auto: torch on a GPU, OpenVINO on a CPU where it gives the same scores."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value
