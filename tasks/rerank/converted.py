"""Cross-encoders on CPUs by OpenVINO, from what torch gives once; later torch is not loaded."""

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import openvino

from tasks.models.export import NotConvertible, converting, kept_conversion, traced
from tasks.models.resolved import ResolvedModel
from tasks.models.tokens import Features, batches_of
from tasks.rerank.pairs import PairDescription, PairTokenizer

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_BUDGET = 2048  # tokens that a stream runs at once
_TOLERANCE = 1e-3  # of scores between what OpenVINO and torch give
_QUERY = "How often is the tide written down?"
_TEXTS = [
    "The keeper of the lighthouse writes down the tide twice a day.",
    "Water boils at a lower temperature on a mountain, since the air presses less on it. " * 60,
    "def mean(values):\n    return sum(values) / len(values)\n",
    "Der Fluss führte Hochwasser; 町は静かだった。",
    "a",
]


class ConvertedCrossEncoder:
    """A converted cross-encoder, in float32; each core runs a batch of its own.

    Args:
        folder: with model.xml, model.bin and description.json.
        max_tokens: of query and text together; the model's own by default.
        seconds: after which it stops.
    """

    def __init__(self, folder: Path, max_tokens: int | None, seconds: float) -> None:
        description = PairDescription(**json.loads((folder / "description.json").read_text("utf-8")))
        self._tokenizer = PairTokenizer(description, min(max_tokens or description.max_tokens, description.max_tokens))
        self._seconds = seconds
        self._threads = len(os.sched_getaffinity(0))
        core = openvino.Core()
        self._model = core.compile_model(
            core.read_model(folder / "model.xml"),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "INFERENCE_NUM_THREADS": self._threads,
                "NUM_STREAMS": self._threads,
                "ENABLE_CPU_PINNING": False,
            },
        )
        # OpenVINO's first conversion of a NumPy type waits for itself if two threads make it at once.
        self._infer(self._tokenizer.pad(self._tokenizer.tokenise("a", ["a"])))

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """The model's own scores, with its own activation function.

        Raises:
            TimeoutError: they take longer than they may; asked between batches.
        """
        deadline = time.monotonic() + self._seconds
        rows = self._tokenizer.tokenise(query, texts)
        scores = np.zeros(len(rows))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="rerank") as streams:
            batches = list(batches_of([len(row.ids) for row in rows], _BUDGET))
            for start in range(0, len(batches), self._threads):
                if time.monotonic() > deadline:
                    raise TimeoutError
                places = batches[start : start + self._threads]
                features = [self._tokenizer.pad([rows[i] for i in place]) for place in places]
                scores[np.concatenate(places)] = np.concatenate(list(streams.map(self._infer, features)))
        return [float(score) for score in scores]

    def _infer(self, features: Features) -> npt.NDArray[np.float32]:
        result = self._model.create_infer_request().infer(features, share_inputs=True, share_outputs=True)
        return np.array(result[0], np.float32).reshape(-1)


def converted(model: ResolvedModel) -> Path:
    """The folder of a cross-encoder's conversion, made now if it is not there.

    Raises:
        NotConvertible: it cannot be converted, or gives other scores than on torch (both are remembered), or there is
            no place to keep it.
        ModelError: it cannot be loaded.
    """
    return kept_conversion(model, "rerank", _convert)


def _convert(model: ResolvedModel, folder: Path) -> None:
    from tasks.rerank.cross_encoder import TorchCrossEncoder, load_model

    uncut = replace(model, settings=model.settings.model_copy(update={"max_tokens": None}))
    loaded = load_model(uncut, "cpu")
    description = describe(loaded)
    if description is None:
        raise NotConvertible("its modules or inputs are not the usual ones")
    with converting():
        openvino.save_model(_graph(loaded, description.inputs), folder / "model.xml", compress_to_fp16=False)
    (folder / "description.json").write_text(json.dumps(description.to_dict()), "utf-8")
    here = ConvertedCrossEncoder(folder, None, float("inf")).scores(_QUERY, _TEXTS)
    there = TorchCrossEncoder(loaded, float("inf")).scores(_QUERY, _TEXTS)
    if not np.allclose(here, there, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise NotConvertible(f"its scores differ from those on torch (by {np.abs(np.subtract(here, there)).max():.4f})")


def describe(loaded: "CrossEncoder") -> PairDescription | None:
    """How to feed a cross-encoder without sentence-transformers; None where that is not sure to be the same."""
    tokenizer = getattr(loaded.tokenizer, "backend_tokenizer", None)
    if tokenizer is None or [type(module).__name__ for module in loaded] != ["Transformer"]:
        return None
    if loaded.default_prompt_name is not None:
        return None
    theirs = _tensors(loaded.preprocess([(_QUERY, text) for text in _TEXTS]))
    if set(theirs) - {"input_ids", "attention_mask", "token_type_ids"}:
        return None
    description = PairDescription(
        max_tokens=int(loaded.max_seq_length or 0),
        tokenizer=tokenizer.to_str(),
        inputs=list(theirs),
        pad_id=int(loaded.tokenizer.pad_token_id or 0),
        pad_type_id=int(loaded.tokenizer.pad_token_type_id or 0),
        pad_left=loaded.tokenizer.padding_side == "left",
    )
    own = PairTokenizer(description, description.max_tokens)
    ours = own.pad(own.tokenise(_QUERY, _TEXTS))
    return description if all(np.array_equal(ours[name], theirs[name].numpy()) for name in theirs) else None


def _tensors(features: dict[str, Any]) -> dict[str, Any]:
    """The inputs that are tensors; beside them stands what kind of input it is."""
    return {name: value for name, value in features.items() if hasattr(value, "numpy")}


def _graph(loaded: "CrossEncoder", inputs: list[str]) -> "openvino.Model":
    """The model and its activation function as one OpenVINO graph from token ids to scores."""
    import torch

    activation: Any = loaded.activation_fn

    class Scores(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = loaded[0]

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            features: dict[str, Any] = dict(zip(inputs, tensors, strict=True))
            scores: torch.Tensor = activation(self.transformer(features)["scores"])
            return scores

    return traced(Scores(), inputs, loaded.preprocess([(_QUERY, text) for text in _TEXTS[:2]]))
