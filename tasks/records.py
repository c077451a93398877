"""What travels through the pipeline."""

from dataclasses import dataclass

from tasks.errors import DocumentError


@dataclass(frozen=True, slots=True)
class Failure:
    """A document or chunk that cannot be used: where, at which stage, why, and with which settings (their hash): with
    others it is tried again."""

    document_id: str
    uri: str
    stage: str
    error: str
    message: str
    hint: str
    transient: bool
    settings: str
    chunk_id: str | None = None
    chunk_version: str | None = None

    @classmethod
    def of(cls, error: DocumentError, document_id: str, uri: str, stage: str, settings: str) -> "Failure":
        """The failure that an error tells of."""
        name = type(error).__name__
        return cls(document_id, uri, stage, name, error.message[:2000], error.hint, error.transient, settings)
