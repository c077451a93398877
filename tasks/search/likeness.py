"""Queries that are no text: an image or a sound, as a model takes them."""

from pathlib import Path

from tasks.config.media import Audio
from tasks.config.settings import Extraction
from tasks.content.fetching import as_heard, as_seen
from tasks.content.items import item_of
from tasks.errors import ConfigurationError, DocumentError
from tasks.media.image import look
from tasks.media.sound import listen, windows
from tasks.models.interface import Item
from tasks.models.takes import Takes

_MOST = 60  # pieces of a sound that are embedded


def read_query(file: Path, modality: str) -> bytes:
    """The content of a file that is asked by.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return file.expanduser().read_bytes()
    except OSError as error:
        a = {"image": "an image", "audio": "a sound"}[modality]
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}", f"Give the path of {a}.") from None


def query_items(modality: str, content: bytes, limits: Extraction, takes: Takes) -> list[Item]:
    """What a query is for a model: an image as one item; a sound as its first 60 pieces, as long as the chunks of the
    corpus or as the model hears at most.

    Args:
        modality: image or audio.
        content: of a file.
        limits: of the corpus.
        takes: what the model takes.

    Raises:
        ConfigurationError: it cannot be read as that.
    """
    try:
        if modality == "image":
            look(content, limits.max_pixels)
            return [item_of("image", pixels) for pixels in as_seen(content, [(0, None)], takes)]
        longest = round((limits.audio or Audio.model_validate({})).window * 1000)
        spans = windows(listen(content).duration_ms, min(longest, takes.longest or longest))
        return [item_of("audio", heard) for heard in as_heard(content, spans[:_MOST], takes)]
    except DocumentError as error:
        what = {"image": "image", "audio": "sound"}[modality]
        raise ConfigurationError(f"the {what} cannot be used: {error.message}", error.hint) from None
