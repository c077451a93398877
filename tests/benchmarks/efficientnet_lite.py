"""EfficientNet-Lite0 (Tan and Le, 2019; without squeeze-and-excitation, with ReLU6) as a sentence-transformers module.

A model's folder holds a copy of this file, so it imports nothing of embedlake. Its vectors are the 1,280 means that the
classifier of the 1,000 classes of ImageNet would look at.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from torch import nn
from torch.nn.functional import pad
from transformers import AutoImageProcessor

_STAGES = [  # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]  # fmt: skip


class _Convolution(nn.Conv2d):
    """Padded as TensorFlow does it: what is left over goes to the right and below."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        sides = []
        for size, kernel, stride in zip(features.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            sides += [total // 2, total - total // 2]
        return super().forward(pad(features, sides))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """An inverted residual (Sandler et al., 2018)."""

    def __init__(self, entering: int, leaving: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside = entering * expansion
        if expansion > 1:
            self._expand_conv = _Convolution(entering, inside, 1, bias=False)
            self._bn0 = _norm(inside)
        self._depthwise_conv = _Convolution(inside, inside, kernel, stride, groups=inside, bias=False)
        self._bn1 = _norm(inside)
        self._project_conv = _Convolution(inside, leaving, 1, bias=False)
        self._bn2 = _norm(leaving)
        self._expands, self._adds = expansion > 1, stride == 1 and entering == leaving

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        found = features
        if self._expands:
            found = nn.functional.relu6(self._bn0(self._expand_conv(found)))
        found = nn.functional.relu6(self._bn1(self._depthwise_conv(found)))
        found = self._bn2(self._project_conv(found))
        return found + features if self._adds else found


class EfficientNetLite(InputModule):
    """Images in, vectors out."""

    def __init__(self, processor: Any) -> None:
        super().__init__()
        self.processor = processor
        self._conv_stem = _Convolution(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks, entering = [], 32
        for repeats, kernel, stride, expansion, leaving in _STAGES:
            for i in range(repeats):
                blocks.append(_Block(entering, leaving, kernel, 1 if i else stride, expansion))
                entering = leaving
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = _Convolution(320, 1280, 1, bias=False)
        self._bn1 = _norm(1280)

    @property
    def modalities(self) -> list[str]:
        return ["image"]

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        return {"pixel_values": self.processor(images=list(inputs), return_tensors="pt")["pixel_values"]}

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        found = nn.functional.relu6(self._bn0(self._conv_stem(features["pixel_values"])))
        for block in self._blocks:
            found = block(found)
        found = nn.functional.relu6(self._bn1(self._conv_head(found)))
        return features | {"sentence_embedding": found.mean(dim=(2, 3))}

    def get_embedding_dimension(self) -> int:
        return 1280

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        save_file(self.state_dict(), Path(output_path) / "model.safetensors")
        self.processor.save_pretrained(output_path)

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **_: Any) -> "EfficientNetLite":
        folder = Path(model_name_or_path) / subfolder
        module = cls(AutoImageProcessor.from_pretrained(folder))
        module.load_state_dict(load_file(folder / "model.safetensors"))
        return module
