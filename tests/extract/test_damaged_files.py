"""Damaged files of every kind end as a text or with a reason. `tests.benchmarks.fuzzing` reads many more of them."""

import random
from pathlib import Path

import pytest

from tasks.errors import DocumentError
from tasks.extract.read import extract
from tests import mutations
from tests.samples import write_good


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_file_gives_a_text_or_a_reason(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "MOST", 2**15)
    write_good(tmp_path)
    files = {path.name: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    draw = random.Random(seed)
    for name, data in files.items():
        for _ in range(3):
            damaged = mutations.mutated(data, Path(name).suffix, [*files.values()], draw)
            try:
                said = extract(damaged, name, "auto", 2**24).text
            except DocumentError as error:
                said = error.message or "\0"
            assert "\0" not in said
