"""The user's folder for what can be made or fetched again."""

from pathlib import Path


def folder() -> Path:
    """Return it: ``~/.cache/cifarq`` on Linux, or below ``XDG_CACHE_HOME``."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("cifarq"))
