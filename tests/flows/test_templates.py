"""What is embedded is kept right when it changes, and vectors that there are already are used."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.config.loading import load_corpus
from tasks.errors import ModelError
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.interface import Encoded, Item, finish
from tasks.models.resolved import ResolvedModel
from tasks.operate.plan import plan_of
from tasks.operate.verify import verify
from tests.lakes import check_whole, lake_of
from tests.machine.encoders import StandIn, vector_of
from tests.machine.engine import quick, run_ingest
from tests.machine.world import make_model_folders

pytestmark = pytest.mark.slow

Make = Callable[..., Path]


class Wide(StandIn):
    """A stand-in whose vectors stand on the weights alone, cut where the settings say so."""

    def __init__(self, model: ResolvedModel, *others: Any, **keywords: Any) -> None:
        super().__init__(model, *others, **keywords)
        self.model = Path(model.settings.model).name
        self.settings = model.settings
        self.dimension = model.settings.dimension or StandIn.dimension

    def encode_documents(self, items: Sequence[Item]) -> Encoded:
        vectors, costs = super().encode_documents(items)
        return Encoded(finish(vectors, self.dimension, self.settings.normalize), costs)


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with quick(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "load_encoder", Wide)
        StandIn.begin()
        yield


@pytest.fixture
def make(make_corpus: Make, tmp_path: Path) -> Make:
    """Writes a corpus file of records with titles; keywords are settings of each of its models."""
    make_model_folders(tmp_path / "models")
    source = {"name": "docs", "uri": str(tmp_path / "docs"), "fields": {"id": "id", "title": "title"}}

    def corpus(*models: dict[str, Any], **changes: Any) -> Path:
        named = [{"model": str(tmp_path / "models" / "words"), "name": "one"} | model for model in models or ({},)]
        return make_corpus(models=named, sources=[source], metadata={"lang": "string"}, **changes)

    corpus()
    return corpus


def write(tmp_path: Path, *records: tuple[str, str, str]) -> None:
    lines = [json.dumps({"id": i, "title": t, "text": x, "lang": lang}) for i, (t, x, lang) in enumerate(records)]
    (tmp_path / "docs" / "r.jsonl").write_text("\n".join(lines))


def embedded(corpus_file: Path) -> int:
    """How many contents a run embeds; the lake is whole afterwards."""
    StandIn.begin()
    report = run_ingest(str(corpus_file))
    assert verify(lake_of(corpus_file)) == []
    assert run_ingest(str(corpus_file)).idle
    return int(sum(model.embedded for model in report.models))


@pytest.mark.parametrize(("template", "of_two", "of_a_title"), [("headings", 2, 1), ("text", 1, 0)])
def test_what_is_equal_and_what_changed_stand_on_what_is_embedded(
    make: Make, tmp_path: Path, template: str, of_two: int, of_a_title: int
) -> None:
    corpus_file = make({"template": template})
    write(tmp_path, ("Rivers", "The same.", "en"), ("Lakes", "The same.", "en"))
    corpus = load_corpus(corpus_file)
    assert plan_of(corpus, Lake(corpus, may_be_empty=True)).models[0].texts == of_two
    assert embedded(corpus_file) == of_two
    write(tmp_path, ("Rivers", "The same.", "fr"), ("Lakes", "The same.", "en"))
    assert embedded(corpus_file) == 0
    write(tmp_path, ("Streams", "The same.", "fr"), ("Lakes", "The same.", "en"))
    assert embedded(corpus_file) == of_a_title
    write(tmp_path, ("Lakes", "The same.", "fr"), ("Lakes", "The same.", "en"))
    assert embedded(corpus_file) == 0


def test_another_template_fills_a_table_beside_the_live_one_and_the_first_one_is_not_lost(
    make: Make, tmp_path: Path
) -> None:
    write(tmp_path, *((f"Title {i}", f"Text {i}.", "en") for i in range(20)))
    assert embedded(make({"template": "text"})) == 20
    before = lake_of(make()).live_table()
    StandIn.begin("cuda")
    with pytest.raises(ModelError):
        run_ingest(str(make({"template": "headings"})))
    assert lake_of(make()).live_table() == before
    assert embedded(make({"template": "headings"})) == 20
    assert embedded(make({"template": "text"})) == 0
    assert lake_of(make()).live_table() == before


@pytest.mark.parametrize(("column", "value"), [("embedded_hash", "0" * 32), ("title", "Another")])
def test_a_row_of_which_something_else_was_embedded_is_found_and_made_again(
    make: Make, tmp_path: Path, column: str, value: str
) -> None:
    write(tmp_path, ("Rivers", "Text.", "en"), ("Lakes", "Text.", "en"))
    corpus_file = make({"template": "headings"})
    embedded(corpus_file)
    lake = lake_of(corpus_file)
    [entry] = lake.catalog()
    lake.handle(entry["table"]).update(where="title = 'Rivers'", values={column: value})
    lake = lake_of(corpus_file)
    assert any("something else was embedded" in finding.problem for finding in verify(lake, sample=0))
    verify(lake, repair=True)
    run_ingest(str(corpus_file))
    assert verify(lake_of(corpus_file)) == []


def test_an_edit_embeds_what_is_around_it_and_a_heading_what_is_below_it(make: Make, tmp_path: Path) -> None:
    chapters = [
        [f"## Chapter {c}", *(f"Paragraph {p} of chapter {c} tells of it." for p in range(40))] for c in range(9)
    ]

    def save() -> None:
        (tmp_path / "docs" / "r.jsonl").unlink(missing_ok=True)
        text = "# Manual\n\n" + "\n\n".join("\n\n".join(chapter) for chapter in chapters)
        (tmp_path / "docs" / "m.md").write_text(text)

    corpus_file = make({"template": "headings"}, chunking={"size": 48})
    save()
    whole = embedded(corpus_file)
    assert whole > 60
    chapters[4][20] = "Another paragraph."
    save()
    assert 1 <= embedded(corpus_file) <= 4
    chapters[4].insert(1, "A paragraph that is new.")
    save()
    assert 1 <= embedded(corpus_file) <= 4
    chapters[4][0] = "## Renamed"
    save()
    assert 1 < embedded(corpus_file) <= whole / 9 + 2


@pytest.mark.parametrize("settings", [{}, {"normalize": False}, {"store": "float16"}])
def test_a_smaller_dimension_is_filled_from_a_wider_table_without_its_model(
    make: Make, tmp_path: Path, settings: dict[str, Any]
) -> None:
    write(tmp_path, *((f"Title {i}", f"Text {i}.", "en") for i in range(20)))
    wide = {"name": "wide"} | settings
    run_ingest(str(make(wide)))
    narrow = {"name": "narrow", "dimension": 3} | settings
    corpus = load_corpus(make(narrow, wide))
    assert [model.texts for model in plan_of(corpus, Lake(corpus)).models] == [0, 0]
    StandIn.begin("cuda")
    report = run_ingest(str(make(narrow, wide)))
    assert [(model.embedded, model.reused) for model in report.models] == [(0, 0), (0, 20)], "what is live comes first"
    assert not StandIn.calls
    StandIn.begin()
    corpus_file = make(narrow, wide)
    assert verify(check_whole(corpus_file), sample=20) == []
    rows = lake_of(corpus_file).read(report.models[1].table, ["title", "text", "vector"]).to_pylist()
    for row in rows:
        whole = vector_of("words", f"{row['title']}\n\n{row['text']}")[None, :]
        assert np.allclose(row["vector"], finish(whole, 3, settings.get("normalize", True))[0], atol=1e-3)


def test_what_a_wider_table_lacks_is_embedded(make: Make, tmp_path: Path) -> None:
    write(tmp_path, ("Rivers", "Text.", "en"))
    live = {"name": "live", "template": "text"}
    run_ingest(str(make(live, {"name": "wide"})))
    write(tmp_path, ("Rivers", "Text.", "en"), ("Lakes", "Text.", "en"))
    report = run_ingest(str(make(live, {"name": "narrow", "dimension": 2})))
    assert [(model.embedded, model.reused) for model in report.models] == [(0, 1), (1, 1)]


@pytest.mark.parametrize(
    "other", [{"document_prompt": "passage: "}, {"template": "text"}, {"normalize": False}, {"dimension": 2}]
)
def test_a_table_of_other_settings_or_shorter_vectors_fills_none(
    make: Make, tmp_path: Path, other: dict[str, Any]
) -> None:
    write(tmp_path, ("Rivers", "Text.", "en"))
    run_ingest(str(make({"name": "wide"} | other)))
    live, narrow = run_ingest(str(make({"name": "narrow", "dimension": 3}))).models
    assert (live.embedded, narrow.embedded, narrow.reused) == (0, 1, 0)
