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
    ".pptx": "office", ".xlsx": "office", ".epub": "epub", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet",
    ".mhtml": "html", ".mht": "html", **dict.fromkeys(LANGUAGES, "code"),
}  # fmt: skip

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


def signature_of(head: bytes) -> str | None:
    """What the first bytes prove the content to be, or None."""
    return next((kind for signature, kind in _SIGNATURES if head.startswith(signature)), None)


def other_medium(name: str) -> str | None:
    """The media type of a file that is an image, sound, film, font or bytecode by its name, else None."""
    media_type = mimetypes.guess_type(name)[0] or ""
    if media_type == "application/x-python-code":
        return media_type
    return media_type if media_type.split("/")[0] in ("image", "audio", "video", "font") else None
