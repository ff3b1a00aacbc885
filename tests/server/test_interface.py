"""The description of the interface is true: requests made from it meet no fault, and replies are as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from lcagent.server.options import Limits
from tests.helpers import QUESTION, examples, haystack
from tests.loopback import Loopback
from tests.server.serving import Served, able, asks

# What a schema cannot say (the last message is the user's) is refused with 400, and a field of a form is text
# whatever its type: that all valid requests are heard, and no others, is not asked.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Callable[[str], str]]]:
    """The description of a server that runs, and a maker of ids that are there."""
    home = tmp_path_factory.mktemp("interface") / "home"
    limits = Limits(requests=1_000_000)
    with Loopback(reply=able) as model, Served(home, model.url, limits=limits) as served:

        def there(kind: str) -> str:
            file = served.upload(haystack(20))
            if kind == "file":
                return file
            if kind == "collection":
                return served.http.post("/v1/collections", json={"name": "all", "files": [file]}).json()["id"]
            if kind == "session":
                body = {"messages": asks(text="I live in Paris"), "user": "me"}
                assert served.http.post("/v1/chat/completions", json=body).status_code == 200
                return "me"
            if kind in {"run", "response"}:
                run = served.run(QUESTION, file)
                served.ended(run)
                return run if kind == "run" else run.replace("run_", "resp_")
            return {"model": "lcagent", "page": "1"}[kind]

        yield schemathesis.openapi.from_url(f"{served.url}/openapi.json"), there


OPERATIONS = """
get /v1/models
get /v1/models/{model}
post /v1/chat/completions
post /v1/responses
get /v1/responses/{response}
delete /v1/responses/{response}
post /v1/responses/{response}/cancel
post /v1/files
get /v1/files
get /v1/files/{file}
delete /v1/files/{file}
get /v1/files/{file}/content
get /v1/files/{file}/passage
get /v1/files/{file}/pages/{page}
post /v1/collections
get /v1/collections
get /v1/collections/{collection}
delete /v1/collections/{collection}
post /v1/collections/{collection}/files
delete /v1/collections/{collection}/files/{file}
post /v1/runs
get /v1/runs
get /v1/runs/{run}
delete /v1/runs/{run}
get /v1/runs/{run}/answer
get /v1/runs/{run}/findings
get /v1/runs/{run}/events
post /v1/runs/{run}/cancel
get /v1/sessions
get /v1/sessions/{session}
get /v1/sessions/{session}/messages
get /v1/sessions/{session}/memory
get /health
get /ready
get /metrics
""".strip().splitlines()


def test_every_operation_is_tried(described: Any) -> None:
    paths = described[0].raw_schema["paths"]
    assert sorted(f"{method} {path}" for path in paths for method in paths[path]) == sorted(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_asked_is_answered_as_described(described: Any, operation: str) -> None:
    schema, there = described
    method, path = operation.split(" ")
    asked = schema[path][method.upper()]
    ids: dict[str, str] = {}
    valid = asked.as_strategy(generation_mode=GenerationMode.POSITIVE)
    takes = asked.body or asked.query
    cases = valid | asked.as_strategy(generation_mode=GenerationMode.NEGATIVE) if takes else valid

    # Always the same ones, so that a fault is found when it is made and not on some later day.
    @settings(
        max_examples=examples(24),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, real=st.booleans())
    def check(case: Any, real: bool) -> None:
        if real:
            if method == "delete":
                ids.clear()
            for name in case.path_parameters or {}:
                if name not in ids:
                    ids[name] = there(name)
                case.path_parameters[name] = ids[name]
        case.call_and_validate(checks=CHECKS, timeout=60)

    check()


def test_real_answers_are_as_described(described: Any) -> None:
    """Replies of every kind that made-up requests seldom get: answers, streams, pages that are drawn."""
    schema, there = described
    file = there("file")
    chat = {"messages": asks(file, text=QUESTION)}
    replies = [
        schema["/v1/chat/completions"]["POST"]
        .Case(body=body, media_type="application/json")
        .call_and_validate(checks=CHECKS)
        for body in (chat, {**chat, "stream": True}, {"messages": asks(text="Hello")})
    ]
    assert "Oskar Brandvold" in replies[0].json()["choices"][0]["message"]["content"]
    inputs = {"input": QUESTION, "lcagent": {"files": [file]}}
    for body in (inputs, {**inputs, "stream": True}, {**inputs, "background": True}):
        made = schema["/v1/responses"]["POST"].Case(body=body, media_type="application/json")
        assert made.call_and_validate(checks=CHECKS).status_code == 200
