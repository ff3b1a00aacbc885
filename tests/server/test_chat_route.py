"""OpenAI's chat protocol, by its own client and LangChain's."""

import base64
import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.answer import Answer, Citation, Claim, CoverageReport, PastMessage, Quoted, Reply, UsageReport
from lcagent.chat import ChatSession
from lcagent.graphs import STRATEGIES
from lcagent.memory.copying import copied
from lcagent.memory.tiers.tables import open_memory
from lcagent.place import Place
from lcagent.server.dialects.markdown import escaped, with_footnotes, without_footnotes
from lcagent.server.evidence import told
from lcagent.server.options import Limits
from lcagent.server.routes.messages import session_name
from lcagent.settings import load_settings
from tests.chatting import HOME, WHERE
from tests.helpers import NEEDLE, QUESTION, haystack, prose
from tests.server.serving import BOAT, CALLED, Served, able, asks, boatman, slowly, sse, until

OPEN_WEBUI = {"x-openwebui-chat-id": "c1", "x-openwebui-user-id": "u1"}


def test_every_strategy_is_a_model(served: Served) -> None:
    names = [model.id for model in served.client().models.list()]
    assert names == ["lcagent", *(f"lcagent/{name}" for name in STRATEGIES)]
    assert served.client().models.retrieve("lcagent/graphreader").owned_by == "lcagent"
    with pytest.raises(openai.NotFoundError):
        served.client().models.retrieve("gpt-4o")


def test_a_question_about_an_uploaded_file_is_answered_with_its_place(served: Served, model: Any) -> None:
    text = haystack()
    file = served.client().files.create(file=("town.txt", text.encode()), purpose="user_data")
    reply = served.client().chat.completions.create(model="lcagent", messages=asks(file.id, text=QUESTION))  # type: ignore[arg-type]
    message = reply.choices[0].message
    assert message.content is not None and message.content.startswith(
        "Oskar Brandvold [^1]\n\n[^1]: [town.txt, line"
    )
    assert message.annotations is not None
    cited = message.annotations[0].url_citation
    assert message.content[cited.start_index : cited.end_index] == "[^1]"
    at = httpx.URL(cited.url).params
    assert at["file"] == file.id and text[int(at["start"]) : int(at["end"])] == NEEDLE
    assert reply.usage is not None
    assert reply.usage.prompt_tokens == sum(request.prompt_tokens for request in model.requests)
    ours = (reply.model_extra or {})["lcagent"]
    assert ours["status"] == "answered" and ours["citations"][0]["quote"] == NEEDLE


