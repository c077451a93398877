"""What the answers of a batch come to, whatever comes in whatever order."""

import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.embed.answered import read_answers
from tasks.embed.draft import PROBE
from tasks.errors import RefusedChunk, ServiceError
from tasks.models.api.batch_client import Outcome
from tasks.models.api.batch_wires import NotDone

ASKED = [f"{i:032x}" for i in range(6)]
FAULTS: dict[str, Any] = {
    "refused": RefusedChunk("no"), "not done": NotDone("expired"), "passing": ServiceError("busy", "", True),
    "rejected": ValueError("what?"),
}  # fmt: skip
KINDS = ["vector", "none", "zero length", *FAULTS]


def outcome(number: int, kind: str) -> Outcome:
    if kind == "vector":
        return Outcome(np.array([number, 1.0], np.float32), 2)
    if kind == "zero length":
        return Outcome(np.ones(3, np.float32), 2)
    return Outcome(None, 2) if kind == "none" else Outcome(fault=FAULTS[kind])


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from(KINDS)), max_size=20), st.integers())
@settings(deadline=None)
def test_a_text_has_its_own_vector_or_none(lines: list[tuple[int, str]], seed: int) -> None:
    shuffled = [(number, kind) for number, kind in lines if kind != "zero length"] + [(0, "vector")]
    random.Random(seed).shuffle(shuffled)
    found = read_answers(
        ((f"{number:032x}", outcome(number, kind)) for number, kind in shuffled), ASKED, 2, "fake"
    )  # fmt: skip
    for content, (vector, _) in found.vectors.items():
        assert vector[0] == int(content, 16)
        assert content not in found.unusable
    told = {f"{number:032x}": {kind for n, kind in shuffled if n == number} for number, _ in shuffled}
    for content, kinds in told.items():
        if content not in ASKED:
            assert content not in {*found.vectors, *found.refused, *found.unusable}
        elif kinds == {"vector"}:
            assert content in found.vectors
        elif kinds <= {"not done", "passing"}:
            assert content not in {*found.vectors, *found.refused, *found.unusable}
        elif kinds & {"none", "rejected"}:
            assert content in found.unusable
            assert content not in found.vectors
    assert found.billed == sum(2 for _, kind in shuffled if kind in ("vector", "none"))
    assert found.unknown == sum(number >= len(ASKED) for number, _ in shuffled)


def test_two_different_answers_to_one_request_are_none() -> None:
    both = [(ASKED[0], outcome(0, "vector")), (ASKED[0], outcome(1, "vector")), (ASKED[0], outcome(0, "vector"))]
    found = read_answers(both, ASKED, 2, "fake")
    assert (found.vectors, found.unusable) == ({}, {ASKED[0]})


def test_probes_are_no_texts() -> None:
    found = read_answers([(f"{PROBE}1", outcome(7, "vector")), (f"{PROBE}x", outcome(7, "vector"))], ASKED, 2, "fake")
    assert [*found.probes] == [1]
    assert found.unknown == 1
