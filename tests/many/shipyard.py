"""Documents about boats, a model that answers questions about them, and tables of them."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lcagent import Reader
from lcagent.many.rows import Row
from lcagent.many.tables import Table
from tests.loopback import Loopback, Request

QUESTION = "In which year was the boat built?"
TOML = f'[built]\nquestion = "{QUESTION}"\ntype = "int"\n'


def shipyard(request: Request) -> str:
    """A model that answers what the question is about: year, owner, date, kind, length, crew, tax."""
    text, _, asked = request.text.partition("<question>")
    answers = {
        "which year": r"built in (\d{4})",
        "owner": r"belongs to (\w+ \w+)",
        "When": r"launched on (\d+ \w+ \d{4})",
        "kind": r"It is a (\w+)",
        "long": r"length is ([\d.]+ \w+)",
        "crew": r"crew: ([^.]+)",
        "tax": r"pays (no tax|tax)",
    }
    pattern = next(pattern for word, pattern in answers.items() if word in asked)
    found = re.search(pattern, text)
    said = {"no tax": "No.", "tax": "Yes."}.get(found[1], found[1]) if found else ""
    return json.dumps({"found": "yes" if found else "no", "answer": said})


def boat(number: int) -> str:
    return (
        f"Boat {number} was built in {1900 + number} at Vellmere. It belongs to Anna Holm and was launched on"
        f" {number % 28 + 1} May {1900 + number}. It is a {'sloop' if number % 2 else 'ketch'}. Its length is"
        f" {number}.5 m. Its crew: Ida Frey, Jon Berg. It pays {'no tax' if number % 2 else 'tax'}.\n"
    )


def boats(folder: Path, count: int = 6) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number:03}.txt").write_text(boat(number))
    return folder


def table(
    server: Loopback, sources: Any, questions: Any = QUESTION, out: str = "t.jsonl", **how: Any
) -> Table:
    options = {name: how.pop(name) for name in list(how) if name in {"max_calls", "max_tokens", "window"}}
    with Reader(api_base=server.url, **options) as reader:
        return reader.map(sources, questions, out=out, **how)


def plain(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows without what differs from one time to the next."""
    told = [row.model_dump(exclude={"seconds"}) for row in rows]
    for row in told:
        for cell in row["answers"].values():
            del cell["run"]
    return told


def rows_of(out: str) -> list[Row]:
    kept = Path(out if out.endswith(".jsonl") else f"{out}.jsonl")
    return [Row.model_validate_json(line) for line in kept.read_text().splitlines()]


def command_line(folder: Path, server: Loopback, *, concurrency: int, out: str = "t.jsonl") -> list[str]:
    """`lcagent map` of the boats in a folder."""
    given = ["--out", out, "--api-base", server.url, "--concurrency", str(concurrency)]
    return ["map", str(folder), QUESTION, *given]
