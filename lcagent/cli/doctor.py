"""`lcagent doctor`: which model would be used, why, what is missing, and what mends it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from lcagent.cli.options import (
    ApiBaseOption,
    ApiKeyOption,
    HomeOption,
    ModelOption,
    TrustOption,
    settings_from,
)

if TYPE_CHECKING:
    from lcagent.models.serving.connect import Choice


def doctor(
    model: ModelOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    trust_config: TrustOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say which model server `ask` would use and why; start nothing. Exit status 1: none."""
    settings = settings_from(
        model=model, api_base=api_base, api_key=api_key, home=home, trust_config=trust_config
    )
    from lcagent.models.serving.connect import survey
    from lcagent.models.serving.facts import machine_facts

    choice, instead = survey(settings)
    facts = machine_facts(settings)
    if instead is not None:
        facts = {"instead": f"{_shown(instead)}, because {instead.why}", **facts}
    if as_json:
        shown = {
            "uses": choice.source,
            "model": choice.model,
            "why": choice.why,
            "remedy": choice.remedy,
            "facts": facts,
        }
        print(json.dumps(shown, indent=2))
    else:
        print(f"uses     {_shown(choice)}")
        print(f"because  {choice.why}")
        if choice.remedy:
            print(f"{'mend' if choice.source == 'none' else 'better':<9}{choice.remedy}")
        for name, fact in facts.items():
            print(f"{name:<9}{fact}")
    raise typer.Exit(1 if choice.source == "none" else 0)


def _shown(choice: Choice) -> str:
    return f"{_WORDS[choice.source]}{': ' + choice.model if choice.model else ''}"


_WORDS = {
    "given": "the endpoint given",
    "found": "the server found at 127.0.0.1:8000",
    "vllm": "a vLLM server of our own",
    "provider": "a provider through litellm",
    "embedded": "the embedded CPU engine",
    "none": "nothing",
}
