"""A corpus as one YAML file: what it may say, with the defaults.

Pure data: nothing here reads a file or reaches a store.
"""

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tasks.config.answering import Ask
from tasks.config.media import Audio, Transcribe, Video
from tasks.config.models import Model
from tasks.config.operating import Evaluations, Lease, Resources, Schedule
from tasks.config.part import Name, Settings, ShortForm
from tasks.config.reranking import Rerank
from tasks.config.sources import Source, placeholders

MetadataType = Literal["string", "integer", "number", "boolean", "date", "datetime", "strings"]

RESERVED_COLUMNS = frozenset(
    (
        "attempts", "bytes", "checksum", "chunk_id", "chunks", "container", "content_hash", "content_reference",
        "document_hash", "document_id", "embedded_hash", "encoding", "encoding_confidence", "end", "heading_path",
        "media_type", "modality", "ordinal", "repeats", "run", "settings", "source", "span_page", "span_region",
        "span_unit", "start", "state", "tag", "text", "text_hash", "title", "token_count", "tokens", "uri", "vector",
        "version", "visual_hash",
    )
)  # fmt: skip


class Extraction(Settings):
    """How content becomes text."""

    hashed_always = frozenset({"max_bytes", "timeout", "on_failure"})

    max_bytes: int = Field(256 * 2**20, gt=0, description="Largest document, in bytes after decompression.")
    timeout: float = Field(300, gt=0, description="Longest time for one document or block of records, in seconds.")
    least_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Fail what is in an encoding that was guessed with less confidence; 0 keeps every guess.",
    )
    ocr: bool = Field(
        False,
        description="Read pages of PDFs that have no text by OCR (pip install 'embedlake[ocr]'). A page takes seconds:"
        " raise `timeout` for long scans.",
    )
    images: Literal["none", "files", "all"] = Field(
        "none",
        description="files: images are documents, for models that take them; all: those within PDF, Word, PowerPoint,"
        " Excel, OpenDocument, EPUB and HTML files and notebooks are pieces of these, too; none: they are skipped and"
        " counted.",
    )
    max_pixels: int = Field(100_000_000, gt=0, description="Largest image, in pixels; a larger one is a failure.")
    tiles: int | None = Field(
        None, ge=16, description="Cut images into tiles of so many pixels a side; by default an image is one chunk."
    )
    frames: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Most frames of an animation (GIF, WebP, PNG) that are read, spread over it; by default the first.",
    )
    audio: Audio | None = Field(
        None, description="Sounds are documents, for models that take them; by default they are skipped and counted."
    )
    video: Video | None = Field(
        None,
        description="Films are documents, for models that take images or sound; by default they are skipped and"
        " counted.",
    )
    transcribe: Transcribe | None = Field(
        None,
        description="Write down the words of sounds and films by a speech recognition model, such as"
        " openai/whisper-small; they are found as text, with their times. It takes long, and is done once for each"
        " sound.",
    )
    on_failure: Literal["keep", "drop"] = Field(
        "keep",
        description="What becomes of a document that was read before and cannot be read now: keep its last good text"
        " in search until it can, or drop it.",
    )

    @property
    def media(self) -> frozenset[str]:
        """The media beside text whose files are documents: image, audio, video."""
        asked = {"image": self.images != "none", "audio": self.audio is not None, "video": self.video is not None}
        return frozenset(medium for medium, wanted in asked.items() if wanted)

    def identity(self) -> dict[str, Any]:
        """What enters a hash; of its parts what does of them."""
        parts = {"audio": self.audio, "video": self.video, "transcribe": self.transcribe}
        return super().identity() | {name: part.identity() for name, part in parts.items() if part}

    @model_validator(mode="after")
    def _something_is_heard(self) -> "Extraction":
        if self.transcribe and not (self.audio or (self.video and self.video.sound)):
            raise ValueError("transcribe needs sounds or films with their sound: set `audio: files` or `video: files`")
        return self


class Chunking(Settings):
    """How text becomes chunks."""

    hashed_always = frozenset({"strategy", "size", "overlap"})
    hashed_never = frozenset({"tokenizer"})  # its content is hashed instead

    strategy: Literal["auto", "recursive", "headings", "syntax", "sentences", "document"] = Field(
        "auto",
        description="auto: headings for Markdown and what is converted to it, syntax for code, recursive for the rest.",
    )
    size: int = Field(
        256,
        ge=8,
        le=1_000_000,
        description="Most tokens in a chunk, with the title and headings above it and the model's own special tokens.",
    )
    overlap: int = Field(0, ge=0, description="Tokens that a chunk repeats from the one before it.")
    tokenizer: str | None = Field(
        None,
        description="Whose tokens are counted: a model as under models. By default the one that the lake keeps, which"
        " is the first model's of the first run.",
    )

    @model_validator(mode="after")
    def _overlap_fits(self) -> "Chunking":
        if self.overlap * 2 > self.size:
            raise ValueError(f"overlap ({self.overlap}) must be at most half of size ({self.size})")
        return self


