"""Whose fault a batch is that was not embedded: encoders are made up here, and every text has its verdict."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.embed.batches import Batch
from tasks.embed.trials import _PATIENCE, AtFault, Trials
from tasks.errors import ModelError, OversizedBatch, RefusedChunk, ServiceError, UnusableVector
from tasks.models.interface import text_items, texts_of
from tasks.models.probes import probe

ERROR = RuntimeError("device-side assert triggered")


def batch_of(texts: list[str]) -> Batch:
    return Batch(pa.table({"text": texts}), text_items(texts), list(range(len(texts))))


class Encoder:
    """Fails on batches that hold a bad text; on every one, once it is broken.

    Args:
        bad: texts.
        breaks: after so many calls.
        good: a text that is known to be good when it begins.
        error: what it raises.
    """

    def __init__(
        self, bad: set[str], breaks: int | None = None, good: str | None = None, error: Exception = ERROR
    ) -> None:
        self.bad, self.breaks, self.error = bad, breaks, error
        self.trials = Trials("some", text_items([good])[0] if good else None)
        self.calls: list[list[str]] = []
        self.landed: list[str] = []
        self.at_fault: list[str] = []

    def run(self, batches: list[Batch]) -> None:
        waiting = list(batches)
        while (batch := self.trials.next(idle=not waiting) or (waiting.pop(0) if waiting else None)) is not None:
            texts = texts_of(batch.items)
            self.calls.append(texts)
            if self.bad & set(texts) or (self.breaks is not None and len(self.calls) > self.breaks):
                found: AtFault | None = self.trials.failed(batch, self.error)
            else:
                found = self.trials.passed(batch)
            if found is None:
                self.landed += texts
            self.at_fault += [text for suspect, _ in found or [] for text in texts_of(suspect.items)]
        assert not self.trials


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=9), max_size=5), st.booleans())
def test_every_bad_text_is_at_fault_and_every_other_lands_once(marks: list[list[bool]], known: bool) -> None:
    numbered = [[(f"{i} {j}", bad) for j, bad in enumerate(row)] for i, row in enumerate(marks)]
    bad = {text for row in numbered for text, is_bad in row if is_bad}
    encoder = Encoder(bad, good="a good one" if known else None)
    encoder.run([batch_of([text for text, _ in row]) for row in numbered])
    assert sorted(encoder.landed) == sorted(text for row in numbered for text, is_bad in row if not is_bad)
    assert sorted(encoder.at_fault) == sorted(bad)


def test_a_text_is_at_fault_after_three_tries_with_a_good_one_between() -> None:
    encoder = Encoder({"bad"}, good="good")
    encoder.run([batch_of(["bad"])])
    assert encoder.calls == [["bad"], ["good"]] * 3
    assert (encoder.landed, encoder.at_fault) == ([], ["bad"])


@given(st.integers(0, 12), st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_a_broken_encoder_is_told_of_and_no_text_is_at_fault(breaks: int, sizes: list[int]) -> None:
    encoder = Encoder(set(), breaks)
    batches = [batch_of([f"{i} {j}" for j in range(size)]) for i, size in enumerate(sizes)]
    if breaks >= len(batches):
        encoder.run(batches)
        assert len(encoder.landed) == sum(sizes)
    else:
        with pytest.raises(ModelError, match=r"'some' embeds nothing any more.*device-side assert"):
            encoder.run(batches)
    assert encoder.at_fault == []


def test_where_every_text_is_bad_another_one_tells_that_the_encoder_is_not() -> None:
    bad = [f"bad {i}" for i in range(40)]
    encoder = Encoder(set(bad))
    encoder.run([batch_of([text]) for text in bad])
    assert sorted(encoder.at_fault) == sorted(bad)
    assert encoder.calls.index([probe("text").content]) == 32


def test_doubtful_texts_are_not_judged_while_others_are_under_way() -> None:
    trials = Trials("some", None)
    trials.failed(batch_of(["doubtful"]), ERROR)
    assert trials
    assert trials.next(idle=False) is None
    assert trials.passed(batch_of(["good"])) is None
    check = trials.next(idle=False)
    assert check is not None
    assert texts_of(check.items) == ["good"]


@pytest.mark.parametrize("error", [RefusedChunk("no such language"), OversizedBatch("413")])
def test_an_item_that_the_encoder_refuses_is_at_fault_at_once(error: Exception) -> None:
    encoder = Encoder({"bad"}, error=error)
    encoder.run([batch_of(["one", "bad", "two", "three"])])
    assert sorted(encoder.landed) == ["one", "three", "two"]
    assert encoder.at_fault == ["bad"]
    assert encoder.calls == [["one", "bad", "two", "three"], ["one", "bad"], ["two", "three"], ["one"], ["bad"]]


def test_what_is_said_of_a_refused_item_is_a_document_error() -> None:
    [(_, cause)] = Trials("some", None).failed(batch_of(["long"]), OversizedBatch("413", "Shorten it."))
    assert (type(cause), cause.message, cause.hint) == (RefusedChunk, "413", "Shorten it.")
    [(_, cause)] = Trials("some", None).failed(batch_of(["bad"]), RefusedChunk("bad"))
    assert (type(cause), cause.message) == (RefusedChunk, "bad")


@pytest.mark.parametrize("error", [ServiceError("401: no such key"), ModelError("no such model")])
def test_an_encoder_that_says_it_is_broken_ends_the_run_at_once(error: ModelError) -> None:
    encoder = Encoder({"one"}, error=error)
    with pytest.raises(type(error), match=error.message):
        encoder.run([batch_of(["one", "two"])])
    assert (len(encoder.calls), encoder.at_fault) == (1, [])


def test_a_service_that_fails_in_passing_is_asked_again_after_longer_and_longer_pauses() -> None:
    now = 0.0
    trials = Trials("some", None, lambda: now)
    batch, pauses = batch_of(["one"]), []
    for _ in range(8):
        assert trials.failed(batch, ServiceError("503", transient=True)) == []
        pauses.append(trials.pause())
        now += pauses[-1]
        assert trials.pause() == 0
        assert trials.next(idle=False) is batch
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert trials.passed(batch) is None
    trials.failed(batch, ServiceError("429", transient=True, retry_after=7))
    assert trials.pause() == 7


def test_batches_that_fail_together_make_one_pause() -> None:
    trials = Trials("some", None, lambda: 5.0)
    for text in "abcdef":
        trials.failed(batch_of([text]), ServiceError("429", transient=True))
    assert trials.pause() == 1


def test_a_service_that_stays_away_ends_the_run() -> None:
    now, batch = 0.0, batch_of(["one"])
    trials = Trials("some", None, lambda: now)
    error = ServiceError("503 Service Unavailable", transient=True)
    while now <= _PATIENCE:
        trials.failed(batch, error)
        now += trials.pause()
    with pytest.raises(ModelError, match=r"'some' was not to be had for 900 seconds: 503 Service Unavailable"):
        trials.failed(batch, error)


def test_a_vector_that_is_not_finite_is_no_proof_against_a_text() -> None:
    encoder = Encoder({"bad"}, good="good", error=UnusableVector("zero or not finite"))
    encoder.run([batch_of(["bad"])])
    assert encoder.calls == [["bad"], ["good"]] * 3


def test_an_encoder_that_begins_to_refuse_everything_is_broken() -> None:
    trials = Trials("some", text_items(["good"])[0])
    trials.failed(batch_of(["bad"]), ERROR)
    check = trials.next(idle=True)
    assert check is not None
    with pytest.raises(ModelError, match="embeds nothing any more"):
        trials.failed(check, RefusedChunk("no more"))