@pytest.mark.parametrize("form", ["file", "input_file", "bare"])
def test_a_file_within_the_request_is_kept_once(served: Served, form: str) -> None:
    data = base64.b64encode(haystack(60).encode()).decode()
    url = data if form == "bare" else f"data:text/plain;base64,{data}"
    held = {"file_data": url, "filename": "../../etc/town.txt"}
    part = {"type": "input_file", **held} if form == "input_file" else {"type": "file", "file": held}
    messages: Any = [{"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}]
    for _ in range(2):
        reply = served.client().chat.completions.create(model="lcagent", messages=messages)
        assert "Oskar Brandvold" in (reply.choices[0].message.content or "")
    (file,) = served.client().files.list().data
    assert file.filename == "town.txt"


def test_progress_comes_before_the_answer_and_usage_after_it(served: Served) -> None:
    file = served.upload(haystack())
    stream = served.client().chat.completions.create(
        model="lcagent/memagent",
        messages=asks(file, text=QUESTION),  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta.to_dict() for chunk in chunks if chunk.choices]
    assert deltas[0]["role"] == "assistant"
    thought = [delta["reasoning"] for delta in deltas if "reasoning" in delta]
    assert thought == [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta]
    assert "memagent: " in thought[0] and any(line.startswith("read 3 of ") for line in thought)
    content = [n for n, delta in enumerate(deltas) if delta.get("content")]
    assert content and content[0] > max(n for n, delta in enumerate(deltas) if "reasoning" in delta)
    assert deltas[-1]["annotations"] and chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None and chunks[-1].usage.prompt_tokens > 1000


def test_open_webui_gets_its_events_and_nobody_else(served: Served) -> None:
    body = {"model": "lcagent", "stream": True, "messages": asks(served.upload(haystack(60)), text=QUESTION)}
    plain = served.http.post("/v1/chat/completions", json=body).text
    assert "event" not in {name for one in sse(plain)[:-1] for name in one["data"]}
    events = [
        one["data"]
        for one in sse(
            served.http.post("/v1/chat/completions", json=body | {"lcagent": {"open_webui": True}}).text
        )[:-1]
    ]
    told_of = [event["event"] for event in events if "event" in event]
    assert [one["type"] for one in told_of[-2:]] == ["source", "status"] and told_of[-1]["data"]["done"]
    source = told_of[-2]["data"]
    assert source["document"] == [NEEDLE] and source["metadata"][0]["name"] == "town.txt"
    assert source["source"]["url"].startswith(served.url)
    assert all(event["choices"] == [] for event in events if "event" in event)
    assert not any(one["delta"].get("annotations") for event in events for one in event["choices"])


def test_who_names_a_session_is_remembered_and_nobody_else(served: Served, home: Path) -> None:
    client = served.client()

    def say(text: str, **more: Any) -> str:
        messages: Any = [{"role": "system", "content": "You are kind."}, {"role": "user", "content": text}]
        return (
            client.chat.completions.create(model="lcagent", messages=messages, **more)
            .choices[0]
            .message.content
            or ""
        )

    say(HOME, user="anna")
    assert say(WHERE, user="anna") == "You live in Paris."
    say(HOME, user="anna", extra_headers={"x-session-id": "work"})
    with ChatSession("anna", settings=load_settings({"home": home})) as chat:
        assert [message.text for message in chat.history() if message.author == "user"] == [HOME, WHERE]
        assert "Paris" in chat.memory()["human"][0].text
    say(HOME)
    kept = served.http.get("/v1/sessions").json()["data"]
    assert sorted(one["session"] for one in kept) == ["anna", "anna/work"]
    assert not any((home / "passing").iterdir())


def test_messages_of_one_moment_are_answered_in_the_order_in_which_they_came(
    home: Path, loopback: Any
) -> None:
    model = loopback(reply=slowly(able, 0.05))
    said = [f"Ship {number} came in." for number in range(20)]
    with Served(home, model.url, limits=Limits(running=3, requests=100_000)) as served:
        runs = [
            served.http.post("/v1/responses", json={"input": text, "user": "anna", "background": True}).json()
            for text in said
        ]
        other = served.http.post("/v1/chat/completions", json={"messages": asks(text="Hello"), "user": "eva"})
        assert "Noted: Hello" in other.text
        assert not _ended(served, runs[-1]["id"])  # whoever waits for a turn takes nobody's place
        until(lambda: all(_ended(served, run["id"]) for run in runs))
    with ChatSession("anna", settings=load_settings({"home": home})) as chat:
        assert [one.text for one in chat.history(100) if one.author == "user"] == said


def _ended(served: Served, response: str) -> bool:
    return served.http.get(f"/v1/responses/{response}").json()["status"] == "completed"


def test_a_stroke_within_a_name_makes_no_two_memories_one(served: Served) -> None:
    messages: Any = [{"role": "user", "content": "Good morning"}]
    for user, session in (("a", "b/c"), ("a/b", "c"), ("a%2Fb", "c"), ("a/b/c", None), (None, "a/b")):
        headers = {"x-session-id": session} if session else {}
        served.client().chat.completions.create(
            model="lcagent", messages=messages, user=user or openai.omit, extra_headers=headers
        )
    kept = {one["session"]: one["messages"] for one in served.http.get("/v1/sessions").json()["data"]}
    # A name by itself may be one that was listed, as the page sends it.
    assert kept == {"a/b/c": 4, "a%2Fb/c": 2, "a%252Fb/c": 2, "a/b": 2}


# Pure, and of too many cases for requests.
@given(*[st.tuples(*[st.text("a%/25F", min_size=1, max_size=6)] * 2)] * 2)
def test_two_different_pairs_are_two_names(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (session_name(*one) == session_name(*other)) == (one == other)
    assert session_name(one[0], None) == session_name(None, one[0]) == session_name(one[0], "") == one[0]


def test_a_conversation_that_begins_elsewhere_is_taken_over_once(served: Served, home: Path) -> None:
    messages: Any = [
        {"role": "user", "content": HOME},
        {"role": "assistant", "content": "Noted [^1]\n\n[^1]: [a, b](http://x): “q”"},
        {"role": "user", "content": "And now?"},
    ]
    for _ in range(2):
        served.client().chat.completions.create(model="lcagent", messages=messages, user="olav")
    with ChatSession("olav", settings=load_settings({"home": home})) as chat:
        said = [message.text for message in chat.history()]
    assert said[:3] == [HOME, "Noted", "And now?"] and said.count(HOME) == 1


def test_the_same_message_sent_again_under_its_key_is_answered_once(served: Served, model: Any) -> None:
    messages: Any = [{"role": "user", "content": "Good morning"}]
    headers = {"idempotency-key": "k1"}
    first, second = (
        served.client().chat.completions.create(
            model="lcagent", messages=messages, user="eva", extra_headers=headers
        )
        for _ in range(2)
    )
    assert first.choices[0].message.content == second.choices[0].message.content
    assert model.calls == 1


def test_documents_of_a_session_stay_with_it(served: Served) -> None:
    file = served.upload(haystack(60))
    client = served.client()
    client.chat.completions.create(model="lcagent", messages=asks(file, text="Here it is"), user="ida")  # type: ignore[arg-type]
    client.chat.completions.create(model="lcagent", messages=asks(file, text="Once more"), user="ida")  # type: ignore[arg-type]
    attached = served.http.get("/v1/sessions/ida").json()["files"]
    assert [one["id"] for one in attached] == [file]


def test_what_a_conversation_says_of_a_document_has_footnotes(home: Path, loopback: Any) -> None:
    with Served(
        home, loopback(reply=boatman).url, options={"public_url": "https://read.example/lc/"}
    ) as served:
        text = f"{prose(60)}\n\n{CALLED}\n\n{prose(60, 1)}"
        file = served.upload(text, "log.txt")
        reply = served.client().chat.completions.create(
            model="lcagent",
            messages=asks(file, text=BOAT),  # type: ignore[arg-type]
            user="eli",
        )
    message = reply.choices[0].message
    assert message.content is not None and message.annotations is not None
    assert re.fullmatch(
        r"It was the Anna Sofie\. \[\^1\]\n\n\[\^1\]: \[log\.txt, line \d+\]\(\S+\): “On 23 March .*”",
        message.content,
    )
    (note,) = message.annotations
    assert note.url_citation.url.startswith("https://read.example/lc/?file=")
    assert message.content[note.url_citation.start_index : note.url_citation.end_index] == "[^1]"
    at = httpx.URL(note.url_citation.url).params
    assert text[int(at["start"]) : int(at["end"])] == CALLED


def test_a_conversation_that_is_come_back_to_says_where_its_answers_stand(
    home: Path, loopback: Any, place: Place, tmp_path: Path
) -> None:
    text = f"{prose(60)}\n\n{CALLED}\n\n{prose(60, 1)}"
    model = loopback(reply=boatman)
    with Served(home, model.url) as served:
        file = served.upload(text, "log.txt")
        body = {"messages": asks(file, text=BOAT), "user": "eli", "lcagent": {"footnotes": False}}
        live = served.http.post("/v1/chat/completions", json=body).json()
    with ChatSession("eli", settings=load_settings({"home": home})) as chat:
        chat.add("I sailed for years.")
        chat.add("So I heard.", author="assistant")
    with Served(home, model.url) as served:  # another process than the one that answered
        asked, answered, *added = served.http.get("/v1/sessions/eli/messages").json()["data"]
        assert [one["citations"] for one in (asked, *added)] == [[], [], []]
        assert [one["marked"] for one in (asked, *added)] == [None, None, None]
        assert (answered["text"], answered["marked"]) == (
            "It was the Anna Sofie.",
            live["choices"][0]["message"]["content"],
        )
        there = live["lcagent"]["citations"]
        assert [{**one, "url": ""} for one in answered["citations"]] == [
            {name: value for name, value in {**one, "url": ""}.items() if name != "boxes"} for one in there
        ]
        (cited,) = answered["citations"]
        at = httpx.URL(cited["url"]).params
        assert cited["file"] == file == at["file"] and text[int(at["start"]) : int(at["end"])] == CALLED
        passage = served.http.get(
            f"/v1/files/{file}/passage", params={"start": at["start"], "end": at["end"]}
        )
        assert passage.json()["quote"] == CALLED
        served.http.delete(f"/v1/files/{file}")
        (cited,) = served.http.get("/v1/sessions/eli/messages").json()["data"][1]["citations"]
        assert (cited["file"], cited["url"], cited["quote"]) == ("", "", CALLED)
    copied(place, other := Place(tmp_path / "copied"), lambda _: None)
    with ChatSession("eli", settings=load_settings({"store": str(other.folder)})) as chat:
        assert [one.quote for one in chat.history()[1].citations] == [CALLED]
        chat.forget("Sofie")
    with closing(open_memory(other)) as kept:
        assert not any(CALLED in json.dumps(row) for row in kept.rows("SELECT data, text FROM entries"))


def test_a_message_is_no_file_that_is_called_as_it() -> None:
    where = {"document": "conversation", "place": "message 3", "page": None, "char_start": 0, "char_end": 2}
    past = PastMessage(
        id=9,
        author="assistant",
        at=0,
        text="So it is.",
        claims=[Claim(text="So it is.", support="verbatim", citations=[1, 2])],
        citations=[
            Quoted(number=1, **where, quote="So", message=3),
            Quoted(number=2, **where, quote="So"),
        ],
    )
    said = told(past, {"conversation": "file_1"}, "http://here")
    assert said.text == "So it is. [^2]" and [one.file for one in said.evidence] == ["", "file_1"]


def test_marks_of_a_reply_stand_behind_what_they_are_of() -> None:
    def quoted(number: int, document: str) -> Quoted:
        return Quoted(
            number=number, document=document, place="", page=None, char_start=0, char_end=1, quote="q"
        )

    claims = [
        Claim(text="She sank.", support="supported", citations=[2, 1]),
        Claim(text="Not as it stands there", support="supported", citations=[1]),
        Claim(text="In May.", support="supported", citations=[3, 2]),
    ]
    reply = Reply(
        text="She sank. [1] Why? In May. So.", status="answered", claims=claims, message=1, steps=[], calls=1,
        citations=[quoted(1, "a.txt"), quoted(2, "a.txt"), quoted(3, "conversation")], tokens=1, seconds=0,
    )  # fmt: skip
    said = told(reply, {"a.txt": "file-1"}, "http://here")
    assert said.text == "She sank. [^2][^1] [1] Why? In May. [^2] So. [^1]"
    assert [[said.text[start:end] for start, end in one.spans] for one in said.evidence] == [
        ["[^1]"] * 2, ["[^2]"] * 2, [],
    ]  # fmt: skip


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_cancels_the_model_calls(home: Path, loopback: Any, stream: bool) -> None:
    model = loopback(reply=slowly(able, 0.2))
    with Served(home, model.url) as served:
        file = served.upload(haystack())
        body = {"model": "lcagent/memagent", "messages": asks(file, text=QUESTION), "stream": stream}
        with httpx.Client(base_url=served.url, timeout=0.8 if not stream else 30) as client:
            if stream:
                with client.stream("POST", "/v1/chat/completions", json=body) as reply:
                    next(line for line in reply.iter_lines() if "read 1 of" in line)
            else:
                with pytest.raises(httpx.ReadTimeout):
                    client.post("/v1/chat/completions", json=body)
        until(lambda: served.service.jobs.live == 0)
        calls = model.calls
        until(lambda: True, 1)
        assert 0 < calls < 12 and model.calls == calls


def test_a_background_run_goes_on_without_its_client(home: Path, loopback: Any) -> None:
    model = loopback(reply=slowly(able, 0.05))
    with Served(home, model.url) as served:
        body = {
            "model": "lcagent/memagent",
            "messages": asks(served.upload(haystack()), text=QUESTION),
            "stream": True,
            "background": True,
        }
        with served.http.stream("POST", "/v1/chat/completions", json=body) as reply:
            run = reply.headers["x-lcagent-run"]
            next(line for line in reply.iter_lines() if "read 1 of" in line)
        assert served.ended(run)["status"] == "finished"
        assert served.http.get(f"/v1/runs/{run}/answer").json()["answer"]["answer"] == "Oskar Brandvold"


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "assistant", "content": "hello"}]}, 400, "not the user's"),
    ({"messages": [{"role": "user", "content": " "}]}, 400, "says nothing"),
    ({"messages": [{"role": "user", "content": 7}]}, 400, "neither text nor parts"),
    ({"messages": [{"role": "user", "content": "x"}], "model": "gpt-4o"}, 400, "no model"),
    ({"messages": [{"role": "user", "content": "x"}], "n": 2}, 400, "one answer"),
    ({"messages": asks("file-none", text="x")}, 404, "no file"),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, 400, "input_audio"),
    ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "file:///etc/passwd"}}]}]}, 400, "not fetched"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]}, 400, "not fetched"),
    ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_url": "/etc/passwd"}}]}]}, 400, "neither file_id"),
    ({"messages": [{"role": "user", "content": "x"}], "lcagent": {"home": "/etc"}}, 400, "home"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "said"), BAD)
