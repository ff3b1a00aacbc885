"""The rows of a table, and the file in which each is kept as soon as its document is done."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from lcagent.answer import Citation
from lcagent.errors import OutputError, UsageError
from lcagent.text import whole_characters

CellStatus = Literal["answered", "not_found", "conflicting", "wrong_type", "failed"]


class Quote(BaseModel):
    """Where an answer stands; `number` is that of its mark in the answer's words. As of `Citation`."""

    model_config = ConfigDict(frozen=True)

    number: int
    document: str
    page: int | None
    char_start: int
    char_end: int
    quote: str

    @classmethod
    def of(cls, citation: Citation) -> Quote:
        """What a table tells of a citation."""
        return cls(**citation.model_dump(include=set(cls.model_fields)))


class Cell(BaseModel):
    """The answer to one column's question about one document.

    `status`: answered; not_found (the document does not say); conflicting (it says two things); wrong_type
    (the answer cannot be turned into a value of the column's type, for certain); failed (there is none, and
    `text` says why). `value` is of the column's type; in JSON a date is YYYY-MM-DD. `text` are the answer's
    words, with the numbers of its citations.
    """

    value: Any
    status: CellStatus
    text: str
    citations: list[Quote] = []
    run: str = ""


class Row(BaseModel):
    """One document of a table.

    `status`: read; failed: `code`, `message` and `hint` say why. `copy_of` names the document of the same
    bytes whose answers these are; it then has cost nothing. `calls`, `tokens` and `seconds` are those of its
    runs. `table` names the questions.
    """

    document: str
    status: Literal["read", "failed"]
    copy_of: str | None = None
    code: str = ""
    message: str = ""
    hint: str = ""
    sha256: str
    answers: dict[str, Cell]
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    table: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """The values by the columns' names."""
        return {name: cell.value for name, cell in self.answers.items()}

    @property
    def runs(self) -> list[str]:
        """The runs whose answers these are; those of a failed one are given again when it is asked again."""
        return [cell.run for cell in self.answers.values()] if self.status == "read" else []

    def copied(self, document: str) -> Row:
        """The row of another document of the same bytes."""
        free = {"document": document, "copy_of": self.document}
        return self.model_copy(update={**free, "calls": 0, "tokens": 0, "seconds": 0.0})


class _Place(NamedTuple):
    """Where a row stands in the file, and what is asked of it while others are done."""

    start: int
    end: int
    sha256: str
    failed: bool
    copied: bool

    @classmethod
    def of(cls, row: Row, start: int, end: int) -> _Place:
        """Where a row stands."""
        return cls(start, end, row.sha256, row.status == "failed", row.copy_of is not None)


_BEGINS = b'{"document":'


class KeptRows:
    """A file of rows, a JSON object a line, in the order in which the documents were done.

    A row is on the disk when `add` returns. One that was half written when a process died is cut off when the
    file is opened again. A later row of the same document takes the place of an earlier one.

    Args:
        path: the file, made where there is none.
        table: names the questions, see `columns.table_key`.

    Raises:
        UsageError: it is the file of something else.
        OutputError: it cannot be read or written.
    """

    def __init__(self, path: Path, table: str) -> None:
        self.path, self._table = path, table
        self._places: dict[str, _Place] = {}
        self.found: list[str] = []
        """The runs of the rows that were there."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise _lost(path, error) from error
        try:
            self._end = self._find()
        except BaseException:
            os.close(self._file)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> KeptRows:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def known(self, *, failed: bool) -> dict[str, str]:
        """The documents that have rows, and what their bytes were; copies last.

        Args:
            failed: those too that could not be read.
        """
        some = [(name, place) for name, place in self._places.items() if failed or not place.failed]
        return {name: place.sha256 for name, place in sorted(some, key=lambda one: one[1].copied)}

    def counts(self) -> tuple[int, int, int]:
        """How many rows there are, how many of these failed, and how many are copies."""
        places = self._places.values()
        return len(places), sum(one.failed for one in places), sum(one.copied for one in places)

    def get(self, document: str) -> Row:
        """The row of a document that has one."""
        place = self._places[document]
        return Row.model_validate_json(os.pread(self._file, place.end - place.start, place.start))

    async def add(self, row: Row) -> None:
        """Keep a row.

        Args:
            row: of a document that is done.

        Raises:
            OutputError: the disk is full.
        """
        told = row.model_copy(update={"table": self._table}).model_dump(mode="json")
        line = whole_characters(json.dumps(told, ensure_ascii=False, separators=(",", ":"))).encode() + b"\n"
        start, end = self._end, self._end + len(line)
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            os.ftruncate(self._file, start)
            raise _lost(self.path, error) from error
        self._end = end  # others write theirs while this one waits for the disk
        try:
            await asyncio.to_thread(os.fsync, self._file)
        except OSError as error:
            raise _lost(self.path, error) from error
        self._places[row.document] = _Place.of(row, start, end)

    def in_order(self, documents: Iterable[str]) -> list[str]:
        """The documents that have rows: those that are named as they are named, then the others.

        Args:
            documents: of the sources.
        """
        named = dict.fromkeys(one for one in documents if one in self._places)
        return [*named, *(one for one in self._places if one not in named)]

    def put_in_order(self, documents: Sequence[str]) -> None:
        """Have the rows stand in an order, each once.

        Args:
            documents: all that have rows.

        Raises:
            OutputError: the disk is full.
        """
        places = [self._places[one] for one in documents]
        ends = [0, *(place.end for place in places)]
        if [place.start for place in places] == ends[:-1] and ends[-1] == self._end:
            return
        with replacing(self.path) as beside, beside.open("wb") as out:
            for place in places:
                out.write(os.pread(self._file, place.end - place.start, place.start))
            out.flush()
            os.fsync(out.fileno())

    def _find(self) -> int:
        """Find the rows that are there; cut off one that was half written.

        Returns:
            Where the next one goes.
        """
        start = 0
        with open(self._file, "rb", closefd=False) as lines:
            for number, line in enumerate(lines, 1):
                row = _row(line)
                whole = line.endswith(b"\n")
                if row is None and not whole and line[: len(_BEGINS)] == _BEGINS[: len(line)]:
                    os.ftruncate(self._file, start)
                    break
                if row is None or row.table != self._table:
                    what = "is no row of a table" if row is None else "answers other questions"
                    raise UsageError(
                        f"line {number} of {self.path} {what}",
                        hint="name another file with --out, or move this one out of the way",
                    )
                end = start + len(line) + (0 if whole else os.write(self._file, b"\n"))
                self._places.pop(row.document, None)
                self._places[row.document] = _Place.of(row, start, end)
                self.found += row.runs
                start = end
        return start


def _row(line: bytes) -> Row | None:
    try:
        return Row.model_validate_json(line)
    except ValidationError:
        return None


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A file beside another, which takes its place once it is whole.

    Args:
        path: the file that is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    except OSError as error:
        raise _lost(path, error) from error
    finally:
        beside.unlink(missing_ok=True)


def _lost(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="what is done is kept: the same command goes on from there",
    )
