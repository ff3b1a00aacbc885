"""Native tool calls: an action asked for as functions gives what it gives as a JSON object."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.agents.explorer import chunk_reply, neighbour_reply, visit_reply
from lcagent.errors import CutReply, MalformedReply, RequestRefused
from lcagent.models.actions import tools_of
from lcagent.models.estimate import EstimateCounter
from lcagent.models.probing import Target, probe
from lcagent.models.profile import ModelProfile
from lcagent.models.replies import CALLED, RawReply, as_call, split_call
from lcagent.models.structured import RETRY_TOKENS, as_asked, ask_typed, parse, parse_call, reply_schema
from lcagent.models.tokens import counter_for
from lcagent.models.transport import ChatRequest, HttpTransport, LiteLlmTransport
from lcagent.models.window import Calling, Part, Window
from tests.exploring import ask, calls_functions, role, roles, written
from tests.helpers import in_this_process
from tests.loopback import Loopback, Reply, Request, count, count_messages
from tests.test_bounded_calls import model
from tests.test_counter import tokenizer
from tests.test_graphreader import BORN, LIGHT, chain
from tests.test_probe import measured, perfect

VISIT = visit_reply(["f1", "f2"], ["c3", "c7"])
GOOD = {"useful": ["f1"], "conclusion": "", "missing": "more", "do": "read_chunk", "chunks": ["c3"]}
ARGUMENTS = json.dumps({name: value for name, value in GOOD.items() if name != "do"})


def tools(kind: Any) -> dict[str, dict[str, Any]]:
    every = tools_of(kind, reply_schema(kind)["properties"])
    return {tool["function"]["name"]: tool["function"] for tool in every}


def test_there_is_a_tool_for_each_function_that_may_be_called_now() -> None:
    read, stop = tools(VISIT).values()
    assert (read["name"], stop["name"]) == ("read_chunk", "stop_and_read_neighbor")
    assert read["description"] and stop["description"] != read["description"]
    assert read["parameters"]["properties"]["chunks"]["items"]["enum"] == ["c3", "c7"]
    assert read["parameters"]["properties"]["useful"]["items"]["enum"] == ["f1", "f2"]
    assert read["parameters"]["required"] == list(read["parameters"]["properties"])
    assert set(read["parameters"]["required"]) == {"useful", "conclusion", "missing", "chunks"}
    assert set(stop["parameters"]["properties"]) == {"useful", "conclusion", "missing"}
    assert tools(visit_reply(["f1"], [])).keys() == {"stop_and_read_neighbor"}
    assert tools(chunk_reply((False, True))).keys() == {
        "search_more",
        "read_subsequent_chunk",
        "termination",
    }
    assert tools(neighbour_reply(["a", "b"]))["termination"]["parameters"]["properties"] == {}


@given(st.text(st.characters(exclude_characters="("), min_size=1), st.text())
def test_a_call_is_kept_as_text_without_loss(name: str, arguments: str) -> None:
    assert split_call(as_call(name, arguments)) == (name, arguments)


SAID = st.fixed_dictionaries(
    {
        "useful": st.lists(st.sampled_from(["f1", "f2"]), max_size=3),
        "conclusion": st.text(),
        "missing": st.text(),
        "do": st.sampled_from(["read_chunk", "stop_and_read_neighbor"]),
    }
)


@given(SAID, st.lists(st.sampled_from(["c3", "c7"]), max_size=4))
def test_a_call_is_the_reply_that_the_json_object_would_be(said: dict[str, Any], chunks: list[str]) -> None:
    reads = said["do"] == "read_chunk"
    arguments = json.dumps({name: value for name, value in said.items() if name != "do"} | {"chunks": chunks})
    call = RawReply(as_call(said["do"], arguments), finish_reason=CALLED)
    whole = RawReply(json.dumps(said | {"chunks": chunks if reads else []}))
    assert parse_call(call, VISIT) == parse(whole, VISIT)


NODE = neighbour_reply(["Tolmer (the bridge)", "b"])


def test_what_a_function_does_not_take_has_its_default() -> None:
    ended = parse_call(RawReply("termination()", finish_reason=CALLED), NODE)
    assert (ended.do, ended.node) == ("termination", "")
    assert parse(RawReply('{"do": "termination"}'), NODE) == ended
    told = RawReply(as_call("read_neighbor_node", '{"node": "Tolmer (the bridge)"}'), finish_reason=CALLED)
    assert parse_call(told, NODE).node == "Tolmer (the bridge)"
    for reply, read in (
        (RawReply("read_neighbor_node({})", finish_reason=CALLED), parse_call),
        (RawReply('{"do": "read_neighbor_node"}'), parse),
    ):
        with pytest.raises(MalformedReply, match="read_neighbor_node needs 'node'"):
            read(reply, NODE)


WRONG = {
    "text": Reply("I would read c3."),
    "the JSON object as text": Reply(json.dumps(GOOD)),
    "a call as text": Reply(as_call("read_chunk", ARGUMENTS), CALLED),
    "nothing": Reply(""),
    "another function": Reply("", calls=[("fly", ARGUMENTS)]),
    "no JSON": Reply("", calls=[("read_chunk", "c3, please")]),
    "a list": Reply("", calls=[("read_chunk", '["c3"]')]),
    "no arguments": Reply("", calls=[("read_chunk", "")]),
    "empty arguments": Reply("", calls=[("read_chunk", "{}")]),
    "not on the list": Reply("", calls=[("read_chunk", ARGUMENTS.replace("c3", "c999"))]),
    "a fact not on the list": Reply("", calls=[("read_chunk", ARGUMENTS.replace("f1", "f999"))]),
    "one argument too few": Reply("", calls=[("read_chunk", '{"useful": ["f1"]}')]),
    "cut": Reply("", "length", calls=[("read_chunk", ARGUMENTS[:20])]),
}


def render(parts) -> list[dict[str, str]]:
    return [{"role": "user", "content": parts["question"]}]


async def visited(server: Loopback) -> Any:
    asked = model(server)
    asked.tools = True
    asked.window = Window(8192, EstimateCounter())
    try:
        prompt = as_asked(asked, render, lambda: VISIT)
        part = Part("question", "What next?")
        fitted = await asked.window.fit(prompt, [part], reply=200, spare=RETRY_TOKENS)
        return await ask_typed(asked, "visit", fitted, VISIT)
    finally:
        await asked.transport.close()


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_no_call_is_asked_for_once_more_with_the_error(loopback, wrong: str) -> None:
    def says(request: Request) -> Reply | str:
        return json.dumps(GOOD) if "could not be used" in request.text else WRONG[wrong]

    server = loopback(reply=says)
    assert await visited(server) == parse(RawReply(json.dumps(GOOD)), VISIT)
    first, second = server.requests
    assert first.functions == second.functions != {}
    assert all(request.body["tool_choice"] == "required" for request in (first, second))
    assert "response_format" not in first.body and server.overruns == 0


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_no_call_twice_is_an_error_and_never_an_empty_reply(loopback, wrong: str) -> None:
    server = loopback(reply=lambda _: WRONG[wrong])
    with pytest.raises(CutReply if wrong == "cut" else MalformedReply):
        await visited(server)
    assert len(server.requests) == 2


async def test_of_several_calls_the_first_one_counts(loopback) -> None:
    several = [("read_chunk", ARGUMENTS), ("stop_and_read_neighbor", "{}")]
    said = await visited(loopback(reply=lambda _: Reply("First I read.", calls=several)))
    assert (said.do, said.chunks) == ("read_chunk", ["c3"])


ASKED = ChatRequest(
    [{"role": "user", "content": "What next?"}],
    max_tokens=200,
    tools=tools_of(VISIT, reply_schema(VISIT)["properties"]),
)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # litellm's
async def test_both_transports_give_the_same_call(loopback, monkeypatch, streamed: bool) -> None:
    both = [("read_chunk", ARGUMENTS), ("stop_and_read_neighbor", "{}")]
    server = loopback(reply=lambda _: Reply("So:", calls=both))
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.url)
    endpoint = probe(Target(server.url))
    assert endpoint is not None
    replies = []
    for transport in (
        HttpTransport(endpoint, timeout=5),
        LiteLlmTransport("hosted_vllm/loopback", api_key="none", timeout=5),
    ):
        pieces: list[str] = []
        replies.append(await transport.send(ASKED, pieces.append if streamed else None))
        assert "".join(pieces) == ("So:" + ARGUMENTS if streamed else "")
        await transport.close()
    assert replies[0] == replies[1]
    assert (replies[0].text, replies[0].finish_reason) == (as_call("read_chunk", ARGUMENTS), CALLED)
    assert replies[0].reasoning == "So:"
    direct, by_litellm = server.requests
    assert direct.key == by_litellm.key and direct.functions


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # litellm's
async def test_functions_are_never_left_out_in_silence() -> None:
    """Of a provider that takes none litellm would drop them."""
    transport = LiteLlmTransport("ollama/llama3", api_key="none", timeout=5)
    with pytest.raises(RequestRefused, match="no way to have ollama"):
        await transport.send(ASKED)


@given(
    facts=st.lists(st.text(min_size=1, max_size=30), max_size=60, unique=True),
    counted=st.booleans(),
    room=st.integers(300, 3000),
)
def test_functions_count_against_the_window(facts: list[str], counted: bool, room: int) -> None:
    """By /tokenize, and by a bound where it leaves them out; what may shrink makes room for them."""
    kind = visit_reply(facts, ["c3"])
    prompt = Calling(render, json.dumps(tools_of(kind, reply_schema(kind)["properties"])))
    with Loopback(tokenize_tools=counted) as server:
        endpoint = probe(Target(server.url))
        assert endpoint is not None
        counter = counter_for(endpoint, None)
        least = counter.count_messages(prompt({"question": "word " * 50}), prompt.tools)
        window = Window(least + room, counter)
        shrinks = Part("question", "word " * 2000, shrink=lambda tokens: "word " * (tokens // 2 - 1))
        try:
            fitted = window._fit(prompt, [shrinks], reply=100, spare=0)
        finally:
            counter.close()
    assert count_messages(fitted.messages, list(fitted.tools)) <= fitted.prompt_tokens
    assert fitted.total <= window.size
    assert fitted.tools == prompt.tools


class Blind(EstimateCounter):
    """Counts as the server does, but for functions."""

    def count(self, text: str) -> int:
        return count(text)

    def count_messages(self, messages, tools=()) -> int:
        return count_messages(messages)


async def test_a_call_found_over_the_window_is_planned_again_with_its_functions(loopback) -> None:
    server = loopback(window=2000, reply=lambda _: json.dumps(GOOD))
    asked = model(server)
    asked.tools, asked.window = True, Window(2000, Blind())
    part = Part("question", "word " * 800, shrink=lambda tokens: "word " * (tokens // 2))
    prompt = as_asked(asked, render, lambda: VISIT)
    fitted = await asked.window.fit(prompt, [part], reply=200, spare=RETRY_TOKENS)
    assert (await ask_typed(asked, "visit", fitted, VISIT)).chunks == ["c3"]
    await asked.transport.close()
    assert server.overruns >= 1
    assert server.requests[-1].functions == server.requests[0].functions != {}


TEMPLATE = (
    "{% for t in tools %}{{ t | tojson }} {% endfor %}{% for m in messages %}{{ m.content }} {% endfor %}"
)


def test_a_tokenizer_file_counts_functions_where_its_template_writes_them(tmp_path: Path) -> None:
    messages, functions = [{"role": "user", "content": "a"}], list(ASKED.tools)
    counter = tokenizer(tmp_path, TEMPLATE)
    told = counter.count_messages(messages, functions)
    assert told == 1 + sum(counter.count(json.dumps(tool)) for tool in functions)
    silent = tokenizer(tmp_path, "{% for m in messages %}{{ m.content }}{% endfor %}")
    assert silent.count_messages(messages, functions) > told
    assert silent.count_messages(messages) == 1


def test_a_bound_of_functions_is_over_what_they_take() -> None:
    messages = [{"role": "user", "content": "What next?"}]
    bound = EstimateCounter().count_messages(messages, ASKED.tools)
    assert bound > count_messages(messages, list(ASKED.tools)) > count_messages(messages)


def test_a_graph_is_explored_as_by_json(loopback, tmp_path: Path) -> None:
    path = written(chain(), tmp_path)
    answers = []
    for home, believed in ((tmp_path / "json", False), (tmp_path / "tools", True)):
        server = loopback(window=4096, reply=chain())
        if believed:
            calls_functions(server, home)
        answers.append((ask(server, path, graphreader={"paths": 1}, home=home), roles(server)))
        visits = [request for request in server.requests if role(request) in {"visit", "neighbour"}]
        assert {bool(request.functions) for request in visits} == {believed}
        assert {"response_format" in request.body for request in visits} == {not believed}
        assert server.overruns == 0
    (by_json, asked), (by_calls, called) = answers
    assert (by_calls.answer, by_calls.status) == ("Vellmere", "answered")
    assert [citation.quote for citation in by_calls.citations] == [LIGHT, BORN]
    assert by_calls.model_dump(include={"text", "claims", "citations", "status", "warnings"}) == (
        by_json.model_dump(include={"text", "claims", "citations", "status", "warnings"})
    )
    assert called == asked


@pytest.mark.parametrize("window", [8192, 4096])
def test_what_may_be_named_leaves_less_room_for_what_is_shown(loopback, tmp_path: Path, window: int) -> None:
    """The names stand in the functions' schemas once more."""
    names = [f"lamp number {n} of the {word} row" for n in range(100) for word in ("north", "south", "east")]
    facts = {f"The hub holds {name}.": ["hub", name] for name in names}
    text = [" ".join(list(facts)[at : at + 4]) for at in range(0, len(facts), 4)]
    world = chain(paragraphs=text, elements=facts, begin=["hub"], needed=["nowhere"], visit={}, neighbour={})
    server = loopback(window=window, reply=world)
    calls_functions(server, tmp_path / "home")
    answer = ask(server, written(world, tmp_path), "What is the hub of the hub?", graphreader={"paths": 1})
    assert (answer.status, server.overruns) == ("not_found", 0)
    (visit,) = [request for request in server.requests if role(request) == "visit"]
    (neighbour,) = [request for request in server.requests if role(request) == "neighbour"]
    shown = visit.text.split("<findings>")[-1].count("The hub holds")
    assert 20 < shown < 300
    for taken in visit.functions.values():
        assert taken["useful"]["items"]["enum"] == [f"f{n}" for n in range(1, shown + 1)]
    listed = neighbour.text.split("<findings>")[-1].split("</findings>")[0].split("\n")[1:-1]
    assert neighbour.functions["read_neighbor_node"]["node"]["enum"] == listed
    assert len(listed) > 20
    # What is left free is less than one more line with its name in the list would take, and the slack.
    assert neighbour.prompt_tokens + neighbour.body["max_tokens"] > 0.8 * window


