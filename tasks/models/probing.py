"""What a model does to its inputs, seen when it is first used: whether a vector depends on what else is in its batch,
on the run, on the process, or on weights that its files do not have.

Each of a few samples is embedded alone, alone again, together with the others, and in a process of its own. What one
finds is kept in the user's cache, by the model's weights and the versions of the libraries.
"""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from tasks.errors import ModelError
from tasks.models.complete import Missing
from tasks.models.inputs import example_images
from tasks.models.interface import Samples, Vectors, cosines
from tasks.models.resolved import ResolvedModel
from tasks.models.takes import Takes, remembered

SAME = 0.9999
"""Between two vectors that are the same, but for rounding."""
_RATE = 16_000
_LONGEST = 2000  # milliseconds of a sample of sound
_PATIENCE = 900.0  # seconds for a second process

Together = Literal["any", "alike", "alone"]
"""What may be in one batch: anything; what has the same length or shape; nothing else."""
Embed = Callable[[str, Sequence[Any], str], Vectors]
"""Vectors of some contents of a modality, as one batch, for query or document."""

logger = logging.getLogger("embedlake.encode")


class _Refused(Exception):
    """Why a model gives no vectors that mean anything."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was seen of a model.

    Attributes:
        together: what of each modality may be in one batch.
        refusal: why the model gives no vectors that mean anything; None where it does.
    """

    together: Mapping[str, Together]
    refusal: str | None = None


def verdict_on(model: ResolvedModel, embed: Embed, missing: Missing) -> Verdict:
    """What is known of a model, or is seen of it now.

    Args:
        model: on this machine.
        embed: runs it, in full precision.
        missing: weights of it that were made up.

    Raises:
        ModelError: it cannot be run.
    """

    def look() -> dict[str, Any]:
        logger.info("%s is used for the first time; its vectors are compared in batches and processes", model.name)
        try:
            together = {
                name: _together(embed, name, samples(name, model.takes)) for name in sorted(model.takes.modalities)
            }
            _refuse_made_up(model, embed, missing)
            _refuse_other_in_other_process(model, embed)
        except _Refused as reason:
            return {"together": {}, "refusal": str(reason)}
        return {"together": together, "refusal": None}

    found = remembered("probes", f"{model.weights.hash} {model.settings.pooling}", look)
    return Verdict(found["together"], found["refusal"])


def samples(modality: str, takes: Takes) -> list[Any]:
    """What a model is tried with: three contents of one modality, of several lengths; the last two are alike."""
    if modality == "text":
        return ["cat", "A red bird sits upon the gate and sings.", "the tide is out; two boats lie on the sand " * 2]
    if modality == "image":
        return example_images()
    rate = takes.rate or _RATE
    longest = min(_LONGEST, takes.longest or _LONGEST)
    noise = np.random.default_rng(5)
    tone = 0.3 * np.sin(2 * np.pi * 330 * np.arange(rate * longest * 3 // 5000) / rate)
    return [
        Samples(sound.astype(np.float32), rate)
        for sound in (tone, 0.1 * noise.normal(size=rate * longest // 1000), _chirp(rate, rate * longest // 1000))
    ]


def _chirp(rate: int, count: int) -> Any:
    seconds = np.arange(count) / rate
    return 0.2 * np.sin(2 * np.pi * (200 + 400 * seconds) * seconds)


def _together(embed: Embed, modality: str, contents: list[Any]) -> Together:
    """What of a modality may be in one batch."""
    alone, again = (_one_by_one(embed, modality, contents) for _ in range(2))
    if not np.isfinite(alone).all():
        raise _Refused(f"its vector of {_a(modality)} is not finite")
    least = float(cosines(alone, again).min())
    if not least >= SAME:
        raise _Refused(f"it gives {_a(modality)} another vector each time (cosine {least:.4f})")
    if cosines(alone, embed(modality, contents, "document")).min() >= SAME:
        return "any"
    if modality == "audio" and cosines(alone[1:], embed(modality, contents[1:], "document")).min() >= SAME:
        return "alike"
    return "alone"


def _refuse_made_up(model: ResolvedModel, embed: Embed, missing: Missing) -> None:
    """Refuse a model whose vectors depend on weights that its files do not have. Others that are missing do no harm."""
    if not missing:
        return
    before = embed_samples(model, embed)
    kept = {name: weights.detach().clone() for name, weights in missing.items()}
    noise = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weights in missing.values():
            weights.add_(torch.randn(weights.shape, generator=noise).to(weights))
        after = embed_samples(model, embed)
        for name, weights in missing.items():
            weights.copy_(kept[name])
    if not cosines(before, after).min() >= SAME:
        named = ", ".join(sorted(missing)[:3])
        raise _Refused(f"{len(missing)} of its weights are not in its files, and would be made up at random: {named}")


def _refuse_other_in_other_process(model: ResolvedModel, embed: Embed) -> None:
    """Refuse a model of which another process gets other vectors."""
    least = float(cosines(embed_samples(model, embed), vectors_elsewhere(model)).min())
    if not least >= SAME:
        raise _Refused(f"another process gets other vectors from it (cosine {least:.4f})")


def _one_by_one(embed: Embed, modality: str, contents: list[Any]) -> Vectors:
    return np.concatenate([embed(modality, [content], "document") for content in contents])


def embed_samples(model: ResolvedModel, embed: Embed) -> Vectors:
    """Vectors of all samples, each alone."""
    return np.concatenate(
        [_one_by_one(embed, name, samples(name, model.takes)) for name in sorted(model.takes.modalities)]
    )


def _a(modality: str) -> str:
    return {"text": "a text", "image": "an image", "audio": "a sound"}[modality]


def vectors_elsewhere(model: ResolvedModel) -> Vectors:
    """Vectors of all samples, each alone, from a process of its own.

    Raises:
        ModelError: the process fails.
    """
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(prefix="embedlake-") as folder:
        file = Path(folder) / "vectors.npy"
        try:
            done = subprocess.run(
                [sys.executable, "-m", "tasks.models.elsewhere", str(file)],
                input=model.settings.model_dump_json(),
                env={**os.environ, "PYTHONPATH": paths},
                capture_output=True, text=True, timeout=_PATIENCE, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ModelError(f"a second process had no vectors after {_PATIENCE:.0f} seconds") from None
        if not file.exists():
            raise ModelError(f"a second process cannot run it: {done.stderr[-500:]}")
        vectors: Vectors = np.load(file, allow_pickle=False)
        return vectors
