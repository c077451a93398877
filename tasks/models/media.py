"""Models that take images or sound, alone or beside text: sentence-transformers' modules, each modality by what runs it
best, in batches in which no item changes another's vector."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import batch_to_device

from tasks.errors import ModelError
from tasks.models.complete import load_whole
from tasks.models.export import LEAST_COSINE, NotConvertible
from tasks.models.inputs import Features, Inputs
from tasks.models.interface import CALL, UNITS, Encoded, Item, Samples, Vectors, cosines, finish, in_tokens
from tasks.models.probing import Embed, Together, embed_samples, samples, verdict_on
from tasks.models.resolved import ResolvedModel
from tasks.models.tokens import batches_of
from tasks.models.torch_backend import BUDGETS, device_of_machine, half_precision
from tasks.models.towers import Tower, converted_tower
from tasks.models.transformer import checked_dimension

logger = logging.getLogger("embedlake.encode")


class MediaEncoder:
    """A model of images, sound or several modalities.

    Args:
        model: on this machine.
        threads: of the CPU to use; all by default.
        budget: tokens to run at once; an image weighs as many as it has patches of 16 × 16 pixels, sound as many as it
            has 20 ms, as the model reads them.

    Raises:
        ModelError: it cannot be loaded, or its vectors mean nothing.
    """

    def __init__(self, model: ResolvedModel, threads: int | None = None, budget: int | None = None) -> None:
        settings = model.settings
        if threads:
            torch.set_num_threads(threads)
        threads = threads or len(os.sched_getaffinity(0))
        loaded, missing = load_whole(model, "cpu")
        if settings.max_tokens and "text" in model.takes.modalities:
            loaded.max_seq_length = settings.max_tokens
        self._takes = model.takes
        self._inputs = Inputs(
            loaded, model.takes, {"query": settings.query_prompt, "document": settings.document_prompt}
        )
        verdict = verdict_on(model, embedder(loaded, self._inputs), missing)
        if verdict.refusal:
            raise ModelError(
                f"model {settings.model!r} is not used: {verdict.refusal}",
                "Its vectors could not be compared with each other. Use another model, or another copy of this one.",
            )
        self._together = verdict.together
        self.modalities = model.takes.modalities
        self._normalize = settings.normalize
        self._model = loaded
        device = "cpu" if settings.backend == "openvino" else device_of_machine()
        self._towers = {} if device != "cpu" or settings.backend == "torch" else self._converted(model, threads)
        if device == "cuda" and settings.precision != "float32":
            self._model = self._halved(model)
        self._model.to(
            device if self.modalities - set(self._towers) else "meta"
        )  # what OpenVINO runs, torch need not hold
        self._budget = budget or BUDGETS[device]
        self.batch_cost = CALL * self._budget
        self.max_cost = self._inputs.max_tokens
        self.concurrency = 2 if self._towers else 1
        self._hands = ThreadPoolExecutor(threads, thread_name_prefix="media")
        self.backend = self._described(device)
        self.dimension = checked_dimension(settings, self._width())

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        """Vectors of documents, and their costs: tokens, uncut; pixels; milliseconds."""
        return self._encode(items, "document")

    def encode_queries(self, items: Sequence[Item]) -> Encoded:
        """Vectors of queries, and their costs."""
        return self._encode(items, "query")

    def _encode(self, items: Sequence[Item], task: str) -> Encoded:
        kinds: dict[str, list[int]] = {}
        for i, item in enumerate(items):
            kinds.setdefault(item.modality, []).append(i)
        if unknown := set(kinds) - self.modalities:
            raise ModelError(
                f"the model embeds {' and '.join(sorted(self.modalities))}, and was given {unknown.pop()}",
                "Use a model for that modality.",
            )
        found: list[tuple[list[int], Vectors]] = []
        costs = [item.cost for item in items]
        for modality, places in kinds.items():
            contents = [items[i].content for i in places]
            if modality == "text":
                for i, count in zip(places, self._inputs.token_counts(contents, task), strict=True):  # type: ignore[arg-type]
                    costs[i] = count
            batches = list(self._batches([items[i] for i in places], [costs[i] for i in places]))
            vectors = self._run(modality, [[contents[i] for i in batch] for batch in batches], task)
            found += [([places[i] for i in batch], part) for batch, part in zip(batches, vectors, strict=True)]
        whole = np.empty((len(items), found[0][1].shape[1] if found else self.dimension), np.float32)
        for indices, part in found:
            whole[indices] = part
        return Encoded(finish(whole, self.dimension, self._normalize), costs)

    def _batches(self, items: Sequence[Item], costs: Sequence[int]) -> Iterator[list[int]]:
        """Positions of items of one modality, in batches in which none changes another's vector."""
        weights = [self._weight(item, cost) for item, cost in zip(items, costs, strict=True)]
        together: Together = self._together[items[0].modality]
        if together == "any":
            yield from batches_of(weights, self._budget)
        elif together == "alone":
            yield from ([i] for i in range(len(items)))
        else:
            lengths: dict[int, list[int]] = {}
            for i, item in enumerate(items):
                assert isinstance(item.content, Samples)
                lengths.setdefault(len(item.content.samples), []).append(i)
            for places in lengths.values():
                yield from (
                    [places[i] for i in batch] for batch in batches_of([weights[i] for i in places], self._budget)
                )

    def _weight(self, item: Item, cost: int) -> int:
        """What an item weighs for this model, in tokens: many models bring every image to one size, and all sound to
        one length."""
        if item.modality == "image" and self._takes.side:
            return self._takes.side**2 // UNITS["image"] + 1
        if item.modality == "audio" and self._takes.longest:
            return self._takes.longest // UNITS["audio"] + 1
        return min(cost, self.max_cost) if item.modality == "text" else in_tokens(item.modality, cost)

    def _run(self, modality: str, batches: Sequence[Sequence[Any]], task: str) -> Iterator[Vectors]:
        """The vectors of each batch, in order."""
        made = partial(self._inputs.features, modality, task=task)
        tower = self._towers.get(modality)
        if tower:
            return self._hands.map(lambda batch: tower.run(made(batch)), batches)
        return self._on_torch(modality, batches, self._hands.map(made, batches), task)

    def _on_torch(
        self, modality: str, batches: Sequence[Sequence[Any]], made: Iterable[Features], task: str
    ) -> Iterator[Vectors]:
        for batch, features in zip(batches, made, strict=True):
            try:
                yield _forward(self._model, features, task)
                continue
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
            torch.cuda.empty_cache()
            self._budget = max(self._budget // 2, 1)
            logger.warning("a batch did not fit the device's memory; going on with %d tokens at once", self._budget)
            middle = len(batch) // 2
            yield np.concatenate(list(self._run(modality, [batch[:middle], batch[middle:]], task)))

    def _converted(self, model: ResolvedModel, threads: int) -> dict[str, Tower]:
        """What OpenVINO runs of the model, by modality."""
        towers = {}
        embed = embedder(self._model, self._inputs)
        for modality in sorted(self.modalities):
            try:
                folder = converted_tower(model, modality, self._model, self._inputs, embed)
                towers[modality] = Tower(folder, model.settings.precision, threads)
            except (NotConvertible, RuntimeError) as reason:  # RuntimeError: OpenVINO cannot compile it for this CPU
                if model.settings.backend == "openvino":
                    raise ModelError(
                        f"model {model.settings.model!r} cannot be run by OpenVINO: {str(reason)[:500]}",
                        "Leave out `backend`.",
                    ) from None
                logger.warning("%s runs its %s on torch: %s", model.name, modality, reason)
        return towers

    def _halved(self, model: ResolvedModel) -> SentenceTransformer:
        """The model in half precision on the GPU, or as it is, where that gives other vectors: a CNN may lose more than
        a transformer."""
        half = deepcopy(self._model).to("cuda", half_precision())
        here, there = (embed_samples(model, embedder(loaded, self._inputs)) for loaded in (half, self._model))
        least = float(cosines(here, there).min())
        if least >= LEAST_COSINE:
            return half
        logger.warning("%s runs in full precision: in half, its vectors differ (cosine %.4f)", model.name, least)
        return self._model

    def _described(self, device: str) -> str:
        """What runs it, for reports: `openvino bf16 (image), torch cpu float32 (text)`."""
        ways: dict[str, list[str]] = {}
        for modality in sorted(self.modalities):
            tower = self._towers.get(modality)
            way = f"openvino {tower.precision}" if tower else f"torch {device} {str(self._model.dtype)[6:]}"
            ways.setdefault(way, []).append(modality)
        if len(ways) == 1:
            return next(iter(ways))
        return ", ".join(f"{way} ({', '.join(modalities)})" for way, modalities in ways.items())

    def _width(self) -> int:
        """The length of its vectors, as they are: what a model says of it need not be so."""
        modality = min(self.modalities)
        return int(next(self._run(modality, [samples(modality, self._takes)[:1]], "document")).shape[1])


def embedder(loaded: SentenceTransformer, inputs: Inputs) -> Embed:
    """What runs a model on torch as it was loaded."""

    def embed(modality: str, contents: Sequence[Any], task: str) -> Vectors:
        return _forward(loaded, inputs.features(modality, contents, task), task)

    return embed


def _forward(loaded: SentenceTransformer, features: Features, task: str) -> Vectors:
    there = batch_to_device(features, loaded.device)
    if loaded.dtype != torch.float32:
        there = {name: value.to(loaded.dtype) if _is_float(value) else value for name, value in there.items()}
    with torch.inference_mode():
        vectors: Vectors = loaded(there, task=task)["sentence_embedding"].float().cpu().numpy()
    return vectors


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.is_floating_point()