def test_a_wrong_request_is_told_what_is_wrong(
    refusing: Served, body: dict[str, Any], status: int, said: str
) -> None:
    reply = refusing.http.post("/v1/chat/completions", json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "application/json")
    assert said in reply.json()["error"]["message"]


def test_a_model_that_is_not_there_is_an_error_in_the_stream_and_without_it(home: Path) -> None:
    with Served(home, "http://127.0.0.1:9/v1") as served:
        body = {"messages": asks(served.upload(haystack(20)), text=QUESTION)}
        reply = served.http.post("/v1/chat/completions", json=body)
        assert reply.status_code == 503 and "127.0.0.1:9" in reply.json()["error"]["message"]
        with pytest.raises(openai.APIError, match=r"127\.0\.0\.1:9"):
            list(served.client().chat.completions.create(model="lcagent", stream=True, **body))  # type: ignore[call-overload]
        ready = served.http.get("/ready")
        assert ready.status_code == 503 and ready.json()["reason"]


def test_langchain_reads_answer_progress_and_tokens(served: Served) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    chat = langchain_openai.ChatOpenAI(
        base_url=f"{served.url}/v1", api_key="any", model="lcagent", stream_usage=True
    )
    data = base64.b64encode(haystack(60).encode()).decode()
    content = [
        {"type": "text", "text": QUESTION},
        {"type": "file", "base64": data, "mime_type": "text/plain", "filename": "town.txt"},
    ]
    from langchain_core.messages import HumanMessage

    message = chat.invoke([HumanMessage(content=content)])
    assert message.text.startswith("Oskar Brandvold") and message.usage_metadata["input_tokens"] > 100
    pieces = list(chat.stream([HumanMessage(content=content)]))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert whole.text == message.text and whole.usage_metadata == message.usage_metadata


