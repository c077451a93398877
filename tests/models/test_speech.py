"""Speech recognition models write down what transformers' own pipeline does."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasks.config.media import Transcribe
from tasks.errors import ModelError
from tasks.models.interface import Samples
from tasks.models.speech import Hearing, Line, find_recogniser

RATE = 16_000


def noise(seconds: float) -> Samples:
    chance = np.random.default_rng(3)
    return Samples((0.1 * chance.normal(size=round(seconds * RATE))).astype(np.float32), RATE)


@pytest.mark.slow
def test_whisper_writes_what_the_pipeline_does(tiny_media: Callable[[str], Path]) -> None:
    from transformers import pipeline

    folder = tiny_media("speech")
    found = find_recogniser(Transcribe.model_validate(str(folder)))
    hearing = Hearing(found, "de")
    own = pipeline("automatic-speech-recognition", model=str(folder), device="cpu")
    said = {"language": "de", "task": "transcribe"}
    for seconds in (3, 40):  # in one go, and as the model goes through what is longer
        sound = noise(seconds)
        lines = hearing.lines(sound)
        raw = {"raw": sound.samples, "sampling_rate": RATE}
        told = own(raw, return_timestamps=True, generate_kwargs=said)["chunks"]
        right = [
            (round(start * 1000), seconds * 1000 if end is None else min(round(end * 1000), seconds * 1000), text)
            for (start, end), text in ((part["timestamp"], part["text"].strip()) for part in told)
            if text and start < seconds
        ]
        assert lines == [Line(*line) for line in right]
        assert lines
    with pytest.raises(ModelError, match="does not know the language 'fr'"):
        Hearing(found, "fr")


@pytest.mark.slow
def test_a_model_without_times_writes_a_line(tiny_media: Callable[[str], Path]) -> None:
    hearing = Hearing(find_recogniser(Transcribe.model_validate(str(tiny_media("letters")))), None)
    [line] = hearing.lines(noise(3))
    assert (line.start, line.end) == (0, 3_000)
    assert set(line.text) <= {*"ABCDEFGHIJKLMNOPQRSTUVWXYZ <unk>"}
    assert hearing.longest == 30_000


def test_what_writes_no_speech_is_refused(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"is no speech recognition model: its config.json names BertModel"):
        find_recogniser(Transcribe.model_validate(str(tiny_model)))
