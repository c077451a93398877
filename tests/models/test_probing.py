"""What is seen of a model when it is first used: what may be batched, and what is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models import probing
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import Item, cosines
from tasks.models.probing import samples
from tasks.models.resolved import ResolvedModel
from tests.models.test_media import second_look

MODULE = """
import os
import torch
from sentence_transformers.base.modules import InputModule

class Eye(InputModule):
    modalities = ["image"]
    def preprocess(self, inputs, prompt=None, **_):
        return {"values": torch.tensor([[float(image.size[0]), float(image.size[1]), 1.0] for image in inputs])}
    def forward(self, features, **_):
        values = features["values"]
        return features | {"sentence_embedding": EXPRESSION}
    def get_embedding_dimension(self): return 3
    def save(self, *_, **__): pass
    @classmethod
    def load(cls, *_, **__): return cls()
"""


def resolved(folder: Path) -> ResolvedModel:
    return resolve_model(Model.model_validate({"model": str(folder), "trust_remote_code": True, "backend": "torch"}))


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, one_thread: None) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look in this process, since a second process takes seconds; with other random numbers."""

    def look(model: ResolvedModel) -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(12345)
            return second_look(model)

    monkeypatch.setattr(probing, "vectors_elsewhere", look)


def eye(tmp_path: Path, expression: str) -> Path:
    """A model of images whose vectors are an expression of `values`, a row for each image."""
    folder = tmp_path / "eye"
    folder.mkdir()
    (folder / "eye.py").write_text(MODULE.replace("EXPRESSION", expression))
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "eye.Eye"}]))
    return folder


def test_what_depends_on_its_batch_is_run_alone(tmp_path: Path, one_process: None) -> None:
    model = resolved(eye(tmp_path, "values + 100 * values.mean(dim=0).roll(1)"))
    encoder = load_encoder(model)
    items = [Item("image", image, 1) for image in samples("image", model.takes)]
    alone = np.concatenate([encoder.encode_documents([item]).vectors for item in items])
    assert np.array_equal(encoder.encode_documents(items).vectors, alone)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("values * torch.rand(3)", "it gives an image another vector each time"),
        ("values / 0", "its vector of an image is not finite"),
    ],
)
def test_what_means_nothing_is_refused(tmp_path: Path, one_process: None, expression: str, reason: str) -> None:
    model = resolved(eye(tmp_path, expression))
    for _ in range(2):  # it is remembered
        with pytest.raises(ModelError, match=reason) as caught:
            load_encoder(model)
    assert "another copy" in caught.value.hint


@pytest.mark.slow
def test_what_differs_between_processes_is_refused(tmp_path: Path) -> None:
    model = resolved(eye(tmp_path, "values * torch.rand(3, generator=torch.Generator().manual_seed(os.getpid()))"))
    with pytest.raises(ModelError, match="another process gets other vectors from it"):
        load_encoder(model)


def test_what_was_seen_is_kept(
    tiny_media: Callable[[str], Path], one_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = resolved(tiny_media("vit"))
    load_encoder(model)
    monkeypatch.setattr(probing, "_together", lambda *_: pytest.fail("looked again"))
    assert load_encoder(model).modalities == {"image"}


def test_without_a_place_to_keep_what_was_seen_a_model_is_used(
    tiny_media: Callable[[str], Path], one_process: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load_encoder(resolved(tiny_media("vit"))).modalities == {"image"}


def test_whisper_s_encoder_has_the_weights_of_its_files(tiny_media: Callable[[str], Path], one_process: None) -> None:
    from transformers import WhisperFeatureExtractor, WhisperModel

    folder = tiny_media("whisper")
    model = resolved(folder)
    sounds = samples("audio", model.takes)
    extractor = WhisperFeatureExtractor.from_pretrained(folder)
    given = extractor([sound.samples for sound in sounds], sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        whole = WhisperModel.from_pretrained(folder).eval()
        expected = whole.get_encoder()(given["input_features"]).last_hidden_state.mean(dim=1).numpy()
    vectors = load_encoder(model).encode_documents([Item("audio", sound, 1000) for sound in sounds]).vectors
    assert cosines(vectors, expected).min() > 0.9999


@pytest.mark.parametrize(
    ("kind", "lost", "named"),
    [
        ("whisper", "encoder.layers.0.fc1.weight", "layers.0.fc1.weight"),
        ("clip", "visual_projection.weight", "visual_projection.weight"),
        ("clip", "text_model.final_layer_norm.bias", "text_model.final_layer_norm.bias"),
    ],
)
def test_weights_that_are_not_in_its_files_are_missed(
    tiny_media: Callable[[str], Path], tmp_path: Path, one_process: None, kind: str, lost: str, named: str
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_media(kind), tmp_path / kind)
    weights = load_file(folder / "model.safetensors")
    del weights[lost]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match=f"1 of its weights are not in its files.*{named}"):
        load_encoder(resolved(folder))


def test_weights_that_nothing_reads_may_be_missing(tiny_media: Callable[[str], Path], one_process: None) -> None:
    from tasks.models.complete import load_whole

    model = resolved(tiny_media("vit"))
    assert set(load_whole(model, "cpu")[1]) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert load_encoder(model).dimension == 32
