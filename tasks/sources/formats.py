"""Which format a file has: by its content where that is beyond doubt, else by its name."""

import mimetypes
from functools import lru_cache
from pathlib import PurePosixPath

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
ARCHIVES = ("zip", "tar")
"""Formats whose files hold files, as a folder does."""
RECORDS = ("jsonl", "csv", "parquet")
"""Formats whose files hold records."""
CONTAINERS = (*RECORDS, "mbox", *ARCHIVES)
"""Formats whose files hold records, messages or files, each one a document."""
MEDIA = {
    "image": (
        ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib", ".heic",
        ".heif", ".avif", ".svg",
    ),
    "audio": (
        ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".m4b", ".aac", ".aif", ".aiff", ".caf",
        ".au", ".mka", ".wma",
    ),
    "video": (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp"),
}  # fmt: skip
"""Extensions of the files of each medium beside text; each of these is a format of that name."""

LANGUAGES = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript",
    ".jsx": "javascript", ".ts": "typescript", ".tsx": "tsx", ".java": "java", ".go": "go", ".rs": "rust",
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp", ".sh": "bash",
    ".bash": "bash", ".rb": "ruby", ".cs": "c-sharp", ".php": "php", ".swift": "swift", ".kt": "kotlin",
    ".scala": "scala", ".sql": "sql", ".lua": "lua", ".r": "r", ".pl": "perl", ".css": "css", ".yaml": "yaml",
    ".yml": "yaml", ".toml": "toml", ".ini": "ini", ".cfg": "ini", ".conf": "ini", ".properties": "ini",
}  # fmt: skip
"""Languages by extension. One without a grammar in tasks.chunk.syntax is cut as plain text."""

_EXTENSIONS = {
    ".txt": "text", ".text": "text", ".log": "text", "": "text", ".md": "markdown", ".markdown": "markdown",
    ".rst": "rst", ".html": "html", ".htm": "html", ".xhtml": "html", ".pdf": "pdf", ".docx": "office",
    ".pptx": "office", ".xlsx": "office", ".epub": "epub", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".parq": "parquet", ".mhtml": "html",
    ".mht": "html",
    **dict.fromkeys(
        (
            ".docm", ".dotx", ".dotm", ".doc", ".dot", ".pptm", ".ppsx", ".ppsm", ".potx", ".ppt", ".pps", ".xlsm",
            ".xltx", ".xltm", ".xlsb", ".xls", ".odt", ".ott", ".odm", ".ods", ".ots", ".odp", ".otp", ".odg", ".fodt",
            ".fods", ".fodp",
        ),
        "office",
    ),
    ".rtf": "rtf", ".eml": "mail", ".mbox": "mbox", ".msg": "mail", ".ipynb": "notebook", ".tex": "tex", ".ltx": "tex",
    ".org": "org", ".adoc": "asciidoc", ".asciidoc": "asciidoc", ".srt": "subtitles", ".vtt": "subtitles",
    ".xml": "xml", ".dbk": "xml", ".docbook": "xml", ".rss": "xml", ".atom": "xml",
    ".zip": "zip", ".tar": "tar",
    **dict.fromkeys(LANGUAGES, "code"),
}  # fmt: skip

_COMPRESSED_TARS = {
    ".tgz": ".gz", ".taz": ".gz", ".tbz": ".bz2", ".tbz2": ".bz2", ".tb2": ".bz2", ".txz": ".xz", ".tzst": ".zst",
}  # fmt: skip
_PACKED = (*COMPRESSIONS, *_COMPRESSED_TARS)
_TEXTS = ("text", "markdown", "rst", "html", "code")
_EXTENSION_OF = {language: extension for extension, language in reversed(LANGUAGES.items())}

_MARKS = frozenset(("_SUCCESS", "_metadata", "_common_metadata"))

COMPOUND = "an old or encrypted Office file"
"""What Microsoft's compound format is called here; its streams tell more."""

