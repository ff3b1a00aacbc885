"""`lcagent works`: what the commands print, and how they end."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from lcagent.errors import WorkBusy, WorkNotFound
from lcagent.memory.facts import Facts
from lcagent.memory.store import Store
from lcagent.memory.works import Work, Works
from lcagent.models.transport import RawReply
from tests.helpers import in_this_process


@pytest.fixture
def work(home: Path) -> Work:
    """A work that is being built, with a call."""
    with closing(Store.open(home)) as store:
        exact = {"model": "small\x1b[31m", "prompt": "extract@1"}
        work = Works(store).open("facts", name="report.pdf", document="5ea", exact=exact)
        Facts(store, work.id).put(0, [("Vellmere has a harbour.", [], ["Vellmere"])])
        body = {"messages": [{"role": "user", "content": "What?"}], "max_tokens": 9, "temperature": 0.0}
        reply = RawReply("said", prompt_tokens=900, completion_tokens=100)
        Works(store).journal(work).put("k", "extractor", reply, json.dumps(body).encode())
        Works(store).open("graph", name="report.pdf", document="5ea", exact=exact)
        return work


def test_works_are_listed_and_shown(work: Work) -> None:
    listed = in_this_process("works", "list").stdout.splitlines()
    assert len(listed) == 2
    assert "graph" in listed[0] and "facts" in listed[1] and "report.pdf" in listed[1]
    assert "\x1b" not in "".join(listed)  # a name is no command to the terminal
    (told,) = json.loads(in_this_process("works", "list", "--kind", "facts", "--json").stdout)
    assert (told["id"], told["status"], told["exact"]["prompt"]) == (work.id, "building", "extract@1")
    shown = in_this_process("works", "show", work.key[:12]).stdout
    for line in (
        f"work      {work.id} (facts, building)",
        f"key       {work.key}",
        "from      prompt extract@1",
        "holds     1 facts",
        "cost      1 calls, 1,000 tokens",
    ):
        assert f"{line}\n" in shown
    call = in_this_process("works", "show", str(work.id), "--call", "1").stdout
    assert call.startswith("--- 1. extractor: 900 + 100 tokens") and call.endswith(
        "--- user\nWhat?\n--- reply\nsaid\n"
    )
    told = json.loads(in_this_process("works", "show", str(work.id), "--json").stdout)
    holds = {"segments with their facts": 1, "facts": 1, "mentions of elements": 1}
    assert (told["holds"], told["cost"]["calls"]) == (holds, 1)


def test_a_work_is_deleted_once_unless_it_is_being_built(work: Work, home: Path) -> None:
    with closing(Store.open(home)) as store, Works(store).building(work):
        busy = in_this_process("works", "delete", str(work.id)).exception
        assert isinstance(busy, WorkBusy) and busy.exit_code == 1 and busy.hint
    assert in_this_process("works", "delete", str(work.id)).stdout == f"deleted {work.id}\n"
    gone = in_this_process("works", "delete", str(work.id)).exception
    assert isinstance(gone, WorkNotFound) and "works list" in gone.hint
    assert len(json.loads(in_this_process("works", "list", "--json").stdout)) == 1
