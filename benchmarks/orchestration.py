"""What orchestration loses: every strategy on multi-hop questions with a perfect reader. No model, no GPU.

    python -m benchmarks.orchestration [--data DIR] [--lengths 7k,14k] [--n 60,40] [--strategies A,B]
        [--miss P] [--invent P] [--every] [--absent] [--window N] [--seed N] [--offset N] [--jobs N]
        [--out FILE.json] [--verbose]

The model is `tests.reader`: for each prompt it says exactly what stands in it, so that what a strategy
scores below 100 % is lost by our own code. `--miss P` makes it overlook each gold sentence with chance P:
drawn once for an item and a sentence, the same in every call of every strategy, the answering call
included. So at most the questions with no overlooked sentence can be answered; how many that is expected
to be, and is, stands beside the score. `--invent P` makes it report a sentence of an irrelevant segment.
`--absent` takes the gold paragraphs out of the text: right is then what is told as not found.
With `--every` an extraction (`graphreader`) states the other sentences of a segment too, at most 25.

`bm25` among the strategies is the bench's baseline: plain retrieval, one call.

Columns: `score` sub-EM, with its 95 % interval; `seen` the same among the items
with nothing overlooked, and how many these are; `lost`
gold sentences that a reading call reported, but that stood in no answering call's prompt and are not
cited; `cited` gold paragraphs with a citation inside; `verbatim` quotes that stand in the document as they
are; calls, thousands of tokens and wall seconds a question. `building` calls and tokens stand beside them:
what a strategy reads once for all questions about a document.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from benchmarks.options import parsed, parser
from lcagent.evals.scorers import sub_exact_match
from lcagent.evals.stats import score_of
from lcagent.evals.tasks import Request, generate
from tests.loopback import Loopback, count
from tests.reader import Case, CompetentReader, fold
from tests.reader.multihop import case_of, rows_by_question

if TYPE_CHECKING:
    from lcagent import Answer, Settings

PLAIN = "bm25"
STRATEGIES = (
    "auto",
    "direct:retrieve=true",
    "memagent",
    "memagent:mode=overwrite",
    "memagent:mode=parallel",
    "mapreduce",
    "segment",
    "longagent",
    "graphreader",
    "memgpt",
)
LENGTHS = "7k,14k,56k,224k,896k"
NUMBERS = "60,60,20,20,5"
ROUNDS = 3
"""Sub-questions of longagent: a question of more hops cannot be answered by it."""


@dataclass
class Asked:
    """One item to be asked, and how."""

    id: str
    length: int
    text: str
    gold: list[tuple[int, int]]
    case: Case
    strategies: list[str]
    window: int
    miss: float
    invent: float
    seed: int
    every: bool = False
    absent: bool = False
    """The answer was taken out of the text."""


@dataclass
class Row:
    """One item answered by one strategy; lists hold numbers of the case's hops."""

    item: str
    length: int
    strategy: str
    question: str
    answers: tuple[str, ...]
    hops: list[str]
    overlooked: list[int]
    status: str = "failed"
    prediction: str = ""
    score: float = 0.0
    reported: list[int] = field(default_factory=list)
    """Said by a reading call."""
    shown: list[int] = field(default_factory=list)
    """Stood in an answering call's prompt."""
    lost: list[int] = field(default_factory=list)
    cited: int = 0
    gold: int = 0
    quotes: int = 0
    verbatim: int = 0
    calls: int = 0
    tokens: int = 0
    building_calls: int = 0
    """Beside `calls` and `tokens`: what a graph of the document cost, once for all questions about it."""
    building_tokens: int = 0
    overruns: int = 0
    seconds: float = 0.0
    roles: dict[str, int] = field(default_factory=dict)
    """Calls by the fields asked for."""
    warnings: list[str] = field(default_factory=list)
    error: str = ""


def asked(options: argparse.Namespace) -> Iterator[Asked]:
    """The items, shortest first."""
    rows = rows_by_question(options.data)
    for length, n in zip(options.lengths, options.n, strict=True):
        request = Request(options.data, length, options.offset + n, options.seed, count)
        made = generate("ruler-hqa", request)[options.offset :]
        texts = generate("abstain", request)[options.offset :] if options.absent else made
        for item, read in zip(made, texts, strict=True):
            case = case_of(item, rows[item.question], options.data)
            # More sub-questions than longagent may put are no fault of its.
            fit = [s for s in options.strategies if not s.startswith("longagent") or len(case.hops) <= ROUNDS]
            yield Asked(
                item.id,
                length,
                read.text or "",
                list(read.gold),
                case,
                fit,
                options.window,
                options.miss,
                options.invent,
                options.seed,
                options.every,
                options.absent,
            )


@cache
def server(window: int) -> Loopback:
    """One a process, in a thread of it; it ends with the process."""
    return Loopback(window=window, keep_requests=False).__enter__()


