"""One question asked twice at once in one process: one run, whoever asks and whichever thread."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lcagent import Answer, ChatSession, Event, Finished, Reader, RunStarted, SegmentRead
from lcagent.errors import AccessRefused
from lcagent.models.transport import ChatRequest, HttpTransport, OnDelta
from tests.chatting import agent
from tests.helpers import QUESTION, clever, haystack
from tests.loopback import Loopback, Reply


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    return path


class Held:
    """Sends the first calls, and the rest once it is let go."""

    def __init__(self, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.let, sent, send = asyncio.Event(), asyncio.Event(), [], HttpTransport.send

        async def held(transport: HttpTransport, request: ChatRequest, on_delta: OnDelta | None = None):
            if len(sent) >= calls:
                self.reached.set()
                await self.let.wait()
            sent.append(request)
            return await send(transport, request, on_delta)

        monkeypatch.setattr(HttpTransport, "send", held)


def reader(server: Loopback, **options) -> Reader:
    return Reader(api_base=server.url, window=2048, strategy="memagent", **options)


async def test_two_askers_share_the_calls_and_the_answer(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with reader(server) as asked:
        first, second = await asyncio.gather(asked.aask(document, QUESTION), asked.aask(document, QUESTION))
        assert first == second and first.answer == "Oskar Brandvold"
        assert server.calls == first.usage.calls
        third = await asked.aask(document, QUESTION)  # asked after both were told: a new run
    assert (third.run_id == first.run_id, server.calls) == (False, 2 * first.usage.calls)


def test_two_threads_with_readers_of_their_own_share_the_calls(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever, latency=0.02)
    together = threading.Barrier(3)

    def ask(_: int) -> Answer:
        with reader(server) as asked:
            together.wait(30)
            return asked.ask(document, QUESTION)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, range(3)))
    assert {a.answer for a in answers} == {"Oskar Brandvold"}
    assert server.calls == sum({a.run_id: a.usage.calls for a in answers}.values())


async def test_ten_askers_of_one_moment_make_one_run_however_short(loopback, document: Path) -> None:
    short = "The harbour master of Vellmere in that year was Oskar Brandvold."
    await asyncio.to_thread(document.write_text, short)
    server = loopback(reply=clever)
    for _ in range(3):
        before = server.calls
        with Reader(api_base=server.url) as asked:
            answers = await asyncio.gather(*[asked.aask(document, QUESTION) for _ in range(10)])
        assert len({answer.run_id for answer in answers}) == 1
        assert server.calls - before == answers[0].usage.calls


async def test_a_file_that_was_changed_meanwhile_is_asked_anew(
    loopback, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, held = loopback(window=2048, reply=clever), Held(3, monkeypatch)
    with reader(server) as asked:
        first = asyncio.create_task(asked.aask(document, QUESTION))
        await held.reached.wait()
        await asyncio.to_thread(document.write_text, haystack(20))
        second = asyncio.create_task(asked.aask(document, QUESTION))
        held.let.set()
        answers = await asyncio.gather(first, second)
    assert answers[0].run_id != answers[1].run_id


class Listener:
    """Somebody who asks, and whose question has been taken up once `started` is set."""

    def __init__(self, asked: Reader, document: Path) -> None:
        self.events: list[Event] = []
        self.started = asyncio.Event()
        self.task = asyncio.create_task(self._listen(asked, document))

    async def _listen(self, asked: Reader, document: Path) -> None:
        async for event in asked.astream(document, QUESTION):
            self.events.append(event)
            if isinstance(event, RunStarted):
                self.started.set()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


async def test_who_joins_gets_all_events(loopback, document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, held = loopback(window=2048, reply=clever), Held(3, monkeypatch)
    with reader(server) as asked:
        first = Listener(asked, document)
        await held.reached.wait()
        second = Listener(asked, document)
        await second.started.wait()
        held.let.set()
        await asyncio.gather(first.task, second.task)
    assert first.of(SegmentRead) == second.of(SegmentRead) != []
    assert first.of(RunStarted) == second.of(RunStarted)
    (told,) = first.of(Finished)
    assert first.events[-1] == second.events[-1] == told
    assert server.calls == told.answer.usage.calls


async def test_a_stream_that_is_left_is_no_hindrance(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever, latency=0.02)
    with reader(server) as asked:
        async for event in asked.astream(document, QUESTION):
            if isinstance(event, SegmentRead):
                break
        answer = await asked.aask(document, QUESTION)
    assert answer.answer == "Oskar Brandvold" and answer.usage.replayed >= 1


async def test_a_stream_that_is_closed_has_let_go_of_its_run(loopback, document: Path, home: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with reader(server) as asked:
        stream = asked.astream(document, QUESTION)
        async for event in stream:
            if isinstance(event, RunStarted):
                assert list((home / "locks").iterdir())
                break
        await stream.aclose()
    assert not list((home / "locks").iterdir())


async def test_who_waits_goes_on_where_the_one_at_work_was_cancelled(
    loopback, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, held = loopback(window=2048, reply=clever), Held(3, monkeypatch)
    with reader(server) as asked:
        first = Listener(asked, document)
        await held.reached.wait()
        second, third = Listener(asked, document), Listener(asked, document)
        await asyncio.gather(second.started.wait(), third.started.wait())
        third.task.cancel()  # who only waits takes nothing with it
        await asyncio.gather(third.task, return_exceptions=True)
        first.task.cancel()
        held.let.set()
        await second.task
    assert third.task.cancelled() and first.task.cancelled()
    (told,) = second.of(Finished)
    assert (told.answer.answer, told.answer.usage.replayed) == ("Oskar Brandvold", 3)


async def test_an_error_is_everybodys(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=lambda _: Reply("", status=401))
    with reader(server) as asked:
        several = [asked.aask(document, QUESTION) for _ in range(2)]
        errors = await asyncio.gather(*several, return_exceptions=True)
    assert [type(error) for error in errors] == [AccessRefused] * 2
    assert errors[0].hint == errors[1].hint and errors[0].hint
    assert server.calls <= 2


async def test_an_answer_within_a_budget_is_not_that_of_who_has_more(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with reader(server, max_calls=3) as poor, reader(server) as rich:
        answers = await asyncio.gather(poor.aask(document, QUESTION), rich.aask(document, QUESTION))
    assert answers[1].answer == "Oskar Brandvold"
    assert answers[1].status == "answered"


async def test_more_messages_at_once_than_there_are_threads_are_all_answered(loopback) -> None:
    """Whoever waits for the turn before must not keep the threads that this turn needs."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
    server = loopback(reply=agent)
    with ChatSession("anna", api_base=server.url) as chat:
        replies = await asyncio.gather(*[chat.asend(f"Ship {number} came in.") for number in range(8)])
        assert [reply.text for reply in replies] == [f"Noted: Ship {number} came in." for number in range(8)]
        assert chat.count() == 16
