"""Where this machine keeps what can be made again."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """embedlake's folder in the user's cache; it may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "embedlake"
