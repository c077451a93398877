"""Images are scaled as Pillow scales them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tasks.models import resize

SIDES = st.integers(1, 120)


@pytest.mark.parametrize("how", [1, 2, 3])
@given(have=st.tuples(SIDES, SIDES), want=st.tuples(SIDES, SIDES), drawn=st.booleans())
def test_it_is_what_pillow_gives(how: int, have: tuple[int, int], want: tuple[int, int], drawn: bool) -> None:
    pytest.importorskip("cykooz_resizer")
    image = np.random.default_rng(5).integers(0, 256, (*have, 3), np.uint8)
    if drawn:  # in black and white, where what overshoots is cut off
        image = (image > 127).astype(np.uint8) * 255
    expected = np.asarray(Image.fromarray(image).resize(want[::-1], Image.Resampling(how)))
    found = resize.resized(image, *want, how)
    assert found.shape == (*want, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("how", [0, 3, 4])
def test_what_the_library_does_otherwise_or_is_not_there_for_is_pillows(
    how: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resize, "_library", lambda: None if how == 3 else pytest.fail("it was asked"))
    image = np.random.default_rng(5).integers(0, 256, (50, 60, 3), np.uint8)[:, 5:]
    expected = np.asarray(Image.fromarray(image).resize((20, 30), Image.Resampling(how)))
    assert np.array_equal(resize.resized(image, 30, 20, how), expected)
