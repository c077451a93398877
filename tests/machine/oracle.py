"""What a lake must hold after a run, told from the sources, the settings, and little memory; nothing from the lake.

Memory is needed only for what cannot be read any more and is kept: the last good content of each document, as of the
last completed run that read it. A run that broke off may or may not have got to a document, so afterwards there are
several contents that may be the last; `None` among them means that the lake may not know the document.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tasks.chunk.above import count_above
from tasks.chunk.split import split
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.config.models import Model
from tasks.config.settings import Chunking
from tasks.errors import DocumentError
from tasks.extract.read import extract
from tasks.hashing import hash_bytes, hash_fields, hash_text
from tasks.ingest.rows import titled
from tasks.models.template import Template
from tasks.text.decode import decode
from tasks.text.normalise import normalise
from tests.machine.encoders import heard_as, said_in, seen_as
from tests.machine.world import (
    MODELS,
    TITLE,
    WITHIN,
    Content,
    Page,
    Picture,
    Record,
    Settings,
    Sound,
    Within,
    World,
    as_read,
    form_of,
    message,
    stored,
)


@dataclass(frozen=True)
class Good:
    """Content that could be used, and how it was cut.

    Attributes:
        text: normalised.
        container: document id of the file that holds the record, or None.
        metadata: name, type and value of each field.
        cut: size, overlap, and the folder of the tokenizer.
        kind: of the text.
        title: of the document.
        medium: the image, of which the text is the caption, or the sound; else None.
        window: seconds of a chunk of sound.
        shown: the images within it, each with its caption.
        said: what is said in it, as it is written down.
    """

    text: str
    container: str | None
    metadata: tuple[tuple[str, str, Any], ...]
    cut: tuple[int, int, str]
    kind: str = "text"
    title: str | None = None
    medium: Picture | Sound | None = None
    window: int = 0
    shown: tuple[Picture, ...] = ()
    said: str = ""

    @property
    def text_hash(self) -> str:
        """Of the whole, as a document has it."""
        if self.shown:
            return hash_fields([hash_bytes(picture.content()) for picture in self.shown], self.text)
        return hash_fields(hash_bytes(self.medium.content()), self.text) if self.medium else hash_text(self.text)

    def others(self) -> dict[tuple[int, int, str], str]:
        """The chunks of an image, a sound or the images within it, each with what stands for it."""
        if isinstance(self.medium, Sound):
            spans = self.medium.spans(self.window)
            return {(*span, ""): heard_as(self.medium.levels(*span)) for span in spans}
        if self.medium is None:
            return {(0, p.side**2, normalise(p.caption or "")): seen_as(p.pixels()) for p in self.shown}
        cuts = self._cuts()
        return {(0, 64, cuts[0][2] if cuts else ""): seen_as(self.medium.pixels())}

    def under(self, metadata: dict[str, str]) -> "Good":
        """What is left of it in columns of these types: a field that is new has no value."""
        had = {(name, kind): value for name, kind, value in self.metadata}
        kept = tuple((name, kind, had.get((name, kind))) for name, kind in sorted(metadata.items()))
        return replace(self, metadata=kept)

    def chunks(self) -> tuple[tuple[int, int, str], ...]:
        """Start, end and text of each chunk."""
        return (*self.others(), *(chunk[:3] for chunk in self._cuts()))

    def embedded(self, template: str) -> dict[tuple[int, int, str], str]:
        """What a model with a template embeds of each chunk."""
        render = template_of(template).render
        texts = {chunk[:3]: render(self.title, chunk[3], chunk[2]) for chunk in self._cuts()}
        return {**self.others(), **texts}

    def _cuts(self) -> tuple[tuple[int, int, str, tuple[str, ...]], ...]:
        said = _chunks(self.said, "text", self.title, *self.cut) if self.said else ()
        return (*_chunks(self.text, self.kind, self.title, *self.cut), *said)


@dataclass(frozen=True)
class Row:
    """A row of the documents table: active, stale, quarantined or container, with what it says."""

    state: str
    good: Good | None = None


@dataclass
class Seen:
    """What the sources hold, read with one tokenizer.

    Attributes:
        files: documents that are files; None where one cannot be used.
        records: by id, its occurrences in order: file that holds it, and content; None where it cannot be used.
        containers: files that hold records, and whether each can be read as a whole.
        empty: those of them that hold nothing at all.
        broken: files of records within others that cannot be read.
        nameless: by container, how many records fail before their id is known.
    """

    files: dict[str, Good | None] = field(default_factory=dict)
    records: dict[str, list[tuple[str, Good | None]]] = field(default_factory=lambda: defaultdict(list))
    containers: dict[str, bool] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    nameless: Counter[str] = field(default_factory=Counter)


@cache
def template_of(template: str) -> Template:
    """A template by its setting."""
    return Template(Model.model_validate({"model": "any", "template": template}))


Memory = dict[str, set[Good | None]]


@dataclass(frozen=True)
class Outcome:
    """What may become of an id: its row, if it has one, and how many records that claim it each file has set aside."""

    row: Row | None
    again: frozenset[tuple[str, int]] = frozenset()


def look(world: World, tokenizer: str) -> Seen:
    """Read the sources."""
    now, seen = world.settings, Seen()
    cut = (now.size, now.overlap, tokenizer)
    for identity, content in sorted(world.held().items()):
        form = form_of(identity)
        if form == "png":
            seen.files[identity] = _picture(content, None, now, cut)
        elif form == "wav":
            seen.files[identity] = _sound(content, None, now, cut)
        elif form == "html":
            seen.files[identity] = _page(content, None, now, cut)
        elif form == "text":
            seen.files[identity] = _text_file(content, now, cut)
        elif form in WITHIN:
            _file_of_files(identity, content, now, cut, seen)
        else:
            _record_file(identity, content, now, cut, seen)
    return seen


def outcomes(seen: Seen, memory: Memory, now: Settings) -> dict[str, set[Outcome]]:
    """What may become of each id in a completed run."""
    found: dict[str, set[Outcome]] = {}
    unseen = _unseen(seen, memory)
    for identity in {*seen.files, *seen.containers, *seen.records, *memory}:
        found[identity] = set()
        for old in memory.get(identity, {None}):
            found[identity] |= set(_outcomes_of(identity, old, seen, unseen, now))
    for container in seen.empty:  # it fails where records of it were known, and then stays so
        known = [{old.container if old else None for old in options} for options in memory.values()]
        failed = {Outcome(Row(state)) for state in ("quarantined", "stale")}
        found[container] = failed if {container} in known else found[container] | failed
    return found


def _outcomes_of(
    identity: str, old: Good | None, seen: Seen, unseen: dict[str, tuple[int, int]], now: Settings
) -> Iterator[Outcome]:
    """With one thing that may be known of it."""
    keep = now.on_failure == "keep"
    records = seen.records.get(identity, [])
    claims = Counter(container for container, _ in records)
    stale = Row("stale", old.under(now.metadata)) if old else None
    if identity in seen.files:
        good = seen.files[identity]
        emptied = bool(good and not good.text and not good.others() and old and old.chunks() and not old.container)
        row = (
            Row("active", good) if good and not (emptied and keep) else stale if keep and stale else Row("quarantined")
        )
        yield Outcome(row, frozenset(claims.items()))
        if row == stale and old and old.container:  # it was a record, and is a file now
            yield Outcome(Row("quarantined"), frozenset(claims.items()))
    elif identity in seen.containers:
        states = ["container"] if seen.containers[identity] else ["quarantined", "stale"]
        yield from (Outcome(Row(state), frozenset(claims.items())) for state in states)
    else:
        held = old.container if old else None
        if stale and held and keep and held in seen.containers and (not records or held < records[0][0]):
            broken = [inner for inner in seen.broken if inner.startswith(f"{held}!/")]
            if any("!/" not in identity or identity.startswith(f"{inner}#") for inner in broken):
                yield Outcome(Row("active", stale.good), frozenset(claims.items()))
                return
            least, most = unseen.get(held, (0, 0))
            lines = seen.nameless[held]
            whole = seen.containers[held] and held not in seen.empty
            if not whole:
                yield Outcome(Row("active", stale.good), frozenset(claims.items()))
            if not whole or least <= lines:
                yield Outcome(stale, frozenset(claims.items()))
            if not whole or most <= lines:
                return
        if not records:
            yield Outcome(None)
            return
        container, good = records[0]
        claims[container] -= 1
        displaced = held is not None and keep and container < held
        for left in (0, 1) if displaced and held in seen.containers else (0,):  # a kept record's place may say so
            again = frozenset((+(claims + Counter({held or "": left}))).items())
            yield Outcome(Row("active", good) if good else stale if keep and stale else Row("quarantined"), again)
            if not good and keep and held != container:
                yield Outcome(Row("quarantined"), again)


def _unseen(seen: Seen, memory: Memory) -> dict[str, tuple[int, int]]:
    """By container, how many records at least and at most are known of it and not in it any more."""
    least, most = Counter[str](), Counter[str]()
    for identity, options in memory.items():
        held = {old.container if old else None for old in options}
        first = seen.records.get(identity, [("~", None)])[0][0]
        for container in held:
            if container and container < first and identity not in seen.files:
                most[container] += 1
                least[container] += len(held) == 1
    return {container: (least[container], count) for container, count in most.items()}


def after_crash(memory: Memory, metadata: dict[str, str], found: dict[str, set[Outcome]]) -> Memory:
    """What may be known after a run that broke off."""
    after: Memory = defaultdict(lambda: {None})
    for identity, options in memory.items():
        after[identity] = options | {old.under(metadata) for old in options if old}
    for identity, options_now in found.items():
        after[identity] = after[identity] | {option.row.good if option.row else None for option in options_now}
    return dict(after)


def tokenizers(world: World, kept: set[str | None]) -> set[str]:
    """The tokenizers that may count now: the one that is named, what the lake keeps, or the first model's."""
    if world.settings.tokenizer:
        return {world.settings.tokenizer}
    return {folder or MODELS[world.settings.models[0]] for folder in kept}


