"""`lcagent inspect`: what would be read, and what would not, before any model is asked."""

import json
import os
import threading
from pathlib import Path

from typer.testing import CliRunner

from lcagent.cli.commands import app
from tests.documents.test_load import docx, write
from tests.helpers import REPORT


def inspect(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["inspect", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_it_shows_pages_health_first_lines_and_segments() -> None:
    told = inspect(REPORT, "--segments")
    assert "22 pages" in told and "characters" in told and "tokens in" in told
    assert "warning: page 10 holds no text" in told
    assert "segment 1: page 1" in told


def test_json_holds_all_of_it() -> None:
    told = json.loads(inspect(REPORT, "--json"))
    (one,) = told["documents"]
    assert one["pages"] == 22 and one["health"]["empty"] == [10] and one["unit"] == "page"
    spans = [(part["char_start"], part["char_end"]) for part in one["segments"]]
    assert spans[0][0] == 0 and spans[-1][1] == one["characters"]
    assert all(before[1] == after[0] for before, after in zip(spans, spans[1:], strict=False))
    assert abs(sum(part["tokens"] for part in one["segments"]) - one["tokens"]) == 0


def test_a_folder_tells_what_is_not_read_by_kind(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "Tea at noon.")
    write(tmp_path, "README", "No ending, and text all the same.")
    write(tmp_path, "b.docx", docx())
    write(tmp_path, "broken.docx", "no archive")
    write(tmp_path, "~$b.docx", "x")
    write(tmp_path, ".hidden.txt", "x")
    for name in ("one.xyz", "two.xyz", "three.bin"):
        write(tmp_path, name, b"\x00\x01\x02")
    told = json.loads(inspect(tmp_path, "--json"))
    assert [one["document"] for one in told["documents"]] == ["README", "a.txt", "b.docx"]
    refused, unread = told["not_read"]
    assert refused.startswith("broken.docx: ")
    assert unread == "3 files of kinds that are not read (xyz, bin)"


def test_a_pipe_is_read_as_standard_input_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("Tea at noon."))
    writer.start()
    told = inspect(pipe)
    writer.join()
    assert "pipe: text, 12 characters" in told


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["inspect", str(tmp_path / "none.pdf")])
    assert result.exit_code != 0 and "does not exist" in str(result.exception)
