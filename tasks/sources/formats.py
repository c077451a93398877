"""Which format a file has: by its content where that is beyond doubt, else by its name."""

import mimetypes
from pathlib import PurePosixPath

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
CONTAINERS = ("jsonl", "csv", "parquet")
"""Formats whose files hold records, each one a document."""

LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript",
    ".jsx": "javascript", ".ts": "typescript", ".tsx": "tsx", ".java": "java", ".go": "go", ".rs": "rust",
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp", ".sh": "bash",
    ".bash": "bash", ".rb": "ruby", ".cs": "c-sharp", ".php": "php", ".swift": "swift", ".kt": "kotlin",
    ".scala": "scala", ".sql": "sql", ".lua": "lua", ".r": "r", ".pl": "perl", ".css": "css",
}  # fmt: skip
"""Languages by extension. One without a grammar in tasks.chunk.syntax is cut as plain text."""

_EXTENSIONS = {
    ".txt": "text", ".text": "text", ".log": "text", "": "text", ".md": "markdown", ".markdown": "markdown",
    ".rst": "rst", ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".docx": "office",
    ".pptx": "office", ".xlsx": "office", ".epub": "epub", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".parq": "parquet", ".mhtml": "html",
    ".mht": "html",
    **dict.fromkeys(LANGUAGES, "code"),
}  # fmt: skip

_TEXTS = ("text", "markdown", "rst", "html", "code")
_EXTENSION_OF = {language: extension for extension, language in reversed(LANGUAGES.items())}

_MARKS = frozenset(("_SUCCESS", "_metadata", "_common_metadata"))

_SIGNATURES = [
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or encrypted Office file"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PAR1", "parquet"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a SQLite database"),
]


def split_compression(name: str) -> tuple[str, str | None]:
    """A file's name without its compression suffix, and the compression: gzip, zstd, bz2, xz or None."""
    path = PurePosixPath(name)
    compression = COMPRESSIONS.get(path.suffix.lower())
    return (path.stem, compression) if compression else (name, None)


def format_of(name: str) -> str | None:
    """The format that a file's name promises, or None where it promises none that has text."""
    path = PurePosixPath(split_compression(PurePosixPath(name).name)[0])
    return _EXTENSIONS.get(path.suffix.lower())


def language_of(name: str) -> str:
    """The programming language that a file's name promises, or `text`."""
    path = PurePosixPath(split_compression(PurePosixPath(name).name)[0])
    return LANGUAGES.get(path.suffix.lower(), "text")


def record_format(said: str, otherwise: str) -> tuple[str, str]:
    """What the text of a record is, and a file name that says so: by a format, a language, a media type or a file name
    that the record gives.

    Args:
        said: by the record; may be empty.
        otherwise: the format where that says nothing.
    """
    word = said.strip()
    kind = word.lower().partition(";")[0].rpartition("/")[2].removeprefix("x-")  # of text/x-python; charset=utf-8
    for name in (word.lower(), kind):
        if name in ("plain", *_TEXTS):
            return ("text" if name == "plain" else name), "record"
        if name in _EXTENSION_OF:
            return "code", f"record{_EXTENSION_OF[name]}"
    name = PurePosixPath(word).name
    name = name if "." in name else f"record.{name}"
    found = format_of(name) if word else None
    return (found, name) if found in _TEXTS else (otherwise, "record")


def signature_of(head: bytes) -> str | None:
    """What the first bytes prove the content to be, or None."""
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def no_content(name: str) -> str | None:
    """What a file is that Spark, Hive or Hadoop writes beside those with records, by its name, else None."""
    return "marks of Spark and Hive" if name in _MARKS or name.endswith(".crc") else None


def other_medium(name: str) -> str | None:
    """The media type of a file that is an image, sound, film, font or bytecode by its name, else None."""
    media_type = mimetypes.guess_type(name)[0] or ""
    if media_type == "application/x-python-code":
        return media_type
    return media_type if media_type.split("/")[0] in ("image", "audio", "video", "font") else None
