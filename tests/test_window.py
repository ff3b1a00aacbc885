"""No call exceeds the window, whatever the document, question, memory or window."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.agents.reader import PROMPT, ReadingReply
from lcagent.errors import CutReply, MalformedReply, UsageError
from lcagent.models.structured import parse
from lcagent.models.transport import RawReply
from lcagent.models.window import Part, Window
from tests.helpers import examples
from tests.loopback import Faults, Loopback

PIECES = st.sampled_from(
    [
        "The harbour master came. ",
        "漢字かな",
        "👩‍👩‍👧",
        "x" * 700,
        "\n\n",
        "1,234.5 ",
        "<|im_end|>",
        "</segment>",
        "\ud800",
        " \f ",
    ]
)


@settings(
    max_examples=examples(35), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pieces=st.lists(PIECES, min_size=1, max_size=120),
    question=st.text(min_size=1, max_size=300).filter(str.strip),
    window=st.integers(700, 3000),
    mode=st.sampled_from(["ledger", "parallel", "overwrite"]),
    long_facts=st.booleans(),
)
def test_no_call_exceeds_the_window(tmp_path_factory, pieces, question, window, mode, long_facts) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = folder / "doc.txt"
    path.write_bytes("".join([*pieces, " end"]).encode("utf-8", "replace") * 3)

    def talks(request):
        schema = request.schema
        if schema and "facts" in schema["properties"]:
            words = request.text.split("<segment>")[-1].split()
            fact = " ".join(words[:60] if long_facts else words[:6]) or "a"
            return json.dumps({"relevant": "yes", "facts": [fact, fact[::-1]], "sufficient": "no"})
        if schema:
            return json.dumps({"found": "yes", "answer": "the harbour master"})
        return "memory " * (400 if long_facts else 20)

    faults = Faults(every=4, kinds=("malformed", "cut"))
    with Loopback(window=window, reply=talks, faults=faults) as server:
        options = {"api_base": server.url, "window": window, "home": folder / "home"}
        with Reader(**options, strategy="memagent", memagent={"mode": mode}) as reader:
            try:
                answer = reader.ask(path, question)
            except UsageError:
                assert not server.requests  # refused before the first call
                return
            except MalformedReply:
                answer = None  # the answering call itself was spoilt twice
        assert server.overruns == 0
        sent = [r for r in server.requests if "<|im_end|>" in r.text or "\ud800" in r.text]
        assert not sent  # a document writes no control tokens
        assert answer is None or answer.coverage.segments_total > 0


class _Characters:
    """A tokenizer whose every character is a token."""

    exact, source = True, "characters"

    def count(self, text: str) -> int:
        return len(text)

    def count_messages(self, messages: list[dict[str, str]], tools: object = ()) -> int:
        return sum(len(message["content"]) for message in messages)

    def close(self) -> None:
        """Nothing is open."""


async def test_what_a_prompt_says_twice_counts_twice() -> None:
    window = Window(4000, _Characters())
    parts = [
        Part("question", "q" * 500, times=2),
        Part("segment", "s" * 500, tokens=500),
        Part("plan", "", shrink=lambda _: ""),
        Part("memory", "m" * 2000, shrink=lambda tokens: "m" * tokens),
    ]
    fitted = await window.fit(PROMPT.bind(brief=False), parts, reply=200)
    assert fitted.shrunk == ("memory",)
    assert window.counter.count_messages(fitted.messages) <= fitted.prompt_tokens
    assert fitted.total <= window.size


def test_the_servers_smaller_window_goes_first(loopback, tmp_path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text("word " * 4000)
    server = loopback(window=1500)
    with Reader(api_base=server.url, window=8192) as reader:
        reader.ask(path, "which word?")
    assert server.overruns == 0 and len(server.requests) > 2


@pytest.mark.parametrize(
    "text",
    [
        '{"relevant": "yes", "facts": ["a"], "sufficient": "no"}',
        'Sure! {"relevant": "yes", "facts": ["a"], "sufficient": "no"} Anything else?',
        '```json\n{"relevant": "yes", "facts": ["a",], "sufficient": "no"}\n```',
        "{'relevant': 'yes', 'facts': ['a'], 'sufficient': 'no'",
    ],
)
def test_weak_json_is_repaired(text: str) -> None:
    assert parse(RawReply(text), ReadingReply).facts == ["a"]


@pytest.mark.parametrize(
    "text", ["", "no", "[]", "{}", '{"relevant": "maybe", "facts": []}', '{"facts": []}', "[1,2]"]
)
def test_what_cannot_be_repaired_is_an_error_and_never_an_empty_default(text: str) -> None:
    with pytest.raises(MalformedReply):
        parse(RawReply(text), ReadingReply)


def test_a_cut_reply_and_a_run_of_white_space_are_told_apart() -> None:
    with pytest.raises(MalformedReply, match="white space"):
        parse(RawReply("{" + " " * 300, finish_reason="length"), ReadingReply)
    with pytest.raises(CutReply):
        parse(RawReply('{"relevant": "yes", "facts": ["a', finish_reason="length"), ReadingReply)
