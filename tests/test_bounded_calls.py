"""A call ends: its size, its time with all waits, and the number in flight have bounds that hold."""

import asyncio
import time
from pathlib import Path

import pytest

from lcagent import Reader
from lcagent.errors import BudgetReached, CutReply, EndpointUnavailable, WindowExceeded
from lcagent.models.budget import Budget
from lcagent.models.chat import ChatModel
from lcagent.models.estimate import EstimateCounter
from lcagent.models.limit import endpoint_limit
from lcagent.models.probing import Target, probe
from lcagent.models.tokens import counter_for
from lcagent.models.transport import ChatRequest, HttpTransport, RawReply
from lcagent.models.window import Part, Window
from tests.helpers import QUESTION, clever, haystack, in_this_process
from tests.loopback import Loopback, Reply, Request, count_messages

MIB = 1 << 20
ASKED = ChatRequest([{"role": "user", "content": "Say something."}], max_tokens=64)
CHUNK = 'data: {"choices": [{"index": 0, "delta": {"content": "and on "}}]}\n\n'


waits = pytest.mark.usefixtures("waits")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    return path


@pytest.mark.parametrize(("piece", "streamed"), [("x", False), (CHUNK, True), (": still here\n", True)])
async def test_a_reply_without_end_is_cut(loopback, piece: str, streamed: bool) -> None:
    server = loopback(reply=lambda _: Reply("", endless=piece))
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    transport = HttpTransport(endpoint, timeout=60)
    with pytest.raises(CutReply, match="MiB for a reply of at most 64 tokens"):
        await transport.send(ASKED, (lambda _: None) if streamed else None)
    await transport.close()
    assert server.sent < 16 * MIB  # what the system's own buffers took is sent too


def test_a_segment_whose_reply_has_no_end_is_unread(loopback, document: Path) -> None:
    endless: list[int] = []

    def reply(request: Request) -> str | Reply:
        # The first segment, and then each half of it: what is asked again is smaller every time.
        if 1 <= request.number < 5:
            endless.append(len(request.text))
            return Reply("", endless="x")
        return clever(request)

    server = loopback(window=2048, reply=reply)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        answer = reader.ask(document, QUESTION)
    assert answer.coverage.segments_read == answer.coverage.segments_total - 1
    assert len(endless) == 4 and endless == sorted(endless, reverse=True) and server.sent < 64 * MIB


BAD = {
    "trickles": Reply("slow", trickle=0.2),
    "trickles from its headers on": Reply("slow", slow_head=0.2),
    "asks for a pause": Reply("", status=429, retry_after="50"),
    "is silent": Reply("", delay=50.0),
    "fails": Reply("", status=503),
}


def model(server: Loopback, **options) -> ChatModel:
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    return ChatModel(
        name="loopback",
        transport=HttpTransport(endpoint, timeout=options.get("timeout", 60.0)),
        window=Window(2048, EstimateCounter()),
        journal=Memory(),
        limit=endpoint_limit(server.url, 4),
        **{"budget": Budget(), **options},
    )


class Memory:
    """A journal that holds its replies in memory."""

    def __init__(self) -> None:
        self.replies: dict[str, RawReply] = {}

    async def recall(self, key: str) -> RawReply | None:
        return self.replies.get(key)

    async def keep(self, key: str, role: str, reply: RawReply, request: bytes) -> None:
        self.replies[key] = reply

    async def drop(self, keys) -> None:
        for key in keys:
            self.replies.pop(key, None)


def render(parts) -> list[dict[str, str]]:
    return [{"role": "user", "content": " ".join(parts.values())}]


@waits
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_timeout_bounds_the_whole_call_with_its_retries_and_waits(loopback, bad: Reply) -> None:
    asked = model(loopback(reply=lambda _: bad), timeout=0.5)
    fitted = await asked.window.fit(render, [Part("a", "Say something.")], reply=64)
    async with asyncio.timeout(15) as patience:  # seven tries, or one pause, would take longer
        with pytest.raises(EndpointUnavailable, match=r"no reply within 0\.5 s") as caught:
            await asked.ask("read", fitted)
    assert "--timeout" in caught.value.hint and not patience.expired()
    await asked.transport.close()


@waits
@pytest.mark.parametrize("bad", ["is silent", "trickles from its headers on"])
async def test_a_timeout_holds_too_where_all_clocks_strike_at_once(loopback, bad: str) -> None:
    """As on a busy machine: aiohttp's own is set to the same seconds."""
    asked = model(loopback(reply=lambda _: BAD[bad]), timeout=0.3)
    fitted = await asked.window.fit(render, [Part("a", "Say something.")], reply=64)
    asyncio.get_running_loop().call_later(0.2, time.sleep, 0.3)
    async with asyncio.timeout(15) as patience:
        with pytest.raises(EndpointUnavailable, match=r"no reply within 0\.3 s"):
            await asked.ask("read", fitted)
    assert not patience.expired()
    await asked.transport.close()


@waits
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_a_budget_of_seconds_bounds_a_call_in_flight(loopback, bad: Reply) -> None:
    asked = model(loopback(reply=lambda _: bad), budget=Budget(max_seconds=0.5))
    fitted = await asked.window.fit(render, [Part("a", "Say something.")], reply=64)
    async with asyncio.timeout(15):
        with pytest.raises(BudgetReached, match=r"the budget of 0\.5 s is reached"):
            await asked.ask("read", fitted)
    await asked.transport.close()


