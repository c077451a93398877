"""Encoders on Ray actors: on this machine's cores or GPUs, or on a cluster's."""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from tasks import ray_cluster
from tasks.config.operating import Resources
from tasks.embed.batches import Batch
from tasks.embed.pools import Embedded, Unpaid
from tasks.errors import EmbedlakeError, ModelError
from tasks.models.choose import load_encoder
from tasks.models.find import find_here
from tasks.models.interface import Encoded, Encoder, Item, encode_checked
from tasks.models.resolved import ResolvedModel

_CORES_PER_ACTOR = 8  # torch gains little from more for one batch
_AHEAD = 2  # batches given to an actor at once, so that it never waits for the next
_LOADING = 900.0  # seconds that actors have to load their model
_DEATHS = 2  # of its actor, after which a batch is taken for the cause

logger = logging.getLogger("embedlake.ray")


MakeEncoder = Callable[[ResolvedModel, int | None, int | None], Encoder]
"""As tasks.models.choose.load_encoder."""


class EncoderActor:
    """What runs in an actor: an encoder that lives as long as the run."""

    def __init__(self, make_encoder: MakeEncoder, model: ResolvedModel, threads: int, budget: int | None) -> None:
        self._encoder = make_encoder(find_here(model), threads, budget)

    def shape(self) -> tuple[int, int, str, int]:
        """Dimension, the most of an item that it reads, what runs it, and the cost that suits a batch."""
        encoder = self._encoder
        return encoder.dimension, encoder.max_cost, encoder.backend, encoder.batch_cost

    def encode(self, items: list[Item]) -> Encoded:
        """Vectors and costs of some documents."""
        return encode_checked(self._encoder, items)


class RayPool(Unpaid):
    """Actors that hold a model. One that dies is started again, and its batches are done again; so is all of Ray.

    Args:
        model: to load.
        resources: actors, and CPUs or GPUs for each; where they say nothing, one actor for each GPU, else one
            for every 8 cores.
        make_encoder: loads the model in an actor.

    Raises:
        ModelError: the actors cannot load the model or cannot be placed.
    """

    def __init__(self, model: ResolvedModel, resources: Resources, make_encoder: MakeEncoder = load_encoder) -> None:
        self._model = model
        self._make_encoder = make_encoder
        self._resources = resources
        self._actors: list[Any] = []
        self._start()

    def embed(self, batches: Iterator[Batch | None]) -> Iterator[Embedded]:
        """Results as they come. Batches that were with an actor or node that died are done again; one that ends
        its actor time after time comes back with the error."""
        running: dict[Any, tuple[Batch, Any]] = {}
        again: deque[Batch] = deque()
        deaths: Counter[Batch] = Counter()
        room = self._room()
        exhausted = False
        while running or again or not exhausted:
            while room and (again or not exhausted):
                try:
                    batch = again.popleft() if again else next(batches)
                except StopIteration:
                    exhausted = True
                    break
                if batch is None:
                    break
                actor = room.pop()
                running[actor.encode.remote(batch.items)] = (batch, actor)
            ready = ray_cluster.ready(list(running))
            for reference in ready:
                batch, actor = running.pop(reference)
                try:
                    vectors, costs = ray.get(reference)
                except RayTaskError as error:  # raised by the model
                    yield Embedded(batch, error=error.cause if isinstance(error.cause, Exception) else error)
                except RayError as error:  # an actor or a node is gone
                    if not self._alive():
                        again.extend([batch, *(lost for lost, _ in running.values())])
                        running.clear()
                        self._restart(error)
                        room = self._room()
                        break
                    deaths[batch] += 1
                    if deaths[batch] < _DEATHS:
                        again.append(batch)
                    else:
                        del deaths[batch]
                        yield Embedded(batch, error=error)
                else:
                    del deaths[batch]  # which a Counter allows where there is none
                    yield Embedded(batch, vectors, costs)
                room.insert(0, actor)

    def close(self) -> None:
        """End the actors; Ray stays for whoever comes next in the run."""
        for actor in self._actors:
            ray.kill(actor)

    def _start(self, again: bool = True) -> None:
        ray_cluster.connect(self._resources.address)
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        count, cpus, gpus = share_out(self._resources, total.get("CPU", 1.0), total.get("GPU", 0.0))
        options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": -1, "max_task_retries": 0}
        options["max_concurrency"] = _AHEAD  # one batch is tokenised while another is on the processor
        actor = ray.remote(EncoderActor).options(**options)
        self._actors = [
            actor.remote(self._make_encoder, self._model, max(int(cpus), 1), self._resources.batch_tokens)
            for _ in range(count)
        ]
        try:
            shapes = ray.get([actor.shape.remote() for actor in self._actors], timeout=_LOADING)
        except RayError as error:
            self.close()
            cause = getattr(error, "cause", None)
            if isinstance(cause, ModelError):
                raise cause from None
            if again and ray_cluster.made_here() and not isinstance(error, RayTaskError):
                logger.warning("Ray died while its actors started (%s); starting it again", type(error).__name__)
                ray_cluster.disconnect()
                self._start(again=False)
                return
            raise ModelError(
                f"{count} actors with {cpus:g} CPUs and {gpus:g} GPUs each cannot start: {str(error)[-500:]}",
                "Check `resources` against what the machine or cluster has.",
            ) from None
        self.dimension, self.max_cost, self.backend, self.batch_cost = shapes[0]
        self.content_cost = self.batch_cost

    def _room(self) -> list[Any]:
        return [actor for actor in self._actors for _ in range(_AHEAD)]

    def _alive(self) -> bool:
        """Whether the actors answer; one that died is started again by Ray meanwhile, and has its time to load."""
        try:
            ray.get([actor.shape.remote() for actor in self._actors], timeout=_LOADING)
        except RayError:
            return False
        return True

    def _restart(self, error: RayError) -> None:
        """Start Ray and the actors again on this machine; on a cluster, that is not for a run to do."""
        if not ray_cluster.made_here() or self._resources.address:
            raise EmbedlakeError(
                f"Ray's actors are gone: {str(error)[:300]}",
                "Look after the cluster, then run again: it goes on from here.",
            ) from None
        logger.warning("Ray is gone (%s); starting it again", type(error).__name__)
        ray_cluster.disconnect()
        self._start()


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
