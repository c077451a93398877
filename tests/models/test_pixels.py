"""The fast way from pixels to what a model reads gives what the model's own image processor gives."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from transformers import CLIPImageProcessorPil, ConvNextImageProcessorPil, SiglipImageProcessorPil, ViTImageProcessorPil

from tasks.models.pixels import FastPixels, side_of

PROCESSORS = [
    CLIPImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32}),
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
    SiglipImageProcessorPil(size={"height": 32, "width": 24}),
    ViTImageProcessorPil(size={"height": 32, "width": 32}, resample=3, image_mean=[127 / 255] * 3, image_std=[0.2] * 3),
]


@pytest.mark.parametrize("processor", PROCESSORS)
@given(height=st.integers(6, 90), width=st.integers(6, 90), seed=st.integers(0, 9))
def test_it_is_what_the_processor_gives(processor: Any, height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    expected = processor(images=[Image.fromarray(image)], return_tensors="np")["pixel_values"]
    fast = FastPixels(processor)
    assert fast.agrees([image], expected)
    exact = processor(images=[Image.fromarray(fast.scale(image))], return_tensors="np")["pixel_values"]
    assert np.abs(fast([image]) - exact).max() < 1e-3


@pytest.mark.parametrize(
    "others",
    [
        {"resample": 2},
        {"image_mean": [126 / 255] * 3},
        {"image_std": [0.21] * 3},
        {"size": {"height": 33, "width": 32}},
    ],
)
def test_other_steps_are_told_from_its_own(others: dict[str, Any]) -> None:
    own = {"size": {"height": 32, "width": 32}, "resample": 3, "image_mean": [127 / 255] * 3, "image_std": [0.2] * 3}
    image = np.random.default_rng(7).integers(0, 256, (61, 47, 3), np.uint8)
    theirs = ViTImageProcessorPil(**{**own, **others})(images=[Image.fromarray(image)], return_tensors="np")
    theirs = theirs["pixel_values"][:, :, :32]
    assert not FastPixels(ViTImageProcessorPil(**own)).agrees([image], theirs)


@pytest.mark.parametrize("processor", PROCESSORS)
@given(height=st.integers(1, 90), width=st.integers(1, 90))
def test_what_is_scaled_already_is_not_scaled_again(processor: Any, height: int, width: int) -> None:
    image = np.random.default_rng(4).integers(0, 256, (height, width, 3), np.uint8)
    fast = FastPixels(processor)
    scaled = fast.scale(image)
    assert fast.scale(scaled) is scaled or np.shares_memory(fast.scale(scaled), scaled)
    assert np.array_equal(fast([scaled]), fast([image]))


def test_the_ends_of_a_strip_cost_nothing() -> None:
    strip = np.random.default_rng(3).integers(0, 256, (1, 100_000, 3), np.uint8)
    assert FastPixels(PROCESSORS[0])([strip]).shape == (1, 3, 32, 32)
    strip = np.random.default_rng(3).integers(0, 256, (600, 20, 3), np.uint8)
    expected = PROCESSORS[0](images=[Image.fromarray(strip)], return_tensors="np")["pixel_values"]
    assert np.abs(FastPixels(PROCESSORS[0])([strip]) - expected).mean() < 0.05


def test_processors_that_do_something_else_are_left_to_themselves() -> None:
    with pytest.raises(ValueError, match="other steps"):
        FastPixels(ViTImageProcessorPil(do_normalize=False))
    with pytest.raises(ValueError, match="other sizes"):
        FastPixels(ViTImageProcessorPil(size={"shortest_edge": 256, "longest_edge": 1024}))
    with pytest.raises(ValueError, match="other sizes"):
        FastPixels(ConvNextImageProcessorPil(size={"shortest_edge": 224}))  # it cuts in a way of its own


def test_the_side_that_an_image_is_brought_to() -> None:
    assert side_of({"shortest_edge": 224}, {"height": 224, "width": 224}) == 224
    assert side_of({"height": 384, "width": 384}, None) == 384
    assert side_of({"shortest_edge": 3136, "longest_edge": 12_845_056}, None) is None  # as Qwen2-VL counts pixels
