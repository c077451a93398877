"""A chunk fits its size together with the title and the headings that stand above it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer

from tasks.chunk.above import Above, count_above
from tasks.chunk.split import split
from tasks.chunk.tokens import Counter, count_tokens
from tasks.config.settings import Chunking
from tasks.text.headings import joined

SIZE = 64


def counter() -> Counter:
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    return Counter(tokenizer)


COUNTER = counter()
HEADING = st.integers(1, 12).map(lambda words: " ".join(["heading"] * words))
PARAGRAPH = st.integers(1, 90).map(lambda words: " ".join(f"w{i}" for i in range(words)) + ".")


def above(title: str | None) -> Above:
    [found] = count_above([title], COUNTER)
    return found


def length(text: str) -> int:
    [tokens] = count_tokens([text], COUNTER)
    return tokens.total


def markdown(parts: list[tuple[int, str, str]]) -> str:
    return "\n\n".join(f"{'#' * depth} {heading}\n\n{words}" for depth, heading, words in parts)


def restructured(parts: list[tuple[int, str, str]]) -> str:
    return "\n\n".join(f".. function:: {heading}\n\n   {words}" for _, heading, words in parts)


@pytest.mark.parametrize(("kind", "write"), [("markdown", markdown), ("rst", restructured)])
@given(
    title=st.none() | HEADING,
    parts=st.lists(st.tuples(st.integers(1, 3), HEADING, PARAGRAPH), min_size=1, max_size=6),
)
def test_every_chunk_fits_with_what_stands_above_it(
    kind: str, write: object, title: str | None, parts: list[tuple[int, str, str]]
) -> None:
    assert callable(write)
    text = write(parts)
    [tokens] = count_tokens([text], COUNTER)
    for cut in split(text, kind, Chunking(size=SIZE), tokens, above(title)):
        tokens_above = length(joined(title, cut.headings))
        assert cut.token_count + min(tokens_above, SIZE // 2) <= SIZE


@pytest.mark.parametrize(("title", "chunks"), [(None, 1), ("one two", 1), ("one two three four five", 2)])
def test_a_plain_text_is_cut_where_it_does_not_fit_with_its_title(title: str | None, chunks: int) -> None:
    text = " ".join(f"w{i}" for i in range(60))
    [tokens] = count_tokens([text], COUNTER)
    assert len(split(text, "text", Chunking(size=SIZE), tokens, above(title))) == chunks


def test_where_nothing_stands_above_chunks_are_as_long_as_they_may() -> None:
    text = " ".join(f"w{i}" for i in range(SIZE - COUNTER.special_tokens))
    [tokens] = count_tokens([text], COUNTER)
    for kind in ("text", "markdown", "rst", "code:python"):
        assert len(split(text, kind, Chunking(size=SIZE), tokens, above(None))) == 1
