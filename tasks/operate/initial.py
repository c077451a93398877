"""A first corpus file, written for what lies at an address."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from tasks.config.sources import Source
from tasks.errors import ConfigurationError
from tasks.sources.contents import by_content
from tasks.sources.disk import readable
from tasks.sources.formats import MEDIA, RECORDS, format_of
from tasks.sources.listing import File, list_files
from tasks.sources.work import read_blocks

_LONGEST_NAME = 64  # characters
_LONGEST_LINE = 16 * 2**20  # bytes of a record that is looked at
_LOOKED_AT = 1000  # files of which the content is asked whether it is records
_FILES, _BLOCKS, _RECORDS = 10, 4, 50  # most files that are looked at, blocks of one, and records of a block
_OTHER_THAN_TEXT = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")  # to YAML, of one version or another
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")  # which YAML refuses as they are

_MODELS = {
    "image": "sentence-transformers/clip-ViT-B-32", "video": "sentence-transformers/clip-ViT-B-32",
    "audio": "laion/clap-htsat-unfused",
}  # fmt: skip
"""One that takes files of each medium."""
_SETTINGS = {"image": "images", "audio": "audio", "video": "video"}
"""Of `extraction`, by medium."""

_TEMPLATE = """\
# yaml-language-server: $schema={schema}
# A corpus for embedlake. Relative paths are relative to this file; ${{NAME}} is an environment variable.
name: {name}

# Where the tables are: a folder, or s3://bucket/folder.
lake: lake

sources:
  - name: {source}
    uri: {uri}
{found}
    # include: ["*.md", "/docs/**"]   # patterns as in .gitignore
    # exclude: ["drafts/"]
{fields}
# Metadata columns, to filter a search by: --where "year >= 2020"
# metadata: {{year: integer, author: string}}

{media}chunking:
  strategy: auto      # headings for Markdown and HTML, syntax for code, recursive for the rest
  size: 256           # tokens; at most what the model reads
  overlap: 0

# A model by its hub name, a local folder (./model), or package:NAME. The first that is complete is searched, until
# `embedlake promote`.
models:
  - model: {model}

# resources: {{actors: 2, gpus: 0.5}}          # by default: one actor for each GPU, else for every 8 cores
# schedule: {{cron: "0 2 * * *", timezone: UTC}}  # for: embedlake serve
"""


def initial_corpus(uri: str, folder: Path, name: str | None, model: str) -> tuple[str, str]:
    """The name and the text of a corpus file.

    Args:
        uri: a folder, file or address to embed.
        folder: where the file will lie; a relative path is written as seen from there.
        name: of the corpus; from the address by default.
        model: its reference.

    Raises:
        SourceError: there is nothing at the address.
        ConfigurationError: the name or the address cannot stand in a corpus file.
    """
    remote = "://" in uri
    address = uri if remote else str(Path(uri).expanduser().resolve())
    name = name or _name_of(Path(address.rstrip("/")).stem)
    try:
        source = Source.model_validate({"name": name, "uri": address})
    except ValidationError as error:
        [problem, *_] = error.errors()
        raise ConfigurationError(
            f"{name!r} cannot be a name: letters, digits, _ and -, at most 64"
            if problem["loc"] == ("name",)
            else f"the address {readable(address)} is not UTF-8",
            "Give another one with --name." if problem["loc"] == ("name",) else "Rename it.",
        ) from None
    listed = list_files([source], media=MEDIA).files
    files = [file for file in listed if file.format not in MEDIA]
    kinds = Counter(file.format if file.format in MEDIA else format_of(file.path) or "unknown" for file in listed)
    found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) or "nothing yet"
    beside = _captions(listed)
    text = _TEMPLATE.format(
        schema="corpus.schema.json", name=_scalar(name), source=_scalar(name), uri=_quoted(address),
        model=_quoted(model), found=f"    # found there: {found}{beside}", fields=_fields(source, files),
        media=_media(kinds),
    )  # fmt: skip
    return name, text


def _media(kinds: Mapping[str, int]) -> str:
    """How images, sound and films become documents, where there are some."""
    there = {medium: model for medium, model in _MODELS.items() if kinds.get(medium)}
    if not there:
        return ""
    asked = ", ".join(f"{_SETTINGS[medium]}: files" for medium in there)
    models = " or ".join(dict.fromkeys(there.values()))
    names = ", ".join(f"{kinds[medium]:,} {_SETTINGS[medium]}" for medium in there)
    return (
        f"# {names}: skipped, unless they are asked for, and a model below takes them, such as\n"
        f"# {models}\n# extraction: {{{asked}}}\n\n"
    )


def _captions(files: list[File]) -> str:
    """How texts beside images become their captions, where there are some."""
    keys = {file.key for file in files}
    media = [file for file in files if file.format in MEDIA]
    count = sum(str(PurePosixPath(file.key).with_suffix(".txt")) in keys for file in media)
    return f'\n    # sidecar: "{{stem}}.txt"   # {count:,} of these have a caption beside them' if count else ""


def _name_of(text: str) -> str:
    """A corpus's name for a file's or folder's: letters, digits and -, at most 64."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower()[:_LONGEST_NAME].strip("-") or "corpus"


