"""A scripted agent for conversations: it answers by rules, through the functions that it is offered."""

import json
import re

from tests.loopback import Request

HOME = "I live in Paris, with Rex my dog."
WHERE = "Where do I live?"


def agent(request: Request) -> str:
    """Notes where the user lives; searches for it when it is asked; says nothing to the timer; else echoes."""
    fields = (request.schema or {}).get("properties", {})
    if "summary" in fields:
        return json.dumps({"summary": "They talked."})
    lines = request.text.split("<conversation>\n")[-1].split("\n</conversation>")[0].split("\n")
    begins = max(n for n, line in enumerate(lines) if re.match(r"\[(m\d+ .* user|system .*)\]", line))
    said, done = lines[begins], any(line.startswith("[result]") for line in lines[begins:])
    if said.startswith("[system"):
        return send("Time for tea!" if any("tea" in line for line in lines[:begins]) else "")
    if "live in Paris" in said and not done:
        return call("core_memory_append", name="human", content="Lives in Paris.", heartbeat="yes")
    if WHERE in said:
        return send("You live in Paris.") if done else call("conversation_search", query="live Paris", page=1)
    return send(f"Noted: {said.partition('] ')[2]}")


def send(message: str) -> str:
    """The last step of a turn."""
    return call("send_message", known="yes", message=message)


def call(do: str, **arguments: object) -> str:
    """A step of a turn."""
    return json.dumps({"thought": "so", "do": do, **arguments})
