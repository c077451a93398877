"""Sound models that never learnt to write, as HuBERT and WavLM: they have no tokenizer, and sentence-transformers asks
for one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TOKENIZERS = ("vocab.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json")


@contextmanager
def without_tokenizer(folder: Path) -> Iterator[None]:
    """While it lasts, a model that only hears is loaded with what makes its inputs alone.

    Args:
        folder: of the model.
    """
    config = folder / "preprocessor_config.json"
    hears = config.exists() and "feature_extractor_type" in json.loads(config.read_text("utf-8"))
    if not hears or any((folder / name).exists() for name in _TOKENIZERS):
        yield
        return
    import sentence_transformers.base.modules.transformer
    from transformers import AutoFeatureExtractor

    loading: Any = sentence_transformers.base.modules.transformer
    whole = loading.AutoProcessor
    loading.AutoProcessor = AutoFeatureExtractor
    try:
        yield
    finally:
        loading.AutoProcessor = whole
