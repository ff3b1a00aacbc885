"""LongAgent over the loopback server: the rounds, the bracket, what stays unresolved, faults and resume."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from lcagent import Reader
from lcagent.errors import MalformedReply, UsageError
from lcagent.evals.bench import Bench, Plan
from lcagent.models.serving.session import ModelSession
from lcagent.settings import load_settings
from tests.helpers import NEEDLE, QUESTION, examples, haystack, in_this_process, prose, some_slow
from tests.killable import killed_at
from tests.loopback import Faults, Loopback, Reply
from tests.loopback.faults import MALFORMED
from tests.team import ANSWER, NAME, Team, asked, finds, inside
from tests.test_window import PIECES


def ask(server: Loopback, document: Path, question: str = QUESTION, **options):
    options = {"api_base": server.url, "strategy": "longagent", "window": server.window, **options}
    with Reader(**options) as reader:
        return reader.ask(document, question)


def written(path: Path, *sentences: str, about: int = 90) -> Path:
    """A document in which each sentence stands in a segment of its own."""
    parts = [prose(about, seed) for seed in range(len(sentences) + 1)]
    text = parts[0]
    for sentence, part in zip(sentences, parts[1:], strict=True):
        text += f"\n\n{sentence}\n\n{part}"
    path.write_text(text)
    return path


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack())
    return path


@pytest.mark.parametrize("at", [0.02, 0.5, 0.95])
def test_finds_a_fact_wherever_it_stands(loopback, tmp_path: Path, at: float) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(at=at))
    server = loopback(window=2048, reply=Team(finds))
    answer = ask(server, path)
    assert (answer.answer, answer.status, answer.strategy) == (NAME, "answered", "longagent")
    citation = answer.citations[0]
    assert path.read_text()[citation.char_start : citation.char_end] == citation.quote
    assert NAME in citation.quote
    # The leader before and after the members' round, and the answer.
    assert answer.usage.calls == server.calls == answer.coverage.segments_total + 3
    assert answer.coverage.chars_read == len(path.read_text())
    assert (server.overruns, answer.warnings) == (0, [])


def test_several_things_asked_for_are_no_conflict(loopback, tmp_path: Path) -> None:
    facts = [f"A number of the lamp is {n}." for n in (4136800, 4272429, 4212636)]
    path = written(tmp_path / "doc.txt", *facts)

    def says(shown: list[str], question: str) -> str:
        text = " ".join(shown)
        return ", ".join(fact[-8:-1] for fact in facts if fact in text)

    several = {"state": "CONFLICT", "several": "yes", "ask": ""}
    start = {"state": "NEW_STATE", "ask": "What are all the numbers of the lamp?"}
    server = loopback(window=2048, reply=Team(says, leads=[start, several]))
    answer = ask(server, path, "What are all the numbers of the lamp?")
    assert (answer.answer, answer.status) == ("4136800, 4272429, 4212636", "answered")
    assert asked(server.requests, 2) == []
    assert answer.warnings == []


def test_members_are_asked_at_once_within_the_endpoints_limit(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=Team(finds), latency=0.02)
    ask(server, document, concurrency=5)
    assert server.peak_in_flight == 5


def test_the_segment_stands_ahead_of_the_question_for_the_prefix_cache(loopback, document: Path) -> None:
    leads = [
        {"state": "NEW_STATE", "ask": QUESTION},
        {"state": "NEW_STATE", "ask": "Which year was the harbour master of Vellmere?"},
    ]
    server = loopback(window=2048, reply=Team(finds, [*leads, ANSWER]))
    ask(server, document, longagent={"prefilter": False})
    calls = [(r.messages[0]["content"], r.messages[1]["content"]) for r in asked(server.requests)]
    half = len(calls) // 2
    for (system, first), (again, second) in zip(sorted(calls[:half]), sorted(calls[half:]), strict=True):
        assert system == again
        prefix = first[: first.index("<question>")]
        assert "</segment>" in prefix and second.startswith(prefix)


def test_a_refusal_is_a_field_and_not_a_phrase(loopback, document: Path) -> None:
    def hesitates(request):
        reply = json.loads(Team(finds)(request))
        if reply.get("refuse") == "yes":  # the field decides, whatever else is written
            reply |= {"answer": "the old mill", "fact": "The river ran past the old mill."}
        return json.dumps(reply)

    answer = ask(loopback(window=2048, reply=hesitates), document)
    assert (answer.answer, answer.status) == (NAME, "answered")


def test_all_refuse_is_not_found_and_needs_no_answering_call(loopback, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(prose(200))
    server = loopback(window=2048, reply=Team(finds))
    answer = ask(server, path)
    assert (answer.status, answer.citations) == ("not_found", [])
    assert server.calls == answer.coverage.segments_total + 2


def test_a_weak_member_that_refuses_is_heard_where_its_quote_holds_the_answer(
    loopback, document: Path
) -> None:
    """Seen: a 1.5B model set `refuse` to yes in every reply. One that is believed is taken at its word."""

    def refuses(request):
        reply = json.loads(Team(finds)(request))
        return json.dumps(reply | {"refuse": "yes"} if "refuse" in reply else reply)

    for profile in ("cautious", "trusting"):
        server = loopback(window=2048, reply=refuses)
        answer = ask(server, document, profile=profile)
        assert (answer.answer, answer.status) == (NAME, "answered")  # the passages say it, in any case
        assert NAME in answer.citations[0].quote
        led = [r.text for r in server.requests if "state" in r.schema["properties"]]
        assert (f'Answered: "{NAME}"' in led[-1]) == (profile == "cautious")


def test_two_segments_that_contradict_each_other(loopback, tmp_path: Path) -> None:
    one, two = "The ferry Aurelia was built in 1911 at Tarn.", "The ferry Aurelia was built in 1912 at Tarn."
    path = written(tmp_path / "doc.txt", one, two)

    def reads(segments: list[str], question: str) -> str:
        years = [y for y in ("1911", "1912") if any(f"built in {y}" in text for text in segments)]
        return " and ".join(years)

    server = loopback(window=2048, reply=Team(reads, final=lambda *_: "1911"))
    answer = ask(server, path, "When was the ferry Aurelia built?")
    assert (answer.status, answer.answer) == ("conflicting", "1911")
    assert {one, two} == {citation.quote for citation in answer.citations}
    assert any("the document says two things: '1911'" in w and "'1912'" in w for w in answer.warnings)
    assert len(asked(server.requests, segments=2)) == 2


def test_a_model_that_always_takes_what_stands_first_decides_nothing(loopback, tmp_path: Path) -> None:
    path = written(tmp_path / "doc.txt", "Its master was Ida Storm.", "Its master was Oskar Brandvold.")

    def biased(segments: list[str], question: str) -> str:
        for text in segments:
            for name in ("Ida Storm", NAME):
                if f"master was {name}" in text:
                    return name
        return ""

    answer = ask(loopback(window=2048, reply=Team(biased)), path, "Who was its master?")
    assert answer.status == "conflicting"
    assert len(answer.citations) == 2


def test_a_document_that_corrects_itself_is_no_conflict(loopback, tmp_path: Path) -> None:
    old = "The stilling well of the gauge is 5.4 metres deep."
    new = "Corrected: the stilling well of the gauge is 5.9 metres deep."
    path = written(tmp_path / "doc.txt", old, new)

    def reads(segments: list[str], question: str) -> str:
        lines = [line for text in segments for line in text.splitlines() if "metres deep" in line]
        told = [line for line in lines if line.startswith("Corrected")] or lines
        return told[0].split(" metres")[0].split()[-1] if told else ""

    server = loopback(window=2048, reply=Team(reads))
    answer = ask(server, path, "How deep is the stilling well of the gauge?")
    assert (answer.answer, answer.status) == ("5.9", "answered")
    assert not asked(server.requests, segments=2)


def alike(segments: list[str], question: str) -> str:
    """Every member that does not hold the needle invents the same name."""
    return NAME if any(NEEDLE in text for text in segments) else "Zebulon Quartermain"


def test_one_that_is_right_beats_twenty_that_hallucinate_alike(loopback, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(620))
    server = loopback(window=2048, reply=Team(alike))
    answer = ask(server, path)
    assert answer.coverage.segments_total > 20
    assert (answer.answer, answer.status) == (NAME, "answered")
    one, other = (inside(r.messages[-1]["content"], "segment") for r in asked(server.requests, segments=2))
    assert one == other[::-1]
    assert [NEEDLE in text for text in one] in ([True, False], [False, True])


@pytest.mark.parametrize(
    ("invented", "told"),
    [
        ("Zebulon Quartermain", "'Zebulon Quartermain' (line 1) has no quote"),
        ("the mill of Zebulon", "'the mill of Zebulon' (line 1) is not held by its own quote"),
    ],
)
def test_a_side_unsupported_by_its_own_quote_is_told_apart(
    loopback, document: Path, invented: str, told: str
) -> None:
    def torn(segments: list[str], question: str) -> str:
        return "" if len(segments) == 2 else finds(segments, question) or invented

    answer = ask(loopback(window=2048, reply=Team(torn, final=finds)), document)
    assert (answer.answer, answer.status) == (NAME, "conflicting")
    assert any(NAME in citation.quote for citation in answer.citations)
    assert any("mill" in citation.quote for citation in answer.citations) == ("mill" in invented)
    assert told in answer.warnings[0]
    assert "the document says two things" not in answer.warnings[0]


def test_an_answer_that_stands_nowhere_is_withheld_of_a_weak_model_and_labelled_of_another(
    loopback, tmp_path: Path
) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(prose(200))
    answer = ask(loopback(window=2048, reply=Team(alike)), path, profile="cautious")
    assert answer.status == "not_found"
    assert any("Zebulon" in warning for warning in answer.warnings)
    answer = ask(loopback(window=2048, reply=Team(alike)), path)
    assert (answer.answer, answer.status) == ("Zebulon Quartermain", "answered")
    assert [claim.support for claim in answer.claims] == ["inferred"]
    assert any("no sentence of its segment was found that holds" in w for w in answer.warnings)


def test_the_last_call_is_believed_where_it_finds_nothing(loopback, document: Path) -> None:
    answer = ask(loopback(window=2048, reply=Team(finds, final=lambda *_: "")), document)
    assert (answer.status, answer.citations) == ("not_found", [])


def test_a_member_answers_where_the_last_call_gives_nothing_usable(loopback, document: Path) -> None:
    def broken(request):
        return "I am sorry" if "found" in request.schema["properties"] else Team(finds)(request)

    answer = ask(loopback(window=2048, reply=broken), document)
    assert (answer.answer, answer.status) == (NAME, "answered")
    assert answer.citations[0].quote == NEEDLE
    assert answer.warnings == ["the last call gave no usable reply: a member's own answer"]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_at_most_three_rounds(loopback, document: Path, most: int) -> None:
    """A leader that would ask for ever."""
    leads = [{"state": "NEW_STATE", "ask": f"Who was harbour master {n}?"} for n in range(9)]
    server = loopback(window=2048, reply=Team(finds, leads))
    answer = ask(server, document, longagent={"rounds": most, "prefilter": False})
    assert (answer.answer, answer.status) == (NAME, "answered")
    assert len(asked(server.requests)) == most * answer.coverage.segments_total
    assert answer.coverage.segments_read == answer.coverage.segments_total


def test_a_repeated_sub_question_ends_the_rounds(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=Team(finds, [{"state": "NEW_STATE", "ask": QUESTION}]))
    answer = ask(server, document)
    assert answer.answer == NAME
    assert len(asked(server.requests)) == answer.coverage.segments_total


HOP = "Oskar Brandvold was born in the village of Tarnvik."


@pytest.mark.parametrize("prefilter", [True, False])
def test_members_are_asked_again_only_where_the_sub_question_concerns_them(
    loopback, tmp_path: Path, prefilter: bool
) -> None:
    path = written(tmp_path / "doc.txt", NEEDLE, HOP, about=120)
    leads = [
        {"state": "NEW_STATE", "ask": QUESTION},
        {"state": "NEW_STATE", "ask": "Where was Oskar Brandvold born?"},
        ANSWER,
    ]

    def hops(segments: list[str], question: str) -> str:
        if question == QUESTION:
            return finds(segments, question)
        return "Tarnvik" if any(HOP in text for text in segments) else ""

    server = loopback(window=2048, reply=Team(hops, leads))
    question = "Where was the harbour master of Vellmere born?"
    answer = ask(server, path, question, longagent={"prefilter": prefilter})
    assert (answer.answer, answer.status) == ("Tarnvik", "answered")
    second = [r for r in asked(server.requests) if "Where was Oskar" in r.text]
    total = answer.coverage.segments_total
    assert len(second) <= 3 if prefilter else len(second) == total
    assert answer.coverage.segments_read == total


def test_malformed_replies_are_asked_for_again(loopback, document: Path) -> None:
    """Every member's first reply is spoilt, its second is good."""
    spoilt = iter(MALFORMED * 20)

    def spoils(request):
        return Team(alike)(request) if "could not be used" in request.text else next(spoilt)

    answer = ask(loopback(window=2048, reply=spoils), document)
    assert (answer.answer, answer.status) == (NAME, "answered")
    assert answer.usage.malformed == answer.usage.calls / 2
    assert answer.coverage.segments_read == answer.coverage.segments_total


