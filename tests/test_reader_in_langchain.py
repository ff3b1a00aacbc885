"""A reader in LangChain: as a tool, as a retriever, and its answers as messages with standard citations."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    ToolMessage,
    messages_from_dict,
    messages_to_dict,
)
from langchain_core.messages.content import Citation, TextContentBlock
from pydantic import ConfigDict, TypeAdapter, with_config

from lcagent import Answer, Claim, Reader
from lcagent.documents import load_all
from lcagent.errors import DocumentNotFound
from lcagent.integrations.asking import as_tool
from lcagent.integrations.messages import as_message, footnoted
from lcagent.integrations.retriever import PassageRetriever
from tests.helpers import NEEDLE, QUESTION, REPORT, ROOT, clever, haystack
from tests.loopback import Loopback

pytest.importorskip("langchain", reason="langchain is not installed; the extra `dev` brings it")

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from tests.test_langchain import Scripted, calls

FOOTNOTED = f"Oskar Brandvold [1]\n\n[1] doc.txt, line 37: “{NEEDLE}”"


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(200))
    return path


@pytest.fixture
def server(loopback: Any) -> Loopback:
    return loopback(window=2048, reply=clever)


@pytest.fixture
def reader(server: Loopback) -> Iterator[Reader]:
    with Reader(api_base=server.url, window=2048, strategy="memagent") as opened:
        yield opened


# Tool


def asks(messages: Sequence[AnyMessage]) -> AIMessage:
    """A model that asks the tool, and passes on what it says."""
    last = messages[-1]
    return (
        calls("ask_documents", question=QUESTION) if isinstance(last, HumanMessage) else AIMessage(last.text)
    )


def test_an_agent_asks_a_reader(server: Loopback, reader: Reader, document: Path) -> None:
    agent = create_agent(Scripted(says=asks), [as_tool(reader, document)], checkpointer=InMemorySaver())
    for thread in "12":
        config: Any = {"configurable": {"thread_id": thread}}
        messages = agent.invoke({"messages": QUESTION}, config)["messages"]
        assert messages[-1].text == FOOTNOTED
        (result,) = [
            one for one in agent.get_state(config).values["messages"] if isinstance(one, ToolMessage)
        ]
        answer = Answer.model_validate(result.artifact)
        assert (answer.text, result.status) == ("Oskar Brandvold [1]", "success")
        assert server.calls == answer.usage.calls  # the second agent is given the answer again


async def test_an_agent_in_an_event_loop_does_and_shows_the_reading(reader: Reader, document: Path) -> None:
    agent = create_agent(Scripted(says=asks), [as_tool(reader, [document])])
    stream = agent.astream({"messages": QUESTION}, stream_mode=["custom", "values"])
    parts = [part async for part in stream]
    assert parts[-1][1]["messages"][-1].text == FOOTNOTED
    events = [part["event"] for mode, part in parts if mode == "custom"]
    assert (events[0], events.count("SegmentRead")) == ("RunStarted", 6)


def test_a_tool_node_calls_it(reader: Reader, document: Path) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([as_tool(reader, document, name="report", description="The report.")]))
    graph.add_edge(START, "tools")
    asked = calls("report", question=QUESTION)
    (_, result) = graph.compile(checkpointer=InMemorySaver()).invoke(
        {"messages": [asked]}, {"configurable": {"thread_id": "1"}}
    )["messages"]
    assert (result.content, result.artifact["status"]) == (FOOTNOTED, "answered")


def test_a_tool_takes_a_question_and_no_path_and_says_what_it_reads(reader: Reader, document: Path) -> None:
    tool = as_tool(reader, [document, "folder/second.pdf"])
    assert list(tool.args) == ["question"]
    assert "doc.txt, second.pdf" in tool.description
    assert str(document.parent) not in tool.description


async def test_an_error_is_told_to_the_model(reader: Reader) -> None:
    tool = as_tool(reader, "missing.txt")
    call = {"type": "tool_call", "id": "1", "name": tool.name, "args": {"question": "Who?"}}
    for result in (tool.invoke(call), await tool.ainvoke(call)):
        assert result.status == "error" and "missing.txt" in result.content


# Retriever


async def test_passages_stand_where_their_metadata_say(reader: Reader) -> None:
    retriever = PassageRetriever(reader=reader, documents=[REPORT], k=5)
    (loaded,) = load_all([REPORT]).documents
    found = retriever.invoke("Which fishing boat called for help from the Grunnings?")
    assert len(found) == 5 and "Anna Sofie" in found[0].page_content
    assert (found[0].metadata["document"], found[0].metadata["page"]) == (REPORT.name, 13)
    for passage in found:
        where = passage.metadata
        assert list(where) == ["document", "place", "page", "char_start", "char_end"]
        assert loaded.text[where["char_start"] : where["char_end"]] == passage.page_content
        assert passage.page_content == passage.page_content.strip() != ""
        assert f"page {where['page']}," in where["place"]
    assert await retriever.ainvoke("Which fishing boat called for help from the Grunnings?") == found
    assert retriever.invoke("zzzz qqqq") == []


def test_a_file_that_has_changed_is_read_anew(reader: Reader, document: Path) -> None:
    retriever = PassageRetriever(reader=reader, documents=[document])
    assert NEEDLE in retriever.invoke(QUESTION)[0].page_content
    document.write_text("The harbour master of Vellmere is Ida Holm now.")
    assert retriever.invoke(QUESTION)[0].page_content == "The harbour master of Vellmere is Ida Holm now."
    document.unlink()
    with pytest.raises(DocumentNotFound):
        retriever.invoke(QUESTION)


def test_meaning_weighs_in_where_a_model_is_set(
    reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.test_langgraph_store import ByLetters

    path = tmp_path / "two.txt"
    path.write_text("The boat was red and its mast was tall.\n\nThe boat was blue, and its hull was new.")
    query = "Tell the colour of the boat, and of its hull and mast"
    retriever = PassageRetriever(reader=reader, documents=[path], k=1)
    by_words = retriever.invoke(query)[0].page_content
    other = next(text for text in path.read_text().split("\n\n") if text != by_words)
    embedder = ByLetters(meanings={query: "zzz", other: "zzz", by_words: "qqq"})
    monkeypatch.setattr("lcagent.models.serving.session.open_embedder", lambda settings: embedder)
    assert PassageRetriever(reader=reader, documents=[path], k=1).invoke(query)[0].page_content == other


# Messages


def exact(kind: Any) -> TypeAdapter[Any]:
    """Validates one of LangChain's types, and refuses keys that it has not."""
    return TypeAdapter(with_config(ConfigDict(extra="forbid", strict=True))(kind))


