"""The part of a model that reads one modality, as a graph of OpenVINO: from tensors to vectors."""

import threading
from pathlib import Path

import numpy as np
import openvino
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Router

from tasks.models.export import LEAST_COSINE, NotConvertible, converting, kept_conversion
from tasks.models.inputs import Features, Inputs
from tasks.models.interface import Vectors, cosines
from tasks.models.openvino_backend import compiled
from tasks.models.probing import Embed, samples
from tasks.models.resolved import ResolvedModel

_PRECISION = "precision.txt"


class Tower:
    """A converted part of a model.

    Args:
        folder: with model.xml, model.bin, and the precision in which it gives the model's own vectors.
        precision: float32, or auto for that one where the processor has it.
        threads: to run on; each is a stream that runs a batch of its own.
    """

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        if precision == "auto":
            precision = (folder / _PRECISION).read_text("utf-8")
        self._model, self.precision = compiled(folder / "model.xml", precision, threads)
        self._names = [port.get_any_name() for port in self._model.inputs]
        self._local = threading.local()

    def run(self, features: Features) -> Vectors:
        """The vectors of a batch, float32 of shape (n_items, dimension)."""
        if not hasattr(self._local, "request"):
            self._local.request = self._model.create_infer_request()
        given = {name: features[name].numpy() for name in self._names}
        return np.array(self._local.request.infer(given, share_inputs=True, share_outputs=True)[0], np.float32)


def converted_tower(
    model: ResolvedModel, modality: str, loaded: SentenceTransformer, inputs: Inputs, embed: Embed
) -> Path:
    """The folder of the conversion of a model's part for one modality, made now if it is not there.

    Args:
        model: on this machine.
        modality: that the part reads.
        loaded: the model on torch.
        inputs: makes its inputs.
        embed: runs it on torch, in full precision.

    Raises:
        NotConvertible: it cannot be converted, or gives other vectors than on torch.
    """

    def convert(_: ResolvedModel, folder: Path) -> None:
        contents = samples(modality, model.takes)
        batches = [inputs.features(modality, batch, "document") for batch in (contents[:1], contents[1:])]
        there = [embed(modality, batch, "document") for batch in (contents[:1], contents[1:])]
        with converting():
            graph = _graph(loaded, modality, *batches)
            openvino.save_model(graph, folder / "model.xml", compress_to_fp16=False)
            for precision in ("auto", "float32"):  # a CNN may lose more in bf16 than a transformer
                (folder / _PRECISION).write_text(precision, "utf-8")
                here = map(Tower(folder, precision, 1).run, batches)
                least = min(float(cosines(*pair).min()) for pair in zip(here, there, strict=True))
                if least >= LEAST_COSINE:
                    return
        raise NotConvertible(f"its vectors differ from those on torch (cosine {least:.4f})")

    return kept_conversion(model, modality, convert)


def _graph(loaded: SentenceTransformer, modality: str, one: Features, others: Features) -> openvino.Model:
    """All modules of a model as one graph, for what one modality gives them.

    Args:
        loaded: the model on torch.
        modality: of the inputs.
        one: inputs of one item, as an example.
        others: inputs of several items that are longer; what differs in size may have any.
    """
    if any(isinstance(module, Router) or not getattr(module, "include_prompt", True) for module in loaded):
        raise NotConvertible("its modules are not the same for all that it is given")
    names = [name for name, value in others.items() if isinstance(value, torch.Tensor)]
    beside = {name: value for name, value in others.items() if name not in names}

    class Stack(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.modules_in_order = torch.nn.ModuleList(loaded)

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            features: Features = {**beside, **dict(zip(names, tensors, strict=True))}
            for module in self.modules_in_order:
                features = module(features)
            vectors: torch.Tensor = features["sentence_embedding"]
            return vectors

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = openvino.convert_model(Stack(), example_input=tuple(others[name] for name in names))
    if len(graph.inputs) != len(names):
        raise NotConvertible("it leaves out what it is given")
    shapes = {}
    for port, name in zip(graph.inputs, names, strict=True):
        port.get_tensor().set_names({name})
        sizes = zip(one[name].shape[1:], others[name].shape[1:], strict=True)
        shapes[name] = [-1, *(a if a == b and modality != "text" else -1 for a, b in sizes)]
    graph.reshape(shapes)
    return graph
