"""Answers that are paid for and not landed yet."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import ModelError
from tasks.models.api.bill import Bill
from tasks.models.api.fingerprint import check, fingerprint
from tasks.models.api.paid import Paid

HASHES = [f"{i:032x}" for i in range(8)]


@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.sampled_from(range(8)), min_size=1, max_size=4, unique=True))),
)
@settings(max_examples=40, deadline=None)
def test_what_is_on_the_disk_is_what_is_not_landed(
    tmp_path_factory: object, steps: list[tuple[bool, list[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("paid")  # type: ignore[attr-defined]
    paid, there = Paid(folder), {}
    for keeps, which in steps:
        contents = [HASHES[i] for i in which]
        if keeps:
            contents = [content for content in contents if content not in there]
            vectors = np.array([[int(content, 16), 1.0] for content in contents], np.float32).reshape(-1, 2)
            paid.keep(contents, vectors, [3] * len(contents))
            there |= dict(zip(contents, vectors, strict=True))
        else:
            paid.settle(contents)
            there = {content: vector for content, vector in there.items() if content not in contents}
        after = Paid(folder)  # as after a kill: settled contents of a file with others may come back, none is lost
        for content, vector in there.items():
            for one in (paid, after):
                found = one.find(content)
                assert found is not None
                np.testing.assert_array_equal(found[0], vector)
        assert len(paid) == len(there)
    paid.settle(HASHES)
    assert list(folder.glob("*")) == []


def test_a_torn_file_is_no_answer(tmp_path: Path) -> None:
    paid = Paid(tmp_path)
    paid.keep(HASHES[:2], np.ones((2, 3), np.float32), [1, 1])
    [file] = tmp_path.glob("*.npy")
    for length in (0, 10, 100, len(file.read_bytes()) - 1):
        torn = tmp_path / f"torn{length}.npy"
        torn.write_bytes(file.read_bytes()[:length])
    assert len(Paid(tmp_path)) == 2
    assert list(tmp_path.glob("*.npy")) == [file]


def test_a_bill_adds_up() -> None:
    bill = Bill(2.0)
    bill.reserve(100)
    bill.settle(100, 80)
    bill.settle(0, 20)
    assert (bill.tokens, bill.cost) == (100, 0.0002)
    assert Bill(None).cost is None


def test_another_model_is_noticed() -> None:
    vectors = np.random.default_rng(1).standard_normal((3, 64)).astype(np.float32)
    told = fingerprint(vectors)
    check(told, vectors * 1.0001, "m", "t")
    for other in (vectors + 0.3, vectors[:, :32], np.full_like(vectors, np.nan)):
        with pytest.raises(ModelError) as error:
            check(told, other.astype(np.float32), "m", "t")
        assert "hub_revision" in error.value.hint


def test_an_answer_that_cannot_be_read_now_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Paid(tmp_path).keep(HASHES[:2], np.ones((2, 3), np.float32), [1, 1])
    with monkeypatch.context() as patch:
        patch.setattr(np, "load", lambda *_, **__: (_ for _ in ()).throw(OSError(24, "Too many open files")))
        assert len(Paid(tmp_path)) == 0
    assert len(Paid(tmp_path)) == 2


def test_a_file_of_zeros_is_no_answer(tmp_path: Path) -> None:
    """As some file systems leave it when the power fails."""
    Paid(tmp_path).keep(HASHES[:2], np.ones((2, 3), np.float32), [1, 1])
    [file] = tmp_path.glob("*.npy")
    content = file.read_bytes()
    file.write_bytes(content[:128] + bytes(len(content) - 128))
    assert len(Paid(tmp_path)) == 0
    assert not file.exists()
