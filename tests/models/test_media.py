"""Encoders of images, sound and several modalities: their vectors are those of sentence-transformers, whatever is in a
batch, and text is never looked at as a path."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tasks.config.models import Model
from tasks.errors import ModelError, RefusedChunk
from tasks.models import probing
from tasks.models.choose import load_encoder
from tasks.models.complete import load_whole
from tasks.models.extractors import without_tokenizer
from tasks.models.find import resolve_model
from tasks.models.inputs import Inputs
from tasks.models.interface import Encoder, Item, Samples, cosines, in_tokens, text_items
from tasks.models.media import MediaEncoder, embedder
from tasks.models.probing import embed_samples, samples
from tasks.models.resolved import ResolvedModel
from tests.tiny_media import LONGEST

NOISE = np.random.default_rng(1)
TEXTS = ["cat", "a red bird of the gate", "two boats and a dog " * 5, ""]
PICTURES = [NOISE.integers(0, 256, (*shape, 3), np.uint8) for shape in [(40, 50), (90, 31), (32, 32), (200, 300)]]

Find = Callable[..., ResolvedModel]


@pytest.fixture(autouse=True)
def found_out_anew(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> None:
    """A cache of its own for this module, and a second look instead of a second process, which takes seconds."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "media-cache"))
    monkeypatch.setattr(probing, "vectors_elsewhere", second_look)


def second_look(model: ResolvedModel) -> Any:
    loaded, _ = load_whole(model, "cpu")
    return embed_samples(model, embedder(loaded, Inputs(loaded, model.takes, {})))


@pytest.fixture
def find(tiny_media: Callable[[str], Path]) -> Find:
    def found(kind: str, **settings: Any) -> ResolvedModel:
        return resolve_model(Model.model_validate({"model": str(tiny_media(kind)), "backend": "torch", **settings}))

    return found


def images(pictures: list[Any]) -> list[Item]:
    return [Item("image", picture, picture.shape[0] * picture.shape[1]) for picture in pictures]