def test_a_small_window_keeps_its_room(loopback, tmp_path: Path) -> None:
    server = loopback(window=2048, reply=chain())
    calls_functions(server, tmp_path / "home")
    answer = ask(server, written(chain(), tmp_path), graphreader={"paths": 1})
    assert (answer.answer, server.overruns) == ("Vellmere", 0)
    assert not any(request.functions for request in server.requests)


def test_where_nothing_is_counted_calls_are_bounded(loopback, tmp_path: Path) -> None:
    server = loopback(window=8192, reply=chain(), tokenize=False)
    calls_functions(server, tmp_path / "home")
    answer = ask(server, written(chain(), tmp_path), graphreader={"paths": 1})
    assert (answer.answer, server.overruns) == ("Vellmere", 0)
    assert any(request.functions for request in server.requests)


def test_a_call_is_shown_and_sent_again(loopback, tmp_path: Path, home: Path) -> None:
    server = loopback(window=4096, reply=chain())
    calls_functions(server, home)
    ask(server, written(chain(), tmp_path), graphreader={"paths": 1})
    rows = in_this_process("runs", "replay", "last").stdout
    number = next(line.split(".")[0][4:] for line in rows.splitlines() if ". visit: " in line)
    shown = in_this_process("runs", "show", "last", "--call", number).stdout
    assert "--- function read_chunk: Read whole pieces" in shown
    assert '\nchunks  {"items": {"enum": ["c' in shown
    assert "--- reply\nstop_and_read_neighbor({" in shown
    kept = json.loads(in_this_process("runs", "show", "last", "--call", number, "--json").stdout)["request"]
    other = loopback(window=4096, reply=chain())
    again = in_this_process("runs", "resend", "last", number, "--api-base", other.url).stdout
    (request,) = other.requests
    assert {name: value for name, value in request.body.items() if name != "model"} == kept
    assert "stop_and_read_neighbor({" in again


