"""Word vectors: every form of file, what a text's vector is, and how words are weighted.

`words/fasttext.bin` was trained by fastText 0.9.2 itself, and `words/fasttext.json` has the vectors that it gave, also
of words that it never saw.
"""

import gzip
import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from tasks.config.models import Model
from tasks.errors import ModelError, RefusedChunk
from tasks.ingest.tokenizer import _from_model
from tasks.models import find
from tasks.models.choose import load_encoder
from tasks.models.find import find_model, resolve_model
from tasks.models.interface import Encoder, text_items
from tasks.models.word_files import form_of
from tasks.models.word_vectors import WordVectors

FASTTEXT = Path(__file__).parent / "words" / "fasttext.bin"
VECTORS = {"the": [1.0, 0.0, 0.5], "bank": [0.0, 2.0, 0.0], "river": [0.0, 1.5, 1.0], "New_York": [3.0, 0.0, -1.0]}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def glove() -> bytes:
    return "".join(f"{word} {' '.join(map(str, v))}\n" for word, v in VECTORS.items()).encode()


def word2vec_binary() -> bytes:
    entries = (word.encode() + b" " + np.array(v, "<f4").tobytes() + b"\n" for word, v in VECTORS.items())
    return b"4 3\n" + b"".join(entries)


FORMS = {
    "glove.txt": glove(),
    "word2vec.txt": b"4 3\n" + glove(),
    "fast.vec": b"4 3\n" + glove().replace(b"\n", b" \n"),  # fastText ends each line with a space
    "word2vec.bin": word2vec_binary(),
    "glove.txt.gz": gzip.compress(glove()),
    "word2vec.bin.gz": gzip.compress(word2vec_binary()),
}


def encoder(file: Path, **settings: Any) -> Encoder:
    return load_encoder(resolve_model(Model.model_validate({"model": str(file), **settings})))


def vector(encoder: Encoder, text: str) -> list[float]:
    found: list[float] = encoder.encode_documents(text_items([text])).vectors[0].tolist()
    return found


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_vectors(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FORMS[name])
    found = WordVectors(tmp_path / name)
    assert {found.word(i): found.vectors([found.word(i)])[0].tolist() for i in range(found.count)} == VECTORS
    assert (found.dimension, found.place("nothing"), found.source) == (3, None, "ranks")


def test_a_matrix_has_its_words_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.array(list(VECTORS.values()), np.float32))
    pq.write_table(pa.table({"word": list(VECTORS)}), tmp_path / "words.parquet")
    assert find_model(str(tmp_path)) == tmp_path / "vectors.npy"
    assert WordVectors(tmp_path / "vectors.npy").vectors(["river"]).tolist() == [VECTORS["river"]]
    revision = resolve_model(Model.model_validate(str(tmp_path))).revision
    pq.write_table(pa.table({"word": [*VECTORS][::-1]}), tmp_path / "words.parquet")
    assert resolve_model(Model.model_validate(str(tmp_path))).revision != revision
    pq.write_table(pa.table({"word": ["one"]}), tmp_path / "words.parquet")
    with pytest.raises(ModelError, match="has 1 words"):
        WordVectors(tmp_path / "vectors.npy")


@pytest.mark.parametrize("compressed", [False, True])
def test_fasttext_has_the_librarys_vectors_of_words_that_it_never_saw_too(tmp_path: Path, compressed: bool) -> None:
    expected = json.loads(FASTTEXT.with_suffix(".json").read_text("utf-8"))
    file = tmp_path / "model.bin"
    file.write_bytes(gzip.compress(FASTTEXT.read_bytes()) if compressed else FASTTEXT.read_bytes())
    found = WordVectors(file)
    assert {"lighthouses", "東京都", "unseen-word"} <= {word for word in expected if found.place(word) is None}
    assert np.allclose(found.vectors(list(expected)), list(expected.values()), atol=1e-6)
    assert found.source == "counts"
    assert found.probabilities[found.place("the")] == found.probabilities.max()