def sounds(rate: int, *lengths: int) -> list[Item]:
    noise = np.random.default_rng(2)
    return [
        Item("audio", Samples((0.1 * noise.normal(size=rate * ms // 1000)).astype(np.float32), rate), ms)
        for ms in lengths
    ]


def theirs(model: ResolvedModel, items: list[Item], alone: bool, **how: Any) -> Any:
    """What sentence-transformers itself gives."""
    from sentence_transformers import SentenceTransformer

    with without_tokenizer(model.weights.folder):
        loaded = SentenceTransformer(str(model.weights.folder), device="cpu")
    given: list[Any] = []
    for item in items:
        if isinstance(item.content, Samples):
            given.append({"array": item.content.samples, "sampling_rate": item.content.rate})
        else:
            given.append(item.content if isinstance(item.content, str) else Image.fromarray(item.content))
    return loaded.encode(given, batch_size=1 if alone else 32, normalize_embeddings=True, **how)


def wrapped(model: ResolvedModel, texts: list[str]) -> Any:
    """What sentence-transformers gives for texts that it is told are texts."""
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(str(model.weights.folder), device="cpu")
    return loaded.encode([{"text": text} for text in texts])


@pytest.mark.parametrize(
    ("kind", "modality", "together"),
    [
        ("clip", "text", "any"),
        ("clip", "image", "any"),
        ("siglip", "text", "any"),
        ("siglip", "image", "any"),
        ("clap", "text", "any"),
        ("clap", "audio", "any"),
        ("llava", "text", "any"),
        ("llava", "image", "any"),
        ("vit", "image", "any"),
        ("resnet", "image", "any"),
        ("wav2vec2", "audio", "alike"),
        ("hubert", "audio", "alike"),
        ("ast", "audio", "any"),
    ],
)
def test_vectors_are_those_of_sentence_transformers_alone_and_in_batches(
    find: Find, kind: str, modality: str, together: str
) -> None:
    model = find(kind)
    encoder = load_encoder(model)
    assert isinstance(encoder, MediaEncoder)
    how = {}
    if modality == "text":
        items = text_items(TEXTS)
        if kind == "siglip":  # as it was trained
            how = {"processing_kwargs": {"text": {"padding": "max_length", "max_length": LONGEST}}}
    else:
        longest = min(model.takes.longest or 2000, 2000)
        lengths = (700, longest, 900, longest)
        items = images(PICTURES) if modality == "image" else sounds(model.takes.rate or 0, *lengths)
    vectors = encoder.encode_documents(items).vectors
    assert cosines(vectors, theirs(model, items, alone=True, **how)).min() > 0.9999
    if together == "any":
        assert cosines(vectors, theirs(model, items, alone=False, **how)).min() > 0.9999
    assert cosines(vectors, np.concatenate([encoder.encode_queries([item]).vectors for item in items])).min() > 0.9999
    assert encoder._together[modality] == together


def test_a_model_says_what_it_takes_before_it_is_used(find: Find, tiny_model: Path) -> None:
    clip, clap, whisper = (find(kind).takes for kind in ("clip", "clap", "whisper"))
    assert (clip.modalities, clip.side, clip.rate) == ({"text", "image"}, 36, None)
    assert (clap.modalities, clap.rate, clap.longest) == ({"text", "audio"}, 8000, 2000)
    assert (whisper.modalities, whisper.rate, whisper.longest) == ({"audio"}, 16_000, 2000)
    assert find("vit").takes.modalities == {"image"}
    assert find("wav2vec2").takes.longest is None
    assert find("ast").takes.longest == 1000


def test_images_that_were_scaled_beforehand_have_the_same_vectors(find: Find) -> None:
    model = find("clip")
    assert model.takes.scale is not None
    encoder = load_encoder(model)
    scaled = images([model.takes.scale(picture) for picture in PICTURES])
    assert np.array_equal(encoder.encode_documents(scaled).vectors, encoder.encode_documents(images(PICTURES)).vectors)


def test_what_a_model_takes_is_found_out_once(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    takes = find("clip").takes

    def never(*_: object) -> Any:
        raise AssertionError("loaded again")

    monkeypatch.setattr("tasks.models.torch_backend.load_model", never)
    assert find("clip").takes == takes


def test_a_model_of_texts_is_not_loaded_to_see_what_it_takes(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.models.torch_backend.load_model", lambda *_: pytest.fail("loaded"))
    assert resolve_model(Model.model_validate(str(tiny_model))).takes.modalities == {"text"}


def test_items_of_several_modalities_come_back_in_their_order(find: Find) -> None:
    encoder = load_encoder(find("clip"))
    texts, pictures = text_items(TEXTS), images(PICTURES)
    mixed = [item for pair in zip(texts, pictures, strict=True) for item in pair]
    vectors, costs = encoder.encode_documents(mixed)
    assert vectors.shape == (8, encoder.dimension)
    assert np.allclose(vectors[::2], encoder.encode_documents(texts).vectors, atol=1e-5)
    assert np.allclose(vectors[1::2], encoder.encode_documents(pictures).vectors, atol=1e-5)
    assert costs == [2, 2000, 7, 2790, 26, 1024, 1, 60_000]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clip", "whisper"])
def test_openvino_runs_each_part_and_what_it_made_is_kept(
    find: Find, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openvino

    model, plain = find(kind, backend="auto"), load_encoder(find(kind))
    encoder = load_encoder(model)
    assert encoder.backend.startswith("openvino")
    assert "torch" not in encoder.backend
    assert isinstance(encoder, MediaEncoder)
    assert {weights.device.type for weights in encoder._model.parameters()} == {"meta"}  # not in memory twice
    for items in (text_items(TEXTS), images(PICTURES)) if kind == "clip" else (sounds(16_000, 500, 2000),):
        assert cosines(encoder.encode_documents(items).vectors, plain.encode_documents(items).vectors).min() > 0.999
    monkeypatch.setattr(openvino, "convert_model", lambda *_, **__: pytest.fail("converted again"))
    assert load_encoder(model).backend == encoder.backend


def test_what_openvino_cannot_run_runs_on_torch(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino

    def unknown(*_: object, **__: object) -> None:
        raise RuntimeError("an operation that is not known")

    monkeypatch.setattr(openvino, "convert_model", unknown)
    assert load_encoder(find("vit", backend="auto")).backend == "torch cpu float32"
    with pytest.raises(ModelError, match="an operation that is not known"):
        load_encoder(find("vit", backend="openvino"))


def opened_while(encode: Callable[[], object]) -> list[str]:
    """The files and connections that are opened meanwhile."""
    seen: list[str] = []

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if watching and event in ("open", "socket.connect", "socket.getaddrinfo", "os.listdir", "subprocess.Popen"):
            seen.append(f"{event} {args[0]} {args[-1] if event.startswith('socket') else ''}")

    watching = False
    sys.addaudithook(watch)  # for good: no hook can be taken off
    watching = True
    encode()
    watching = False
    return seen


@pytest.mark.parametrize(
    ("kind", "backend"),
    [("clip", "torch"), ("clap", "torch"), ("llava", "torch"), pytest.param("clip", "auto", marks=pytest.mark.slow)],
)
def test_a_text_that_is_a_path_or_an_address_opens_nothing(find: Find, kind: str, backend: str, tmp_path: Path) -> None:
    encoder = load_encoder(find(kind, backend=backend))
    Image.fromarray(PICTURES[0]).save(tmp_path / "photo.png")
    (tmp_path / "sound.wav").write_bytes(b"RIFF")
    texts = [
        str(tmp_path / "photo.png"), str(tmp_path / "sound.wav"), "http://127.0.0.1:9/photo.jpg",
        "https://www.youtube.com/watch?v=1", "data:image/png;base64,iVBORw0KGgo=", "http://127.0.0.1:9/sound.mp3",
    ]  # fmt: skip
    encoder.encode_documents(text_items(["warm"]))
    found: list[Any] = []
    seen = opened_while(
        lambda: found.extend([encoder.encode_documents(text_items(texts)), encoder.encode_queries(text_items(texts))])
    )
    assert seen == []
    assert cosines(found[0].vectors, wrapped(find(kind), texts)).min() > 0.999


def test_texts_of_siglip_do_not_depend_on_their_batch(find: Find) -> None:
    encoder = load_encoder(find("siglip"))
    alone = encoder.encode_documents(text_items(["cat"])).vectors
    among = encoder.encode_documents(text_items(["cat", "a red bird of the gate and the tide"])).vectors[:1]
    assert cosines(alone, among).min() > 0.9999
    assert cosines(alone, theirs(find("siglip"), text_items(["cat"]), True)).min() < 0.99  # filled up to its own length


@pytest.mark.parametrize("kind", ["clap", "fusing-clap"])
def test_sound_is_never_cut_at_random(find: Find, kind: str) -> None:
    encoder = load_encoder(find(kind))
    assert encoder._together["audio"] == "any"  # type: ignore[attr-defined]
    items = sounds(8000, 2000, 400, 1500)
    first, second = (encoder.encode_documents(items).vectors for _ in range(2))
    assert np.array_equal(first, second)
    with pytest.raises(RefusedChunk, match=r"2,500 ms of sound; the model hears 2,000"):
        encoder.encode_documents(sounds(8000, 2500))


def test_sound_of_another_rate_is_refused(find: Find) -> None:
    encoder = load_encoder(find("wav2vec2"))
    with pytest.raises(ModelError, match="hears 16,000 samples a second, and was given 44,100") as caught:
        encoder.encode_documents(sounds(44_100, 500))
    assert "Resample" in caught.value.hint


def test_sound_that_padding_would_change_is_batched_by_length(find: Find) -> None:
    encoder = load_encoder(find("wav2vec2"))
    assert isinstance(encoder, MediaEncoder)
    items = sounds(16_000, 500, 900, 500, 900, 900)
    batches = list(encoder._batches(items, [item.cost for item in items]))
    assert sorted(map(sorted, batches)) == [[0, 2], [1, 3, 4]]


def test_batches_of_images_are_as_large_as_the_budget(find: Find) -> None:
    encoder = load_encoder(find("clip"), budget=50)
    assert isinstance(encoder, MediaEncoder)
    weight = 36 * 36 // 256 + 1  # all are brought to one size
    assert 80 // (50 // weight) == 10
    batches = list(encoder._batches(images(PICTURES * 20), [1] * 80))
    assert [len(batch) for batch in batches] == [50 // weight] * 10
    assert in_tokens("image", 16 * 16 * 50) == 51


def test_a_batch_too_large_for_the_device_is_run_in_halves(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import SentenceTransformer

    encoder = load_encoder(find("vit"))
    expected = encoder.encode_documents(images(PICTURES)).vectors
    forward, sizes = SentenceTransformer.forward, []

    def small_device(self: Any, features: dict[str, Any], **more: Any) -> Any:
        sizes.append(len(features["pixel_values"]))
        if sizes[-1] > 1:
            raise torch.OutOfMemoryError("no room")
        return forward(self, features, **more)

    monkeypatch.setattr(SentenceTransformer, "forward", small_device)
    assert np.allclose(encoder.encode_documents(images(PICTURES)).vectors, expected, atol=1e-5)
    assert sizes == [4, 2, 1, 1, 2, 1, 1]


@pytest.mark.parametrize("kind", ["vit", "tiny"])
def test_pooling_is_chosen_for_a_model_whose_files_do_not_say_it(
    find: Find, kind: str, tiny_model: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    if kind == "tiny":
        bare = shutil.copytree(
            tiny_model, tmp_path / "bare", ignore=shutil.ignore_patterns("modules.json", "*entence*")
        )
        items = text_items(["a", "two words", "the tide is out"])
        mean, first = (
            resolve_model(Model.model_validate({"model": str(bare), "backend": "torch", "pooling": pooling}))
            for pooling in ("auto", "cls")
        )
    else:
        items, mean, first = images(PICTURES), find("vit"), find("vit", pooling="cls")
    assert mean.revision != first.revision
    transformer = Transformer(str(first.weights.folder))
    loaded = SentenceTransformer(modules=[transformer, Pooling(32, "cls")], device="cpu")
    given = [item.content if isinstance(item.content, str) else Image.fromarray(item.content) for item in items]  # type: ignore[arg-type]
    by_mean, by_first = (load_encoder(model).encode_documents(items).vectors for model in (mean, first))
    assert cosines(by_first, loaded.encode(given)).min() > 0.9999
    assert cosines(by_mean, by_first).max() < 0.999


def test_pooling_that_a_model_has_no_use_for_is_told(find: Find, tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="says itself how it pools"):
        resolve_model(Model.model_validate({"model": str(tiny_model), "pooling": "cls"}))
    with pytest.raises(ModelError, match="has nothing to pool"):
        load_encoder(find("clip", pooling="mean"))


def test_what_a_model_does_not_take_is_told(find: Find) -> None:
    with pytest.raises(ModelError, match="embeds image, and was given text"):
        load_encoder(find("vit")).encode_documents(text_items(["a text"]))
    with pytest.raises(ModelError, match="has no int8"):
        load_encoder(find("vit", int8=True))
    with pytest.raises(ModelError, match="24 dimensions"):
        load_encoder(find("clip", dimension=32))
    cut = load_encoder(find("clip", dimension=8))
    assert cut.encode_documents(images(PICTURES)).vectors.shape == (4, 8)


def routed(folder: Path, clip: Path, tiny: Path) -> Path:
    """A model whose queries are read by a text model, and whose images by CLIP."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    torch.manual_seed(3)
    words = Transformer(str(tiny))
    image = Transformer(str(clip))
    router = Router(
        {"words": [words, Pooling(32), Dense(32, 24)], "image": [image]},
        route_mappings={("query", "text"): "words", (None, "image"): "image", ("document", "text"): "image"},
    )
    SentenceTransformer(modules=[router]).save(str(folder))
    return folder


def test_queries_and_documents_may_go_through_different_modules(
    tiny_media: Callable[[str], Path], tiny_model: Path, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    folder = routed(tmp_path / "routed", tiny_media("clip"), tiny_model)
    encoder: Encoder = load_encoder(resolve_model(Model.model_validate({"model": str(folder), "backend": "torch"})))
    assert encoder.modalities == {"text", "image"}
    loaded = SentenceTransformer(str(folder), device="cpu")
    asked, said = loaded.encode_query(TEXTS), loaded.encode_document(TEXTS)
    assert cosines(asked, said).max() < 0.9
    assert cosines(encoder.encode_queries(text_items(TEXTS)).vectors, asked).min() > 0.9999
    assert cosines(encoder.encode_documents(text_items(TEXTS)).vectors, said).min() > 0.9999
    seen = loaded.encode_document([Image.fromarray(picture) for picture in PICTURES])
    assert cosines(encoder.encode_documents(images(PICTURES)).vectors, seen).min() > 0.9999


def test_a_module_that_a_bare_text_would_reach_must_take_it_wrapped(tmp_path: Path) -> None:
    code = """
import torch
from sentence_transformers.base.modules import InputModule

class Eye(InputModule):
    modalities = ["text", "image"]
    def preprocess(self, inputs, prompt=None, **_):
        return {"values": torch.tensor([[float(len(text.split())), 1.0] for text in inputs])}
    def forward(self, features, **_):
        return features | {"sentence_embedding": features["values"]}
    def get_embedding_dimension(self): return 2
    def save(self, *_, **__): pass
    @classmethod
    def load(cls, *_, **__): return cls()
"""
    folder = tmp_path / "eye"
    folder.mkdir()
    (folder / "eye.py").write_text(code)
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "eye.Eye"}]))
    with pytest.raises(ModelError, match="Eye does not take a text as") as caught:
        load_encoder(resolve_model(Model.model_validate({"model": str(folder), "trust_remote_code": True})))
    assert "opened or fetched" in caught.value.hint


def test_samples_of_every_modality_are_what_items_hold(find: Find) -> None:
    for kind in ("clip", "clap", "wav2vec2"):
        takes = find(kind).takes
        for modality in takes.modalities:
            assert len(samples(modality, takes)) == 3
