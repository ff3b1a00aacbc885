"""`aggregate`: questions over everything that a document tells, which code can answer and a passage cannot.

In the manner of OOLONG (2511.02817), HoloBench and LongBioBench, with texts of our own: made-up biographies
with the companies that employed the people, and made-up logs, between paragraphs that tell nothing. Counts,
groups, totals, rankings, lists, joins of people and companies, pairs. Every fifth question is German, every
fifth Chinese; the document is English.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Literal

from lcagent.errors import UsageError
from lcagent.evals.haystack import SEPARATOR, Laid, compose, too_short
from lcagent.evals.items import Item
from lcagent.evals.tasks.biographies import biographies
from lcagent.evals.tasks.hiding import weave
from lcagent.evals.tasks.logs import log
from lcagent.evals.tasks.prose import prose
from lcagent.evals.tasks.records import Operation, Placed, Query, Record, Solved, Where, solve
from lcagent.evals.tasks.request import Request, drawn, item_id
from lcagent.evals.tasks.wording import Language, asked, in_words

World = Literal["bios", "log"]
VARIANTS: tuple[tuple[World, str], ...] = (
    ("bios", "count"),
    ("log", "count"),
    ("bios", "most"),
    ("log", "sum"),
    ("bios", "join-count"),
    ("log", "most"),
    ("bios", "list"),
    ("bios", "top"),
    ("log", "distinct"),
    ("bios", "join-list"),
    ("bios", "sum"),
    ("log", "mean"),
    ("bios", "order"),
    ("bios", "distinct"),
    ("log", "top"),
    ("bios", "pairs"),
    ("bios", "mean"),
    ("log", "order"),
)
"""By turns."""
LANGUAGES: tuple[Language, ...] = ("en", "en", "de", "en", "zh")
_FIELDS = {
    "bios": ("place", "profession", "employer", "prize", "born"),
    "log": ("service", "level", "user", "message", "date"),
}
_GROUPED = {"bios": ("place", "profession", "employer"), "log": ("service", "user")}
_NUMBER = {"bios": "letters", "log": "duration"}
_DATE = {"bios": "born", "log": "time"}
_COMPANY = ("seat", "industry", "founded")
_SHARE = 0.86
"""Of the length, what records take; paragraphs that tell nothing are the rest."""
_PROBE = 48
"""Records by which it is told how many fit."""
_LEAST = 6
_LINES = 8
"""Lines of a log that stand together."""
_QUERIES, _DOCUMENTS = 60, 40
"""Questions tried of a document, and documents of an item: small ones often leave a tie."""
_LISTS: tuple[Operation, ...] = ("top", "list", "pairs")


@dataclass(frozen=True, slots=True)
class Made:
    """One item, and what a perfect labeller reads in its text.

    Args:
        item: what is asked.
        query: what the question means.
        placed: every record of the document with its span, in order.
    """

    item: Item
    query: Query
    placed: tuple[Placed, ...]


def aggregate(request: Request) -> Iterator[Item]:
    """Worlds and operations by turns, languages by turns."""
    return (made.item for made in labelled(request))


def labelled(request: Request) -> Iterator[Made]:
    """The items of `aggregate` with the records that they are made of: the same request, the same records."""
    for index in range(request.n):
        yield _made(request, index)


def _made(request: Request, index: int) -> Made:
    world, operation = VARIANTS[index % len(VARIANTS)]
    number = _number(request, world)
    for attempt in range(_DOCUMENTS):
        rng = drawn("aggregate", request.seed, f"{index}/{attempt}")
        records = _records(world, rng, number)
        found = _question(world, operation, records, rng)
        if found is None:
            continue
        paragraphs = _paragraphs(world, records)
        try:
            return _composed(request, index, paragraphs, found, rng)
        except UsageError:  # these happen to be longer than most
            number = max(_LEAST, number - max(1, number // 20))
    raise too_short(request.length, request.length)


def _records(world: World, rng: Random, number: int) -> list[Record]:
    return log(rng, number) if world == "log" else biographies(rng, number)


def _number(request: Request, world: World) -> int:
    """Records that the length holds, by the tokens of some."""
    some = _paragraphs(world, _records(world, drawn("aggregate", request.seed, world), _PROBE))
    tokens = request.count(SEPARATOR.join(_text(paragraph) for paragraph in some))
    number = int(_SHARE * request.length * _PROBE / tokens)
    if number < _LEAST:
        raise too_short(request.length, int(_LEAST * tokens / _PROBE / _SHARE))
    return number


def _paragraphs(world: World, records: Sequence[Record]) -> list[list[Record]]:
    size = _LINES if world == "log" else 1
    return [list(records[at : at + size]) for at in range(0, len(records), size)]


def _text(paragraph: Sequence[Record]) -> str:
    return "\n".join(record.text for record in paragraph)


def _composed(
    request: Request,
    index: int,
    paragraphs: list[list[Record]],
    found: tuple[Query, Solved],
    rng: Random,
) -> Made:
    query, solved = found
    language = LANGUAGES[index % len(LANGUAGES)]
    question = asked(query, language, rng)
    texts = [_text(paragraph) for paragraph in paragraphs]

    def lay(fillers: list[str]) -> Laid:
        return weave(fillers, texts, sorted(rng.randint(0, len(fillers)) for _ in texts))

    made = compose(prose(rng), texts, request.length, request.count, lay)
    placed = [
        one
        for paragraph, (start, _) in zip(paragraphs, made.spans, strict=True)
        for one in _placed(paragraph, start)
    ]
    rests = {id(record) for record in solved.records}
    several = query.operation in _LISTS
    world, operation = VARIANTS[index % len(VARIANTS)]
    item = Item(
        id=item_id("aggregate", request, index),
        task="aggregate",
        length=request.length,
        question=question,
        answers=_accepted(query, solved),
        match="all" if several else "any",
        metric="recall" if several else "sub_em",
        text=made.text,
        tokens=made.tokens,
        gold=tuple(one.span for one in placed if id(one.record) in rests),
        category=f"{world} {operation} {language}",
    )
    return Made(item, query, tuple(placed))


def _placed(paragraph: Sequence[Record], start: int) -> Iterator[Placed]:
    ends = accumulate(len(record.text) + 1 for record in paragraph)
    for record, end in zip(paragraph, ends, strict=True):
        yield Placed(record, (start + end - 1 - len(record.text), start + end - 1))


def _accepted(query: Query, solved: Solved) -> tuple[str, ...]:
    """A kind may be given in any of the languages."""
    if query.operation != "most":
        return solved.answers
    return tuple(dict.fromkeys(in_words(query.field, solved.answers[0])))


def _question(
    world: World, operation: str, records: list[Record], rng: Random
) -> tuple[Query, Solved] | None:
    """A question of the kind wanted that has one answer over these records; None where none was met."""
    for _ in range(_QUERIES):
        query = _query(world, operation, records, rng)
        solved = solve(query, records)
        if solved is not None:
            return query, solved
    return None


def _query(world: World, operation: str, records: list[Record], rng: Random) -> Query:
    """One of chance; its conditions are taken from a record, so that one at least meets them."""
    kind = "line" if world == "log" else "person"
    pivot = rng.choice([record for record in records if record.kind == kind])
    joined = operation.startswith("join-")
    work: Operation = "count" if operation == "join-count" else "list" if joined else operation  # pyright: ignore[reportAssignmentType]
    field, k = "", 0
    if work in {"distinct", "most"}:
        field = rng.choice(_GROUPED[world])
    elif work in {"sum", "mean", "top"}:
        field, k = _NUMBER[world], rng.randint(2, 4) if work == "top" else 0
    elif work == "order":
        field, k = _DATE[world], rng.randint(2, 5)
    elif work == "pairs":
        field = "place"
    where = [_where(name, pivot, rng) for name in _chosen(world, work, field, pivot, rng)]
    if joined:
        company = next(r for r in records if r.kind == "company" and r.name == pivot.fields["employer"])
        where = [_where(rng.choice(_COMPANY), company, rng), *where[: rng.randint(0, 1)]]
    return Query(kind, work, tuple(where), field, k)


def _chosen(world: World, work: Operation, field: str, pivot: Record, rng: Random) -> list[str]:
    """Fields that conditions are put on."""
    if work == "pairs":
        return ["employer", *(["profession"] if rng.random() < 0.3 else [])]
    fields = [name for name in _FIELDS[world] if name in pivot.fields and name != field]
    fewest, most = {"most": (0, 1), "top": (0, 1), "order": (0, 1), "distinct": (1, 1)}.get(work, (1, 2))
    return rng.sample(fields, rng.randint(fewest, most))


def _where(field: str, record: Record, rng: Random) -> Where:
    """A condition that a record meets."""
    value = record.fields[field]
    if field == "born":
        year = int(str(value)[:4])
        earlier = rng.random() < 0.5
        limit = (year // 5 + 1) * 5 if earlier else year // 5 * 5
        return Where(field, "<" if earlier else ">=", f"{limit}-01-01")
    if field == "founded":
        return Where(field, "<", (int(value) // 5 + 1) * 5, joined=True)
    return Where(field, "=", value, joined=record.kind == "company")
