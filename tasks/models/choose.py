"""Choosing the encoder for a model on this machine."""

import logging
from pathlib import Path

from tasks.errors import ModelError
from tasks.models.interface import TEXT, Encoder
from tasks.models.located import is_static, is_words
from tasks.models.providers import provider_of
from tasks.models.resolved import ResolvedModel

logger = logging.getLogger("embedlake.encode")


def load_encoder(model: ResolvedModel, threads: int | None = None, budget: int | None = None) -> Encoder:
    """The quickest encoder that gives the model's own vectors.

    A service's model is its provider's affair. A static model and word vectors are looked up. A transformer runs on
    torch where there is a GPU, else on OpenVINO if it gives the same vectors there, else on torch; so does each part of
    a model that takes images or sound. Any other model runs as sentence-transformers runs it.

    Args:
        model: on this machine.
        threads: of the CPU to use; all by default.
        budget: tokens to run at once, padding included; by default what suits the processor.

    Raises:
        ModelError: the model cannot be loaded, or not as the corpus file asks.
    """
    settings = model.settings
    if provider := provider_of(settings.model):
        return provider.load(model, budget)
    if is_words(model.weights.folder):
        from tasks.models.word_encoder import WordEncoder

        return WordEncoder(model)
    if is_static(model.weights.folder):
        from tasks.models.static import StaticEncoder

        return StaticEncoder(model)
    if model.takes.modalities != TEXT:
        if settings.int8:
            raise ModelError(f"model {settings.model!r} takes more than text, and has no int8", "Leave out `int8`.")
        from tasks.models.media import MediaEncoder

        return MediaEncoder(model, threads, budget)
    if settings.int8 or settings.backend == "openvino" or (settings.backend == "auto" and not may_have_gpu()):
        from tasks.models.export import NotConvertible, converted
        from tasks.models.openvino_backend import OpenVinoEncoder

        try:
            return OpenVinoEncoder(converted(model), settings, threads, budget)
        except (NotConvertible, RuntimeError) as reason:  # RuntimeError: OpenVINO cannot compile it for this CPU
            if settings.int8 or settings.backend == "openvino":
                raise ModelError(
                    f"model {settings.model!r} cannot be run by OpenVINO: {str(reason)[:500]}",
                    "Leave out `int8` and `backend`.",
                ) from None
            logger.warning("%s runs on torch: %s", settings.name, reason)
    import torch

    from tasks.models.general import GeneralEncoder
    from tasks.models.torch_backend import TorchEncoder, describe, device_of_machine, load_model

    if threads:
        torch.set_num_threads(threads)
    loaded = load_model(model, device_of_machine())
    description = describe(loaded)
    if description is None:
        return GeneralEncoder(model, loaded, budget)
    return TorchEncoder(model, loaded, description, budget)


def may_have_gpu() -> bool:
    """Whether it is worth loading torch to ask it: loading takes seconds."""
    import sys

    return sys.platform == "darwin" or Path("/proc/driver/nvidia").exists() or Path("/dev/kfd").exists()
