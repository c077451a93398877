"""What a process does with a piece of work: bytes fetched, seen to be what was read, and decoded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from tasks.config.settings import Corpus
from tasks.content.finding import Origin, Wanted, lost
from tasks.content.items import Content
from tasks.content.reference import Region, place_of
from tasks.errors import BrokenDocument, DocumentError
from tasks.extract.images import images_in
from tasks.extract.read import extract
from tasks.hashing import hash_bytes
from tasks.media.film import frames
from tasks.media.image import pictures
from tasks.media.sound import pieces as sounds
from tasks.models.interface import Image, Samples
from tasks.models.takes import Takes
from tasks.sources.listing import File
from tasks.sources.members import attached_works
from tasks.sources.opening import read_file
from tasks.sources.work import Members

_TIMES = 2  # as large as the model looks at an image, it is decoded at least: what is scaled later looks the same

RATE = 16_000  # samples a second of sound for a model that says nothing of it

Fetched = list[tuple[int, Content | DocumentError]]
"""The content of each piece by its key, or why there is none."""


def fetch(origins: list[Origin], corpus: Corpus, takes: Takes) -> Fetched:
    """The contents of all pieces.

    Args:
        origins: of them.
        corpus: whose they are.
        takes: what the model takes that they are for; images are as large as it looks at them, or somewhat larger, and
            sound is in its rate.
    """
    found: Fetched = []
    for origin in origins:
        content = origin.content
        try:
            if content is None:
                limit = corpus.extraction.max_bytes
                content = read_file(corpus.source(origin.file.source), origin.file.path, limit)
        except DocumentError as error:
            found += [(one.key, lost(error.message)) for one in origin.wanted]
            continue
        found += _contents(replace(origin, content=content), content, corpus, takes)
    return found


def _contents(
    origin: Origin, content: bytes, corpus: Corpus, takes: Takes
) -> Iterator[tuple[int, Content | DocumentError]]:
    """Of what is wanted of some bytes: pieces of themselves, or of what is attached to them as a mail."""
    address = place_of(origin.file).address
    own = [one for one in origin.wanted if one.place.address == address]
    yield from _decoded(content, [one for one in own if not one.place.part], takes)
    yield from _within(origin.file, content, [one for one in own if one.place.part], corpus, takes)
    deeper = [one for one in origin.wanted if one.place.address != address]
    if not deeper:
        return
    try:
        name = PurePosixPath(origin.file.path).name
        settings = corpus.source(origin.file.source)
        attached = extract(content, name, settings.format, corpus.extraction.max_bytes, settings.encoding).attached
        works = list(attached_works(origin.file, attached, corpus))
    except DocumentError as error:
        yield from ((one.key, lost(error.message)) for one in deeper)
        return
    missing = {one.key: one for one in deeper}
    for work in works:
        for member in work.members if isinstance(work, Members) else ():
            inner = place_of(member.file).address
            there = [one for one in missing.values() if f"{one.place.address}!/".startswith(f"{inner}!/")]
            if there and isinstance(member.content, bytes):
                missing = {key: one for key, one in missing.items() if one not in there}
                yield from _contents(Origin(member.file, member.content, there), member.content, corpus, takes)
    yield from ((key, lost("it is not attached any more")) for key in missing)


def _within(
    file: File, content: bytes, wanted: list[Wanted], corpus: Corpus, takes: Takes
) -> Iterator[tuple[int, Content | DocumentError]]:
    """Pieces of the images within a document."""
    parts: dict[str, list[Wanted]] = defaultdict(list)
    for one in wanted:
        parts[one.place.part].append(one)
    limits = corpus.extraction
    try:
        name = PurePosixPath(file.path).name
        for shown in images_in(content, name, limits.max_bytes, limits.max_pixels, set(parts)) if parts else ():
            yield from _decoded(shown.content, parts.pop(shown.part, []), takes)
    except DocumentError as error:
        yield from ((one.key, lost(error.message)) for rest in parts.values() for one in rest)
        return
    yield from ((one.key, lost("it is not in its document any more")) for rest in parts.values() for one in rest)


def as_seen(content: bytes, pieces: Sequence[tuple[int, Region | None]], takes: Takes) -> Iterator[Image]:
    """Pieces of an image as a model looks at them, or somewhat larger.

    Args:
        content: of its file.
        pieces: page, from 0, and region of each.
        takes: what the model takes.

    Raises:
        DocumentError: as `tasks.media.image.pictures`.
    """
    for pixels in pictures(content, pieces, _TIMES * takes.side if takes.side else None):
        yield takes.scale(pixels) if takes.scale else pixels


def as_heard(content: bytes, spans: Iterable[tuple[int, int]], takes: Takes) -> Iterator[Samples]:
    """Pieces of a sound as a model hears them.

    Args:
        content: of its file, which may be a film.
        spans: from and to in milliseconds.
        takes: what the model takes.

    Raises:
        DocumentError: as `tasks.media.sound.pieces`.
    """
    rate = takes.rate or RATE
    for heard in sounds(content, spans, rate):
        if not len(heard):
            raise BrokenDocument("the sound ends before that", "Is it complete? Store it again.")
        yield Samples(heard, rate)


def _shown(content: bytes, times: Sequence[int], takes: Takes) -> Iterator[Image]:
    """Frames of a film as a model looks at them."""
    for pixels in frames(content, times):
        yield takes.scale(pixels) if takes.scale else pixels


def _decoded(content: bytes, wanted: list[Wanted], takes: Takes) -> Iterator[tuple[int, Content | DocumentError]]:
    """Pieces of an image, a sound or a film, if its bytes are what was read."""
    digest = hash_bytes(content) if wanted else ""
    kinds: dict[int, list[Wanted]] = defaultdict(list)
    for one in wanted:
        if one.content_hash == digest:
            kinds[len(one.reference.time or ())].append(one)
        else:
            yield one.key, lost("its content is not what was read")
    for kind, pieces in kinds.items():
        yield from _of_a_kind(content, sorted(pieces, key=_order), kind, takes)


def _order(one: Wanted) -> tuple[int, ...]:
    return one.reference.time or (one.reference.page,)


def _of_a_kind(
    content: bytes, pieces: list[Wanted], kind: int, takes: Takes
) -> Iterator[tuple[int, Content | DocumentError]]:
    """Pieces that are all of an image, frames of a film, or sound, by how many times tell them: none, one or two."""
    times = [one.reference.time or () for one in pieces]
    decoded: Iterator[Image] | Iterator[Samples]
    if kind == 0:
        decoded = as_seen(content, [(one.reference.page - 1, one.reference.region) for one in pieces], takes)
    elif kind == 1:
        decoded = _shown(content, [time for (time,) in times], takes)
    else:
        decoded = as_heard(content, [(start, end) for start, end in times], takes)
    done = 0
    try:
        for found in decoded:
            yield pieces[done].key, found
            done += 1
    except DocumentError as error:
        yield from ((one.key, error) for one in pieces[done:])
