"""Converting a model to OpenVINO, once: cached by its weights, the versions that made it, and its calibration."""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.caching import cache_folder
from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.hashing import hash_settings
from tasks.models.interface import cosines, text_items
from tasks.models.resolved import ResolvedModel

if TYPE_CHECKING:
    import openvino
    import torch

LEAST_COSINE = 0.999
"""Between a vector of a converted model and that of the model on torch."""
_TRIALS = [
    "A queue that gives the smallest item first.",
    "Water boils at a lower temperature on a mountain, since the air presses less on it. " * 8,
    "def mean(values):\n    return sum(values) / len(values)\n",
    "Der Fluss führte Hochwasser; 町は静かだった。",
]

logger = logging.getLogger("embedlake.encode")


class NotConvertible(Exception):
    """Why a model cannot be run by OpenVINO as it runs on torch."""


def converted(model: ResolvedModel) -> Path:
    """The folder of a model's conversion, made now if it is not there.

    Raises:
        NotConvertible: it cannot be converted, or gives other vectors than on torch (both are remembered), or there
            is no place to keep it.
        ModelError: the model cannot be loaded, or nncf is missing.
    """
    if model.settings.int8 and find_spec("nncf") is None:
        raise ModelError("`int8: true` needs nncf, which is not installed", "pip install 'embedlake[int8]'")
    return kept_conversion(model, "", _convert)


def kept_conversion(model: ResolvedModel, use: str, convert: Callable[[ResolvedModel, Path], None]) -> Path:
    """The folder of a model's conversion for some use, made now if it is not there.

    Args:
        model: to convert.
        use: what for, where not for embedding; each has a conversion of its own.
        convert: writes it into an empty folder. NotConvertible from it is remembered, other errors are not.

    Raises:
        NotConvertible: it cannot be converted, or there is no place to keep it.
        ModelError: the model cannot be loaded.
    """
    folder = _folder_for(model, use)
    if not folder.exists():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent, ignore_cleanup_errors=True) as place:
                made = Path(place) / folder.name
                made.mkdir()
                try:
                    convert(model, made)
                except NotConvertible as refusal:
                    (made / "refused.txt").write_text(str(refusal), "utf-8")
                os.rename(made, folder)
        except OSError as error:
            if not folder.exists():  # else another process was first
                reason = f"{folder.parent} cannot be written ({error}); XDG_CACHE_HOME may name another place"
                raise NotConvertible(reason) from None
    refused = folder / "refused.txt"
    if refused.exists():
        raise NotConvertible(refused.read_text("utf-8"))
    return folder


@contextmanager
def converting() -> Iterator[None]:
    """While it lasts, what the tracer or the converter does not know of a model makes it NotConvertible."""
    try:
        yield
    except OSError:  # of the disk, not of the model
        raise
    except Exception as error:
        raise NotConvertible(f"it cannot be converted: {type(error).__name__}: {str(error)[:300]}") from None


def _folder_for(model: ResolvedModel, use: str) -> Path:
    """Where the conversion is kept: in the user's cache, since a model's own folder may be anyone's."""
    made_by = {
        name: version(name) for name in ("embedlake", "openvino", "torch", "transformers", "sentence-transformers")
    }
    if model.settings.int8:
        made_by["nncf"] = version("nncf")
    if use:
        made_by["use"] = use
    if not (model.weights.folder / "modules.json").exists():
        made_by["pooling"] = model.settings.pooling
    key = hash_settings({"weights": model.weights.hash, "calibration": model.calibration, **made_by})
    return cache_folder() / "openvino" / f"{model.name}-{key}"


def _convert(model: ResolvedModel, folder: Path) -> None:
    from tasks.models.openvino_backend import OpenVinoEncoder
    from tasks.models.torch_backend import TorchEncoder, describe, load_model

    loaded = load_model(model, "cpu")
    description = describe(loaded)
    if description is None:
        raise NotConvertible("its modules or inputs are not the usual ones")
    import openvino

    with converting():
        graph = _graph(loaded, description.inputs)
        if model.settings.int8:
            from tasks.models.quantise import quantise

            graph = quantise(graph, description, model.calibration)
        openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
    (folder / "description.json").write_text(json.dumps(description.to_dict()), "utf-8")
    if not model.settings.int8:  # of int8, tasks.models.quantise measures what it changes
        plain = Model.model_validate({"model": model.settings.model, "name": model.name})
        there = TorchEncoder(ResolvedModel(plain, model.origin, model.revision), loaded, description)
        trials = text_items(_TRIALS)
        here = OpenVinoEncoder(folder, plain)
        least = float(cosines(here.encode_documents(trials).vectors, there.encode_documents(trials).vectors).min())
        if not least >= LEAST_COSINE:
            raise NotConvertible(f"its vectors differ from those on torch (cosine {least:.4f})")


def _graph(loaded: Any, inputs: list[str]) -> "openvino.Model":
    """All modules of a model as one OpenVINO graph from token ids to vectors."""
    import torch

    class Stack(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.modules_in_order = torch.nn.ModuleList(loaded)

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            features: dict[str, Any] = dict(zip(inputs, tensors, strict=True))
            for module in self.modules_in_order:
                features = module(features)
            vectors: torch.Tensor = features["sentence_embedding"]
            return vectors

    return traced(Stack(), inputs, loaded.preprocess(["an example", "another example, which is longer"]))


def traced(module: "torch.nn.Module", inputs: Sequence[str], features: Mapping[str, Any]) -> "openvino.Model":
    """A module of torch as one OpenVINO graph, for any number of texts of any length.

    Args:
        module: takes the inputs in their order.
        inputs: names of its inputs.
        features: an example of them by name, each of shape (n_texts, longest).
    """
    import warnings

    import openvino

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = openvino.convert_model(module, example_input=tuple(features[name] for name in inputs))
    for port, name in zip(graph.inputs, inputs, strict=True):
        port.get_tensor().set_names({name})
    graph.reshape({name: [-1, -1] for name in inputs})
    return graph
