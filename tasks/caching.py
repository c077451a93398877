"""Where this machine keeps what can be made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """embedlake's folder in the user's cache; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "embedlake"


def keep(file: Path, text: str) -> None:
    """Write a file in one step; where it cannot be written, it is done without."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(f"{file.name}.{os.getpid()}")
        new.write_text(text, "utf-8")
        new.replace(file)
    except OSError:
        pass
