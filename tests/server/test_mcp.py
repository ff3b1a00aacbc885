"""The tools of `lcagent mcp`, asked by the protocol's own client, over both transports."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.extension import ClientExtension
from mcp_types import CallToolResult

from lcagent.documents import load_all
from lcagent.memory.locks import locked
from lcagent.memory.served.jobs import StoredJobs
from lcagent.memory.served.tables import open_served
from lcagent.server.mcp import create_mcp
from lcagent.session_memory import SessionMemory
from lcagent.settings import load_settings
from tests.helpers import NEEDLE, QUESTION, REPORT, ROOT, haystack
from tests.server.serving import Served, able, slowly, until

TOOLS = {"ask_document", "run_status", "search_document", "read_pages", "remember", "recall"}
OPTIONS = ["--window", "2048", "--set", "strategy=memagent"]


def environment(home: Path, api_base: str) -> dict[str, str]:
    return {
        **os.environ,
        "LCAGENT_HOME": str(home),
        "LCAGENT_API_BASE": api_base,
        "PYTHONPATH": str(ROOT),
    }


@asynccontextmanager
async def stdio(
    home: Path, api_base: str, extensions: Sequence[ClientExtension] = ()
) -> AsyncGenerator[tuple[Client, Path]]:
    """A client that has started the command as desktop clients do, and the file that holds its process."""
    pid = home.with_name(f"{home.name}-{time.monotonic_ns()}.pid")
    run = f"echo $$ > '{pid}'; exec '{sys.executable}' -m lcagent.cli.main mcp {' '.join(OPTIONS)}"
    server = StdioServerParameters(command="sh", args=["-c", run], env=environment(home, api_base))
    async with Client(server, extensions=extensions) as client:
        yield client, pid


@contextmanager
def over_http(home: Path, api_base: str, log: Path) -> Generator[str]:
    """The command over HTTP; its address."""
    command = [sys.executable, "-m", "lcagent.cli.main", "mcp", "--http", "--port", "0", *OPTIONS]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, env=environment(home, api_base), stderr=out, stdout=subprocess.DEVNULL
        )
    try:
        until(lambda: "serving at" in log.read_text() or process.poll() is not None, 60)
        assert process.poll() is None, log.read_text()
        yield next(line.split()[2] for line in log.read_text().splitlines() if line.startswith("serving at"))
    finally:
        process.kill()
        process.wait(30)


@asynccontextmanager
async def inside(
    home: Path, api_base: str, extensions: Sequence[ClientExtension] = (), **settings: Any
) -> AsyncGenerator[Client]:
    """The server of stdio, in this process."""
    made = load_settings({"home": home, "api_base": api_base, "window": 2048, **settings})
    async with Client(create_mcp(made, paths=True), extensions=extensions) as client:
        yield client


def said(result: CallToolResult) -> str:
    """The text of a result."""
    return "\n".join(part.text for part in result.content if part.type == "text")


def held(result: CallToolResult) -> dict[str, Any]:
    """What a result holds beside its text."""
    assert not result.is_error, said(result)
    assert result.structured_content is not None
    return result.structured_content


@pytest.fixture
def town(tmp_path: Path) -> Path:
    path = tmp_path / "town.txt"
    path.write_text(haystack())
    return path


@pytest.fixture
def slow(loopback: Any) -> Any:
    return loopback(reply=slowly(able, 0.2))


async def collected(client: Client, run: str) -> dict[str, Any]:
    """The end of a run."""
    while (reading := held(await client.call_tool("run_status", {"run": run})))["state"] != "finished":
        pass
    return reading


async def test_a_short_document_is_answered_at_once_over_stdio(
    home: Path, model: Any, tmp_path: Path
) -> None:
    short = tmp_path / "short.txt"
    short.write_text(haystack(20))
    async with stdio(home, model.url) as (client, _):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        result = await client.call_tool("ask_document", {"documents": [str(short)], "question": QUESTION})
        reading = await collected(client, held(result)["run"])
        missing = await client.call_tool("ask_document", {"documents": ["/no/x.txt"], "question": QUESTION})
    assert set(tools) == TOOLS and all(tool.output_schema and tool.description for tool in tools.values())
    hints = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert hints == TOOLS - {"remember"}
    assert reading["status"] == "answered" and "Oskar Brandvold" in reading["answer"]
    (citation,) = reading["citations"]
    at = citation["char_start"], citation["char_end"]
    assert citation["quote"] == NEEDLE == haystack(20)[slice(*at)] and citation["document"] == "short.txt"
    assert missing.is_error and said(missing) == "there is no file 'x.txt'. name it by its full path"


async def killed(home: Path, slow: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """How far a reading is when its server is killed."""
    async with stdio(home, slow.url) as (client, pid):
        reading = held(await client.call_tool("ask_document", asked))
        assert (reading["state"] in {"queued", "running"}, reading["answer"]) == (True, "")
        while slow.calls < 5 or not reading["progress"].startswith("read "):
            reading = held(await client.call_tool("run_status", {"run": reading["run"], "wait": 0.1}))
            assert reading["state"] != "finished"
        os.kill(int(pid.read_text()), signal.SIGKILL)
    return reading


def repeated_nothing(home: Path, slow: Any, run: str, before: int) -> None:
    """No call of a run that was killed after so many was made twice, but the one in flight."""
    store = open_served(home)
    outcome = StoredJobs(store).get(run).outcome
    store.close()
    assert outcome is not None and outcome["usage"]["replayed"] >= before - 2 > 0
    assert slow.calls <= outcome["usage"]["calls"] + 1


@pytest.mark.slow
async def test_a_reading_outlives_the_server_that_is_killed(home: Path, slow: Any, town: Path) -> None:
    reading = await killed(home, slow, {"documents": [str(town)], "question": QUESTION})
    os.remove(town)  # noqa: PTH107 - what was asked about is read, not what lies there now
    before = slow.calls
    async with stdio(home, slow.url) as (client, _):
        reading = await collected(client, reading["run"])
    assert "Oskar Brandvold" in reading["answer"] and reading["citations"][0]["quote"] == NEEDLE
    repeated_nothing(home, slow, reading["run"], before)


async def test_a_long_reading_gives_a_handle_and_tells_progress(home: Path, slow: Any, town: Path) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total, message))

    async with inside(home, slow.url, strategy="memagent") as client:
        asked = {"documents": [str(town)], "question": QUESTION}
        first = await client.call_tool("ask_document", asked)
        run = held(first)["run"]
        status = await client.call_tool("run_status", {"run": run}, progress_callback=note)
    assert held(first)["state"] == "running" and "run_status" in said(first)
    assert held(status)["state"] == "finished" and "[^1]: town.txt" in said(status)
    assert [done for done, _, _ in told] == sorted({done for done, _, _ in told}) and len(told) > 3
    assert told[-1][0] == told[-1][1] and (told[0][2] or "").startswith("read ")


async def test_what_one_process_works_on_no_other_takes_up(home: Path, slow: Any, town: Path) -> None:
    asked = {"documents": [str(town)], "question": QUESTION}
    async with inside(home, slow.url, strategy="memagent") as first:
        run = held(await first.call_tool("ask_document", asked))["run"]
        async with inside(home, slow.url, strategy="memagent") as second:
            reading = await collected(second, run)
    store = open_served(home)
    jobs = StoredJobs(store)
    starts = [event for _, event in jobs.events(run) if event["type"] == "run.started"]
    outcome = jobs.get(run).outcome
    store.close()
    assert "Oskar Brandvold" in reading["answer"] and len(starts) == 1
    assert outcome is not None and slow.calls == outcome["usage"]["calls"]


async def test_what_a_process_leaves_another_takes_up_when_it_is_asked(
    home: Path, slow: Any, town: Path
) -> None:
    asked = {"documents": [str(town)], "question": QUESTION}
    async with inside(home, slow.url, strategy="memagent") as second:
        async with inside(home, slow.url, strategy="memagent") as first:
            run = held(await first.call_tool("ask_document", asked))["run"]
        with locked(home, run, AssertionError("still held")):  # type: ignore[arg-type]
            pass
        assert "Oskar Brandvold" in (await collected(second, run))["answer"]


@pytest.mark.slow
async def test_over_http_uploads_are_read_and_no_path(
    home: Path, model: Any, tmp_path: Path, town: Path
) -> None:
    log = tmp_path / "mcp.log"
    with Served(home, model.url) as served, over_http(home, model.url, log) as url:
        file = served.upload(haystack(20), "short.txt")
        served.http.post("/v1/collections", json={"name": "towns", "files": [file]})
        async with Client(url) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
            asked = {"documents": ["towns"], "question": QUESTION}
            run = held(await client.call_tool("ask_document", asked))["run"]
            reading = await collected(client, run)
            refused = [
                await client.call_tool("ask_document", {"documents": [str(town)], "question": QUESTION}),
                await client.call_tool("search_document", {"documents": [str(town)], "query": "master"}),
                await client.call_tool("read_pages", {"document": f"files/../{town}"}),
            ]
            unknown = await client.call_tool("run_status", {"run": "run_0"})
        assert served.http.get(f"/v1/runs/{reading['run']}").json()["status"] == "finished"
        hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        kinds = {"accept": "application/json, text/event-stream"}
        async with httpx.AsyncClient() as asking:
            elsewhere = [
                (await asking.post(url, json=hello, headers={**kinds, **given})).status_code
                for given in ({"host": "evil.example"}, {"origin": "http://evil.example"})
            ]
    assert reading["citations"][0]["file"] == file and "Oskar Brandvold" in reading["answer"]
    assert all(one.is_error and "no paths" in said(one) for one in refused)
    assert said(unknown) == "no run 'run_0'. ask_document gives one"
    assert elsewhere == [421, 403] and "Traceback" not in log.read_text()


@pytest.mark.slow
async def test_a_reading_outlives_the_server_over_http_that_is_killed(
    home: Path, slow: Any, tmp_path: Path
) -> None:
    with Served(home, slow.url) as served:
        asked = {"documents": [served.upload(haystack(), "town.txt")], "question": QUESTION}
    with over_http(home, slow.url, tmp_path / "first.log") as url:
        async with Client(url) as client:
            reading = held(await client.call_tool("ask_document", asked))
            while slow.calls < 5:
                reading = held(await client.call_tool("run_status", {"run": reading["run"], "wait": 0.1}))
            assert reading["state"] != "finished"
    before = slow.calls  # the server was killed
    with over_http(home, slow.url, tmp_path / "second.log") as url:
        async with Client(url) as client:
            reading = await collected(client, reading["run"])
    assert "Oskar Brandvold" in reading["answer"] and reading["citations"][0]["quote"] == NEEDLE
    repeated_nothing(home, slow, reading["run"], before)


def test_http_is_for_this_machine_alone(home: Path) -> None:
    command = [sys.executable, "-m", "lcagent.cli.main", "mcp", "--http", "--host", "0.0.0.0"]
    done = subprocess.run(command, env=environment(home, ""), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "none of this machine's own" in done.stderr and done.stdout == ""


async def test_search_and_pages_give_exact_text(home: Path, model: Any, town: Path) -> None:
    (report,) = load_all([REPORT]).documents
    async with inside(home, model.url) as client:
        found = await client.call_tool("search_document", {"documents": [str(town)], "query": QUESTION})
        pages = held(await client.call_tool("read_pages", {"document": str(REPORT), "page": 2, "pages": 2}))
        text = held(await client.call_tool("read_pages", {"document": str(town), "offset": 100}))
        rest = held(
            await client.call_tool("read_pages", {"document": str(town), "offset": text["next_offset"]})
        )
        beyond = await client.call_tool("read_pages", {"document": str(REPORT), "page": 999})
    best = held(found)["passages"][0]
    assert NEEDLE in best["text"] == haystack()[best["char_start"] : best["char_end"]]
    assert best["text"] in said(found) and best["page"] is None and best["place"].startswith("line ")
    assert [one["page"] for one in pages["pages"]] == [2, 3] and pages["next_offset"] is None
    for one, page in zip(pages["pages"], report.pages[1:3], strict=True):
        assert (one["char_start"], one["char_end"]) == (page.start, page.end)
        assert one["text"] == report.text[page.start : page.end]
    assert pages["total_pages"] == len(report.pages) and beyond.is_error and "has no page" in said(beyond)
    read = text["pages"][0]["text"] + rest["pages"][0]["text"]
    assert read == haystack()[100 : 100 + len(read)] and len(read) > text["next_offset"] - 100


async def test_what_is_remembered_is_recalled_and_is_the_chats(home: Path, model: Any) -> None:
    async with inside(home, model.url) as client:
        kept = held(await client.call_tool("remember", {"text": "The boiler was serviced in May."}))
        await client.call_tool("remember", {"text": "The roof leaks.", "session": "house"})
        found = await client.call_tool("recall", {"query": "boiler"})
        latest = held(await client.call_tool("recall", {"session": "house"}))
        none = await client.call_tool("recall", {"query": "roof"})
        empty = await client.call_tool("remember", {"text": " "})
    (message,) = held(found)["messages"]
    assert (message["id"], message["text"]) == (kept["id"], "The boiler was serviced in May.")
    assert message["text"] in said(found) and latest["messages"][0]["text"] == "The roof leaks."
    assert held(none)["messages"] == [] and empty.is_error
    with SessionMemory(settings=load_settings({"home": home})) as memory:
        assert [one.text for one in memory.history()] == ["The boiler was serviced in May."]


async def test_a_reading_that_fails_says_why_without_a_path(home: Path, model: Any, tmp_path: Path) -> None:
    broken = tmp_path / "report.pdf"
    broken.write_text("%PDF-1.7 nothing of the kind")
    async with inside(home, model.url) as client:
        asked = {"documents": [str(broken)], "question": QUESTION}
        result = await client.call_tool("ask_document", asked)
    assert result.is_error and "report.pdf" in said(result) and str(tmp_path) not in said(result)
