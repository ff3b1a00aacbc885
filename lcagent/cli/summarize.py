"""`lcagent summarize`: a summary of documents of any length, by the MapReduce strategy."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lcagent.cli.ask import Telling, asked, deliver
from lcagent.cli.options import (
    JsonOption,
    OutputOption,
    PasswordOption,
    PlainOption,
    QuestionFileOption,
    VerboseOption,
    reading,
    settings_from,
)
from lcagent.errors import UsageError


@reading
def summarize(
    flags: dict[str, Any],
    documents: Annotated[list[str], typer.Argument(metavar="DOC...", help="Files, folders or -.")],
    about: Annotated[str | None, typer.Option(metavar="TOPIC", help="Only what bears on this.")] = None,
    question_file: QuestionFileOption = None,
    words: Annotated[int | None, typer.Option(metavar="N", help="About how long; default 200.")] = None,
    password: PasswordOption = None,
    as_json: JsonOption = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the summary while it is written.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last such run, also if it had finished.")
    ] = False,
    output: OutputOption = None,
    quiet: PlainOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Summarise one or more documents, with the sentences that the summary rests on.

    Exit status as for `ask`; 3 where nothing in the documents bears on the topic. The same command
    again goes on where it stopped.
    """
    from lcagent.agents.mapper import WHOLE
    from lcagent.agents.summariser import ABOUT

    pairs = [*(flags.pop("pairs") or []), "mapreduce.mode=summary"]
    if words is not None:
        pairs.append(f"mapreduce.words={words}")
    if question_file is not None:
        if about is not None:
            raise UsageError("--about and --question-file both name a topic", hint="leave one of them out")
        documents, about = asked(documents, question_file)
    settings = settings_from(pairs, strategy="mapreduce", **flags)
    deliver(
        settings,
        documents,
        ABOUT.format(topic=about) if about else WHOLE,
        Telling(as_json=as_json, stream=stream, output=output, quiet=quiet, verbose=verbose),
        password=password,
        resume=resume,
    )
