"""Models as sentence-transformers saved them years ago, clip-ViT-B-32 among them: a vocabulary and merges instead of a
tokenizer.json, settings of classes that have other names today."""

import json
import string
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tasks.config.models import Model
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import Item
from tasks.models.located import counting_tokenizer
from tests.tiny_media import save_tiny_model

_TEXTS = ("A red CAT", "two boats, and sand")
_MERGES = ("c a", "ca t</w>", "r e", "re d</w>")
_START, _END = "<|startoftext|>", "<|endoftext|>"


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny CLIP with the files that clip-ViT-B-32 has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, part = tmp_path / "clip", tmp_path / "clip" / "0_CLIPModel"
    save_tiny_model("clip", part)
    for file in part.glob("*"):
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    letters = [",", *string.ascii_lowercase]
    words = [*letters, *(f"{one}</w>" for one in letters), *(one.replace(" ", "") for one in _MERGES), _START, _END]
    config = json.loads((part / "config.json").read_text())
    config["text_config"] |= {"bos_token_id": 0, "eos_token_id": 2}  # as old ones have it
    (part / "config.json").write_text(json.dumps(config))
    (part / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (part / "merges.txt").write_text("\n".join(("#version: 0.2", *_MERGES, "")))
    marks = {"bos_token": _START, "eos_token": _END, "unk_token": _END, "pad_token": _END}
    (part / "special_tokens_map.json").write_text(json.dumps(marks))
    told = marks | {"do_lower_case": True, "model_max_length": 16, "tokenizer_class": "CLIPTokenizer"}
    (part / "tokenizer_config.json").write_text(json.dumps(told))
    images = {
        "feature_extractor_type": "CLIPFeatureExtractor", "crop_size": 32, "size": 36, "resample": 3,
        "do_center_crop": True, "do_normalize": True, "do_resize": True, "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    }  # fmt: skip
    (part / "preprocessor_config.json").write_text(json.dumps(images))
    module = {"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}
    (folder / "modules.json").write_text(json.dumps([module]))
    return folder


def test_tokens_are_counted_by_a_vocabulary_and_merges(clip: Path) -> None:
    content = counting_tokenizer(clip)
    assert content is not None
    assert Tokenizer.from_str(content).encode("A red CAT").tokens == [_START, "a</w>", "red</w>", "cat</w>", _END]


def test_a_folder_without_either_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert counting_tokenizer(tmp_path) is None
    (tmp_path / "vocab.json").write_text("[")
    assert counting_tokenizer(tmp_path) is None


def test_vectors_are_those_of_sentence_transformers(clip: Path) -> None:
    from PIL import Image
    from sentence_transformers import SentenceTransformer

    model = resolve_model(Model.model_validate({"model": str(clip), "backend": "torch"}))
    assert model.takes.modalities == {"text", "image"}
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    encoder, theirs = load_encoder(model), SentenceTransformer(str(clip), device="cpu")
    for items, same in (
        ([Item("text", text, 8) for text in _TEXTS], [{"text": text} for text in _TEXTS]),
        ([Item("image", pixels, 2000)], [Image.fromarray(pixels)]),
    ):
        ours = encoder.encode_documents(items).vectors
        expected = theirs.encode(same, normalize_embeddings=True)
        assert (ours * expected).sum(axis=1).min() > 0.9999