def calling(request: Request, wrong: int = 0) -> Reply | str:
    """A model that calls what the notes ask for, wrongly so in some cases."""
    if not request.functions:
        return perfect(request)
    notes = request.text.split("<notes>")[-1].split("</notes>")[0]
    done = ("Nothing is missing", "Es fehlt nichts")
    names = [name for name in ("Agathe Lund", "Cornelis Vey", "is the salt store") if name in notes]
    said: dict[str, Any] = {"reason": "as told"}
    if any(phrase in notes for phrase in done):
        said |= {"do": "end_search"}
    elif names:
        said |= {"do": "read_node", "name": names[0].removeprefix("is ")}
    else:
        piece = next(piece for piece in ("c5", "c3", "c4") if piece in notes)
        said |= {"do": "read_piece", "piece": piece}
    mistaken = [phrase for phrase in ("c5", "c3", "Agathe")[:wrong] if phrase in notes]
    return json.dumps(said | ({"do": "end_search"} if mistaken else {}))


@pytest.mark.parametrize(("wrong", "works"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_model_that_calls_the_right_functions_is_found_to(loopback, wrong: int, works: bool) -> None:
    server = loopback(reply=lambda request: calling(request, wrong))
    profile = measured(server)
    assert (profile.tools, profile.stance, profile.schema_kept) == (works, "trusting", 1.0)
    assert profile.calls == server.calls and server.overruns == 0
    told = in_this_process("doctor", "--api-base", server.url).stdout
    assert ("; native tool calls;" in told, "; no native tool calls;" in told) == (works, not works)
    rows = in_this_process("probe", "--api-base", server.url, "-q").stdout
    assert ("work" if works else "do not work: JSON is asked for") in rows.splitlines()[-2]


def refused(status: int) -> Any:
    return lambda request: Reply("", status=status) if request.functions else perfect(request)


@pytest.mark.parametrize(
    "options",
    [
        {"tool_parser": False, "reply": perfect},
        {"reply": lambda request: Reply("") if request.functions else perfect(request)},
        {"reply": lambda request: Reply("end_search()") if request.functions else perfect(request)},
        {"reply": refused(404)},
    ],
)
def test_of_a_server_without_tool_calls_all_else_is_measured(loopback, options: dict[str, Any]) -> None:
    server = loopback(**options)
    profile = measured(server)
    assert (profile.tools, profile.answers, profile.stance) == (False, 1.0, "trusting")
    assert profile.calls == server.calls


def test_of_a_server_that_fails_at_functions_nothing_is_told_but_all_else(loopback) -> None:
    profile = measured(loopback(reply=refused(500)), "--set", "timeout=2")
    assert (profile.tools, profile.answers, profile.stance) == (None, 1.0, "trusting")


@pytest.mark.slow
def test_where_no_function_fits_the_window_nothing_is_known(loopback) -> None:
    server = loopback(window=1024, reply=calling, tokenize_tools=False)
    assert measured(server, "--window", "1024").tools is None


def test_a_profile_of_before_is_read_and_asks_for_json() -> None:
    old = {"model": "m", "fingerprint": "f", "stance": "trusting", "source": "probe", "says_no": 1.0}
    assert not ModelProfile.model_validate(old).tools
