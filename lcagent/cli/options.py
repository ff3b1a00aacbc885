"""Options that several commands share."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from lcagent.errors import UsageError

ModelOption = Annotated[
    str | None,
    typer.Option("-m", "--model", help="Served name, litellm name (provider/NAME), or a .gguf file."),
]
ApiBaseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--api-base",
        help="OpenAI-compatible endpoint, e.g. http://127.0.0.1:8000; repeated for several of one model.",
    ),
]
ApiKeyOption = Annotated[str | None, typer.Option("--api-key", help="Bearer token of the endpoint.")]
WindowOption = Annotated[
    int | None, typer.Option("--window", help="Tokens of one call, prompt and reply together.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", help="Seconds for one model call, waits and retries included.")
]
HomeOption = Annotated[str | None, typer.Option("--home", help="Folder of runs, model files and logs.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Where all is kept: a folder, or postgresql://… (default: --home)."),
]
TrustOption = Annotated[
    bool, typer.Option("--trust-config", help="Say yes to ./lcagent.toml as it is, once and for all.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, e.g. memagent.mode=overwrite."),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="Is the model believed: auto (by what is known of it), trusting, cautious, or probe"
        " (measure it first, once).",
    ),
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", help="Of text files, e.g. cp1251; else what they look like.")
]
PasswordOption = Annotated[str | None, typer.Option("--password", help="For an encrypted PDF.")]
CallsOption = Annotated[int | None, typer.Option("--max-calls", help="Budget: model calls.")]
TokensOption = Annotated[int | None, typer.Option("--max-tokens", help="Budget: tokens, prompt and reply.")]
SecondsOption = Annotated[float | None, typer.Option("--max-seconds", help="Budget: seconds.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
QuestionFileOption = Annotated[
    str | None,
    typer.Option(
        "--question-file", metavar="FILE", help="Read what is asked from a UTF-8 file, or - for stdin."
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", help="Also write the JSON object to a file.")
]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help="Nothing on stderr but errors.")]
PlainOption = Annotated[
    bool, typer.Option("-q", "--quiet", help="Nothing on stderr but errors, no marks on stdout.")
]
VerboseOption = Annotated[bool, typer.Option("-v", "--verbose", help="Say what each segment gave.")]


_MOST_QUESTION = 1 << 20
"""Bytes of a question's file; no window holds as much."""


def question_in(file: str) -> str:
    """A question from a file.

    Args:
        file: its path, or - for stdin.

    Raises:
        UsageError: it cannot be read, is no UTF-8 text, or says nothing.
    """
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as opened:
            data = opened.read(_MOST_QUESTION + 1)
        if len(data) > _MOST_QUESTION:
            raise UsageError(f"{file} is too long for a question", hint="a document is named before it")
        question = data.decode("utf-8-sig").strip()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise UsageError(
            f"the question cannot be read from {file}: {why}", hint="--question-file names a text file"
        ) from error
    if not question:
        raise UsageError(f"{file} holds no question", hint="write what is asked into it")
    return question


def settings_from(pairs: list[str] | None = None, *, trust_config: bool = False, **flags: Any) -> Any:
    """Settings with these flags in front; imported late, so that --help stays fast."""
    from lcagent.settings import load_settings

    given = {name: value for name, value in flags.items() if value != []}  # an option not given at all
    return load_settings(given, pairs, trust_config=trust_config)


def _flags(
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    window: WindowOption = None,
    timeout: TimeoutOption = None,
    profile: ProfileOption = None,
    home: HomeOption = None,
    store: StoreOption = None,
    trust_config: TrustOption = False,
    encoding: EncodingOption = None,
    pairs: SetOption = None,
    max_calls: CallsOption = None,
    max_tokens: TokensOption = None,
    max_seconds: SecondsOption = None,
) -> None:
    """What every command that reads with a model can be told."""


def _where(home: HomeOption = None, store: StoreOption = None) -> None:
    """What every command that looks at what is kept can be told."""


def _told(shared: Callable[..., None], command: Callable[..., None]) -> Callable[..., None]:
    """A command with options that are declared once, which it gets as `flags`."""
    own, more = (inspect.signature(function, eval_str=True) for function in (command, shared))

    @wraps(command)
    def told(**given: Any) -> None:
        command(flags={name: given.pop(name) for name in more.parameters}, **given)

    before = [parameter for name, parameter in own.parameters.items() if name != "flags"]
    told.__signature__ = own.replace(parameters=[*before, *more.parameters.values()])  # type: ignore[attr-defined]
    return told


def reading(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of every one that reads with a model.

    Args:
        command: gets them as `flags`, by the names of `settings_from`.
    """
    return _told(_flags, command)


def stored(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of where everything is kept; `command` as for `reading`."""
    return _told(_where, command)
