"""References to pieces of content: what is written is what is read, whatever files are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.content.reference import Place, Reference, piece_hash, reference_of

NUMBERS = st.integers(0, 10_000)
REGIONS = st.tuples(NUMBERS, NUMBERS, st.integers(1, 999), st.integers(1, 999)).map(
    lambda r: (r[0], r[1], r[0] + r[2], r[1] + r[3])
)
ADDRESSES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
PLACES = st.builds(Place, ADDRESSES) | st.builds(Place, ADDRESSES, NUMBERS, st.text(min_size=1, max_size=9))


PARTS = st.sampled_from(["part=word/media/image1.png", "part=a%20b%26.png", "image=3", "page=12&image=1"])


@given(
    st.builds(Reference, PLACES, st.integers(1, 999), st.none() | REGIONS)
    | st.builds(Reference, st.builds(Place, ADDRESSES, part=PARTS), st.just(1), st.none() | REGIONS)
)
def test_what_is_written_is_read(reference: Reference) -> None:
    assert reference_of(str(reference)) == reference


@given(PLACES, PLACES, st.integers(1, 99), st.none() | REGIONS)
def test_equal_bytes_are_one_wherever_they_are(one: Place, other: Place, page: int, region: tuple[int, ...]) -> None:
    here, there = Reference(one, page, region), Reference(other, page, region)  # type: ignore[arg-type]
    assert piece_hash("a", here) == piece_hash("a", there) != piece_hash("b", here)
    assert piece_hash("a", here) != piece_hash("a", Reference(one, page + 1, here.region))


@pytest.mark.parametrize("text", ["", "a.png", "a.png#", "a.png#page=x", "a.png#xywh=0,0,1,1", "#page=1&xywh=1,2"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no reference"):
        reference_of(text)
