"""Chunks: whole, within size, exact in their offsets, and local under edits."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.chunk import restructured
from tasks.chunk.split import Cut, split
from tasks.chunk.structure import nest
from tasks.chunk.tokens import Tokens, count_tokens, load_counter
from tasks.config.settings import Chunking
from tasks.models.find import find_model
from tests.conftest import MINILM

SENTENCES = """the cat sat on a mat while rain fell. over hills? under bridges! and nobody, not even she, knew why:"""
WORDS = SENTENCES.split()
PARAGRAPH = st.lists(st.sampled_from(WORDS), min_size=1, max_size=60).map(" ".join)
ODD = "aB1.,-_ \n\t漢é\u0301\x00\x0b\x0c\x1c\x85\xa0\u3000"
TEXT = st.lists(PARAGRAPH, min_size=1, max_size=30).map("\n\n".join)


def tokens_of(text: str) -> Tokens:
    return count_tokens([text], load_counter(str(find_model(MINILM))))[0]


def chunked(text: str, kind: str = "text", **settings: object) -> list[Cut]:
    return split(text, kind, Chunking.model_validate({"size": 32, **settings}), tokens_of(text))


def texts_of(text: str, chunks: list[Cut]) -> list[str]:
    return [text[chunk.start : chunk.end] for chunk in chunks]


@settings(max_examples=60, deadline=None)
@given(st.one_of(TEXT, st.text(max_size=600)), st.sampled_from(["text", "markdown", "rst", "code:python", "code:go"]))
def test_chunks_hold_all_text_in_order_within_size(text: str, kind: str) -> None:
    chunks = chunked(text, kind)
    position = 0
    for chunk in chunks:
        assert position <= chunk.start < chunk.end
        assert not text[position : chunk.start].strip()
        assert chunk.token_count <= 32
        position = chunk.end
    assert not text[position:].strip()


@settings(max_examples=100, deadline=None)
@given(st.one_of(TEXT, st.text(max_size=300), st.text(ODD, max_size=100)))
def test_counts_are_those_of_the_tokenizer(text: str) -> None:
    counter = load_counter(str(find_model(MINILM)))
    assert counter.by_words
    assert tokens_of(text).count(0, len(text)) == len(counter.tokenizer.encode(text).ids)
    for chunk in chunked(text):
        assert chunk.token_count == len(counter.tokenizer.encode(text[chunk.start : chunk.end]).ids)


@settings(max_examples=60, deadline=None)
@given(TEXT, PARAGRAPH, st.data())
def test_an_edit_changes_only_chunks_nearby(text: str, added: str, data: st.DataObject) -> None:
    paragraphs = (text + "\n\n" + text.swapcase()).split("\n\n")
    at = data.draw(st.integers(0, len(paragraphs)))
    before = "\n\n".join(paragraphs)
    after = "\n\n".join([*paragraphs[:at], added, *paragraphs[at:]])
    old, new = chunked(before), chunked(after)
    edit = len("\n\n".join(paragraphs[:at]))
    tokens = tokens_of(before)
    reach = 12 * 32  # tokens
    kept = set(texts_of(after, new))
    for chunk in old:
        far = (
            tokens.index(edit) - tokens.index(chunk.end) > reach
            or tokens.index(chunk.start) - tokens.index(edit) > reach
        )
        if far:
            assert before[chunk.start : chunk.end] in kept


def test_an_edit_in_a_long_text_keeps_nearly_all_chunks() -> None:
    import pydoc_data.topics as pydoc  # real prose of 400,000 characters that comes with Python

    text = "\n\n".join(pydoc.topics.values())
    before = set(texts_of(text, chunked(text, size=256)))
    middle = text.index("\n\n", len(text) // 2)
    edited = text[:middle] + "\n\nA paragraph that was not here before." + text[middle:]
    after = set(texts_of(edited, chunked(edited, size=256)))
    assert len(before) > 500
    assert len(before - after) <= 12


def test_a_long_line_without_spaces_or_meaning_is_cut() -> None:
    for text in ("x" * 200_000, "word " * 100_000, "。" * 50_000):
        chunks = chunked(text, size=256)
        assert all(chunk.token_count <= 256 for chunk in chunks)
        assert len(chunks) > 10


def test_markdown_sections_keep_their_heading_path() -> None:
    text = "# Guide\n\nHello.\n\n## Install\n\nUse pip.\n\n```\n# no heading\n```\n\n## Use\n\n### Quick\n\nRun it.\n"
    assert [(c.headings, text[c.start : c.end].split("\n")[0]) for c in chunked(text, "markdown")] == [
        (("Guide",), "# Guide"),
        (("Guide", "Install"), "## Install"),
        (("Guide", "Use", "Quick"), "## Use"),
    ]


def test_restructured_text_sections_keep_their_heading_path() -> None:
    text = (
        "=====\nTitle\n=====\n\nIntro.\n\nPart one\n--------\n\nBody.\n\n"
        "Deep\n~~~~\n\nMore.\n\nPart two\n--------\n\nEnd.\n"
    )
    assert [section.headings for section in restructured.outline(text).sections] == [
        ("Title",),
        ("Title", "Part one"),
        ("Title", "Part one", "Deep"),
        ("Title", "Part two"),
    ]
    assert [c.headings for c in chunked(text, "rst")] == [s.headings for s in restructured.outline(text).sections]


def test_code_is_cut_at_definitions_and_knows_their_names() -> None:
    body = "\n".join(f"        value_{i} = compute(value_{i}, {i})" for i in range(12))
    text = (
        f"import os\n\n\nclass Store:\n    # Puts things away.\n    def put(self, value):\n{body}\n\n"
        f"    def get(self):\n{body}\n"
    )
    chunks = chunked(text, "code:python", size=128)
    named = {chunk.headings for chunk in chunks}
    assert ("Store", "put") in named
    assert ("Store", "get") in named
    assert not any(text[c.start : c.end].strip() in ("def", "class") for c in chunks)


def test_code_offsets_count_characters_not_bytes() -> None:
    text = (
        "# äöü ツ\ndef größe():\n    return 'ß' + 'ü' + 'ツ' + 'äöü'\n\n\ndef zwei():\n    return 2 + 2 + 2 + 2\n" * 8
    )
    chunks = chunked(text, "code:python")
    assert "".join("".join(texts_of(text, chunks)).split()) == "".join(text.split())
    assert any(chunk.headings == ("größe",) for chunk in chunks)


def test_overlap_repeats_at_most_so_many_tokens() -> None:
    text = ". ".join(f"Sentence number {i} speaks of thing {i * 7}" for i in range(60))
    plain, lapped = chunked(text), chunked(text, overlap=8)
    assert all(chunk.token_count <= 32 for chunk in lapped)
    repeats = [a.end - b.start for a, b in pairwise(lapped)]
    assert any(repeat > 0 for repeat in repeats)
    assert all(b.start <= a.end for a, b in zip(plain, lapped, strict=False))


def test_the_document_strategy_gives_one_chunk() -> None:
    text = "One.\n\nTwo.\n" * 50
    [chunk] = chunked(text, "markdown", strategy="document")
    assert (chunk.start, chunk.end) == (0, len(text.rstrip()))
    assert chunk.token_count > 32


def test_sentence_windows_end_with_sentences() -> None:
    text = " ".join(f"This is sentence number {i}." for i in range(40))
    assert all(piece.endswith(".") for piece in texts_of(text, chunked(text, strategy="sentences")))


def test_sections_nest_by_depth() -> None:
    found = [(0, 1, "A"), (10, 3, "B"), (20, 2, "C"), (30, 1, "D")]
    assert [s.headings for s in nest(found)] == [("A",), ("A", "B"), ("A", "C"), ("D",)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(TEXT, st.text(max_size=60), st.text(ODD, max_size=40), st.just("x" * 70)), max_size=6))
def test_texts_counted_together_are_counted_as_alone(texts: list[str]) -> None:
    for text, together in zip(texts, count_tokens(texts, load_counter(str(find_model(MINILM)))), strict=True):
        alone = tokens_of(text)
        assert together.special_tokens == alone.special_tokens
        for name in ("starts", "before", "ranks"):
            assert getattr(together, name).tolist() == getattr(alone, name).tolist()
