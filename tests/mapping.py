"""Scripted replies of MapReduce, and which role a call of it has."""

import json

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


def reduced(answer: str) -> str:
    return json.dumps({"rationale": "", "found": "yes" if answer else "no", "answer": answer})


def roles(server: Loopback) -> list[str]:
    return [role(request) for request in server.requests]
