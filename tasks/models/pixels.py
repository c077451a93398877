"""Pixels into what an image model reads, as its own image processor does it, only faster.

A processor of transformers turns every image into floats first and goes through it some six times. Where its steps are
the usual ones (scale, cut out the middle, subtract a mean, divide), the bytes are scaled, and one multiplication and
one addition do the arithmetic.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.models.interface import Image
from tasks.models.scale import Scale, scale_of

_EXACT = 1e-3
_MOST_BYTES = 2  # that scaling may differ by
_SAME = 0.95  # share of the pixels in which it may not

Floats = npt.NDArray[np.float32]


class FastPixels:
    """The usual steps of an image processor.

    Args:
        processor: of transformers.

    Attributes:
        scale: the first of the steps.

    Raises:
        ValueError: its steps are others. Whether they are these is still to be seen from what it gives.
    """

    def __init__(self, processor: Any) -> None:
        if not all(getattr(processor, step, False) for step in ("do_resize", "do_rescale", "do_normalize")):
            raise ValueError("other steps")
        crop = dict(processor.crop_size) if getattr(processor, "do_center_crop", False) else None
        self._crop = (int(crop["height"]), int(crop["width"])) if crop else None
        scale = scale_of(dict(processor.size), int(processor.resample), crop is not None)
        if scale is None:
            raise ValueError("other sizes")
        self.scale: Scale = scale
        mean, deviation = (np.asarray(of, np.float64) for of in (processor.image_mean, processor.image_std))
        self._factor, self._shift = (
            np.broadcast_to(values, 3).astype(np.float32).reshape(3, 1, 1)
            for values in (processor.rescale_factor / deviation, -mean / deviation)
        )

    def __call__(self, images: Sequence[Image]) -> Floats:
        """What the model reads, of shape (n_images, 3, height, width)."""
        return np.stack([self._one(image) for image in images])

    def agrees(self, images: Sequence[Image], theirs: Floats) -> bool:
        """Whether a processor gives the same for some images: scaling may round to other bytes here and there.

        Args:
            images: whose pixels have little in common, so that other steps would show everywhere.
            theirs: what the processor gives for them.
        """
        apart = np.abs(self(images) - theirs)
        byte = float(self._factor.max())
        return bool(apart.max() < _MOST_BYTES * byte + _EXACT and np.quantile(apart, _SAME) < _EXACT)

    def _one(self, image: Image) -> Floats:
        scaled = self.scale(image)
        if self._crop:
            top, left = ((have - want) // 2 for have, want in zip(scaled.shape, self._crop, strict=False))
            if min(top, left) < 0:
                raise ValueError("nothing to cut out of")
            scaled = scaled[top : top + self._crop[0], left : left + self._crop[1]]
        found = np.ascontiguousarray(scaled.transpose(2, 0, 1)).astype(np.float32)
        found *= self._factor
        found += self._shift
        return found


def side_of(size: Mapping[str, Any], crop: Mapping[str, Any] | None) -> int | None:
    """To how many pixels the shorter side of an image is brought, where a processor's settings say one number."""
    told = {name: value for name, value in {**size, **(crop or {})}.items() if value}
    if set(told) - {"shortest_edge", "height", "width"}:
        return None
    return max(map(int, told.values()), default=None)
