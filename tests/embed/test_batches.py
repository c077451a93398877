"""Batches: every row once, texts once, within the budget, and halves that lose nothing."""

import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

from tasks.embed.batches import Batch, halve, make_batches
from tasks.models.template import CONTENT, COST, HASH

MAX_TOKENS = 50
TEXTS = st.lists(st.integers(0, 9), max_size=40)
LENGTHS = st.lists(st.integers(0, 90), min_size=10, max_size=10)


def chunks(numbers: list[int], lengths: list[int]) -> pa.Table:
    """A chunk for each number of a text, which may come several times."""
    rows = [
        {
            "chunk_id": str(i),
            "modality": "text",
            "text": f"text {n}",
            HASH: f"{n:032x}",
            CONTENT: f"text {n}",
            COST: lengths[n],
            "token_count": lengths[n],
        }
        for i, n in enumerate(numbers)
    ]
    strings = [(name, pa.string()) for name in ("chunk_id", "modality", "text", HASH, CONTENT)]
    return pa.Table.from_pylist(rows, schema=pa.schema([*strings, ("token_count", pa.int32()), (COST, pa.int32())]))


def told(batch: Batch) -> list[str]:
    """The text of each row, as the batch has it."""
    return [str(batch.items[position].content) for position in batch.positions]


@given(TEXTS, LENGTHS, st.integers(1, 200))
def test_every_row_is_in_one_batch_with_its_text_within_the_budget(
    numbers: list[int], lengths: list[int], budget: int
) -> None:
    batches = list(make_batches(chunks(numbers, lengths), budget, MAX_TOKENS))
    ids = [identity for batch in batches for identity in batch.rows["chunk_id"].to_pylist()]
    assert sorted(ids, key=int) == [str(i) for i in range(len(numbers))]
    items = [item for batch in batches for item in batch.items]
    assert len(items) == len(set(items)) == len(set(numbers))
    for batch in batches:
        assert told(batch) == batch.rows["text"].to_pylist()
        longest = max(1, *(min(count, MAX_TOKENS) for count in batch.rows["token_count"].to_pylist()))
        assert len(batch.items) == 1 or len(batch.items) * longest <= budget


@given(TEXTS, LENGTHS)
def test_the_longest_come_first(numbers: list[int], lengths: list[int]) -> None:
    batches = make_batches(chunks(numbers, lengths), 60, MAX_TOKENS)
    counts = [count for batch in batches for count in batch.rows["token_count"].to_pylist()]
    assert counts == sorted(counts, reverse=True)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=20), st.data())
def test_two_parts_of_a_batch_have_all_its_rows(numbers: list[int], data: st.DataObject) -> None:
    assume(len(set(numbers)) > 1)
    [batch] = make_batches(chunks(numbers, [5] * 10), 10_000, MAX_TOKENS)
    cut = data.draw(st.integers(1, len(batch.items) - 1))
    parts = halve(batch, 0, cut), halve(batch, cut, len(batch.items))
    assert parts[0].items + parts[1].items == batch.items
    assert sorted(parts[0].rows.to_pylist() + parts[1].rows.to_pylist(), key=str) == sorted(
        batch.rows.to_pylist(), key=str
    )
    for part in parts:
        assert told(part) == part.rows["text"].to_pylist()


def test_a_batch_is_equal_to_itself_alone() -> None:
    one, other = (Batch(pa.table({}), ["a"], []) for _ in range(2))
    assert one == one
    assert one != other
    assert {one: 1}.get(other) is None
