"""What a lake must hold after a run, told from the sources, the settings, and little memory; nothing from the lake.

Memory is needed only for what cannot be read any more and is kept: the last good content of each document, as of the
last completed run that read it. A run that broke off may or may not have got to a document, so afterwards there are
several contents that may be the last; `None` among them means that the lake may not know the document.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from tasks.chunk.split import split
from tasks.chunk.tokens import count_tokens, load_counter
from tasks.extract.plain import normalise
from tasks.hashing import hash_fields
from tasks.settings import Chunking
from tests.machine.world import MODELS, Content, Record, Settings, World, as_read, form_of


@dataclass(frozen=True)
class Good:
    """Content that could be used, and how it was cut.

    Attributes:
        text: normalised.
        container: document id of the file that holds the record, or None.
        metadata: name, type and value of each field.
        cut: size, overlap, and the folder of the tokenizer.
    """

    text: str
    container: str | None
    metadata: tuple[tuple[str, str, Any], ...]
    cut: tuple[int, int, str]

    def under(self, metadata: dict[str, str]) -> "Good":
        """What is left of it in columns of these types: a field that is new has no value."""
        had = {(name, kind): value for name, kind, value in self.metadata}
        kept = tuple((name, kind, had.get((name, kind))) for name, kind in sorted(metadata.items()))
        return replace(self, metadata=kept)

    def chunks(self) -> tuple[tuple[int, int, str], ...]:
        """Start, end and text of each chunk."""
        return _chunks(self.text, *self.cut)


@dataclass(frozen=True)
class Row:
    """A row of the documents table: active, stale, quarantined or container, with what it says."""

    state: str
    good: Good | None = None


@dataclass
class Seen:
    """What the sources hold, read with one tokenizer.

    Attributes:
        documents: by id; None where it cannot be used.
        containers: by id, whether the file can be read as a whole.
        nameless: by container, how many records fail before their id is known.
        repeats: (container, id that came before) with how many different records.
    """

    documents: dict[str, Good | None] = field(default_factory=dict)
    containers: dict[str, bool] = field(default_factory=dict)
    nameless: Counter[str] = field(default_factory=Counter)
    repeats: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))


Memory = dict[str, set[Good | None]]


def look(world: World, tokenizer: str) -> Seen:
    """Read the sources."""
    now, seen, held = world.settings, Seen(), world.held()
    cut = (now.size, now.overlap, tokenizer)
    for identity, content in sorted(held.items()):
        if form_of(identity) == "text":
            seen.documents[identity] = _text_file(content, now, cut)
    for identity, content in sorted(held.items()):
        if form_of(identity) != "text":
            _record_file(identity, content, now, cut, seen, held)
    return seen


def outcomes(seen: Seen, memory: Memory, now: Settings) -> dict[str, set[Row | None]]:
    """What rows each document may have after a completed run; None where it may have none."""
    keep = now.on_failure == "keep"
    found: dict[str, set[Row | None]] = {}
    for identity, good in seen.documents.items():
        if good:
            found[identity] = {Row("active", good)}
        else:
            options = memory.get(identity, {None})
            found[identity] = {
                Row("stale", old.under(now.metadata)) if old and keep else Row("quarantined") for old in options
            }
    for identity, readable in seen.containers.items():
        found[identity] = {Row("container" if readable else "quarantined")}
    unseen: dict[str, list[str]] = defaultdict(list)
    for identity, options in memory.items():
        if identity not in found:
            found[identity] = {None}
            for container in {old.container for old in options if old and old.container}:
                unseen[container].append(identity)
    for container, identities in unseen.items():
        readable = seen.containers.get(container)
        if readable is None or not keep:
            continue  # the file is gone, and they with it
        surely = sum(memory[i] == {o for o in memory[i] if o and o.container == container} for i in identities)
        for identity in identities:
            kept = {Row("stale", o.under(now.metadata)) for o in memory[identity] if o and o.container == container}
            if not readable or seen.nameless[container] >= len(identities):
                found[identity] = {*kept, *(found[identity] if None in memory[identity] else ())}
            elif seen.nameless[container] >= surely:
                found[identity] |= kept
    return found


def after_crash(memory: Memory, metadata: dict[str, str], found: dict[str, set[Row | None]]) -> Memory:
    """What may be known after a run that broke off."""
    after: Memory = defaultdict(lambda: {None})
    for identity, options in memory.items():
        after[identity] = options | {old.under(metadata) for old in options if old}
    for identity, rows in found.items():
        after[identity] = after[identity] | {row.good if row else None for row in rows}
    return dict(after)


def tokenizers(world: World, kept: set[str | None]) -> set[str]:
    """The tokenizers that may count now: the one that is named, what the lake keeps, or the first model's."""
    if world.settings.tokenizer:
        return {world.settings.tokenizer}
    return {folder or MODELS[world.settings.models[0]] for folder in kept}


def _text_file(content: Content, now: Settings, cut: tuple[int, int, str]) -> Good | None:
    if not isinstance(content, str) or not normalise(content).strip():
        return None
    return Good(normalise(content), None, tuple((name, kind, None) for name, kind in sorted(now.metadata.items())), cut)


def _record_file(
    container: str, content: Content, now: Settings, cut: tuple[int, int, str], seen: Seen, held: Iterable[str]
) -> None:
    form, source = form_of(container), container.split(":")[0]
    if not isinstance(content, tuple):
        # Of lines each one fails for itself; a table is read as a whole or not at all.
        seen.containers[container] = form == "jsonl"
        if form == "jsonl":
            seen.documents[f"{container}#line-1"] = None
            seen.nameless[container] = 1
        return
    seen.containers[container] = True
    records = [record for record in content if form == "jsonl" or not record.broken]
    for number, record in enumerate(records, 1):
        read = as_read(record, form, now.metadata)
        ids = now.sources[source].ids
        if record.broken or (ids and not record.key):
            seen.documents[f"{container}#line-{number}"] = None
            seen.nameless[container] += 1
            continue
        identity = f"{source}:{record.key}" if ids else f"{container}#{hash_fields(read)[:16]}"
        if ids and (identity in seen.documents or identity in held):
            seen.repeats[container, identity].add(hash_fields(read))
            continue
        seen.documents[identity] = _record(record, read, container, now, cut)


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
            return None
        elif value is None:
            value = read.get(name)  # CSV knows no null: an empty string
        elif kind != "string":
            value = int(value) if kind == "integer" else float(value)
        metadata.append((name, kind, str(value) if kind == "string" and value is not None else value))
    return Good(text, container, tuple(metadata), cut)


_folder_of_models: list[str] = []


def use_models(folder: str) -> None:
    """Where the tokenizers are."""
    _folder_of_models[:] = [folder]


@lru_cache(maxsize=None)
def _chunks(text: str, size: int, overlap: int, tokenizer: str) -> tuple[tuple[int, int, str], ...]:
    [tokens] = count_tokens([text], load_counter(f"{_folder_of_models[0]}/{tokenizer}"))
    chunking = Chunking(size=size, overlap=overlap)
    return tuple((c.start, c.end, text[c.start : c.end]) for c in split(text, "text", chunking, tokens))
