"""Corpora of images that a service embeds: whole runs against the fake that decodes what it is sent."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tasks.config.loading import load_corpus
from tasks.embed.api_pool import paid_folder
from tasks.errors import BudgetSpent, ConfigurationError
from tasks.lake.failures import list_failures
from tasks.lake.tables import Lake
from tasks.models.api import connection as clients
from tasks.models.api.paid import Paid
from tasks.models.takes import TEXT_ONLY
from tasks.operate.plan import plan_of
from tasks.operate.report import plan_rows
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.lakes import check_whole, lake_of
from tests.models.api.fake import KEY, Fake, serving
from tests.models.api.fake_images import COLOURS
from tests.models.api.runs import encoders_as_named, run

MODELS = {
    "cohere:embed-v4.0": "", "voyage:voyage-multimodal-3.5": "/v1", "gemini:gemini-embedding-2": "/v1beta",
    "jina:jina-clip-v2": "/v1",
}  # fmt: skip


def image(colour: str, side: int = 24, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), COLOURS[colour]).save(file, form)
    return file.getvalue()


@pytest.fixture
def corpus(make_corpus: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_KEY", KEY)
    monkeypatch.setattr(clients, "_FIRST_PAUSE", 0.001)
    docs = tmp_path / "docs"
    docs.mkdir(exist_ok=True)
    for name in ("red", "green", "blue"):
        (docs / f"{name}.png").write_bytes(image(name))
    (docs / "scan.tiff").write_bytes(image("yellow", 1700, "TIFF"))
    (docs / "again.png").write_bytes(image("red"))
    (docs / "words.txt").write_text("A text of its own.")

    def make(url: str, model: str = "cohere:embed-v4.0", **changes: Any) -> Path:
        api = {"url": url + MODELS[model], "key_env": "FAKE_KEY", **changes.pop("api", {})}
        entry = {"model": model, "name": "seen", "dimension": 256, "api": api}
        return make_corpus(**{"models": [entry], "extraction": {"images": "files"}, **changes})

    return make


@pytest.mark.parametrize("model", MODELS)
def test_images_are_embedded_once_and_found_by_words_and_images(
    corpus: Callable[..., Path], tmp_path: Path, model: str
) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url, model)
        report = run(file)
        [counts] = report.models
        assert (counts.rows, counts.by_modality, counts.failed) == (6, {"image": 4}, 0)
        assert counts.billed == pytest.approx(fake.tokens_paid, rel=0.05)  # Gemini does not tell
        assert verify(check_whole(file)) == []
        asked = fake.requests
        assert run(file).idle
        assert fake.requests == asked
        lake = open_lake(file)
        found = lake.search("something blue", by="vector", limit=1, modality="image")
        assert found[0].document_id == "docs:blue.png"
        by_image = lake.search(image=image("yellow", 300, "JPEG"), limit=1)
        assert by_image[0].document_id == "docs:scan.tiff"
        assert fake.violations == []
        assert {picture.form for picture in fake.pictures} <= {"png", "jpeg"}
    assert list(paid_folder(lake_of(file), counts.table).glob("*")) == []


def test_an_image_at_fault_fails_alone(corpus: Callable[..., Path], tmp_path: Path) -> None:
    fake = Fake()
    (tmp_path / "docs").mkdir(exist_ok=True)
    for name in ("magenta", "cyan"):
        (tmp_path / "docs" / f"{name}.png").write_bytes(image(name))
    with serving(fake) as url:
        file = corpus(url)
        [counts] = run(file).models
        assert (counts.rows, counts.failed) == (6, 2)
    failures = {failure["document_id"]: failure["message"] for failure in list_failures(lake_of(file))}
    assert set(failures) == {"docs:magenta.png", "docs:cyan.png"}
    assert "Unable to process" in failures["docs:cyan.png"]


def test_a_plan_tells_what_images_cost_and_a_budget_bounds_it(corpus: Callable[..., Path]) -> None:
    fake = Fake()
    with serving(fake) as url:
        model = "gemini:gemini-embedding-2"
        with encoders_as_named():
            corpus_of = load_corpus(corpus(url, model))
            plan = plan_of(corpus_of, Lake(corpus_of, may_be_empty=True))
        [planned] = plan.models
        assert planned.image_tokens == 4 * 267
        assert planned.cost == pytest.approx((4 * 267 * 0.45 + planned.tokens * 0.2) / 1e6)
        assert planned.tokens < 20
        assert any("images at 0.45 USD" in told for _, told in plan_rows(plan))
        assert fake.requests == 0
        with pytest.raises(BudgetSpent):
            run(corpus(url, model, budget=0.0005, api={"concurrency": 1}))
        assert 0 < fake.tokens_paid * 0.45 / 1e6 <= 0.0005
        [counts] = run(corpus(url, model, budget=1)).models
        assert counts.rows == 6
        with pytest.raises(ConfigurationError, match="nobody knows what images cost cohere:"):
            run(corpus(url, budget=1))
        assert run(corpus(url, budget=1, api={"image_price": 0.5}, lake="other")).models[0].rows == 6


def test_a_table_that_was_begun_with_texts_alone_goes_on_so(
    corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake()
    with serving(fake) as url:
        with monkeypatch.context() as patch:  # as an older embedlake knew of no service's images
            patch.setattr("tasks.models.api.providers._takes", lambda *_: TEXT_ONLY)
            run(corpus(url))
        report = run(corpus(url, budget=1))  # nobody knows what images cost, and none are asked for
        [counts] = report.models
        assert (counts.rows, counts.by_modality) == (1, {})
        assert any("no model here takes images" in hint for hint in report.hints)
        assert fake.pictures == []


def test_answers_for_images_that_were_not_landed_are_not_paid_again(
    corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url)
        with monkeypatch.context() as patch:
            patch.setattr("tasks.embed.embedding.Embedding._land", _killed)
            with pytest.raises(KeyboardInterrupt):
                run(file)
        [table] = [entry["table"] for entry in lake_of(file).catalog()]
        assert len(Paid(paid_folder(lake_of(file), table))) > 0
        assert run(file).models[0].rows == 6
    pictures = [text for text, times in fake.times_paid().items() for _ in range(times) if text.split()[0] in COLOURS]
    assert len(pictures) == len(set(pictures)) == 4


def _killed(*_: Any) -> None:
    raise KeyboardInterrupt


def test_in_batches_texts_go_into_files_and_images_into_requests(corpus: Callable[..., Path]) -> None:
    fake = Fake()
    with serving(fake) as url:
        file = corpus(url, "gemini:gemini-embedding-2", api={"mode": "batch", "batch_wait": 0})
        [counts] = run(file).models
        assert counts.by_modality == {"image": 4}
        assert len(fake.pictures) == 4
        [again] = run(file).models
        assert (again.rows, again.embedded, again.state) == (6, 1, "live")
        assert len(fake.pictures) == 4
        assert verify(check_whole(file)) == []
    assert len(fake.batches.jobs) == 1
    assert counts.cost == pytest.approx(4 * 267 * 0.45 / 1e6, rel=0.1)
