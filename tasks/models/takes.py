"""What a model takes: known from its files when it is found, before anything is embedded."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tasks.caching import cache_folder, keep
from tasks.hashing import hash_settings
from tasks.models.interface import TEXT
from tasks.models.scale import Scale

_PROCESSORS = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
_FORMAT = 1  # of what is remembered; raised where something else is
_MAKERS = ("embedlake", "torch", "transformers", "sentence-transformers")


@dataclass(frozen=True, slots=True)
class Takes:
    """What a model takes, and in which form.

    Attributes:
        modalities: of text, image, audio.
        side: pixels to which the shorter side of an image is brought at last, so that larger ones only cost time; None
            where it looks at as many as there are.
        rate: samples a second that sound must have; None where it says nothing.
        longest: milliseconds of sound at most; None where there is no limit.
        scale: scales an image as the model would at first, so that fewer bytes travel to it; None where only its own
            processor knows.
    """

    modalities: frozenset[str] = TEXT
    side: int | None = None
    rate: int | None = None
    longest: int | None = None
    scale: Scale | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        scale = self.scale.to_dict() if self.scale else None
        return {
            "modalities": sorted(self.modalities), "side": self.side, "rate": self.rate, "longest": self.longest,
            "scale": scale,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> "Takes":
        """What `to_dict` tells of."""
        scale = Scale(**told["scale"]) if told["scale"] else None
        return cls(**{**told, "modalities": frozenset(told["modalities"]), "scale": scale})


TEXT_ONLY = Takes()


def says_text(folders: list[Path]) -> bool:
    """Whether a model's files are those of one that takes text alone: they say nothing of images or sound, and bring
    no code of their own that might.

    Args:
        folders: of the model and of its modules, its own first.
    """
    if any((folder / name).exists() for folder in folders for name in _PROCESSORS):
        return False
    modules = folders[0] / "modules.json"
    if not modules.exists():
        return True
    types = [str(module["type"]) for module in json.loads(modules.read_text("utf-8"))]
    return all(name.startswith("sentence_transformers.") for name in types[:1])


def remembered(what: str, weights: str, find_out: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was found out about a model once, by its weights and the versions that found it, in the user's cache; where
    that cannot be written, it is found out again each time.

    Args:
        what: was found out, a word.
        weights: hash of the model's weights, with what else decides it.
        find_out: gives plain values for JSON.
    """
    key = hash_settings({"weights": weights, "format": _FORMAT, **{name: version(name) for name in _MAKERS}})
    file = cache_folder() / what / f"{key}.json"
    try:
        known: dict[str, Any] = json.loads(file.read_text("utf-8"))
        return known
    except (OSError, ValueError):
        pass
    found = find_out()
    keep(file, json.dumps(found))
    return found
