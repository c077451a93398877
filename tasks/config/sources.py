"""The part of a corpus file that says where documents come from, and how their files are written."""

import re
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from tasks.config.part import Name, Settings

Format = Literal[
    "auto", "text", "markdown", "rst", "html", "pdf", "office", "epub", "rtf", "mail", "notebook", "tex", "org",
    "asciidoc", "subtitles", "xml", "json", "code", "jsonl", "csv", "parquet",
]  # fmt: skip
RecordFormat = Literal["text", "markdown", "rst", "html", "code"]


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
    image: str | None = Field(
        None,
        description="Column with an image of each record, as bytes or an object with `bytes`, in Parquet files; its"
        " caption is the record's text. For `extraction: {images: files}`.",
    )
    audio: str | None = Field(
        None, description="The same of a column with a sound of each record. For `extraction: {audio: files}`."
    )
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

    @model_validator(mode="after")
    def _one_medium(self) -> "Fields":
        if self.image and self.audio:
            raise ValueError("fields name a column of images and one of sounds; make a source for each")
        return self

    @property
    def medium(self) -> tuple[str, str] | None:
        """Of records that are more than their text: what they are, image or audio, and the column that has it."""
        named = (("image", self.image), ("audio", self.audio))
        return next(((medium, column) for medium, column in named if column), None)

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
        " `{stem}.json` for a.json; it is then no document. Of images also a text file with the caption:"
        " `{stem}.txt`.",
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


def placeholders(pattern: str) -> list[str]:
    """The names in braces."""
    return re.findall(r"\{([^\W\d]\w*)\}", pattern)
