"""Models by hub name, folder and package; what makes a revision."""

import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.config.models import Model
from tasks.errors import ModelError
from tasks.models.choose import load_encoder
from tasks.models.find import find_here, find_model, resolve_model
from tasks.models.interface import Encoder, text_items
from tasks.models.resolved import Weights
from tests.conftest import MINILM, MINILM_WEIGHTS

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tiny_model: Path) -> Iterator[str]:
    """A fake of the Hugging Face hub on loopback, since the true one cannot be reached where tests run: it speaks
    the hub's protocol (model info, file heads, files) for one model, acme/tiny."""
    files = {str(p.relative_to(tiny_model)): p for p in tiny_model.rglob("*") if p.is_file()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(body=True)

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, body: bool) -> None:
            if self.path.startswith("/api/models/acme/tiny/revision/main"):
                info = {
                    "id": "acme/tiny",
                    "modelId": "acme/tiny",
                    "sha": COMMIT,
                    "private": False,
                    "tags": [],
                    "downloads": 0,
                    "likes": 0,
                }
                self._send(200, json.dumps(info | {"siblings": [{"rfilename": name} for name in files]}).encode(), body)
            elif self.path.startswith(f"/api/models/acme/tiny/tree/{COMMIT}"):
                tree = [
                    {"type": "file", "path": n, "size": p.stat().st_size, "oid": "0" * 40} for n, p in files.items()
                ]
                self._send(200, json.dumps(tree).encode(), body)
            elif self.path.startswith("/acme/tiny/resolve/") and self.path.split("/", 5)[5] in files:
                self._send(200, files[self.path.split("/", 5)[5]].read_bytes(), body)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def _send(self, status: int, data: bytes, body: bool) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(data)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def in_fresh_process(code: str, environment: dict[str, str]) -> str:
    """The hub's library reads its settings when it is imported."""
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_a_hub_name_fetches_the_model(hub: str, tmp_path: Path, tiny_model: Path) -> None:
    code = (
        "from tasks.models.find import resolve_model; from tasks.config.models import Model\n"
        "m = resolve_model(Model.model_validate('acme/tiny')); print(m.revision, m.name)\n"
        "print(m.weights.folder, m.settings.hub_revision)"
    )
    revision, name, folder, commit = in_fresh_process(
        code, {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    ).split()
    assert (Path(folder) / "model.safetensors").read_bytes() == (tiny_model / "model.safetensors").read_bytes()
    assert (name, commit) == ("tiny", COMMIT)
    assert revision == resolve_model(Model.model_validate({"model": str(tiny_model), "name": "tiny"})).revision


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "environment", "message"),
    [
        ("acme/none", {}, "the hub has no such model"),
        ("acme/tiny", {"HF_ENDPOINT": "http://127.0.0.1:9"}, "the hub cannot be reached"),
    ],
)
def test_a_hub_that_does_not_have_it_is_explained(
    hub: str, tmp_path: Path, model: str, environment: dict[str, str], message: str
) -> None:
    code = f"""
from tasks.models.find import find_model
from tasks.errors import ModelError
try:
    find_model({model!r})
except ModelError as error:
    print(error.message, "|", error.hint)
"""
    found = in_fresh_process(code, {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0", **environment})
    assert message in found


@pytest.fixture
def fetched(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the hub's library keeps of acme/tiny after another library fetched its weights alone; the hub is away."""
    from huggingface_hub import constants

    kept = tmp_path / "hub" / "models--acme--tiny"
    snapshot = kept / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (snapshot / name).write_bytes((tiny_model / name).read_bytes())
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(COMMIT)
    (kept / ".no_exist" / COMMIT).mkdir(parents=True)
    (kept / ".no_exist" / COMMIT / "adapter_config.json").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return kept


def test_a_model_that_another_program_fetched_in_part_is_refused(fetched: Path) -> None:
    with pytest.raises(ModelError, match=r"only in part.*modules\.json") as caught:
        find_model("acme/tiny")
    assert caught.value.hint.endswith("hf download acme/tiny")
    snapshot = fetched / "snapshots" / COMMIT
    (snapshot / "modules.json").write_text("[]")
    assert find_model("acme/tiny") == snapshot


def test_a_model_that_has_no_modules_is_used_where_that_is_known(fetched: Path) -> None:
    (fetched / ".no_exist" / COMMIT / "modules.json").touch()
    assert find_model("acme/tiny") == fetched / "snapshots" / COMMIT


def test_a_model_of_which_nothing_is_known_but_its_files_is_used(fetched: Path) -> None:
    shutil.rmtree(fetched / ".no_exist")
    assert find_model("acme/tiny") == fetched / "snapshots" / COMMIT


def test_a_package_brings_the_true_minilm(minilm_folder: Path) -> None:
    assert find_model(MINILM) == minilm_folder
    assert hashlib.sha256((minilm_folder / "model.safetensors").read_bytes()).hexdigest() == MINILM_WEIGHTS


@pytest.mark.parametrize("reference", ["package:no_such_package", "package:json", "/no/such/folder", "/etc"])
def test_what_is_no_model_is_explained(reference: str) -> None:
    with pytest.raises(ModelError) as caught:
        find_model(reference)
    assert reference in caught.value.message
    assert caught.value.hint


def test_settings_that_change_vectors_change_the_revision(tiny_model: Path) -> None:
    def revision(**settings: object) -> str:
        return resolve_model(Model.model_validate({"model": str(tiny_model), **settings})).revision

    assert revision() == revision(name="other") == revision(query_prompt="query: ")
    assert (
        len(
            {
                revision(),
                revision(dimension=8),
                revision(document_prompt="d: "),
                revision(normalize=False),
                revision(max_tokens=64),
            }
        )
        == 5
    )


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_prompts_cut_and_normalisation(tiny_model: Path, backend: str) -> None:
    import numpy as np

    def encoder(**settings: object) -> Encoder:
        return load_encoder(resolve_model(Model.model_validate({"model": str(tiny_model), **settings})))

    def vectors(encoder: Encoder, *texts: str) -> Any:
        return encoder.encode_documents(text_items(list(texts)))[0]

    plain = encoder(backend=backend)
    assert backend in plain.backend
    assert np.isclose(np.linalg.norm(vectors(plain, "x")), 1, atol=1e-6)
    prompted = encoder(backend=backend, document_prompt="d: ", query_prompt="q: ")
    assert np.allclose(vectors(prompted, "x"), vectors(plain, "d: x"), atol=1e-3)
    assert np.allclose(prompted.encode_queries(text_items(["x"]))[0][0], vectors(plain, "q: x")[0], atol=1e-3)
    cut = encoder(backend=backend, dimension=8)
    assert (cut.dimension, vectors(cut, "x").shape) == (8, (1, 8))
    assert np.isclose(np.linalg.norm(vectors(cut, "x")), 1, atol=1e-6)
    assert plain.encode_documents(text_items(["one two", ""]))[1] == [4, 2]
    with pytest.raises(ModelError, match="32 dimensions"):
        encoder(dimension=64)


def test_code_that_comes_with_a_model_needs_consent(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "custom")
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "custom.Encoder"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "custom.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelError, match="code of its own") as caught:
        resolve_model(Model.model_validate(str(folder)))
    assert "trust_remote_code" in caught.value.hint


def test_another_machine_uses_its_own_files_and_only_the_same_weights(tiny_model: Path) -> None:
    model = resolve_model(Model.model_validate(str(tiny_model)))
    origin = Weights(Path("/not/on/this/machine"), model.weights.hash)
    elsewhere = replace(model, origin=origin, calibration=("a text",))
    assert find_here(elsewhere) == replace(model, calibration=("a text",))
    with pytest.raises(ModelError, match="has other weights on"):
        find_here(replace(model, origin=Weights(tiny_model, "0" * 64)))
