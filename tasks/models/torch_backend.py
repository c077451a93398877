"""Models on torch: loading them through sentence-transformers, and running transformers in batches by token budget."""

import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
import transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling

from tasks.errors import ModelError
from tasks.models.extractors import without_tokenizer
from tasks.models.interface import Vectors
from tasks.models.resolved import ResolvedModel
from tasks.models.tokens import Description, Features, TextTokenizer
from tasks.models.transformer import TransformerEncoder

BUDGETS = {"cpu": 2048, "cuda": 65_536, "mps": 8192}  # tokens run at once
_MODULES = {"Transformer", "Pooling", "Dense", "Normalize", "LayerNorm", "Dropout"}
_PROBES = ["", "a", "  Two words ", "Ünïcode — and 漢字.", "def f(x):\n\treturn x[1:]\n", "long text " * 4000]

logger = logging.getLogger("embedlake.encode")


def device_of_machine() -> str:
    """cuda, mps or cpu.

    On cuda, attention by cuDNN is switched off in this process: it plans anew for each shape of batch, which takes
    longer than the batch does, and batches by token budget hardly share one.
    """
    if torch.cuda.is_available():
        torch.backends.cuda.enable_cudnn_sdp(False)
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def half_precision() -> torch.dtype:
    """What this machine's GPU computes quickly: bf16, which loses no range; f16 where it would only emulate that."""
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def load_model(model: ResolvedModel, device: str) -> SentenceTransformer:
    """The model as sentence-transformers has it, from the files on this machine.

    Raises:
        ModelError: it cannot be loaded.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    try:
        with without_tokenizer(model.weights.folder):
            loaded = SentenceTransformer(
                str(model.weights.folder),
                device=device,
                trust_remote_code=model.settings.trust_remote_code,
                local_files_only=True,
            ).eval()
    except Exception as error:  # each architecture raises its own
        raise ModelError(
            f"model {model.settings.model!r} cannot be loaded: {type(error).__name__}: {str(error)[:500]}",
            "Does sentence-transformers load it? Check its files and the packages it needs.",
        ) from None
    if model.settings.pooling != "auto":
        place = next((i for i, module in enumerate(loaded) if isinstance(module, Pooling)), None)
        if place is None:
            reason = f"model {model.settings.model!r} gives one vector by itself, and has nothing to pool"
            raise ModelError(reason, "Leave out `pooling`.")
        first: Any = loaded[0]
        loaded[place] = Pooling(first.get_embedding_dimension(), model.settings.pooling)
    return loaded


def describe(model: SentenceTransformer) -> Description | None:
    """How to feed a model without sentence-transformers; None where that is not sure to be the same.

    It is the same for a stack of the usual modules whose inputs, made both ways for texts of many kinds, are equal.
    """
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None or {type(module).__name__ for module in model} - _MODULES:
        return None
    given = _tensors(model.preprocess(["a"]))
    unusual = set(given) - {"input_ids", "attention_mask", "token_type_ids"}
    if unusual or not all(getattr(module, "include_prompt", True) for module in model):
        return None
    description = Description(
        dimension=model.get_embedding_dimension() or 0,
        max_tokens=int(model.max_seq_length or 1_000_000_000),
        tokenizer=tokenizer.to_str(),
        inputs=list(given),
        pad_id=int(model.tokenizer.pad_token_id or 0),
        pad_left=model.tokenizer.padding_side == "left",
        query_prompt=prompt_of(model, "query"),
        document_prompt=prompt_of(model, "document", "passage", "corpus"),
    )
    own = TextTokenizer(description, description.max_tokens)
    theirs = _tensors(model.preprocess(_PROBES))
    ours = own.pad(own.tokenise(_PROBES)[0])
    return description if all(np.array_equal(ours[name], theirs[name].numpy()) for name in given) else None


class TorchEncoder(TransformerEncoder):
    """A transformer model on torch: in half precision on a GPU that has it, where the corpus does not say otherwise.

    A batch that does not fit the device's memory is run in halves, and later ones are smaller.
    """

    def __init__(
        self, model: ResolvedModel, loaded: SentenceTransformer, description: Description, budget: int | None = None
    ) -> None:
        self._device = loaded.device.type
        super().__init__(description, model.settings, budget or BUDGETS[self._device])
        self._model = loaded
        half = self._device == "cuda" and model.settings.precision != "float32"
        if half:
            self._model.to(half_precision())
        self.backend = f"torch {self._device} {str(self._model.dtype).removeprefix('torch.')}"
        if self._device == "cpu":
            self.concurrency = 1  # torch uses all its threads for one batch

    def _run(self, batches: Iterable[Features]) -> Iterator[Vectors]:
        waiting = []
        with torch.inference_mode():
            for features in batches:
                waiting.append(self._forward({name: torch.from_numpy(ids) for name, ids in features.items()}))
            for vectors in waiting:  # the device works on while the host makes batches ready
                yield vectors.float().cpu().numpy()

    def _forward(self, features: dict[str, torch.Tensor]) -> torch.Tensor:
        try:
            inputs = features
            if self._device == "cuda":
                inputs = {name: ids.pin_memory().to("cuda", non_blocking=True) for name, ids in features.items()}
            elif self._device != "cpu":
                inputs = {name: ids.to(self._device) for name, ids in features.items()}
            vectors: torch.Tensor = self._model(dict(inputs))["sentence_embedding"]
            return vectors
        except torch.OutOfMemoryError:
            count = len(next(iter(features.values())))
            if count == 1:
                raise
        torch.cuda.empty_cache()
        self._budget = max(self._budget // 2, 1)
        logger.warning("a batch did not fit the device's memory; going on with %d tokens at once", self._budget)
        middle = count // 2
        halves = [{n: ids[part] for n, ids in features.items()} for part in (slice(0, middle), slice(middle, None))]
        return torch.cat([self._forward(half) for half in halves])


def _tensors(features: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The inputs that are more than the modality's name."""
    return {name: value for name, value in features.items() if name != "modality"}


def prompt_of(model: SentenceTransformer, *names: str) -> str:
    """The model's own prompt for a kind of text, found as sentence-transformers finds it."""
    name = next((name for name in names if name in model.prompts), model.default_prompt_name)
    return (model.prompts.get(name) if name else None) or ""
