"""Whether all weights of a model came from its files: a library warns of those that it made up, and goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModel, PreTrainedModel

from tasks.models.inputs import first_modules
from tasks.models.resolved import ResolvedModel
from tasks.models.torch_backend import load_model

Missing = dict[str, torch.nn.Parameter]
"""Weights that were made up, by name."""


def load_whole(model: ResolvedModel, device: str) -> tuple[SentenceTransformer, Missing]:
    """A model with all the weights that its files have, and the weights that they do not have.

    Raises:
        ModelError: it cannot be loaded.
    """
    with _noting() as noted:
        loaded = load_model(model, device)
        for module in first_modules(loaded):
            _take_encoder(module, noted)
    there = {id(module) for module in loaded.modules()}
    return loaded, {
        name: weights
        for part, names in noted
        if id(part) in there
        for name, weights in part.named_parameters()
        if name in names
    }


def _take_encoder(module: Any, noted: list[tuple[PreTrainedModel, set[str]]]) -> None:
    """Where sentence-transformers looked for an encoder's weights under wrong names, as it does for Whisper's, take
    them from the whole model."""
    part: Any = getattr(module, "model", None)
    if not any(found is part and missing for found, missing in noted):
        return
    whole = AutoModel.from_pretrained(part.name_or_path, local_files_only=True)
    encoder: Any = whole.get_encoder() if hasattr(whole, "get_encoder") else None
    if type(encoder) is not type(part):
        return
    missing = next(names for found, names in noted if found is whole)
    module.model = encoder.to(part.device).eval()
    noted.append((encoder, {name.removeprefix("encoder.") for name in missing if name.startswith("encoder.")}))


@contextmanager
def _noting() -> Iterator[list[tuple[PreTrainedModel, set[str]]]]:
    """While it lasts, every model of transformers that is loaded is noted, with the names of what its files lack."""
    noted: list[tuple[PreTrainedModel, set[str]]] = []
    own = PreTrainedModel.__dict__["from_pretrained"]

    def noting(cls: type[PreTrainedModel], /, *args: Any, output_loading_info: bool = False, **kwargs: Any) -> Any:
        model, report = own.__func__(cls, *args, output_loading_info=True, **kwargs)
        noted.append((model, set(report["missing_keys"])))
        return (model, report) if output_loading_info else model

    PreTrainedModel.from_pretrained = classmethod(noting)  # type: ignore[method-assign, assignment]
    try:
        yield noted
    finally:
        PreTrainedModel.from_pretrained = own  # type: ignore[method-assign]
