"""A strategy as a node of somebody else's LangGraph graph: its keys, steps, checkpoints, and what a kill costs."""

import importlib.util
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tracers.langchain import LangChainTracer
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from lcagent import Answer, Reader
from lcagent.errors import EndpointUnavailable, UsageError
from lcagent.graphs import STRATEGIES
from lcagent.integrations.subgraph import as_subgraph
from lcagent.memory.store import Store
from lcagent.runs.records import Runs
from tests.helpers import QUESTION, ROOT, clever, haystack, some_slow
from tests.killable import FORKED
from tests.loopback import Loopback, Reply, Request
from tests.parents import WINDOW, asked, own, shared, steps_of

THREAD: Any = {"configurable": {"thread_id": "1"}}
CALLS = 11
"""Of the document: a plan, nine segments, an answer."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doc") / "doc.txt"
    path.write_text(haystack(300))
    return path


@pytest.fixture
def server(loopback: Any) -> Loopback:
    return loopback(window=WINDOW, reply=clever)


@pytest.fixture
def reader(server: Loopback) -> Iterator[Reader]:
    with Reader(api_base=server.url, window=WINDOW, strategy="memagent") as opened:
        yield opened


# Keys, steps, events


def test_keys_are_shared_and_no_other_gets_into_the_parent(reader: Reader, document: Path) -> None:
    parent = shared(reader, checkpointer=InMemorySaver())
    state = parent.invoke(asked(document), THREAD)
    assert set(state) == {"question", "documents", "answer", "lcagent", "mood"}
    assert state["answer"] == "Oskar Brandvold [1]"
    answer = Answer.model_validate(state["lcagent"])
    (citation,) = answer.citations
    assert document.read_text()[citation.char_start : citation.char_end] == citation.quote
    assert json.loads(json.dumps(state["lcagent"])) == state["lcagent"]  # plain data


def test_a_parent_with_other_keys_calls_it_from_a_node(reader: Reader, document: Path) -> None:
    state = own(reader, checkpointer=InMemorySaver()).invoke(asked(document), THREAD)
    assert set(state) == {"query", "files", "reply"}
    assert state["reply"] == "Oskar Brandvold [1]"


def told(parts: list[Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """The steps and the custom events of a stream."""
    steps = [f"{len(space)} {name}" for space, mode, part in parts if mode == "updates" for name in part]
    return steps, [part for _, mode, part in parts if mode == "custom"]


STEPS = ["0 greet", "3 plan", "3 read", "3 answer", "1 read", "0 reading"]


def check_told(parts: list[Any]) -> None:
    steps, events = told(parts)
    assert steps == STEPS
    assert events[0] | {"run_id": ""} == {
        "event": "RunStarted",
        "run_id": "",
        "strategy": "memagent",
        "model": "loopback",
        "window": WINDOW,
        "segments": CALLS - 2,
        "earlier_calls": 0,
    }
    assert [one["done"] for one in events if one["event"] == "SegmentRead"] == list(range(1, CALLS - 1))
    assert "".join(one["text"] for one in events if one["event"] == "AnswerDelta") == "Oskar Brandvold"


@pytest.mark.parametrize("saver", [None, InMemorySaver()])
def test_steps_and_events_are_streamed(reader: Reader, document: Path, saver: Any) -> None:
    parent = shared(reader, checkpointer=saver)
    check_told([*parent.stream(asked(document), THREAD, stream_mode=["updates", "custom"], subgraphs=True)])


async def test_they_are_in_an_event_loop(reader: Reader, document: Path, tmp_path: Path) -> None:
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "parent.db")) as saver:
        stream = shared(reader, checkpointer=saver).astream(
            asked(document), THREAD, stream_mode=["updates", "custom"], subgraphs=True
        )
        check_told([part async for part in stream])


async def test_they_are_where_a_loop_runs_and_the_parent_is_called_without_it(
    reader: Reader, document: Path
) -> None:
    with SqliteSaver.from_conn_string(":memory:") as saver:  # as in a notebook
        parent = shared(reader, checkpointer=saver)
        stream = parent.stream(asked(document), THREAD, stream_mode=["updates", "custom"], subgraphs=True)
        check_told([*stream])


def test_the_steps_checkpoints_lie_with_the_parents(reader: Reader, document: Path, home: Path) -> None:
    saver = InMemorySaver()
    shared(reader, checkpointer=saver).invoke(asked(document), THREAD)
    spaces = {one.config["configurable"]["checkpoint_ns"] for one in saver.list(THREAD)}
    assert sorted(space.count("|") for space in spaces) == [
        0,
        0,
        2,
    ]  # the parent, the node's graph, the strategy's
    assert any(space.split("|")[-1].startswith("memagent:") for space in spaces)
    assert not (home / "checkpoints.db").exists()


# Killed, left, failed


def killed(server: Loopback, step: int, arguments: tuple[Any, ...]) -> None:
    """Invoke a parent in a process that dies of SIGKILL when request number `step` is asked."""
    ready, dead = threading.Event(), threading.Event()

    def kills(request: Request) -> str:
        if request.number == step:
            assert ready.wait(10)
            os.kill(process.pid or 0, signal.SIGKILL)
            assert dead.wait(30)
        return clever(request)

    server.reply = kills
    process = FORKED.Process(target=steps_of, args=arguments)
    process.start()
    ready.set()
    process.join()
    dead.set()
    assert process.exitcode == -signal.SIGKILL
    server.reply = clever


@pytest.mark.parametrize("step", some_slow(range(CALLS)))
def test_a_parent_killed_at_any_call_repeats_no_finished_one(
    server: Loopback, document: Path, tmp_path: Path, step: int
) -> None:
    make, again = ("shared", "own")[step % 2], step % 3 == 2
    killed(server, step, (server.url, str(document), str(tmp_path), make, True))
    state, steps = steps_of(server.url, str(document), str(tmp_path), make, again)
    assert (state["answer"] if make == "shared" else state["reply"]) == "Oskar Brandvold [1]"
    # The request that was in the air when the process died is sent again, and no other.
    keys = [request.key for request in server.requests]
    assert (len(keys), len(set(keys))) == (CALLS + 1, CALLS)
    assert keys[step] == keys[step + 1]
    # With None the graph goes on behind the steps that were finished; with the input it begins anew.
    assert ("plan" in steps) == (step == 0 or again)
    assert ("greet" in steps) == (again and make == "shared")


def test_a_parent_killed_after_the_answer_is_given_it_again(
    server: Loopback, reader: Reader, document: Path, tmp_path: Path
) -> None:
    reader.ask(document, QUESTION)
    parent = shared(reader, checkpointer=InMemorySaver())
    for thread in "12":  # its checkpoint is gone, or it is another thread
        state = parent.invoke(asked(document), {"configurable": {"thread_id": thread}})
        assert state["answer"] == "Oskar Brandvold [1]"
    assert server.calls == CALLS


async def left(parent: Any, document: Path, after: int) -> None:
    """Leave a stream of a parent after so many segments."""
    stream = parent.astream(asked(document), THREAD, stream_mode="custom", subgraphs=True, durability="sync")
    async for _, event in stream:
        if event["event"] == "SegmentRead" and event["done"] == after:
            break
    await stream.aclose()


async def test_whoever_leaves_ends_the_reading_and_may_come_back(
    server: Loopback, reader: Reader, document: Path
) -> None:
    parent = shared(reader, checkpointer=InMemorySaver())
    await left(parent, document, 2)
    state = await parent.ainvoke(None, THREAD)
    assert state["answer"] == "Oskar Brandvold [1]"
    assert state["lcagent"]["usage"]["replayed"] >= 3  # none, if the reading had gone on and were shared
    assert len(server.requests) <= CALLS + 1


async def test_a_reading_that_another_took_over_meanwhile_loses_nothing(
    server: Loopback, reader: Reader, home: Path, tmp_path: Path
) -> None:
    document = tmp_path / "long.txt"
    document.write_text(haystack(700, at=0.2))
    parent = shared(reader, checkpointer=InMemorySaver())
    await left(parent, document, 18)  # a step is 16 segments: the needle lies behind the checkpoint
    # What a command does that begins the graph anew, and is killed before it has read what is finished again.
    with closing(Store.open(home)) as store:
        Runs(store).begin(Runs(store).find("last")["id"], "of a command")
    state = await parent.ainvoke(None, THREAD)
    assert state["answer"] == "Oskar Brandvold [1]"
    assert state["lcagent"]["usage"]["replayed"] >= 18
    segments = state["lcagent"]["coverage"]["segments_read"]
    assert segments > 18
    assert len({request.key for request in server.requests}) == segments + 2


def failing_at(number: int) -> Any:
    def reply(request: Request) -> Reply | str:
        return Reply("", status=404) if request.number >= number else clever(request)

    return reply


@pytest.mark.parametrize("addressed", [False, True])
def test_a_parent_whose_model_failed_goes_on(
    server: Loopback, reader: Reader, document: Path, addressed: bool
) -> None:
    parent = shared(reader, checkpointer=InMemorySaver())
    server.reply = failing_at(6)
    with pytest.raises(Exception, match="404"):
        parent.invoke(asked(document), THREAD, durability="sync")
    server.reply = clever
    snapshot = parent.get_state(THREAD)
    assert snapshot.next == ("reading",)
    state = parent.invoke(None, snapshot.config if addressed else THREAD)
    assert state["answer"] == "Oskar Brandvold [1]"
    assert state["lcagent"]["usage"]["replayed"] == 6


# Interrupts and time travel


def test_an_interrupt_of_the_parent_and_time_travel(server: Loopback, reader: Reader, document: Path) -> None:
    parent = shared(reader, checkpointer=InMemorySaver(), interrupt_before=["reading"])
    parent.invoke(asked(document), THREAD)
    assert (parent.get_state(THREAD).next, server.calls) == (("reading",), 0)
    parent.update_state(THREAD, {"question": f"{QUESTION} Tell his name."})
    first = parent.invoke(None, THREAD)
    assert (first["answer"], server.calls) == ("Oskar Brandvold [1]", CALLS)
    before = next(one for one in parent.get_state_history(THREAD) if one.next == ("reading",))
    assert parent.invoke(None, before.config)["lcagent"] == first["lcagent"]
    assert server.calls == CALLS  # the same question of the same document
    fork = parent.update_state(before.config, {"question": QUESTION})
    assert parent.invoke(None, fork)["lcagent"]["run_id"] != first["lcagent"]["run_id"]
    assert server.calls == 2 * CALLS


# What may be read, and who is told


def test_only_what_lies_in_the_folder_is_read(
    server: Loopback, reader: Reader, document: Path, tmp_path: Path
) -> None:
    (tmp_path / "link.txt").symlink_to(document)
    graph = as_subgraph(reader, folder=tmp_path)
    for path in (str(document), "../doc.txt", "link.txt"):
        with pytest.raises(UsageError, match="outside"):
            graph.invoke({"question": QUESTION, "documents": [path]})
    (tmp_path / "own.txt").write_text(document.read_text())
    assert graph.invoke({"question": QUESTION, "documents": ["own.txt"]})["answer"]


class Recorder(LangChainTracer):
    """LangSmith's tracer, which keeps the names of what it is told in place of posting it."""

    def __init__(self) -> None:
        super().__init__(client=object())  # type: ignore[arg-type] - never asked
        self.names: list[str] = []

    def _start_trace(self, run: Any) -> None:
        self.names.append(run.name)

    def _end_trace(self, run: Any) -> None:
        pass


