"""What `tally` loses: questions over everything that a document tells, with a perfect labeller. No model.

    python -m benchmarks.aggregate [--lengths 7k,14k,56k] [--n 36,36,18] [--strategies tally,auto] [--err P]
        [--window N] [--seed N] [--jobs N] [--out FILE.json] [--verbose]

The items are those of `lcagent bench aggregate`. The model is `tests.reader.labeller`: it says of each
segment exactly the items that are told there, asks for the fields that the question needs, and fills in the
query that the question means, so that what is scored below 100 % is lost by our own code, or cannot be
asked with the closed set of queries. `--err P` makes each label another one with chance P (professions,
industries, levels, messages): `allowed` is then what the same query gives over the labels as they were
given, worked out here.

`auto` plans first; the stand-in says that the question is an aggregation. It is not asked what fits the
window. Where the window is too small for `tally`, `auto` would read everything: this is told as a failure.

Columns: `score` of the task's own scorer, with its 95 % interval; `bare` the same without the rule that the
answer tells beside its figure, in which a right figure could stand by chance; `allowed`, and `lost`, the sum
of what single items score below it; `labels` the items whose answer hangs on labels that may be wrong, and
`bare` and `allowed` of these; calls, thousands of tokens and wall seconds a question; failures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.options import parsed, parser
from lcagent.evals.items import Row
from lcagent.evals.scorers import score_row
from lcagent.evals.stats import score_of
from lcagent.evals.tasks import Request
from lcagent.evals.tasks.aggregate import Made, labelled
from lcagent.evals.tasks.biographies import INDUSTRIES, PROFESSIONS
from lcagent.evals.tasks.logs import LEVELS, MESSAGES
from lcagent.evals.tasks.records import Query, Record, Where
from lcagent.evals.tasks.words import MONTHS
from tests.loopback import Loopback, count
from tests.reader.labeller import Case, Item, Labeller, Sentence, Told, field_of

STRATEGIES = ("tally", "auto")
LENGTHS, NUMBERS = "7k,14k,56k", "36,36,18"
PERSON = [
    field_of("person", "name", identifies="yes"),
    field_of("person", "born", "date"),
    field_of("person", "place"),
    field_of("person", "profession", "label", labels=list(PROFESSIONS)),
    field_of("person", "employer"),
    field_of("person", "prize"),
    field_of("person", "letters", "number"),
]
COMPANY = [
    field_of("company", "name", identifies="yes"),
    field_of("company", "founded", "date"),
    field_of("company", "seat"),
    field_of("company", "industry", "label", labels=list(INDUSTRIES)),
]
LINE = [
    field_of("line", "time", "date"),
    field_of("line", "service"),
    field_of("line", "level", "label", labels=list(dict.fromkeys(LEVELS))),
    field_of("line", "user"),
    field_of("line", "message", "label", labels=list(MESSAGES)),
    field_of("line", "duration", "number", unit="ms"),
]
ERRING = frozenset(one["field"] for one in (*PERSON, *COMPANY, *LINE) if one["labels"])
_TESTS = {"=": "is", "<": "less", ">=": "at least"}
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z])")


@dataclass
class Outcome:
    """One item answered by one strategy."""

    item: str
    length: int
    kind: str
    strategy: str
    question: str
    answers: tuple[str, ...]
    labels: bool
    """Whether the answer hangs on labels that may be wrong."""
    status: str = "failed"
    prediction: str = ""
    score: float = 0.0
    bare: float = 0.0
    allowed: float = 0.0
    by_hand: str = ""
    calls: int = 0
    tokens: int = 0
    overruns: int = 0
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    error: str = ""


def joined(query: Query) -> bool:
    """Whether a question needs people and companies."""
    return any(one.joined for one in query.where)


def schema(query: Query) -> dict[str, Any]:
    """What a designer asks for who notes what the question needs first, then what else there is room for."""
    kinds = [query.kind, *(["company"] if joined(query) else [])]
    fields = [*(LINE if query.kind == "line" else PERSON), *(COMPANY if joined(query) else [])]
    needed = _needed(query)
    fields.sort(key=lambda one: (one["item"], one["field"]) not in needed)
    return {"items": [{"item": kind, "means": f"each {kind}"} for kind in kinds], "fields": fields}


def _needed(query: Query) -> set[tuple[str, str]]:
    """The fields without which a question cannot be answered: (item, field)."""
    kind = query.kind
    time = "time" if kind == "line" else "name"
    used = {(kind, time), (kind, query.field)}
    used |= {
        ("company" if one.joined else kind, "time" if one.field == "date" else one.field)
        for one in query.where
    }
    return used | ({("person", "employer"), ("company", "name")} if joined(query) else set())


def written(record: Record) -> dict[str, str]:
    """A record's values as its text has them."""
    said = {name: str(value) for name, value in record.fields.items()}
    if record.kind == "person":
        year, month, day = map(int, said["born"].split("-"))
        said |= {"born": f"{day} {MONTHS[month - 1]} {year}", "letters": f"{record.fields['letters']:,}"}
    return said


