"""Whether what a lake has embedded is what it says: contents fetched again, and a sample of rows embedded again."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.settings import Corpus
from tasks.content.fetcher import Fetcher
from tasks.content.finding import COLUMNS, wanted_of
from tasks.content.items import Content, item_of
from tasks.embed.batches import items_of
from tasks.errors import DocumentError, ModelError
from tasks.lake.catalog import Entry
from tasks.lake.nearest import matrix
from tasks.lake.tables import Lake
from tasks.models import choose
from tasks.models.find import resolve_entry
from tasks.models.interface import Encoder, Item, Vectors, cosines, encode_in_parts
from tasks.models.takes import TEXT_ONLY, Takes
from tasks.models.template import NEEDED, Template, is_text
from tasks.sources.listing import list_files

_NEAR = 0.999  # least cosine between a vector and the same content embedded again


def other_vectors(lake: Lake, entry: Entry, sample: int) -> list[str]:
    """Rows of a sample whose text, embedded again, gives another vector."""
    columns = list(dict.fromkeys(["chunk_id", "vector", *NEEDED, *COLUMNS]))
    rows = lake.snapshot(entry["table"]).sample(sample, columns)
    rows = rows.filter(rows["text"].is_valid())
    if not rows.num_rows:
        return []
    try:
        model = resolve_entry(entry, lake.corpus.models)
    except ModelError:
        if entry["state"] == "frozen":
            return []  # nobody needs its model any more
        raise
    if model.revision != entry["revision"]:
        return []  # other weights than filled it: nothing to compare with
    keep, items = _items_again(lake.corpus, Template(model.settings).fill(rows), model.takes)
    rows = rows.take(pa.array(keep, pa.int64()))
    if not keep:
        return []
    try:
        again = _encoded(choose.load_encoder(model), items)
    except Exception as error:  # whatever the model raises
        if isinstance(error, ModelError) and entry["state"] == "frozen":
            return []
        raise ModelError(
            f"model {model.settings.model!r} cannot embed the sample: {type(error).__name__}: {str(error)[-500:]}",
            "See to the device and the memory, or leave this out with --sample 0.",
        ) from error
    near = cosines(again, matrix(rows)) >= _NEAR
    found: list[str] = rows["chunk_id"].filter(pa.array(~near)).to_pylist()
    return found


def _items_again(corpus: Corpus, rows: pa.Table, takes: Takes) -> tuple[list[int], list[Item]]:
    """What was embedded of rows, as a template filled them, and their places; not of those whose content is not to be
    had now as it was."""
    texts = is_text(rows).to_pylist()
    found = {i: item for i, (item, text) in enumerate(zip(items_of(rows), texts, strict=True)) if text}
    others = [i for i, text in enumerate(texts) if not text]
    wanted = rows.take(pa.array(others, pa.int64()))
    modalities = wanted["modality"].to_pylist()
    for key, content in contents_now(corpus, wanted, takes):
        if not isinstance(content, DocumentError):
            found[others[key]] = item_of(modalities[key], content)
    return sorted(found), [found[i] for i in sorted(found)]


def _encoded(encoder: Encoder, items: list[Item]) -> Vectors:
    """The vectors of items of several modalities, in their order, of shape (n_items, dimension)."""
    vectors = np.zeros((len(items), encoder.dimension), np.float32)
    for modality in dict.fromkeys(item.modality for item in items):
        places = [i for i, item in enumerate(items) if item.modality == modality]
        vectors[places] = encode_in_parts(encoder, [items[i] for i in places]).vectors
    return vectors


def lost_contents(lake: Lake, sample: int) -> list[str]:
    """Chunks of a sample of those that are no text, whose content is not where their reference says, though their file
    is as it was read."""
    chunks = lake.snapshot(lake.name("chunks"))
    places = np.flatnonzero(pc.invert(is_text(chunks.read(["modality"]))))
    chosen = np.unique(np.linspace(0, len(places) - 1, min(sample, len(places))).astype(int))
    rows = chunks.take(places[chosen], ["chunk_id", *COLUMNS])
    rows = rows.filter(pc.is_valid(rows["content_reference"]))
    lost = [key for key, content in contents_now(lake.corpus, rows) if isinstance(content, DocumentError)]
    if not lost:
        return []
    corpus, columns = lake.corpus, ["document_id", "source", "uri", "tag"]
    listed = list_files(corpus.sources, corpus.lake.uri, corpus.extraction.media).files
    tags = {file.document_id: file.tag for file in listed}
    known = lake.read(lake.name("documents"), columns, "container IS NULL AND state IN ('active', 'container')")
    told = known.to_pylist()  # another source's document may be where a stale one was
    same = {(row["source"], row["uri"]) for row in told if tags.get(row["document_id"]) == row["tag"]}
    suspects = rows.take(pa.array(lost)).to_pylist()
    return [row["chunk_id"] for row in suspects if (row["source"], row["uri"]) in same]


def contents_now(corpus: Corpus, rows: pa.Table, takes: Takes = TEXT_ONLY) -> list[tuple[int, Content | DocumentError]]:
    """The contents of a few rows by their places, or why they are not to be had; nothing of rows that are damaged."""
    told = rows.select(COLUMNS).to_pylist()
    sound = [place for place, row in enumerate(told) if wanted_of(place, row)]
    if not sound:
        return []
    fetcher = Fetcher(corpus, takes)
    try:
        return [(sound[key], content) for key, content in fetcher.fetch([told[place] for place in sound])]
    finally:
        fetcher.close()
