"""`lcagent ask`: stdout carries the answer alone, stderr everything else."""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from lcagent.cli import began, terminal
from lcagent.cli.options import (
    JsonOption,
    OutputOption,
    PasswordOption,
    PlainOption,
    QuestionFileOption,
    VerboseOption,
    question_in,
    reading,
    settings_from,
)
from lcagent.errors import UsageError
from lcagent.graphs import STRATEGIES
from lcagent.text import shown

if TYPE_CHECKING:
    from lcagent.answer import Answer
    from lcagent.cli.progress import Console
    from lcagent.settings import Settings

EXIT = {"answered": 0, "conflicting": 0, "not_found": 3, "budget": 4}


@reading
def ask(
    flags: dict[str, Any],
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="DOC... QUESTION",
            help="Files, folders or -, then the question; with --question-file documents alone.",
        ),
    ],
    question_file: QuestionFileOption = None,
    strategy: Annotated[str | None, typer.Option(help=", ".join(STRATEGIES) + ".")] = None,
    effort: Annotated[
        str | None, typer.Option(help="How far the default strategy goes: low, normal, high or all.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print the way that led to the answer, step by step.")
    ] = False,
    style: Annotated[
        str | None, typer.Option(help="How long the answer is: auto (as the question needs), short or full.")
    ] = None,
    password: PasswordOption = None,
    as_json: JsonOption = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the answer while it is written, before it is checked.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the last run of this question, also if it had finished."),
    ] = False,
    output: OutputOption = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table", help="Also write the rows behind the answer to a .csv or .xlsx file (tally)."
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show the answer in the browser, its quotes highlighted.")
    ] = False,
    quiet: PlainOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask one or more documents a question.

    Exit status: 0 answered, 3 the documents do not say, 4 a budget was reached, 1 failure, 2 usage,
    130 interrupted. The same command again goes on where it stopped.
    """
    if question_file is None and len(words) < 2:
        raise typer.BadParameter('name a document and a question: lcagent ask doc.pdf "question"')
    sources, question = asked(words, question_file)
    if effort:
        flags = {**flags, "pairs": [*(flags["pairs"] or []), f"auto.effort={effort}"]}
    settings = settings_from(strategy=strategy, style=style, **flags)
    if table is not None:
        from lcagent.cli.tables import check_table

        check_table(table, settings.strategy)
    deliver(
        settings,
        sources,
        question,
        Telling(as_json, stream, output, quiet, verbose, explain, table, open_page),
        password=password,
        resume=resume,
    )


def asked(words: list[str], question_file: str | None) -> tuple[list[str], str]:
    """The documents and the question of a command.

    Args:
        words: documents, and behind them the question where no file holds it.
        question_file: holds the question; - for stdin.

    Raises:
        UsageError: the file cannot be read, or stdin is a document too.
    """
    if question_file is None:
        # Of another encoding than the locale's: a document's name is passed on as it came, a question read.
        return words[:-1], os.fsencode(words[-1]).decode("utf-8", "replace")
    if question_file == "-" and "-" in words:
        raise UsageError(
            "stdin cannot be both a document and the question", hint="name a file for one of them"
        )
    return words, question_in(question_file)


@dataclass(frozen=True, slots=True)
class Telling:
    """How an answer is told.

    Args:
        as_json: print one JSON object.
        stream: print the answer while it is written.
        output: also write the JSON object there.
        quiet: nothing on stderr but errors, and no marks in the answer, since nothing explains them.
        verbose: say what each segment gave.
        explain: tell the way that led to the answer.
        table: also write the rows behind the answer there.
        open_page: show the answer in the browser.
    """

    as_json: bool
    stream: bool
    output: Path | None
    quiet: bool
    verbose: bool
    explain: bool = False
    table: Path | None = None
    open_page: bool = False


def deliver(
    settings: Settings,
    sources: list[str],
    question: str,
    telling: Telling,
    *,
    password: str | None,
    resume: bool,
) -> NoReturn:
    """Read, print the answer to stdout and all else to stderr, and exit with the answer's status.

    Args:
        settings: how to read.
        sources: files, folders or -.
        question: what is asked of them.
        telling: how the answer is told.
        password: for an encrypted PDF.
        resume: also show the answer of a run that had finished.

    Raises:
        UsageError: `output` or `table` cannot be written, found out before anything is read.
    """
    _check_files(telling)
    from lcagent.cli.browser import show_answer
    from lcagent.cli.progress import Console
    from lcagent.events import Finished, RunStarted
    from lcagent.reader import Reader

    console = Console(
        quiet=telling.quiet, verbose=telling.verbose, echo=telling.stream and not telling.as_json
    )
    with console, Reader(settings, progress=console.fetching) as reader:
        answer: Answer | None = None
        events = reader.stream(sources, question, password=password, resume=resume, since=began.when())
        for event in events:
            console.show(event)
            if isinstance(event, RunStarted) and not gc.isenabled():  # `main` has put it off until here
                gc.freeze()
                gc.enable()
            if isinstance(event, Finished):
                answer = event.answer
                break  # closed once the answer is printed: until then the same command tells it again
    assert answer is not None  # the stream ends with it, or raises
    _write_files(answer, telling, console)
    try:
        if telling.as_json:
            terminal.json_text(answer.to_json())
        else:
            _print(answer, telling, console)
        terminal.flush()
    except BaseException as error:  # noqa: BLE001 - not arrived, so that the same command tells it again
        events.throw(error)
    events.close()
    if not telling.as_json:
        console.tell_answer(answer, explain=telling.explain)
    if telling.open_page:
        show_answer(answer.run_id, settings, password)
    raise typer.Exit(EXIT[answer.status])


def _write_files(answer: Answer, telling: Telling, console: Console) -> None:
    if telling.output is not None:
        _write(answer, telling.output)
    if telling.table is not None:
        _write_table(answer, telling.table, console)


def _write(answer: Answer, file: Path) -> None:
    try:
        file.write_text(answer.to_json() + "\n", encoding="utf-8")
    except OSError as error:  # the disk is full
        raise UsageError(
            f"{file} cannot be written: {error.strerror}",
            hint="the same command with --resume and another -o gives the answer without a call",
        ) from error


def _print(answer: Answer, telling: Telling, console: Console) -> None:
    """Print the answer, or of a streamed one what is not printed yet: marks, or all that a check changed."""
    echoed = console.echoed.rstrip()
    text, plain = shown(answer.text), shown(answer.answer)
    if telling.quiet and echoed in {"", plain}:
        text = plain
    if not text.startswith(echoed):
        terminal.line()
        terminal.flush()
        console.say("after its checks the answer is:")
        terminal.text(text)
    elif echoed != text or not console.echoed.endswith("\n"):
        terminal.text(text[len(echoed) :])


def _write_table(answer: Answer, file: Path, console: Console) -> None:
    if answer.table is None:
        console.say(f"no table was written: {answer.strategy} gave the answer, and makes none")
        return
    from lcagent.cli.tables import write_table

    write_table(answer, file)


def _check_files(telling: Telling) -> None:
    for file, flag in ((telling.output, "-o"), (telling.table, "--table")):
        if file is not None:
            _check_writable(file, flag)


def _check_writable(file: Path, flag: str) -> None:
    """Complain of a file that cannot be written, without making it: the reading may fail yet."""
    try:
        reason = _hindrance(file)
    except OSError as error:  # a folder above it may not be looked into
        reason = str(error.strerror)
    if reason:
        hint = f"{flag} names a file in a folder that is there"
        raise UsageError(f"{file} cannot be written: {reason}", hint=hint)


def _hindrance(file: Path) -> str:
    """Why a file cannot be written; empty if it can."""
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    return "" if os.access(file if file.exists() else file.parent, os.W_OK) else "permission denied"
