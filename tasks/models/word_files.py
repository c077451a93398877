"""Files of word vectors, in the forms in which they are published.

| form | what it is |
|---|---|
| text | a word and its numbers a line, as GloVe has it; word2vec's and fastText's .vec begin with two counts |
| binary | word2vec's: two counts, then each word, a space and its float32 |
| fasttext | fastText's .bin: words with counts, and vectors of words and of n-grams of their characters |
| matrix | a NumPy .npy, and beside it the words of its rows: a Parquet file of one column, or a line each in a .txt |

The first three may be compressed by gzip. The most frequent words come first in each, as their makers write them.
"""

import gzip
import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from tasks.errors import ModelError
from tasks.models.weights import file_hash

Form = Literal["text", "binary", "fasttext", "matrix"]
_FASTTEXT = 793_712_314  # the first int32 of fastText's .bin
_LINES = 4096  # that are read at once
_LONGEST_WORD = 2**16  # bytes; what has no end until then is no word
_LOOKED_AT = 3  # lines by which a text is known for word vectors
_SUFFIXES = (".txt", ".vec", ".bin", ".gz")


class Some(NamedTuple):
    """Some words, in order: as bytes of UTF-8, and their vectors, float32 of shape (n_words, dimension)."""

    words: list[bytes]
    vectors: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Subwords:
    """How fastText makes n-grams of a word: of `shortest` to `longest` characters, into so many buckets."""

    shortest: int
    longest: int
    buckets: int


@dataclass(frozen=True, slots=True)
class FastText:
    """What stands before the vectors in fastText's .bin.

    Attributes:
        words, counts: how often each was seen when it was trained.
        subwords: or None where it was trained without.
        rows, dimension: of the matrix, float32, whose first rows are of words.
    """

    words: list[bytes]
    counts: list[int]
    subwords: Subwords | None
    rows: int
    dimension: int


def form_of(file: Path) -> Form | None:
    """The form of a file by its content; None where it is none of word vectors."""
    if file.suffix == ".npy":
        return "matrix" if words_beside(file) else None
    try:
        with opened(file) as content:
            start = content.read(4)
            if len(start) == 4 and struct.unpack("<i", start)[0] == _FASTTEXT:
                return "fasttext"
        with opened(file) as content:
            first = content.readline(2**20)
            counts = _counts(first)
            if counts is None:
                lines = [first, *(content.readline(2**20) for _ in range(_LOOKED_AT - 1))]
                lines = [line for line in lines if line.strip()]
                return "text" if lines and all(_is_entry(line, len(first.split()) - 1) for line in lines) else None
            return "text" if _is_entry(content.readline(2**20), counts[1]) else _binary(file)
    except (OSError, EOFError):
        return None


def hash_of(file: Path) -> str:
    """SHA-256 over the content of a file of word vectors, with the words of a matrix; 64 hexadecimal digits."""
    beside = words_beside(file) if file.suffix == ".npy" else None
    if beside is None:
        return file_hash(file)
    return hashlib.sha256(f"{file_hash(file)} {file_hash(beside)}".encode()).hexdigest()


def word_file_in(folder: Path) -> Path | None:
    """The first file of word vectors that a folder has, by name."""
    named = (path for path in files_within(folder) if path.suffix in (*_SUFFIXES, ".npy"))
    return next((path for path in named if form_of(path)), None)


def files_within(folder: Path) -> list[Path]:
    """The files of a folder and of those in it, by name; deeper ones are no model's."""
    try:
        return sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_file())
    except OSError:  # one that went meanwhile, or that nobody may read
        return []


def opened(file: Path) -> IO[bytes]:
    """A file's content, decompressed where gzip compressed it."""
    with file.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
    return cast(IO[bytes], gzip.open(file)) if compressed else file.open("rb")


def vectors_of(file: Path, form: Form) -> Iterator[Some]:
    """All words of a file with a vector each, some at a time, but fastText's .bin. Lines that are none are left out.

    Raises:
        ModelError: it ends too early, or a matrix has other words than rows.
    """
    if form == "matrix":
        yield from _of_matrix(file)
        return
    with opened(file) as content:
        try:
            yield from _of_binary(content) if form == "binary" else _of_text(content)
        except (EOFError, struct.error) as error:
            raise broken(file, str(error)) from None


def broken(file: Path, reason: str) -> ModelError:
    """What is said of a file that cannot be read to its end."""
    return ModelError(f"word vectors {file}: it is damaged or cut off ({reason})", "Fetch it again.")


def words_beside(matrix: Path) -> Path | None:
    """The file that has the words of a matrix's rows."""
    beside = sorted(path for path in matrix.parent.iterdir() if path.suffix in (".parquet", ".txt") and path.is_file())
    return beside[0] if len(beside) == 1 else None


