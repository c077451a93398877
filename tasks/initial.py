"""A first corpus file, written for what lies at an address."""

import json
import re
from collections import Counter
from pathlib import Path

from tasks.extract.formats import format_of
from tasks.load import read_blocks
from tasks.settings import Extraction, Source
from tasks.sources import File, list_files

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

chunking:
  strategy: auto      # headings for Markdown and HTML, syntax for code, recursive for the rest
  size: 256           # tokens; at most what the model reads
  overlap: 0

# A model by its hub name, a local folder (./model), or package:NAME. The first is the one that search uses.
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
    """
    remote = "://" in uri
    address = uri if remote else str(Path(uri).expanduser().resolve())
    name = name or re.sub(r"[^A-Za-z0-9]+", "-", Path(address.rstrip("/")).stem).strip("-").lower() or "corpus"
    source = Source.model_validate({"name": name, "uri": address})
    files = list_files([source]).files
    kinds = Counter(format_of(file.path) or "unknown" for file in files)
    found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()) or "nothing yet"
    text = _TEMPLATE.format(
        schema="corpus.schema.json", name=name, source=name, uri=json.dumps(address), model=json.dumps(model),
        found=f"    # found there: {found}", fields=_fields(source, files),
    )  # fmt: skip
    return name, text


def _fields(source: Source, files: list[File]) -> str:
    """The columns of the first record, where the source holds records."""
    containers = [file for file in files if file.is_container]
    if not containers:
        return ""
    wide = source.model_copy(update={"fields": source.fields.model_copy(update={"text": []})})
    try:
        block = next(read_blocks(containers[0], wide, [], Extraction.model_validate({}).max_bytes), None)
    except Exception:
        block = None
    if block is None:
        return ""
    record = (
        json.loads(block.content.split(b"\n")[0])
        if isinstance(block.content, bytes)
        else block.content.slice(0, 1).to_pylist()[0]
    )
    columns = list(record)
    identity = next((c for c in ("_id", "id", "doc_id", "document_id", "uuid") if c in columns), None)
    text = [c for c in ("text", "content", "body", "abstract", "description") if c in columns][:1]
    text = text or [c for c, value in record.items() if isinstance(value, str) and c != identity][:1] or ["text"]
    title = next((c for c in ("title", "name", "headline") if c in columns and c not in text), None)
    lines = [f"    # columns: {', '.join(columns)}", "    fields:"]
    lines += [f"      id: {identity}"] if identity else []
    lines += [f"      text: [{', '.join([title, *text] if title else text)}]"]
    lines += [f"      title: {title}"] if title else []
    return "\n".join(lines)
