"""A table as it is given: its rows again, and as a file for spreadsheets or data frames."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, cast

from lcagent.errors import UsageError
from lcagent.many.columns import ABOUT, COST, Column, flat_names
from lcagent.many.rows import Row, replacing
from lcagent.text import harmless_cell

_SUFFIXES = (".jsonl", ".csv", ".parquet")
_TOGETHER = 1000
"""Rows that are in memory at once where a table is written."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was asked for. Iterated, it gives its rows in the order of the sources, from the file.

    Args:
        out: the file that was asked for.
        kept: the file of its rows, JSON, one a line; `out` itself where that is one.
        columns: what was asked.
        rows: how many there are.
        failed: how many of these could not be read, or not all that was asked.
        copies: how many have the answers of another document of the same bytes.
        asked: documents that were read this time.
        calls: model calls of this time.
        tokens: and their tokens.
        complete: False: a budget was reached, and documents are left.
    """

    out: Path
    kept: Path
    columns: tuple[Column, ...]
    rows: int
    failed: int
    copies: int
    asked: int
    calls: int
    tokens: int
    complete: bool

    def __iter__(self) -> Iterator[Row]:
        return rows_in(self.kept, self.columns)

    def __len__(self) -> int:
        return self.rows


def rows_in(kept: Path, columns: Sequence[Column]) -> Iterator[Row]:
    """The rows of a file, with dates as dates.

    Args:
        kept: a file that `KeptRows` wrote.
        columns: of its table.
    """
    dates = [column.name for column in columns if column.kind == "date"]
    with kept.open("rb") as lines:
        for line in lines:
            row = Row.model_validate_json(line)
            for name in dates:
                cell = row.answers[name]
                cell.value = _dated(cell.value)
            yield row


def _dated(value: Any) -> Any:
    if isinstance(value, list):
        return [_dated(one) for one in cast("list[Any]", value)]
    return date.fromisoformat(value) if isinstance(value, str) else value


def check_out(out: Path) -> Path:
    """Where the rows of a table are kept; complains of a file that cannot be written before anything is read.

    Args:
        out: as it was named.

    Raises:
        UsageError: another ending, a package that is missing, or a file that is not ours.
    """
    suffix = out.suffix.lower()
    if suffix not in _SUFFIXES:
        raise UsageError(f"{out} is no kind of table", hint=f"--out names a file in {', '.join(_SUFFIXES)}")
    if suffix == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(
            "a .parquet file needs the package pyarrow",
            hint="pip install 'lcagent[parquet]', or name a .csv or .jsonl file",
        )
    if suffix == ".jsonl":
        return out
    kept = out.with_name(f"{out.name}.jsonl")
    if out.exists() and not kept.exists():
        raise UsageError(
            f"{out} is there, and the rows that it was made of are not",
            hint=f"they lie in {kept.name}; name another file with --out, or move this one out of the way",
        )
    return kept


def write_table(out: Path, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """Write rows as the kind of file that a name says.

    Args:
        out: a .csv or .parquet file; one of JSON lines has its rows already.
        columns: of the table.
        rows: in order.

    Raises:
        OutputError: it cannot be written.
    """
    if out.suffix.lower() == ".jsonl":
        return
    with replacing(out) as beside:
        (_write_csv if out.suffix.lower() == ".csv" else _write_parquet)(beside, columns, rows)


def _flat(columns: Sequence[Column], row: Row) -> dict[str, Any]:
    """A row as a flat table has it."""
    told = row.model_dump(exclude={"answers", "table"})
    flat: dict[str, Any] = {name: told[name] for name in ABOUT}
    for column in columns:
        cell = row.answers[column.name]
        quotes = [quote.model_dump() for quote in cell.citations]
        parts = (cell.value, cell.status, cell.text, quotes, cell.run)
        flat.update(zip(flat_names(column), parts, strict=True))
    return flat | {name: told[name] for name in COST}


def _write_csv(file: Path, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    names = [*ABOUT, *(name for column in columns for name in flat_names(column)), *COST]
    with file.open("w", encoding="utf-8-sig", newline="") as out:  # spreadsheets know UTF-8 by its mark
        written = csv.writer(out)
        written.writerow(names)
        for row in rows:
            written.writerow([_cell(value) for value in _flat(columns, row).values()])


def _cell(value: Any) -> Any:
    """A value in a cell of text: a list as JSON."""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return str(value).lower()
    return harmless_cell(_CONTROL.sub(" ", value)) if isinstance(value, str) else value


def _write_parquet(file: Path, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    schema, left = _schema(arrow, columns), iter(rows)
    with parquet.ParquetWriter(file, schema) as out:
        while some := [_flat(columns, row) for row in islice(left, _TOGETHER)]:
            out.write_table(arrow.Table.from_pylist(some, schema=schema))


def _schema(arrow: Any, columns: Sequence[Column]) -> Any:
    text, number = arrow.string(), arrow.int64()
    quote = [("number", number), ("document", text), ("page", number)]
    quote += [("char_start", number), ("char_end", number), ("quote", text)]
    kinds = {"int": number, "float": arrow.float64(), "bool": arrow.bool_(), "date": arrow.date32()}
    fields = [(name, text) for name in ABOUT]
    for column in columns:
        one = kinds.get(column.kind, text)
        value = arrow.list_(one) if column.many else one
        types = (value, text, text, arrow.list_(arrow.struct(quote)), text)
        fields += zip(flat_names(column), types, strict=True)
    return arrow.schema([*fields, ("calls", number), ("tokens", number), ("seconds", arrow.float64())])