def told(record: Record) -> Item:
    """A record as an item of the labeller's, its values with the sentences that tell them."""
    values = written(record)
    sentences = [record.text] if record.kind == "line" else _SENTENCE.split(record.text)
    rests: dict[str, dict[str, str]] = {one: {} for one in sentences}
    for name, value in values.items():
        rests[next(one for one in sentences if value in one)][name] = value
    return Item(record.kind, [Sentence(text, rests[text]) for text in sentences], ("name",))


def asked(query: Query) -> dict[str, Any]:
    """The query of the closed set that a question means."""
    before = f"{query.kind}." if joined(query) else ""
    name = before + ("time" if query.kind == "line" else "name")
    column = f"{before}{query.field}" if query.field else "none"
    said: dict[str, Any] = {
        "count": {"measure": "count"},
        "most": {"measure": "count", "group": column, "top": 1},
        "list": {"measure": "list", "field": name},
        "top": {"measure": "list", "field": name, "order": column, "top": query.k},
        "order": {
            "measure": "list",
            "field": name,
            "order": column,
            "direction": "smallest",
            "top": query.k,
        },
        "mean": {"measure": "mean", "field": column, "decimals": 0},
    }.get(query.operation, {"measure": query.operation, "field": column})
    filters = [_filter(one, before) for one in query.where]
    join = {"join": "company", "join_field": "person.employer", "join_to": "company.name"}
    return {"item": query.kind, "filters": filters, **said, **(join if joined(query) else {})}


def _filter(one: Where, before: str) -> dict[str, str]:
    name = "time" if one.field == "date" else one.field
    value = str(one.value)[:4] if one.field == "born" else str(one.value)
    column = f"company.{name}" if one.joined else f"{before}{name}"
    return {"field": column, "test": _TESTS[one.how], "value": value, "other": ""}


def by_hand(query: Query, records: Sequence[Record]) -> str:
    """What a query gives over records, with all that are tied; worked out in another way than by `tally`."""
    firms = {one.fields["name"]: one for one in records if one.kind == "company"}
    rows = [one for one in records if one.kind == query.kind and _meets(query, one, firms)]
    values: list[Any] = [row.fields[query.field] for row in rows] if query.field else []
    if query.operation == "count":
        return str(len(rows))
    if query.operation == "distinct":
        return str(len(set(values)))
    if query.operation == "list":
        return ", ".join(row.name for row in rows)
    if query.operation == "pairs":
        twos = [(a.name, b.name) for a, b in combinations(rows, 2) if a.fields["place"] == b.fields["place"]]
        return ", ".join(name for two in twos for name in two)
    if not rows:
        return "0" if query.operation == "sum" else ""
    if query.operation in {"sum", "mean"}:
        return str(sum(values) if query.operation == "sum" else round(sum(values) / len(values)))
    if query.operation == "most":
        times = Counter(values)
        return ", ".join(value for value in times if times[value] == max(times.values()))
    ranked = sorted(values, reverse=query.operation == "top")
    last = ranked[min(query.k, len(ranked)) - 1]
    top = query.operation == "top"
    chosen = [row for row, one in zip(rows, values, strict=True) if (one >= last if top else one <= last)]
    return ", ".join(row.name for row in chosen)


