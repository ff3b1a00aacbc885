"""What a reading gives: one Answer, its claims and citations, coverage and cost."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["answered", "not_found", "conflicting", "budget"]
Support = Literal["verbatim", "supported", "inferred"]
"""How a claim rests on its citations: its words stand there as they are; its figures and words stand there;
or it was made from them (reckoned, counted, translated, put together)."""


class Claim(BaseModel):
    """One statement of the answer, and the numbers of the citations that it rests on."""

    model_config = ConfigDict(frozen=True)

    text: str
    support: Support
    citations: list[int]


class Box(BaseModel):
    """A rectangle on a page of a PDF: in points (1/72 inch), from the upper left corner of the page as it is
    shown, cropped and turned. `page` counts from 1."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    page: int
    left: float
    top: float
    right: float
    bottom: float


class Citation(BaseModel):
    """A verbatim quote and where it stands; code has checked that it does.

    `number` is that of the mark in the answer's text. `place` says where a person looks it up: "page 4 (ii)",
    "Notice period, line 12". `char_start` and `char_end` are character offsets into the document's text,
    which for a plain-text file is the file's own. `page` counts from 1 and is None where there are no pages.
    `boxes` say where the quote stands on the page of a PDF, one a line; there are none where code is not
    certain of all of it, nor where the file is not at hand any more.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    document: str
    place: str
    page: int | None
    char_start: int
    char_end: int
    quote: str
    boxes: list[Box] = []


class Quoted(Citation):
    """A citation of a conversation: of a message (`message` is its number, `document` "conversation", offsets
    are into the message), or of a document that is attached."""

    message: int | None = None


class Message(BaseModel):
    """Something that was said in a conversation, or stored by it: its number there, who said it and when,
    seconds since 1970; and what speaks against it, such as that it holds no more."""

    model_config = ConfigDict(frozen=True)

    id: int
    author: str
    at: float
    text: str
    notes: list[str] = []


class PastMessage(Message):
    """A message as it was said. What the agent said comes with its statements that stand somewhere (`claims`)
    and their `citations`, without boxes: these are worked out when a passage is shown."""

    claims: list[Claim] = []
    citations: list[Quoted] = []


class Reply(BaseModel):
    """What the agent says in a conversation.

    `status`: answered; not_found (asked for something that neither the conversation nor a document says);
    conflicting (what it rests on says two things). `claims` are those of its statements that stand somewhere,
    with their `citations`. `message` is the reply's own number, 0 where nothing was said. `steps` are the
    functions that were called. Calls and tokens are the turn's, with those that read its documents.
    """

    version: Literal[1] = 1
    text: str
    status: Status
    claims: list[Claim]
    citations: list[Quoted]
    message: int
    steps: list[str]
    calls: int
    tokens: int
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float
    warnings: list[str] = []


class HealthReport(BaseModel):
    """What of a file is not in the text that was read, and what it was taken for."""

    document: str
    format: str
    empty: list[int]
    """Numbers of the pages that hold no text."""
    garbled: list[int]
    """Numbers of those whose text cannot be read."""
    recognised: list[int]
    """Numbers of those whose text was recognised in a picture (OCR)."""
    encoding: str
    """What a text file's bytes were taken for; empty where that is beyond doubt."""
    left_out: list[str]
    """Parts that are not in the text: "3 comments", "hidden text on page 2"."""
    notes: list[str]
    """Sentences on what else a reader should know."""


class CoverageReport(BaseModel):
    """How much was read, in a sentence and in figures. Pages are read where a model was shown all of them,
    and looked up where it was shown passages of them."""

    sentence: str
    segments_read: int
    segments_total: int
    pages_read: int
    pages_looked_up: int = 0
    pages_total: int
    pages_empty: list[int]
    chars_read: int
    chars_looked_up: int = 0
    chars_total: int
    skipped: list[str]
    """Files and passages that were not read, each with the reason."""
    health: list[HealthReport] = []
    """Of each document."""


