"""Choosing the reranker that a corpus file names."""

import logging

from tasks.config.models import Model
from tasks.config.reranking import Rerank
from tasks.errors import ModelError
from tasks.models.choose import may_have_gpu
from tasks.models.find import resolve_model
from tasks.rerank.interface import Reranker
from tasks.rerank.services import WIRES, ServiceReranker

logger = logging.getLogger("embedlake.rerank")


def load_reranker(settings: Rerank) -> Reranker:
    """A reranker that is ready.

    Raises:
        ConfigurationError: a service's key is not there.
        ModelError: a cross-encoder cannot be found or loaded, or gives other than one score for a pair.
    """
    name, colon, _ = settings.model.partition(":")
    return ServiceReranker(settings) if colon and name in WIRES else _load_cross_encoder(settings)


def _load_cross_encoder(settings: Rerank) -> Reranker:
    """The quickest way to a cross-encoder's own scores: OpenVINO on a CPU where it gives them, else torch."""
    asked = {"model": settings.model, "hub_revision": settings.hub_revision, "max_tokens": settings.max_tokens}
    model = resolve_model(Model.model_validate({**asked, "trust_remote_code": settings.trust_remote_code}))
    if settings.backend == "openvino" or (settings.backend == "auto" and not may_have_gpu()):
        from tasks.models.export import NotConvertible
        from tasks.rerank.converted import ConvertedCrossEncoder, converted

        try:
            return ConvertedCrossEncoder(converted(model), settings.max_tokens, settings.seconds)
        except (NotConvertible, RuntimeError) as reason:  # RuntimeError: OpenVINO cannot compile it for this CPU
            if settings.backend == "openvino":
                raise ModelError(
                    f"reranker {settings.model!r} cannot be run by OpenVINO: {str(reason)[:500]}",
                    "Leave out `backend`.",
                ) from None
            logger.info("%s runs on torch: %s", model.name, reason)
    from tasks.models.torch_backend import device_of_machine
    from tasks.rerank.cross_encoder import TorchCrossEncoder, load_model

    return TorchCrossEncoder(load_model(model, device_of_machine()), settings.seconds)