def test_a_leader_that_never_makes_sense_costs_no_answer(loopback, document: Path) -> None:
    def senseless(request):
        return "{}" if "state" in request.schema["properties"] else Team(alike)(request)

    answer = ask(loopback(window=2048, reply=senseless), document)
    assert (answer.answer, answer.status) == (NAME, "answered")


def test_a_member_that_fails_for_good_is_told_once_however_many_rounds(
    loopback, document: Path, monkeypatch
) -> None:
    monkeypatch.setattr("lcagent.models.chat.ATTEMPTS", 2)
    leads = [{"state": "NEW_STATE", "ask": f"Who was harbour master {n}?"} for n in range(3)]
    team = Team(finds, leads)

    def refuses(request):
        lost = asked([request]) and "1." in inside(request.text, "segment")[0].split()
        return Reply("", status=500) if lost else team(request)

    server = loopback(window=2048, reply=refuses)
    answer = ask(server, document, longagent={"prefilter": False})
    assert (answer.answer, answer.status) == (NAME, "answered")
    assert answer.coverage.segments_read == answer.coverage.segments_total - 1
    assert len(answer.coverage.skipped) == 1 and "segment 1" in answer.coverage.skipped[0]


def test_a_budget_reached_in_the_bracket_keeps_what_stands(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=Team(alike, final=finds))
    answer = ask(server, document, max_calls=17)
    assert (answer.status, answer.answer) == ("budget", NAME)
    assert any("has no quote" in warning for warning in answer.warnings)


