"""A client that has the protocol's Tasks extension gets a long reading as a task; one that has not sees no change."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client, MCPError
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim
from mcp_types import CallToolResult, Request, RequestParams, Result
from pydantic import Field

from lcagent.server.mcp.tasks import TASKS
from tests.helpers import NEEDLE, QUESTION, haystack
from tests.server.serving import Served, able, slowly
from tests.server.test_mcp import held, inside, over_http, said, stdio


class TaskResult(Result):
    """A task, as the extension's schema has it: what it requires, is required here."""

    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")
    status: Literal["working", "input_required", "completed", "cancelled", "failed"]
    status_message: str | None = Field(None, alias="statusMessage")
    created_at: str = Field(alias="createdAt")
    last_updated_at: str = Field(alias="lastUpdatedAt")
    ttl_ms: int | None = Field(alias="ttlMs")
    poll_interval_ms: int | None = Field(None, alias="pollIntervalMs")


class TaskState(TaskResult):
    """A task that was looked at."""

    result_type: Literal["complete"] = Field(alias="resultType")  # type: ignore[assignment]
    result: dict[str, Any] | None = None


class Named(RequestParams):
    """Which task is meant."""

    task_id: str


class OfTask(Request[Named, str]):
    """A request of the extension."""

    name_param = "taskId"


class Has(ClientExtension):
    """The extension, on the side of a client: it looks at a task until it has ended."""

    identifier = TASKS

    def __init__(self) -> None:
        self.seen: list[TaskState] = []

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return [ResultClaim(result_type="task", model=TaskResult, resolve=self._resolve)]

    async def _resolve(self, task: TaskResult, ctx: ClaimContext) -> CallToolResult:
        while True:
            self.seen.append(await looked_at(ctx.session, task.task_id))
            if self.seen[-1].status == "completed":
                return CallToolResult.model_validate(self.seen[-1].result)
            assert self.seen[-1].status == "working"


async def looked_at(session: Any, task: str) -> TaskState:
    return await session.send_request(request("tasks/get", task), TaskState)


def request(method: str, task: str) -> OfTask:
    return OfTask(method=method, params=Named(task_id=task))


async def begun(client: Client, asked: dict[str, Any]) -> TaskResult:
    """The task that a question gives, not looked at yet."""
    task = await client.session.call_tool("ask_document", asked, allow_claimed=True)
    assert isinstance(task, TaskResult) and task.status == "working"
    return task


@pytest.fixture
def slow(loopback: Any) -> Any:
    return loopback(reply=slowly(able, 0.2))


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "town.txt"
    path.write_text(haystack())
    return {"documents": [str(path)], "question": QUESTION}


@pytest.mark.slow
async def test_a_long_reading_is_a_task_that_the_client_follows_over_stdio(
    home: Path, slow: Any, asked: dict[str, Any]
) -> None:
    has = Has()
    async with stdio(home, slow.url, [has]) as (client, _):
        answer = await client.call_tool("ask_document", asked)
        status = await client.call_tool("run_status", {"run": held(answer)["run"]})
    assert answer.structured_content == held(status) and said(answer) == said(status)
    assert held(answer)["citations"][0]["quote"] == NEEDLE and "[^1]: town.txt" in said(answer)
    told = [one.status_message or "" for one in has.seen[:-1]]
    assert len(told) > 1 and any(words.startswith("read ") for words in told)
    assert {one.task_id for one in has.seen} == {held(answer)["run"]}
    assert all(one.created_at <= one.last_updated_at and one.ttl_ms is None for one in has.seen)


@pytest.mark.slow
async def test_a_task_outlives_the_server_that_is_killed(
    home: Path, slow: Any, asked: dict[str, Any]
) -> None:
    async with stdio(home, slow.url, [Has()]) as (client, pid):
        task = await begun(client, asked)
        os.kill(int(pid.read_text()), signal.SIGKILL)
    async with stdio(home, slow.url, [Has()]) as (client, _):
        while (state := await looked_at(client.session, task.task_id)).status == "working":
            pass
    assert state.status == "completed" and state.result is not None
    assert "Oskar Brandvold" in state.result["structuredContent"]["answer"]


@pytest.mark.slow
async def test_a_task_that_is_cancelled_asks_the_model_no_more(
    home: Path, slow: Any, asked: dict[str, Any]
) -> None:
    async with stdio(home, slow.url, [Has()]) as (client, _):
        task = await begun(client, asked)
        await client.session.send_request(request("tasks/update", task.task_id), Result)  # nothing was asked
        await client.session.send_request(request("tasks/cancel", task.task_id), Result)
        calls = slow.calls
        state = await looked_at(client.session, task.task_id)
        await client.session.send_request(request("tasks/cancel", task.task_id), Result)  # it stays as it is
        assert state.status == "cancelled" and state.result is None
        assert slow.calls == calls
        again = await client.call_tool("ask_document", asked)
    assert "Oskar Brandvold" in held(again)["answer"]


@pytest.mark.slow
async def test_over_http_too(home: Path, slow: Any, tmp_path: Path) -> None:
    with Served(home, slow.url) as served:
        file = served.upload(haystack())
    with over_http(home, slow.url, tmp_path / "mcp.log") as address:
        async with Client(f"{address}", extensions=[Has()]) as client:
            answer = await client.call_tool("ask_document", {"documents": [file], "question": QUESTION})
    assert held(answer)["citations"][0]["file"] == file


async def test_who_has_no_tasks_gets_a_run_and_no_task(home: Path, slow: Any, asked: dict[str, Any]) -> None:
    async with inside(home, slow.url, strategy="memagent") as client:
        run = held(await client.call_tool("ask_document", asked))
        assert run["state"] in {"queued", "running"}
        with pytest.raises(MCPError) as refused:
            await looked_at(client.session, run["run"])
    assert refused.value.code == -32021 and TASKS in str(refused.value.data)


async def test_what_is_answered_at_once_is_no_task(home: Path, model: Any, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text(haystack(20))
    async with inside(home, model.url, [Has()]) as client:
        found = await client.call_tool("search_document", {"documents": [str(short)], "query": QUESTION})
        asked = {"documents": [str(short)], "question": QUESTION}
        answer: Any = await client.session.call_tool("ask_document", asked, allow_claimed=True)
        while isinstance(answer, TaskResult):  # on a busy machine the first one may take longer
            await looked_at(client.session, answer.task_id)
            answer = await client.session.call_tool("ask_document", asked, allow_claimed=True)
        missing = await client.session.call_tool("ask_document", {**asked, "documents": ["/no/x.txt"]})
    assert held(answer)["state"] == "finished" and held(found)["passages"] and missing.is_error


async def test_a_task_that_is_not_there_is_told_as_that(home: Path, model: Any) -> None:
    async with inside(home, model.url, [Has()]) as client:
        for method in ("tasks/get", "tasks/update", "tasks/cancel"):
            with pytest.raises(MCPError) as refused:
                await client.session.send_request(request(method, "run_0"), Result)
            assert refused.value.code == -32602 and "run_0" in refused.value.message


async def test_a_reading_that_fails_is_what_its_tool_gave(
    home: Path, loopback: Any, asked: dict[str, Any]
) -> None:
    def fails(given: Any) -> Any:
        return slowly(able, 0.2)(given) if model.calls < 8 else model.die()

    model, has = loopback(reply=fails), Has()
    async with inside(home, model.url, [has], strategy="memagent") as client:
        answer = await client.call_tool("ask_document", asked)
    assert has.seen and answer.is_error and str(home) not in said(answer)
