"""A corpus as one YAML file: what it may say, with the defaults.

Pure data: nothing here reads a file or reaches a store.
"""

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import CoreSchema

Format = Literal[
    "auto", "text", "markdown", "rst", "html", "pdf", "office", "epub", "rtf", "mail", "notebook", "tex", "org",
    "asciidoc", "subtitles", "xml", "json", "code", "jsonl", "csv", "parquet",
]  # fmt: skip
RecordFormat = Literal["text", "markdown", "rst", "html", "code"]
MetadataType = Literal["string", "integer", "number", "boolean", "date", "datetime", "strings"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]

RESERVED_COLUMNS = frozenset(
    (
        "attempts", "bytes", "checksum", "chunk_id", "chunks", "container", "content_hash", "document_hash",
        "document_id", "encoding", "encoding_confidence", "end", "heading_path", "media_type", "modality", "ordinal",
        "repeats", "run", "settings", "source", "span_page", "span_unit", "start", "state", "tag", "text", "text_hash",
        "title", "token_count", "tokens", "uri", "vector", "version",
    )
)  # fmt: skip


class Settings(BaseModel):
    """The base of every part of a corpus file: an unknown key is an error, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    hashed_always: ClassVar[frozenset[str]] = frozenset()
    """Fields that were part of an identity when every field was, whatever it said."""
    hashed_never: ClassVar[frozenset[str]] = frozenset()
    """Fields that change nothing that is kept, or enter an identity in another way."""

    def identity(self) -> dict[str, Any]:
        """What enters a hash: the fields that differ from their default. So a new one changes no hash."""
        fields = type(self).model_fields
        told = [
            name
            for name in fields
            if name not in self.hashed_never
            and (
                name in self.hashed_always or getattr(self, name) != fields[name].get_default(call_default_factory=True)
            )
        ]
        return self.model_dump(include=set(told))


class ShortForm(Settings):
    """A part that may be written as one string."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, handler(core)]}


class Fields(Settings):
    """Which columns of a JSON Lines, CSV or Parquet record hold what; `a.b` is b in the objects of column a."""

    hashed_always = frozenset({"id", "text", "title"})

    id: str | None = Field(
        None, description="Column with the record's id; without it, a record is told by its content."
    )
    text: list[str] = Field(
        ["text"],
        min_length=1,
        description="Columns whose texts make the document, in order. Of a file without `text`, all that hold words or"
        " numbers, unless this is given.",
    )
    title: str | None = Field(None, description="Column with the title.")
    format: RecordFormat = Field("text", description="What the text of a record is.")
    format_column: str | None = Field(
        None,
        description="Column that says what the text of its record is, where that differs: a format, a language, a media"
        " type, or a file name.",
    )

    @field_validator("text", mode="before", json_schema_input_type=str | list[str])
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @property
    def names_text(self) -> bool:
        """Whether the corpus file says which columns make the document; else all do where there is no `text`."""
        return "text" in self.model_fields_set


class Csv(Settings):
    """How CSV and TSV files are written. What is not said is found in the beginning of each file."""

    delimiter: str | None = Field(None, description="The character between fields, or tab.")
    quote: str | None = Field(None, description="The character around fields, or none: quotation marks are text then.")
    escape: str | None = Field(
        None, description="The character before a quotation mark within a field, or none: it is doubled then."
    )
    comment: str | None = Field(None, description="Lines that begin with this are left out.")
    columns: list[str] | None = Field(
        None, min_length=1, description="Names of the columns, in order, of files without a header."
    )

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _one_character(cls, value: str | None, info: ValidationInfo) -> str | None:
        value = "\t" if value in ("tab", "\\t") and info.field_name == "delimiter" else value
        if value is None or len(value) == 1 or (value == "none" and info.field_name != "delimiter"):
            return value
        raise ValueError(f"expected one character{' or tab' if info.field_name == 'delimiter' else ' or none'}")


