"""An item of each modality that every encoder of that modality can embed: to see whether one still does."""

import numpy as np

from tasks.models.interface import Item, Samples

_TEXT = "The keeper of the lighthouse writes down the tide twice a day."
_SIDE = 32  # pixels
_RATE = 16_000  # samples a second


def probe(modality: str, rate: int = _RATE) -> Item:
    """An item that is surely good: a sentence, an image of two gradients, or a second of concert pitch.

    Args:
        modality: text, image or audio.
        rate: of sound, samples a second.
    """
    if modality == "image":
        across, down = np.meshgrid(np.arange(0, 256, 256 // _SIDE), np.arange(0, 256, 256 // _SIDE))
        pixels = np.stack([across, down, np.full_like(down, 128)], axis=2)
        return Item(modality, pixels.astype(np.uint8), _SIDE * _SIDE)
    if modality == "audio":
        wave = 0.25 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
        return Item(modality, Samples(wave.astype(np.float32), rate), 1000)
    return Item("text", _TEXT, len(_TEXT) // 4 + 1)
