"""A Ray cluster of two nodes: reading and embedding on both, and what happens when one goes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import s3fs
from ray.cluster_utils import Cluster

from flows.ingest import ingest
from tasks import ray_cluster
from tasks.config.loading import load_corpus
from tasks.errors import ServerError
from tasks.ingest import ray_readers, reading
from tasks.ingest.reading import read_all
from tasks.ingest.tokenizer import tokenizer_of
from tasks.search.query import open_lake
from tasks.sources.listing import list_files
from tasks.sources.work import Work, group_files
from tests.lakes import check_whole

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]
Make = Callable[..., Path]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})  # type: ignore[no-untyped-call]
    made.add_node(num_cpus=1)  # type: ignore[no-untyped-call]
    yield made
    ray_cluster.disconnect()
    ray.shutdown()
    made.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def work_of_nodes(monkeypatch: pytest.MonkeyPatch) -> list[ray_readers._Node]:
    """The nodes that were given work, whatever its size."""
    given: list[ray_readers._Node] = []
    begin = ray_readers._Elsewhere._begin

    def noting(self: Any) -> None:
        begin(self)
        given.append(self._node)

    monkeypatch.setattr(reading, "_WORTH_A_CLUSTER", -1)
    monkeypatch.setattr(ray_readers._Elsewhere, "_begin", noting)
    return given


@pytest.fixture
def stored(make_corpus: Make, tmp_path: Path, s3_server: dict[str, str]) -> Callable[..., Path]:
    """A corpus of 200 files in S3 and a file of records on the disk."""
    key, secret, endpoint = (s3_server[name] for name in ("key", "secret", "endpoint"))
    (tmp_path / "texts").mkdir()
    for i in range(200):
        (tmp_path / "texts" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i}. " * (1 + i % 9))
    fs = s3fs.S3FileSystem(key=key, secret=secret, endpoint_url=endpoint)
    fs.put(str(tmp_path / "texts") + "/", f"embedlake/{tmp_path.name}/", recursive=True)
    (tmp_path / "records.jsonl").write_text("\n".join(f'{{"text": "Record {i}."}}' for i in range(50)))
    options = {"key": key, "secret": secret, "endpoint_url": endpoint}
    sources = [
        {"name": "texts", "uri": f"s3://embedlake/{tmp_path.name}", "options": options},
        {"name": "records", "uri": str(tmp_path / "records.jsonl")},
    ]
    return lambda name, **resources: make_corpus(name, sources=sources, resources=resources)


def test_a_cluster_reads_and_embeds_as_one_machine_does(
    stored: Callable[..., Path], cluster: Cluster, work_of_nodes: list[ray_readers._Node]
) -> None:
    alone = stored("alone")
    many = stored("many", address=cluster.address, actors=2, in_process_below=0)
    ingest(str(alone))
    assert not work_of_nodes
    report = ingest(str(many))
    assert len({id(node) for node in work_of_nodes}) == 2
    assert not ray.is_initialized()
    assert (report.failed, report.documents.new) == (0, 250)
    one, two = (open_lake(file).table().sort_by("chunk_id") for file in (alone, many))
    assert one["chunk_id"].equals(two["chunk_id"])
    assert np.allclose(np.array(one["vector"].to_pylist()), np.array(two["vector"].to_pylist()), atol=1e-5)
    check_whole(many)


def test_what_a_lost_node_had_is_read_by_the_others(
    stored: Callable[..., Path], cluster: Cluster, work_of_nodes: list[ray_readers._Node]
) -> None:
    corpus = load_corpus(stored("many", address=cluster.address))
    files = [file for file in list_files(corpus.sources).files if not file.is_container]

    def works() -> Iterator[Work]:
        for i in range(0, len(files), 10):
            if i == 100:
                cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)  # type: ignore[no-untyped-call]
            yield from group_files(files[i : i + 10])

    found = [prepared for _, prepared in read_all(works(), corpus, tokenizer_of(corpus, None).folder())]
    assert len({id(node) for node in work_of_nodes}) == 2
    assert not any(prepared.failures for prepared in found)
    ids = [identity for prepared in found for identity in prepared.documents["document_id"].to_pylist()]
    assert ids == [file.document_id for file in files]


def test_a_cluster_that_does_not_answer_is_named(make_corpus: Make, tmp_path: Path) -> None:
    corpus_file = make_corpus(resources={"address": "127.0.0.1:9", "in_process_below": 0})
    (tmp_path / "docs" / "a.txt").write_text("Some text.")
    with pytest.raises(ServerError, match=r"127.0.0.1:9 does not answer"):
        ingest(str(corpus_file))
