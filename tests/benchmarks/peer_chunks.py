"""How other projects cut texts, in their environment (peers.txt): `python peer_chunks.py TEXTS TOKENIZER OUT`.

TEXTS is JSON: kind and text of each document, and the sizes in tokens, the model's two marks included. OUT is JSON: for
each splitter and size, the spans in characters of each document's chunks.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from chonkie import RecursiveChunker, SentenceChunker
from langchain_text_splitters import MarkdownTextSplitter, RecursiveCharacterTextSplitter
from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

Spans = list[tuple[int, int]]
Splitter = Callable[[str, str], Spans]
"""A kind and a text into spans."""


def splitters(tokenizer: Tokenizer, room: int) -> Iterator[tuple[str, Splitter]]:
    """The splitters by name, for chunks of at most `room` tokens."""

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    def langchain(kind: str, text: str) -> Spans:
        cls = MarkdownTextSplitter if kind == "markdown" else RecursiveCharacterTextSplitter
        splitter = cls(chunk_size=room, chunk_overlap=0, length_function=count, add_start_index=True)
        found = splitter.create_documents([text])
        return [(d.metadata["start_index"], d.metadata["start_index"] + len(d.page_content)) for d in found]

    def plain_langchain(_: str, text: str) -> Spans:
        return langchain("text", text)

    def semantic(kind: str, text: str) -> Spans:
        cls = MarkdownSplitter if kind == "markdown" else TextSplitter
        found = cls.from_huggingface_tokenizer(tokenizer, room).chunk_indices(text)
        return [(start, start + len(chunk)) for start, chunk in found]

    def windows(_: str, text: str) -> Spans:
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        return [(part[0][0], part[-1][1]) for i in range(0, len(offsets), room) if (part := offsets[i : i + room])]

    def chonkie(cls: type) -> Splitter:
        chunker = cls(tokenizer=tokenizer, chunk_size=room)
        return lambda _, text: [(c.start_index, c.end_index) for c in chunker.chunk(text)]

    yield "langchain, recursive", plain_langchain
    yield "langchain, Markdown", langchain
    yield "semantic-text-splitter", semantic
    yield "chonkie, recursive", chonkie(RecursiveChunker)
    yield "chonkie, sentences", chonkie(SentenceChunker)
    yield "fixed windows", windows


def main() -> None:
    """Cut all documents by all splitters at all sizes."""
    given = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    tokenizer = Tokenizer.from_file(sys.argv[2])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    marks = tokenizer.num_special_tokens_to_add(False)
    found = {
        f"{name}|{size}": [split(document["kind"], document["text"]) for document in given["documents"]]
        for size in given["sizes"]
        for name, split in splitters(tokenizer, size - marks)
    }
    Path(sys.argv[3]).write_text(json.dumps(found), "utf-8")


if __name__ == "__main__":
    main()
