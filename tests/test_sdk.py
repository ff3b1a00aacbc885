"""The SDK: sync, async, events; and litellm's route."""

import asyncio
from pathlib import Path

import pytest

from lcagent import AnswerDelta, Finished, Notice, Reader, RunStarted, SegmentRead, Settings
from lcagent.errors import AccessRefused, ModelError, NotServed, RequestRefused, SettingsError, WindowExceeded
from lcagent.models.probing import Target, probe
from lcagent.models.transport import ChatRequest, HttpTransport, LiteLlmTransport, Transient
from lcagent.settings import load_settings
from tests.helpers import QUESTION, clever, haystack
from tests.loopback import Reply


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(150))
    return path


def test_events_tell_the_whole_course(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        events = list(reader.stream(document, QUESTION))
    started = next(e for e in events if isinstance(e, RunStarted))
    read = [e for e in events if isinstance(e, SegmentRead)]
    assert [e.done for e in read] == list(range(1, started.segments + 1))
    assert sum(e.kept for e in read) == 1
    assert "".join(e.text for e in events if isinstance(e, AnswerDelta)) == "Oskar Brandvold"
    assert isinstance(events[-1], Finished)


async def test_async_questions_run_side_by_side(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever, latency=0.02)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        answers = await asyncio.gather(
            reader.aask(document, QUESTION), reader.aask(document, "Name the harbour master of Vellmere!")
        )
        kinds = [type(event) async for event in reader.astream(document, QUESTION)]
    assert [a.answer for a in answers] == ["Oskar Brandvold"] * 2
    assert server.peak_in_flight == 2
    assert kinds[-1] is Finished


async def test_ask_works_inside_a_running_loop(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048) as reader:
        assert reader.ask(document, QUESTION).answer == "Oskar Brandvold"


def test_a_stream_that_is_left_early_stops_asking(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever, latency=0.05)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        for event in reader.stream(document, QUESTION):
            if isinstance(event, SegmentRead):
                break
        asked = len(server.requests)
        assert asked <= 3
        answer = reader.ask(document, QUESTION)  # and the run goes on from there
    assert answer.usage.replayed >= 1


@pytest.mark.usefixtures("waits")
def test_a_server_that_asks_for_a_pause_gets_it_and_the_user_is_told(loopback, document: Path) -> None:
    def busy(request):
        pause = request.number == 1
        return Reply("", status=429, retry_after="0.5") if pause else clever(request)

    server = loopback(window=2048, reply=busy)
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        events = list(reader.stream(document, QUESTION))
    refused, again = server.requests[1:3]
    assert again.started - refused.started >= 0.5
    assert [e.text for e in events if isinstance(e, Notice) and "429" in e.text]
    assert isinstance(events[-1], Finished)


def test_sampling_is_passed_on(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, window=2048, temperature=0.7, top_p=0.95) as reader:
        reader.ask(document, QUESTION)
    assert {(r.body["temperature"], r.body["top_p"]) for r in server.requests} == {(0.7, 0.95)}


def test_the_limit_of_requests_in_flight_holds(loopback, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.txt").write_text(haystack(60) + str(number))
    server = loopback(window=1536, reply=clever, latency=0.01)
    with Reader(api_base=server.url, window=1536, concurrency=2, strategy="memagent") as reader:
        reader.ask(folder, QUESTION)
    assert server.peak_in_flight == 2


def test_flags_go_before_variables_before_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lcagent.toml").write_text("window = 1111\nmodel = 'file'\napi_base = 'file'\n")
    monkeypatch.setenv("LCAGENT_WINDOW", "2222")
    monkeypatch.setenv("LCAGENT_MODEL", "variable")
    settings = load_settings({"window": 3333}, trust_config=True)
    assert (settings.window, settings.model, settings.api_base) == (3333, "variable", "file")
    assert load_settings(pairs=["memagent.mode=overwrite"]).memagent.mode == "overwrite"
    assert Settings().strategy == "auto"
    with pytest.raises(SettingsError, match="no setting named"):
        Reader(windwo=3)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # litellm's
async def test_both_transports_give_the_same_reply(loopback, monkeypatch, streamed: bool) -> None:
    server = loopback(window=500)
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.url)
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    request = ChatRequest([{"role": "user", "content": "Say something."}], max_tokens=50)
    replies = []
    for transport in (
        HttpTransport(endpoint, timeout=5),
        LiteLlmTransport("hosted_vllm/loopback", api_key="none", timeout=5),
    ):
        pieces: list[str] = []
        reply = await transport.send(request, pieces.append if streamed else None)
        assert "".join(pieces) == (reply.text if streamed else "")
        replies.append(reply)
        long = ChatRequest([{"role": "user", "content": "word " * 600}], max_tokens=50)
        with pytest.raises(WindowExceeded):
            await transport.send(long)
        await transport.close()
    assert replies[0] == replies[1]
    assert replies[0].prompt_tokens > 0 and replies[0].completion_tokens > 0


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefused),
        (401, AccessRefused),
        (403, AccessRefused),
        (404, NotServed),
        (422, RequestRefused),
        (429, Transient),
        (500, Transient),
        (502, Transient),
        (503, Transient),
    ],
)
@pytest.mark.parametrize("route", ["http", "litellm"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # litellm's
async def test_a_refusal_is_the_same_error_on_both_routes(
    loopback, monkeypatch, route: str, status: int, error: type[ModelError]
) -> None:
    server = loopback(reply=lambda _: Reply("", status=status))
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.url)
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    transport = (
        HttpTransport(endpoint, timeout=5)
        if route == "http"
        else LiteLlmTransport("hosted_vllm/loopback", api_key="none", timeout=5)
    )
    with pytest.raises(error):
        await transport.send(ChatRequest([{"role": "user", "content": "Say something."}], max_tokens=50))
    await transport.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # litellm's
async def test_a_provider_that_is_not_reached_is_tried_again(monkeypatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", "http://127.0.0.1:9/v1")
    transport = LiteLlmTransport("hosted_vllm/loopback", api_key="none", timeout=5)
    with pytest.raises(Transient):
        await transport.send(ChatRequest([{"role": "user", "content": "Say something."}], max_tokens=50))
