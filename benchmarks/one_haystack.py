"""Several questions about one haystack: what its graph costs once, and what each question then costs.

    python -m benchmarks.one_haystack --data DIR --api-base URL --out DIR [--length 56k] [--questions 5]
        [--haystacks 1] [--strategies graphreader,memagent,bm25,gold] [--window N] [--profile P]
        [--seed N] [--offset N] [--jobs N]

DIR holds the multi-hop questions and the pool of `ruler-hqa`. A haystack holds the gold paragraphs of several
questions, then these questions' own distractors, then the pool's; no other paragraph holds an answer to any
of them. Each strategy has a home of its own a haystack. `graphreader` extracts the graph first, which is
timed and counted by itself; then its questions are asked, as those of every other strategy, `--jobs` of them
at once. Haystack number k is the same whatever `--haystacks` and `--offset`, which leaves out the first, are.

OUT then holds `rows.jsonl`, the rows of `lcagent bench`, written as they come, and `figures.json`: a line a
haystack and strategy, without texts of the data sets. `seconds` of a question and of building are wall
seconds of a server that others may be using too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from lcagent.cli.bench import parse_length
from lcagent.errors import LcagentError
from lcagent.evals.answered import blank, fill
from lcagent.evals.baselines import BASELINES, baseline
from lcagent.evals.haystack import Counter, Laid, compose
from lcagent.evals.items import Item, Row
from lcagent.evals.scorers import rescored
from lcagent.evals.tasks.hiding import shuffled, weave
from lcagent.evals.tasks.multihop import HOTPOTQA, MUSIQUE, Question, questions
from lcagent.evals.tasks.pool import Pool, Screen, load_pool
from lcagent.evals.tasks.request import Request, drawn
from lcagent.memory.store import Store
from lcagent.models.serving.session import ModelSession
from lcagent.runs.graphs import build_graph
from lcagent.runs.runner import Request as Asked
from lcagent.runs.runner import mark_told, run
from lcagent.settings import Settings, load_settings, split_strategy

TASK = "one-haystack"
STRATEGIES = "graphreader,memagent,bm25,gold"
_SUM = (
    "SELECT count(*) AS calls, total(prompt_tokens) AS prompt_tokens, total(cached_tokens) AS cached_tokens,"
    " total(completion_tokens) AS completion_tokens FROM calls WHERE scope LIKE 'work:%'"
)


def apart(asked: Sequence[Question], n: int) -> Iterator[list[Question]]:
    """Groups of questions with no gold paragraph in common."""
    group: list[Question] = []
    held: set[str] = set()
    for question in asked:
        pids = {paragraph.pid for paragraph in question.gold}
        if pids & held:
            continue
        group, held = [*group, question], held | pids
        if len(group) == n:
            yield group
            group, held = [], set()


def haystack(number: int, group: Sequence[Question], pool: Pool, request: Request) -> list[Item]:
    """One document, and the questions about it.

    Args:
        number: names the haystack.
        group: what is asked.
        pool: what it is filled with.
        request: length, seed and counter.
    """
    rng = drawn(TASK, request.seed, number)
    gold = [(at, line) for at, question in enumerate(group) for line in question.lines]
    rng.shuffle(gold)
    hidden = [line for _, line in gold]
    own = [paragraph for question in group for paragraph in question.others]
    rng.shuffle(own)
    screen = Screen(
        [paragraph for question in group for paragraph in question.gold],
        [answer for question in group for answer in question.answers],
    )

    def lay(fillers: list[str]) -> Laid:
        return weave(shuffled(fillers, rng), hidden, [rng.randint(0, len(fillers)) for _ in hidden])

    own = list({paragraph.pid: paragraph for paragraph in own}.values())
    made = compose(pool.stream(rng, screen, own), hidden, request.length, request.count, lay)
    return [
        Item(
            id=f"{TASK}-{request.length}-{request.seed}-{number:02d}-{at}",
            task=TASK,
            length=request.length,
            question=question.text,
            answers=question.answers,
            text=made.text,
            tokens=made.tokens,
            gold=tuple(sorted(span for (of, _), span in zip(gold, made.spans, strict=True) if of == at)),
            category=question.category,
        )
        for at, question in enumerate(group)
    ]


def haystacks(options: argparse.Namespace, count: Counter) -> Iterator[list[Item]]:
    """The haystacks wanted, each as its questions."""
    request = Request(options.data, options.length, 0, options.seed, count)
    pool = load_pool(options.data)
    asked = questions(request, pool, HOTPOTQA, MUSIQUE)
    groups = enumerate(apart(asked, options.questions))
    for number, group in islice(groups, options.offset, options.offset + options.haystacks):
        yield haystack(number, group, pool, request)


def settings_for(name: str, home: Path, options: argparse.Namespace) -> Settings:
    """The settings of one strategy or baseline, in a home of its own."""
    bare, pairs = split_strategy(name)
    given = {"window": options.window, "profile": options.profile, "model": options.model}
    strategy = "direct" if bare in BASELINES else bare
    return load_settings({**given, "api_base": options.api_base, "home": home, "strategy": strategy}, pairs)


async def ask(item: Item, name: str, path: Path, settings: Settings, session: ModelSession) -> Row:
    """One question by one strategy; a failed one scores 0."""
    row = blank(item, name, model=session.open(print).model, window=settings.window)
    started = time.monotonic()
    try:
        question = Asked([path], item.question, strategy=baseline(name, item))
        answer = await run(question, settings, session, lambda _: None)
    except LcagentError as error:
        row.error = error.code
        row.cost.seconds = round(time.monotonic() - started, 3)
        return rescored(row)
    mark_told(settings, answer.run_id)
    fill(row, answer, path, settings)
    return rescored(row)


async def build(path: Path, settings: Settings, session: ModelSession) -> dict[str, Any]:
    """Extract the graph: what it holds and what it cost."""
    started = time.monotonic()
    try:
        held: dict[str, Any] = dict(await build_graph([path], settings, session, lambda _: None))
    except LcagentError as error:
        held = {"error": error.code}
    return {**held, **spent_on_works(settings.data_dir), "seconds": round(time.monotonic() - started, 1)}


def spent_on_works(home: Path) -> dict[str, int]:
    """Calls and tokens of all that is kept of documents for every later question."""
    with closing(Store.open(home)) as store:
        (spent,) = store.rows(_SUM)
    return {name: int(value) for name, value in spent.items()}


def figures(name: str, rows: Sequence[Row], built: dict[str, Any] | None, seconds: float) -> dict[str, Any]:
    """One strategy on one haystack; costs are those of each question, in the order of the questions."""
    return {
        "haystack": rows[0].item.rsplit("-", maxsplit=1)[0],
        "tokens": rows[0].tokens,
        "strategy": name,
        "n": len(rows),
        "score": round(100 * fmean(row.score for row in rows), 1),
        "scores": [row.score for row in rows],
        "status": [row.error or row.status for row in rows],
        "calls": [row.cost.calls for row in rows],
        "k_tokens": [round((row.cost.prompt_tokens + row.cost.completion_tokens) / 1000, 1) for row in rows],
        "seconds": [round(row.cost.seconds, 1) for row in rows],
        "overruns": sum(row.cost.overruns for row in rows),
        "citation_recall": [round(row.scores.get("citation_recall", 0.0), 2) for row in rows],
        "seconds_in_all": round(seconds, 1),
        **({"building": built} if built else {}),
    }


async def measure(
    items: Sequence[Item], name: str, options: argparse.Namespace, session: ModelSession
) -> dict[str, Any]:
    """One strategy on one haystack; its rows are written as they come."""
    stem = items[0].id.rsplit("-", maxsplit=1)[0]
    path = options.out / "documents" / f"{stem}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((items[0].text or "").encode("utf-8", "surrogatepass"))
    settings = settings_for(name, options.out / "homes" / f"{stem}-{name.replace(':', '-')}", options)
    started = time.monotonic()
    built = await build(path, settings, session) if settings.strategy == "graphreader" else None
    gate = asyncio.Semaphore(options.jobs)

    async def one(item: Item) -> Row:
        async with gate:
            row = await ask(item, name, path, settings, session)
        with (options.out / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.write(row.model_dump_json() + "\n")
        return row

    rows = await asyncio.gather(*(one(item) for item in items))
    return figures(name, rows, built, time.monotonic() - started)


def run_all(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The figures of each haystack and strategy, as they come."""
    options.out.mkdir(parents=True, exist_ok=True)
    with ModelSession(settings_for("direct", options.out / "homes", options)) as session:
        count = session.open(print).counter.count
        for items in haystacks(options, count):
            for name in options.strategies.split(","):
                yield asyncio.run(measure(items, name, options, session))


def parsed() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw, prog="benchmarks.one_haystack")
    parser.add_argument("--data", type=Path, help="without it, the package's small samples")
    parser.add_argument("--api-base", required=True)
    parser.add_argument("--model")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--length", type=parse_length, default=56_000)
    parser.add_argument("--questions", type=int, default=5, help="about each haystack")
    parser.add_argument("--haystacks", type=int, default=1)
    parser.add_argument("--strategies", default=STRATEGIES)
    parser.add_argument("--window", type=int)
    parser.add_argument("--profile", choices=("trusting", "cautious"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--offset", type=int, default=0, help="leave out the first haystacks")
    parser.add_argument("--jobs", type=int, default=1, help="questions of a strategy in work at once")
    return parser.parse_args()


def main() -> None:
    """Print one JSON line a haystack and strategy."""
    options, found = parsed(), list[dict[str, Any]]()
    for one in run_all(options):
        found.append(one)
        print(json.dumps(one), flush=True)
        (options.out / "figures.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
