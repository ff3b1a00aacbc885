"""Folders and files that only their owner may read: questions, texts and keys lie in them."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from stat import S_ISGID, S_ISVTX


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, and what is missing above it.

    One that is there already is closed to others too. Left as it is: a folder of somebody else's, one
    that is shared on purpose (sticky or setgid), the user's own and the current folder and those above.

    Args:
        path: the folder.

    Raises:
        OSError: it cannot be made.
    """
    for folder in (*reversed(path.parents), path):
        folder.mkdir(mode=0o700, exist_ok=True)
    here, own = Path.cwd(), Path.home()
    if path.resolve() not in {here, *here.parents, own, *own.parents}:
        mode = path.stat().st_mode
        if mode & 0o077 and not mode & (S_ISVTX | S_ISGID):
            with suppress(PermissionError):  # another user's
                path.chmod(0o700)
    return path


def private_file(path: Path) -> Path:
    """Make a file that only its owner may read or write; one that is there keeps what it holds.

    SQLite gives the files that it keeps beside a database the database's own permissions.

    Args:
        path: the file; its folder is there.

    Raises:
        OSError: it cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
    if path.stat().st_mode & 0o077:
        with suppress(PermissionError):  # another user's
            path.chmod(0o600)
    return path


def without_password(url: str) -> str:
    """A URL as it may be shown and kept: a name and password before the host are left out.

    Args:
        url: with or without scheme; need not be one.
    """
    return re.sub(r"(?<=//)[^/?#]*@|^[^/?#@]*:[^/?#@]*@", "***@", url)
