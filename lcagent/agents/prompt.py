"""The roles' prompts: one file each under `prompts/`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from lcagent.models.prompt import Prompt


@cache
def load_prompt(name: str) -> Prompt:
    """Read `prompts/NAME.md`."""
    text = (files("lcagent.agents") / "prompts" / f"{name}.md").read_text("utf-8")
    return Prompt.parse(name, text)