def _text_file(content: Content, now: Settings, cut: tuple[int, int, str]) -> Good | None:
    if isinstance(content, bytes) and content:
        return None
    text = ""  # an empty file is a document without chunks
    if isinstance(content, str) and content:
        found = decode(stored(content))
        if found.confidence < now.least_confidence:
            return None
        text = normalise(found.text)
    return Good(text, None, tuple((name, kind, None) for name, kind in sorted(now.metadata.items())), cut)


def _picture(content: Content | str, container: str | None, now: Settings, cut: tuple[int, int, str]) -> Good | None:
    if not isinstance(content, Picture):
        return None
    metadata = tuple((name, kind, None) for name, kind in sorted(now.metadata.items()))
    caption = "" if container else normalise(content.caption or "")
    return Good(caption if caption.strip() else "", container, metadata, cut, medium=content)


def _sound(content: Content | str, container: str | None, now: Settings, cut: tuple[int, int, str]) -> Good | None:
    if not isinstance(content, Sound):
        return None
    metadata = tuple((name, kind, None) for name, kind in sorted(now.metadata.items()))
    lines = said_in(now.scribe, content.levels()) if now.scribe else []
    said = "\n".join(f"0:00:{second:02} {line}" for second, line in enumerate(lines))
    return Good("", container, metadata, cut, medium=content, window=now.window or 0, said=said)


