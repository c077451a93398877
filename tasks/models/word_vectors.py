"""Word vectors on this machine: a table that is memory-mapped, so that one of gigabytes costs little memory.

A file is read once and kept in the user's cache as plain arrays; the matrix of fastText's .bin is read where it is.
"""

import gzip
import json
import mmap
import os
import re
import tempfile
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.caching import cache_folder
from tasks.errors import ModelError
from tasks.models.interface import Vectors, unit
from tasks.models.word_files import FastText, Subwords, broken, form_of, hash_of, opened, read_fasttext, vectors_of

_WORD = re.compile(r"\w+(?:[-.'’]\w+)*")
_PART = re.compile(r"[^\W_]+")
_LAYOUT = 1  # of what is kept
_BLOCK = 8192  # words that are compared at a time
_COMMONEST = 400_000  # words among which the nearest are sought; rarer ones are misspellings and names, mostly
_COPIED = 2**24  # bytes at a time
_PRIME, _BASIS, _32_BITS = 16_777_619, 2_166_136_261, 2**32 - 1  # of the FNV-1a hash


class Near(NamedTuple):
    """A word, and the cosine of its vector to what it is near."""

    word: str
    cosine: float


class Piece(NamedTuple):
    """What a word, or a part of it, is made of: rows of the matrix whose mean is its vector, and its own row, or None
    where n-grams alone make it."""

    rows: list[int]
    place: int | None


class WordVectors:
    """Words and their vectors. What fastText trained with n-grams of characters has a vector for any word.

    Args:
        file: of word vectors, in one of the forms of `tasks.models.word_files`.

    Attributes:
        dimension: of a vector.
        count: words.
        source: of words' probabilities: counts of the file, or ranks.

    Raises:
        ModelError: it is no such file, or is damaged; or what is made of it cannot be kept.
    """

    def __init__(self, file: Path) -> None:
        folder = _kept(file)
        about = json.loads((folder / "about.json").read_text("utf-8"))
        self.dimension: int = about["dimension"]
        self.count: int = about["words"]
        subwords = about["subwords"]
        self._subwords = Subwords(**subwords) if subwords else None
        matrix, offset = (folder / "vectors", 0) if about["offset"] is None else (file, about["offset"])
        self._matrix = np.memmap(matrix, "<f4", "r", offset, (about["rows"], self.dimension))
        self._words = _mapped(folder / "words")
        self._ends = memoryview(np.load(folder / "ends.npy", mmap_mode="r"))  # whose numbers are Python's, and so quick
        self._sorted = memoryview(np.load(folder / "sorted.npy", mmap_mode="r"))
        self._counts = np.load(folder / "counts.npy", mmap_mode="r") if about["counts"] else None
        self.source = "counts" if about["counts"] else "ranks"

    @property
    def matrix(self) -> Vectors:
        """What vectors are the means of rows of, float32 of shape (n_rows, dimension); the first ones are of words."""
        return self._matrix

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """How much of all text each word is, of shape (n_words,): by the file's counts; where it has none, by Zipf's
        law from the order of its words, as they are written from the commonest on: 1 / rank / (sum of all 1 / rank)."""
        weights = np.asarray(self._counts, np.float64) if self._counts is not None else 1 / np.arange(1, self.count + 1)
        found: npt.NDArray[np.float64] = weights / weights.sum()
        return found

    def word(self, place: int) -> str:
        """The word of a row."""
        return self._bytes(place).decode(errors="replace")

    def place(self, word: str) -> int | None:
        """The row of a word; None where the table does not have it."""
        wanted = word.encode(errors="replace")
        found = bisect_left(self._sorted, wanted, key=self._bytes)
        if found < self.count and self._bytes(self._sorted[found]) == wanted:
            return self._sorted[found]
        return None

    def rows(self, word: str) -> list[int]:
        """The rows of the matrix whose mean is the vector of a word; none where it is unknown."""
        place = self.place(word)
        known = [] if place is None else [place]
        if self._subwords is None or word == "</s>":
            return known
        return known + [self.count + bucket for bucket in ngrams(word, self._subwords)]

    def pieces(self, word: str) -> list[Piece]:
        """What stands for a word of a text: itself, as it stands or in lower case; of one that is joined by hyphens,
        dots or apostrophes and is unknown as a whole, its parts; else its n-grams, where the file has them. Nothing
        where it is unknown."""
        for form in (word, word.lower()):
            if (place := self.place(form)) is not None:
                return [Piece(self.rows(form), place)]
        parts = _PART.findall(word)
        if len(parts) > 1:
            return [piece for part in parts for piece in self.pieces(part)]
        rows = self.rows(word)
        return [Piece(rows, None)] if rows else []

    def vectors(self, words: Sequence[str]) -> Vectors:
        """The vectors of some words, float32 of shape (n_words, dimension); zero for one that is unknown."""
        found = np.zeros((len(words), self.dimension), np.float32)
        for i, word in enumerate(words):
            if rows := self.rows(word):
                found[i] = self._matrix[rows].mean(axis=0)
        return found

    def nearest(self, words: Sequence[str], limit: int) -> list[list[Near]]:
        """The nearest of each of some words by cosine, nearest first: of the 400,000 commonest, and without the word
        itself in whatever case. None of a word that nothing stands for, see `pieces`.

        Args:
            words: to start from.
            limit: most of each.
        """
        sought = unit(np.array([self._mean(word) for word in words], np.float32).reshape(-1, self.dimension))
        best: list[list[Near]] = [[] for _ in words]
        kept = limit + 8  # the same word in other cases is left out
        places: npt.NDArray[np.int64] = np.empty((len(words), 0), np.int64)
        cosines: Vectors = np.empty((len(words), 0), np.float32)
        among = min(self.count, _COMMONEST)
        for first in range(0, among, _BLOCK):
            last = min(first + _BLOCK, among)
            cosines = np.hstack([cosines, sought @ unit(self._between(first, last)).T])
            places = np.hstack([places, np.tile(np.arange(first, last), (len(words), 1))])
            order = np.argsort(-cosines, axis=1, kind="stable")[:, :kept]
            cosines, places = np.take_along_axis(cosines, order, 1), np.take_along_axis(places, order, 1)
        for i, word in enumerate(words):
            if sought[i].any():
                near = (Near(self.word(int(p)), float(c)) for p, c in zip(places[i], cosines[i], strict=True))
                best[i] = [one for one in near if one.word.lower() != word.lower()][:limit]
        return best

    def _mean(self, word: str) -> Vectors:
        """The vector of what stands for a word; zero where nothing does."""
        found = [self._matrix[piece.rows].mean(axis=0) for piece in self.pieces(word)]
        mean: Vectors = np.mean(found, axis=0) if found else np.zeros(self.dimension, np.float32)
        return mean

    def first(self, count: int) -> Vectors:
        """The vectors of the first so many words, float32 of shape (count, dimension)."""
        return self._between(0, count)

    def _between(self, first: int, last: int) -> Vectors:
        if self._subwords is None:
            return np.asarray(self._matrix[first:last])
        return self.vectors([self.word(place) for place in range(first, last)])

    def _bytes(self, place: int) -> bytes:
        return self._words[self._ends[place - 1] if place else 0 : self._ends[place]]