def test_a_budget_reached_before_anybody_was_asked(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=Team(finds))
    answer = ask(server, document, max_calls=1)
    # The one call that there is goes to the answer, from what retrieval finds.
    assert (answer.status, answer.answer, answer.coverage.segments_read) == ("budget", NAME, 0)
    assert answer.citations[0].quote == NEEDLE
    assert len(server.requests) == 1


def test_bench_has_its_rows(loopback, tmp_path: Path) -> None:
    def magic(texts: list[str], question: str) -> str:
        lines = [ln for text in texts for ln in text.splitlines() if "special magic number" in ln]
        return next((w.strip(".") for ln in lines for w in ln.split() if w.strip(".").isdigit()), "")

    server = loopback(window=2048, reply=Team(magic))
    settings = load_settings({"api_base": server.url, "window": 2048})
    names = ("longagent", "longagent:rounds=1+prefilter=false")
    plan = Plan(tasks=("niah",), lengths=(3000,), strategies=names, n=1, seed=3, out=tmp_path / "out")
    with ModelSession(settings) as session:
        rows = Bench(plan, settings, lambda _: None, lambda _: None).run(session)
    assert [row.strategy for row in rows] == list(names)
    assert all(row.score == 1.0 and row.recorded and row.kept and row.cost.overruns == 0 for row in rows)