def _page(content: Content | str, container: str | None, now: Settings, cut: tuple[int, int, str]) -> Good | None:
    """HTML as it is read, and the images in it where they are asked for: with these it may be without text."""
    if not isinstance(content, Page):
        return None if content else _text_file(b"", now, cut)
    metadata = tuple((name, kind, None) for name, kind in sorted(now.metadata.items()))
    shown = content.shown() if now.images == "all" else ()
    try:
        found = titled(extract(content.content(), "a.html", "auto", 2**20))
    except DocumentError:
        return Good("", container, metadata, cut, shown=shown) if shown else None
    return Good(found.text, container, metadata, cut, found.kind, found.title, shown=shown)


def _file_of_files(identity: str, content: Content, now: Settings, cut: tuple[int, int, str], seen: Seen) -> None:
    """An archive, a mailbox, or a mail with what is attached to it."""
    form = form_of(identity)
    if not isinstance(content, Within):
        seen.containers[identity] = form == "mbox" and not content
        if form == "mbox" and not content:
            seen.empty.add(identity)
        if form == "eml":
            seen.files[identity] = _text_file(content, now, cut)
            seen.containers[identity] = not content and now.on_failure == "drop"
        return
    seen.containers[identity] = True
    if form == "mbox" and not content.members:
        seen.empty.add(identity)
    for name, member in content.members:
        inner = f"{identity}!/{name}"
        if form == "eml" and not name:
            attached = tuple((file, text) for file, text in content.members[1:] if isinstance(text, str))
            assert isinstance(member, str)
            seen.files[identity] = _mail(message("", member, attached), None, now, cut)
        elif form == "mbox":
            assert isinstance(member, str)
            seen.records[inner].append((identity, _mail(message(name, member), identity, now, cut)))
        elif isinstance(member, Picture):
            if now.images != "none":
                seen.records[inner].append((identity, _picture(member, identity, now, cut)))
        elif isinstance(member, Sound):
            if now.window:
                seen.records[inner].append((identity, _sound(member, identity, now, cut)))
        elif isinstance(member, Page):
            seen.records[inner].append((identity, _page(member, identity, now, cut)))
        elif isinstance(member, tuple) and not _holds_none(member, "jsonl"):
            _records(inner, identity, member, "jsonl", now, cut, seen)
        elif isinstance(member, tuple):
            seen.records[inner].append((identity, None))
            seen.broken.add(inner)
        elif not now.asks_for(form_of(name)):
            continue
        elif good := _text_file(member, now, cut):
            title = f"{name}, attached to a mail" if form == "eml" else None
            seen.records[inner].append((identity, replace(good, container=identity, title=title)))
        else:
            seen.records[inner].append((identity, None))