class SearchReport(BaseModel):
    """For an answer that was not found: what was looked for, and what comes nearest."""

    pages_read: list[str] = []
    """For each document the pages (or lines) that were read: "report.pdf: pages 1-12 and 14"."""
    pages_unread: list[str] = []
    """For each document those that were not read, or hold no text; `coverage.skipped` says why."""
    terms_without_hit: list[str]
    """Content words of the question that stand nowhere in the text."""
    nearest: Citation | None
    """The passage that matches the question best; its number is 0, since no mark leads to it."""


class BuildingReport(BaseModel):
    """What it cost to extract what is kept of the documents for every later question (`graphreader`,
    `tally`)."""

    calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class UsageReport(BaseModel):
    """What the run cost over all commands that worked on it.

    `calls` and tokens are of finished calls, as the server counted them; `replayed` calls were
    finished by earlier commands. `retries`, `malformed` and `cut` replies are this command's, and so are
    the requests that each of several model `servers` answered; none where there is one. `building` is no part
    of the other figures; it is None where nothing was built, as for a second question.
    """

    calls: int
    replayed: int
    retries: int
    malformed: int
    cut: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds: float
    servers: dict[str, int] = {}
    building: BuildingReport | None = None


class PieceReport(BaseModel):
    """Characters `char_start` to `char_end` of a document, which a step read."""

    document: str
    char_start: int
    char_end: int


class HopReport(BaseModel):
    """One step of the way to an answer: what was looked up, with the answers before it filled in; what that
    gave, or nothing; and the sentences that carry it, each with the number that it has among the answer's
    citations, or 0."""

    question: str
    answer: str
    citations: list[Citation]


class StepReport(BaseModel):
    """One function that a path called (`do`), the element where it stood, what it read, how much it noted."""

    do: str
    node: str
    pieces: list[PieceReport]
    noted: int


class PathReport(BaseModel):
    """One way that was taken through the graph of facts: its steps, what it came to, and why it ended."""

    start: str
    steps: list[StepReport]
    conclusion: str
    ended: str


class RowReport(BaseModel):
    """One row of a table: its values, in the order of the columns; the sentences that it stands in, each with
    the number that it has among the answer's citations, or 0; and why it is set apart, if it is."""

    values: list[str]
    citations: list[Citation]
    reason: str = ""


class IntervalReport(BaseModel):
    """What is known of a number of rows, or of a sum, where segments could not be read: it is `least` or more
    (empty where that is not known), and from the segments that were read it is estimated to lie from `low` to
    `high` (empty where there are too few)."""

    unread: int
    segments: int
    least: str
    low: str
    high: str


class TableReport(BaseModel):
    """The rows that code counted, added up or compared, by which rule; those of which it is open whether or
    how they count are in `unsure`. Of more than 5,000 the first are told."""

    rule: str
    columns: list[str]
    rows: list[RowReport]
    unsure: list[RowReport]
    rows_total: int
    unsure_total: int
    interval: IntervalReport | None = None


class Answer(BaseModel):
    """The answer to one question about one or more documents.

    `text` carries the numbers of its citations, `[1]`; `answer` is the same without them. `status`:
    answered; not_found (the documents do not say); conflicting (they say two things); budget (a limit
    was reached: this is the best answer so far).
    """

    version: Literal[2] = 2
    answer: str
    text: str
    status: Status
    claims: list[Claim]
    citations: list[Citation]
    searched: SearchReport | None = None
    """Where the answer was not found: what was looked for."""
    hops: list[HopReport] = []
    """What was looked up one after the other, by strategies that do so."""
    way: list[str] = []
    """How far the default strategy went, and why, step by step: sentences for people."""
    paths: list[PathReport] = []
    """The ways that `graphreader` took; none of other strategies."""
    table: TableReport | None = None
    """The rows behind an answer of `tally`."""
    coverage: CoverageReport
    usage: UsageReport
    run_id: str
    strategy: str
    model: str
    warnings: list[str] = []

    def to_json(self) -> str:
        """The versioned object that `--json` prints."""
        return self.model_dump_json(indent=2)
