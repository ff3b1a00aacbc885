"""What the tests of strategies with a fan-out share: scripted replies, and a kill in its middle."""

import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lcagent import Reader
from tests.helpers import NEEDLE, QUESTION, clever, in_this_process
from tests.killable import Command
from tests.loopback import Loopback, Request


def fields(request: Request) -> set[str]:
    return set(request.schema["properties"]) if request.schema else set()


def segment_of(request: Request) -> str:
    return request.messages[-1]["content"].split("<segment>")[-1].split("</segment>")[0]


def role(request: Request) -> str:
    names = fields(request)
    for field, name in (("relevant", "read"), ("keep", "sift"), ("facts", "merge"), ("found", "answer")):
        if field in names:
            return name
    return "plan"


def noting(request: Request) -> str:
    """`clever` for the roles of SEGMENT+."""
    kind = role(request)
    if kind == "sift":
        return json.dumps({"keep": "yes" if "Vellmere" in request.text.split("<note>")[-1] else "no"})
    if kind == "merge":
        return json.dumps({"facts": [NEEDLE], "reasoning": "it says who"})
    if kind == "read" and "reasoning" in fields(request):
        found = "master of Vellmere in that year" in segment_of(request)
        facts = [NEEDLE] if found else []
        return json.dumps({"relevant": "yes" if found else "no", "facts": facts, "reasoning": "the name"})
    return clever(request)


def ask(server: Loopback, document: Path | list[Path], question: str = QUESTION, **options: Any):
    options = {"api_base": server.url, "window": server.window, **options}
    with Reader(**options) as reader:
        return reader.ask(document, question)


def killed_then_resumed(
    server: Loopback,
    document: Path,
    home: Path,
    options: list[str],
    *,
    at: Callable[[Request], bool],
    reply: Callable[[Request], str],
) -> tuple[dict, list[str], list[str]]:
    """The answer of a run killed when `at` is asked, and the keys that each of its two commands sent."""
    started: list[Command] = []
    ready, dead = threading.Event(), threading.Event()

    def kills(request: Request) -> str:
        if not dead.is_set() and at(request):
            assert ready.wait(10)
            started[0].kill()
            dead.set()
        return reply(request)

    arguments = ["ask", str(document), QUESTION, "--api-base", server.url, "--window", str(server.window)]
    arguments += ["--json", "--home", str(home), *options]
    server.reply = kills
    started.append(Command(*arguments))
    ready.set()
    assert started[0].ended() == -signal.SIGKILL
    time.sleep(0.3)  # what the dead process had sent is still taken from the sockets
    first = [request.key for request in server.requests]
    server.reply = reply
    second = in_this_process(*arguments)
    assert second.exit_code == 0, second.stderr
    answer = json.loads(second.stdout)
    total = answer["coverage"]["segments_total"]
    if "reading:" in second.stderr:  # what the first command had read counts
        assert f"reading: {total} of {total}" in second.stderr
    return answer, first, [request.key for request in server.requests][len(first) :]
