"""Transcribing: the words of sounds that readers met, from the lake where it has them, else from a speech recognition
model, which runs in the run's own process.

A transcript is written as soon as it is there: a run that is killed loses the work on one sound at most.
"""

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from tasks.chunk.tokens import Counter, load_counter
from tasks.columns import among
from tasks.config.settings import Corpus
from tasks.content.fetching import Fetched, fetch
from tasks.content.finding import Origin, Wanted
from tasks.content.reference import Place, Reference, place_of
from tasks.errors import DocumentError, UnreadDocument
from tasks.ingest.faults import document_error
from tasks.ingest.identity import settings_of
from tasks.ingest.prepare import Prepared
from tasks.ingest.spoken import Spoken, stretches, with_words
from tasks.lake.tables import Lake
from tasks.lake.transcripts import (
    Lines,
    Sound,
    Writer,
    are_transcribed,
    commit_in_use,
    keep_transcript,
    transcripts,
)
from tasks.models import speech
from tasks.models.interface import Samples
from tasks.models.speech import Hearing, find_recogniser
from tasks.models.takes import Takes
from tasks.processes import Begun, Processes
from tasks.progress import DocumentCounts, Progress, publish
from tasks.records import Failure
from tasks.sources.work import Files, Members, Work

logger = logging.getLogger("embedlake.transcribe")

_AHEAD = 1_800_000  # milliseconds of sound that are fetched at once, and as much again meanwhile: 115 MB each


