"""The same corpus and lake on local disk and on a real S3 server."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import s3fs

from flows.ingest import ingest
from tasks.config.loading import load_corpus
from tasks.errors import LakeError, SourceError
from tasks.search.query import open_lake
from tasks.sources.listing import list_files
from tests.faulty import FaultyProxy
from tests.lakes import check_whole

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


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


GONE = float(os.environ.get("S3_GONE_SECONDS", "8"))


def test_an_s3_server_that_drops_throttles_and_vanishes_for_a_while(
    make_corpus: Callable[..., Path], tmp_path: Path, s3_server: dict[str, str]
) -> None:
    proxy = FaultyProxy(int(s3_server["endpoint"].rsplit(":", 1)[1]), dropped=0.1, throttled=0.1)
    endpoint = f"http://127.0.0.1:{proxy.port}"
    direct = s3fs.S3FileSystem(key=s3_server["key"], secret=s3_server["secret"], endpoint_url=s3_server["endpoint"])
    for i in range(40):
        direct.pipe(f"embedlake/faulty/{i}.txt", f"Document {i} speaks of subject {i * i}.".encode())
    options = {"key": s3_server["key"], "secret": s3_server["secret"], "endpoint_url": endpoint}
    lake_options = {
        "aws_access_key_id": s3_server["key"], "aws_secret_access_key": s3_server["secret"],
        "aws_endpoint": endpoint, "aws_region": "us-east-1", "allow_http": "true",
    }  # fmt: skip
    corpus_file = make_corpus(
        "faulty",
        sources=[{"name": "docs", "uri": "s3://embedlake/faulty", "options": options}],
        lake={"uri": "s3://embedlake/faultylake", "options": lake_options},
        resources={"batch_tokens": 8},
    )

    def vanish() -> None:
        for seconds in (0.05, 0.1, 0.2, 0.4, 0.8, GONE, 0.05, 0.1, 0.2, 0.4, 0.8):
            time.sleep(0.7)
            proxy.gone = True
            time.sleep(seconds)
            proxy.gone = False

    threading.Thread(target=vanish, daemon=True).start()
    report = ingest(str(corpus_file))
    while report.documents.failed:  # what could not be fetched is tried again by the next run
        report = ingest(str(corpus_file))
    assert proxy.dropped > 0
    assert proxy.throttled > 0
    assert check_whole(corpus_file).count("faulty.chunks") == 40
    proxy.close()