def _meets(query: Query, row: Record, firms: Mapping[Any, Record]) -> bool:
    for one in query.where:
        value: Any = (firms[row.fields["employer"]] if one.joined else row).fields.get(one.field)
        limit: Any = one.value
        if value is None:
            return False
        if not {"=": value == limit, "<": value < limit, ">=": value >= limit}[one.how]:
            return False
    return True


@cache
def server(window: int) -> Loopback:
    """One a process, in a thread of it; it ends with the process."""
    return Loopback(window=window, keep_requests=False).__enter__()


def answer(made: Made, options: argparse.Namespace) -> list[Outcome]:
    """One item by every strategy."""
    some = [one for one in options.strategies if one != "auto" or made.item.tokens > options.window]
    return [_outcome(made, strategy, options) for strategy in some]


def _outcome(made: Made, strategy: str, options: argparse.Namespace) -> Outcome:
    from lcagent import LcagentError, Reader

    item, query = made.item, made.query
    records = [one.record for one in made.placed]
    items = [told(record) for record in records]
    plan = {"core": item.question, "form": "", "asks": "aggregate", "steps": [item.question]}
    labeller = Labeller(
        schema(query),
        [Told(item.text or "", items)],
        [Case(item.question, {**asked(query), **plan})],
        err=options.err,
        seed=options.seed,
    )
    running = server(options.window)
    running.reply, running.overruns = labeller, 0
    used = {query.field, *(one.field for one in query.where)}
    kind = " ".join(item.category.split()[:2])
    out = Outcome(
        item.id, item.length, kind, strategy, item.question, item.answers, not used.isdisjoint(ERRING)
    )
    out.by_hand = by_hand(query, [_as_given(labeller, *both) for both in zip(records, items, strict=True)])
    out.allowed = _scored(made, out.by_hand)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="aggregate-") as home:
        path = Path(home) / "document.txt"
        path.write_text(item.text or "", "utf-8")
        values = {"api_base": running.url, "home": home, "window": options.window, "strategy": strategy}
        try:
            with Reader(**values) as reader:
                said = reader.ask(path, item.question)
        except LcagentError as error:
            out.error = f"{error.code}: {error.message}"
        else:
            rule = f" ({said.table.rule})" if said.table else ""
            out.status, out.prediction, out.warnings = said.status, said.answer, said.warnings
            if said.status != "not_found":
                out.score = _scored(made, said.answer)
                out.bare = _scored(made, said.answer.removesuffix(rule))
            usages = filter(None, (said.usage, said.usage.building))
            for one in usages:
                out.calls += one.calls
                out.tokens += one.prompt_tokens + one.completion_tokens
    if labeller.faults:  # such as that `auto` did not hand the question over
        out.error = f"the stand-in: {labeller.faults[0]!r}"
    out.seconds, out.overruns = time.monotonic() - started, running.overruns
    return out


def _as_given(labeller: Labeller, record: Record, item: Item) -> Record:
    """A record with its labels as the labeller gave them."""
    labels = {name: value for name, value in labeller.given(item).items() if name in ERRING}
    return replace(record, fields={**record.fields, **labels})


def _scored(made: Made, prediction: str) -> float:
    """By the task's own scorer."""
    item = made.item
    row = Row(
        task=item.task,
        item=item.id,
        length=item.length,
        strategy="",
        answers=item.answers,
        match=item.match,
        metric=item.metric,
        category=item.category,
        gold_pages=(),
        tokens=item.tokens,
        prediction=prediction,
        status="answered",
    )
    return score_row(row)[item.metric]


