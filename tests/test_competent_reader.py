"""A right answer of a competent reader comes out, answered and cited, whatever kind it is, in every strategy.

The reader (`tests.reader`) is scripted: what fails here was right in every single call and was lost, or
thrown away, by our own code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lcagent import Answer, Reader
from lcagent.documents import load
from lcagent.evals.scorers import normalise
from lcagent.settings import Settings, load_settings, split_strategy
from tests.loopback import Loopback
from tests.reader import Case, CompetentReader, Hop
from tests.reader.documents import SAMPLES

WINDOW = 2048
STRATEGIES = [
    "direct",
    "memagent",
    "memagent:mode=parallel",
    "mapreduce",
    "segment",
    "longagent",
    "graphreader",
]


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(window=WINDOW, keep_requests=False) as running:
        yield running


@cache
def settings(strategy: str, url: str) -> Settings:
    bare, pairs = split_strategy(strategy)
    return load_settings({"api_base": url, "window": WINDOW, "strategy": bare}, pairs)


def pairs() -> Iterator[Any]:
    """Each sample in each strategy; those of one strategy a sample are not `slow`."""
    for at, name in enumerate(SAMPLES):
        for by, strategy in enumerate(STRATEGIES):
            daily = at % len(STRATEGIES) == by
            yield pytest.param(name, strategy, marks=() if daily else pytest.mark.slow)


@pytest.mark.parametrize(("name", "strategy"), list(pairs()))
def test_a_right_answer_comes_out_and_is_cited(
    name: str, strategy: str, server: Loopback, tmp_path: Path, home: Path
) -> None:
    sample = SAMPLES[name]
    path = tmp_path / f"document{sample.suffix}"
    path.write_text(sample.text, "utf-8")
    server.reply = reader = CompetentReader([sample.case])
    with Reader(settings=settings(strategy, server.url).model_copy(update={"home": home})) as asking:
        answer = asking.ask(path, sample.case.question)
    assert not reader.faults
    said = reader.log[-1].reply
    assert answer.status == "answered", f"{answer.warnings}; the last reply was {said}"
    assert right(sample.case, answer.answer), f"{answer.answer!r}; the last reply was {said}"
    text = load(path).text
    uncited = [hop.sentence for hop in sample.case.noted if not is_cited(hop, answer, text)]
    assert not uncited, f"cited is {[c.quote for c in answer.citations]}"


def right(case: Case, answer: str) -> bool:
    """Whether an answer holds all things of a list, or one of the forms of the answer."""
    if case.kind == "list":
        return all(holds(answer, item) for item in case.items)
    return any(holds(answer, form) for form in case.accepted)


def holds(answer: str, form: str) -> bool:
    """Whether whole words of an answer are the form; characters, where words have no spaces."""
    said, wanted = normalise(answer), normalise(form)
    return f" {wanted} " in f" {said} " or (not wanted.isascii() and wanted in said)


def is_cited(hop: Hop, answer: Answer, text: str) -> bool:
    """Whether a citation lies in, or reaches into, the sentence."""
    at = re.search(r"\s+".join(map(re.escape, hop.sentence.split())), text)
    assert at, "the sentence does not stand in the document as it was loaded"
    return any(c.char_start < at.end() and at.start() < c.char_end for c in answer.citations)


def test_the_samples_are_at_least_sixty_in_six_languages() -> None:
    languages = {name[:2] for name in SAMPLES}
    assert len(SAMPLES) >= 60
    assert languages == {"en", "de", "fr", "es", "ru", "zh"}
