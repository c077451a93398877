"""The parts of a corpus file that say how sound and film become documents."""

from typing import Any, Literal

from pydantic import Field, model_validator

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