@effort(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(PIECES, min_size=1, max_size=120),
    question=st.text(min_size=1, max_size=300).filter(str.strip),
    window=st.integers(900, 3000),
    asks=st.text(max_size=400),
    tail=st.integers(1, 60),
)
def test_no_call_exceeds_the_window(tmp_path_factory, pieces, question, window, asks, tail) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = folder / "doc.txt"
    path.write_bytes("".join([*pieces, " end"]).encode("utf-8", "replace") * 3)

    def talks(request):
        names = request.schema["properties"]
        if "state" in names:
            return json.dumps({"state": "NEW_STATE", "ask": f"{asks} {question[:150]}"})
        words = " ".join(request.text.split()[-tail:])
        if "refuse" in names:
            return json.dumps({"refuse": "no", "answer": f"{request.number} {words[:200]}", "fact": words})
        return json.dumps({"found": "yes", "answer": "the harbour master"})

    faults = Faults(every=4, kinds=("malformed", "cut"))
    with Loopback(window=window, reply=talks, faults=faults) as server:
        options = {"api_base": server.url, "window": window, "home": folder / "home"}
        with Reader(**options, strategy="longagent", longagent={"prefilter": False}) as reader:
            try:
                answer = reader.ask(path, question)
            except UsageError:
                assert not server.requests  # refused before the first call
                return
            except MalformedReply:
                answer = None  # the answering call itself was spoilt twice
        assert server.overruns == 0
        assert not [r for r in server.requests if "<|im_end|>" in r.text or "\ud800" in r.text]
        assert answer is None or answer.coverage.segments_total > 0


