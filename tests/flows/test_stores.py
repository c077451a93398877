"""The same corpus and lake on local disk and on a real S3 server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import s3fs

from flows.ingest import ingest
from tasks.configuration import load_corpus
from tasks.errors import LakeError, SourceError
from tasks.search import open_lake
from tasks.sources import list_files

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_disk_and_s3_give_the_same_chunks_and_vectors(
    make_corpus: Callable[..., Path], tmp_path: Path, s3_server: dict[str, str]
) -> None:
    local = make_corpus()
    for i in range(6):
        (tmp_path / "docs" / f"part{i % 2}").mkdir(exist_ok=True)
        (tmp_path / "docs" / f"part{i % 2}" / f"{i}.md").write_text(f"# Page {i}\n\nWords on subject {i * i}.\n")
    fs = s3fs.S3FileSystem(key=s3_server["key"], secret=s3_server["secret"], endpoint_url=s3_server["endpoint"])
    fs.put(str(tmp_path / "docs") + "/", "embedlake/docs/", recursive=True)
    options: dict[str, Any] = {
        "key": s3_server["key"],
        "secret": s3_server["secret"],
        "endpoint_url": s3_server["endpoint"],
    }
    lake_options = {
        "aws_access_key_id": s3_server["key"], "aws_secret_access_key": s3_server["secret"],
        "aws_endpoint": s3_server["endpoint"], "aws_region": "us-east-1", "allow_http": "true",
    }  # fmt: skip
    remote = make_corpus(
        "notes_remote",
        sources=[{"name": "docs", "uri": "s3://embedlake/docs", "options": options}],
        lake={"uri": "s3://embedlake/lake", "options": lake_options},
    )
    ingest(str(local))
    ingest(str(remote))
    here, there = (open_lake(file).table().sort_by("chunk_id") for file in (local, remote))
    assert here.num_rows == 6
    assert here["chunk_id"].equals(there["chunk_id"])
    assert here["text"].equals(there["text"])
    assert np.array_equal(np.array(here["vector"].to_pylist()), np.array(there["vector"].to_pylist()))
    fs.pipe("embedlake/docs/part0/0.md", b"# Page 0\n\nEdited now.\n")
    fs.rm("embedlake/docs/part1/1.md")
    report = ingest(str(remote))
    assert (report.documents.changed, report.documents.deleted, report.models[0].embedded) == (1, 1, 1)
    assert ingest(str(remote)).idle


def test_stores_that_are_not_there_say_so(make_corpus: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.stages._may_pass", lambda *_: False)
    options = {"key": "a", "secret": "b", "endpoint_url": "http://127.0.0.1:9"}
    gone = make_corpus("gone", sources=[{"name": "docs", "uri": "s3://nowhere/docs", "options": options}])
    sources = load_corpus(gone).sources
    with pytest.raises(SourceError, match="s3://nowhere/docs"):
        list_files(sources)
    lake = make_corpus("nolake", lake={"uri": "/proc/no/such/place"})
    with pytest.raises(LakeError, match="cannot be opened"):
        ingest(str(lake))
