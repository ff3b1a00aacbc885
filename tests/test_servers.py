"""Servers as people run them: what one refuses, how one shapes its replies, where one is, what it does not say."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from lcagent import Notice, Reader
from lcagent.errors import (
    AccessRefused,
    EndpointUnavailable,
    LcagentError,
    MalformedReply,
    RequestRefused,
    SettingsError,
    TruncatedPrompt,
)
from lcagent.models.address import Address, is_loopback
from lcagent.models.probing import Target, probe
from lcagent.models.refusals import retry_after
from lcagent.models.serving.connect import choose
from lcagent.settings import Settings
from tests.helpers import QUESTION, clever, haystack, in_this_process, some_slow
from tests.loopback import Loopback, Odd, Reply, Request

SAID = "Oskar Brandvold"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text("The harbour master of Vellmere in that year was Oskar Brandvold.\n")
    return path


def reads(request: Request) -> str:
    """A model that answers with the JSON that its prompt asks for, schema or not."""
    return (
        clever(request) if request.schema else json.dumps({"found": "yes", "answer": SAID, "conflict": "no"})
    )


def notices(server: Loopback, document: Path, **options: Any) -> tuple[str, list[str]]:
    """The answer to the question, and what was told meanwhile."""
    with Reader(api_base=server.url, **options) as reader:
        events = list(reader.stream(document, QUESTION))
    return events[-1].answer.answer, [event.text for event in events if isinstance(event, Notice)]


def refuses(
    when: Callable[[dict[str, Any]], Any], status: int, body: Any
) -> Callable[[str, Any], Odd | None]:
    """A server that turns such requests away."""

    def meets(path: str, request: Any) -> Odd | None:
        about = path.endswith(("/chat/completions", "/tokenize")) and "messages" in request
        return Odd(status, body) if about and when(request) else None

    return meets


def has_system(request: dict[str, Any]) -> bool:
    return any(message["role"] == "system" for message in request["messages"])


def openai(message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], Any], int, Any, str]] = {
    "a schema": (
        lambda r: (r.get("response_format") or {}).get("type") == "json_schema",
        400,
        openai("This response_format type is unavailable now"),
        "JSON schema",
    ),
    "any format": (
        lambda r: "response_format" in r,
        422,
        {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]},
        "response_format",
    ),
    "a grammar, by 500": (
        lambda r: (r.get("response_format") or {}).get("type") == "json_schema",
        500,
        openai("failed to parse grammar"),
        "JSON schema",
    ),
    "max_tokens": (
        lambda r: "max_tokens" in r,
        400,
        openai("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens"),
        "max_tokens",
    ),
    "any limit": (
        lambda r: "max_tokens" in r or "max_completion_tokens" in r,
        400,
        openai("max_tokens and max_completion_tokens are not permitted"),
        "max_completion_tokens",
    ),
    "temperature": (
        lambda r: "temperature" in r,
        400,
        openai("Unsupported value: 'temperature' does not support 0 with this model."),
        "temperature",
    ),
    "logprobs": (
        lambda r: r.get("logprobs"),
        400,
        openai("Requested sample logprobs of 5, which is greater than max allowed: 0"),
        "logprobs",
    ),
    "top_logprobs, by its place": (
        lambda r: r.get("top_logprobs"),
        422,
        {"detail": [{"loc": ["body", "top_logprobs"], "msg": "Extra inputs are not permitted"}]},
        "logprobs",
    ),
    "stream_options": (
        lambda r: "stream_options" in r,
        400,
        {"error": "unknown field: stream_options"},
        "stream_options",
    ),
    "streams": (lambda r: r.get("stream"), 400, {"message": "stream is not supported"}, "stream"),
    "a system message": (
        has_system,
        400,
        {"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400},
        "system message",
    ),
    "a system message, in its template": (
        has_system,
        500,
        {
            "error": {
                "code": 500,
                "message": "Conversation roles must alternate user/assistant/user/assistant/...",
            }
        },
        "system message",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_left_out_told_once_and_remembered(loopback, document: Path, what: str) -> None:
    when, status, body, told = REFUSED[what]
    server = loopback(reply=reads, meets=refuses(when, status, body))
    with Reader(api_base=server.url) as reader:
        first, again = [list(reader.stream(document, QUESTION)) for _ in range(2)]
        said = [event.text for event in (*first, *again) if isinstance(event, Notice)]
    assert first[-1].answer.answer == again[-1].answer.answer == SAID
    assert server.refused <= 2 and len([text for text in said if told in text]) == 1
    assert not any(when(request.body) for request in server.requests)


def without_schema(reply: Callable[[Request], Any] = reads) -> dict[str, Any]:
    """Options of a server that takes no schema."""
    return {"reply": reply, "meets": refuses(*REFUSED["any format"][:3])}


def test_what_is_refused_is_remembered_by_the_next_command(loopback, document: Path, home: Path) -> None:
    server = loopback(**without_schema())
    address = f"{server.url.replace('//', '//anna:geheim@')}?api-version=7&key=geheim"
    server._route = lambda path, *rest, route=server._route: route(path.partition("?")[0], *rest)
    told = []
    for _ in range(2):
        with Reader(api_base=address) as reader:
            events = list(reader.stream(document, f"{QUESTION} {len(told)}"))
        told.append([event.text for event in events if isinstance(event, Notice)])
        assert events[-1].answer.answer == SAID
    assert server.refused == 2 and [any("response_format" in text for text in one) for one in told] == [
        True,
        False,
    ]
    kept = home / "endpoints.json"
    assert "geheim" not in kept.read_text() and kept.stat().st_mode & 0o077 == 0
    doctor = in_this_process("doctor", "--api-base", address).stdout
    assert "response_format" in doctor and "geheim" not in doctor


def aged(kept: Path) -> None:
    (row,) = json.loads(kept.read_text())
    kept.write_text(json.dumps([{**row, "since": row["since"] - 8 * 24 * 3600}]))


FORGOTTEN: dict[str, Callable[[Loopback, Path], Any]] = {
    "after a week": lambda _, kept: aged(kept),
    "of another server": lambda server, _: setattr(server, "window", 4096),
    "of another model": lambda server, _: setattr(server, "model", "another"),
    "by a probe": lambda server, _: in_this_process("probe", "--api-base", server.url, "-q"),
    "with a damaged file": lambda _, kept: kept.write_bytes(b"[{\xff"),
}


@pytest.mark.parametrize("when", FORGOTTEN)
def test_what_is_remembered_is_forgotten(loopback, document: Path, home: Path, when: str) -> None:
    server = loopback(**without_schema())
    with Reader(api_base=server.url) as reader:
        reader.ask(document, QUESTION)
    server.meets, server.refused = None, 0
    FORGOTTEN[when](server, home / "endpoints.json")
    with Reader(api_base=server.url) as reader:
        reader.ask(document, f"{QUESTION} Or who?")
    assert server.requests[-1].schema


SUMMARY = "Oskar Brandvold was the harbour master of Vellmere [1]."


def summing_up(last: str) -> Callable[[Request], str]:
    """A model that reads with JSON, schema or not, and writes such a summary."""
    read = {"relevant": "yes", "facts": ["The harbour master was Oskar Brandvold."], "rationale": ""}
    found = json.dumps({**read, "answered": "yes", "answer": SAID, "confidence": "high"})
    return lambda request: last if '"summary"' in request.text else found


def summary(server: Loopback, document: Path) -> str:
    with Reader(api_base=server.url, strategy="mapreduce", mapreduce={"mode": "summary"}) as reader:
        return reader.ask(document, "What does this text say?").answer


@pytest.mark.parametrize("thought", ["", "<think>It holds no {braces}.</think>\n"])
def test_bare_text_is_the_one_text_that_is_asked_for(loopback, document: Path, thought: str) -> None:
    server = loopback(**without_schema(summing_up(thought + SUMMARY)))
    assert summary(server, document).startswith(SUMMARY.partition(" [")[0]) and server.calls == 2


@pytest.mark.parametrize("bare", ['{"answer": "none"', "[1, 2", "```json", "null", ""])
def test_broken_json_is_no_bare_text(loopback, document: Path, bare: str) -> None:
    server = loopback(**without_schema(summing_up(bare)))
    summary(server, document)  # of the notes, without a last call
    assert server.calls == 3  # it was asked again


def test_bare_text_of_a_server_that_decodes_under_a_schema_is_a_fault(loopback, document: Path) -> None:
    server = loopback(reply=summing_up(SUMMARY))
    assert SUMMARY.partition(" [")[0] not in summary(server, document) and server.calls == 3


def test_bare_text_is_none_of_several_fields(loopback, document: Path) -> None:
    server = loopback(**without_schema(lambda _: SAID))
    with Reader(api_base=server.url) as reader, pytest.raises(MalformedReply):
        reader.ask(document, QUESTION)


def test_several_things_may_be_refused_one_after_the_other(loopback, document: Path) -> None:
    names = ["response_format", "temperature", "max_tokens", "stream_options", "logprobs"]

    def meets(path: str, request: Any) -> Odd | None:
        odd = next((name for name in names if request and name in request), None)
        return Odd(400, openai(f"{odd} is not supported", odd)) if odd and "messages" in request else None

    answer, told = notices(server := loopback(reply=reads, meets=meets), document)
    assert answer == SAID and server.refused == len(names) + 1  # of the schema, then of JSON at all
    assert len([text for text in told if "does not take" in text]) == 1


def test_the_system_text_is_put_before_the_users(loopback, document: Path) -> None:
    server = loopback(reply=reads, meets=refuses(*REFUSED["a system message"][:3]))
    notices(server, document)
    (said,) = server.requests[0].messages
    assert said["role"] == "user" and said["content"].startswith("You answer a question")


@pytest.mark.parametrize(
    "words",
    [
        "max_tokens is too large: 1024. This model supports at most 512 completion tokens",
        "The response was filtered because of its content",
    ],
)
def test_another_refusal_is_none_of_a_parameter(loopback, document: Path, words: str) -> None:
    server = loopback(reply=clever, meets=refuses(lambda _: True, 400, openai(words)), tokenize=False)
    with Reader(api_base=server.url) as reader, pytest.raises(RequestRefused) as caught:
        reader.ask(document, QUESTION)
    assert words in caught.value.message and server.refused == 1


def message(**fields: Any) -> Callable[[dict[str, Any]], Any]:
    """A body whose message has its text elsewhere."""

    def reshape(body: dict[str, Any]) -> Any:
        text = body["choices"][0]["message"]["content"]
        told = {name: value(text) if callable(value) else value for name, value in fields.items()}
        body["choices"][0]["message"] = {"role": "assistant", "content": None, **told}
        return body

    return reshape


SHAPES = {
    "parts": message(content=lambda text: [{"type": "text", "text": text}]),
    "several parts": message(
        content=lambda t: [{"type": "text", "text": t[:9]}, {"type": "text", "text": t[9:]}]
    ),
    "parts with thoughts": message(
        content=lambda text: [
            {"type": "thinking", "thinking": [{"type": "text", "text": '{"found": "no", "answer": ""}'}]},
            {"type": "text", "text": text},
        ]
    ),
    "strings": message(content=lambda text: [text]),
    "one part": message(content=lambda text: {"type": "output_text", "text": text}),
    "reasoning_content": message(reasoning_content=lambda text: text),
    "reasoning, with words before it": message(
        reasoning=lambda text: f'I think of {{"a": 1}}.\n{text}\nYes.'
    ),
    "a call": message(tool_calls=lambda t: [{"id": "1", "function": {"name": "reply", "arguments": t}}]),
    "a call with an object": message(
        tool_calls=lambda t: [{"function": {"name": "r", "arguments": json.loads(t)}}]
    ),
    "the older call": message(function_call=lambda text: {"name": "reply", "arguments": text}),
    "thoughts before": message(
        content=lambda t: f'<think>\nIs it {{"found": "no", "answer": ""}}?\n</think>\n{t}'
    ),
    "thoughts in brackets": message(content=lambda text: f"[THINK]hm[/THINK]{text}"),
    "a fence": message(content=lambda text: f"```json\n{text}\n```"),
    "channels": message(
        content=lambda text: (
            "<|channel|>analysis<|message|>We need JSON.<|end|><|start|>assistant"
            f"<|channel|>final<|message|>{text}<|return|>"
        )
    ),
    "no usage": lambda body: {name: value for name, value in body.items() if name != "usage"},
    "an odd usage": lambda body: {**body, "usage": {"prompt_tokens": "many", "completion_tokens": -3}},
    "a usage that is a list": lambda body: {**body, "usage": [1, 2]},
    "no finish": lambda body: {**body, "choices": [{"message": body["choices"][0]["message"]}]},
    "more than is asked": lambda body: {**body, "choices": [*body["choices"], None, 7], "x": {"y": []}},
}


@pytest.mark.parametrize("shape", some_slow(SHAPES))
@pytest.mark.parametrize("streamed", [False, True])
def test_the_text_is_found_whatever_shape_a_reply_has(
    loopback, document: Path, shape: str, streamed: bool
) -> None:
    server = loopback(reply=clever, reshape=SHAPES[shape], streams=False)
    with Reader(api_base=server.url) as reader:
        if streamed:
            answer = list(reader.stream(document, QUESTION))[-1].answer
        else:
            answer = reader.ask(document, QUESTION)
    assert answer.answer == SAID and server.calls == 1


WORDS = {
    "a refusal": (message(refusal="I cannot help with that."), "I cannot help with that"),
    "a filter": (
        lambda body: {**body, "choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]},
        "content filter",
    ),
    "a filter's own words": (
        lambda body: {
            "choices": [
                {
                    "message": {"content": None},
                    "finish_reason": "content_filter",
                    "content_filter_results": {"violence": {"filtered": True}},
                }
            ]
        },
        "violence",
    ),
    "an error": (
        lambda _: {"error": {"message": "CUDA out of memory. Restart the worker.", "code": 500}},
        "CUDA",
    ),
    "an error's words alone": (lambda _: {"error": "model crashed"}, "model crashed"),
    "a validation": (
        lambda _: {"error": "Input validation error", "error_type": "validation"},
        "Input validation",
    ),
    "vLLM's error": (
        lambda _: {"object": "error", "message": "engine is dead", "code": 500},
        "engine is dead",
    ),
    "a detail": (lambda _: {"detail": "worker lost"}, "worker lost"),
}


@pytest.mark.parametrize("what", WORDS)
def test_what_a_server_says_in_place_of_a_reply_is_told_at_once(loopback, document: Path, what: str) -> None:
    reshape, words = WORDS[what]
    server = loopback(reply=clever, reshape=reshape)
    with Reader(api_base=server.url) as reader, pytest.raises(LcagentError) as caught:
        reader.ask(document, QUESTION)
    assert words in caught.value.message and len(server.requests) == 1


def test_a_busy_gateway_that_says_so_with_200_is_asked_again(loopback, document: Path) -> None:
    busy = [{"error": {"message": "rate limited upstream", "code": 429}}]
    server = loopback(reply=clever, reshape=lambda body: busy.pop() if busy else body, streams=False)
    assert notices(server, document)[0] == SAID and len(server.requests) == 2


ODD = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"text"',
    b"<html><title>502 Bad Gateway</title></html>",
    b"{",
    b"\xff\xfe\x00",
    b"[" * 5000,
    b'{"choices": ' + b"[" * 950 + b"]" * 950 + b"}",
    b'{"choices": []}',
    b'{"choices": {"0": 1}}',
    b'{"choices": [null]}',
    b'{"choices": [{"message": null}]}',
    b'{"choices": [{"message": {"content": 5}}]}',
    b'{"choices": [{"message": {"content": [[["a"]]]}}], "usage": {"prompt_tokens": 1e400}}',
    b'{"choices": [{"message": {"tool_calls": [{"function": "x"}]}}]}',
    b'{"choices": [{"message": {"content": "{}"}, "logprobs": {"content": [{"token": 5}]}}]}',
    b'{"choices": [{"message": {"content": "\\ud83d"}, "finish_reason": 9}]}',
    b'{"choices": [{"message": {"content": "{\\"found\\": ' + b"[" * 950 + b"]" * 950 + b'}"}}]}',
]


@pytest.mark.parametrize("path", ["/v1/models", "/tokenize", "/v1/chat/completions"])
@pytest.mark.parametrize("body", some_slow(ODD), ids=[body[:40].decode("latin-1") for body in ODD])
def test_no_body_of_a_server_ends_in_a_traceback(loopback, document: Path, path: str, body: bytes) -> None:
    server = loopback(reply=clever, meets=lambda asked, _: Odd(200, body) if asked == path else None)
    with Reader(api_base=server.url, timeout=20) as reader:
        if path == "/tokenize":  # then counts are bounded
            assert reader.ask(document, QUESTION).answer == SAID
            return
        with pytest.raises(LcagentError):
            reader.ask(document, QUESTION)
    assert server.refused <= 2


def test_a_reply_nested_without_end_is_forgotten(loopback, document: Path) -> None:
    nested = message(content='{"found": "yes", "answer": ' + "[" * 950 + "]" * 950 + "}")
    times = [1, 2]
    server = loopback(reply=clever, reshape=lambda body: nested(body) if times and times.pop() else body)
    with Reader(api_base=server.url) as reader:
        with pytest.raises(MalformedReply):
            reader.ask(document, QUESTION)
        assert reader.ask(document, QUESTION).answer == SAID


def test_what_cannot_be_a_reply_is_not_mended_for_long(loopback, document: Path) -> None:
    server = loopback(reply=lambda _: '{"a":[1,2,"' * 200)
    with Reader(api_base=server.url) as reader, pytest.raises(LcagentError):
        reader.ask(document, QUESTION)
    assert len(server.requests) == 2


@pytest.mark.parametrize("path", ["/tokenize", "/v1/chat/completions"])
def test_a_key_that_is_taken_no_more_is_told_as_such(loopback, tmp_path: Path, path: str) -> None:
    document, asked = tmp_path / "doc.txt", []
    document.write_text(haystack(150))

    def meets(at: str, _: Any) -> Odd | None:
        if at == path:
            asked.append(at)
        return Odd(401, {"error": {"message": "key expired"}}) if at == path and len(asked) > 4 else None

    server = loopback(window=2048, reply=clever, meets=meets)
    with (
        Reader(api_base=server.url, window=2048, strategy="memagent") as reader,
        pytest.raises(AccessRefused) as caught,
    ):
        reader.ask(document, QUESTION)
    assert "401" in caught.value.message and "LCAGENT_API_KEY" in caught.value.hint


BASES = [
    ("/v1", ""),
    ("/v1", "/v1"),
    ("/v1", "/v1/"),
    ("/v1", "/v1/chat/completions"),
    ("/v1", "/v1/models"),
    ("/api", "/api"),
    ("/api", ""),
    ("/api", "/api/v1"),
    ("/api", "/api/chat/completions"),
    ("/v1beta/openai", "/v1beta/openai/"),
    ("/api/v3", "/api/v3"),
    ("/openai/v1", "/openai"),
]


@pytest.mark.parametrize(("prefix", "given"), BASES)
def test_an_address_works_as_it_is_given(loopback, document: Path, prefix: str, given: str) -> None:
    server = loopback(reply=clever, prefix=prefix)
    with Reader(api_base=f"127.0.0.1:{server.port}{given}") as reader:
        assert reader.ask(document, QUESTION).answer == SAID


def test_a_query_goes_with_every_request(loopback, document: Path) -> None:
    seen: list[str] = []
    server = loopback(reply=clever)

    def meets(path: str, body: Any) -> Odd | None:
        seen.append(path)
        return None

    server.meets = meets
    route = server._route
    server._route = lambda path, *rest: (seen.append(path), route(path.partition("?")[0], *rest))[1]
    with Reader(api_base=f"{server.url}?api-version=2024-10-21") as reader:
        assert reader.ask(document, QUESTION).answer == SAID
    asked = [path for path in seen if "?" in path]
    assert len(asked) >= 4 and all(path.endswith("?api-version=2024-10-21") for path in asked)


PROBES = {
    "nothing": (None, "connection refused", ""),
    "404": (lambda *_: Odd(404, {"detail": "Not Found"}), "404", "--model"),
    "500": (lambda *_: Odd(500, {"error": "broken"}), "broken", ""),
    "no list": (lambda *_: Odd(200, b"<html>Welcome</html>"), "lists no models", "API"),
    "no model": (lambda *_: Odd(200, {"data": []}), "lists no model", "pull"),
    "401": (lambda *_: Odd(401, {}), "wants a key", "LCAGENT_API_KEY"),
    "a redirect": (lambda *_: Odd(308, b"", {"location": "/r/v1/models"}), "/r/v1/models", "/r/v1"),
}


@pytest.mark.parametrize("what", PROBES)
def test_why_a_server_cannot_be_asked_is_told(loopback, what: str) -> None:
    meets, words, hint = PROBES[what]
    server = loopback(meets=meets)
    if meets is None:
        server.die()
    with pytest.raises(EndpointUnavailable) as caught:
        choose(Settings(api_base=server.url))
    assert words in caught.value.message and hint in caught.value.hint
    assert not caught.value.hint.startswith(";")
    assert "doctor" in caught.value.hint or what == "401"


def test_a_server_that_lists_no_models_is_used_with_a_name(loopback, document: Path) -> None:
    server = loopback(reply=clever, meets=lambda path, _: Odd(404, {}) if path.endswith("/models") else None)
    with Reader(api_base=server.url, model="tgi") as reader:
        assert reader.ask(document, QUESTION).answer == SAID
    assert server.requests[0].body["model"] == "tgi"


def test_a_server_that_loads_its_model_is_waited_for(loopback, document: Path) -> None:
    loading = [Odd(503, openai("Loading model"))] * 2
    server = loopback(reply=clever, meets=lambda path, _: loading.pop() if loading else None)
    answer, told = notices(server, document)
    assert answer == SAID and len([text for text in told if "Loading model" in text]) == 1


def test_one_that_never_gets_ready_is_given_up(loopback, document: Path) -> None:
    server = loopback(meets=lambda *_: Odd(503, openai("Loading model")))
    with Reader(api_base=server.url, timeout=0.5) as reader, pytest.raises(EndpointUnavailable) as caught:
        reader.ask(document, QUESTION)
    assert caught.value.code == "EndpointUnavailable" and "Loading model" in caught.value.message


def test_doctor_does_not_wait_for_one(loopback) -> None:
    server = loopback(meets=lambda *_: Odd(503, openai("Loading model")))
    done = in_this_process("doctor", "--api-base", server.url)
    assert done.exit_code == 1 and "Loading model" in done.stdout


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": "text-embedding-nomic-v1.5"}, {"id": "chat"}],
        [{"id": "bge-m3"}, {"id": "whisper-1"}, {"id": "chat"}],
        [{"id": "other", "type": "embedding"}, {"id": "chat", "type": "llm"}],
        [{"name": "no id"}, None, {"id": "chat"}],
    ],
)
def test_a_model_that_does_not_chat_is_not_taken(loopback, rows: list[Any]) -> None:
    listed = Odd(200, {"data": rows})
    assert choose(Settings(api_base=loopback(meets=lambda *_: listed).url)).model == "chat"
    listed = Odd(200, rows)
    assert choose(Settings(api_base=loopback(meets=lambda *_: listed).url)).model == "chat"


@pytest.mark.parametrize("key", ["secret\n", "  secret", "secret\r\n"])
def test_white_space_around_a_key_is_none_of_it(loopback, document: Path, key: str) -> None:
    with Reader(api_base=loopback(reply=clever, api_key="secret").url, api_key=key) as reader:
        assert reader.ask(document, QUESTION).answer == SAID


@pytest.mark.parametrize("key", ["“secret”", "sec\nret", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_a_wrong_setting(loopback, key: str) -> None:
    with pytest.raises(SettingsError, match="no header can carry") as caught:
        choose(Settings(api_base=loopback().url, api_key=key))
    assert "ecret" not in caught.value.message


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    """A certificate that signed itself, with its key."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("there is no openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    made = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return context


