"""The names of files with the metadata of a document beside it, such as a.pdf.json beside a.pdf."""

from collections.abc import Collection
from pathlib import PurePosixPath

from tasks.sources.formats import medium_of


def is_caption(name: str) -> bool:
    """Whether a sidecar of such a name, or such a template, is a text, and no JSON."""
    return name.endswith(".txt")


def is_like_sidecar(key: str, template: str) -> bool:
    """Whether a path may be a sidecar's: it ends as these do."""
    return key.endswith(template.partition("}")[2])


def sidecars_of(keys: Collection[str], template: str, media: Collection[str] = ()) -> dict[str, str]:
    """The sidecar of each file that has one. A file is not its own, and one sidecar has none. A text is one of files of
    the media that are asked for, as their caption; beside others it is a document.

    Args:
        keys: paths of files and sidecars.
        template: `{name}` or `{stem}`, for a file's name with or without its extension, and what follows it.
        media: modalities beside text whose files are documents.
    """
    found = {}
    for key in keys:
        if is_caption(template) and medium_of(key) not in media:
            continue
        path = PurePosixPath(key)
        sidecar = str(path.with_name(template.format(name=path.name, stem=path.stem)))
        if sidecar != key and sidecar in keys:
            found[key] = sidecar
    own = set(found.values())
    return {key: sidecar for key, sidecar in found.items() if key not in own}
