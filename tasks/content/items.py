"""Fetched contents as items for encoders."""

from tasks.models.interface import Image, Item, Samples

Content = Image | Samples
"""What is fetched of a chunk that is no text."""


def item_of(modality: str, content: Content) -> Item:
    """A content with its cost: of an image its pixels, of sound its milliseconds."""
    if isinstance(content, Samples):
        return Item(modality, content, round(1000 * len(content.samples) / content.rate))
    return Item(modality, content, content.shape[0] * content.shape[1])