@waits
async def test_the_answering_call_has_a_bound_too_when_the_time_is_up(loopback, monkeypatch) -> None:
    monkeypatch.setattr("lcagent.models.budget.LEAST_GRACE", 0.5)
    asked = model(loopback(reply=lambda _: BAD["trickles"]), budget=Budget(max_seconds=0.1))
    fitted = await asked.window.fit(render, [Part("a", "Say something.")], reply=64)
    await asyncio.sleep(0.2)
    async with asyncio.timeout(15):
        with pytest.raises(BudgetReached):
            await asked.ask("answer", fitted, final=True)
    await asked.transport.close()


@waits
def test_a_command_has_a_flag_for_it(loopback, document: Path) -> None:
    server = loopback(reply=lambda _: BAD["trickles"])
    done = in_this_process(
        "ask", str(document), QUESTION, "--api-base", server.url, "--timeout", "0.8", "--strategy", "memagent"
    )
    assert isinstance(done.exception, EndpointUnavailable) and "within 0.8 s" in done.exception.message


async def test_a_limit_of_another_size_holds_from_then_on(loopback) -> None:
    server = loopback(latency=0.05)
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    transport = HttpTransport(endpoint, timeout=10)
    peaks = []
    for size in (4, 2, 6):
        limit = endpoint_limit(server.url, size)
        server.peak_in_flight = 0

        async def one(limit=limit) -> None:
            async with limit:
                await transport.send(ASKED)

        await asyncio.gather(*(one() for _ in range(12)))
        peaks.append(server.peak_in_flight)
    assert peaks == [4, 2, 6]
    await transport.close()


async def test_one_who_gives_up_waiting_takes_no_place() -> None:
    limit = endpoint_limit("nowhere", 1)
    inside = asyncio.Event()

    async def enter() -> None:
        async with limit:
            inside.set()

    async with limit:
        waiting = [asyncio.create_task(enter()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
    waiting[1].cancel()  # let in at this very moment
    await asyncio.gather(*waiting, return_exceptions=True)
    assert inside.is_set() and waiting[2].done() and not waiting[2].cancelled()
    async with asyncio.timeout(1), limit:
        pass


class HalfCounter(EstimateCounter):
    """Counts half of what the server does."""

    def count(self, text: str) -> int:
        return (len(text) + 7) // 8

    def count_messages(self, messages, tools=()) -> int:
        return count_messages(messages) // 2


async def test_what_the_server_finds_over_its_window_is_planned_again_with_less(loopback) -> None:
    told: list[str] = []
    server = loopback(window=1000)
    asked = model(server, notice=told.append)
    asked.window = Window(1000, HalfCounter())
    memory = Part("memory", "word " * 800, shrink=lambda tokens: "word " * tokens)
    fitted = await asked.window.fit(render, [Part("question", "Who?"), memory], reply=200)
    reply = await asked.ask("read", fitted)
    assert reply.text and server.overruns >= 1 and asked.window.safety > 1
    assert any("made smaller" in text for text in told)
    before = server.overruns
    fitted = await asked.window.fit(render, [Part("question", "Who else?"), memory], reply=200)
    await asked.ask("read", fitted)
    assert server.overruns == before  # what was learned holds for later calls
    await asked.transport.close()


async def test_a_call_of_which_nothing_can_shrink_gets_a_shorter_reply_or_the_servers_words(loopback) -> None:
    server = loopback(window=1000)
    asked = model(server)
    for words, fits in ((350, True), (600, False)):
        asked.window = Window(1000, HalfCounter())
        part = Part("segment", "word " * words, tokens=words // 2)
        fitted = await asked.window.fit(render, [part], reply=400 if fits else 100)
        if fits:
            await asked.ask("read", fitted)
            assert server.requests[-1].body["max_tokens"] < 400
        else:
            with pytest.raises(WindowExceeded, match="maximum context length is 1000"):
                await asked.ask("read", fitted)
    await asked.transport.close()


def test_a_reading_by_estimates_asks_for_no_more_than_the_window(loopback, document: Path) -> None:
    document.write_text("Skjeggestad Ulvhild\nBrzęczyszczykiewicz Grzegorz\n" * 200 + haystack(60))
    server = loopback(window=2048, tokenize=False, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        assert reader.ask(document, QUESTION).answer == "Oskar Brandvold"
    assert server.overruns == 0


@pytest.mark.parametrize(
    ("models", "tokenize"),
    [
        (Reply("", endless="x"), None),
        (Reply("slow", trickle=0.3), None),
        (Reply("slow", slow_head=0.1), None),
        (None, Reply("", endless="1,")),
    ],
)
def test_neither_a_list_of_models_nor_a_count_may_be_without_end(
    loopback, models: Reply | None, tokenize: Reply | None, monkeypatch
) -> None:
    server = loopback(models_fault=models)
    if models:
        with pytest.raises(EndpointUnavailable, match=r"16 MiB|too slowly"):
            probe(Target(server.url, timeout=0.5))
    else:
        endpoint = probe(Target(server.url))
        assert endpoint is not None
        server.tokenize_fault = tokenize
        assert not counter_for(endpoint, None).exact
    assert server.sent < 64 * MIB


@pytest.mark.parametrize("slow", [Reply("", trickle=0.1), Reply("", slow_head=0.1)])
def test_a_count_that_trickles_ends_at_its_time(loopback, monkeypatch, slow: Reply) -> None:
    monkeypatch.setattr("lcagent.models.tokens._SECONDS", 0.4)
    server = loopback()
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    counter = counter_for(endpoint, None)
    assert counter.exact and counter.count("text") == counter.count("text") == 1
    server.tokenize_fault = slow
    with pytest.raises(EndpointUnavailable, match=r"not whole after 0\.4 s"):
        counter.count("text")
    counter.close()
