"""`lcagent probe`: measure a model once; what it may be believed follows from that."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

from lcagent.cli import terminal
from lcagent.cli.options import (
    ApiBaseOption,
    ApiKeyOption,
    JsonOption,
    ModelOption,
    QuietOption,
    SetOption,
    WindowOption,
    settings_from,
    stored,
)

if TYPE_CHECKING:
    from lcagent.models.profile import ModelProfile
    from lcagent.settings import Settings


@stored
def probe(
    flags: dict[str, Any],
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    window: WindowOption = None,
    options: SetOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure the model with about 55 calls, and keep what follows: is it believed, up to which length.

    Whether it keeps to a schema, says no, refuses, copies, is distracted, calls functions; how sure it is
    when right and when wrong. A probe that is interrupted keeps nothing.
    """
    settings = settings_from(options, model=model, api_base=api_base, api_key=api_key, window=window, **flags)
    try:
        profile = _measured(settings, quiet)
    except KeyboardInterrupt as error:
        raise terminal.Interrupted("interrupted; nothing is kept of this probe") from error
    if as_json:
        terminal.as_json(profile.model_dump(mode="json"))
        return
    for name, value in _rows(profile):
        terminal.line(f"{name:<52}{value}")


def _measured(settings: Settings, quiet: bool) -> ModelProfile:
    from lcagent.cli.progress import Console
    from lcagent.memory.opening import open_store
    from lcagent.memory.profiles import StoredProfiles
    from lcagent.models.serving.session import ModelSession
    from lcagent.runs.probe import measure

    console = Console(quiet=quiet)
    with (
        closing(open_store(settings.place)) as store,
        console,
        ModelSession(settings, console.fetching, afresh=True) as session,
    ):
        opened = session.open(console.say)
        console.say(f"measuring {opened.model}")
        profile = asyncio.run(
            measure(
                opened,
                settings,
                notice=console.say,
                tell=lambda done, total: console.counting("measuring", done, total, "cases"),
            )
        )
        StoredProfiles(store).put(profile)
        return profile


def _rows(profile: ModelProfile) -> list[tuple[str, str]]:
    return [
        ("model", profile.model),
        ("stance", profile.stance),
        ("keeps to the schema at the first try", _share(profile.schema_kept)),
        ("says no to a segment without the answer", _share(profile.says_no)),
        ("finds the answer in a segment that holds it", _share(profile.finds)),
        ("refuses where the passages do not say", _share(profile.abstains)),
        ("answers right from the one right passage", _share(profile.answers)),
        ("of these also with ten passages around it", _share(profile.undistracted)),
        ("answers right where the words are others", _share(profile.paraphrase)),
        ("copies an example from its prompt", _share(profile.copies)),
        (
            "an answer is likelier wrong below a certainty of",
            "no threshold" if profile.certainty is None else f"{profile.certainty:.3g}",
        ),
        ("right up to an input of", reach(profile)),
        (
            "native tool calls",
            {None: "not known", True: "work", False: "do not work: JSON is asked for"}[profile.tools],
        ),
        ("calls", str(profile.calls)),
    ]


def reach(profile: ModelProfile) -> str:
    """The length of input up to which a model answers right, for people."""
    if profile.effective_tokens is None:
        return "not known"
    most = profile.limit_tokens is None
    return f"{profile.effective_tokens:,} tokens" + (", the longest tried" if most else "")


def _share(value: float | None) -> str:
    return "not known" if value is None else f"{value:.0%}"
