"""`lcagent bench`: measure strategies on tasks; compare two measurements."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.options import (
    ApiBaseOption,
    ApiKeyOption,
    ModelOption,
    ProfileOption,
    QuietOption,
    SetOption,
    WindowOption,
    settings_from,
)
from lcagent.errors import UsageError

if TYPE_CHECKING:
    from lcagent.evals.bench import Plan, Progress
    from lcagent.evals.items import Row

_DEFAULT = "closed,bm25,gold,direct,memagent"


def bench(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="TASK... | compare A B | reproduce [FOLDER|FILE...]", help="Tasks, or what was measured."
        ),
    ],
    data: Annotated[Path | None, typer.Option(help="Folder of the data sets; else small samples.")] = None,
    lengths: Annotated[str, typer.Option(help="Tokens of the documents, such as 7k,14k.")] = "",
    n: Annotated[int, typer.Option("--n", min=1, help="Items a task and length.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Items left out at the beginning.")] = 0,
    category: Annotated[str, typer.Option(help="Only items of a kind, such as multivalue of niah.")] = "",
    strategies: Annotated[
        str,
        typer.Option(
            help="As of `ask`, also memagent:mode=overwrite; closed, cut, bm25, summary, whole, gold."
        ),
    ] = _DEFAULT,
    seed: Annotated[int, typer.Option(help="Decides the items.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder of rows, report and pictures.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Items in work at once; seconds then mean less.")] = 1,
    item_seconds: Annotated[float, typer.Option(min=1, help="An item that takes longer has failed.")] = 3600,
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    window: WindowOption = None,
    profile: ProfileOption = None,
    options: SetOption = None,
    quiet: QuietOption = False,
) -> None:
    """Measure strategies side by side: scores with their intervals, and what they cost.

    The same command again goes on where it stopped. Tasks: ruler-hqa, abstain, niah, niah-plus,
    conflict, nested-kv, variable-tracking, common-words, aggregate, no-overlap, threads, quality,
    squality, qmsum, filings, locomo. `compare` shows which items changed between two output folders;
    `reproduce` gives the figures of a measurement, or those that the README quotes, again, without a model.
    """
    if words[0] == "compare":
        _compare(words[1:])
        return
    if words[0] == "reproduce":
        from lcagent.cli.reproduce import reproduce

        reproduce([Path(word) for word in words[1:]])
        return
    settings = settings_from(
        options, model=model, api_base=api_base, api_key=api_key, window=window, profile=profile
    )
    from lcagent.evals.bench import Plan

    plan = Plan(
        tasks=tuple(words),
        lengths=tuple(parse_length(part) for part in lengths.split(",") if part.strip()),
        strategies=tuple(part.strip() for part in strategies.split(",") if part.strip()),
        n=n,
        offset=offset,
        category=category,
        seed=seed,
        data=data,
        out=out or Path("bench-" + "-".join(words)),
        jobs=jobs,
        item_seconds=item_seconds,
    )
    _measure(plan, settings, quiet)


def _measure(plan: Plan, settings: Any, quiet: bool) -> None:
    from lcagent.cli.progress import Console
    from lcagent.evals.bench import Bench
    from lcagent.evals.report import write_report
    from lcagent.evals.summary import summarise
    from lcagent.models.serving.session import ModelSession

    console = Console(quiet=quiet)

    def tell(progress: Progress) -> None:
        console.counting("measuring", progress.done, progress.total, "answers")

    bench_run = Bench(plan, settings, console.say, tell)
    with console, ModelSession(settings, console.fetching) as session:
        rows = bench_run.run(session)
        opened = session.open(console.say)
        facts = _facts(settings, opened.model, opened.name, plan)
    if bench_run.skipped:
        facts["not run"] = f"{len(bench_run.skipped)} answers, such as {bench_run.skipped[0]}"
    for line in bench_run.skipped[:5]:
        console.say(f"not run: {line}")
    if len(bench_run.skipped) > 5:
        console.say(f"not run: {len(bench_run.skipped) - 5} more")
    write_report(rows, plan.out, facts)
    print_tables(rows)
    for cell in summarise(rows):
        if cell.costed < cell.n:
            known = f"{cell.costed} of {cell.n} items, the others failed before a first call had ended"
            console.say(f"{cell.task} by {cell.strategy}: calls, tokens and seconds are means over {known}")
    console.say(f"rows, report.html and pictures: {plan.out}")


def print_tables(rows: Sequence[Row]) -> None:
    """Print the scores, and those by the place of the evidence where it is known."""
    from lcagent.evals.report import place_table, table
    from lcagent.evals.summary import by_place, summarise

    console = terminal.console(width=_width())
    console.print(table(summarise(rows)))
    if places := by_place(rows):
        console.print("\nscore (n) by where the evidence begins in the document")
        console.print(place_table(places))


def _width() -> int | None:
    """Characters of a line where stdout is no terminal, which has its own."""
    return None if terminal.on_terminal() else 120


def _compare(words: list[str]) -> None:
    if len(words) != 2:
        raise UsageError("compare takes two output folders", hint="lcagent bench compare OUT_A OUT_B")
    from lcagent.evals.compare import load_rows, print_comparison

    before, after = (load_rows(Path(word)) for word in words)
    print_comparison(before, after, terminal.console(width=_width()))


def parse_length(text: str) -> int:
    """`7k` is 7,000 tokens, `1m` a million."""
    text = text.strip().casefold()
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:], 1)
    digits = text[:-1] if factor > 1 else text
    try:
        return int(float(digits) * factor)
    except ValueError as error:
        raise UsageError(f"{text!r} is no length", hint="such as --lengths 7k,14k") from error


def _facts(settings: Any, model: str, endpoint: str, plan: Plan) -> dict[str, str]:
    """What a reader of the report needs to measure it again."""
    facts = {
        "command": shlex.join(["lcagent", *sys.argv[1:]]),
        "model": model,
        "endpoint": endpoint,
        "window": f"{settings.window:,} tokens",
        "temperature": f"{settings.temperature:g}",
        "items": f"{plan.n} a task and length, seed {plan.seed}, from number {plan.offset}",
        "in work at once": str(plan.jobs),
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
    }
    if commit := _commit():
        facts["commit"] = commit
    return facts


def _commit() -> str:
    """The commit of this checkout, where it is one."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
