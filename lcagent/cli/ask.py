"""`lcagent ask`: stdout carries the answer alone, stderr everything else."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lcagent.cli.options import (
    ApiBaseOption,
    ApiKeyOption,
    HomeOption,
    ModelOption,
    SetOption,
    TimeoutOption,
    TrustOption,
    WindowOption,
    settings_from,
)
from lcagent.errors import UsageError

if TYPE_CHECKING:
    from lcagent.answer import Answer
    from lcagent.settings import Settings

EXIT = {"answered": 0, "conflicting": 0, "not_found": 3, "budget": 4}


def ask(
    words: Annotated[
        list[str],
        typer.Argument(metavar="DOC... QUESTION", help="Files, folders or -, then the question."),
    ],
    strategy: Annotated[
        str | None, typer.Option(help="auto, direct, memagent, mapreduce, longagent or segment.")
    ] = None,
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    window: WindowOption = None,
    timeout: TimeoutOption = None,
    home: HomeOption = None,
    trust_config: TrustOption = False,
    options: SetOption = None,
    password: Annotated[str | None, typer.Option(help="For an encrypted PDF.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the answer while it is written, before it is checked.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the last run of this question, also if it had finished."),
    ] = False,
    max_calls: Annotated[int | None, typer.Option(help="Budget: model calls.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Budget: tokens, prompt and reply.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Budget: seconds.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write the JSON object to a file.")
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Nothing on stderr but errors.")] = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Say what each segment gave.")] = False,
) -> None:
    """Ask one or more documents a question.

    Exit status: 0 answered, 3 the documents do not say, 4 a budget was reached, 1 failure, 2 usage,
    130 interrupted. The same command again goes on where it stopped.
    """
    if len(words) < 2:
        raise typer.BadParameter('name a document and a question: lcagent ask doc.pdf "question"')
    settings = settings_from(
        options,
        strategy=strategy,
        model=model,
        api_base=api_base,
        api_key=api_key,
        window=window,
        timeout=timeout,
        home=home,
        trust_config=trust_config,
        max_calls=max_calls,
        max_tokens=max_tokens,
        max_seconds=max_seconds,
    )
    deliver(
        settings,
        words[:-1],
        words[-1],
        password=password,
        resume=resume,
        stream=stream,
        as_json=as_json,
        output=output,
        quiet=quiet,
        verbose=verbose,
    )


def deliver(
    settings: Settings,
    sources: list[str],
    question: str,
    *,
    password: str | None,
    resume: bool,
    stream: bool,
    as_json: bool,
    output: Path | None,
    quiet: bool,
    verbose: bool,
) -> NoReturn:
    """Read, print the answer to stdout and all else to stderr, and exit with the answer's status.

    Args:
        settings: how to read.
        sources: files, folders or -.
        question: what is asked of them.
        password: for an encrypted PDF.
        resume: also show the answer of a run that had finished.
        stream: print the answer while it is written.
        as_json: print one JSON object.
        output: also write the JSON object there.
        quiet: nothing on stderr but errors.
        verbose: say what each segment gave.

    Raises:
        UsageError: `output` cannot be written, found out before anything is read.
    """
    if output is not None:
        _check_writable(output)
    from lcagent.cli.progress import Console
    from lcagent.events import Finished, RunStarted
    from lcagent.reader import Reader

    console = Console(quiet=quiet, verbose=verbose, echo=stream and not as_json)
    with console, Reader(settings, progress=console.fetching) as reader:
        answer: Answer | None = None
        for event in reader.stream(sources, question, password=password, resume=resume):
            console.show(event)
            if isinstance(event, RunStarted) and not gc.isenabled():  # `main` has put it off until here
                gc.freeze()
                gc.enable()
            if isinstance(event, Finished):
                answer = event.answer
    assert answer is not None  # the stream ends with it, or raises
    if output is not None:
        try:
            output.write_text(answer.to_json() + "\n", encoding="utf-8")
        except OSError as error:  # the disk is full
            raise UsageError(
                f"{output} cannot be written: {error.strerror}",
                hint="the same command with --resume and another -o gives the answer without a call",
            ) from error
    if as_json:
        print(answer.to_json())
    elif console.echoed != answer.answer:
        print(("\n" if console.echoed else "") + answer.answer)
    elif console.echoed:
        print()
    sys.stdout.flush()
    if not quiet and not as_json:
        console.tell_answer(answer)
    raise typer.Exit(EXIT[answer.status])


def _check_writable(file: Path) -> None:
    """Complain of a file that cannot be written, without making it: the reading may fail yet."""
    try:
        reason = _hindrance(file)
    except OSError as error:  # a folder above it may not be looked into
        reason = str(error.strerror)
    if reason:
        hint = "-o names a file in a folder that is there"
        raise UsageError(f"{file} cannot be written: {reason}", hint=hint)


def _hindrance(file: Path) -> str:
    """Why a file cannot be written; empty if it can."""
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    return "" if os.access(file if file.exists() else file.parent, os.W_OK) else "permission denied"
