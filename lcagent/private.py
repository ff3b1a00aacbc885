"""Folders and files that their owner alone may look into."""

from __future__ import annotations

import os
from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for the owner alone.

    A folder that stands there already stays as it is: it may be one that the user shares on purpose.

    Args:
        path: the folder.

    Raises:
        OSError: it cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path


def private_file(path: Path) -> Path:
    """Make a file, or take one that stands there from everybody but its owner.

    Args:
        path: the file; its folder is there.

    Raises:
        OSError: it cannot be made, or belongs to somebody else who lets others look into it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        shared = os.fstat(descriptor).st_mode & 0o077
    finally:
        os.close(descriptor)
    if shared and os.name == "posix":
        path.chmod(0o600)
    return path
