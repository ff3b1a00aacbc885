"""`lcagent summarize`: a summary of documents of any length, by the MapReduce strategy."""

from __future__ import annotations

from typing import Annotated

import typer

from lcagent.cli.ask import Telling, deliver
from lcagent.cli.options import (
    ApiBaseOption,
    ApiKeyOption,
    CallsOption,
    HomeOption,
    JsonOption,
    ModelOption,
    OutputOption,
    PasswordOption,
    PlainOption,
    ProfileOption,
    SecondsOption,
    SetOption,
    TimeoutOption,
    TokensOption,
    TrustOption,
    VerboseOption,
    WindowOption,
    settings_from,
)


def summarize(
    documents: Annotated[list[str], typer.Argument(metavar="DOC...", help="Files, folders or -.")],
    about: Annotated[str | None, typer.Option(metavar="TOPIC", help="Only what bears on this.")] = None,
    words: Annotated[int | None, typer.Option(metavar="N", help="About how long; default 200.")] = None,
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    window: WindowOption = None,
    timeout: TimeoutOption = None,
    profile: ProfileOption = None,
    home: HomeOption = None,
    trust_config: TrustOption = False,
    options: SetOption = None,
    password: PasswordOption = None,
    as_json: JsonOption = False,
    stream: Annotated[bool, typer.Option("--stream", help="Print the summary while it is written.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last such run, also if it had finished.")
    ] = False,
    max_calls: CallsOption = None,
    max_tokens: TokensOption = None,
    max_seconds: SecondsOption = None,
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

    pairs = [*(options or []), "mapreduce.mode=summary"]
    if words is not None:
        pairs.append(f"mapreduce.words={words}")
    settings = settings_from(
        pairs,
        strategy="mapreduce",
        model=model,
        api_base=api_base,
        api_key=api_key,
        window=window,
        timeout=timeout,
        profile=profile,
        home=home,
        trust_config=trust_config,
        max_calls=max_calls,
        max_tokens=max_tokens,
        max_seconds=max_seconds,
    )
    deliver(
        settings,
        documents,
        ABOUT.format(topic=about) if about else WHOLE,
        Telling(as_json=as_json, stream=stream, output=output, quiet=quiet, verbose=verbose),
        password=password,
        resume=resume,
    )
