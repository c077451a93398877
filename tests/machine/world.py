"""The sources and settings of a history, on disk and as plain values that the oracle reads."""

import base64
import csv
import html
import io
import json
import os
import shutil
import tarfile
import wave
import zipfile
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer

from tasks.models.estimated import estimated_tokenizer

NAME = "notes"
COLUMNS = ("key", "text", "year", "lang")
TITLE = "lang"
"""The column that is a record's title."""
RECORDS = ("jsonl", "csv", "parquet")
ARCHIVES = ("zip", "tar")
WITHIN = (*ARCHIVES, "mbox", "eml")
DAMAGED = b"damaged bytes"  # of a member of a zip archive; its checksum tells
UNREADABLE = b"a file\0that is no text\0"
SIGHT = "sight"
"""The folder of a model that takes images and sound too."""
SCRIBES = ("scribe", "clerk")
"""The folders of models that write down what is said in sound."""


@dataclass(frozen=True)
class Record:
    """A record of a record file; `broken` is a line that was cut off."""

    key: str | None
    text: str
    year: int | str | None = None
    lang: str | None = None
    broken: bool = False


@dataclass(frozen=True)
class Within:
    """What lies in a file: an archive's members, a mailbox's messages by their ids, or, after the message itself under
    no name, what is attached to a mail."""

    members: tuple[tuple[str, "str | bytes | tuple[Record, ...] | Picture | Sound | Page"], ...]


@dataclass(frozen=True)
class Picture:
    """An image, told by a number; with a caption, which lies beside it, or is said of it on a page."""

    seed: int
    caption: str | None = None
    side: int = 8

    def pixels(self) -> np.ndarray:
        """Of shape (side, side, 3)."""
        shape = (self.side, self.side, 3)
        if self.seed == POISONED:
            return np.full(shape, (255, 0, 0), np.uint8)
        return np.random.default_rng(self.seed).integers(0, 255, shape, np.uint8)

    def content(self) -> bytes:
        """The file's."""
        file = io.BytesIO()
        Image.fromarray(self.pixels()).save(file, "PNG")
        return file.getvalue()


def on_page(seed: int, caption: str | None = None) -> Picture:
    """An image that is large enough to count on a page; each as large as no other one."""
    return Picture(seed, caption, SHOWN + seed)


@dataclass(frozen=True)
class Page:
    """HTML: paragraphs, images that are in it, and such as are damaged."""

    parts: tuple[str | Picture | bytes, ...]

    def content(self) -> bytes:
        """The file's."""
        return f"<!doctype html><title>A page</title><body>{''.join(map(_element, self.parts))}</body>".encode()

    def shown(self) -> tuple[Picture, ...]:
        """The images that count, each once."""
        found = {part.seed: part for part in reversed(self.parts) if isinstance(part, Picture) and part.side >= SHOWN}
        order = {part.seed: None for part in self.parts if isinstance(part, Picture) and part.side >= SHOWN}
        return tuple(found[seed] for seed in order)


SHOWN = 32
"""Pixels a side from which on an image on a page counts."""

MOST_READ = 12
"""Tokens that every model reads."""

POISONED = 0
"""The image, and the silence, that no encoder embeds."""

RATE = 16_000  # samples a second, as sound is brought to for a model that says nothing of it


