"""The part of a corpus file that says who answers questions from its passages."""

from pydantic import Field

from tasks.config.part import Settings, Variable


class Ask(Settings):
    """Who answers `embedlake ask`, and from how much."""

    url: str | None = Field(
        None,
        description="Address of a chat endpoint that speaks OpenAI's protocol, such as http://localhost:8000/v1; by"
        " default EMBEDLAKE_ASK_URL.",
    )
    model: str | None = Field(None, description="As the endpoint calls it; by default EMBEDLAKE_ASK_MODEL.")
    key_env: Variable = Field(
        "EMBEDLAKE_ASK_KEY", description="Environment variable with the endpoint's key. Without a value, none is sent."
    )
    passages: int = Field(12, ge=1, le=1000, description="Passages that are retrieved for an answer.")
    context_tokens: int = Field(
        6000, ge=100, description="Most tokens of passages in the prompt, at four bytes a token."
    )
    max_tokens: int | None = Field(None, gt=0, description="Most tokens of an answer; the endpoint's own by default.")
    temperature: float | None = Field(None, ge=0, le=2, description="The endpoint's own by default.")
    seconds: float = Field(60, gt=0, description="Longest silence of the endpoint.")
