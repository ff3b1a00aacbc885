"""Read data sets: JSON lines and text files in the layout of `--data`, or the package's samples."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lcagent.errors import UsageError

Record = dict[str, Any]
"""One line of a data file."""


def folder(data: Path | None) -> Path:
    """Where data is read from: the folder given, or the samples that the package ships."""
    return data if data is not None else Path(str(files("lcagent.evals") / "samples"))


def records(data: Path | None, name: str) -> list[Record]:
    """The lines of a data file.

    Raises:
        UsageError: there is no such file, or a line is not a JSON object.
    """
    path = found(data, name)
    # Not splitlines: texts may hold other line separators, which JSON leaves as they are.
    lines = path.read_text("utf-8").split("\n")
    rows: list[Record] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UsageError(f"line {number} of {path} is not JSON", hint="fetch the data again") from error
        if not isinstance(row, dict):
            raise UsageError(f"line {number} of {path} is not a JSON object", hint="fetch the data again")
        rows.append(row)
    return rows


def context(data: Path | None, name: str) -> str:
    """The text of a document that a data file names."""
    return _text(found(data, name))


@lru_cache(maxsize=4)
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def found(data: Path | None, name: str) -> Path:
    """The path of a data file that exists."""
    path = folder(data) / name
    if not path.is_file():
        raise UsageError(
            f"there is no {name} in {folder(data)}",
            hint="name the folder that holds the data sets with --data; without it the samples are used",
        )
    return path