@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize("inside", [True, False])
def test_a_tracer_of_the_parent_hears_of_our_steps_only_if_a_setting_says_so(
    server: Loopback, document: Path, tracing: bool, inside: bool
) -> None:
    recorder = Recorder()
    with Reader(api_base=server.url, window=WINDOW, strategy="memagent", tracing=tracing) as reader:
        if inside:
            parent = shared(reader)
        else:
            from langchain_core.runnables import RunnableLambda

            parent = RunnableLambda(lambda asked: reader.ask(asked["documents"], asked["question"]))
        parent.invoke(asked(document), {"callbacks": [recorder]})
    assert ("plan" in recorder.names) == tracing
    assert recorder.names  # the parent's own steps are its own business


def test_a_server_that_is_not_there_is_told(document: Path) -> None:
    with (
        Reader(api_base="http://127.0.0.1:9", timeout=1, strategy="memagent") as reader,
        pytest.raises(EndpointUnavailable),
    ):
        shared(reader).invoke(asked(document))


# langgraph.json


def test_langgraph_json_has_a_graph_of_each_strategy() -> None:
    graphs = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert list(graphs) == list(STRATEGIES)
    for name, where in graphs.items():
        path, _, variable = where.partition(":")
        spec = importlib.util.spec_from_file_location(f"served_{name}", ROOT / path)  # as the server loads it
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        graph = vars(module)[variable]
        assert (graph.name, "read" in graph.get_graph().nodes) == (name, True)
        assert set(graph.get_input_jsonschema()["properties"]) == {"question", "documents"}
        assert set(graph.get_output_jsonschema()["properties"]) == {"answer", "lcagent"}
