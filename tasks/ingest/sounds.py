"""Sounds and films as documents: their chunks, and what is known of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tasks.config.media import Audio, Video
from tasks.config.settings import Extraction
from tasks.content.reference import Place, Reference, piece_hash
from tasks.errors import EmptyDocument, UnsupportedDocument
from tasks.hashing import chunk_ids, hash_bytes
from tasks.media.film import Watched, regular, scenes, watch
from tasks.media.sound import Heard, listen, windows
from tasks.records import Chunk, Document

_AUDIO, _VIDEO = Audio.model_validate({}), Video.model_validate({})
_MEDIA_TYPES = {
    "MP3": "mpeg", "MP4": "mp4", "MATROSKA": "x-matroska", "AVI": "x-msvideo", "MPEGTS": "mp2t", "WAV": "wav",
    "ASF": "x-ms-asf",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A window of a sound, or a frame of a film with the stretch that it stands for.

    Attributes:
        start, end: in milliseconds.
        at: when a frame is shown; None of sound.
    """

    start: int
    end: int
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A sound or a film that decodes.

    Attributes:
        place: of its bytes.
        content_hash: of these.
        pieces: that it is cut into, by their time.
        heard: what is known of its sound; None of a film without, or of which it is not wanted.
        watched: what is known of a film; None of a sound.
    """

    place: Place
    content_hash: str
    pieces: list[Piece] = field(repr=False)
    heard: Heard | None
    watched: Watched | None = None

    @property
    def media_type(self) -> str:
        """Of its content."""
        known = self.watched or self.heard
        assert known
        name = _MEDIA_TYPES.get(known.format, known.format.lower())
        return f"{'video' if self.watched else 'audio'}/{name}"

    @property
    def tags(self) -> dict[str, str]:
        """That it has."""
        known = self.watched or self.heard
        return known.tags if known else {}

    @property
    def title(self) -> str | None:
        """That its tags tell."""
        return self.tags.get("title")

    @property
    def caption(self) -> str:
        """What its tags say of it."""
        return "\n".join(self.tags[name] for name in ("title", "artist", "album", "comment") if name in self.tags)

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known of it, under the names that metadata fields may have."""
        known: dict[str, Any] = dict(self.tags)
        if self.heard:
            known |= {
                "duration": self.heard.duration_ms / 1000, "sample_rate": self.heard.rate,
                "channels": self.heard.channels, "audio_format": self.heard.format,
            }  # fmt: skip
        if self.watched:
            film = self.watched
            known |= {
                "duration": film.duration_ms / 1000, "width": film.width, "height": film.height, "taken": film.taken,
                "captured": film.taken, "frames_per_second": film.frames_per_second, "video_format": film.format,
            }  # fmt: skip
        return known

    def chunks(self, document: Document, caption: str) -> list[Chunk]:
        """Its chunks: a window or a frame each. A caption changes no id and no hash.

        Args:
            document: that it is, or is of.
            caption: its text; may be empty.
        """
        references = [
            Reference(self.place, time=(piece.start, piece.end) if piece.at is None else (piece.at,))
            for piece in self.pieces
        ]
        hashes = [piece_hash(self.content_hash, reference) for reference in references]
        ids = chunk_ids(document.document_id, hashes)
        region = [0, 0, self.watched.width, self.watched.height] if self.watched else None
        told = zip(self.pieces, references, hashes, ids, strict=True)
        return [
            Chunk(
                identity, document.document_id, document.source, document.content_hash, ordinal,
                "audio" if piece.at is None else "image", piece.start, piece.end, "milliseconds", None, [], caption,
                text_hash, 0, document.uri, document.title, document.metadata, None if piece.at is None else region,
                str(reference), self.content_hash,
            )
            for ordinal, (piece, reference, text_hash, identity) in enumerate(told)
        ]  # fmt: skip


def recorded_of(content: bytes, place: Place, medium: str, limits: Extraction) -> Recorded:
    """A sound or a film from its bytes.

    Args:
        content: of the file.
        place: of these bytes.
        medium: that it is by its name: audio or video. What is named as a film and has nothing to see is a sound.
        limits: how it is cut.

    Raises:
        DocumentError: what is wrong with it.
    """
    wanted = limits.transcribe is not None
    if medium == "audio":
        return _sound(content, place, limits.audio or _AUDIO, wanted)
    try:
        watched = watch(content, limits.max_pixels)
    except UnsupportedDocument:
        return _sound(content, place, limits.audio or _AUDIO, wanted)
    settings = limits.video or _VIDEO
    heard = listen(content, hashed=wanted) if watched.has_sound and settings.sound else None
    pieces = [*_frames(content, watched, settings), *(_windows(heard, limits.audio or _AUDIO) if heard else ())]
    if not pieces:
        raise EmptyDocument("the film has no frames", "Was it cut off while it was stored?")
    pieces.sort(key=lambda piece: (piece.start, piece.at is None, piece.end))
    return Recorded(place, hash_bytes(content), pieces, heard, watched)


def _sound(content: bytes, place: Place, settings: Audio, hashed: bool) -> Recorded:
    heard = listen(content, hashed=hashed)
    pieces = list(_windows(heard, settings))
    if not pieces:
        raise EmptyDocument(
            f"{heard.duration_ms:,} ms of silence, which is left out", "Set `audio: {silence: keep}` to have it."
        )
    return Recorded(place, hash_bytes(content), pieces, heard)


def _windows(heard: Heard, settings: Audio) -> Iterator[Piece]:
    silences = heard.silences if settings.silence == "drop" else ()
    length, overlap = round(settings.window * 1000), round(settings.overlap * 1000)
    for start, end in windows(heard.duration_ms, length, overlap, silences):
        yield Piece(start, end)


def _frames(content: bytes, watched: Watched, settings: Video) -> Iterator[Piece]:
    if settings.frames == "scenes":
        for start, end in scenes(content):
            yield Piece(start, end, (start + end) // 2)
        return
    every = round(settings.every * 1000)
    times = regular(watched.duration_ms, every)
    for number, time in enumerate(times):
        end = watched.duration_ms if number + 1 == len(times) else (number + 1) * every
        yield Piece(number * every, max(end, time), time)