def read_fasttext(file: Path, content: IO[bytes]) -> FastText:
    """The head of fastText's .bin; then `content` stands at the first number of its matrix.

    Raises:
        ModelError: it is quantised, of a version that is not known, or damaged.
    """

    def numbers(form: str) -> tuple[int, ...]:
        return struct.unpack(f"<{form}", content.read(struct.calcsize(f"<{form}")))

    try:
        _, version = numbers("ii")
        *_, buckets, shortest, longest, _, _ = numbers("12id")
        _, word_count, label_count, _, pruned = numbers("iiiqq")
        if version not in (11, 12) or pruned > 0:
            raise _unknown(file)
        entries = [_entry(content) for _ in range(word_count + label_count)]
        (quantised,) = numbers("?")
        if quantised:
            raise _unknown(file)
        rows, dimension = numbers("qq")
    except (struct.error, EOFError) as error:
        raise broken(file, str(error)) from None
    words = entries[:word_count]
    subwords = Subwords(shortest, longest, buckets) if longest > 0 and rows > word_count else None
    return FastText([word for word, _ in words], [count for _, count in words], subwords, rows, dimension)


def _unknown(file: Path) -> ModelError:
    return ModelError(
        f"word vectors {file}: fastText quantised it, or wrote it in another version than 11 or 12",
        "Give the .bin that it was made of, or its .vec.",
    )


def _entry(content: IO[bytes]) -> tuple[bytes, int]:
    """A word of fastText's dictionary, and its count."""
    word = _until(content, b"\0")
    count, _ = struct.unpack("<qb", content.read(9))
    return word, count


def _until(content: IO[bytes], end: bytes) -> bytes:
    found = bytearray()
    while (letter := content.read(1)) != end:
        if not letter or len(found) > _LONGEST_WORD:
            raise EOFError("a word has no end")
        found += letter
    return bytes(found)


def _counts(line: bytes) -> tuple[int, int] | None:
    """The two counts of a first line: words and dimension."""
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    return int(parts[0]), int(parts[1])


def _is_entry(line: bytes, dimension: int) -> bool:
    """Whether a line is a word and so many numbers."""
    parts = line.split()
    if dimension < 2 or len(parts) < dimension + 1:
        return False
    try:
        return len([float(part) for part in parts[-dimension:]]) == dimension
    except ValueError:
        return False


def _binary(file: Path) -> Form | None:
    """word2vec's, if its first word is one."""
    with opened(file) as content:
        content.readline(100)
        try:
            _until(content, b" ").decode()
        except (EOFError, UnicodeDecodeError):
            return None
    return "binary"


def _of_text(content: IO[bytes]) -> Iterator[Some]:
    first = content.readline()
    counts = _counts(first)
    dimension = counts[1] if counts else len(first.split()) - 1
    lines = [] if counts else [first]
    for line in content:
        lines.append(line)
        if len(lines) == _LINES:
            yield _some(lines, dimension)
            lines = []
    if lines:
        yield _some(lines, dimension)


def _some(lines: list[bytes], dimension: int) -> Some:
    """The entries of some lines: all at once where each is a word and its numbers, else one by one."""
    parts = [line.rstrip().split(b" ", 1) for line in lines]
    if all(len(part) == 2 and part[1].count(b" ") == dimension - 1 for part in parts):
        try:
            numbers = np.array(b" ".join(rest for _, rest in parts).split(), np.float32)
        except ValueError:
            numbers = np.empty(0, np.float32)
        if len(numbers) == len(parts) * dimension:
            return Some([word for word, _ in parts], numbers.reshape(-1, dimension))
    good = [line.rstrip().rsplit(b" ", dimension) for line in lines if _is_entry(line, dimension)]
    good = [one for one in good if len(one) == dimension + 1]
    vectors = np.array([one[1:] for one in good], np.float32).reshape(-1, dimension)
    return Some([word for word, *_ in good], vectors)


def _of_binary(content: IO[bytes]) -> Iterator[Some]:
    count, dimension = _counts(content.readline()) or (0, 0)
    words: list[bytes] = []
    vectors: list[bytes] = []
    for place in range(count):
        words.append(_until(content, b" ").lstrip(b"\n"))
        vectors.append(content.read(4 * dimension))
        if len(vectors[-1]) < 4 * dimension:
            raise EOFError(f"it has {place} of {count} words")
        if len(words) == _LINES or place == count - 1:
            yield Some(words, np.frombuffer(b"".join(vectors), "<f4").reshape(-1, dimension))
            words, vectors = [], []


def _of_matrix(file: Path) -> Iterator[Some]:
    beside = words_beside(file)
    matrix = np.load(file, mmap_mode="r", allow_pickle=False)
    words = _words_in(beside) if beside else []
    if matrix.ndim != 2 or len(matrix) != len(words):
        raise ModelError(
            f"word vectors {file}: its shape is {matrix.shape}, and {beside} has {len(words)} words",
            "Expected a row for each word.",
        )
    for first in range(0, len(words), _LINES):
        yield Some(words[first : first + _LINES], np.asarray(matrix[first : first + _LINES], np.float32))


def _words_in(file: Path) -> list[bytes]:
    if file.suffix == ".txt":
        return file.read_bytes().splitlines()
    import pyarrow.parquet as pq

    column = pq.read_table(file).column(0)
    return [str(word).encode() for word in column.to_pylist()]
