"""Speech recognition by a model of transformers' pipeline kind: found, and run."""

import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tasks.config.media import Transcribe
from tasks.errors import ModelError
from tasks.models.find import find_model
from tasks.models.interface import Samples
from tasks.models.located import identity_at
from tasks.models.weights import file_hash

_KINDS = ("ForConditionalGeneration", "ForSpeechSeq2Seq", "ForCTC", "ForTDT", "ForRNNT")
"""How architectures that write down speech are called at their end."""
_LONG_FORM = 600_000  # milliseconds that Whisper hears at once: it goes through them by itself, 30 seconds at a time
_AT_ONCE = 30_000  # the same of other models, which tell no times: a line of theirs is as long


class Line(NamedTuple):
    """What is said from one time to another.

    Attributes:
        start, end: in milliseconds.
        text: the words; not empty.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A speech recognition model on this machine.

    Attributes:
        reference: that it was asked for by.
        folder: where its files are.
        weights: SHA-256 over what decides its words, 64 hexadecimal digits.
        commit: of the hub, where it comes from there.
    """

    reference: str
    folder: Path
    weights: str
    commit: str | None


def find_recogniser(asked: Transcribe, commit: str | None = None) -> Recogniser:
    """The model's files, fetched from the hub where it has to be asked.

    Args:
        asked: for it.
        commit: of the hub to use, where the corpus file names none.

    Raises:
        ModelError: there is no such model, it cannot be fetched, or it writes down no speech.
    """
    folder = find_model(asked.model, asked.hub_revision or commit)
    told = _architectures(folder / "config.json")
    if not any(name.endswith(_KINDS) for name in told):
        came = ", ".join(told) or "no architecture"
        raise ModelError(
            f"transcribe: {asked.model!r} is no speech recognition model: its config.json names {came}",
            "Name one that transformers' pipeline runs, such as openai/whisper-small.",
        )
    total = hashlib.sha256(identity_at(folder).encode())
    if (generation := folder / "generation_config.json").exists():
        total.update(file_hash(generation).encode())
    on_hub = folder.name if folder.parent.name == "snapshots" else None
    return Recogniser(asked.model, folder, total.hexdigest(), on_hub)


def _architectures(config: Path) -> list[str]:
    """Those that a config.json names; none where there is no such file, or it is not readable."""
    try:
        told = json.loads(config.read_text("utf-8"))["architectures"]
        return list(map(str, told)) if isinstance(told, list) else []
    except (OSError, ValueError, LookupError, TypeError):
        return []


class Hearing:
    """A speech recognition model that is loaded.

    Args:
        model: it.
        language: ISO 639-1 code of what is spoken; None where the model is to tell.

    Attributes:
        rate: samples a second that it hears.
        longest: milliseconds that it is given at once at most.

    Raises:
        ModelError: it cannot be loaded, or does not know the language.
    """

    def __init__(self, model: Recogniser, language: str | None) -> None:
        self._name = model.reference
        with self._explained("cannot be loaded"):
            self._run: Any = _pipeline(model.folder)
            self.rate = int(self._run.feature_extractor.sampling_rate)
        self._tells_times = self._run.type == "seq2seq_whisper"
        self.longest = _LONG_FORM if self._tells_times else _AT_ONCE
        self._options: dict[str, Any] = {"return_timestamps": True} if self._tells_times else {}
        if self._tells_times:
            self._options["generate_kwargs"] = self._spoken(language)

    def lines(self, sound: Samples) -> list[Line]:
        """What is said in a piece of sound, with times from its beginning.

        Args:
            sound: of the model's rate, no longer than it is given at once.

        Raises:
            ModelError: the model fails.
        """
        duration = round(1000 * len(sound.samples) / sound.rate)
        given = {"raw": sound.samples, "sampling_rate": sound.rate}
        with self._explained("cannot transcribe"):
            told: dict[str, Any] = self._run(given, **self._options)
        if not self._tells_times:
            return [Line(0, duration, text)] if (text := told["text"].strip()) else []
        lines: list[Line] = []
        for part in told["chunks"]:
            text = part["text"].strip()
            start, end = (duration if time is None else round(time * 1000) for time in part["timestamp"])
            start = max(start, lines[-1].start if lines else 0)
            if text and start < duration:  # a Whisper hears 30 seconds, and may make words up behind the end
                lines.append(Line(start, max(min(end, duration), start), text))
        return lines

    def _spoken(self, language: str | None) -> dict[str, str]:
        """What a Whisper is told of the language; one that knows English alone is told nothing."""
        config = self._run.model.generation_config
        if not getattr(config, "is_multilingual", False):
            known = {"en"}
        else:
            known = {mark.strip("<|>") for mark in getattr(config, "lang_to_id", None) or {}}
        if language and language not in known:
            raise ModelError(
                f"transcribe: {self._name!r} does not know the language {language!r}",
                "Leave out `language`, correct it, or take a model that knows it.",
            )
        if not getattr(config, "is_multilingual", False):
            return {}
        return {"task": "transcribe"} | ({"language": language} if language else {})

    @contextmanager
    def _explained(self, what: str) -> Any:
        try:
            yield
        except Exception as error:  # each architecture raises its own
            raise ModelError(
                f"transcribe: {self._name!r} {what}: {type(error).__name__}: {str(error)[:500]}",
                "Does transformers' pipeline('automatic-speech-recognition') run it? Check its files, the packages that"
                " it needs, and the memory.",
            ) from error


load: Callable[[Recogniser, str | None], Hearing] = Hearing


def _pipeline(folder: Path) -> Any:
    import transformers
    from transformers import pipeline

    from tasks.models.torch_backend import device_of_machine, half_precision

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.getLogger("transformers").setLevel(logging.ERROR)
    device = device_of_machine()
    import torch

    dtype = half_precision() if device == "cuda" else torch.float32
    return pipeline("automatic-speech-recognition", model=str(folder), device=device, dtype=dtype)