def test_headers_that_trickle_have_a_time_over_tls_too(loopback, tls: Path, monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls))
    server = loopback(tls=serving(tls), models_fault=Reply("", slow_head=0.1))
    with pytest.raises(EndpointUnavailable, match="too slowly"):
        probe(Target(server.url, timeout=1.0))


def test_the_users_certificates_are_honoured(loopback, document: Path, tls: Path, monkeypatch) -> None:
    server = loopback(reply=clever, tls=serving(tls))
    with pytest.raises(EndpointUnavailable, match="certificate is not trusted") as caught:
        choose(Settings(api_base=server.url))
    assert "SSL_CERT_FILE" in caught.value.hint
    with pytest.raises(EndpointUnavailable) as caught:
        choose(Settings(api_base=server.url.replace("https:", "http:")))
    assert "https:" in caught.value.hint
    monkeypatch.setenv("SSL_CERT_FILE", str(tls))
    with Reader(api_base=server.url) as reader:
        assert reader.ask(document, QUESTION).answer == SAID
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.with_name("nowhere.pem")))
    with pytest.raises(SettingsError, match="SSL_CERT_FILE"):
        choose(Settings(api_base=server.url))


def cuts(context: int, left: int) -> Callable[[dict[str, Any]], Any]:
    """A server whose context is that small, and what it leaves of a prompt that is longer."""

    def reshape(body: dict[str, Any]) -> Any:
        if body["usage"]["prompt_tokens"] >= context:
            body["usage"]["prompt_tokens"] = left
        return body

    return reshape


