"""What of a model's files decides which table it fills."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks.caching import cache_folder
from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models import weights
from tasks.models.find import resolve_entry, resolve_model
from tasks.models.weights import file_hash, identity_of


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model")


def change_json(name: str, **values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / name
        told = json.loads(file.read_text("utf-8")) if file.exists() else {}
        file.write_text(json.dumps(told | values), "utf-8")

    return change


def add(name: str, content: str = "{}") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, "utf-8")

    return change


@pytest.mark.parametrize(
    "change",
    [
        add("README.md", "# About"), add("train_results.json", '{"loss": 1}'), add("eval/scores.txt", "0.5"),
        add("onnx/model.json"), add("data_config.json"), add("training_args.bin", "x"), add("notes.txt", "x"),
        change_json("config.json", transformers_version="99", _name_or_path="elsewhere"),
        change_json("config_sentence_transformers.json", __version__={"pytorch": "9"}),
    ],
)  # fmt: skip
def test_what_decides_no_vector_changes_no_identity(folder: Path, change: Callable[[Path], None]) -> None:
    before = identity_of(folder)
    change(folder)
    assert identity_of(folder) == before


def test_how_a_file_is_written_changes_no_identity(folder: Path) -> None:
    before = identity_of(folder)
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text("utf-8")), indent=7, sort_keys=True), "utf-8")
    assert identity_of(folder) == before


@pytest.mark.parametrize(
    "change",
    [
        change_json("config.json", hidden_act="relu"), change_json("tokenizer_config.json", do_lower_case=False),
        change_json("1_Pooling/config.json", pooling_mode_cls_token=True), add("code.py", "x = 1"),
        change_json("sentence_bert_config.json", max_seq_length=7), add("spiece.model", "x"),
        change_json("config_sentence_transformers.json", prompts={"document": "passage: "}),
        add("config.json", "{broken"),
    ],
)  # fmt: skip
def test_what_decides_vectors_changes_the_identity(folder: Path, change: Callable[[Path], None]) -> None:
    before = identity_of(folder)
    change(folder)
    assert identity_of(folder) != before


def test_weights_are_read_from_what_is_loaded(folder: Path) -> None:
    before = identity_of(folder)
    (folder / "pytorch_model.bin").write_bytes(b"not read where there are safetensors")
    assert identity_of(folder) == before
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    assert identity_of(folder) != before


def test_the_hash_of_a_large_file_is_kept_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "_SETTLED", -1.0)
    file = tmp_path / "large.safetensors"
    file.write_bytes(b"a" * 2**21)
    assert file_hash(file) == hashlib.sha256(b"a" * 2**21).hexdigest()
    [kept] = (cache_folder() / "hashes").iterdir()
    stamp = kept.read_text("utf-8").partition("\n")[0]
    kept.write_text(f"{stamp}\n{'0' * 64}", "utf-8")
    assert file_hash(file) == "0" * 64, "it was not read again"
    file.write_bytes(b"b" * 2**21)
    os.utime(file, ns=(1, 1))
    assert file_hash(file) == hashlib.sha256(b"b" * 2**21).hexdigest()
    kept.write_bytes(b"\xff broken")
    assert file_hash(file) == hashlib.sha256(b"b" * 2**21).hexdigest()


def test_a_file_that_has_just_changed_is_not_trusted_to_show_the_next_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "large.safetensors"
    file.write_bytes(b"a" * 2**21)
    file_hash(file)
    assert not (cache_folder() / "hashes").exists()


def test_other_weights_than_the_corpus_file_says_are_refused(folder: Path) -> None:
    true = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    plain = resolve_model(Model.model_validate(str(folder)))
    assert resolve_model(Model.model_validate({"model": str(folder), "sha256": true})).revision == plain.revision
    with pytest.raises(ModelError, match=true) as caught:
        resolve_model(Model.model_validate({"model": str(folder), "sha256": "0" * 64}))
    assert "sha256" in caught.value.hint


def test_a_table_filled_elsewhere_is_searched_by_the_corpus_files_reference(folder: Path) -> None:
    here = Model.model_validate({"model": str(folder), "name": "tiny", "query_prompt": "other: "})
    filled = here.model_copy(update={"model": "/on/another/machine", "query_prompt": None})
    entry = {
        "settings": filled.model_dump_json(), "calibration": None, "revision": resolve_model(here).revision,
    }  # fmt: skip
    with pytest.raises(ModelError, match="/on/another/machine"):
        resolve_entry(entry)
    found = resolve_entry(entry, [here])
    assert (found.weights.folder, found.revision) == (folder, entry["revision"])
