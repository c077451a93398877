"""The parts of a corpus file that say how sound and film become documents."""

from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from tasks.config.part import ShortForm


class Audio(ShortForm):
    """How sounds are read. May be written `audio: files`, with all by default."""

    window: float = Field(
        10, ge=0.1, le=3600, description="Seconds that a chunk lasts. A model that hears less refuses what is longer."
    )
    overlap: float = Field(0, ge=0, description="Seconds that a chunk has in common with the one before it.")
    silence: Literal["keep", "drop"] = Field(
        "keep", description="drop: leave out chunks of silence, and cut it off at the ends of others."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {} if value == "files" else value

    @model_validator(mode="after")
    def _overlap_fits(self) -> "Audio":
        if self.overlap * 2 > self.window:
            raise ValueError(f"overlap ({self.overlap:g}) must be at most half of window ({self.window:g})")
        return self


class Video(ShortForm):
    """How films are read: as some of their frames, which are images, and as their sound. May be written `video: files`,
    with all by default."""

    frames: Literal["regular", "scenes"] = Field(
        "regular", description="regular: a frame each `every` seconds; scenes: one from the middle of each scene."
    )
    every: float = Field(10, ge=0.04, description="Seconds from one frame to the next, of regular ones.")
    sound: bool = Field(True, description="Its sound too, cut as `audio` says, or as that does by default.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {} if value == "files" else value


class Transcribe(ShortForm):
    """What writes down the words of sounds and films. May be written as the model alone."""

    model: str = Field(
        min_length=1,
        description="A speech recognition model of transformers' pipeline: a hub name (openai/whisper-small), a local"
        " folder (./path, /path), or package:NAME for an installed one.",
    )
    hub_revision: str | None = Field(
        None,
        description="Branch, tag or commit on the hub. Without it, the commit that wrote the lake's latest transcript"
        " stays in use.",
    )
    _pinned: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value

    def identity(self) -> dict[str, Any]:
        """What enters a hash: what decides the words, once that is known; until then what is asked for."""
        return self._pinned or super().identity()

    @property
    def is_pinned(self) -> bool:
        """Whether what decides the words is known."""
        return bool(self._pinned)

    def pinned(self, decides: dict[str, Any], commit: str | None) -> "Transcribe":
        """The same, with what decides the words: the model's weights, and the language.

        Args:
            decides: them.
            commit: of the hub, where the model comes from there.
        """
        found = self.model_copy(update={"hub_revision": commit or self.hub_revision})
        found._pinned = decides
        return found
