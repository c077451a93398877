"""Whose tokens are counted where models see or hear, and have none."""

import shutil
from pathlib import Path

import pytest

from tasks.config.settings import Corpus
from tasks.errors import ModelError
from tasks.ingest.tokenizer import tokenizer_of
from tests.tiny_media import save_tiny_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in ("vit", "clip"):
        save_tiny_model(kind, folder / kind)
    (folder / "within" / "0_Part").mkdir(parents=True)
    (folder / "within" / "modules.json").write_text('[{"path": "0_Part", "type": "sentence_transformers.models.CLIP"}]')
    shutil.copy(folder / "clip" / "tokenizer.json", folder / "within" / "0_Part")
    return folder


def counting(folder: Path, *names: str) -> tuple[str, str]:
    models = [{"model": str(folder / name)} for name in names]
    found = tokenizer_of(
        Corpus.model_validate({"name": "docs", "sources": [{"name": "a", "uri": str(folder)}], "models": models}), None
    )
    return Path(found.reference).name, found.content


def test_it_is_that_of_the_first_model_that_takes_text(models: Path) -> None:
    content = (models / "clip" / "tokenizer.json").read_text("utf-8")
    assert counting(models, "vit", "clip") == ("clip", content)
    assert counting(models, "within") == ("within", content)


def test_it_estimates_where_no_model_takes_text(models: Path) -> None:
    reference, content = counting(models, "vit")
    assert (reference, len(content) > 0) == ("vit", True)


def test_a_model_of_texts_without_one_is_refused(models: Path, tmp_path: Path) -> None:
    shutil.copytree(models / "clip", tmp_path / "cut")
    (tmp_path / "cut" / "tokenizer.json").unlink()
    (tmp_path / "cut" / "preprocessor_config.json").unlink(missing_ok=True)
    (tmp_path / "cut" / "processor_config.json").unlink(missing_ok=True)
    with pytest.raises(ModelError, match=r"no tokenizer to count tokens with"):
        counting(tmp_path, "cut")