def _mail(data: bytes, container: str | None, now: Settings, cut: tuple[int, int, str]) -> Good:
    """A message, as it is read."""
    found = titled(extract(data, "a.eml", "auto", 2**20))
    metadata = tuple((n, kind, None) for n, kind in sorted(now.metadata.items()))
    return Good(found.text, container, metadata, cut, found.kind, found.title)


def _record_file(container: str, content: Content, now: Settings, cut: tuple[int, int, str], seen: Seen) -> None:
    form = form_of(container)
    if not content and (form == "jsonl" or (form == "csv" and not isinstance(content, tuple))):
        seen.empty.add(container)
    if not isinstance(content, tuple):
        # Of lines each one fails for itself; a table is read as a whole or not at all.
        seen.containers[container] = form == "jsonl" or (form == "csv" and not content)  # an empty table has no rows
        if form == "jsonl" and content:
            seen.records[f"{container}#line-1"].append((container, None))
            seen.nameless[container] = 1
        return
    seen.containers[container] = not _holds_none(content, form)
    if seen.containers[container]:
        _records(container, container, content, form, now, cut, seen)


def _holds_none(content: tuple[Record, ...], form: str) -> bool:
    """Whether a file of lines holds no record that can be read, which is said once."""
    return form == "jsonl" and len(content) > 1 and all(record.broken for record in content)


def _records(
    file: str,
    container: str,
    content: tuple[Record, ...],
    form: str,
    now: Settings,
    cut: tuple[int, int, str],
    seen: Seen,
) -> None:
    """The records of a file, which is the container or lies in it."""
    source = container.split(":")[0]
    records = [record for record in content if form == "jsonl" or not record.broken]
    for number, record in enumerate(records, 1):
        read = as_read(record, form, now.metadata)
        ids = now.sources[source].ids
        if record.broken or (ids and not record.key):
            seen.records[f"{file}#line-{number}"].append((container, None))
            seen.nameless[container] += 1
            continue
        identity = f"{source}:{record.key}" if ids else f"{file}#{hash_fields(read)[:16]}"
        if ids or identity not in seen.records:
            seen.records[identity].append((container, _record(record, read, container, now, cut)))


def _record(
    record: Record, read: dict[str, Any], container: str, now: Settings, cut: tuple[int, int, str]
) -> Good | None:
    text = normalise(record.text)
    if not text.strip():
        return None
    metadata = []
    for name, kind in sorted(now.metadata.items()):
        value = getattr(record, name, None) if name in read else None
        if kind != "string" and value in (None, ""):
            value = None
        elif kind != "string" and not str(value).isdecimal():
            if now.metadata_errors == "refuse":
                return None
            value = None
        elif value is None:
            value = read.get(name)  # CSV knows no null: an empty string
        elif kind != "string":
            value = int(value) if kind == "integer" else float(value)
        metadata.append((name, kind, str(value) if kind == "string" and value is not None else value))
    return Good(text, container, tuple(metadata), cut, title=normalise(str(read.get(TITLE) or "")) or None)


_folder_of_models: list[str] = []


def use_models(folder: str) -> None:
    """Where the tokenizers are."""
    _folder_of_models[:] = [folder]


@cache
def _chunks(
    text: str, kind: str, title: str | None, size: int, overlap: int, tokenizer: str
) -> tuple[tuple[int, int, str, tuple[str, ...]], ...]:
    counter = load_counter(f"{_folder_of_models[0]}/{tokenizer}")
    [tokens], [above] = count_tokens([text], counter), count_above([title], counter)
    chunking = Chunking(size=size, overlap=overlap)
    cuts = split(text, kind, chunking, tokens, above)
    return tuple((c.start, c.end, text[c.start : c.end], c.headings) for c in cuts)
