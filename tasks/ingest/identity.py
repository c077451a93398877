"""The settings that rows are made with, as a hash in each row: with others, its document is read again.

An option that says what it says by default enters no hash, and so a new option changes none. Extractors, chunkers and
formats have versions: one that gives something else than before has its own documents read again, and no others.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tasks.config.settings import Corpus
from tasks.config.sources import Source
from tasks.extract.convert import MEDIA_TYPES
from tasks.extract.images import SHOWING
from tasks.extract.read import EMPTY
from tasks.hashing import hash_bytes, hash_settings
from tasks.sources.formats import ARCHIVES, MEDIA, RECORDS
from tasks.sources.sidecars import is_caption

_ROWS = 2  # raised where every document gives other rows than before

VERSIONS = {
    "read": {
        **dict.fromkeys(
            (
                "text", "html", "pdf", "office", "epub", "rtf", "mail", "notebook", "tex", "org", "asciidoc",
                "subtitles", "xml", "json", "jsonl", "csv", "parquet",
            ),
            3,
        ),
        **dict.fromkeys(("mbox", "zip", "tar", "sitemap"), 2),
        "subtitles": 4, "image": 2,
    },
    "chunk": {"text": 3, "markdown": 3, "rst": 3, "code": 3},
}  # fmt: skip
"""Of what reads a format and of what cuts a kind of text. New ones begin with 2: documents that were read otherwise, or
not at all, become theirs. Media have the first one: only files of corpora that ask for them are read so; and no version
of theirs counts in others."""

_HOLD_ANY = ("mail", "mbox", *ARCHIVES)  # what may hold files of any kind, which have to be read again with it
_CUT_AS_CODE = ("text", ("code",))
_OF_MEDIA = {
    "image": ("images", "max_pixels", "tiles", "frames"), "audio": ("audio", "transcribe"),
    "video": ("audio", "video", "max_pixels", "transcribe"),
}  # fmt: skip
"""The settings that decide what files of a medium are, and how they are cut."""
_READ_BY = {
    **{media_type: (name, ("text", "markdown")) for name, media_type in MEDIA_TYPES.items()},
    "text/html": ("html", ("markdown",)),
    "text/markdown": ("text", ("markdown",)),
    "text/x-rst": ("text", ("rst",)),
    "text/plain": ("text", ("text",)),
    EMPTY: ("text", ("text",)),
}
"""What reads and what cuts a document, by the media type of its content; other media types are code."""


@dataclass(frozen=True, slots=True)
class RowSettings:
    """The settings that decide what a source's rows are.

    Attributes:
        always: those that all its rows depend on.
        failed: hash for what could not be read: also of what may decide that.
        versions: of what reads and cuts, by stage and name.
        least_confidence: that a guess at an encoding needs; a row made with less is read again.
        ocr: whether pages without text are read by OCR.
        patterns: that let members of archives in, as far as they say something.
        media: by medium, that its files are documents, and how they are cut; empty where none are.
        within: the same of images within documents; empty where they are not asked for.
        records: the medium of which records have contents too, or None.
    """

    always: Mapping[str, Any]
    failed: str
    versions: Mapping[str, Mapping[str, int]]
    least_confidence: float = 0.0
    ocr: bool = False
    patterns: Mapping[str, Any] = field(default_factory=dict)
    media: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    within: Mapping[str, Any] = field(default_factory=dict)
    records: str | None = None
    _known: dict[tuple[str, str | None], str] = field(default_factory=dict, compare=False, repr=False)

    def read(self, format: str, media_type: str | None = None) -> str:
        """The hash for what was read.

        Args:
            format: of the file, as listed.
            media_type: of its content, as its row has it; None for records and files that hold them.
        """
        if (format, media_type) not in self._known:  # it is asked for each record
            self._known[format, media_type] = self._read(format, media_type)
        return self._known[format, media_type]

    def _read(self, format: str, media_type: str | None) -> str:
        reader, cutters = _READ_BY.get(media_type, _CUT_AS_CODE) if media_type else (format, ("text",))
        if media_type and (medium := media_type.partition("/")[0]) in MEDIA:
            reader, cutters = medium, ("text",)
        holds_any = reader in _HOLD_ANY
        used = [("read", format), ("read", reader), *(("chunk", cutter) for cutter in cutters)]
        used = _all_of(self.versions) if holds_any else used
        by_ocr = {"ocr": True} if self.ocr and (holds_any or reader == "pdf") else {}
        patterns = self.patterns if format in ARCHIVES and not media_type else {}
        media = [reader] if reader in MEDIA else [self.records] if self.records and format in RECORDS else []
        told = {n: v for medium in (self.media if holds_any else media) for n, v in self.media.get(medium, {}).items()}
        if holds_any or media_type in SHOWING:
            told |= self.within
        if "image" in media or (self.within and media_type in SHOWING):
            used.append(("read", "image"))
        return _hash({**self.always, **patterns, **by_ocr, **told}, self.versions, used)


def row_settings(
    corpus: Corpus, source: Source, tokenizer_hash: str, versions: Mapping[str, Mapping[str, int]] = VERSIONS
) -> RowSettings:
    """What a source's rows are made with.

    Args:
        corpus: that has the source.
        source: of the rows.
        tokenizer_hash: of the tokenizer.json that counts.
        versions: of what reads and cuts, by stage and name.
    """
    own = source.identity()
    captions = {"sidecar": own.pop("sidecar")} if is_caption(source.sidecar or "") else {}  # which are of media alone
    always = {
        "rows": _ROWS, "max_bytes": corpus.extraction.max_bytes, "chunking": corpus.chunking.identity(),
        "tokenizer": tokenizer_hash, "metadata": dict(corpus.metadata), "format": source.format,
        "fields": source.fields.identity(), "columns": source.metadata,
        **own, **corpus.identity(),
    }  # fmt: skip
    failing = {"read": hash_settings(always), "extraction": corpus.extraction.identity()}
    patterns = {"include": source.include, "exclude": source.exclude, "hidden": source.hidden}
    told = {name: value for name, value in patterns.items() if value}
    limits = corpus.extraction
    reading = {name: n for name, n in versions["read"].items() if name not in MEDIA or name in limits.media}
    versions = {**versions, "read": reading}
    failed = _hash(failing, versions, _all_of(versions))
    decided = limits.identity()
    media = {name: {n: v for n, v in decided.items() if n in _OF_MEDIA[name]} | captions for name in limits.media}
    within: dict[str, Any] = {}
    if limits.images == "all":
        within = {n: v for n, v in decided.items() if n in _OF_MEDIA["image"]}
        media["image"] |= {"images": "files"}  # to which it is the same
    records = source.fields.medium[0] if source.fields.medium else None
    return RowSettings(always, failed, versions, limits.least_confidence, limits.ocr, told, media, within, records)


def settings_of(corpus: Corpus, tokenizer_folder: str) -> dict[str, RowSettings]:
    """What each source's rows are made with, by its name."""
    tokenizer = _tokenizer_hash(tokenizer_folder)
    return {source.name: row_settings(corpus, source, tokenizer) for source in corpus.sources}


@cache
def _tokenizer_hash(folder: str) -> str:
    return hash_bytes((Path(folder) / "tokenizer.json").read_bytes())


def _all_of(versions: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str]]:
    return [(stage, name) for stage, names in versions.items() for name in names]


def _hash(
    settings: Mapping[str, Any], versions: Mapping[str, Mapping[str, int]], used: Iterable[tuple[str, str]]
) -> str:
    """A hash of some settings, and of the versions used, as far as they are not the first."""
    later = {f"{stage} {name}": version for stage, name in used if (version := versions[stage].get(name, 1)) > 1}
    return hash_settings({**settings, **({"versions": later} if later else {})})
