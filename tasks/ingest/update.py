"""The way of documents: listed, compared with the lake, read, and landed with their chunks."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from tasks.config.settings import Corpus
from tasks.errors import ConfigurationError, DocumentError
from tasks.ingest.claims import lost_claims
from tasks.ingest.compare import FILE_COLUMNS, Changes, compare, known_files, matching, refuse_shrinking
from tasks.ingest.faults import document_error
from tasks.ingest.identity import RowSettings, settings_of
from tasks.ingest.kept import unchanged_in
from tasks.ingest.land import Landing
from tasks.ingest.reading import read_all
from tasks.ingest.stored import orphan_chunks
from tasks.ingest.tokenizer import keep_tokenizer, tokenizer_is_kept, tokenizer_of
from tasks.ingest.transcribing import Transcriber, with_recogniser
from tasks.lake.catalog import catalog_lease
from tasks.lake.evolve import evolve, seal_all
from tasks.lake.failures import read_again, reading_failures, resolved_failures
from tasks.lake.run import Run
from tasks.lake.schemas import CATALOG, FAILURES, RUNS, chunks_schema, documents_schema
from tasks.lake.tables import Lake
from tasks.lake.transcripts import forget_transcripts
from tasks.patience import each_within
from tasks.progress import Progress, publish
from tasks.sources.listing import File, Listing, list_files
from tasks.sources.members import Unchanged, works_of
from tasks.sources.work import Files, Work, group_files

logger = logging.getLogger("embedlake.documents")


def list_documents(run: Run) -> Listing:
    """What the sources hold."""
    listing = list_files(run.corpus.sources, run.corpus.lake.uri, run.corpus.extraction.media)
    run.report.documents.listed = len(listing.files)
    run.report.documents.skipped = listing.skipped
    return listing


def compare_with_lake(
    corpus: Corpus, lake: Lake, listing: Listing, allow_shrinking: bool = True, reread: Iterable[str] = ()
) -> Changes:
    """How the sources differ from the lake.

    Args:
        corpus: as its file says.
        lake: of the corpus.
        listing: what the sources hold.
        allow_shrinking: go on where a source holds less than half of what the lake knows, or is no longer declared.
        reread: patterns, as in .gitignore, of files to read although nothing tells that they changed.

    Raises:
        ShrunkSource: a source lists less than half of what the lake knows of it, and that was not allowed.
    """
    known = known_files(
        lake.read(lake.name("documents"), [*FILE_COLUMNS, "container"]),
        reading_failures(lake, ["document_id", "uri"]),
    )
    if not allow_shrinking:
        ids = {*known.files["document_id"].to_pylist(), *known.containers}
        refuse_shrinking([source.name for source in corpus.sources], listing.files, ids)
    again = matching(reread)
    if reread and not any(again(file) for file in listing.files):
        raise ConfigurationError(
            f"no file matches {', '.join(map(repr, reread))}",
            "Patterns are as in .gitignore, from the source's folder: 'drafts/', '*.md', '/a/b.txt'; '*' for all.",
        )
    changes = compare(listing.files, known, current_settings(corpus, lake), again)
    logger.info(
        "%d files: %d new, %d changed, %d with other settings, %d to read again, %d unchanged; %d gone",
        *map(len, (listing.files, changes.new, changes.changed, changes.settings_changed, changes.reread)),
        changes.unchanged,
        len(changes.gone),
    )
    return changes


def current_settings(corpus: Corpus, lake: Lake) -> dict[str, RowSettings]:
    """What each source's rows are read with now, by its name."""
    return settings_of(with_recogniser(corpus, lake), tokenizer_of(corpus, lake).folder())


def up_to_date(lake: Lake, changes: Changes) -> bool:
    """Whether nothing is to be done: no file to read, and nothing that an earlier run left when it broke off and that
    does not show in the files: columns, orphan chunks, records whose id became free, failures of what is read."""
    return not (
        changes.work
        or lake.differs(lake.name("documents"), documents_schema(lake.corpus))
        or lake.differs(lake.name("chunks"), chunks_schema(lake.corpus))
        or orphan_chunks(lake)
        or lost_claims(lake)
        or not tokenizer_is_kept(lake)
        or resolved_failures(lake, {file.document_id for file in changes.to_read})
    )


def make_ready(run: Run) -> None:
    """Give the lake's own tables the columns that the corpus file asks for, and note which tokenizer counts."""
    lake, table = run.lake, run.lake.name("documents")
    if gone := lake.columns_that_go(table, documents_schema(run.corpus)):
        where = " OR ".join(f"`{name}` IS NOT NULL" for name in gone)
        read_again(
            lake, set(lake.read(table, ["document_id"], where)["document_id"].to_pylist())
        )  # should it come back
    evolve(lake, table, documents_schema(run.corpus))
    evolve(lake, lake.name("chunks"), chunks_schema(run.corpus))
    lake.evolve_own()
    seal_all(lake, lake.name("failures"), FAILURES)
    seal_all(lake, lake.name("runs"), RUNS)
    if any(entry["version"] is None for entry in lake.catalog()):
        with catalog_lease(lake, run.report.run_id):
            seal_all(lake, lake.name("catalog"), CATALOG)
    keep_tokenizer(lake, tokenizer_of(run.corpus, lake))


