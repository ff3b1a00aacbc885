"""Documents and replies that several tests use."""

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from hypothesis import settings
from typer.testing import CliRunner

from lcagent.cli.commands import app
from tests.loopback import Request

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "examples" / "skarholm-report.pdf"
WORDS = [
    "the",
    "river",
    "ran",
    "past",
    "old",
    "mill",
    "and",
    "people",
    "of",
    "town",
    "came",
    "to",
    "see",
    "boats",
    "in",
    "morning",
    "light",
]


def examples(all_of_them: int) -> int:
    """How many of the examples are tried: all with `--hypothesis-profile all`, a tenth without."""
    return max(4, all_of_them * settings().max_examples // 100)


def some_slow(steps: Iterable[Any]) -> list[Any]:
    """Parameters of which two in three are marked `slow`."""
    return [
        step
        if at % 3 == 0
        else pytest.param(*(step if isinstance(step, tuple) else [step]), marks=pytest.mark.slow)
        for at, step in enumerate(steps)
    ]


def prose(sentences: int, seed: int = 0) -> str:
    """Paragraphs that say nothing, always the same for one seed."""
    rng = random.Random(seed)
    lines = []
    for number in range(sentences):
        words = [rng.choice(WORDS) for _ in range(rng.randint(8, 16))]
        lines.append(f"{' '.join(words).capitalize()} {number}.")
    return "\n\n".join(" ".join(lines[i : i + 6]) for i in range(0, len(lines), 6))


NEEDLE = "The harbour master of Vellmere in that year was Oskar Brandvold."
QUESTION = "Who was the harbour master of Vellmere?"


def haystack(sentences: int = 400, at: float = 0.5) -> str:
    text = prose(sentences)
    cut = text.index("\n\n", int(len(text) * at))
    return f"{text[:cut]}\n\n{NEEDLE}{text[cut:]}"


def clever(request: Request) -> str:
    """A model that finds the needle where it stands."""
    names = request.schema["properties"] if request.schema else {}
    seen = "Oskar Brandvold" in request.text
    if "steps" in names:
        return json.dumps({"core": QUESTION, "form": "", "steps": [QUESTION]})
    if "facts" in names:
        facts = [NEEDLE] if "master of Vellmere in that year" in request.text.split("<segment>")[-1] else []
        return json.dumps(
            {"relevant": "yes" if facts else "no", "facts": facts, "sufficient": "no", "next": ""}
        )
    if "found" in names:
        return json.dumps({"found": "yes" if seen else "no", "answer": "Oskar Brandvold" if seen else ""})
    return "The harbour master was Oskar Brandvold." if seen else "Nothing yet."


def in_this_process(*arguments: str) -> Result:
    """A command without the cost of a process of its own."""
    return CliRunner().invoke(app, arguments)