def with_recogniser(corpus: Corpus, lake: Lake) -> Corpus:
    """The corpus, pinned to the speech recognition model's files as they are now, where it asks for one. Where it names
    no commit of the hub, the one that wrote the lake's latest transcript stays in use.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    asked = corpus.extraction.transcribe
    if asked is None or asked.is_pinned:
        return corpus
    found = find_recogniser(asked, None if asked.hub_revision else commit_in_use(lake, asked.model))
    decides = {"weights": found.weights} | ({"language": corpus.language} if corpus.language else {})
    extraction = corpus.extraction.model_copy(update={"transcribe": asked.pinned(decides, found.commit)})
    return corpus.model_copy(update={"extraction": extraction})


def to_transcribe(corpus: Corpus, lake: Lake, sounds: Collection[Spoken]) -> dict[str, int]:
    """Those of some sounds that a run would transcribe: of which the lake has no transcript; by the hash of their
    samples, how long they are, in milliseconds.

    Args:
        corpus: whose sounds.
        lake: of the corpus.
        sounds: them.

    Raises:
        ModelError: there is no such model, or it cannot be fetched.
    """
    writer = _writer_of(with_recogniser(corpus, lake))
    if writer is None or not sounds:
        return {}
    known = are_transcribed(lake, writer, _told(sounds))
    return {one.samples_hash: one.duration for one in sounds if one.content_hash not in known}


def _told(sounds: Iterable[Spoken]) -> set[Sound]:
    return {(one.content_hash, one.samples_hash) for one in sounds}


def _writer_of(corpus: Corpus) -> Writer | None:
    asked = corpus.extraction.transcribe
    return Writer(asked.model, asked.hub_revision, asked.identity()) if asked else None


class Transcriber:
    """Adds to what readers prepared the words of the sounds in it. The model is loaded for the first that the lake has
    no transcript of.

    Args:
        corpus: whose sounds, as `with_recogniser` gave it.
        lake: of the corpus.
        tokenizer_folder: a folder with the tokenizer.json that counts.
        counts: to add to.
    """

    def __init__(self, corpus: Corpus, lake: Lake, tokenizer_folder: str, counts: DocumentCounts) -> None:
        self._corpus = corpus
        self._lake = lake
        self._folder = tokenizer_folder
        self._counts = counts
        self._writer = _writer_of(corpus)
        self._hearing: Hearing | None = None
        self._counter: Counter | None = None
        self._processes: Processes | None = None
        self._heard = 0.0  # seconds

    def add(self, work: Work, prepared: Prepared) -> Prepared:
        """What a reader prepared of some work, with the words of its sounds. A sound that is not to be had any more as
        it was read counts as one that could not be fetched.

        Raises:
            ModelError: the model cannot be loaded, or fails.
        """
        if self._writer is None or not prepared.spoken:
            return prepared
        known = transcripts(self._lake, self._writer, _told(prepared.spoken))
        lost: dict[str, DocumentError] = {}
        for spoken in prepared.spoken:
            if spoken.content_hash not in known:  # the same samples may have been heard just before
                known |= transcripts(self._lake, self._writer, _told([spoken]))
            if spoken.content_hash not in known:
                try:
                    known[spoken.content_hash] = self._transcribed(work, spoken)
                except DocumentError as error:
                    lost[spoken.document_id] = error
        prepared = self._without(prepared, lost) if lost else prepared
        words = {one.document_id: known.get(one.content_hash, ()) for one in prepared.spoken}
        self._counter = self._counter or load_counter(self._folder)
        documents, chunks = with_words(prepared.documents, prepared.chunks, words, self._corpus, self._counter)
        return replace(prepared, documents=documents, chunks=chunks)

    def close(self) -> None:
        """Let go of the model, and end what fetches."""
        self._hearing = None
        if self._processes:
            self._processes.close()
            self._processes = None
        if self._heard:
            publish(Progress("transcribe", round(self._heard), round(self._heard), "seconds of sound"))

    def _transcribed(self, work: Work, spoken: Spoken) -> Lines:
        """What is said in a sound, which is written to the lake."""
        assert self._writer
        lines: list[tuple[int, int, str]] = []
        if stretches(spoken.duration, spoken.silences, spoken.duration):  # of silence no model is asked
            hearing = self._loaded()
            for (start, end), sound in self._sounds(work, spoken, hearing):
                lines += ((start + line.start, start + line.end, line.text) for line in hearing.lines(sound))
                self._heard += (end - start) / 1000
                publish(Progress("transcribe", round(self._heard), None, "seconds of sound"))
        keep_transcript(self._lake, self._writer, (spoken.content_hash, spoken.samples_hash), tuple(lines))
        self._counts.transcribed += 1
        self._counts.transcribed_seconds += spoken.duration / 1000
        logger.info("%s: %d lines transcribed", spoken.document_id, len(lines))
        return tuple(lines)

    def _loaded(self) -> Hearing:
        asked = self._corpus.extraction.transcribe
        assert asked
        if self._hearing is None:
            self._hearing = speech.load(find_recogniser(asked), self._corpus.language)
        return self._hearing

    def _sounds(self, work: Work, spoken: Spoken, hearing: Hearing) -> Iterator[tuple[tuple[int, int], Samples]]:
        """Pieces of a sound, decoded by another process while those before them are heard.

        Raises:
            DocumentError: the sound is not to be had as it was read.
        """
        takes = Takes(frozenset({"audio"}), rate=hearing.rate)
        pieces = stretches(spoken.duration, spoken.silences, hearing.longest)
        coming: deque[tuple[list[tuple[int, int]], Begun[Fetched]]] = deque()
        for group in _groups(pieces):
            coming.append((group, self._fetching(work, spoken, group, takes)))
            if len(coming) > 1:
                yield from self._fetched(*coming.popleft())
        while coming:
            yield from self._fetched(*coming.popleft())

    def _fetching(self, work: Work, spoken: Spoken, group: list[tuple[int, int]], takes: Takes) -> Begun[Fetched]:
        if self._processes is None:
            self._processes = Processes(1, self._corpus.extraction.timeout, ["tasks.content.fetching"])
        place = Place(spoken.address)
        wanted = [
            Wanted(key, Reference(place, time=piece), "audio", spoken.content_hash, 0)
            for key, piece in enumerate(group)
        ]
        return self._processes.start(fetch, [_origin(work, spoken, wanted)], self._corpus, takes)

    def _fetched(
        self, group: list[tuple[int, int]], begun: Begun[Fetched]
    ) -> Iterator[tuple[tuple[int, int], Samples]]:
        try:
            found = dict(begun.result())
        except Exception as error:  # whatever a decoder or a file system raises, or the end of the process
            raise document_error(error, self._corpus.extraction.timeout, fetching=False) from None
        for key, piece in enumerate(group):
            content = found[key]
            if isinstance(content, DocumentError):
                raise content
            assert isinstance(content, Samples)
            yield piece, content

    def _without(self, prepared: Prepared, lost: dict[str, DocumentError]) -> Prepared:
        """Without the documents whose sound is lost: the lake keeps what it knows of them, and the next run reads them
        again."""
        settings = settings_of(self._corpus, self._folder)
        rows = prepared.documents.filter(among(prepared.documents["document_id"], list(lost)))
        failures = [
            Failure.of(
                UnreadDocument(f"its words cannot be heard: {lost[row['document_id']].message}"), row["document_id"],
                row["uri"], "read", settings[row["source"]].failed,
            )
            for row in rows.select(["document_id", "uri", "source"]).to_pylist()
        ]  # fmt: skip
        return replace(prepared, chunks=_but(prepared.chunks, lost), failures=[*prepared.failures, *failures])


def _but(rows: pa.Table, documents: dict[str, DocumentError]) -> pa.Table:
    return rows.filter(pc.invert(among(rows["document_id"], list(documents))))


def _groups(pieces: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Pieces that are fetched together."""
    group: list[tuple[int, int]] = []
    for piece in pieces:
        if group and sum(end - start for start, end in [*group, piece]) > _AHEAD:
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _origin(work: Work, spoken: Spoken, wanted: list[Wanted]) -> Origin:
    """The file, or the member of one, that a sound is or is attached to."""
    address = f"{spoken.address}!/"
    if isinstance(work, Files):
        file = next(one for one in work.files if address.startswith(f"{place_of(one).address}!/"))
        return Origin(file, None, wanted)
    assert isinstance(work, Members)
    member = next(one for one in work.members if address.startswith(f"{place_of(one.file).address}!/"))
    assert isinstance(member.content, bytes)
    return Origin(member.file, member.content, wanted)