@pytest.mark.parametrize(
    ("owner", "context", "left"),
    [
        ("library", 1024, 1024),
        ("library", 2048, 2048),
        ("vllm", 512, 512),
        ("library", 2048, 1026),  # Ollama 0.33: the first four, and the last half of its context
    ],
)
def test_a_server_that_cuts_prompts_ends_the_run(
    loopback, tmp_path: Path, owner: str, context: int, left: int
) -> None:
    document = tmp_path / "doc.txt"
    document.write_text(haystack(1500))
    server = loopback(reply=clever, reshape=cuts(context, left), owner=owner, tokenize=owner == "vllm")
    with Reader(api_base=server.url, strategy="memagent") as reader, pytest.raises(TruncatedPrompt) as caught:
        reader.ask(document, QUESTION)
    assert f"{left:,}" in caught.value.message and "--window" in caught.value.hint
    assert server.calls <= 4


def test_a_server_that_tells_no_usage_is_charged_what_was_planned(loopback, tmp_path: Path) -> None:
    document = tmp_path / "doc.txt"
    document.write_text(haystack(400))
    server = loopback(window=2048, reply=clever, reshape=SHAPES["no usage"])
    options = {"api_base": server.url, "window": 2048, "strategy": "memagent"}
    with Reader(**options, max_tokens=6000) as reader:
        answer = reader.ask(document, QUESTION)
    assert (
        answer.status == "budget"
        and 3000 < answer.usage.prompt_tokens + answer.usage.completion_tokens <= 6000
    )