@dataclass(frozen=True)
class Sound:
    """Noise, told by a number; of so many seconds."""

    seed: int
    seconds: int

    def levels(self, start: int = 0, end: int | None = None) -> np.ndarray:
        """Its samples as 16-bit numbers, between two times in milliseconds."""
        chance = np.random.default_rng([self.seed, self.seconds])
        levels = chance.integers(-9_000, 9_000, self.seconds * RATE) * (self.seed != POISONED)
        last = None if end is None else end * RATE // 1000
        return levels.astype("<i2")[start * RATE // 1000 : last]

    def content(self) -> bytes:
        """The file's."""
        file = io.BytesIO()
        with wave.open(file, "wb") as written:
            written.setparams((1, 2, RATE, 0, "NONE", ""))
            written.writeframes(self.levels().tobytes())
        return file.getvalue()

    def spans(self, window: int) -> list[tuple[int, int]]:
        """From and to of its windows of so many seconds, in milliseconds."""
        starts = range(0, self.seconds, window)
        starts_cut = [max(min(start, self.seconds - window), 0) for start in starts]
        return [(start * 1000, min(start + window, self.seconds) * 1000) for start in starts_cut]


Content = str | bytes | tuple[Record, ...] | Within | Picture | Sound | Page
"""A file: its text; bytes that are no text and no records; its records; what lies in it; an image; a sound; a page."""


@dataclass
class Source:
    """A source of the corpus file: which folder, and whether its records have ids."""

    folder: str
    ids: bool = False


@dataclass
class Settings:
    """What the corpus file says."""

    sources: dict[str, Source] = field(default_factory=lambda: {"docs": Source("left"), "books": Source("right", True)})
    metadata: dict[str, str] = field(default_factory=dict)
    size: int = 16
    overlap: int = 0
    tokenizer: str | None = None
    models: tuple[str, ...] = ("one",)
    overlong: str = "count"
    deduplication: str = "exact"
    timeout: int = 300
    on_failure: str = "keep"
    metadata_errors: str = "count"
    least_confidence: float = 0.5
    template: str = "headings"
    revision: int = 0  # of every model: another one has a table of its own
    promote: str = "by hand"
    images: str = "none"
    window: int | None = None  # seconds of a chunk of sound; None where sound is not asked for
    scribe: str | None = None  # the folder of what writes down what is said in it
    judged: bool | None = None  # whether the first model is not worse than the live one; None where nobody knows

    def asks_for(self, form: str) -> bool:
        """Whether files of a form are documents."""
        return {"png": self.images != "none", "wav": self.window is not None}.get(form, True)


SERVED, ESTIMATED = "five", "estimated"
"""The model that is behind an API, and the tokenizer that counts where such a one is the first."""
MODELS = {"one": "words", "two": "words", "three": "letters", "four": SIGHT, SERVED: ESTIMATED}
"""Models, each with the folder (and so the tokenizer) it comes from."""


def make_model_folders(root: Path) -> None:
    """Folders that pass for models; their tokenizers differ in how many tokens a word has."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,"
    tokens = {
        "words": ["[UNK]"],
        SIGHT: ["[UNK]"],
        "letters": ["[UNK]", *letters, *(f"##{letter}" for letter in letters)],
    }
    for name, vocabulary in tokens.items():
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"made_for": name}))
        tokenizer = Tokenizer(WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = BertPreTokenizer()
        tokenizer.save(str(folder / "tokenizer.json"))
    (root / ESTIMATED).mkdir()
    estimated_tokenizer().save(str(root / ESTIMATED / "tokenizer.json"))
    for name in SCRIBES:
        (root / name).mkdir()
        told = {"architectures": ["WhisperForConditionalGeneration"], "made_for": name}
        (root / name / "config.json").write_text(json.dumps(told))


def form_of(path: str) -> str:
    """jsonl, csv, parquet, zip, tar, mbox, eml, png, wav, html, or text."""
    suffix = Path(path).suffix.removeprefix(".")
    return suffix if suffix in (*RECORDS, *WITHIN, "png", "wav", "html") else "text"


def fits(path: str, content: Content) -> bool:
    """Whether a file of such a name may have such a content."""
    form = form_of(path)
    if form == "png" or isinstance(content, Picture):
        return form == "png" and isinstance(content, Picture | bytes)
    if form == "wav" or isinstance(content, Sound):
        return form == "wav" and isinstance(content, Sound | bytes)
    if form == "html" or isinstance(content, Page):
        return form == "html" and isinstance(content, Page | bytes)
    if isinstance(content, Within):
        names = [name for name, _ in content.members]
        if form == "eml":
            return names[:1] == [""]
        return form in WITHIN and "" not in names and all(("@" in name) == (form == "mbox") for name in names)
    return form not in WITHIN and (form in RECORDS) == isinstance(content, tuple)


class World:
    """Files in folders, and the corpus file.

    Args:
        root: an empty folder for the sources.
        models: the folder of `make_model_folders`.
        lake: where the lake goes.
        served: reference of the model that is behind an API.
    """

    def __init__(
        self, root: Path, models: Path, lake: Path, features: frozenset[str] = frozenset(), served: str = ""
    ) -> None:
        self.root, self.model_folder, self.lake, self.served = root, models, lake, served
        self.features = features
        self.settings = Settings()
        self.files: dict[str, dict[str, Content]] = {"left": {}, "right": {}, "third": {}}
        self._clock = 1_000_000_000
        for folder in self.files:
            (root / folder).mkdir(parents=True)

    def held(self) -> dict[str, Content]:
        """Every file of the sources that the corpus file names, by document id."""
        return {
            f"{name}:{path}": content
            for name, source in self.settings.sources.items()
            for path, content in self.files[source.folder].items()
            if self.settings.asks_for(form_of(path))
        }

    def put(self, folder: str, path: str, content: Content, quietly: bool = False) -> None:
        """Write a file. Where its path is a folder, or a folder of its path is a file, that goes first.

        Args:
            folder: left, right or third.
            path: relative to it.
            content: of the file.
            quietly: leave the time of its last change as it was, as some tools do.
        """
        for there in list(self.files[folder]):
            if there != path and (there.startswith(f"{path}/") or path.startswith(f"{there}/")):
                self.remove(folder, there)
        target = self.root / folder / path
        before = target.stat().st_mtime if quietly and target.exists() else None
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, content)
        self._clock += 1  # two edits within the clock's grain would look like none
        os.utime(target, (before or self._clock,) * 2)
        self.files[folder][path] = content

    def remove(self, folder: str, path: str) -> None:
        """Delete a file, and the folders that it leaves empty."""
        target = self.root / folder / path
        target.unlink()
        _caption_file(target).unlink(missing_ok=True)
        del self.files[folder][path]
        for parent in target.relative_to(self.root / folder).parents:
            if parent.name and not any((self.root / folder / parent).iterdir()):
                (self.root / folder / parent).rmdir()

    def move(self, folder: str, path: str, to_folder: str, to: str) -> None:
        """Rename a file; its time stays."""
        content = self.files[folder][path]
        kept = (self.root / folder / path).stat().st_mtime
        self.remove(folder, path)
        self.put(to_folder, to, content)
        os.utime(self.root / to_folder / to, (kept, kept))

    def corpus_file(self) -> Path:
        """The corpus file of the settings as they are now."""
        now = self.settings
        chunking: dict[str, Any] = {"size": now.size, "overlap": now.overlap}
        if now.tokenizer:
            chunking["tokenizer"] = str(self.model_folder / now.tokenizer)
        extraction: dict[str, Any] = {"timeout": now.timeout, "least_confidence": now.least_confidence}
        extraction |= {"images": now.images, "audio": {"window": now.window} if now.window else None}
        if now.window and now.scribe:
            extraction["transcribe"] = str(self.model_folder / now.scribe)
        if "on_failure" in self.features:
            extraction["on_failure"] = now.on_failure
        corpus = {
            "name": NAME,
            "lake": str(self.lake),
            "sources": [
                {"name": name, "uri": str(self.root / source.folder), "sidecar": "{name}.json"}
                | {"fields": {"title": TITLE} | ({"id": "key"} if source.ids else {})}
                for name, source in now.sources.items()
            ],
            "metadata": now.metadata,
            "metadata_errors": now.metadata_errors,
            "chunking": chunking,
            "extraction": extraction,
            "deduplication": now.deduplication,
            "overlong": now.overlong,
            "models": [
                {
                    "model": str(self.model_folder / MODELS[name]),
                    "name": name,
                    "document_prompt": f"{name} {now.revision}",
                    "template": now.template,
                }
                | (self._service() if name == SERVED else {})
                for name in now.models
            ],
            "promote": now.promote,
        }
        file = self.root / f"{NAME}.yaml"
        file.write_text(json.dumps(corpus))
        return file

    def _service(self) -> dict[str, Any]:
        """How the model behind an API is asked: it reads as much as the others, a few texts at a time."""
        return {"model": self.served, "max_tokens": MOST_READ, "api": {"inputs": 3, "concurrency": 2}}


def as_read(record: Record, form: str, metadata: dict[str, str]) -> dict[str, Any]:
    """A record as a reader gets it: of CSV all is text; of Parquet, which here holds text, only what is wanted."""
    values = {column: getattr(record, column) for column in COLUMNS}
    if form == "jsonl":
        return values
    wanted = {"text", TITLE, *metadata} if form == "parquet" else COLUMNS
    empty = "" if form == "csv" else None
    return {name: empty if value is None else str(value) for name, value in values.items() if name in wanted}


def stored(content: str) -> bytes:
    """A text file, in an encoding that has to be guessed unless it is ASCII."""
    return content.encode("cp1252")


def message(name: str, text: str, attached: tuple[tuple[str, str], ...] = ()) -> bytes:
    """A mail, with what is attached to it."""
    mail = EmailMessage()
    mail["From"] = "ann@example.org"
    if name:
        mail["Message-ID"] = f"<{name}>"
    mail.set_content(text)
    for file, content in attached:
        mail.add_attachment(stored(content), "text", "plain", filename=file)
    if attached:
        mail.set_boundary("a boundary")
    return mail.as_bytes()


def _within(target: Path, content: Within) -> bytes:
    """The bytes of a file in which others lie."""
    form, file = form_of(target.name), io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            for name, member in content.members:
                archive.writestr(zipfile.ZipInfo(name), _bytes_of(member))
        return file.getvalue().replace(DAMAGED, DAMAGED.upper())
    if form == "tar":
        with tarfile.open(fileobj=file, mode="w") as tar:
            for name, member in content.members:
                entry = tarfile.TarInfo(name)
                entry.size = len(_bytes_of(member))
                tar.addfile(entry, io.BytesIO(_bytes_of(member)))
        return file.getvalue()
    texts = [(name, member) for name, member in content.members if isinstance(member, str)]
    if form == "eml":
        return message("", texts[0][1], tuple(texts[1:]))
    return b"".join(
        b"From ann@example.org Fri Mar  1 10:00:00 2024\n" + message(name, text) + b"\n" for name, text in texts
    )


def _caption_file(target: Path) -> Path:
    return target.with_name(f"{target.name}.json")


def _element(part: str | Picture | bytes) -> str:
    if isinstance(part, str):
        return "".join(f"<p>{html.escape(text)}</p>" for text in part.split("\n\n"))
    data = part if isinstance(part, bytes) else part.content()
    said = html.escape(part.caption or "") if isinstance(part, Picture) else ""
    return f'<img alt="{said}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def _bytes_of(member: str | bytes | tuple[Record, ...] | Picture | Sound | Page) -> bytes:
    if isinstance(member, Picture | Sound | Page):
        return member.content()
    if isinstance(member, tuple):
        return "".join(f"{_line(record)}\n" for record in member).encode()
    return stored(member) if isinstance(member, str) else member


def _line(record: Record) -> str:
    line = json.dumps({column: getattr(record, column) for column in COLUMNS})
    return line[: len(line) // 2] if record.broken else line


def _write(target: Path, content: Content) -> None:
    _caption_file(target).unlink(missing_ok=True)
    if isinstance(content, Picture):
        target.write_bytes(content.content())
        if content.caption is not None:
            _caption_file(target).write_text(json.dumps({"caption": content.caption}))
    elif isinstance(content, Sound | Page):
        target.write_bytes(content.content())
    elif isinstance(content, Within):
        target.write_bytes(_within(target, content))
    elif isinstance(content, str):
        target.write_bytes(stored(content))
    elif isinstance(content, bytes):
        target.write_bytes(b"key,text\n\0\x01\x02\n" if target.suffix == ".csv" and content else content)
    elif target.suffix == ".jsonl":
        with target.open("w") as file:
            file.writelines(f"{_line(record)}\n" for record in content)
    elif target.suffix == ".csv":
        with target.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([getattr(record, column) for column in COLUMNS] for record in content if not record.broken)
    else:
        rows = [as_read(r, "parquet", dict.fromkeys(COLUMNS, "string")) for r in content if not r.broken]
        schema = pa.schema([(column, pa.string()) for column in COLUMNS])
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows, schema=schema), target)
