"""One writer a run: a lock that goes with the process, however it ends.

`filelock` does the same in 65 ms of imports, a tenth of what a question about a short document may cost.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lcagent.errors import RunBusy
from lcagent.private import private_folder


@contextmanager
def locked(folder: Path, run: str) -> Generator[None]:
    """Hold the lock of one run; its file is gone afterwards.

    Args:
        folder: where the store lies.
        run: the run's id.

    Raises:
        RunBusy: another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # no such lock on Windows: two writers then only repeat work
        yield
        return
    path = private_folder(folder / "locks") / run
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise RunBusy(
                f"run {run} is being written by another process",
                hint="wait for it to end; its command with --resume then shows its answer",
            ) from error
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
