"""Pixels into what an image model reads, as its own image processor does it, only faster.

A processor of transformers turns every image into floats first and goes through it some six times. Where its steps are
the usual ones (scale, cut out the middle, subtract a mean, divide), Pillow scales the bytes, and one table for each
channel does the arithmetic.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as pillow

from tasks.models.interface import Image

Floats = npt.NDArray[np.float32]


class FastPixels:
    """The usual steps of an image processor.

    Args:
        processor: of transformers.

    Raises:
        ValueError: its steps are others. Whether they are these is still to be seen from what it gives.
    """

    def __init__(self, processor: Any) -> None:
        if not all(getattr(processor, step, False) for step in ("do_resize", "do_rescale", "do_normalize")):
            raise ValueError("other steps")
        self._size = dict(processor.size)
        crop = dict(processor.crop_size) if getattr(processor, "do_center_crop", False) else None
        self._crop = (int(crop["height"]), int(crop["width"])) if crop else None
        if side_of(self._size, None) is None:
            raise ValueError("other sizes")
        self._how = pillow.Resampling(int(processor.resample))
        levels = np.arange(256, dtype=np.float64)[None, :] * processor.rescale_factor
        mean, deviation = (
            np.asarray(of, np.float64).reshape(-1, 1) for of in (processor.image_mean, processor.image_std)
        )
        self._tables = np.broadcast_to((levels - mean) / deviation, (3, 256)).astype(np.float32)

    def __call__(self, images: Sequence[Image]) -> Floats:
        """What the model reads, of shape (n_images, 3, height, width)."""
        return np.stack([self._one(image) for image in images])

    def _one(self, image: Image) -> Floats:
        height, width = self._scaled(*image.shape[:2])
        scaled = np.asarray(pillow.fromarray(image).resize((width, height), self._how))
        if self._crop:
            top, left = ((have - want) // 2 for have, want in zip((height, width), self._crop, strict=True))
            if min(top, left) < 0:
                raise ValueError("nothing to cut out of")
            scaled = scaled[top : top + self._crop[0], left : left + self._crop[1]]
        return np.stack([table[scaled[..., channel]] for channel, table in enumerate(self._tables)])

    def _scaled(self, height: int, width: int) -> tuple[int, int]:
        if not self._size.get("shortest_edge"):
            return int(self._size["height"]), int(self._size["width"])
        short = int(self._size["shortest_edge"])
        if width <= height:
            return int(short * height / width), short
        return short, int(short * width / height)


def side_of(size: Mapping[str, Any], crop: Mapping[str, Any] | None) -> int | None:
    """To how many pixels the shorter side of an image is brought, where a processor's settings say one number."""
    told = {name: value for name, value in {**size, **(crop or {})}.items() if value}
    if set(told) - {"shortest_edge", "height", "width"}:
        return None
    return max(map(int, told.values()), default=None)
