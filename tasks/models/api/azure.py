"""Azure OpenAI, by a key: `azure:DEPLOYMENT` at the address of a resource, whose version 1 speaks OpenAI's protocol.

Source: learn.microsoft.com/azure/ai-services/openai, "API version lifecycle", v1.
"""

from tasks.models.api.wire import Asked, Wire


class Azure(Wire):
    """A deployment; its address is the resource's, such as https://NAME.openai.azure.com."""

    name = "azure"
    url = ""
    example = "https://NAME.openai.azure.com"
    key_env = "AZURE_OPENAI_API_KEY"

    def headers(self, key: str | None) -> dict[str, str]:
        """The key has a header of its own."""
        return {"api-key": key} if key else {}

    def path(self, asked: Asked) -> str:
        """Below the resource's address."""
        return "/openai/v1/embeddings"
