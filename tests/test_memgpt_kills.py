"""Killed anywhere between a model's reply, a row and a swap, a conversation goes on: nothing lost, nothing twice."""

import json
import re
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lcagent.memory.tiers.entries import Entries
from lcagent.memory.tiers.tables import open_memory
from tests.dying import WINDOW, turn_that_dies
from tests.killable import FORKED
from tests.loopback import Request
from tests.test_memgpt import condenses

MESSAGES, KILLS = 6, 50


def keeper(request: Request) -> str:
    """Keeps what the user says in core memory and in a passage, changes a line, then says so; what it does
    next it reads from its prompt."""
    prompt = request.messages[-1]["content"]
    if condenses(request):
        codes = sorted(set(re.findall(r"C-\d+", prompt)))
        return json.dumps({"summary": f"The user told codes: {', '.join(codes)}."})
    inside = prompt.split("<conversation>\n")[1].split("\n</conversation>")[0]
    last = inside[inside.rindex(" user] ") :]
    (number,) = re.findall(r"The code of harbour (\d+) is", last)
    line = f"Harbour {number} has code C-{number}."
    done = re.findall(r"-> (\w+)\(", last)
    if "core_memory_append" not in done:
        call = {"do": "core_memory_append", "name": "human", "content": f"Harbour {number} has code X."}
    elif "core_memory_replace" not in done:
        call = {
            "do": "core_memory_replace",
            "name": "human",
            "old_content": "X.",
            "new_content": f"C-{number}.",
        }
    elif "archival_memory_insert" not in done:
        call = {"do": "archival_memory_insert", "content": f"Told by the user: {line}"}
    else:
        call = {"do": "send_message", "known": "yes", "message": f"Kept {number}."}
    return json.dumps({"thought": "", "heartbeat": "yes", **call})


@pytest.mark.slow
def test_a_conversation_that_is_killed_again_and_again_loses_and_doubles_nothing(
    loopback, tmp_path: Path, home: Path
) -> None:
    server = loopback(reply=keeper, window=WINDOW)
    told, number, kills = tmp_path / "told", 0, 0
    died_after = Counter[str]()
    with closing(open_memory(home)) as store:
        entries = Entries(store, "default", "main")
        while number < MESSAGES:
            # Each dies a little later than the one before, until one of them comes to the end of the turn.
            for boundary in range(2, 40):
                process = FORKED.Process(
                    target=turn_that_dies,
                    args=(server.url, str(home), number, boundary, str(told), boundary % 2),
                )
                process.start()
                process.join()
                if process.exitcode == 0:
                    break
                assert process.exitcode == -signal.SIGKILL
                kills += 1
                newest = store.rows("SELECT kind FROM entries ORDER BY id DESC LIMIT 1")
                died_after[newest[0]["kind"] if newest else "nothing"] += 1
                _nothing_lost(entries, told, number)
            number += 1
        assert kills >= KILLS, kills
        assert {"message", "call", "result", "summary"} <= died_after.keys()
        _nothing_twice(entries)


def _nothing_lost(entries: Entries, told: Path, number: int) -> None:
    acknowledged = [int(line) for line in told.read_text().split()] if told.exists() else []
    held = entries.get(acknowledged)
    assert set(held) == set(acknowledged)
    lines = [line.text for line in _core(entries)]
    for earlier in range(number):
        assert f"Harbour {earlier} has code C-{earlier}." in lines


def _nothing_twice(entries: Entries) -> None:
    messages = entries.oldest(["message"], limit=999)
    said = [one.text.split(". ")[0] for one in messages if one.author == "user"]
    assert said == [f"The code of harbour {n} is C-{n}" for n in range(MESSAGES)]
    replies = [one.text for one in messages if one.author == "assistant"]
    assert replies == [f"Kept {n}." for n in range(MESSAGES)]
    assert [line.text for line in _core(entries)] == [f"Harbour {n} has code C-{n}." for n in range(MESSAGES)]
    passages = [one.text for one in entries.oldest(["passage"], limit=999)]
    assert passages == [f"Told by the user: Harbour {n} has code C-{n}." for n in range(MESSAGES)]
    assert entries.count(["call"]) == entries.count(["result"]) == 4 * MESSAGES
    spans = [one.data["span"] for one in entries.oldest(["summary"], limit=999)]
    assert len(spans) > 1 and len({end for _, end in spans}) == len(spans)  # nothing was evicted twice


def _core(entries: Entries) -> Any:
    from lcagent.memory.tiers.core import HUMAN, Core

    return Core(entries).lines(HUMAN)
