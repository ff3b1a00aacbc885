"""`--table`: the rows behind an answer as a file for a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcagent.errors import UsageError
from lcagent.text import harmless_cell

if TYPE_CHECKING:
    from lcagent.answer import Answer, RowReport

_SUFFIXES = (".csv", ".xlsx")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def check_table(file: Path, strategy: str) -> None:
    """Complain of a file that no table can be written to, before anything is read.

    Args:
        file: as it was named.
        strategy: as it was named.

    Raises:
        UsageError: another ending, a package that is missing, or a strategy that makes no table.
    """
    if strategy not in {"auto", "tally"}:
        raise UsageError(f"{strategy} makes no table", hint="--strategy tally does")
    if file.suffix.lower() not in _SUFFIXES:
        raise UsageError(
            f"{file} is neither .csv nor .xlsx", hint="--table names a file with one of these endings"
        )
    if file.suffix.lower() == ".xlsx" and find_spec("openpyxl") is None:
        raise UsageError(
            "an .xlsx file needs the package openpyxl",
            hint="pip install 'lcagent[xlsx]', or name a .csv file",
        )


def write_table(answer: Answer, file: Path) -> None:
    """Write the rows behind an answer, then those that are set apart, with document, place and quote.

    Args:
        answer: one that has rows.
        file: whose ending says the form.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        if file.suffix.lower() == ".csv":
            with file.open("w", encoding="utf-8-sig", newline="") as out:  # Excel knows UTF-8 by its mark
                csv.writer(out).writerows([[harmless_cell(cell) for cell in line] for line in _lines(answer)])
        else:
            _write_xlsx(answer, file)
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written: {error.strerror}",
            hint="the same command with --resume and another --table gives it without a call",
        ) from error


def _lines(answer: Answer) -> Iterator[list[str]]:
    table = answer.table
    assert table is not None
    yield [*table.columns, "counts", "document", "place", "quote"]
    yield from (_line(row, "yes") for row in table.rows)
    yield from (_line(row, f"open: {row.reason}") for row in table.unsure)


def _line(row: RowReport, counts: str) -> list[str]:
    cited = row.citations
    first = [cited[0].document, cited[0].place] if cited else ["", ""]
    cells = [*row.values, counts, *first, " … ".join(one.quote for one in cited)]
    return [_CONTROL.sub(" ", cell) for cell in cells]


def _write_xlsx(answer: Answer, file: Path) -> None:
    openpyxl: Any = import_module("openpyxl")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    for line in _lines(answer):
        sheet.append([_text_cell(sheet, cell) for cell in line])
    book.save(file)


def _text_cell(sheet: Any, text: str) -> Any:
    """A cell of text: no formula, whatever it begins with."""
    cell: Any = import_module("openpyxl.cell").WriteOnlyCell(sheet, value="")
    cell.value, cell.data_type = text[:32_000], "s"
    return cell
