"""A conversation of thousands of turns: what is known at its end, what a turn costs, how fast it is opened.

    python -m benchmarks.memory_chat [--turns 2000] [--window 4096] [--messages 100000] [--writers 60]
                                     [--out FILE]

No model: a perfect companion (tests/companion.py) on a server in a process of its own, so that the CPU
is the client's alone; beside it, what the same requests cost as bare POSTs. `--messages` is for the time in
which a session of so many messages is opened; `--writers` is for how many seconds eight processes write one.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from multiprocessing import Queue
from pathlib import Path
from statistics import mean, median
from typing import Any

import urllib3

from lcagent.chat import ChatSession
from tests.companion import Chat, companion
from tests.dying import counts_up
from tests.killable import FORKED
from tests.loopback import Loopback

OPENED = 20
"""Times that a session is opened."""


def _serves(window: int, url: Queue[str]) -> None:
    with Loopback(reply=companion, window=window, keep_requests=False) as server:
        url.put(server.url)
        time.sleep(1 << 20)


def long_chat(turns: int, window: int, url: str, home: str) -> dict[str, Any]:
    """Have a chat, and look at what it knows and costs.

    Args:
        turns: how many.
        window: tokens of a call.
        url: of the server.
        home: of the memory.
    """
    talk, right, asked = Chat(turns), Counter[str](), Counter[str]()
    wrong, cost = list[str](), list[tuple[int, float, int, int]]()
    with ChatSession(api_base=url, window=window, home=home, clock=talk.clock) as chat:
        for number, said in enumerate(talk):
            begun = time.process_time()
            reply = chat.send(said.text)
            used = time.process_time() - begun
            if said.kind:
                asked[said.kind] += 1
                known = (reply.status == "not_found") == (said.expected == "I do not know.")
                right[said.kind] += (ok := known and said.expected in reply.text)
                wrong += [] if ok else [f"{said.text} {reply.text}"]
            elif said.text.startswith("By the way"):
                cost.append((number, used, reply.tokens, _resident()))
        kinds = chat._store.rows("SELECT kind, count(*) AS n FROM entries GROUP BY kind")
    parts = {"early": cost[len(cost) // 10 : len(cost) // 5], "late": cost[-len(cost) // 10 :]}
    return {
        "known": {kind: f"{right[kind]} of {asked[kind]}" for kind in asked},
        "wrong": wrong,
        "entries": {row["kind"]: row["n"] for row in kinds},
        "a turn": {
            when: {
                "tokens": round(mean(tokens for _, _, tokens, _ in part)),
                "client CPU, ms": round(1000 * median(used for _, used, _, _ in part), 1),
                "resident, MB": round(part[-1][3] / (1 << 20), 1),
            }
            for when, part in parts.items()
        },
    }


def bare(url: str, times: int) -> float:
    """CPU of a bare POST of a request of the same size, in ms."""
    body = {"model": "loopback", "messages": [{"role": "user", "content": _PROMPT}], "max_tokens": 400}
    pool = urllib3.PoolManager()
    begun = time.process_time()
    for _ in range(times):
        pool.request("POST", f"{url}/chat/completions", body=json.dumps(body).encode())
    return round(1000 * (time.process_time() - begun) / times, 2)


_PROMPT = (
    "<memory>\n</memory>\n<conversation>\n[m1 2026-01-01 10:00 user] By the way.\n"
    + "    and so on, and on.\n" * 250
    + "</conversation>"
)


def opening(messages: int, home: str) -> dict[str, Any]:
    """How long it takes to open a session of so many messages and see its last twenty."""
    with ChatSession(api_base="http://127.0.0.1:9", home=home) as chat:
        for at in range(0, messages, 1000):
            every = range(at, min(messages, at + 1000))
            chat.add_all([{"text": f"On walk {n} the tide was {n % 97} hands high."} for n in every])
    took = list[float]()
    for _ in range(OPENED):
        begun = time.perf_counter()
        with ChatSession(api_base="http://127.0.0.1:9", home=home) as chat:
            assert len(chat.history(20)) == 20
            chat.memory()
            took.append(time.perf_counter() - begun)
    return {"messages": messages, "opened, ms": round(1000 * median(took), 1)}


def writers(seconds: float, home: str) -> dict[str, Any]:
    """Eight processes raise one number in core memory."""
    with ChatSession(api_base="http://127.0.0.1:9", home=home) as chat:
        chat.remember("count 0.")
        told = FORKED.Queue()
        every = [FORKED.Process(target=counts_up, args=(home, seconds, f"p{n}", told)) for n in range(8)]
        for process in every:
            process.start()
        raised = [told.get(timeout=seconds + 120) for _ in every]
        for process in every:
            process.join()
        (line,) = (one.text for one in chat.memory()["human"])
        return {
            "seconds": seconds,
            "changes": raised,
            "lost": sum(raised) - int(line.removeprefix("count ").rstrip(".")),
            "exit codes": [process.exitcode for process in every],
        }


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--window", type=int, default=4096)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--writers", type=float, default=60.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    told: dict[str, Any] = {}
    if options.turns:
        url = FORKED.Queue()
        server = FORKED.Process(target=_serves, args=(options.window, url), daemon=True)
        server.start()
        where = url.get(timeout=60)
        with tempfile.TemporaryDirectory() as home:
            told["chat"] = long_chat(options.turns, options.window, where, home)
        told["chat"]["a bare POST, CPU ms"] = bare(where, 500)
        server.kill()
    for name, amount, work in (
        ("opening", options.messages, opening),
        ("writers", options.writers, writers),
    ):
        if amount:
            with tempfile.TemporaryDirectory() as home:
                told[name] = work(amount, home)
    text = json.dumps(told, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
