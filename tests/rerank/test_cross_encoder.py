"""Cross-encoders: every way to run one gives its own scores, in batches, within its time."""

import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.reranking import Rerank
from tasks.errors import ModelError
from tasks.rerank.choose import load_reranker
from tasks.rerank.converted import ConvertedCrossEncoder
from tasks.rerank.cross_encoder import TorchCrossEncoder
from tasks.rerank.order import rerank

QUERY = "how deep is the river"
TEXTS = [
    "A heron stands in the water.",
    "Rivers carry stones, and stones make rivers slow. " * 90,
    "def mean(values):\n    return sum(values) / len(values)\n",
    "Der Fluss führte Hochwasser; 町は静かだった。",
    "",
    "word " * 600,
    "x",
]


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "rerank-cache"))


def settings(model: object, **more: Any) -> Rerank:
    return Rerank.model_validate({"model": str(model), "seconds": 600, **more})


def theirs(folder: Path) -> list[float]:
    from sentence_transformers import CrossEncoder

    found = CrossEncoder(str(folder), device="cpu").predict([(QUERY, text) for text in TEXTS])
    return [float(score) for score in found]


@pytest.mark.parametrize(
    ("backend", "kind"),
    [("torch", TorchCrossEncoder), ("openvino", ConvertedCrossEncoder), ("auto", ConvertedCrossEncoder)],
)
def test_scores_are_those_of_sentence_transformers(tiny_cross_encoder: Path, backend: str, kind: type) -> None:
    reranker = load_reranker(settings(tiny_cross_encoder, backend=backend))
    assert isinstance(reranker, kind)
    expected = theirs(tiny_cross_encoder)
    assert max(expected) - min(expected) > 0.05  # else they would tell nothing
    np.testing.assert_allclose(reranker.scores(QUERY, TEXTS), expected, atol=1e-4)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_one_that_sentence_transformers_saved_keeps_its_activation(
    tiny_cross_encoder: Path, tmp_path: Path, backend: str
) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    saved = CrossEncoder(str(tiny_cross_encoder), device="cpu", activation_fn=torch.nn.Identity())
    saved.save_pretrained(str(tmp_path / "saved"))
    reranker = load_reranker(settings(tmp_path / "saved", backend=backend))
    expected = [math.log(score / (1 - score)) for score in theirs(tiny_cross_encoder)]
    np.testing.assert_allclose(reranker.scores(QUERY, TEXTS), expected, atol=1e-3)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_the_order_changes_as_the_scores_say(tiny_cross_encoder: Path, backend: str) -> None:
    found = rerank(lambda: load_reranker(settings(tiny_cross_encoder, backend=backend)), QUERY, TEXTS, 600)
    expected = theirs(tiny_cross_encoder)
    assert found.note == ""
    assert found.order == sorted(range(len(TEXTS)), key=lambda i: -expected[i])
    assert found.order != list(range(len(TEXTS)))
    assert found.scores == pytest.approx(expected, abs=1e-4)


def test_max_tokens_cuts_query_and_text_and_a_conversion_serves_every_one(tiny_cross_encoder: Path) -> None:
    cut = {b: load_reranker(settings(tiny_cross_encoder, backend=b, max_tokens=24)) for b in ("openvino", "torch")}
    whole = load_reranker(settings(tiny_cross_encoder, backend="openvino"))
    long, longer = TEXTS[1][:120], TEXTS[1]
    for reranker in cut.values():
        first, second = reranker.scores(QUERY, [long, longer])
        assert first == pytest.approx(second, abs=1e-5)
    assert cut["openvino"].scores(QUERY, TEXTS) == pytest.approx(cut["torch"].scores(QUERY, TEXTS), abs=1e-4)
    first, second = whole.scores(QUERY, [long, longer])
    assert first != pytest.approx(second, abs=1e-5)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_it_stops_by_itself_when_it_is_late(tiny_cross_encoder: Path, backend: str) -> None:
    reranker = load_reranker(settings(tiny_cross_encoder, backend=backend, seconds=1e-9))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        reranker.scores(QUERY, TEXTS * 100)
    assert time.monotonic() - began < 30


def test_what_gives_several_scores_for_a_pair_is_no_reranker(tiny_cross_encoder: Path, tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path / "three"
    shutil.copytree(tiny_cross_encoder, folder)
    torch.manual_seed(7)
    config = BertConfig.from_pretrained(folder, num_labels=3)
    BertForSequenceClassification(config).save_pretrained(folder)
    with pytest.raises(ModelError, match="3 scores"):
        load_reranker(settings(folder))


def test_code_of_a_model_runs_only_where_it_is_trusted(tiny_cross_encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "coded"
    shutil.copytree(tiny_cross_encoder, folder)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "model.Mine"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(ModelError, match="Python code"):
        load_reranker(settings(folder))


@pytest.mark.parametrize("model", ["/no/such/folder", "package:no_such_package_of_ours"])
def test_a_model_that_is_not_there_leaves_the_order_and_says_so(model: str) -> None:
    found = rerank(lambda: load_reranker(settings(model)), QUERY, TEXTS, 5)
    assert (found.order, found.scores) == (list(range(len(TEXTS))), None)
    assert model in found.note
