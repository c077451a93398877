"""A model that is found: what it is, and what tells it from every other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models.takes import TEXT_ONLY, Takes


@dataclass(frozen=True, slots=True)
class Weights:
    """A model that is files on this machine.

    Attributes:
        folder: where they are.
        hash: SHA-256 over what decides its vectors, 64 hexadecimal digits.
        commit: of the hub, where they come from there.
        takes: what it embeds, which its files decide.
    """

    folder: Path
    hash: str
    commit: str | None = None
    takes: Takes = TEXT_ONLY

    def identity(self) -> dict[str, str]:
        """What tells it from every other model."""
        return {"weights": self.hash}


@dataclass(frozen=True, slots=True)
class Served:
    """A model that a service has.

    Attributes:
        provider: of the service.
        name: as the provider calls it.
        version: as far as the provider tells one; another version gets a table of its own.
        takes: what it embeds.
    """

    provider: str
    name: str
    version: str
    takes: Takes = TEXT_ONLY

    def identity(self) -> dict[str, str]:
        """What tells it from every other model."""
        return {"provider": self.provider, "name": self.name, "version": self.version}


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """A model that can be loaded.

    Attributes:
        settings: as the corpus gives them.
        origin: its weights, or the service that has it.
        revision: hash of origin and settings together, 12 hexadecimal digits; part of the table's name.
        calibration: of an int8 model, the texts that its ranges are taken from.
    """

    settings: Model
    origin: Weights | Served
    revision: str
    calibration: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its short name; part of the table's name."""
        return self.settings.name

    @property
    def takes(self) -> Takes:
        """What it embeds."""
        return self.origin.takes

    @property
    def weights(self) -> Weights:
        """Its files.

        Raises:
            ModelError: a service has it.
        """
        if isinstance(self.origin, Served):
            raise ModelError(
                f"model {self.settings.model!r} has no weights here; {self.origin.provider} has it",
                "Leave out what only a local model can do: `int8`, `backend`, `embedlake bench`.",
            )
        return self.origin

    def provenance(self) -> dict[str, Any]:
        """All that decides its vectors; backend and precision only in their last digits."""
        return {
            **self.origin.identity(), "backend": self.settings.backend, "precision": self.settings.precision,
            **self.settings.identity(),
        }  # fmt: skip
