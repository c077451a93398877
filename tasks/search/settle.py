"""What a hybrid search knows of a table, found at the end of a run and kept in the catalog."""

import json
import logging
from functools import partial
from typing import Any

import pyarrow as pa

from tasks.config.models import Model, kept_model
from tasks.lake.catalog import Entry, change_catalog, entry_of, taken_by
from tasks.lake.nearest import View, matrix
from tasks.lake.run import Run
from tasks.lake.tables import Lake
from tasks.models.choose import load_encoder
from tasks.models.find import resolve_entry
from tasks.models.resolved import ResolvedModel, Weights
from tasks.models.template import Template, is_text
from tasks.search.fusion import WEIGHT
from tasks.search.learn import JUDGMENTS, Learnt, learn_from_items
from tasks.search.scales import background_of

_LEAST_ROWS = 500  # with fewer, known items tell little, and the default stands
_GROWTH = 4  # times as many rows, or a fourth of them, and it is found again
_SAMPLE = 2_000  # passages among which known items are looked for
_LARGEST = 2**30  # bytes of weights: a larger model is not loaded only for this

logger = logging.getLogger("embedlake.search")


def settle_fusion(run: Run) -> None:
    """Find the weights of hybrid searches in the tables of a run that were not looked at, or have grown since."""
    for counts in run.report.models:
        entry = entry_of(run.lake, counts.table)
        if entry is None or "text" not in taken_by(entry) or not _is_due(entry, run.lake.count(counts.table)):
            continue
        view = View(run.lake, counts.table)
        if view.analysis is None:
            continue
        learnt = _learnt(view, entry, run.corpus.models)
        logger.info("searches of %s weigh meaning %.1f against words (%s)", counts.table, learnt.weight, learnt.how)
        keep(run.lake, counts.table, learnt, run.report.run_id)


def keep(lake: Lake, table: str, learnt: Learnt, holder: str) -> None:
    """Note in the catalog what was found of a table. What came from judgments, runs leave as it is.

    Args:
        lake: that has the table.
        table: full name.
        learnt: what was found.
        holder: the run's id.
    """
    change_catalog(lake, holder, partial(_changes, {table: {"fusion": json.dumps(learnt.to_dict())}}))


def _changes(told: dict[str, Entry], _entries: list[Entry]) -> dict[str, Entry]:
    return told


def _is_due(entry: dict[str, Any], rows: int) -> bool:
    if rows < _LEAST_ROWS:
        return False
    known = json.loads(entry["fusion"] or "{}")
    before = known.get("rows", 0)
    return known.get("how") != JUDGMENTS and not before / _GROWTH < rows < before * _GROWTH


def _learnt(view: View, entry: dict[str, Any], named: list[Model]) -> Learnt:
    sample = view.sample(_SAMPLE, ["text", "vector", "text_hash", "title", "heading_path", "modality"])
    sample = sample.filter(is_text(sample))
    places = {text_hash: place for place, text_hash in enumerate(sample["text_hash"].to_pylist())}
    distinct = sample.take(pa.array(sorted(places.values()), pa.int64()))
    texts = [text or "" for text in distinct["text"].to_pylist()]
    vectors = matrix(distinct)
    assert view.analysis is not None
    why = None
    try:
        model = resolve_entry(entry, named)
        why = _why_not(model)
        if why is None:
            encoder = load_encoder(model)
            above = list(zip(distinct["title"].to_pylist(), distinct["heading_path"].to_pylist(), strict=True))
            template = Template(kept_model(entry["settings"]))

            def embedded(place: int, text: str) -> str:
                title, headings = above[place]
                return template.render(title, headings or (), text)

            return learn_from_items(texts, vectors, view.analysis, encoder, view.rows, embedded)
    except Exception as error:  # whatever the model raises: searches do without
        why = f"the model failed: {type(error).__name__}"
        logger.info("the weight of hybrid searches in %s was not found: %s", view.table, error)
    return Learnt(WEIGHT, f"default: {why}", background_of(vectors), view.rows, 0, {})


def _why_not(model: ResolvedModel) -> str | None:
    """Why a model is not asked, or None."""
    if not isinstance(model.origin, Weights):
        return "a service has the model"
    size = sum(file.stat().st_size for file in model.origin.folder.rglob("*") if file.is_file())
    return "the model is large" if size > _LARGEST else None
