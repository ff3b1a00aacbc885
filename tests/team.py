"""A scripted team: a leader and members over the loopback server, each saying what a test wants."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.helpers import NEEDLE
from tests.loopback import Request

Says = Callable[[list[str], str], str]
"""(segments shown, question) to an answer; an empty one is a refusal."""
ANSWER = {"state": "ANSWER", "ask": ""}


NAME = "Oskar Brandvold"


def finds(texts: list[str], question: str) -> str:
    """The name, from texts that hold the needle."""
    return NAME if any(NEEDLE in text for text in texts) else ""


def inside(text: str, tag: str) -> list[str]:
    """What stands between each pair of tags."""
    return [part.split(f"</{tag}>")[0].strip() for part in text.split(f"<{tag}>\n")[1:]]


@dataclass
class Team:
    """A reply function.

    `leads` are the leader's replies in order, the last one for good; `says` is what members answer.
    """

    says: Says
    leads: list[dict[str, str]] = field(default_factory=lambda: [ANSWER])
    final: Says | None = None
    facts: bool = True

    def __call__(self, request: Request) -> str:
        names = request.schema["properties"] if request.schema else {}
        user = request.messages[-1]["content"]
        question = inside(user, "question")[0]
        if "state" in names:
            # By what it is shown and not by counting, so that a run that goes on sees the same.
            return json.dumps(self.leads[min(user.count("Asked: "), len(self.leads) - 1)])
        if "refuse" in names:
            segments = inside(user, "segment")
            answer = self.says(segments, question)
            fact = next((s for text in segments for s in text.split("\n\n") if answer in s), "")[:150]
            return json.dumps(
                {
                    "refuse": "no" if answer else "yes",
                    "answer": answer,
                    "fact": fact if self.facts and answer else "",
                }
            )
        passages = inside(user, "evidence")
        answer = (self.final or self.says)(passages, question)
        return json.dumps({"found": "yes" if answer else "no", "answer": answer})


def asked(requests: list[Request], segments: int = 1) -> list[Request]:
    """The calls that showed so many segments to a member."""
    return [
        r
        for r in requests
        if "refuse" in (r.schema or {}).get("properties", {})
        and len(inside(r.messages[-1]["content"], "segment")) == segments
    ]
