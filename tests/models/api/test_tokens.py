"""Counting tokens, as a provider does or about so."""

import pytest

from tasks.models.api import tokens
from tasks.models.api.known import date_of_prices, known
from tasks.models.api.tokens import Counter
from tasks.models.estimated import estimated_tokenizer


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The cat sat on the mat.", 7), ("extraordinarily", 3), ("12345", 2), ("契約は一度", 5), ("Договор", 3),
        ("", 1), ("a  b\n\nc", 3), ("naïve façade", 2),
    ],
)  # fmt: skip
def test_tokens_are_estimated(text: str, count: int) -> None:
    assert Counter(None).counts([text]) == [count]


def test_a_text_is_cut_after_so_many_tokens() -> None:
    counter = Counter(None)
    assert counter.cut("one two three four", 2) == "one two"
    assert counter.cut("one", 2) == "one"
    assert estimated_tokenizer().encode("one two").offsets == [(0, 3), (4, 7)]


def test_without_tiktoken_tokens_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_loaded", lambda _: None)
    counter = Counter("cl100k_base")
    assert not counter.exact
    assert counter.counts(["one two"]) == [2]


def test_tiktoken_counts_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    tiktoken = pytest.importorskip("tiktoken")
    ranks = {bytes([i]): i for i in range(256)} | {b"ab": 256}  # its encodings are fetched from the network
    small = tiktoken.Encoding("small", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens={"<|end|>": 257})
    monkeypatch.setattr(tokens, "_loaded", lambda _: small)
    counter = Counter("small")
    assert counter.exact
    assert counter.counts(["abab c", "", "<|end|>"]) == [4, 1, 7]
    assert counter.cut("abab c", 2) == "abab"
    assert counter.cut("é", 1) == ""


def test_what_is_known_of_models() -> None:
    assert known("openai", "text-embedding-3-small").price == 0.02
    assert known("openai", "another").price is None
    assert len(date_of_prices()) == 10
