"""One writer a run, or a work: a lock that goes with the process, however it ends.

`filelock` does the same in 65 ms of imports, a tenth of what a question about a short document may cost.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lcagent.errors import LcagentError
from lcagent.private import private_folder


@contextmanager
def locked(folder: Path, name: str, busy: LcagentError) -> Generator[None]:
    """Hold the lock of a name; its file is gone afterwards.

    Args:
        folder: where the store lies.
        name: of what is written, such as a run's id.
        busy: raised where somebody else holds it.

    Raises:
        LcagentError: `busy`.
    """
    try:
        import fcntl
    except ImportError:  # no such lock on Windows: two writers then only repeat work
        yield
        return
    path = folder / "locks" / name
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            private_folder(path.parent)
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise busy from error
        if _names(path, file):
            break
        os.close(file)  # who held it removed it between the two calls: what is locked is no lock any more
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _names(path: Path, file: int) -> bool:
    """Whether a path still names the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