def test_counts_are_had_of_a_server_that_counts_texts_alone(loopback, tmp_path: Path) -> None:
    document = tmp_path / "doc.txt"
    document.write_text(haystack(150))
    prompt_alone = Odd(400, {"object": "error", "message": "prompt: Field required", "code": 400})
    server = loopback(
        window=2048,
        reply=clever,
        meets=lambda path, body: prompt_alone if path == "/tokenize" and "messages" in body else None,
    )
    answer, told = notices(server, document, window=2048, strategy="memagent")
    assert answer == SAID and server.overruns == 0 and not any("counts no tokens" in text for text in told)


def test_nothing_of_a_retry_is_printed_by_a_library(loopback, document: Path, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    server = loopback(
        reply=lambda r: Reply("", status=503) if r.number == 0 else clever(r), tokenize_faults=[503]
    )
    with Reader(api_base=server.url) as reader:
        assert reader.ask(document, QUESTION).answer == SAID
    assert not [record for record in caplog.records if record.name.startswith("stamina")]
    assert capfd.readouterr() == ("", "")


def test_retries_of_the_calling_program_are_still_told(loopback, document: Path) -> None:
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    heard: list[str] = []
    set_on_retry_hooks([lambda details: heard.append(type(details.caused_by).__name__)])
    try:
        server = loopback(reply=lambda r: Reply("", status=503) if r.number == 0 else clever(r))
        with Reader(api_base=server.url) as reader:
            reader.ask(document, QUESTION)
        with pytest.raises(OSError, match="its own"):
            for attempt in stamina.retry_context(on=OSError, attempts=2, wait_initial=0, wait_jitter=0):
                with attempt:
                    raise OSError("its own")
    finally:
        set_on_retry_hooks(None)
    assert heard == ["OSError"]


def test_a_password_in_an_address_is_used_and_neither_kept_nor_shown(
    loopback, document: Path, home: Path, monkeypatch
) -> None:
    server = loopback(reply=clever)
    address = server.url.replace("//", "//anna:geheim@")
    with Reader(api_base=address) as reader:
        events = list(reader.stream(document, QUESTION))
    assert events[-1].answer.answer == SAID and "geheim" not in repr(events)
    assert not [file for file in home.rglob("*") if file.is_file() and b"geheim" in file.read_bytes()]
    monkeypatch.setenv("LCAGENT_API_BASE", address)
    assert "geheim" not in in_this_process("config").output
    assert "geheim" not in in_this_process("doctor").output
    server.die()
    assert "geheim" not in str(in_this_process("ask", str(document), QUESTION).exception)
    assert Address.of(address).headers("key")["Authorization"].startswith("Basic ")
    assert Address.of(Address.of(address).given) == Address.of(address)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:11434", True),
        ("localhost:11434", True),
        ("http://[::1]:1/v1", True),
        ("127.8.9.1", True),
        ("http://0.0.0.0:8000", True),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("https://api.openai.com", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine_is_called_so(url: str, here: bool) -> None:
    assert is_loopback(url) is here


@pytest.mark.filterwarnings("ignore")  # litellm's
@pytest.mark.parametrize(
    ("base", "said"), [("http://127.0.0.1:9", "on this machine"), ("http://h", "leaves this")]
)
def test_ollama_is_told_the_window_and_where_it_is_is_said(monkeypatch, base: str, said: str) -> None:
    from lcagent.models.request import ChatRequest
    from lcagent.models.serving.session import ModelSession

    monkeypatch.setenv("OLLAMA_API_BASE", base)
    told: list[str] = []
    with ModelSession(Settings(model="ollama/llama3.2", window=4096)) as session:
        opened = session.open(told.append)
    transport = opened.transport(told.append)
    sent: list[dict[str, Any]] = []

    async def completion(**body: Any) -> Any:
        sent.append(body)
        raise transport._openai.APIConnectionError(request=None)  # pyright: ignore

    monkeypatch.setattr(transport._litellm, "acompletion", completion)
    with pytest.raises(LcagentError):
        asyncio.run(transport.send(ChatRequest([{"role": "user", "content": "Hello."}], 10)))
    assert sent[0]["num_ctx"] == 4096 and said in told[0]


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("7", 7, 7),
        ("1.5", 1.5, 1.5),
        (30, 25, 31),
        (-30, 0, 0),
        ("", 0, 0),
        ("²", 0, 0),
        ("-3", 0, 0),
        ("nan", 0, 0),
        ("9" * 400, 0, 0),
        ("Mon, 99 Foo 2099 99:99:99 GMT", 0, 0),
    ],
)
def test_when_to_come_back_is_read_or_left(told: str | int, least: float, most: float) -> None:
    if isinstance(told, int):  # seconds from now, as a date
        told = formatdate(time.time() + told, usegmt=True)
    assert least <= retry_after(told) <= most
