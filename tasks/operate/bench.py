"""What this machine reaches with a model on a sample of a corpus, and which settings it recommends."""

import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError, ModelError
from tasks.ingest.reading import read_all
from tasks.ingest.tokenizer import tokenizer_of
from tasks.models import choose
from tasks.models.interface import Encoder, Vectors, cosines, text_items
from tasks.models.located import is_static, is_words
from tasks.models.resolved import ResolvedModel
from tasks.operate.sampling import some_works, spread_files
from tasks.progress import Progress, publish
from tasks.sources.listing import list_files

_MOST_BYTES = 16 * 2**20  # of the sources, to find texts in
_BUDGETS = {"cpu": (512, 1024, 2048, 4096, 8192), "gpu": (16_384, 65_536, 262_144)}
_WORTH = 1.03  # times as fast as the default, before another budget is recommended
_SIDE = 2048  # rows and columns of the matrices that the limit is measured with


@dataclass(frozen=True, slots=True)
class Measured:
    """One way to run the model.

    Attributes:
        backend: what ran it, and how precisely.
        settings: of the model in the corpus file that choose it; batch_tokens: of `resources`, None for the default.
        texts_per_second, tokens_per_second: of the sample; tokens as far as the model reads.
        cosine_min: least cosine between its vectors and those of float32 on torch.
        share_of_limit: of what matrix products alone reach on this machine in that precision, or None.
    """

    backend: str
    settings: dict[str, Any]
    batch_tokens: int | None
    texts_per_second: float
    tokens_per_second: float
    cosine_min: float
    share_of_limit: float | None


