"""A speaker encoder (Wan et al., Generalized end-to-end loss for speaker verification, 2018) as a sentence-transformers
module, for the weights that the package `resemblyzer` has.

A model's folder holds a copy of this file, so it imports nothing of embedlake. It hears 16,000 samples a second: a mel
spectrogram of 40 bands, each 10 ms, in parts of 1.6 s that overlap by half, whose vectors of 256 numbers are averaged.
"""

from collections.abc import Sequence
from math import log10
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from torch import nn
from transformers import AutoFeatureExtractor
from transformers.audio_utils import mel_filter_bank

_RATE, _WINDOW, _HOP, _BANDS = 16_000, 400, 160, 40
_FRAMES = 160  # of a part
_LOUDNESS = -30  # decibels, to which quieter sounds are raised


class VoiceEncoder(InputModule):
    """Takes sound."""

    def __init__(self, processor: Any) -> None:
        super().__init__()
        self.processor = processor
        self.lstm = nn.LSTM(_BANDS, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)
        bank = mel_filter_bank(1 + _WINDOW // 2, _BANDS, 0, _RATE / 2, _RATE, norm="slaney", mel_scale="slaney")
        self._bank = torch.from_numpy(bank).float()

    @property
    def modalities(self) -> list[str]:
        return ["audio"]

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        parts = [self._parts(np.asarray(one["array"], np.float32)) for one in inputs]
        return {"input_features": torch.cat(parts), "parts": torch.tensor([len(part) for part in parts])}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        _, (hidden, _) = self.lstm(features["input_features"])
        vectors = nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)
        sounds = vectors.split(features["parts"].tolist())
        whole = torch.stack([nn.functional.normalize(part.mean(dim=0), dim=0) for part in sounds])
        return features | {"sentence_embedding": whole}

    def _parts(self, samples: Any) -> torch.Tensor:
        """The spectrogram of a sound in parts, of shape (parts, frames, bands)."""
        power = max(float(np.mean(np.square(samples))), 1e-12)
        sound = torch.from_numpy(samples * max(10 ** ((_LOUDNESS - 10 * log10(power)) / 20), 1.0))
        window = torch.hann_window(_WINDOW)
        found = torch.stft(sound, _WINDOW, _HOP, window=window, center=True, pad_mode="constant", return_complex=True)
        mels = found.abs().square().T @ self._bank
        starts = range(0, max(len(mels) - _FRAMES // 2, 1), _FRAMES // 2)
        padded = nn.functional.pad(mels, (0, 0, 0, _FRAMES))
        return torch.stack([padded[start : start + _FRAMES] for start in starts])

    def get_embedding_dimension(self) -> int:
        return 256

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        save_file(self.state_dict(), Path(output_path) / "model.safetensors")
        self.processor.save_pretrained(output_path)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **_: Any) -> "VoiceEncoder":
        folder = Path(model_name_or_path) / subfolder
        module = cls(AutoFeatureExtractor.from_pretrained(folder))
        module.load_state_dict(load_file(folder / "model.safetensors"))
        return module
