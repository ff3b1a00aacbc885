"""What a conversation quotes of a PDF has its boxes on the page, while the file lies there as it was read."""

import json
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from lcagent import ChatSession, Reader
from lcagent.answer import Box, Reply
from lcagent.memory.store import Store
from lcagent.memory.tiers.archival import Archival
from lcagent.memory.tiers.entries import Entries
from lcagent.memory.tiers.tables import FILE, STEPS, open_memory
from tests.helpers import REPORT, in_this_process
from tests.loopback import Request
from tests.server.serving import Served, asks

DEPTH = "The well was cut into the rock by hand and is 6.4 metres deep."
ASKED = "How deep is the stilling well?"


def looks_it_up(request: Request) -> str:
    """An agent that searches the documents, and says what they say."""
    begins = request.text.split("<conversation>\n")[-1].rpartition(" user]")[2]
    if "[result]" in begins:
        return json.dumps({"thought": "", "do": "send_message", "known": "yes", "message": DEPTH})
    step = {"do": "archival_memory_search", "query": "stilling well cut into the rock", "page": 1}
    return json.dumps({"thought": "", "heartbeat": "yes", **step})


@pytest.fixture
def agent(loopback: Any) -> Any:
    return loopback(reply=looks_it_up, window=8192)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return Path(shutil.copy(REPORT, tmp_path / "report.pdf"))


def quoted(reply: Reply) -> list[Box]:
    """The boxes of what it quotes of the report."""
    (citation,) = (one for one in reply.citations if one.message is None)
    assert citation.quote.replace("\n", " ") == DEPTH and citation.page == 4
    return citation.boxes


def as_read(agent: Any, report: Path) -> list[Box]:
    """The boxes that a reading gives of the same quote."""
    with Reader(api_base=agent.url, window=8192, strategy="memgpt") as reader:
        (citation,) = reader.ask(report, ASKED).citations
    assert citation.quote.replace("\n", " ") == DEPTH and len(citation.boxes) == 2
    return citation.boxes


def test_a_reply_marks_its_quote_as_a_reading_does(agent: Any, report: Path) -> None:
    with ChatSession(api_base=agent.url, window=8192) as chat:
        chat.attach(report)
        reply = chat.send(ASKED, key="k")
        again = chat.send(ASKED, key="k")
    assert quoted(reply) == as_read(agent, report) == quoted(again)


@pytest.mark.parametrize("change", ["changed", "moved", "a pipe"])
def test_a_file_that_is_not_as_it_was_marks_nothing(
    agent: Any, report: Path, tmp_path: Path, change: str
) -> None:
    with ChatSession(api_base=agent.url, window=8192) as chat:
        chat.attach(report)
        if change == "changed":
            report.write_bytes(report.read_bytes() + b"\n")
        elif change == "moved":
            report.rename(tmp_path / "moved.pdf")
        else:
            report.unlink()
            os.mkfifo(report)
        assert quoted(chat.send(ASKED)) == []
        if change == "moved":  # attached where it lies now, it is the same document
            chat.attach(tmp_path / "moved.pdf")
            assert len(quoted(chat.send(ASKED))) == 2


def test_of_two_documents_of_one_name_that_say_it_at_one_place_neither_is_marked(
    agent: Any, report: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    second = tmp_path / "other" / "report.pdf"
    writer = PdfWriter(clone_from=report)
    writer.add_metadata({"/Title": "The second edition"})
    writer.write(second)
    with ChatSession(api_base=agent.url, window=8192) as chat:
        chat.attach(report)
        chat.attach(second)
        reply = chat.send(ASKED)
    assert reply.citations and all(one.boxes == [] for one in reply.citations)


def test_where_a_file_lies_is_told_nowhere_and_goes_with_the_document(
    agent: Any, report: Path, home: Path, tmp_path: Path
) -> None:
    with ChatSession(api_base=agent.url, window=8192) as chat:
        chat.attach(report)
        told = chat.send(ASKED).model_dump_json()
    exported = in_this_process("memory", "export", str(tmp_path / "out.jsonl"))
    assert exported.exit_code == 0, exported.stderr
    told += (tmp_path / "out.jsonl").read_text() + in_this_process("memory", "show").stdout
    assert str(tmp_path) not in told and str(tmp_path).encode() in (home / FILE).read_bytes()
    gone = in_this_process("memory", "forget", "--document", "report.pdf", "--yes")
    assert gone.exit_code == 0 and str(tmp_path).encode() not in (home / FILE).read_bytes()


def test_a_memory_from_before_has_its_documents_and_no_files(home: Path, agent: Any, report: Path) -> None:
    with closing(Store(home / FILE, STEPS[:3])) as store:
        store.execute(
            "INSERT INTO attached (tenant, session, name, sha256, meta, text) VALUES ('t','s','n','h','{}','')"
        )
    with closing(open_memory(home)) as store:
        assert Archival(Entries(store, "t", "s")).files() == {}
        assert store.rows("SELECT name, file FROM attached") == [{"name": "n", "file": None}]


def boxes_told(reply: Any) -> list[dict[str, Any]]:
    """What a reply of the server tells of the report."""
    (citation,) = (one for one in reply.model_extra["lcagent"]["citations"] if one["file"])
    assert citation["quote"].replace("\n", " ") == DEPTH
    return citation["boxes"]


def test_the_servers_chat_marks_it_too_while_the_upload_is_there(
    home: Path, agent: Any, report: Path, tmp_path: Path
) -> None:
    boxes = [one.model_dump() for one in as_read(agent, report)]
    with Served(home, agent.url, window=8192) as served:
        client = served.client()

        def say(messages: Any, **more: Any) -> Any:
            return client.chat.completions.create(model="lcagent", messages=messages, **more)

        file = client.files.create(file=("report.pdf", report.read_bytes()), purpose="user_data").id
        kept = say(asks(file, text=ASKED), user="ida")
        later = say([{"role": "user", "content": ASKED}], user="ida")
        before = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}]
        passing = say([*before, *asks(file, text=ASKED)])
        assert boxes_told(kept) == boxes_told(later) == boxes_told(passing) == boxes
        served.http.delete(f"/v1/files/{file}")
        gone = say([{"role": "user", "content": ASKED}], user="ida")
    (citation,) = (one for one in gone.model_extra["lcagent"]["citations"] if one["document"] == "report.pdf")
    assert citation["boxes"] == []