def test_what_a_document_says_stays_text_in_a_footnote(served: Served) -> None:
    evil = "![x](http://evil.example/?q=1) [a](javascript:1) <script> `x`"
    answer = Answer(
        answer="See",
        text=f"See {evil} [1]",
        status="answered",
        claims=[],
        citations=[
            Citation(number=1, document=f"{evil}.txt", place="line 1", page=None, char_start=0, char_end=9, quote=evil)
        ],
        coverage=CoverageReport(
            sentence="", segments_read=1, segments_total=1, pages_read=0, pages_total=0, pages_empty=[],
            chars_read=1, chars_total=1, skipped=[],
        ),
        usage=UsageReport(
            calls=1, replayed=0, retries=0, malformed=0, cut=0, prompt_tokens=1, cached_tokens=0,
            completion_tokens=1, seconds=0,
        ),
        run_id="r", strategy="auto", model="m",
    )  # fmt: skip
    said = with_footnotes(told(answer, {f"{evil}.txt": "file-1"}, "http://here"), answer)
    body, _, note = said.partition("[^1]: ")
    assert "\\![x]" in body and "![" not in body.replace("\\![", "")
    # The note holds one link, ours; all else is text.
    assert note.count("](") == 1
    assert "<script>" not in note and escaped("a_b") == "a\\_b"
    assert without_footnotes(said).endswith("`x`")


def test_a_budget_ends_an_answer_as_a_length_does(served: Served) -> None:
    body = {
        "model": "lcagent/memagent",
        "messages": asks(served.upload(haystack()), text=QUESTION),
        "lcagent": {"max_calls": 3},
    }
    reply = served.http.post("/v1/chat/completions", json=body).json()
    assert reply["choices"][0]["finish_reason"] == "length"
    assert json.dumps(reply).count("budget") >= 1
