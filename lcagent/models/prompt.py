"""Prompts: one file each, rendered strictly, versioned by hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lcagent.models.data import as_data
from lcagent.models.estimate import Messages
from lcagent.models.window import Window

_SECTION = re.compile(r"^=== (system|user) ===$", re.M)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt file: a system and a user template (jinja2, a missing variable fails).

    `version` is the first 12 hex digits of the file's sha256; a run's key holds it.
    """

    name: str
    version: str
    system: str
    user: str

    @staticmethod
    def parse(name: str, text: str) -> Prompt:
        """A prompt from the text of its file."""
        _, *parts = _SECTION.split(text)
        sections = dict(zip(parts[::2], (p.strip() for p in parts[1::2]), strict=True))
        version = hashlib.sha256(text.encode()).hexdigest()[:12]
        return Prompt(name, version, sections.get("system", ""), sections["user"])

    def bind(self, **fixed: object) -> Bound:
        """A renderer in which `fixed` is set and the parts of a call are left open."""
        return Bound(self, tuple(fixed.items()))

    def render(self, values: Mapping[str, object]) -> Messages:
        """The messages; the system message is left out where its section is empty."""
        return [
            {"role": role, "content": _template(source).render(**values).strip()}
            for role, source in (("system", self.system), ("user", self.user))
            if source
        ]


@dataclass(frozen=True, slots=True)
class Bound:
    """A prompt with some of its variables set (`lcagent.models.window.Render`)."""

    prompt: Prompt
    fixed: tuple[tuple[str, object], ...]

    def room(self, window: Window, name: str, question: str, *, reply: int) -> int:
        """Tokens of one part that a call can hold beside the question.

        Args:
            window: of the call.
            name: the part's variable.
            question: as asked.
            reply: tokens kept for the reply, and for a retry.
        """
        left = window.room(self, ("question", name), reply=reply)
        return left - window.count(as_data(question)) - window.size // 100

    def __call__(self, parts: Mapping[str, str]) -> Messages:
        """The messages."""
        return self.prompt.render({**dict(self.fixed), **parts})


@cache
def _template(source: str) -> Any:
    import jinja2

    environment = jinja2.Environment(  # noqa: S701 - prompts are no HTML
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
