"""Every error that embedlake raises on purpose.

EmbedlakeError                    exit code
├── ConfigurationError            2   the corpus file or the command line is wrong
│   └── UnknownName                   a model, document or chunk that the lake does not have
├── SourceError                   4   a source cannot be listed or opened
│   ├── ShrunkSource                  it lists suspiciously little
│   └── MissingSource                 there is nothing at its address
├── LakeError                     5   the lake cannot be opened, read or written
├── ModelError                    6   a model cannot be found, loaded or trusted
│   ├── ServiceError                  the service that has the model fails as a whole; it may pass
│   └── BudgetSpent               12  going on would cost more than `budget` allows; what was paid for is landed
├── AnswerError                   10  no whole answer came from the model that was asked
│   ├── RefusedAnswer                 it or its provider does not want to answer
│   ├── CutAnswer                     the answer ended before its end
│   └── EmptyAnswer                   it is nothing
├── SwitchRefused                 11  a table may not become live, or may not be removed; nothing was changed
├── OversizedBatch                -   a batch is too large for the encoder; smaller ones are tried
├── LeaseHeld                     7   another run writes
├── LeaseLost                     7   this run was silent for so long that another took its lease
├── ServerError                   9   the Prefect server or the Ray cluster does not answer
└── DocumentError                 -   one document cannot be used; recorded, never raised to the user
    ├── EmptyDocument                 nothing in it to embed
    ├── EncryptedDocument             needs a password
    ├── BrokenDocument                its content is not what its format promises
    ├── UnsupportedDocument           no reader for this kind of content
    ├── OversizedDocument             larger than `extraction.max_bytes`
    ├── UnfinishedDocument            took longer than `extraction.timeout`, too much memory, or ended its process
    ├── OverlongChunk                 longer than the model reads, where the corpus refuses that
    ├── RefusedChunk                  the encoder embeds other chunks and not this one
    ├── UnusableVector                the model gave a vector that is not finite, or zero
    ├── LostContent                   its content is not to be had as it was read
    └── UnreadDocument                could not be fetched (network, throttling): tried again by the next run
"""

from typing import Any

EXIT_OK = 0
EXIT_UNEXPECTED = 1
EXIT_FAILURES = 3
EXIT_WRONG = 8
EXIT_INTERRUPTED = 130


class EmbedlakeError(Exception):
    """What failed, and what to do next.

    Args:
        message: what failed, what was expected and what came.
        hint: the next thing to try; empty where the message says it.
    """

    exit_code = EXIT_UNEXPECTED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.message, self.hint)


class ConfigurationError(EmbedlakeError):
    """The corpus file or the command line is wrong."""

    exit_code = 2


class UnknownName(ConfigurationError):
    """The lake has no model, document or chunk of a name."""


class SourceError(EmbedlakeError):
    """A source cannot be listed or opened."""

    exit_code = 4


class MissingSource(SourceError):
    """There is nothing at a source's address."""


class ShrunkSource(SourceError):
    """A source lists so much less than the lake knows that it may be an accident."""


class LakeError(EmbedlakeError):
    """The lake cannot be opened, read or written."""

    exit_code = 5


class ModelError(EmbedlakeError):
    """A model cannot be found, loaded or trusted."""

    exit_code = 6


class ServiceError(ModelError):
    """The service that has a model fails as a whole: it does not answer, has had enough of requests, or knows no such
    key or model.

    Args:
        message: what failed.
        hint: the next thing to try.
        transient: whether it may pass by itself.
        retry_after: seconds that the service asks to wait.
    """

    def __init__(self, message: str, hint: str = "", transient: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message, hint)
        self.transient = transient
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.message, self.hint, self.transient, self.retry_after)


class BudgetSpent(ModelError):
    """Going on would cost more than `budget` allows; what was paid for is landed."""

    exit_code = 12


class AnswerError(EmbedlakeError):
    """No whole answer came from the model that was asked."""

    exit_code = 10


class RefusedAnswer(AnswerError):
    """The model, or its provider's filter, does not want to answer."""


class CutAnswer(AnswerError):
    """The answer ended before its end."""


class EmptyAnswer(AnswerError):
    """The answer is nothing."""


class SwitchRefused(EmbedlakeError):
    """A table may not become live, or may not be removed. Nothing was changed."""

    exit_code = 11


class OversizedBatch(EmbedlakeError):
    """A batch has more items, or costs more, than the encoder takes at once; smaller ones are tried."""


class ServerError(EmbedlakeError):
    """The Prefect server or the Ray cluster does not answer."""

    exit_code = 9


class LeaseHeld(EmbedlakeError):
    """Another run writes what this one wants to write."""

    exit_code = 7


class LeaseLost(EmbedlakeError):
    """This run was silent for so long that another took its lease; it must not write any more."""

    exit_code = 7


class DocumentError(EmbedlakeError):
    """One document cannot be used. It goes to the failures table and the run goes on."""

    transient = False


class EmptyDocument(DocumentError):
    """There is nothing in it to embed."""


class EncryptedDocument(DocumentError):
    """It needs a password."""


class BrokenDocument(DocumentError):
    """Its content is not what its format promises."""


class UnsupportedDocument(DocumentError):
    """There is no reader for this kind of content."""


class OversizedDocument(DocumentError):
    """It is larger than `extraction.max_bytes`."""


class UnfinishedDocument(DocumentError):
    """It took longer than `extraction.timeout`, needed too much memory, or ended the process that read it."""


class OverlongChunk(DocumentError):
    """It is longer than the model reads, and the corpus says `overlong: refuse`."""


class RefusedChunk(DocumentError):
    """The encoder embeds other chunks and not this one."""


class UnusableVector(DocumentError):
    """The model gave a vector that is not finite, or zero."""


class LostContent(DocumentError):
    """What is to be embedded of it is not to be had as it was read: its file changed, is gone, or cannot be reached."""


class UnreadDocument(DocumentError):
    """It could not be fetched; the next run tries again by itself."""

    transient = True