@pytest.fixture
def answer(reader: Reader, document: Path) -> Answer:
    """One with three claims: the second says what the first does, the third rests on both quotes."""
    real = reader.ask(document, QUESTION)
    (first,) = real.citations
    second = first.model_copy(update={"number": 2, "page": 7, "quote": "He was Oskar."})
    claims = [
        Claim(text="He was Oskar.", support="verbatim", citations=[1]),
        Claim(text="He was Oskar.", support="supported", citations=[]),
        Claim(text="Nobody else was.", support="inferred", citations=[2, 1]),
    ]
    said = "He was Oskar. He was Oskar.\nNobody else was."
    return real.model_copy(update={"answer": said, "claims": claims, "citations": [first, second]})


def test_citations_are_langchains_own(answer: Answer) -> None:
    message = as_message(answer)
    (block,) = message.content_blocks
    exact(TextContentBlock).validate_python(block)
    assert block["type"] == "text" and block["text"] == message.text == answer.answer
    annotations: list[Any] = block["annotations"]
    for one in annotations:
        exact(Citation).validate_python(one)
    said = [answer.answer[one["start_index"] : one["end_index"]] for one in annotations]
    assert said == ["He was Oskar.", "Nobody else was.", "Nobody else was."]
    assert [one["start_index"] for one in annotations] == [0, 28, 28]
    first, second = answer.citations
    assert [one["cited_text"] for one in annotations] == [first.quote, second.quote, first.quote]
    assert {one["title"] for one in annotations} == {"doc.txt"}
    span = {
        "document": "doc.txt",
        "place": first.place,
        "char_start": first.char_start,
        "char_end": first.char_end,
    }
    assert annotations[0]["extras"] == {**span, "number": 1, "support": "verbatim"}
    assert annotations[1]["extras"] == {**span, "number": 2, "support": "inferred", "page": 7}


def test_a_message_survives_what_langchain_does_with_it(answer: Answer) -> None:
    message = as_message(answer)
    assert message.usage_metadata and message.usage_metadata["input_tokens"] == answer.usage.prompt_tokens
    (again,) = messages_from_dict(messages_to_dict([message]))
    assert again == message and again.content_blocks == message.content_blocks

    graph = StateGraph(MessagesState)
    graph.add_node("say", lambda _: {"messages": [as_message(answer)]})
    graph.add_edge(START, "say")
    config: Any = {"configurable": {"thread_id": "1"}}
    parent = graph.compile(checkpointer=InMemorySaver())
    parent.invoke({"messages": []}, config)
    (kept,) = parent.get_state(config).values["messages"]
    assert (
        kept.content_blocks[0]["annotations"][0]["extras"]
        == (message.content_blocks[0]["annotations"][0]["extras"])
    )


def test_an_answer_without_claims_is_a_text_alone(answer: Answer) -> None:
    (block,) = as_message(
        answer.model_copy(update={"answer": "", "claims": [], "citations": []})
    ).content_blocks
    assert (block["text"], block["annotations"]) == ("", [])
    assert (
        footnoted(answer.model_copy(update={"text": "It does not say.", "citations": []}))
        == "It does not say."
    )


# The page


def snippets() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "langgraph.md").read_text(), re.S)


PRINTED: list[Callable[[str], bool]] = [
    lambda printed: (
        "plan\nSegmentRead 1 of 6" in printed
        and "SegmentRead" in printed
        and "Oskar Brandvold [1]" in printed
    ),
    lambda printed: "Oskar Brandvold [1]" in printed,
    lambda printed: f"“{NEEDLE}”" in printed and "answered" in printed,
    lambda printed: "harbour master of Vellmere" in printed,
    lambda printed: "Oskar Brandvold <- report.txt" in printed,
]


@pytest.mark.parametrize("number", range(len(PRINTED)))
def test_the_examples_of_the_page_run(
    number: int,
    server: Loopback,
    document: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LCAGENT_API_BASE", server.url)
    monkeypatch.setenv("LCAGENT_WINDOW", "2048")
    document.rename(document.with_name("report.txt"))
    exec(snippets()[number], {"model": Scripted(says=asks)})
    assert PRINTED[number](capsys.readouterr().out)


def test_the_page_has_no_other_examples() -> None:
    assert len(snippets()) == len(PRINTED)