def run(options: argparse.Namespace) -> list[Outcome]:
    """All items, some side by side."""
    found: list[Outcome] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        waiting = [pool.submit(answer, made, options) for made in _items(options)]
        for future in waiting:
            for out in future.result():
                found.append(out)
                if options.verbose and out.bare != out.allowed:
                    print(failing(out), flush=True)
    return sorted(found, key=lambda out: (out.length, options.strategies.index(out.strategy), out.item))


def _items(options: argparse.Namespace) -> Iterator[Made]:
    for length, n in zip(options.lengths, options.n, strict=True):
        yield from labelled(Request(None, length, n, options.seed, count))


def failing(out: Outcome) -> str:
    """What became of an item."""
    lines = [
        f"--- {out.item} {out.kind} {out.strategy}: {out.status} {out.error or repr(out.prediction)}",
        f"    {out.question}  =>  {' | '.join(out.answers)}; over the labels as given: {out.by_hand}",
        f"    score {out.score:.2f}, bare {out.bare:.2f}, allowed {out.allowed:.2f}",
    ]
    return "\n".join([*lines, *(f"    warning: {warning}" for warning in out.warnings)])


def summary(some: Sequence[Outcome]) -> dict[str, float]:
    """The figures of some items."""
    score, hang = score_of([out.score for out in some]), [out for out in some if out.labels]

    def percent(scores: Sequence[float]) -> float:
        return round(100 * fmean(scores), 1) if scores else 0.0

    return {
        "n": len(some),
        "score": percent([out.score for out in some]),
        "low": round(100 * score.low, 1),
        "high": round(100 * score.high, 1),
        "bare": percent([out.bare for out in some]),
        "allowed": percent([out.allowed for out in some]),
        "lost": round(sum(max(0.0, out.allowed - out.bare) for out in some), 2),
        "labels": len(hang),
        "bare_labels": percent([out.bare for out in hang]),
        "allowed_labels": percent([out.allowed for out in hang]),
        "calls": round(fmean(out.calls for out in some), 1),
        "k_tokens": round(fmean(out.tokens for out in some) / 1000, 1),
        "seconds": round(fmean(out.seconds for out in some), 2),
        "failed": sum(bool(out.error) for out in some),
        "overruns": sum(out.overruns for out in some),
    }


def table(found: Sequence[Outcome]) -> list[dict[str, object]]:
    """Prints the figures by strategy and length, then by strategy and kind of question, and gives them."""
    figures: list[dict[str, object]] = []
    for by in ("length", "kind"):
        for at, (strategy, value) in enumerate(dict.fromkeys((o.strategy, getattr(o, by)) for o in found)):
            some = [o for o in found if (o.strategy, getattr(o, by)) == (strategy, value)]
            line = summary(some)
            if at == 0:
                print(f"{by:16} {'strategy':9}", *(f"{name:>{max(6, len(name))}}" for name in line))
            print(f"{value!s:16} {strategy:9}", *(f"{x!s:>{max(6, len(n))}}" for n, x in line.items()))
            figures.append({"strategy": strategy, by: value, **line})
    return figures


def main() -> None:
    given = parser("aggregate", __doc__ or "", LENGTHS, NUMBERS, ",".join(STRATEGIES))
    given.add_argument("--err", type=float, default=0.0)
    options = parsed(given)
    started = time.monotonic()
    found = run(options)
    figures = table(found)
    print(f"{time.monotonic() - started:.0f} s, {options.jobs} processes")
    if options.out:
        settings = {name: getattr(options, name) for name in ("err", "window", "seed")}
        failed = [asdict(out) for out in found if out.bare < 1]
        result = {"settings": settings, "figures": figures, "failing": failed}
        options.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
