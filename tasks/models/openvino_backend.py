"""Transformers on CPUs by OpenVINO, from a model that tasks.models.export converted; torch is not loaded."""

import json
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino

from tasks.config.models import Model
from tasks.models.interface import Vectors
from tasks.models.tokens import Description, Features
from tasks.models.transformer import TransformerEncoder

_BUDGET = 2048  # tokens run at once by one stream; on CPUs small batches beat large ones


class OpenVinoEncoder(TransformerEncoder):
    """A converted model, in bf16 on a CPU that has it, where the corpus does not say otherwise.

    Args:
        folder: with model.xml, model.bin and description.json.
        settings: as the corpus gives them.
        threads: to run on; every core by default. Each one is a stream with a batch of its own.
        budget: tokens that a stream runs at once, padding included.
    """

    def __init__(self, folder: Path, settings: Model, threads: int | None = None, budget: int | None = None) -> None:
        description = Description(**json.loads((folder / "description.json").read_text("utf-8")))
        super().__init__(description, settings, budget or _BUDGET)
        threads = threads or len(os.sched_getaffinity(0))
        self._model, precision = compiled(folder / "model.xml", settings.precision, threads)
        self.backend = f"openvino {'int8' if settings.int8 else precision}"
        self._streams = ThreadPoolExecutor(threads, thread_name_prefix="openvino")
        self._local = threading.local()
        # OpenVINO's first conversion of a NumPy type waits for itself if two threads make it at once.
        self._streams.submit(self._infer, self._tokenizer.pad([np.zeros(1, np.int64)])).result()

    def _run(self, batches: Iterable[Features]) -> Iterator[Vectors]:
        return self._streams.map(self._infer, batches)

    def _infer(self, features: Features) -> Vectors:
        if not hasattr(self._local, "request"):
            self._local.request = self._model.create_infer_request()
        result = self._local.request.infer(features, share_inputs=True, share_outputs=True)
        return np.array(result[0], np.float32)


def compiled(file: Path, precision: str, threads: int) -> tuple[openvino.CompiledModel, str]:
    """A converted model ready to run on this CPU, and the precision it runs in: f32 or bf16.

    Args:
        file: the converted model.
        precision: float32, or auto for bf16 where the processor has it.
        threads: to run on; each is a stream.
    """
    core = openvino.Core()
    hint = "bf16" if precision != "float32" and has_bf16() else "f32"
    model = core.compile_model(
        core.read_model(file),
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,  # the readers want their turn on every core
        },
    )
    return model, hint


def has_bf16() -> bool:
    """Whether this CPU computes in bf16 by itself."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