def answer(item: Asked) -> list[Row]:
    """One item by every strategy, in a home of its own."""
    home = Path(tempfile.mkdtemp(prefix="orchestration-"))
    try:
        path = home / "document.txt"
        path.write_bytes(item.text.encode("utf-8", "surrogatepass"))
        return [_row(item, strategy, path, home) for strategy in item.strategies]
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _row(item: Asked, strategy: str, path: Path, home: Path) -> Row:
    from lcagent import LcagentError, Reader
    from lcagent.settings import load_settings, split_strategy

    reader = CompetentReader([item.case], item.miss, item.invent, item.seed, item.every)
    running = server(item.window)
    running.reply, running.overruns = reader, 0
    name, pairs = split_strategy(strategy)
    values = {"api_base": running.url, "home": home / "home", "window": item.window, "strategy": name}
    hops = [hop.sentence for hop in item.case.hops]
    overlooked = [at for at, hop in enumerate(item.case.hops) if reader.overlooks(item.case, hop)]
    row = Row(
        item.id,
        item.length,
        strategy,
        item.case.question,
        item.case.accepted,
        hops,
        overlooked,
        gold=len(item.gold),
    )
    started = time.monotonic()
    try:
        if name == PLAIN:
            said = asyncio.run(
                _plain(path, item.case.question, load_settings({**values, "strategy": "auto"}))
            )
        else:
            with Reader(settings=load_settings(values, pairs)) as asking:
                said = asking.ask(path, item.case.question)
    except LcagentError as error:
        row.error = f"{error.code}: {error.message}"
    else:
        row.status, row.prediction, row.warnings = said.status, said.answer, said.warnings
        if item.absent:
            row.score = float(said.status == "not_found")
        elif said.status != "not_found":
            row.score = max(sub_exact_match(said.answer, known) for known in item.case.accepted)
        row.calls = said.usage.calls
        row.tokens = said.usage.prompt_tokens + said.usage.completion_tokens
        if building := said.usage.building:
            row.building_calls = building.calls
            row.building_tokens = building.prompt_tokens + building.completion_tokens
        spans = [(c.char_start, c.char_end) for c in said.citations]
        row.quotes = len(spans)
        row.verbatim = sum(item.text[c.char_start : c.char_end] == c.quote for c in said.citations)
        row.cited = sum(any(a < end and start < b for a, b in spans) for start, end in item.gold)
    if reader.faults:
        raise reader.faults[0]
    row.seconds = time.monotonic() - started
    row.overruns = running.overruns
    _follow(row, item, reader, [c.quote for c in said.citations] if not row.error else [])
    return row


async def _plain(path: Path, question: str, settings: Settings) -> Answer:
    """The baseline: plain retrieval, one call."""
    from lcagent.evals.baselines import baseline
    from lcagent.evals.items import Item
    from lcagent.models.serving.session import ModelSession
    from lcagent.runs import runner

    item = Item(id="", task="ruler-hqa", length=0, question=question, answers=(), metric="sub_em")
    with ModelSession(settings) as session:
        request = runner.Request([path], question, strategy=baseline(PLAIN, item))
        return await runner.run(request, settings, session, lambda _: None)


def one_look(rows: Sequence[Row]) -> None:
    """Prints what `auto` costs beside plain retrieval, where a plan and one look were enough."""
    plain = {(row.length, row.item): row.tokens for row in rows if row.strategy == PLAIN}
    for length in dict.fromkeys(row.length for row in rows):
        some = [
            row.tokens / plain[length, row.item]
            for row in rows
            if row.strategy == "auto" and row.calls == 2 and row.length == length and plain
        ]
        if some:
            times = f"{fmean(some):.2f} times the tokens of {PLAIN} ({min(some):.2f} to {max(some):.2f})"
            print(f"{length}: auto took one look in {len(some)} items, at {times}")


def _follow(row: Row, item: Asked, reader: CompetentReader, quotes: Sequence[str]) -> None:
    """What became of each gold sentence: said by a reading call, shown to an answering one, cited."""
    for call in reader.log:
        role = "+".join(call.fields) or "free text"
        row.roles[role] = row.roles.get(role, 0) + 1
    row.reported = sorted({at for call in reader.log if call.reads for at in call.reported})
    row.shown = sorted({at for call in reader.log if call.answers for at in call.shown})
    cited = fold("\n".join(quotes))
    kept = {at for at, hop in enumerate(item.case.hops) if hop.stands_in(cited)}
    row.lost = sorted(set(row.reported) - set(row.shown) - kept)


def run(options: argparse.Namespace) -> list[Row]:
    """All items, some side by side, each in one process for all strategies."""
    rows: list[Row] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        waiting: set[Future[list[Row]]] = set()
        for item in asked(options):
            waiting.add(pool.submit(answer, item))
            while len(waiting) >= 3 * options.jobs:  # texts of 4 MB need not all wait at once
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                rows += [row for future in done for row in _told(future.result(), options)]
        rows += [row for future in waiting for row in _told(future.result(), options)]
    return sorted(rows, key=lambda row: (row.length, options.strategies.index(row.strategy), row.item))


def _told(rows: list[Row], options: argparse.Namespace) -> list[Row]:
    if options.verbose:
        for row in rows:
            if row.score < 1 and not row.overlooked:
                print(failing(row), flush=True)
    return rows


