"""Encoders: every backend gives the model's own vectors, in batches that waste little."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models import choose
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_model
from tasks.models.interface import cosines, text_items
from tasks.models.quantise import measure_change
from tasks.models.resolved import ResolvedModel
from tasks.models.tokens import batches_of
from tasks.models.torch_backend import half_precision
from tests.benchmarks.static import save_static_model
from tests.conftest import MINILM

TEXTS = [
    "A heron stands in the water.",
    "Rivers carry stones, and stones make rivers slow.",
    "def mean(values):\n    return sum(values) / len(values)\n",
    "Der Fluss führte Hochwasser; 町は静かだった。",
    "word " * 600,
    "x",
]


def resolved(model: object, **settings: Any) -> ResolvedModel:
    return resolve_model(Model.model_validate({"model": str(model), **settings}))


def theirs(model: ResolvedModel, texts: list[str]) -> Any:
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(str(model.weights.folder), device="cpu")
    return loaded.encode_document(texts, normalize_embeddings=model.settings.normalize)


@pytest.fixture
def no_gpu() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "may_have_gpu", lambda: False)
        patch.setattr(torch.cuda, "is_available", lambda: False)
        yield


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_that_only_emulates_bf16_computes_in_f16(
    monkeypatch: pytest.MonkeyPatch, native: bool, expected: torch.dtype
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert half_precision() == expected


@given(st.lists(st.integers(1, 300), min_size=1, max_size=400), st.integers(16, 4096))
def test_batches_hold_every_text_once_within_their_budget(lengths: list[int], budget: int) -> None:
    batches = list(batches_of(lengths, budget))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


def test_padding_is_small_where_there_is_much_to_choose_from() -> None:
    lengths = np.random.default_rng(7).integers(8, 257, 4096).tolist()
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches_of(lengths, 2048))
    assert padded < 1.05 * sum(lengths)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "backend", "least"),
    [
        ({"backend": "torch"}, "torch cpu float32", 0.99999),
        ({"precision": "float32"}, "openvino f32", 0.99999),
        ({}, "openvino", 0.999),
        ({"normalize": False}, "openvino", 0.999),
    ],
)
def test_the_true_minilm_gives_its_own_vectors_on_every_backend(
    settings: dict[str, Any], backend: str, least: float
) -> None:
    model = resolved(MINILM, **settings)
    encoder = load_encoder(model)
    assert encoder.backend.startswith(backend)
    vectors, counts = encoder.encode_documents(text_items(TEXTS))
    assert cosines(vectors, theirs(model, TEXTS)).min() >= least
    assert counts[4] == 602
    assert (encoder.dimension, encoder.max_cost) == (384, 256)


@pytest.mark.slow
def test_a_batch_too_large_for_the_device_is_run_in_halves(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    forward = SentenceTransformer.forward
    sizes = []

    def small_device(self: Any, features: dict[str, Any], **more: Any) -> Any:
        sizes.append(features["input_ids"].numel())
        if sizes[-1] > 64:
            raise torch.OutOfMemoryError("no room")
        return forward(self, features, **more)

    texts = [f"text number {i}" for i in range(60)]
    model = resolved(tiny_model, backend="torch")
    expected = theirs(model, texts)
    monkeypatch.setattr(SentenceTransformer, "forward", small_device)
    encoder = load_encoder(model)
    assert np.allclose(encoder.encode_documents(text_items(texts))[0], expected, atol=1e-5)
    assert sizes[0] > 64
    sizes.clear()
    encoder.encode_documents(text_items(texts))
    assert sizes[0] < 240  # later batches are smaller from the start


@pytest.mark.usefixtures("no_gpu")
def test_a_model_that_no_converter_knows_runs_on_torch(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import openvino

    def unknown(*_: object, **__: object) -> None:
        raise RuntimeError("an operation that is not known")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(openvino, "convert_model", unknown)
    assert load_encoder(resolved(tiny_model)).backend == "torch cpu float32"
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # it is remembered
    with pytest.raises(ModelError, match="an operation that is not known"):
        load_encoder(resolved(tiny_model, backend="openvino"))


@pytest.mark.usefixtures("no_gpu")
def test_without_a_place_to_keep_a_conversion_a_model_runs_on_torch(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load_encoder(resolved(tiny_model)).backend == "torch cpu float32"
    with pytest.raises(ModelError, match="XDG_CACHE_HOME may name another place"):
        load_encoder(resolved(tiny_model, backend="openvino"))


@pytest.mark.usefixtures("no_gpu")
def test_a_model_that_openvino_cannot_compile_runs_on_torch(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object) -> None:
        raise RuntimeError("could not create a primitive")

    monkeypatch.setattr("openvino.Core.compile_model", cannot)
    assert load_encoder(resolved(tiny_model)).backend == "torch cpu float32"
    with pytest.raises(ModelError, match="could not create a primitive"):
        load_encoder(resolved(tiny_model, backend="openvino"))


@pytest.mark.slow
def test_unusual_inputs_are_left_to_sentence_transformers(tiny_model: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "unusual")
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling | {"include_prompt": False}))
    encoder = load_encoder(resolved(folder, document_prompt="in short: "))
    assert encoder.backend == "sentence-transformers cpu"
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, prompt="in short: ")
    assert cosines(encoder.encode_documents(text_items(TEXTS))[0], expected).min() > 0.99999


def test_a_pickle_in_a_model_s_folder_is_not_run(tiny_model: Path, tmp_path: Path) -> None:
    import pickle
    import shutil

    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    folder = shutil.copytree(tiny_model, tmp_path / "pickled", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Attack()))
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(resolved(folder))
    assert not (tmp_path / "ran").exists()


@pytest.fixture(scope="module")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static model of MiniLM's own token vectors, saved as sentence-transformers does."""
    folder = tmp_path_factory.mktemp("models") / "static"
    save_static_model(folder)
    return folder


@pytest.mark.parametrize("normalize", [True, False])
def test_static_models_give_what_sentence_transformers_gives(static_model: Path, normalize: bool) -> None:
    model = resolved(static_model, normalize=normalize)
    encoder = load_encoder(model)
    assert encoder.backend == "static"
    vectors, counts = encoder.encode_documents(text_items([*TEXTS, ""]))
    assert np.allclose(vectors, theirs(model, [*TEXTS, ""]), atol=1e-5)
    assert counts[-3:] == [600, 1, 0]
    assert np.allclose(encoder.encode_queries(text_items([TEXTS[0]]))[0][0], vectors[0], atol=1e-6)


@pytest.mark.slow
def test_int8_stays_near_and_is_the_same_wherever_it_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    texts = [f"{TEXTS[i % 4]} It was seen {i} times by {i * i} people near place {i * 7}." for i in range(64)]
    full = resolved(MINILM)
    int8 = replace(resolved(MINILM, int8=True), calibration=tuple(texts[::4]))
    assert int8.revision != full.revision
    encoder = load_encoder(int8)
    change = measure_change(
        encoder.encode_documents(text_items(texts))[0], load_encoder(full).encode_documents(text_items(texts))[0]
    )
    assert 0.85 < change.cosine_min <= change.cosine_mean < 1  # calibrated on few texts, and short ones
    assert change.neighbours_kept > 0.6
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # a machine that has nothing yet
    assert np.array_equal(
        load_encoder(int8).encode_documents(text_items(texts))[0], encoder.encode_documents(text_items(texts))[0]
    )
