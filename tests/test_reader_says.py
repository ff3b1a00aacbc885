"""The competent reader itself: it says what stands in a prompt, all of it, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lcagent.agents import answerer, leader, mapper, member, overwriter, planner, reader
from lcagent.models.prompt import Prompt, as_data
from lcagent.models.structured import reply_schema
from tests.loopback import Request
from tests.reader import Case, CompetentReader, Hop

FIRST = Hop(
    "The bridge at Torre was designed by Maud Ferris.", "Maud Ferris", "Who designed the bridge at Torre?"
)
LAST = Hop("Maud Ferris was born in Pellham.", "Pellham", "Where was Maud Ferris born?")
CASE = Case("Where was the designer of the bridge at Torre born?", (FIRST, LAST), "Pellham")
IDLE = "A neighbour swept the yard while the bells of the church rang for a while. Nothing else was heard that day."


def ask(
    prompt: Prompt, reply: Any, case: Case = CASE, /, *, said: CompetentReader | None = None, **parts: Any
) -> Any:
    """What the reader replies to a prompt as a role renders it."""
    body: dict[str, Any] = {
        "messages": prompt.render({"question": case.question, "brief": False, **parts}),
        "max_tokens": 400,
    }
    if reply is not None:
        body["response_format"] = {"json_schema": {"schema": reply_schema(reply)}}
    text = (said or CompetentReader([case]))(Request(body, 0, 0)).text
    return text if reply is None else json.loads(text)


def read(segment: str, memory: str = "", said: CompetentReader | None = None) -> Any:
    return ask(reader.PROMPT, reader.ReadingReply, said=said, segment=segment, memory=memory, plan="")


def test_a_fact_is_told_where_its_sentence_stands_and_only_there() -> None:
    assert read(f"{IDLE} {FIRST.sentence} {IDLE}")["facts"] == [FIRST.sentence]
    assert read(IDLE, memory=FIRST.sentence) == {
        "relevant": "no",
        "facts": [],
        "sufficient": "no",
        "next": LAST.ask,
    }


def test_white_space_and_escapes_do_not_hide_a_sentence() -> None:
    hop = Hop("At its end stands </segment> and a name, in the clerk's hand.")
    case = Case("What stands at its end?", (hop,), "a name")
    segment = as_data(f"{IDLE}\n{hop.sentence.replace(' ', chr(10) + '  ')}")
    said = ask(reader.PROMPT, reader.ReadingReply, case, segment=segment, memory="", plan="")
    assert said["facts"] == [hop.sentence]


def test_a_sentence_longer_than_the_schema_allows_is_cut_around_its_answer() -> None:
    hop = Hop(
        f"In the {'very ' * 60}old days the ferry was run by Peter Hale {'and others ' * 30}.", "Peter Hale"
    )
    case = Case("Who ran the ferry?", (hop,), "Peter Hale")
    parts = {"segment": hop.sentence, "memory": "", "plan": "", "brief": True}
    (fact,) = ask(reader.PROMPT, reader.BriefReadingReply, case, **parts)["facts"]
    assert len(fact) <= reader.FACT_CHARS
    assert "Peter Hale" in fact
    assert ask(answerer.BRIEF, answerer.AnswerReply, case, evidence=fact, several=False)["found"] == "yes"


@pytest.mark.parametrize("shown", [FIRST.sentence, LAST.sentence, IDLE])
def test_it_answers_only_where_every_hop_stands(shown: str) -> None:
    said = ask(answerer.BRIEF, answerer.AnswerReply, evidence=shown, several=False)
    assert said == {"found": "no", "answer": ""}


def test_it_names_the_numbered_passages_that_it_used() -> None:
    evidence = f"[1]\n{IDLE}\n\n[2]\n{LAST.sentence}\n\n[3]\n{FIRST.sentence}"
    said = ask(answerer.BRIEF, answerer.AnswerReply, evidence=evidence, several=False)
    assert said == {"found": "yes", "answer": "Pellham [2] [3]"}


def test_a_mapper_answers_from_its_segment_alone() -> None:
    part = ask(mapper.PROMPT, mapper.MapReply, segment=LAST.sentence, mode="qa")
    whole = ask(mapper.PROMPT, mapper.MapReply, segment=f"{LAST.sentence} {FIRST.sentence}", mode="qa")
    assert (part["answered"], part["answer"], part["confidence"]) == ("no", "", "zero")
    assert (whole["answered"], whole["answer"], whole["confidence"]) == ("yes", "Pellham", "high")


def test_the_leader_asks_hop_by_hop_and_then_answers() -> None:
    rounds = ["", f'Asked: {FIRST.ask}\nAnswered: "Maud Ferris"']
    rounds.append(f'{rounds[1]}\n\nAsked: {LAST.ask}\nAnswered: "Pellham"')
    said = [ask(leader.PROMPT, leader.LeaderReply, findings=text) for text in rounds]
    assert [reply["ask"] for reply in said] == [FIRST.ask, LAST.ask, ""]
    assert [reply["state"] for reply in said] == ["NEW_STATE", "NEW_STATE", "ANSWER"]


def test_members_answer_their_sub_question_or_refuse() -> None:
    def member_says(question: str, segment: str) -> Any:
        return ask(member.PROMPT, member.MemberReply, question=question, segment=segment, other="")

    assert member_says(FIRST.ask, FIRST.sentence)["answer"] == "Maud Ferris"
    assert member_says(LAST.ask, LAST.sentence)["answer"] == "Pellham"
    assert member_says(LAST.ask, FIRST.sentence) == {"refuse": "yes", "answer": "", "fact": ""}
    assert member_says(CASE.question, LAST.sentence)["refuse"] == "yes"
    assert member_says(f"{CASE.question} (known: Maud Ferris)", LAST.sentence)["answer"] == "Pellham"


def test_a_memory_in_free_text_keeps_what_it_held() -> None:
    parts = {"trained_order": False, "segment": f"{IDLE} {LAST.sentence}"}
    memory = ask(overwriter.PROMPT, None, memory=f"- {FIRST.sentence}", **parts)
    assert memory.splitlines() == [f"- {FIRST.sentence}", f"- {LAST.sentence}"]
    assert ask(overwriter.TRAINED, None, memory=memory) == "\\boxed{Pellham}"


def test_what_is_overlooked_is_overlooked_in_every_call() -> None:
    blind = CompetentReader([CASE], miss=1.0)
    whole = f"{FIRST.sentence} {LAST.sentence}"
    assert read(whole, said=blind)["relevant"] == "no"
    said = ask(answerer.BRIEF, answerer.AnswerReply, said=blind, evidence=whole, several=False)
    assert said["found"] == "no"


def test_an_invented_fact_is_a_sentence_of_an_irrelevant_segment() -> None:
    inventing = CompetentReader([CASE], invent=1.0)
    (fact,) = read(IDLE, said=inventing)["facts"]
    assert fact in IDLE
    assert read(f"{IDLE} {LAST.sentence}", said=inventing)["facts"] == [LAST.sentence]


def test_a_field_that_nothing_is_known_of_says_no() -> None:
    schema = {
        "properties": {
            "doubtful": {"enum": ["yes", "no"]},
            "notes": {"type": "array"},
            "remark": {"type": "string"},
            "core": {"type": "string"},
        }
    }
    body = {
        "messages": planner.PROMPT.render({"question": CASE.question}),
        "response_format": {"json_schema": {"schema": schema}},
    }
    said = json.loads(CompetentReader([CASE])(Request(body, 0, 0)).text)
    assert said == {"doubtful": "no", "notes": [], "remark": "", "core": CASE.question}
