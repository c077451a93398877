"""Words that are spoken: which stretches of a sound are heard for them, and the chunks that they become."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa

from tasks.chunk.above import count_above
from tasks.chunk.split import split
from tasks.chunk.tokens import Counter, count_tokens
from tasks.config.settings import Corpus
from tasks.extract.read import Extracted
from tasks.extract.subtitles import timed_text
from tasks.ingest.rows import chunks_of
from tasks.lake.schemas import chunks_schema, documents_schema, table_of
from tasks.records import Chunk, Document
from tasks.text.normalise import normalise

Lines = Sequence[tuple[int, int, str]]
"""From, to in milliseconds, and the words."""

_PAUSE = 2_000  # milliseconds of silence that part two stretches: models make words up in long ones
_MARGIN = 150  # milliseconds of the silence around a stretch that are heard with it, so that no sound is cut off


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sound, or a film with sound, whose words are wanted.

    Attributes:
        document_id: that it is.
        address: of its bytes, as references have it.
        content_hash: of these.
        samples_hash: of the sound in them, which other tags leave as it is.
        duration: in milliseconds.
        silences: from and to in milliseconds.
    """

    document_id: str
    address: str
    content_hash: str
    samples_hash: str
    duration: int
    silences: tuple[tuple[int, int], ...]


def stretches(duration: int, silences: Sequence[tuple[int, int]], longest: int) -> list[tuple[int, int]]:
    """Pieces of a sound in which something is heard, from and to in milliseconds: cut where it is silent, and elsewhere
    only where they would be too long, into equal parts: of a rest of a few milliseconds some models can make nothing.

    Args:
        duration: of the sound.
        silences: in it, in order.
        longest: that a piece may be.
    """
    begins = [0, *(end - _MARGIN for _, end in silences)]
    ends = [*(start + _MARGIN for start, _ in silences), duration]
    loud = [(max(a, 0), min(b, duration)) for a, b in zip(begins, ends, strict=True) if b - a > 2 * _MARGIN]
    joined: list[tuple[int, int]] = []
    for start, end in loud:
        if joined and start - joined[-1][1] < _PAUSE - 2 * _MARGIN and end - joined[-1][0] <= longest:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return [part for start, end in joined for part in _parts(start, end, -(-(end - start) // longest))]


def _parts(start: int, end: int, count: int) -> Iterator[tuple[int, int]]:
    """So many parts of a stretch, as long as each other to a millisecond."""
    cuts = [start + (end - start) * number // count for number in range(count + 1)]
    return pairwise(cuts)


def text_of(lines: Lines) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Words as subtitles are read: a line for each, `0:01:05 What is said`, and its times. What is said again at once
    is one line."""
    return timed_text((_time(start), start, end, " ".join(normalise(words).split())) for start, end, words in lines)


def _time(milliseconds: int) -> str:
    seconds = milliseconds // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def with_words(
    documents: pa.Table, chunks: pa.Table, words: Mapping[str, Lines], corpus: Corpus, counter: Counter
) -> tuple[pa.Table, pa.Table]:
    """Rows of documents and chunks, with chunks for what is said in some of the documents.

    Args:
        documents, chunks: rows as in their tables.
        words: of documents, by their id.
        corpus: whose they are.
        counter: of tokens.
    """
    read = {identity: text_of(lines) for identity, lines in words.items()}
    rows = documents.to_pylist()
    places = [i for i, row in enumerate(rows) if read.get(row["document_id"], ("",))[0]]
    if not places:
        return documents, chunks
    spoken = [Document.of(rows[i]) for i in places]
    found = [
        Extracted(read[one.document_id][0], one.title, "text", one.media_type or "", times=read[one.document_id][1])
        for one in spoken
    ]
    counted = count_tokens([extracted.text for extracted in found], counter)
    above = count_above([document.title for document in spoken], counter)
    own: dict[str, list[str]] = {document.document_id: [] for document in spoken}
    for row in chunks.select(["document_id", "modality", "text_hash"]).to_pylist():
        if row["modality"] == "text" and row["document_id"] in own:
            own[row["document_id"]].append(row["text_hash"])
    new: list[Chunk] = []
    for document, extracted, tokens, stands in zip(spoken, found, counted, above, strict=True):
        cuts = split(extracted.text, "text", corpus.chunking, tokens, stands)
        made = chunks_of(document, extracted, cuts, document.chunks or 0, before=own[document.document_id])
        document.chunks = (document.chunks or 0) + len(made)
        new += made
    changed = table_of(spoken, documents_schema(corpus))
    order = list(range(len(rows)))
    for number, place in enumerate(places):
        order[place] = len(rows) + number
    documents = pa.concat_tables([documents, changed]).take(pa.array(order, pa.int64()))
    return documents, pa.concat_tables([chunks, table_of(new, chunks_schema(corpus))])
