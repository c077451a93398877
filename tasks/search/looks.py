"""What images look like: perceptual hashes of 64 bits, as 16 hexadecimal digits, and which are near-duplicates."""

from collections.abc import Sequence

import numpy as np

from tasks.models.interface import Vectors

VISUAL = "visual_hash"
"""The column that has them, on the first piece of each image."""
IMAGES = f"{VISUAL} IS NOT NULL"
"""Rows of images that can be compared."""
_BITS, _DIFFERENT = 64, 6
ALIKE = 1 - 2 * _DIFFERENT / _BITS
"""Least cosine of the signs of two images that are near-duplicates: they differ in 6 bits or fewer."""


def signs(hashes: Sequence[str]) -> Vectors:
    """Hashes as vectors of -1 and 1, of shape (n_hashes, 64)."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex("".join(hashes)), np.uint8)).reshape(len(hashes), -1)
    return bits.astype(np.float32) * 2 - 1


def unlike(hashes: Sequence[str | None]) -> list[bool]:
    """Whether each looks like none that stands before it and does so itself. None looks like nothing."""
    shown = np.empty(len(hashes), np.uint64)
    count = 0
    found = []
    for told in hashes:
        shown[count] = int(told or "0", 16)
        found.append(told is None or bool((np.bitwise_count(shown[:count] ^ shown[count]) > _DIFFERENT).all()))
        count += told is not None and found[-1]
    return found
