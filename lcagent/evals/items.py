"""What is asked and what came of it: one Item a question, one Row an item and strategy."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Metric = Literal["em", "f1", "sub_em", "f1_star", "recall", "accuracy", "rouge_l", "abstained", "conflict"]
"""A task's headline score; `lcagent.evals.scorers` defines each."""


class Item(BaseModel):
    """One question about one document, and what a right answer is.

    Args:
        id: the same for the same task, length, seed and index.
        task: name of the task.
        length: tokens asked for; 0 where the document is as long as it is.
        question: as asked, with its wishes for the form.
        answers: accepted references; empty: the document does not say, so the right answer is "not found".
        match: `any` of the answers is right, or `all` must be given (several values).
        metric: the task's headline score.
        text: the document; None where `path` names a file.
        path: a file to read (a PDF), relative to the data folder.
        tokens: the document's length by the counter it was made with.
        gold: character spans of `text` that the answer stands in.
        gold_pages: page numbers, from 1, that the answer stands on.
        category: for scores by kind.
        options: letter and text of the choices of a multiple-choice question.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    task: str
    length: int
    question: str
    answers: tuple[str, ...]
    match: Literal["any", "all"] = "any"
    metric: Metric = "sub_em"
    text: str | None = None
    path: str | None = None
    tokens: int = 0
    gold: tuple[tuple[int, int], ...] = ()
    gold_pages: tuple[int, ...] = ()
    category: str = ""
    options: dict[str, str] = Field(default_factory=dict)

    def gold_texts(self) -> list[str]:
        """The gold stretches of the document, in order."""
        return [self.text[start:end] for start, end in self.gold] if self.text else []

    def depths(self) -> tuple[float, float] | None:
        """Where the first and the last evidence begin, in per cent of the text; None where no span is known.

        The place is told among all the places where it could begin, so that a piece at the end is at 100.
        """
        if not self.text or not self.gold:
            return None
        places = [100 * start / max(1, len(self.text) - (end - start)) for start, end in self.gold]
        return round(min(places), 1), round(max(places), 1)

    def digest(self, data: Path) -> str:
        """Names all that is asked and what it is scored by, the document included.

        Args:
            data: folder that `path` is relative to.
        """
        # As ASCII: half of a surrogate pair, which a text may hold, has no UTF-8.
        exact = hashlib.sha256(json.dumps(self.model_dump(), sort_keys=True).encode("ascii"))
        if self.path is not None:
            exact.update((data / self.path).read_bytes())
        return exact.hexdigest()


class Cited(BaseModel):
    """One citation of an answer."""

    page: int | None
    char_start: int
    char_end: int
    quote: str
    verbatim: bool
    """Whether the quote stands, character for character, at this span of the document."""


class Cost(BaseModel):
    """What one answer cost.

    Args:
        seconds: wall seconds.
        critical_seconds: the longest chain of calls of which each began after the one before had
            ended: what would be left with no limit on requests in flight.
        peak_in_flight: most requests in flight at once.
        overruns: calls past the window, ours or the server's count; must be 0.
    """

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    critical_seconds: float = 0.0
    peak_in_flight: int = 0
    overruns: int = 0


class Row(BaseModel):
    """One item answered by one strategy: everything needed to score it again.

    `error` is the code of what stopped it (a failed or timed-out item); such a row scores 0 and stays in.
    `recorded` and `kept` say of how many gold facts that a step had recorded how many the last state
    still held; both are 0 where a strategy keeps no such record.

    `depths` are those of `Item.depths`.

    `model`, `window`, `settings` and `content` (`Item.digest`) are what the row was measured with: it is
    kept in place of a new answer only where all of them are the same. They are empty in old rows.
    """

    version: Literal[1] = 1
    task: str
    item: str
    length: int
    strategy: str
    question: str = ""
    answers: tuple[str, ...] = ()
    match: Literal["any", "all"]
    metric: Metric
    category: str
    options: dict[str, str] = {}
    gold: tuple[tuple[int, int], ...] = ()
    gold_pages: tuple[int, ...]
    depths: tuple[float, float] | None = None
    tokens: int
    prediction: str = ""
    status: Literal["answered", "not_found", "conflicting", "budget", "failed"] = "failed"
    error: str = ""
    citations: list[Cited] = []
    warnings: list[str] = []
    """What the answer came with, such as why one was withheld."""
    chars_read: int = 0
    chars_total: int = 0
    recorded: int = 0
    kept: int = 0
    scores: dict[str, float] = {}
    cost: Cost = Cost()
    model: str = ""
    window: int = 0
    settings: dict[str, Any] = {}
    content: str = ""
    seed: int = 0
    run_id: str = ""

    @property
    def stripped(self) -> bool:
        """Whether the texts of the data set were left out, so that its answers are not known here."""
        return not self.question

    @property
    def score(self) -> float:
        """The headline score, from 0 to 1."""
        return self.scores.get(self.metric, 0.0)


def read_rows(path: Path) -> list[Row]:
    """The rows of one JSONL file; a line cut off by a crash at its end is left out."""
    rows: list[Row] = []
    if not path.exists():
        return rows
    for line in path.read_text("utf-8").split("\n"):
        if line.endswith("}"):
            rows.append(Row.model_validate_json(line))
    return rows