def test_what_is_cut_off_or_quantised_is_told(tmp_path: Path) -> None:
    whole = FASTTEXT.read_bytes()
    for size in (30, 300, len(whole) // 2 - 1000):
        (tmp_path / "cut.bin").write_bytes(whole[:size])
        with pytest.raises(ModelError, match="damaged or cut off"):
            WordVectors(tmp_path / "cut.bin")
    (tmp_path / "cut.bin").write_bytes(word2vec_binary()[:-9])
    with pytest.raises(ModelError, match="damaged or cut off"):
        WordVectors(tmp_path / "cut.bin")
    (tmp_path / "later.bin").write_bytes(whole[:4] + struct.pack("<i", 99) + whole[8:])
    with pytest.raises(ModelError, match="another version"):
        WordVectors(tmp_path / "later.bin")
    (tmp_path / "notes.txt").write_text("some notes\nabout words\n")
    with pytest.raises(ModelError, match="no file of word vectors"):
        find_model(str(tmp_path / "notes.txt"))


def test_lines_that_are_no_entries_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_bytes(glove() + b"a word of two 1 2 3\nbroken 1 2\n\n\xff\xfe 1 2 3\nnan x 1 2\nthe 9 9 9\n")
    found = WordVectors(file)
    assert found.vectors(["a word of two", "the"]).tolist() == [[1, 2, 3], VECTORS["the"]]
    assert found.place("broken") is None


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1), st.integers(0, 99), min_size=3)
)
def test_every_word_is_found_again(words: dict[str, int]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "some.txt"
        file.write_text("".join(f"{word} {n} {-n} 0.5\n" for word, n in words.items()), "utf-8")
        found = WordVectors(file)
        assert found.vectors(list(words)).tolist() == [[n, -n, 0.5] for n in words.values()]


def test_a_text_is_the_mean_of_its_known_words(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_bytes(glove())
    found = encoder(file, normalize=False)
    assert vector(found, "The bank, the RIVER; xyzzy") == [0.5, 0.875, 0.5]
    assert vector(found, "river-bank") == vector(found, "river bank")  # its parts, as it is unknown as a whole
    assert vector(found, "New_York") == VECTORS["New_York"]
    encoded = found.encode_documents(text_items(["The bank, the RIVER; xyzzy", "bank"]))
    assert encoded.costs == [5, 1]
    assert np.isclose(np.linalg.norm(vector(encoder(file), "bank river")), 1)
    assert vector(encoder(file, normalize=False, max_tokens=1), "bank river") == VECTORS["bank"]
    assert vector(encoder(file, normalize=False, document_prompt="river "), "bank") == vector(found, "river bank")


def test_a_text_without_a_known_word_is_refused_and_such_a_query_is_near_to_nothing(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_bytes(glove())
    found = encoder(file)
    for text, reason in (("xyzzy plugh", r"knows none of the 2 words of the text \(xyzzy, plugh\)"), ("…", "no word")):
        with pytest.raises(RefusedChunk, match=reason):
            found.encode_documents(text_items(["bank", text]))
    assert not found.encode_queries(text_items(["xyzzy"])).vectors.any()


def test_frequent_words_count_less_where_that_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_bytes(glove())
    shares = np.array([1, 1 / 2, 1 / 3, 1 / 4]) / (1 + 1 / 2 + 1 / 3 + 1 / 4)  # by Zipf's law, as there are no counts
    vectors = np.array(list(VECTORS.values()))
    for weighting, weights in (("sif", 1e-3 / (1e-3 + shares)), ("idf", -np.log(shares))):
        got = np.array(vector(encoder(file, normalize=False, weighting=weighting), "the bank"))
        weighted = (weights[0] * vectors[0] + weights[1] * vectors[1]) / 2
        common = np.linalg.svd(vectors * np.sqrt(shares * weights)[:, None])[2][0]  # what all texts share
        assert np.allclose(got, weighted - (weighted @ common) * common, atol=1e-5)
    revisions = {
        resolve_model(Model.model_validate({"model": str(file), "weighting": w})).revision
        for w in ("none", "sif", "idf")
    }
    assert len(revisions) == 3


def test_only_word_vectors_are_weighted(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="no file of word vectors"):
        resolve_model(Model.model_validate({"model": str(tiny_model), "weighting": "sif"}))


def test_a_copy_elsewhere_is_the_same_model_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(glove())
    (tmp_path / "b.txt").write_bytes(glove())
    (tmp_path / "c.txt").write_bytes(glove().replace(b"2.0", b"2.5"))
    first, second, third = (resolve_model(Model.model_validate(str(tmp_path / f"{n}.txt"))).revision for n in "abc")
    assert first == second != third
    with pytest.raises(ModelError, match="other weights than"):
        resolve_model(Model.model_validate({"model": str(tmp_path / "a.txt"), "sha256": "0" * 64}))


def test_words_are_counted_as_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(glove())
    tokenizer = Tokenizer.from_str(_from_model(str(tmp_path / "a.txt"), None).content)
    assert len(tokenizer.encode("The river, the bank.").ids) == 6


def test_the_nearest_words_are_those_of_the_highest_cosine(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(glove() + b"Bank 0 2 0.1\n")
    near, unknown = WordVectors(tmp_path / "a.txt").nearest(["bank", "xyzzy"], 2)
    assert [one.word for one in near] == ["river", "the"]
    assert np.isclose(near[0].cosine, 1.5 / np.hypot(1.5, 1))
    assert unknown == []
    assert [one.word for one in WordVectors(FASTTEXT).nearest(["kings"], 3)[0]]  # a word that it never saw


def test_a_table_of_token_vectors_is_a_model(tmp_path: Path, minilm_folder: Path) -> None:
    """As WordLlama's package has it: the table in one folder, its tokenizer in another under another name."""
    tokenizer = Tokenizer.from_file(str(minilm_folder / "tokenizer.json"))
    tokenizer.no_padding()
    table = np.random.default_rng(7).normal(size=(tokenizer.get_vocab_size(), 8)).astype(np.float32)
    (tmp_path / "weights").mkdir()
    (tmp_path / "tokenizers").mkdir()
    save_file({"embedding.weight": table.astype(np.float16)}, tmp_path / "weights/words_8.safetensors")
    shutil.copy(minilm_folder / "tokenizer.json", tmp_path / "tokenizers/words_tokenizer_config.json")
    ids = tokenizer.encode("a river bank", add_special_tokens=False).ids
    assert np.allclose(vector(encoder(tmp_path, normalize=False), "a river bank"), table[ids].mean(axis=0), atol=1e-3)
    assert _from_model(str(tmp_path), None).content == (minilm_folder / "tokenizer.json").read_text("utf-8")


def test_model2vecs_weights_and_mapping_count_and_unknown_tokens_do_not(tmp_path: Path, minilm_folder: Path) -> None:
    """A folder as model2vec has it, without modules.json; a row is of several tokens, and each has a weight."""
    tokenizer = Tokenizer.from_file(str(minilm_folder / "tokenizer.json"))
    tokenizer.no_padding()
    size, random = tokenizer.get_vocab_size(), np.random.default_rng(7)
    table, weights = random.normal(size=(50, 8)).astype(np.float32), random.random(size)
    mapping = random.integers(0, 50, size)
    save_file({"embeddings": table, "weights": weights, "mapping": mapping}, tmp_path / "model.safetensors")
    shutil.copy(minilm_folder / "tokenizer.json", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "model2vec", "normalize": False}))
    ids = tokenizer.encode("a river", add_special_tokens=False).ids
    expected = (table[mapping[ids]] * weights[ids, None]).mean(axis=0)
    found = encoder(tmp_path, normalize=False)
    assert np.allclose(vector(found, "a river"), expected, atol=1e-5)
    assert np.allclose(vector(found, "a 🫠 river"), expected, atol=1e-5)


def test_a_table_that_was_filled_without_weights_is_not_gone_on_with(tmp_path: Path, minilm_folder: Path) -> None:
    """Of a model that is run as before, the revision stays."""
    shutil.copy(minilm_folder / "tokenizer.json", tmp_path)
    told = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}]
    (tmp_path / "modules.json").write_text(json.dumps(told))
    size = Tokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab_size()
    kinds = []
    for more in ({}, {"weights": np.ones(size, np.float32)}):
        save_file({"embeddings": np.ones((size, 4), np.float32), **more}, tmp_path / "model.safetensors")
        kinds.append(find._kind(tmp_path))
    assert kinds == [{}, {"static": 2}]


def test_a_form_is_known_by_content(tmp_path: Path) -> None:
    for name, content in {"a.vec": b"", "b.bin": b"\0" * 100, "c.txt": b"1 2\n", "d.gz": b"\x1f\x8bno"}.items():
        (tmp_path / name).write_bytes(content)
        assert form_of(tmp_path / name) is None
