"""Reads that a store cuts off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest

from tasks.errors import LakeError
from tasks.lake.snapshot import Snapshot, explained

CUT_OFF = "LanceError(IO): Generic S3 error: Error performing HEAD in 572us - HTTP error: error sending request"


class _CutOff:
    """A dataset whose every second read of a batch is cut off: a network that does so cannot be had at will."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.schema = dataset.schema
        self.cuts = 0

    def to_batches(self, **options: Any) -> Iterator[pa.RecordBatch]:
        yield next(iter(self._dataset.to_batches(**options)))
        self.cuts += 1
        raise OSError(CUT_OFF)


def test_a_scan_that_is_cut_off_goes_on_behind_what_it_gave(tmp_path: Path) -> None:
    dataset = lance.write_dataset(pa.table({"n": range(100), "even": [n % 2 == 0 for n in range(100)]}), tmp_path)
    faulty = _CutOff(dataset)
    found = Snapshot("some", faulty)
    batches = found.scan(["n"], where="even", rows=10)
    assert [n for _ in range(10) for n in next(batches)["n"].to_pylist()] == list(range(0, 100, 2))
    assert faulty.cuts == 9


def test_only_what_was_cut_off_is_called_again() -> None:
    def call() -> int:
        calls.append(1)
        if len(calls) < 3:
            raise RuntimeError(error)
        return len(calls)

    calls: list[int] = []
    error = CUT_OFF
    assert explained("some", "read", call) == 3
    calls, error = [], "LanceError(IO): Object at location some.lance/data/1.lance not found"
    with pytest.raises(LakeError, match=r"some cannot be read: LanceError.*not found"):
        explained("some", "read", call)
    assert len(calls) == 1