def _quoted(text: str) -> str:
    """A text as YAML reads it back, whatever is in it."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))


def _scalar(text: str) -> str:
    """The same, without quotation marks where it needs none."""
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", text) and text.lower() not in _OTHER_THAN_TEXT
    return text if plain else _quoted(text)


def _fields(source: Source, files: list[File]) -> str:
    """The columns of the first records, where the source holds records, and which of them seem to be what."""
    by_name = (file for file in files if file.true_format in RECORDS)
    looked_at = (by_content(file, source) for file in islice((f for f in files if not f.is_container), _LOOKED_AT))
    containers = islice(chain(by_name, (file for file in looked_at if file.true_format in RECORDS)), _FILES)
    records = next((found for file in containers if (found := [*_first_records(source, file)])), [])
    columns = list(dict.fromkeys(name for record in records for name in record if name))
    if not columns:
        return ""
    lengths = {name: sum(len(r[name]) for r in records if isinstance(r.get(name), str)) for name in columns}

    def named(*names: str) -> list[str]:
        return [column for name in names for column in columns if column.lower() == name]

    identity = next((c for c in named("_id", "id", "doc_id", "document_id", "uuid") if _tells_apart(records, c)), None)
    texts = [c for c in named("text", "content", "body", "abstract", "description") if lengths[c]]
    text = texts[:1] or sorted((c for c in columns if c != identity), key=lambda c: -lengths[c])[:1] or columns[:1]
    title = next((c for c in named("title", "name", "headline") if lengths[c] and c not in text), None)
    lines = [f"    # columns: {', '.join(map(_scalar, columns))}", "    fields:"]
    lines += [f"      id: {_scalar(identity)}"] if identity else []
    lines += [f"      text: [{', '.join(map(_scalar, [title, *text] if title else text))}]"]
    lines += [f"      title: {_scalar(title)}"] if title else []
    return "\n".join(lines)


def _first_records(source: Source, file: File) -> Iterator[dict[str, Any]]:
    """The first records of a file that can be read; what cannot is for the run to tell."""
    every_column = source.model_copy(update={"fields": source.fields.model_copy(update={"text": []})})
    with suppress(Exception):  # whatever a parser raises
        for block in islice(read_blocks(file, every_column, [], _LONGEST_LINE), _BLOCKS):
            yield from islice((record for record in block.records() if isinstance(record, dict)), _RECORDS)


def _tells_apart(records: list[dict[str, Any]], column: str) -> bool:
    """Whether each record has a value of its own there."""
    values = [str(record[column]) for record in records if record.get(column) not in (None, "")]
    return len(set(values)) == len(records)