def words_of(text: str) -> list[str]:
    """The words of a text as word vectors have them: letters and digits, joined by hyphens, dots and apostrophes that
    stand within."""
    return _WORD.findall(text)


def ngrams(word: str, subwords: Subwords) -> list[int]:
    """The buckets of the n-grams of a word's characters, as fastText has them (Bojanowski et al., 2017): of the word
    between < and >, each hashed by FNV-1a over its UTF-8, whose bytes it takes as signed."""
    letters = [letter.encode(errors="replace") for letter in f"<{word}>"]
    found = []
    for start in range(len(letters)):
        hashed = _BASIS
        for length, letter in enumerate(letters[start : start + subwords.longest], 1):
            for byte in letter:
                signed = byte if byte < 128 else byte | 0xFFFFFF00
                hashed = ((hashed ^ signed) * _PRIME) & _32_BITS
            at_edge = length == 1 and (start == 0 or start == len(letters) - 1)
            if length >= subwords.shortest and not at_edge:
                found.append(hashed % subwords.buckets)
    return found


def _mapped(file: Path) -> mmap.mmap | bytes:
    if not file.stat().st_size:
        return b""
    with file.open("rb") as content:
        return mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ)


def _kept(file: Path) -> Path:
    """The folder with what is kept of a file, made now if it is not there."""
    form = form_of(file)
    if form is None:
        raise ModelError(
            f"{file} is no file of word vectors",
            "Give one of GloVe, word2vec (text or binary) or fastText (.vec or .bin), also with .gz.",
        )
    folder = cache_folder() / "words" / f"{hash_of(file)}-{_LAYOUT}"
    if folder.exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder.parent, ignore_cleanup_errors=True) as place:
            made = Path(place) / folder.name
            made.mkdir()
            if form == "fasttext":
                _keep_fasttext(file, made)
            else:
                words: list[bytes] = []
                dimension = 0
                with (made / "vectors").open("wb") as matrix:
                    for some in vectors_of(file, form):
                        words += some.words
                        dimension = some.vectors.shape[1]
                        matrix.write(np.ascontiguousarray(some.vectors, "<f4").data)
                _keep_words(made, words, len(words), dimension)
            os.rename(made, folder)
    except OSError as error:
        if not folder.exists():  # else another process was first
            raise ModelError(
                f"word vectors {file}: what is made of them cannot be kept in {folder.parent}: {error}",
                "XDG_CACHE_HOME may name another place.",
            ) from None
    return folder


def _keep_fasttext(file: Path, made: Path) -> None:
    with opened(file) as content:
        found = read_fasttext(file, content)
        start = content.tell()
        compressed = isinstance(content, gzip.GzipFile)
        if compressed:
            with (made / "vectors").open("wb") as matrix:
                _copy(file, content, matrix, found.rows * found.dimension * 4)
        elif file.stat().st_size < start + found.rows * found.dimension * 4:
            raise broken(file, "its vectors end too early")
    _keep_words(made, found.words, found.rows, found.dimension, found, None if compressed else start)


def _copy(file: Path, content: IO[bytes], matrix: IO[bytes], size: int) -> None:
    while size > 0:
        part = content.read(min(size, _COPIED))
        matrix.write(part)
        size -= len(part)
        if not part:
            raise broken(file, "its vectors end too early")


def _keep_words(
    made: Path, words: list[bytes], rows: int, dimension: int, found: FastText | None = None, offset: int | None = None
) -> None:
    (made / "words").write_bytes(b"".join(words))
    np.save(made / "ends.npy", np.fromiter(accumulate(map(len, words)), np.int64, len(words)))
    np.save(made / "sorted.npy", np.array(sorted(range(len(words)), key=words.__getitem__), np.int32))
    if found:
        np.save(made / "counts.npy", np.array(found.counts, np.int64))
    subwords = found.subwords if found else None
    about = {
        "dimension": dimension, "words": len(words), "rows": rows, "offset": offset, "counts": found is not None,
        "subwords": None if subwords is None else
        {"shortest": subwords.shortest, "longest": subwords.longest, "buckets": subwords.buckets},
    }  # fmt: skip
    (made / "about.json").write_text(json.dumps(about), "utf-8")