_SIGNATURES = [
    (b"PK\x03\x04", "zip"),
    (b"{\\rtf", "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", COMPOUND),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\x89HDF", "HDF5"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"8BPS", "a Photoshop image"),
    (b"OggS", "an Ogg recording"),
    (b"ID3", "an MP3 recording"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
    (b"\x7fELF", "a program"),
    (b"\0asm", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"SQLite format 3", "a SQLite database"),
    (b"%!PS-Adobe", "PostScript"),
]
_BEGINNINGS = tuple(signature for signature, _ in _SIGNATURES)
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_SOUNDS = (b"fLaC", b"OggS", b"ID3", b"caff", b"RF64")
_IMAGE_BRANDS = (b"avif", b"heic", b"heix", b"mif1")
_PDF_HEAD = 1024  # bytes in which a PDF's own beginning may stand after others, as its readers allow
_ARCHIVES = {
    ".7z": "application/x-7z-compressed", ".rar": "application/vnd.rar",
    ".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
    ".iso": "application/x-iso9660-image", ".dmg": "application/x-apple-diskimage",
    ".whl": "application/zip", ".egg": "application/zip", ".xpi": "application/zip", ".nupkg": "application/zip",
    ".vsix": "application/zip", ".apk": "application/vnd.android.package-archive", ".ipa": "application/zip",
    ".jar": "application/java-archive", ".war": "application/java-archive", ".ear": "application/java-archive",
    ".aar": "application/java-archive", ".class": "application/java-vm",
    ".wasm": "application/wasm", ".sqlite": "application/vnd.sqlite3", ".sqlite3": "application/vnd.sqlite3",
    ".npy": "application/octet-stream", ".npz": "application/octet-stream", ".pkl": "application/octet-stream",
    ".pickle": "application/octet-stream", ".pt": "application/octet-stream", ".onnx": "application/octet-stream",
    ".safetensors": "application/octet-stream",
}  # fmt: skip
_WITHOUT_TEXT = {
    *_ARCHIVES.values(), "application/x-python-code", "application/zip", "application/x-tar",
    "application/postscript", "application/x-hdf5", "application/x-shockwave-flash",
}  # fmt: skip


def split_compression(name: str) -> tuple[str, str | None]:
    """A file's name without its compression suffix, and the compression: gzip, zstd, bz2, xz or None."""
    if not name.lower().endswith(_PACKED):
        return name, None
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix in _COMPRESSED_TARS:
        return f"{path.stem}.tar", COMPRESSIONS[_COMPRESSED_TARS[suffix]]
    compression = COMPRESSIONS.get(suffix)
    return (path.stem, compression) if compression else (name, None)


@lru_cache(maxsize=1024)  # as a few ask of each file
def format_of(name: str) -> str | None:
    """The format that a file's name promises, or None where it promises none that has text.

    `page.rst.txt`, as Sphinx names its sources, is what `page.rst` is.
    """
    path = PurePosixPath(split_compression(PurePosixPath(name).name)[0])
    promised = _EXTENSIONS.get(path.suffix.lower())
    inner = _EXTENSIONS.get(PurePosixPath(path.stem).suffix.lower()) if path.suffix.lower() == ".txt" else None
    return inner if inner in ("rst", "markdown") else promised


def is_archive(name: str) -> bool:
    """Whether a file is an archive by its name."""
    return format_of(name) in ARCHIVES


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


def signature_of(data: bytes) -> str | None:
    """What a file's bytes prove its content to be, or None.

    Args:
        data: the file from its beginning; the first kilobyte is enough but for a PDF with other bytes before it.
    """
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(_BEGINNINGS):
        return next(kind for signature, kind in _SIGNATURES if data.startswith(signature))
    return "pdf" if b"%PDF-1." in data[:_PDF_HEAD] and b"endobj" in data else None


def no_content(name: str) -> str | None:
    """What a file is that Spark, Hive or Hadoop writes beside those with records, by its name, else None."""
    return "marks of Spark and Hive" if name in _MARKS or name.endswith(".crc") else None


def medium_of(name: str) -> str | None:
    """The medium beside text that a file's name promises, else None."""
    suffix = PurePosixPath(split_compression(name)[0]).suffix.lower()
    return next((medium for medium, extensions in MEDIA.items() if suffix in extensions), None)


def shown_medium(data: bytes) -> str | None:
    """The medium beside text that a file's bytes prove it to be, whatever its name is; else None."""
    if data[:4] == b"RIFF":
        return {b"WEBP": "image", b"WAVE": "audio", b"AVI ": "video"}.get(data[8:12])
    if data[4:8] == b"ftyp":
        return "image" if data[8:12] in _IMAGE_BRANDS else "audio" if data[8:11] == b"M4A" else "video"
    if data.startswith(b"\x1aE\xdf\xa3"):
        return "video"
    return "audio" if data.startswith(_SOUNDS) else "image" if data.startswith(_IMAGES) else None


def other_medium(name: str) -> str | None:
    """The media type of a file that holds no text by its name: an image, sound, film, font, archive, program or
    data for programs; else None."""
    name = split_compression(name)[0]
    media_type = _ARCHIVES.get(PurePosixPath(name).suffix.lower()) or mimetypes.guess_type(name)[0] or ""
    other = media_type in _WITHOUT_TEXT or media_type.split("/")[0] in ("image", "audio", "video", "font")
    return media_type if other else None