@dataclass(frozen=True, slots=True)
class Bench:
    """What was measured.

    Attributes:
        machine: processor, cores, and the limits of matrix products in FLOP/s by precision.
        model: its reference; texts, tokens: in the sample; flop_per_token: in the model's matrix products.
        rows: each way to run it.
        recommended: what to write in the corpus file, by its place there; empty where the defaults are best.
    """

    machine: dict[str, Any]
    model: str
    texts: int
    tokens: int
    flop_per_token: float
    rows: list[Measured]
    recommended: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def sample_texts(corpus: Corpus, count: int) -> list[str]:
    """Chunk texts from files spread over the sources.

    Raises:
        ConfigurationError: the sources hold no text.
    """
    files, _ = spread_files(list_files(corpus.sources, corpus.lake.uri).files, _MOST_BYTES)
    found: list[str] = []
    works = some_works(corpus, files, _MOST_BYTES, lambda file, error: None)  # others are read in its place
    for _, prepared in read_all(works, corpus, tokenizer_of(corpus, None).folder()):
        found += prepared.chunks["text"].to_pylist()
        if len(found) >= 20 * count:
            break
    distinct = list(dict.fromkeys(found))
    if not distinct:
        raise ConfigurationError("the sources hold no text to measure with", "Name sources that do.")
    return distinct[:: max(len(distinct) // count, 1)][:count]


def bench(model: ResolvedModel, texts: list[str], int8: bool) -> Bench:
    """Run a model in every way that this machine offers.

    Args:
        model: to run.
        texts: to embed; each way embeds them all.
        int8: also in int8, calibrated on these texts.

    Raises:
        ModelError: the model cannot be loaded.
    """
    plain = replace(model, settings=model.settings.model_copy(update={"int8": False, "backend": "auto"}))
    if is_static(model.weights.folder) or is_words(model.weights.folder):
        encoder = choose.load_encoder(plain)
        vectors, counts = encoder.encode_documents(text_items(texts))
        row = _measure(encoder, {}, None, texts, vectors, 0.0, {})
        return Bench(machine(), model.settings.model, len(texts), sum(counts), 0.0, [row], {})
    limits = _limits()
    reference, tokens, flop = _reference(plain, texts)
    rows: list[Measured] = []
    ways = list(_ways(plain, texts, int8))
    for i, (settings, budget, way) in enumerate(ways):
        publish(Progress("bench", i, len(ways), "ways"))
        try:
            encoder = choose.load_encoder(way, budget=budget)
        except ModelError:  # not to be had on this machine, or for this model
            continue
        rows.append(_measure(encoder, settings, budget, texts, reference, flop, limits))
    publish(Progress("bench", len(ways), len(ways), "ways"))
    about = machine() | {f"limit_{name}": limit for name, limit in limits.items()}
    return Bench(about, model.settings.model, len(texts), tokens, flop, rows, _recommended(rows))


def machine() -> dict[str, Any]:
    """Processor and cores, for a report."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text("utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return {"processor": name, "cores": len(os.sched_getaffinity(0))}


def _ways(
    model: ResolvedModel, texts: list[str], int8: bool
) -> Iterator[tuple[dict[str, Any], int | None, ResolvedModel]]:
    """Settings, budget and model of each way: the default first."""
    import torch

    def way(budget: int | None = None, **settings: Any) -> tuple[dict[str, Any], int | None, ResolvedModel]:
        return settings, budget, replace(model, settings=model.settings.model_copy(update=settings))

    yield way()
    yield from (way(budget) for budget in _BUDGETS["gpu" if torch.cuda.is_available() else "cpu"])
    yield way(precision="float32")
    yield way(backend="torch")
    if int8 and find_spec("nncf"):
        settings, budget, found = way(int8=True)
        yield settings, budget, replace(found, calibration=tuple(islice(texts, 128)))


def _reference(model: ResolvedModel, texts: list[str]) -> tuple[Vectors, int, float]:
    """Vectors in float32 on torch, the tokens read, and the FLOP of the model's matrix products for each token."""
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import PreTrainedModel

    from tasks.models.torch_backend import load_model

    loaded = load_model(model, "cpu")
    for module in loaded.modules():
        if isinstance(module, PreTrainedModel):
            module.set_attn_implementation("eager")  # whose products the counter knows
    middle = sorted(texts, key=len)[len(texts) // 2 :][:1]
    features = loaded.preprocess(middle)
    with FlopCounterMode(display=False) as counter:
        loaded(features)
    flop = counter.get_total_flops() / features["input_ids"].numel()
    settings = model.settings.model_copy(update={"backend": "torch", "precision": "float32"})
    encoder = choose.load_encoder(replace(model, settings=settings))
    vectors, counts = encoder.encode_documents(text_items(texts))
    return vectors, sum(min(count, encoder.max_cost) for count in counts), flop


def _measure(
    encoder: Encoder, settings: dict[str, Any], budget: int | None, texts: list[str], reference: Vectors,
    flop: float, limits: dict[str, float],
) -> Measured:  # fmt: skip
    items = text_items(texts)
    encoder.encode_documents(items[: max(len(items) // 8, 1)])  # whatever is made on first use
    clock = time.perf_counter()
    vectors, counts = encoder.encode_documents(items)
    seconds = time.perf_counter() - clock
    tokens = sum(min(count, encoder.max_cost) for count in counts)
    precision = next((name for name in limits if name in encoder.backend), None)
    share = tokens / seconds * flop / limits[precision] if precision else None
    near = float(np.min(cosines(vectors, reference)))
    return Measured(encoder.backend, settings, budget, len(texts) / seconds, tokens / seconds, near, share)


def _limits() -> dict[str, float]:
    """FLOP/s of large matrix products on all cores (or the GPU), by the precision's name in `backend`: the best that
    torch or OpenVINO reaches."""
    import torch

    from tasks.models.openvino_backend import has_bf16

    device = "cuda" if torch.cuda.is_available() else "cpu"
    found: dict[str, float] = {}
    precisions = [(("f32", "float32"), torch.float32), (("bf16", "bfloat16"), torch.bfloat16)]
    for names, dtype in precisions if device == "cuda" or has_bf16() else precisions[:1]:
        left, right = (torch.randn(_SIDE, _SIDE, dtype=dtype, device=device) for _ in range(2))
        seconds = _best_of(lambda a=left, b=right: (a @ b)[0, 0].item())  # type: ignore[misc]  # item waits for it
        if device == "cpu":
            seconds = min(seconds, _best_of(_openvino_product(names[0])))
        found |= dict.fromkeys(names, 2 * _SIDE**3 / seconds)
    return found


def _openvino_product(precision: str) -> Callable[[], object]:
    """A large matrix product on all cores, ready to be called."""
    import openvino
    from openvino import opset13

    values = np.random.default_rng(7).normal(size=(_SIDE, _SIDE)).astype(np.float32)
    left = opset13.parameter([_SIDE, _SIDE], np.float32)
    graph = openvino.Model([opset13.matmul(left, opset13.constant(values), False, True)], [left])
    request = openvino.compile_model(
        graph, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    ).create_infer_request()
    return lambda: request.infer([values], share_inputs=True, share_outputs=True)


def _best_of(call: Callable[[], object], seconds: float = 1.0) -> float:
    """Seconds of the quickest of the calls that fit in some time, of two at least."""
    best, began, calls = float("inf"), time.perf_counter(), 0
    while calls < 2 or time.perf_counter() - began < seconds:
        clock = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - clock)
        calls += 1
    return best


def _recommended(rows: list[Measured]) -> dict[str, Any]:
    """What makes the model faster than by default, without other vectors."""
    exact = [row for row in rows if not row.settings.get("int8")]
    if not exact:
        return {}
    best = max(exact, key=lambda row: row.texts_per_second)
    if best.texts_per_second < _WORTH * exact[0].texts_per_second:
        return {}
    found: dict[str, Any] = {f"models: {name}": value for name, value in best.settings.items()}
    return found | ({"resources: batch_tokens": best.batch_tokens} if best.batch_tokens else {})
