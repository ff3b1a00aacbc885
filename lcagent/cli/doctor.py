"""`lcagent doctor`: which model would be used, why, what is missing, and what mends it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lcagent.cli import terminal
from lcagent.cli.options import (
    ApiBaseOption,
    ApiKeyOption,
    JsonOption,
    ModelOption,
    TrustOption,
    settings_from,
    stored,
)
from lcagent.errors import LcagentError, UsageError

if TYPE_CHECKING:
    from lcagent.models.profile import ModelProfile
    from lcagent.models.serving.connect import Choice
    from lcagent.settings import Settings


@stored
def doctor(
    flags: dict[str, Any],
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    trust_config: TrustOption = False,
    as_json: JsonOption = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Check what is kept instead, and save what can be read of a damaged file; it stays beside.",
        ),
    ] = False,
) -> None:
    """Say which model server `ask` would use and why; start nothing. Exit status 1: none, or damage."""
    settings = settings_from(
        model=model, api_base=api_base, api_key=api_key, trust_config=trust_config, **flags
    )
    if repair:
        from lcagent.cli.repair import repair_all

        if settings.place.url:
            raise UsageError(
                "only files can be repaired",
                hint="a PostgreSQL has tools of its own",
            )
        repair_all(settings.place.folder, as_json)
        return
    from lcagent.models.serving.connect import survey
    from lcagent.models.serving.facts import machine_facts
    from lcagent.models.serving.several import described, look_at_each

    given = look_at_each(settings)
    servers = described(given, settings)
    choice, instead = survey(settings, given)
    store, wrong = _store(settings)
    profile = None if wrong else _profile(instead or choice, settings)
    facts = (
        machine_facts(settings)
        | store
        | (_workers(settings) if store else {})
        | wrong
        | _refused(choice, settings)
    )
    if instead is not None:
        facts = {"instead": f"{_named(instead)}, because {instead.why}", **facts}
    if as_json:
        told = {
            "uses": choice.source,
            "model": choice.model,
            "why": choice.why,
            "remedy": choice.remedy,
            "profile": profile and profile.model_dump(),
            "servers": [asdict(server) for server in servers],
            "facts": facts,
        }
        terminal.as_json(told)
    else:
        terminal.line(f"uses     {_named(choice)}")
        terminal.line(f"because  {choice.why}")
        if choice.remedy:
            terminal.line(f"{'mend' if choice.source == 'none' else 'better':<9}{choice.remedy}")
        for server in servers:
            terminal.line(f"named    {server}")
        for name, fact in {**({"profile": _told(profile)} if profile else {}), **facts}.items():
            terminal.line(f"{name:<9}{fact}")
    differs = any(server.model and server.left_out for server in servers)
    raise typer.Exit(1 if choice.source == "none" or wrong or differs else 0)


def _store(settings: Settings) -> tuple[dict[str, str], dict[str, str]]:
    """What is kept, where and in what; and what is wrong with it, by files where that is known."""
    from lcagent.memory.migrations import STEPS
    from lcagent.memory.opening import open_store
    from lcagent.memory.store import FILE
    from lcagent.runs.prune import stored_bytes

    place, limit, engine = settings.place, settings.store_limit, ""
    wrong = _damaged(place.folder)
    try:
        if place.url or (not wrong and (place.folder / FILE).exists()):
            with closing(open_store(place)) as store:
                engine = f", {store.engine()}, tables of version {len(STEPS)}"
        size = stored_bytes(place) / (1 << 20)
    except LcagentError as error:
        return {}, {**wrong, "store": f"{error.message} ({error.hint})"}
    of = "" if limit is None else f" of {limit}"
    return {"store": f"{size:.1f}{of} MB in {place}{engine} (`lcagent runs prune` makes room)"}, wrong


def _workers(settings: Settings) -> dict[str, str]:
    """Whether a worker is there, where the store is one that they share."""
    if not settings.place.url:
        return {}
    import asyncio

    from lcagent.work.engine import Engine
    from lcagent.work.missing import no_worker

    try:
        since = asyncio.run(Engine.of(settings.place).silent_since())
    except LcagentError as error:
        return {"workers": error.message}
    return {"workers": "at least one gives signs of life" if since is None else no_worker(since)}


def _damaged(folder: Path) -> dict[str, str]:
    """Databases that are damaged, each with what is wrong."""
    from lcagent.memory.repair import faults

    found = {file.name: faults(file) for file in sorted(folder.glob("*.db"))}
    return {name: f"damaged: {what[0]} (`lcagent doctor --repair`)" for name, what in found.items() if what}


def _refused(choice: Choice, settings: Settings) -> dict[str, str]:
    """What the endpoint was found not to take."""
    from lcagent.models.serving.session import kept_manners
    from lcagent.text import told_time

    row = kept_manners(choice.endpoint, settings.data_dir).row() if choice.endpoint else None
    if row is None:
        return {}
    when = f"since {told_time(row.since)}; asked again after a week, or by `lcagent probe`"
    return {"without": f"{', '.join(sorted(row.refused))} ({when})"}


def _profile(choice: Choice, settings: Settings) -> ModelProfile | None:
    """The profile that would apply; None where no model would be used."""
    if choice.source == "none":
        return None
    from lcagent.memory.opening import open_store
    from lcagent.memory.profiles import StoredProfiles, with_stance
    from lcagent.memory.store import FILE
    from lcagent.models.profile import unmeasured
    from lcagent.models.serving.weights import DEFAULT

    model = choice.model or DEFAULT.filename
    model = Path(model).stem if choice.source == "embedded" else model
    fingerprint = _fingerprint(choice, settings)
    kept: ModelProfile | None = None
    if settings.place.url or (settings.place.folder / FILE).exists():
        with closing(open_store(settings.place)) as store:
            profiles = StoredProfiles(store)
            # Of a server that does not run yet nobody can tell what it will serve under the name.
            kept = profiles.get(model, fingerprint) if fingerprint else profiles.latest(model)
    return with_stance(kept or unmeasured(model, fingerprint), settings)


def _fingerprint(choice: Choice, settings: Settings) -> str:
    """As an open model would have it; empty where its server does not run yet."""
    from lcagent.models.fingerprint import of_name
    from lcagent.models.tokens import counter_for

    endpoint = choice.endpoint
    if endpoint is None or endpoint.fingerprint:
        return endpoint.fingerprint if endpoint else ""
    counter = counter_for(endpoint, settings.tokenizer)
    counter.close()
    return of_name(endpoint.model, counter.source)


def _told(profile: ModelProfile) -> str:
    """A profile in a sentence."""
    from lcagent.cli.probe import reach

    source = {
        "assumed": "nobody measured this model",
        "shipped": "shipped with lcagent",
        "probe": f"measured on {profile.measured}",
        "set": "set by --profile or LCAGENT_PROFILE",
    }[profile.source]
    parts = [f"{profile.stance} ({source})"]
    if profile.certainty is not None:
        parts.append(f"certainty threshold {profile.certainty:.3g}")
    if profile.effective_tokens is not None:
        parts.append(f"right up to {reach(profile)}")
    if profile.tools is not None:
        parts.append("native tool calls" if profile.tools else "no native tool calls")
    return "; ".join([*parts, "`lcagent probe` measures it" + " again" * (profile.source == "probe")])


def _named(choice: Choice) -> str:
    return f"{_WORDS[choice.source]}{': ' + choice.model if choice.model else ''}"


_WORDS = {
    "given": "the endpoint given",
    "found": "the server found at 127.0.0.1:8000",
    "vllm": "a vLLM server of our own",
    "provider": "a provider through litellm",
    "embedded": "the embedded CPU engine",
    "none": "nothing",
}
