"""Lakes of other versions of embedlake. `lakes/format-N.tar.xz` was written when N was the newest format."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lance
import pytest
import s3fs

from flows.ingest import ingest
from tasks.errors import LakeError
from tasks.lake.schemas import FORMAT
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.conftest import MINILM
from tests.lakes import check_whole, lake_of
from tests.machine.engine import quick, run_ingest

LAKES = Path(__file__).parent / "lakes"
RECORDS: list[dict[str, Any]] = [
    {"id": "r1", "text": "Bread is made of flour, water and salt.", "year": 2001},
    {"id": "r2", "text": "Cheese is made of milk.", "year": 2002},
    {"id": "r1", "text": "Another first record."},
    {"text": "A record without an id.", "year": 2003},
]
STONES = b"# Stones\n\nGranite is hard and made of quartz, feldspar and mica.\n"
PAGE = (
    b"<html><head><title>Tides</title></head><body><main><h1>Tides</h1><p>The moon pulls the sea, and twice a day the"
    b" water rises and falls along the coast of the island.</p></main></body></html>"
)
DOCUMENTS = {
    "birds.md": b"# Birds\n\nThe heron stands in the water and waits for a fish.\n\n"
    b"# Owls\n\nOwls hunt at night and turn their heads far round.\n",
    "stones.md": STONES,
    "again.md": STONES,
    "code.py": b'def add(a, b):\n    """The sum of two numbers."""\n    return a + b\n',
    "page.html": PAGE,
    "broken.txt": b"\x00\x01\x02\x00",
    "records.jsonl": "".join(json.dumps(record) + "\n" for record in RECORDS).encode(),
}


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_a_lake_of_an_earlier_format_is_searched_verified_and_updated(
    make_corpus: Callable[..., Path], tmp_path: Path, s3_server: dict[str, str], number: int
) -> None:
    options = {"key": s3_server["key"], "secret": s3_server["secret"], "endpoint_url": s3_server["endpoint"]}
    store = s3fs.S3FileSystem(**options)
    for name, content in DOCUMENTS.items():
        store.pipe(f"embedlake/format1/{name}", content)
    with tarfile.open(LAKES / f"format-{number}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    corpus_file = make_corpus(
        "kept",
        sources=[{"name": "docs", "uri": "s3://embedlake/format1", "fields": {"id": "id"}, "options": options}],
        models=[
            {"name": "minilm", "model": MINILM, "template": "text"}
        ],  # as it was filled: headings get a table beside
        metadata={"year": "integer"},
        chunking={"size": 32},
    )
    best = open_lake(corpus_file).search("What is hard rock made of?", limit=3)
    assert [passage.document_id for passage in best] == ["docs:again.md", "docs:r1", "docs:r2"]
    assert verify(lake_of(corpus_file)) == []
    report = ingest(str(corpus_file))  # what reads and cuts has newer versions: all is read again, and vectors stay
    assert (report.documents.new, report.documents.deleted) == (0, 0)
    assert [(model.embedded, model.removed) for model in report.models] == [(0, 0)]
    assert ingest(str(corpus_file)).idle
    store.pipe("embedlake/format1/new.md", b"# Rain\n\nIt rained all day.\n")
    report = ingest(str(corpus_file))
    assert (report.documents.new, report.documents.changed, report.documents.deleted) == (1, 0, 0)
    assert [(model.embedded, model.removed) for model in report.models] == [(1, 0)]
    assert verify(check_whole(corpus_file)) == []


def test_a_lake_of_a_later_format_is_refused(make_corpus: Callable[..., Path], tmp_path: Path) -> None:
    corpus_file = make_corpus()
    (tmp_path / "docs" / "a.txt").write_text("Words.")
    with quick():
        run_ingest(str(corpus_file))
    place = lake_of(corpus_file).dataset("notes.documents")
    assert place.schema.metadata[b"embedlake.format"] == str(FORMAT).encode()
    lance.dataset(place.uri).update_schema_metadata({"embedlake.format": str(FORMAT + 1)})
    with pytest.raises(LakeError, match=rf"has format {FORMAT + 1}; this version of embedlake reads up to format"):
        lake_of(corpus_file)
