"""Services that have models: a reference that begins with a provider's name and a colon is for it."""

from typing import Protocol

from tasks.config.models import Model
from tasks.models.interface import Encoder
from tasks.models.resolved import ResolvedModel, Served


class Provider(Protocol):
    """Finds and loads the models of a service."""

    def find(self, model: Model) -> Served:
        """What tells a model from every other.

        Raises:
            ModelError: there is no such model, or nobody may use it.
        """
        ...

    def load(self, model: ResolvedModel, budget: int | None) -> Encoder:
        """What asks the service. It runs in the run's own process.

        Args:
            model: as found.
            budget: tokens to ask for at once; by default what suits the service.

        Raises:
            ModelError: the service cannot be used.
        """
        ...


BUILT_IN = frozenset(
    {"openai", "azure", "bedrock", "cohere", "gemini", "voyage", "mistral", "jina", "tei", "openai-compatible"}
)  # fmt: skip
"""Providers that need not be registered; see tasks.models.api."""
_PROVIDERS: dict[str, Provider] = {}


def register_provider(name: str, provider: Provider) -> None:
    """Have models whose reference begins with `name:` found and loaded by a provider, in this process."""
    _PROVIDERS[name] = provider


def provider_of(reference: str) -> Provider | None:
    """The provider that a model's reference names, or None where it names files."""
    name, colon, _ = reference.partition(":")
    if colon and name in BUILT_IN and name not in _PROVIDERS:
        from tasks.models.api.providers import ApiProvider

        return ApiProvider(name)
    return _PROVIDERS.get(name) if colon else None
