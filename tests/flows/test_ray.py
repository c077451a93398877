"""Embedding on real Ray actors."""

import io
import os
import signal
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import ray
import s3fs
from PIL import Image

from flows.ingest import ingest
from tasks.config.operating import Resources
from tasks.embed.ray_pool import share_out
from tasks.operate.verify import verify
from tasks.search.query import open_lake
from tests.extract.showing import data_of
from tests.lakes import check_whole

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture(scope="module", autouse=True)
def _ray_ends() -> Iterator[None]:
    yield
    ray.shutdown()


def test_actors_give_the_vectors_that_the_run_s_own_process_gives(
    make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    own = make_corpus("own")
    actors = make_corpus("actors", resources={"in_process_below": 0, "actors": 2, "batch_tokens": 64})
    for i in range(60):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i}. " * (1 + i % 7))
    ingest(str(own))
    ingest(str(actors))
    one, two = (open_lake(file).table().sort_by("chunk_id") for file in (own, actors))
    assert one["chunk_id"].equals(two["chunk_id"])
    assert np.allclose(np.array(one["vector"].to_pylist()), np.array(two["vector"].to_pylist()), atol=1e-5)


def test_images_from_s3_are_embedded_by_actors_as_those_on_disk_are_here(
    make_corpus: Callable[..., Path],
    tmp_path: Path,
    s3_server: dict[str, str],
    tiny_media: Callable[[str], Path],
) -> None:
    sight: dict[str, Any] = {"models": [str(tiny_media("clip"))], "extraction": {"images": "all"}}
    own = make_corpus("own", **sight)
    options = {"key": s3_server["key"], "secret": s3_server["secret"], "endpoint_url": s3_server["endpoint"]}
    there = [{"name": "docs", "uri": "s3://embedlake/seen", "options": options}]
    resources = {"in_process_below": 8, "actors": 1, "batch_tokens": 64}  # few are not worth an actor
    actors = make_corpus("actors", sources=there, resources=resources, **sight)
    for i in range(8):
        (tmp_path / "docs" / f"{i}.png").write_bytes(_noise(i))
    (tmp_path / "docs" / "page.html").write_text(f"<p>The tide.</p><img alt='A gate' src='{data_of(_noise(20))}'>")
    with zipfile.ZipFile(tmp_path / "docs" / "all.zip", "w") as archive:
        for i in range(30, 33):
            archive.writestr(f"{i}.png", _noise(i))
    fs = s3fs.S3FileSystem(**options)
    fs.put(str(tmp_path / "docs") + "/", "embedlake/seen/", recursive=True)
    ingest(str(own))
    assert ingest(str(actors)).failed == 0
    one, two = (open_lake(file).table().sort_by("chunk_id") for file in (own, actors))
    assert one["chunk_id"].equals(two["chunk_id"])
    assert two["modality"].to_pylist().count("image") == 12
    assert np.allclose(np.array(one["vector"].to_pylist()), np.array(two["vector"].to_pylist()), atol=1e-5)
    fs.pipe("embedlake/seen/0.png", _noise(40))
    fs.mv("embedlake/seen/1.png", "embedlake/seen/moved.png")
    fs.pipe("embedlake/seen/page.html", f"<p>The tide.</p><img alt='A boat' src='{data_of(_noise(20))}'>".encode())
    fs.rm("embedlake/seen/2.png")
    report = ingest(str(actors))
    assert (report.documents.changed, report.documents.deleted) == (2, 2)
    assert report.models[0].embedded == 1  # the image that was edited; others had their vectors
    assert verify(check_whole(actors)) == []
    assert ingest(str(actors)).idle


def _noise(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_an_actor_that_is_killed_is_replaced_and_its_work_done_again(
    make_corpus: Callable[..., Path], tmp_path: Path
) -> None:
    corpus_file = make_corpus(resources={"in_process_below": 0, "actors": 1, "batch_tokens": 16})
    for i in range(1000):
        (tmp_path / "docs" / f"{i}.txt").write_text(f"Document {i} speaks of subject {i * i}. " * (1 + i % 9))
    killed: list[int] = []

    def kill_soon() -> None:
        for _ in range(600):
            for process in psutil.Process().children(recursive=True):
                if "ray::EncoderActor.encode" in process.name() or "EncoderActor.encode" in " ".join(_command(process)):
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
                    return
            threading.Event().wait(0.05)

    killer = threading.Thread(target=kill_soon)
    killer.start()
    report = ingest(str(corpus_file))
    killer.join()
    assert killed, "no actor was seen at work"
    assert report.failed == 0
    table = open_lake(corpus_file).table()
    assert table.num_rows == len(set(table["chunk_id"].to_pylist())) == 1000


def _command(process: Any) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


@pytest.mark.parametrize(
    ("resources", "cpus", "gpus", "expected"),
    [
        ({}, 2, 0, (1, 2, 0)),
        ({}, 32, 0, (4, 8, 0)),
        ({}, 16, 4, (4, 4, 1)),
        ({"actors": 2, "gpus": 0.5}, 8, 1, (2, 4, 0.5)),
        ({"actors": 2}, 8, 1, (2, 4, 0.5)),
        ({"actors": 3, "cpus": 1}, 8, 0, (3, 1, 0)),
    ],
)
def test_actors_share_what_there_is(
    resources: dict[str, Any], cpus: int, gpus: int, expected: tuple[int, float, float]
) -> None:
    assert share_out(Resources.model_validate(resources), cpus, gpus) == expected