def land_documents(run: Run, listing: Listing, changes: Changes, allow_shrinking: bool) -> Iterator[pa.Table]:
    """Bring documents and chunks up to the sources; gives the chunks that were written, while it goes on.

    Raises:
        ShrunkSource: a file holds less than half of the records that the lake knows, and that was not allowed.
    """
    lake, counts = run.lake, run.report.documents
    run = replace(run, corpus=with_recogniser(run.corpus, lake))
    folder = tokenizer_of(run.corpus, lake).folder()
    settings = settings_of(run.corpus, folder)
    gone, contents = _with_records(lake, changes.gone)
    # By the next run, should this one break off: with the settings of before, chunks of these would pass for those.
    read_again(lake, {file.document_id for file in (*changes.settings_changed, *changes.reread)})
    landing = Landing(lake, run.report.run_id, counts, settings, contents, allow_shrinking)
    landing.remove(gone)
    if changes.to_read:
        yield from _read(run, landing, changes.to_read, folder)
    by_id = {file.document_id: file for file in listing.files}
    lost = lost_claims(lake) | _files_of_orphans(lake, listing, changes)
    free = [by_id[identity] for identity in sorted(lost) if identity in by_id]
    if free:
        read_again(lake, {file.document_id for file in free})
        landing = Landing(lake, run.report.run_id, counts, settings, contents, allow_shrinking)
        yield from _read(run, landing, free, folder)
    lake.delete_in(lake.name("chunks"), "document_id", orphan_chunks(lake))
    tried = {file.document_id for file in (*changes.to_read, *free)}
    lake.delete_in(lake.name("failures"), "failure_id", resolved_failures(lake, tried))
    forget_transcripts(lake)
    counts.duplicates += count_duplicates(lake)


def _files_of_orphans(lake: Lake, listing: Listing, changes: Changes) -> set[str]:
    """Files of chunks whose document has no row, and that this run has not read: the row was lost."""
    if not (ids := orphan_chunks(lake)):
        return set()
    uris = {*lake.read_in(lake.name("chunks"), "document_id", ids, ["uri"])["uri"].to_pylist()}
    lost = {file.document_id for file in listing.files if file.uri in uris}
    return lost - {file.document_id for file in changes.to_read}


def _read(run: Run, landing: Landing, files: list[File], tokenizer_folder: str) -> Iterator[pa.Table]:
    """Read files and land what is in them; a container's own row follows its last record."""
    corpus, settings = run.corpus, settings_of(run.corpus, tokenizer_folder)
    ends: dict[str, DocumentError | None] = {}
    done = 0
    total = None if any(file.is_container for file in files) else len(files)
    current: File | None = None
    size = sum(file.size for file in files)
    found: list[File] = []  # files that hold records after all

    def unchanged(file: File) -> Unchanged:
        return unchanged_in(run.lake, file, settings[file.source])

    transcriber = Transcriber(corpus, run.lake, tokenizer_folder, run.report.documents)
    with closing(transcriber):
        for work, prepared in read_all(_works(corpus, files, ends, unchanged), corpus, tokenizer_folder, size):
            container = None if isinstance(work, Files) else work.container
            if current and container != current:
                yield from _end_container(run, landing, current, ends)
            yield from landing.add(transcriber.add(work, prepared))
            found += prepared.containers
            current = container
            done += prepared.documents.num_rows
            publish(Progress("read", done, total, "documents"))
    if current:
        yield from _end_container(run, landing, current, ends)
    for file in files:  # containers that held no record, or could not be opened
        if file.document_id in ends:
            yield from _end_container(run, landing, file, ends)
    yield from landing.flush()
    publish(Progress("read", done, done, "documents"))
    if found:
        yield from _read(run, landing, found, tokenizer_folder)


def _end_container(run: Run, landing: Landing, file: File, ends: dict[str, DocumentError | None]) -> Iterator[pa.Table]:
    if file.document_id not in ends:
        return
    error = ends.pop(file.document_id)
    if error is None:
        yield from landing.finish_container(file)
    else:
        yield from landing.fail_container(file, error)


def _works(
    corpus: Corpus, files: list[File], ends: dict[str, DocumentError | None], unchanged: Callable[[File], Unchanged]
) -> Iterator[Work]:
    """Work for the readers; notes in `ends` how each container ended. What takes long to hear comes last, so that texts
    are embedded meanwhile."""
    heard = [file for file in files if corpus.extraction.transcribe and file.format in ("audio", "video")]
    late = {file.document_id for file in heard}
    others = [file for file in files if file.document_id not in late]
    yield from group_files(file for file in others if not file.is_container)
    for file in others:
        if not file.is_container:
            continue
        try:
            yield from each_within(works_of(file, corpus, unchanged(file)), corpus.extraction.timeout)
            ends[file.document_id] = None
        except Exception as error:  # whatever a parser or a file system raises
            ends[file.document_id] = document_error(error, corpus.extraction.timeout, fetching=True)
    yield from group_files(heard)


def _with_records(lake: Lake, files: list[str]) -> tuple[set[str], set[str]]:
    """Files that are gone and the records that they held, and the content hashes of all of these."""
    if not files:
        return set(), set()
    table, columns = lake.name("documents"), ["document_id", "content_hash"]
    parts = [lake.read_in(table, column, files, columns) for column in ("document_id", "container")]
    contents = {content for part in parts for content in part["content_hash"].to_pylist() if content}
    return {*files, *(identity for part in parts for identity in part["document_id"].to_pylist())}, contents


def count_duplicates(lake: Lake) -> int:
    """Documents whose text another one has, the first of each left out."""
    texts = lake.read(lake.name("documents"), ["text_hash"], "text_hash IS NOT NULL")["text_hash"]
    return len(texts) - int(pc.count_distinct(texts).as_py())
