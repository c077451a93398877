"""Every kind of pixel into 8-bit sRGB: palettes, 16 bits, floats, CMYK, Lab, colour profiles, transparency."""

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageCms import ImageCmsTransform

_TWELVE_BITS, _SIXTEEN_BITS = 4_095.0, 65_535.0  # their highest number


def eight_bits(picture: "Image") -> "Image":
    """A picture in a mode that can be scaled and turned: L, LA, RGB, RGBA, CMYK or LAB.

    Whole numbers of 16 bits are taken as 12-bit ones where none is higher, as cameras of 12 bits store them. Floats
    from 0 to 1 are scaled by 255; others, and 32-bit numbers, from their lowest to their highest that is finite.
    """
    mode = picture.mode
    if mode.startswith(("I", "F")):
        return _scaled(picture)
    if mode in ("1", "P", "PA", "L", "RGB") and picture.has_transparency_data:
        return picture.convert("RGBA")
    plain = {"1": "L", "P": "RGB", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}
    return picture.convert(plain[mode]) if mode in plain else picture


def to_srgb(picture: "Image", profile: bytes | None) -> "Image":
    """A picture in RGB, after its colour profile; transparent parts over white.

    Args:
        picture: as `eight_bits` gives it.
        profile: ICC profile of its file; one that does not fit the picture is left aside.
    """
    from PIL import Image

    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    if alpha is not None:
        picture = picture.convert(picture.mode.removesuffix("A"))
    transform = _transform(profile or b"", picture.mode)
    if transform is not None:
        from PIL.ImageCms import applyTransform

        converted = applyTransform(picture, transform)
        picture = picture if converted is None else converted
    picture = picture if picture.mode == "RGB" else picture.convert("RGB")
    if alpha is None:
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=alpha)
    return white


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> "ImageCmsTransform | None":
    """From a profile to sRGB; None where there is nothing to do or the profile is of no use."""
    from PIL import ImageCms

    if not profile and mode != "LAB":
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if mode != "LAB" else ImageCms.createProfile("LAB")
        if mode != "LAB" and ImageCms.getProfileDescription(source).startswith("sRGB"):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _scaled(picture: "Image") -> "Image":
    from PIL import Image

    values = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        low, high = 0.0, _TWELVE_BITS if values.max(initial=0) <= _TWELVE_BITS else _SIXTEEN_BITS
    else:
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        if picture.mode == "F" and low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    scale = 255.0 / (high - low) if high > low else 0.0
    return Image.fromarray(np.rint((values.astype(np.float32) - low) * scale).astype(np.uint8))