def failing(row: Row) -> str:
    """What became of an item, hop by hop."""
    lines = [
        f"--- {row.item} {row.strategy}: {row.status} {row.error or repr(row.prediction)}",
        f"    {row.question}  =>  {' | '.join(row.answers)}",
    ]
    for at, hop in enumerate(row.hops):
        told = [
            "overlooked" if at in row.overlooked else "reported" if at in row.reported else "not reported",
            "shown" if at in row.shown else "not shown",
            *(["LOST"] if at in row.lost else []),
        ]
        lines.append(f"    hop {at + 1}: {', '.join(told)}: {hop[:160]}")
    lines.append(f"    {row.cited} of {row.gold} gold paragraphs cited; calls {row.roles}")
    return "\n".join([*lines, *(f"    warning: {w}" for w in row.warnings)])


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """The figures of one strategy at one length."""
    score = score_of([row.score for row in rows])
    seen = [row for row in rows if not row.overlooked]
    return {
        "n": len(rows),
        "score": round(100 * score.mean, 1),
        "low": round(100 * score.low, 1),
        "high": round(100 * score.high, 1),
        "n_seen": len(seen),
        "score_seen": round(100 * fmean(row.score for row in seen), 1) if seen else 0.0,
        "lost": sum(len(row.lost) for row in rows),
        "reported": sum(len(row.reported) for row in rows),
        "cited": round(100 * sum(row.cited for row in rows) / max(1, sum(row.gold for row in rows)), 1),
        "verbatim": round(
            100 * sum(row.verbatim for row in rows) / max(1, sum(row.quotes for row in rows)), 1
        ),
        "quotes": round(fmean(row.quotes for row in rows), 1),
        "calls": round(fmean(row.calls for row in rows), 1),
        "k_tokens": round(fmean(row.tokens for row in rows) / 1000, 1),
        "building_calls": round(fmean(row.building_calls for row in rows), 1),
        "building_k_tokens": round(fmean(row.building_tokens for row in rows) / 1000, 1),
        "seconds": round(fmean(row.seconds for row in rows), 2),
        "failed": sum(bool(row.error) for row in rows),
        "overruns": sum(row.overruns for row in rows),
    }


COLUMNS = {
    "score": 6,
    "low": 5,
    "high": 5,
    "seen": 8,
    "lost": 7,
    "cited": 6,
    "verbatim": 8,
    "quotes": 6,
    "calls": 7,
    "k_tokens": 8,
    "building_calls": 14,
    "building_k_tokens": 17,
    "seconds": 7,
    "failed": 6,
    "overruns": 8,
}


def table(rows: Sequence[Row], miss: float) -> list[dict[str, object]]:
    """Prints the figures by length and strategy, and gives them."""
    figures: list[dict[str, object]] = []
    print(f"{'length':>7} {'strategy':24} {'n':>3}", *(f"{name:>{width}}" for name, width in COLUMNS.items()))
    for length, strategy in dict.fromkeys((row.length, row.strategy) for row in rows):
        some = [row for row in rows if (row.length, row.strategy) == (length, strategy)]
        found = summary(some)
        figures.append({"length": length, "strategy": strategy, **found})
        shown: dict[str, object] = {
            **found,
            "seen": f"{found['score_seen']:.0f}/{found['n_seen']}",
            "lost": f"{found['lost']}/{found['reported']}",
        }
        cells = (f"{shown[name]!s:>{width}}" for name, width in COLUMNS.items())
        print(f"{length:7} {strategy:24} {len(some):3}", *cells)
        if miss:
            expected = 100 * fmean((1 - miss) ** len(row.hops) for row in some)
            most = 100 * fmean(not row.overlooked for row in some)
            says = "no more" if found["score"] >= round(most, 1) else "MORE"
            print(f"{'':8}expected {expected:.0f}, possible {most:.0f}: {says} than overlooking explains")
    return figures


def main() -> None:
    given = parser("orchestration", __doc__ or "", LENGTHS, NUMBERS, ",".join(STRATEGIES))
    given.add_argument("--data", type=Path, help="without it, the package's small samples")
    given.add_argument("--miss", type=float, default=0.0)
    given.add_argument("--invent", type=float, default=0.0)
    given.add_argument("--every", action="store_true", help="an extraction states other sentences too")
    given.add_argument("--absent", action="store_true", help="texts without what the answer stands in")
    given.add_argument("--offset", type=int, default=0, help="leave out the first items")
    options = parsed(given)
    started = time.monotonic()
    rows = run(options)
    figures = table(rows, options.miss)
    one_look(rows)
    print(f"{time.monotonic() - started:.0f} s, {options.jobs} processes")
    if options.out:
        settings = {
            name: getattr(options, name)
            for name in ("miss", "invent", "every", "absent", "window", "seed", "offset")
        }
        failed = [asdict(row) for row in rows if row.score < 1]
        result = {"settings": settings, "figures": figures, "failing": failed}
        options.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