class Source(Settings):
    """Where documents come from."""

    hashed_never = frozenset({"name", "uri", "format", "include", "exclude", "hidden", "fields", "metadata", "options"})

    name: Name = Field(description="A short name; the first part of every document id of this source.")
    uri: str = Field(
        min_length=1, description="A folder, file or glob: a path relative to this file, s3://…, any fsspec scheme."
    )
    format: Format = Field("auto", description="What the files are; auto goes by content and file name.")
    include: list[str] = Field([], description="Patterns as in .gitignore; only files that match are read.")
    exclude: list[str] = Field([], description="Patterns as in .gitignore; files that match are left out.")
    hidden: bool = Field(False, description="Also read files and folders whose name begins with a dot.")
    fields: Fields = Field(default_factory=lambda: Fields.model_validate({}), description="Columns of a record.")
    metadata: dict[str, str] = Field(
        {}, description="Metadata field to record column, or property of a document, where their names differ."
    )
    path: str | None = Field(
        None,
        description="Parts of the path as metadata, such as `{team}/{year}/*`: {name} for a part or some of it, * for"
        " anything in one, ** for any number of them.",
    )
    sidecar: str | None = Field(
        None,
        description="The JSON file with a document's metadata beside it, such as `{name}.json` for a.pdf.json, or"
        " `{stem}.json` for a.json; it is then no document.",
    )
    encoding: str | None = Field(
        None, description="Of all its text files, such as cp1252; by default found for each. PDF and Office have none."
    )
    csv: Csv = Field(default_factory=lambda: Csv.model_validate({}), description="How its CSV files are written.")
    options: dict[str, Any] = Field({}, repr=False, description="Passed to fsspec: keys, endpoint, and the like.")

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                b"\xff".decode(value, "replace")  # of no bytes, any name would do
        except (LookupError, ValueError):
            raise ValueError(f"{value!r} is no encoding; expected a name such as utf-8, cp1252 or shift_jis") from None
        return value

    @field_validator("path")
    @classmethod
    def _names_once(cls, value: str | None) -> str | None:
        names = placeholders(value or "")
        if value is not None and not names:
            raise ValueError("expected names in braces, for example '{team}/{year}/*'")
        if len(set(names)) < len(names):
            raise ValueError("a name in braces may stand there once")
        return value

    @field_validator("sidecar")
    @classmethod
    def _names_the_file(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\{(name|stem)\}[^/{}]+", value):
            raise ValueError("expected {name} or {stem} and what follows it, for example '{name}.json'")
        return value

    @model_validator(mode="after")
    def _lists_sidecars(self) -> "Source":
        if self.sidecar and any(mark in self.uri for mark in "*?["):
            raise ValueError("with `sidecar`, the uri is a folder; say which files with `include`")
        return self


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
    on_failure: Literal["keep", "drop"] = Field(
        "keep",
        description="What becomes of a document that was read before and cannot be read now: keep its last good text"
        " in search until it can, or drop it.",
    )


class Chunking(Settings):
    """How text becomes chunks."""

    hashed_always = frozenset({"strategy", "size", "overlap"})
    hashed_never = frozenset({"tokenizer"})  # its content is hashed instead

    strategy: Literal["auto", "recursive", "headings", "syntax", "sentences", "document"] = Field(
        "auto",
        description="auto: headings for Markdown and what is converted to it, syntax for code, recursive for the rest.",
    )
    size: int = Field(
        256, ge=8, le=1_000_000, description="Most tokens in a chunk, the model's own special tokens included."
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


class Model(ShortForm):
    """A model that embeds the corpus; it gets a table of its own."""

    hashed_always = frozenset({"dimension", "normalize", "document_prompt", "max_tokens", "int8"})
    hashed_never = frozenset(  # not of what decides a document's vector
        {"model", "name", "hub_revision", "query_prompt", "trust_remote_code", "backend", "precision"}
    )

    model: str = Field(
        min_length=1,
        description="A hub name (org/name), a local folder (./path, /path), or package:NAME for an installed one.",
    )
    name: Name = Field("", validate_default=False, description="Name of its table; from the model by default.")
    hub_revision: str | None = Field(None, description="Branch, tag or commit on the hub.")
    dimension: int | None = Field(None, gt=0, description="Cut vectors to this length (Matryoshka models).")
    normalize: bool = Field(True, description="Scale every vector to length 1; false leaves it as the model gives it.")
    query_prompt: str | None = Field(None, description="Put before a query; the model's own by default.")
    document_prompt: str | None = Field(None, description="Put before a document; the model's own by default.")
    max_tokens: int | None = Field(None, gt=0, description="Read at most this many tokens; the model's own by default.")
    trust_remote_code: bool = Field(False, description="Run Python code that comes with the model.")
    backend: Literal["auto", "torch", "openvino"] = Field(
        "auto", description="What runs it; auto: torch on a GPU, OpenVINO on a CPU where it gives the same vectors."
    )
    precision: Literal["auto", "float32"] = Field(
        "auto", description="auto: half precision where the processor has it (cosine to float32 0.999 or more)."
    )
    int8: bool = Field(
        False, description="Run it in int8 on the CPU: faster, a little less exact; gets a table of its own."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = {"model": value}
        if isinstance(value, dict) and isinstance(value.get("model"), str) and not value.get("name"):
            value = {**value, "name": table_name_of(value["model"])}
        return value


class Lake(ShortForm):
    """Where the tables are."""

    uri: str = Field("lake", min_length=1, description="A folder relative to this file, or s3://….")
    options: dict[str, str] = Field({}, repr=False, description="Passed to Lance's object store.")

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"uri": value} if isinstance(value, str) else value


class Resources(Settings):
    """What embedding may use."""

    address: str | None = Field(None, description="A running Ray cluster; by default Ray starts on this machine.")
    actors: int | None = Field(None, ge=1, description="Encoders at once; by default one per GPU, else one.")
    cpus: float | None = Field(None, gt=0, description="CPUs for each actor; by default shared out evenly.")
    gpus: float | None = Field(None, ge=0, description="GPUs for each actor; fractions share one.")
    batch_tokens: int | None = Field(
        None, ge=8, description="Tokens that a model runs at once, padding included; `embedlake bench` finds the best."
    )
    readers: int | None = Field(None, ge=1, description="Processes that read and chunk; by default one per core.")
    commit_seconds: float = Field(
        15, gt=0, description="Land vectors at least so often; a run that is killed loses at most these."
    )
    in_process_below: int = Field(
        2_000_000, ge=0, description="With fewer tokens to embed, embed in the run's own process without starting Ray."
    )


class Lease(Settings):
    """How one writer keeps others away."""

    seconds: float = Field(60, ge=2, description="A run silent for so long may be taken for dead, and its lease taken.")


_CRON_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")


class Schedule(Settings):
    """When `embedlake serve` runs the corpus."""

    cron: str = Field(description="Five fields: minute, hour, day, month, weekday.")
    timezone: str = Field("UTC", description="A name of the IANA database, such as Europe/Paris.")

    @field_validator("cron")
    @classmethod
    def _comes_true(cls, value: str) -> str:
        fields = value.split()
        if len(fields) != 5:
            raise ValueError("a cron line has five fields, for example '0 2 * * *'")
        for place, (name, field) in enumerate(zip(_CRON_FIELDS, fields, strict=True)):
            alone = [field if i == place else "*" for i in range(5)]
            if not _has_a_time(" ".join(alone)):
                raise ValueError(f"{value!r} is no cron line: its {name}, {field!r}, cannot be one")
        if not _has_a_time(value):
            raise ValueError(f"{value!r} never comes: no day is ever the {fields[2]} of month {fields[3]}")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except Exception:
            raise ValueError(f"{value!r} is no time zone; expected a name such as UTC or Europe/Paris") from None
        return value


class Corpus(Settings):
    """A named body of documents, and how it is embedded."""

    hashed_never = frozenset(
        {
            "name", "lake", "sources", "metadata", "extraction", "chunking", "deduplication", "models", "overlong",
            "resources", "lease", "schedule",
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
    deduplication: Literal["exact", "none"] = Field(
        "exact", description="exact: a search shows each text once, however many documents have it; none: every time."
    )
    models: list[Model] = Field(min_length=1, description="The first is the one that search uses by default.")
    overlong: Literal["count", "refuse"] = Field(
        "count", description="Chunks longer than a model reads: count them (the model cuts them), or refuse them."
    )
    resources: Resources = Field(
        default_factory=lambda: Resources.model_validate({}), description="What embedding may use."
    )
    lease: Lease = Field(
        default_factory=lambda: Lease.model_validate({}), description="How one writer keeps others away."
    )
    schedule: Schedule | None = Field(None, description="When `embedlake serve` runs it.")

    def source(self, name: str) -> Source:
        """The source that has a name."""
        return next(source for source in self.sources if source.name == name)

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


def _has_a_time(cron: str) -> bool:
    """Whether there is a time that a line of five fields names. Of what cronsim knows, Prefect lacks the last workday
    of a month (LW) and its last Monday (1L)."""
    from cronsim import CronSim

    days, weekdays = cron.upper().split()[2::2]
    if (days != "L" and "L" in days) or "L" in weekdays:
        return False
    try:
        next(CronSim(cron, datetime(2000, 1, 1)))
    except Exception:  # its own, and Python's for numbers of a thousand digits
        return False
    return True


def placeholders(pattern: str) -> list[str]:
    """The names in braces."""
    return re.findall(r"\{([^\W\d]\w*)\}", pattern)


def table_name_of(model: str) -> str:
    """A table's name for a model: the last part of its reference, in letters, digits, _ and -."""
    last = model.removeprefix("package:").rstrip("/").rsplit("/", 1)[-1]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", last).strip("-_").lower() or "model"
