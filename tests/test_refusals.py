"""What a server refuses: one request costs its segment, every request ends the run at once."""

from pathlib import Path

import pytest

from lcagent import Notice, Reader
from lcagent.errors import AccessRefused, LcagentError, NotServed, RequestRefused, WindowExceeded
from lcagent.models.probing import Target, probe
from lcagent.models.transport import ChatRequest, HttpTransport
from tests.helpers import QUESTION, clever, haystack
from tests.loopback import Reply, Request
from tests.team import Team, finds

STRATEGIES = ["memagent", "mapreduce", "longagent", "segment"]
FILTERED = "The response was filtered: content_policy in the context of this request"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text("The forbidden word is xyzzy here. " + haystack(150))
    return path


def refusing(status: int, message: str, answers=clever):
    """A server that refuses each request that holds a certain word."""

    def reply(request: Request) -> str | Reply:
        if "xyzzy" in request.text:
            return Reply("", status=status, error={"message": message})
        return answers(request)

    return reply


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("status", [400, 422])
def test_a_content_filter_costs_its_segment_and_its_words_are_told(
    loopback, document: Path, strategy: str, status: int
) -> None:
    answers = Team(finds) if strategy == "longagent" else clever
    server = loopback(window=2048, reply=refusing(status, FILTERED, answers))
    with Reader(api_base=server.url, window=2048, strategy=strategy) as reader:
        events = list(reader.stream(document, QUESTION))
    answer = events[-1].answer
    assert "Oskar Brandvold" in answer.answer
    assert answer.coverage.segments_read == answer.coverage.segments_total - 1
    told = [*answer.coverage.skipped, *(e.text for e in events if isinstance(e, Notice))]
    assert any(FILTERED in text for text in told)


def test_a_run_that_a_filter_once_ended_goes_on(loopback, document: Path) -> None:
    server = loopback(window=2048)
    calls = 0

    def dies_later(request: Request) -> str | Reply:
        nonlocal calls
        calls += 1
        if calls == 5:
            server.stop_soon()
        return refusing(400, FILTERED)(request)

    server.reply = dies_later
    with Reader(api_base=server.url, window=2048, strategy="memagent") as reader:
        with pytest.raises(LcagentError):
            reader.ask(document, QUESTION)
        loopback(window=2048, port=server.port, reply=refusing(400, FILTERED))
        assert reader.ask(document, QUESTION).answer == "Oskar Brandvold"


@pytest.mark.parametrize(
    ("status", "error", "hint"),
    [
        (401, AccessRefused, "LCAGENT_API_KEY"),
        (403, AccessRefused, "LCAGENT_API_KEY"),
        (402, AccessRefused, "credit"),
        (404, NotServed, "--model"),
    ],
)
def test_what_holds_for_every_request_ends_the_run_at_once(
    loopback, document: Path, status: int, error: type[LcagentError], hint: str
) -> None:
    server = loopback(window=2048, reply=refusing(status, "these are its own words"))
    with (
        Reader(api_base=server.url, window=2048, strategy="memagent") as reader,
        pytest.raises(error, match="these are its own words") as caught,
    ):
        reader.ask(document, QUESTION)
    assert hint in caught.value.hint
    assert sum(r.status == status for r in server.requests) == 1


OVERRUNS = [
    {"message": "Too long.", "code": "context_length_exceeded"},
    {"message": "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"},
    {"message": "The decoder prompt (length 9) is longer than the maximum model length of 8."},
    {"message": "the prompt is longer than the context length currently available to the model; shorten it"},
    {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"},
    {"message": "The input (9000 tokens) is longer than the model's context length (8192 tokens)."},
    {"message": "prompt is too long: 210000 tokens > 200000 maximum"},
    {"message": "input length and `max_tokens` exceed context limit: 9 + 2 > 10"},
    {"message": "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens"},
]
OTHERS = [
    FILTERED,
    "unsupported content in context of policy",
    "The context of this message is not allowed",
    "'context' is not a known field",
]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        *((told, WindowExceeded) for told in OVERRUNS),
        *(({"message": m}, RequestRefused) for m in OTHERS),
    ],
)
async def test_an_overrun_is_known_by_its_sign_and_not_by_a_word(loopback, told, error) -> None:
    server = loopback(reply=lambda _: Reply("", status=400, error=told))
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    transport = HttpTransport(endpoint, timeout=5)
    with pytest.raises(error) as caught:
        await transport.send(ChatRequest([{"role": "user", "content": "Say something."}], max_tokens=50))
    await transport.close()
    assert told["message"] in caught.value.message
