"""The names of files with the metadata of a document beside it, such as a.pdf.json beside a.pdf."""

from collections.abc import Collection
from pathlib import PurePosixPath


def is_like_sidecar(key: str, template: str) -> bool:
    """Whether a path may be a sidecar's: it ends as these do."""
    return key.endswith(template.partition("}")[2])


def sidecars_of(keys: Collection[str], template: str) -> dict[str, str]:
    """The sidecar of each file that has one. A file is not its own, and one sidecar has none.

    Args:
        keys: paths of files and sidecars.
        template: `{name}` or `{stem}`, for a file's name with or without its extension, and what follows it.
    """
    found = {}
    for key in keys:
        path = PurePosixPath(key)
        sidecar = str(path.with_name(template.format(name=path.name, stem=path.stem)))
        if sidecar != key and sidecar in keys:
            found[key] = sidecar
    own = set(found.values())
    return {key: sidecar for key, sidecar in found.items() if key not in own}
