"""The first thing that a model's image processor does: it scales. Whoever decodes images can do it beforehand, so that
fewer bytes travel; what is scaled already is not scaled again."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tasks.models.interface import Image
from tasks.models.resize import resized

_LANCZOS = 1  # Pillow's number of it
_LONGEST = 16  # times the shorter side; of a strip that is longer, all but the middle is cut away in the end


@dataclass(frozen=True, slots=True)
class Scale:
    """To which size a model brings an image, and how.

    Attributes:
        short: pixels of the shorter side, where the shape stays; the middle is cut out later.
        height, width: pixels, where the shape does not stay.
        how: number of Pillow's resampling filter.
        most: pixels in all, where the shape stays and what has fewer is left as it is.
    """

    short: int | None
    height: int | None
    width: int | None
    how: int
    most: int | None = None

    def __call__(self, image: Image) -> Image:
        """An image of that size."""
        if self.short:
            image = _middle(image)
        height, width = self._size(*image.shape[:2])
        return image if image.shape[:2] == (height, width) else resized(image, height, width, self.how)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def _size(self, height: int, width: int) -> tuple[int, int]:
        if self.most:
            less = min(math.sqrt(self.most / (height * width)), 1.0)
            return max(int(height * less), 1), max(int(width * less), 1)
        if self.short is None:
            return self.height or height, self.width or width
        if width <= height:
            return int(self.short * height / width), self.short
        return self.short, int(self.short * width / height)


def at_most(pixels: int) -> Scale:
    """The scale by which a service bounds images: so many pixels in all."""
    return Scale(None, None, None, _LANCZOS, pixels)


def scale_of(size: Mapping[str, Any], how: int, crops: bool) -> Scale | None:
    """The scale that a processor's settings tell; None where they tell something else.

    Args:
        size: as the processor has it.
        how: number of Pillow's resampling filter.
        crops: whether the middle is cut out afterwards.
    """
    told = {name: int(value) for name, value in size.items() if value}
    if set(told) == {"shortest_edge"} and crops:
        return Scale(told["shortest_edge"], None, None, how)
    return Scale(None, told["height"], told["width"], how) if set(told) == {"height", "width"} else None


def _middle(image: Image) -> Image:
    """An image without the ends of a strip, which would be scaled to any size before they are cut away."""
    most = _LONGEST * min(image.shape[:2])
    top, left = (max((length - most) // 2, 0) for length in image.shape[:2])
    return image[top : top + most, left : left + most]
