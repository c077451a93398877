"""Encoders on Ray actors: on this machine's cores or GPUs, or on a cluster's."""

import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

import ray
from ray.exceptions import RayError

from tasks.encode import TorchEncoder, Vectors
from tasks.errors import ModelError
from tasks.models import ResolvedModel
from tasks.pools import Batch, Embedded, encode_checked
from tasks.settings import Resources

# Lance warns at every fork; Ray's forks call exec at once and touch nothing of Lance's.
warnings.filterwarnings("ignore", message="lance(db)? .*fork", category=Warning)

_CORES_PER_ACTOR = 8  # torch gains little from more for one batch
_AHEAD = 2  # batches given to an actor at once, so that it never waits for the next
_POLL = 0.2  # seconds


class EncoderActor:
    """What runs in an actor: an encoder that lives as long as the run."""

    def __init__(self, model: ResolvedModel, threads: int) -> None:
        self._encoder = TorchEncoder(model, threads)

    def shape(self) -> tuple[int, int]:
        """Dimension, and the most tokens that it reads."""
        return self._encoder.dimension, self._encoder.max_tokens

    def encode(self, texts: list[str]) -> tuple[Vectors, list[int]]:
        """Vectors and token counts of some texts."""
        return encode_checked(self._encoder, texts)


class RayPool:
    """Actors that hold a model. Ray starts one anew that dies, and does its batches again.

    Args:
        model: to load.
        resources: actors, and CPUs or GPUs for each; where they say nothing, one actor for each GPU, else one
            for every 8 cores.

    Raises:
        ModelError: the actors cannot load the model or cannot be placed.
    """

    def __init__(self, model: ResolvedModel, resources: Resources) -> None:
        self._started_here = not ray.is_initialized()
        if self._started_here:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
            ray.init(
                address=resources.address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
            ) if not resources.address else ray.init(
                address=resources.address, log_to_driver=False, logging_level=logging.ERROR
            )
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        count, cpus, gpus = share_out(resources, total.get("CPU", 1.0), total.get("GPU", 0.0))
        options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": -1, "max_task_retries": 1}
        actor = ray.remote(EncoderActor).options(**options)
        self._actors: list[Any] = [actor.remote(model, max(int(cpus), 1)) for _ in range(count)]
        try:
            shapes = ray.get([actor.shape.remote() for actor in self._actors], timeout=900)
        except RayError as error:
            self.close()
            cause = getattr(error, "cause", None)
            if isinstance(cause, ModelError):
                raise cause from None
            raise ModelError(
                f"{count} actors with {cpus:g} CPUs and {gpus:g} GPUs each cannot start: {str(error)[-500:]}",
                "Check `resources` against what the machine or cluster has.",
            ) from None
        self.dimension, self.max_tokens = shapes[0]

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Results as they come."""
        running: dict[Any, tuple[Batch, Any]] = {}
        room = [actor for actor in self._actors for _ in range(_AHEAD)]
        exhausted = False
        while running or not exhausted:
            while room and not exhausted:
                try:
                    batch = next(batches)
                except StopIteration:
                    exhausted = True
                    break
                if batch is None:
                    break
                actor = room.pop()
                running[actor.encode.remote(batch.texts)] = (batch, actor)
            ready, _ = ray.wait(list(running), timeout=_POLL) if running else ([], [])
            for reference in ready:
                batch, actor = running.pop(reference)
                room.insert(0, actor)
                try:
                    vectors, token_counts = ray.get(reference)
                    yield Embedded(batch, vectors, token_counts)
                except RayError as error:
                    yield Embedded(batch, error=error)

    def close(self) -> None:
        """End the actors, and Ray where this pool started it."""
        for actor in self._actors:
            ray.kill(actor)
        if self._started_here:
            ray.shutdown()


def share_out(resources: Resources, cpus: float, gpus: float) -> tuple[int, float, float]:
    """How many actors, with how many CPUs and GPUs each.

    Args:
        resources: what the corpus says.
        cpus, gpus: what there is.
    """
    count = resources.actors or int(gpus) or max(int(cpus // _CORES_PER_ACTOR), 1)
    each_gpu = resources.gpus if resources.gpus is not None else (min(gpus / count, 1.0) if gpus else 0.0)
    each_cpu = resources.cpus or max(cpus // count, 1.0)
    return count, min(each_cpu, cpus), each_gpu