class Lake(ShortForm):
    """Where the tables are."""

    uri: str = Field("lake", min_length=1, description="A folder relative to this file, or s3://….")
    options: dict[str, str] = Field({}, repr=False, description="Passed to Lance's object store.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"uri": value} if isinstance(value, str) else value


class Search(Settings):
    """How the corpus is searched, unless a search says otherwise."""

    by: Literal["vector", "text", "hybrid"] = Field(
        "hybrid",
        description="vector: by meaning; text: by words; hybrid: by both, where the table has a text index.",
    )
    weight: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Of meaning against words in a hybrid search, from 0 to 1; by default what a run found to suit it.",
    )
    rerank: Rerank | None = Field(None, description="What orders the best passages of every search anew.")


class Corpus(Settings):
    """A named body of documents, and how it is embedded."""

    hashed_never = frozenset(
        {
            "name", "lake", "sources", "metadata", "extraction", "chunking", "deduplication", "models", "promote",
            "overlong", "resources", "lease", "schedule", "evaluations", "language", "search", "ask", "budget",
        }
    )  # fmt: skip

    name: Name = Field(description="Name of the corpus; its tables begin with it.")
    lake: Lake = Field(default_factory=lambda: Lake.model_validate({}), description="Where the tables are.")
    sources: list[Source] = Field(min_length=1, description="Where documents come from.")
    metadata: dict[str, MetadataType] = Field(
        {}, description="Metadata fields and their types; columns of every table."
    )
    metadata_errors: Literal["count", "refuse"] = Field(
        "count",
        description="Values that do not fit their metadata field's type: count them, and the field is null; or refuse"
        " the document.",
    )
    extraction: Extraction = Field(
        default_factory=lambda: Extraction.model_validate({}), description="How content becomes text."
    )
    chunking: Chunking = Field(
        default_factory=lambda: Chunking.model_validate({}), description="How text becomes chunks."
    )
    deduplication: Literal["exact", "near", "none"] = Field(
        "exact",
        description="exact: a search shows each text once, however many documents have it; near: of images that look"
        " alike only the best, too; none: every time.",
    )
    models: list[Model] = Field(
        min_length=1,
        description="Each gets a table, which runs keep up. The first whose table is complete becomes the one that"
        " search uses; from then on only `embedlake promote` and `rollback` change that.",
    )
    promote: Literal["by hand", "automatic"] = Field(
        "by hand",
        description="automatic: a run makes the first model the one that search uses, once its table is complete and"
        " the latest evaluation finds it not worse than the one that is used.",
    )
    overlong: Literal["count", "refuse"] = Field(
        "count", description="Chunks longer than a model reads: count them (the model cuts them), or refuse them."
    )
    language: str | None = Field(
        None,
        pattern="^[a-z]{2}$",
        description="ISO 639-1 code of the language that it is in, such as de; decides how text is split into words for"
        " search, and which are the same word. By default that of most passages. Where sound is transcribed, also the"
        " language that is heard; by default the model tells it.",
    )
    search: Search = Field(
        default_factory=lambda: Search.model_validate({}), description="How it is searched by default."
    )
    ask: Ask = Field(
        default_factory=lambda: Ask.model_validate({}), description="Who answers `embedlake ask`, and from how much."
    )
    resources: Resources = Field(
        default_factory=lambda: Resources.model_validate({}), description="What embedding may use."
    )
    budget: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Most that a run may pay for models behind an API, in USD, such as 20 or '20 USD'. A run ends"
        " before it would be exceeded; what was paid for is landed.",
    )
    lease: Lease = Field(
        default_factory=lambda: Lease.model_validate({}), description="How one writer keeps others away."
    )
    schedule: Schedule | None = Field(None, description="When `embedlake serve` runs it.")
    evaluations: Evaluations | None = Field(
        None, description="When `embedlake serve` compares its models, and by what; by default on demand only."
    )

    def source(self, name: str) -> Source:
        """The source that has a name."""
        return next(source for source in self.sources if source.name == name)

    @field_validator("budget", mode="before")
    @classmethod
    def _in_dollars(cls, value: Any) -> Any:
        return value.strip().removesuffix("USD").strip() if isinstance(value, str) else value

    @field_validator("metadata")
    @classmethod
    def _free_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name in RESERVED_COLUMNS:
                raise ValueError(f"metadata field {name!r} has the name of a column that every table has; rename it")
            if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
                raise ValueError(f"metadata field {name!r} must be lower-case letters, digits and underscores")
        return value

    @model_validator(mode="after")
    def _distinct_names(self) -> "Corpus":
        for what, names in (
            ("source", [source.name for source in self.sources]),
            ("model", [model.name for model in self.models]),
        ):
            repeated = {name for name in names if names.count(name) > 1}
            if repeated:
                raise ValueError(f"two {what}s have the name {repeated.pop()!r}; give each one its own `name`")
        for source in self.sources:
            medium = source.fields.medium
            if medium and medium[0] not in self.extraction.media:
                what, key = {"image": ("images", "images"), "audio": ("sounds", "audio")}[medium[0]]
                raise ValueError(
                    f"source {source.name!r} names a column of {what}; set `extraction: {{{key}: files}}` too"
                )
        for source in self.sources:
            unknown = set(source.metadata) - set(self.metadata)
            if unknown:
                raise ValueError(
                    f"source {source.name!r} fills metadata field {unknown.pop()!r}, which `metadata` does not declare"
                )
            unused = set(placeholders(source.path or "")) - {source.metadata.get(n, n) for n in self.metadata}
            if unused:
                raise ValueError(
                    f"the path of source {source.name!r} names {unused.pop()!r}, which `metadata` does not declare"
                )
        return self