@pytest.mark.parametrize("step", some_slow([0, 1, 5, 9, 13, 15, 16, 17, 18, 19, 20]))
def test_sigkill_repeats_only_the_calls_in_the_air(
    loopback, document: Path, tmp_path: Path, step: int
) -> None:
    """Steps: the leader, all members at once, the leader, both orders of one pair, the leader, the answer."""
    at_once = 8
    team = Team(alike)
    server = loopback(window=2048, latency=0.02)
    arguments = ["ask", str(document), QUESTION, "--api-base", server.url, "--window", "2048"]
    arguments += ["--home", str(tmp_path / "home"), "--strategy", "longagent", "--json"]
    killed_at(step, server, arguments, team)
    settled = -1
    while settled != len(server.requests):  # what the dead process had sent may still be on its way in
        settled = len(server.requests)
        time.sleep(0.3)
    first = [request.key for request in server.requests]
    second = in_this_process(*arguments)
    assert second.exit_code == 0, second.stderr
    answer = json.loads(second.stdout)
    calls = answer["coverage"]["segments_total"] + 6
    assert (answer["answer"], answer["usage"]["calls"]) == (NAME, calls)
    # What had been answered is not asked again; what was in the air is, and nothing else.
    again = [request.key for request in server.requests][len(first) :]
    assert len(again) == len(set(again)) == calls - answer["usage"]["replayed"]
    assert len(set(first) & set(again)) <= at_once
    assert answer["usage"]["replayed"] >= step - at_once + 1
    assert len({*first, *again}) == calls
