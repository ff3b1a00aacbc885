"""Scripted replies of MapReduce, and which role a call of it has."""

import json
import re

from tests.loopback import Loopback, Request


def role(request: Request) -> str:
    names = request.schema["properties"] if request.schema else {}
    first = {"relevant": "map", "operation": "calculate", "summary": "summarise", "found": "reduce"}
    return next((role for name, role in first.items() if name in names), "collapse")


def mapped(facts: list[str], answer: str = "", confidence: str = "high") -> str:
    reply = {
        "relevant": "yes" if facts or answer else "no",
        "facts": facts,
        "rationale": "as it says",
        "answered": "yes" if answer else "no",
        "answer": answer,
        "confidence": confidence if answer else "zero",
    }
    return json.dumps(reply)


def reduced(answer: str, **more: str) -> str:
    return json.dumps({"rationale": "", "found": "yes" if answer else "no", "answer": answer, **more})


def passages_of(request: Request) -> list[str]:
    """The numbered pieces of evidence that an answering call is shown, in order."""
    user = request.messages[-1]["content"]
    tag = "findings" if "<findings>" in user else "evidence"
    shown = user.split(f"<{tag}>\n")[1].split(f"\n</{tag}>")[0]
    return [part for part in re.split(r"\n\n(?=\[\d+\])", shown) if part]


def mark_of(text: str, request: Request) -> str:
    """The mark of the passage that holds a text."""
    return next(part.split("]")[0] + "]" for part in passages_of(request) if text in part)


def roles(server: Loopback) -> list[str]:
    return [role(request) for request in server.requests]
