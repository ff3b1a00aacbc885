"""Auto: looks up, checks, reads on only where that does not suffice, and says how far it went."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent import Answer, Reader, UsageError
from lcagent.errors import SettingsError
from lcagent.memory.profiles import StoredProfiles
from lcagent.memory.store import Store
from lcagent.models.profile import unmeasured
from lcagent.models.serving.session import ModelSession
from lcagent.settings import load_settings
from tests.exploring import World
from tests.helpers import examples, in_this_process
from tests.killable import killed_at
from tests.librarian import Librarian, document
from tests.loopback import Loopback, Reply, Request
from tests.reader.labeller import Labeller, Told
from tests.tallying import PERSON, biographies, person_questions, right, text_of, written
from tests.team import inside

QUESTION = "Who kept the harbour of Vellmere?"
FACT = "The keeper of the harbour of Vellmere was Oskar Brandvold."
OTHER = "Vellmere's quays were looked after by one Oskar Brandvold."
"""The same without a word that the question's search would find first."""


def ask(
    server: Loopback, path: Path, question: str = QUESTION, *, effort: str = "normal", **options: Any
) -> Answer:
    given = {"strategy": "auto", "auto": {"effort": effort}, "window": server.window, **options}
    with Reader(api_base=server.url, **given) as reader:
        return reader.ask(path, question)


def test_where_one_look_suffices_nothing_more_is_read(loopback, tmp_path: Path) -> None:
    model = Librarian({QUESTION: ("Oskar Brandvold", [FACT])})
    answer = ask(loopback(window=2048, reply=model), document(tmp_path, FACT))
    assert (answer.answer, answer.status, answer.strategy) == ("Oskar Brandvold", "answered", "auto")
    assert [c.quote for c in answer.citations] == [FACT]
    assert model.roles == ["plan", "answer"]
    assert answer.coverage.segments_read == 0 and "looked up in" in answer.coverage.sentence
    assert len(answer.way) == 1 and answer.way[0].endswith("every statement stands there")


@pytest.mark.parametrize(("right_up_to", "takes"), [(300, "auto"), (7000, "direct")])
def test_what_fits_the_window_is_looked_up_by_a_model_that_fails_at_its_length(
    loopback, tmp_path: Path, home: Path, right_up_to: int, takes: str
) -> None:
    server = loopback(window=8192, reply=Librarian({QUESTION: ("Oskar Brandvold", [FACT])}))
    with closing(ModelSession(load_settings({"api_base": server.url}))) as session:
        opened = session.open(lambda _: None)
    known = unmeasured(opened.model, opened.fingerprint)
    with closing(Store.open(home)) as store:
        StoredProfiles(store).put(
            known.model_copy(update={"effective_tokens": right_up_to, "tried_tokens": 8000})
        )
    answer = ask(server, document(tmp_path, FACT, sentences=60))
    assert (answer.answer, answer.strategy) == ("Oskar Brandvold", takes)


def test_what_the_question_alone_does_not_find_is_looked_up_step_by_step(loopback, tmp_path: Path) -> None:
    asked = "In which town was the keeper of the harbour of Vellmere born?"
    born = "Oskar Brandvold was born in Tarn."
    steps = [QUESTION, "Where was #1 born?"]
    says = {QUESTION: ("Oskar Brandvold", [FACT]), "Where was Oskar Brandvold born?": ("Tarn", [born])}
    model = Librarian({**says, asked: ("Tarn", [FACT, born, "Noted: "])}, steps=steps)
    answer = ask(loopback(window=2048, reply=model), document(tmp_path, born, FACT), asked)
    assert (answer.answer, [hop.answer for hop in answer.hops]) == ("Tarn", ["Oskar Brandvold", "Tarn"])
    assert {FACT, born} <= {c.quote for c in answer.citations}
    assert model.roles == ["plan", *["answer"] * 4] and answer.coverage.segments_read == 0


def test_a_step_that_was_not_found_is_searched_in_other_words_and_the_plan_followed_from_there(
    loopback, tmp_path: Path
) -> None:
    asked = "In which town was the keeper of the harbour of Vellmere born?"
    quays, born = (
        "The quays had been in the charge of one Oskar Brandvold.",
        "Oskar Brandvold was born in Tarn.",
    )
    decoys = [f"Who kept the harbour of Vellmere? {name}al does not know." for name in "AaBbCcDdEeFfGgHhIiJj"]
    says = {QUESTION: ("Oskar Brandvold", [quays]), "Where was Oskar Brandvold born?": ("Tarn", [born])}
    steps = [QUESTION, "Where was #1 born?"]
    model = Librarian({**says, asked: ("Tarn", [quays, born])}, steps=steps, queries=["quays in charge of"])
    answer = ask(loopback(window=2048, reply=model), document(tmp_path, born, *decoys, quays), asked)
    assert (answer.answer, [hop.answer for hop in answer.hops]) == ("Tarn", ["Oskar Brandvold", "Tarn"])
    assert {quays, born} <= {c.quote for c in answer.citations} and answer.coverage.segments_read == 0
    assert "read" not in model.roles and model.roles.count("search") == 1


def test_what_the_document_says_in_other_words_is_searched_in_other_words(loopback, tmp_path: Path) -> None:
    decoys = [
        f"Who kept the harbour of {name}? Nobody knows."
        for name in "Aal Bel Col Dun Eld Fay Gor Hel Ild".split()
    ]
    quays = "The quays had been in the charge of one Oskar Brandvold."
    model = Librarian({QUESTION: ("Oskar Brandvold", [quays])}, queries=["quays in charge of"])
    answer = ask(loopback(window=2048, reply=model), document(tmp_path, quays, *decoys))
    assert model.roles == ["plan", "answer", "search", "answer", "read"][: len(model.roles)]
    assert answer.answer == "Oskar Brandvold"
    assert len(answer.way) >= 2 and "other words" in answer.way[1]


def test_facts_that_an_earlier_question_extracted_are_used_first(loopback, tmp_path: Path) -> None:
    decoys = [f"Who kept the harbour of Vellmere? {name}al does not know." for name in "AaBbCcDdEeFfGgHhIiJj"]
    fact = "Vellmere had Oskar Brandvold for that."
    path = document(tmp_path, *decoys, fact)
    model = Librarian({QUESTION: ("Oskar Brandvold", [fact])})
    world = World([], {fact: ["Vellmere"]}, "nothing", ["nowhere"])

    def says(request: Request) -> str:
        names = request.schema["properties"].keys()
        return world(request) if names == {"facts"} else model(request)

    server = loopback(window=2048, reply=says)
    assert ask(server, path, home=tmp_path / "other").way[0].endswith("found nothing")
    with Reader(api_base=server.url, window=2048, home=tmp_path / "home") as reader:
        reader.build(path)
    answer = ask(server, path, home=tmp_path / "home")
    assert (answer.answer, answer.coverage.segments_read) == ("Oskar Brandvold", 0)
    assert "facts that are kept" in answer.way[0] and len(answer.way) == 1


def test_reading_ends_with_the_wave_that_finds_it(loopback, tmp_path: Path) -> None:
    """Neither look finds it, for no word leads there; what was read is not read again."""
    hidden = "Of the moorings one Oskar Brandvold had charge."
    model = Librarian({QUESTION: ("Oskar Brandvold", [hidden])}, notes=[hidden])
    path = document(tmp_path, hidden, "The harbour of Vellmere is old.", sentences=2400)
    server = loopback(window=2048, reply=model)
    answer = ask(server, path)
    assert answer.answer == "Oskar Brandvold" and answer.citations[0].quote == hidden
    read = [r.text.split("<segment>")[-1] for r in server.requests if "relevant" in r.schema["properties"]]
    assert len(read) == len(set(read)) == answer.coverage.segments_read
    assert 8 <= len(read) < answer.coverage.segments_total


def test_a_segment_that_cannot_be_read_costs_itself_alone(loopback, tmp_path: Path) -> None:
    """It is among the first, is asked once, and does not stand in the way of those behind it."""
    poison = "The harbour of Vellmere was kept by a word that no filter lets through."
    model = Librarian({})

    def says(request: Request) -> Any:
        reads = "relevant" in request.schema["properties"]
        return Reply("", status=400) if reads and poison in request.text else model(request)

    server = loopback(window=2048, reply=says)
    answer = ask(server, document(tmp_path, poison, sentences=2400))
    read = [r for r in server.requests if "relevant" in r.schema["properties"]]
    assert sum(poison in request.text for request in read) == 1
    assert answer.coverage.segments_read == answer.coverage.segments_total - 1 == len(read) - 1
    assert len(answer.coverage.skipped) == 1 and answer.status == "not_found"


@pytest.mark.parametrize("effort", ["low", "normal", "all"])
def test_what_is_not_there_is_told_as_what_was_done(loopback, tmp_path: Path, effort: str) -> None:
    model = Librarian({})
    answer = ask(loopback(window=2048, reply=model), document(tmp_path), effort=effort)
    assert answer.status == "not_found"
    everything = answer.coverage.segments_read == answer.coverage.segments_total
    assert everything == (effort != "low")
    assert any("not everything was read" in warning for warning in answer.warnings) == (effort == "low")
    assert answer.way[-1].startswith("read " if everything else "looked up ")


@pytest.mark.parametrize("kind", ["absence", "list"])
def test_where_all_of_it_counts_everything_is_read_at_once(loopback, tmp_path: Path, kind: str) -> None:
    told = [f"The barque number {number} sank." for number in range(5)]
    model = Librarian({QUESTION: ("five barques", told)}, kind=kind, notes=told)
    answer = ask(loopback(window=2048, reply=model), document(tmp_path, *told))
    assert answer.answer == "five barques"
    assert answer.coverage.segments_read == answer.coverage.segments_total
    assert model.roles.count("answer") == 1


def test_things_that_are_compared_are_looked_up_one_by_one(loopback, tmp_path: Path) -> None:
    asked = "Which is older, the barque Ada or the ketch Bel?"
    one, other = "The barque Ada was built in 1902.", "The ketch Bel was built in 1911."
    steps = ["When was the barque Ada built?", "When was the ketch Bel built?"]
    says = {steps[0]: ("1902", [one]), steps[1]: ("1911", [other]), asked: ("the barque Ada", [one, other])}
    model = Librarian(says, kind="comparison", steps=steps)
    answer = ask(loopback(window=2048, reply=model), document(tmp_path, one, other), asked)
    assert (answer.answer, answer.coverage.segments_read) == ("the barque Ada", 0)
    assert [hop.answer for hop in answer.hops] == ["1902", "1911"] and model.roles.count("answer") == 3
    assert {one, other} <= {c.quote for c in answer.citations}


def test_what_was_concluded_counts_where_two_looks_agree(loopback, tmp_path: Path) -> None:
    """A bare yes stands nowhere: a single look does not suffice."""
    model = Librarian(
        {"Was the harbour of Vellmere kept?": ("yes", [FACT])}, queries=["keeper of the harbour"]
    )
    path = document(tmp_path, FACT, "Its keeper was never late.")
    answer = ask(loopback(window=2048, reply=model), path, "Was the harbour of Vellmere kept?")
    assert answer.answer == "yes"
    assert model.roles[:4] == ["plan", "answer", "search", "answer"]


def test_more_effort_wants_an_answer_found_twice(loopback, tmp_path: Path) -> None:
    path = document(tmp_path, FACT, OTHER)
    model = Librarian({QUESTION: ("Oskar Brandvold", [])}, queries=["quays looked after"])
    answer = ask(loopback(window=2048, reply=model), path, effort="high")
    assert model.roles[:3] == ["plan", "answer", "search"]
    assert answer.answer == "Oskar Brandvold"


def test_a_budget_ends_it_with_the_best_answer_so_far(loopback, tmp_path: Path) -> None:
    model = Librarian({"Was the harbour of Vellmere kept?": ("yes", [FACT])})
    path = document(tmp_path, FACT, sentences=2400)
    server = loopback(window=2048, reply=model)
    answer = ask(server, path, "Was the harbour of Vellmere kept?", max_calls=6)
    assert (answer.answer, answer.status) == ("yes", "budget")
    assert len(server.requests) <= 6


def test_a_summary_is_made_as_summaries_are(loopback, tmp_path: Path) -> None:
    def says(request: Request) -> str:
        names = request.schema["properties"]
        if "steps" in names:
            return json.dumps({"core": "", "form": "", "asks": "summary", "steps": ["What is it about?"]})
        if "summary" in names:
            return json.dumps({"summary": "The harbour was kept by Oskar Brandvold."})
        facts = [FACT] if FACT in request.text else []
        told = {"relevant": "yes", "facts": facts, "rationale": "", "answered": "no", "answer": ""}
        return json.dumps({**told, "confidence": "zero"})

    answer = ask(loopback(window=2048, reply=says), document(tmp_path, FACT), "Sum this up.")
    assert answer.answer == "The harbour was kept by Oskar Brandvold."
    assert answer.coverage.segments_read == answer.coverage.segments_total
    assert FACT in [c.quote for c in answer.citations]


def test_what_has_to_be_counted_is_counted_by_code(loopback, tmp_path: Path) -> None:
    items = biographies(30)
    text = text_of(items, filler=4)
    cases = person_questions(items)[:5]
    counts = Labeller(PERSON, [Told(text, items)], cases)

    def says(request: Request) -> Any:
        if "steps" in request.schema["properties"]:
            asked = inside(request.text, "question")[0]
            return json.dumps({"core": "", "form": "", "asks": "aggregate", "steps": [asked]})
        return counts(request)

    server, path = loopback(window=4096, reply=says), written(tmp_path, text)
    answers = [ask(server, path, case.question) for case in cases]
    assert all(right(answer, case) for answer, case in zip(answers, cases, strict=True))
    assert {answer.strategy for answer in answers} == {"auto"} and answers[0].table is not None
    first = answers[0].coverage
    assert first.chars_read == first.chars_total and first.segments_read == first.segments_total
    # The rows are the ones that `--strategy tally` reads: neither reads them again.
    assert [bool(answer.usage.building) for answer in answers] == [True, *[False] * 4]
    assert ask(server, path, cases[0].question, strategy="tally").usage.building is None


def test_the_command_explains_the_way(loopback, tmp_path: Path) -> None:
    model = Librarian({QUESTION: ("Oskar Brandvold", [FACT])})
    server = loopback(window=2048, reply=model)
    arguments = ["ask", str(document(tmp_path, FACT)), QUESTION, "--api-base", server.url, "--window", "2048"]
    done = in_this_process(*arguments, "--home", str(tmp_path / "home"), "--explain", "--effort", "low")
    assert done.stdout == "Oskar Brandvold [1]\n"
    assert "way 1. looked up" in re.sub(r"\s+", " ", done.stderr)
    wrong = in_this_process(*arguments, "--effort", "enormous")
    assert isinstance(wrong.exception, SettingsError) and "auto.effort" in wrong.exception.message


HIDDEN = "Of the moorings one Oskar Brandvold had charge."


@pytest.mark.parametrize(
    "step", [8, *(pytest.param(step, marks=pytest.mark.slow) for step in (0, 1, 2, 3, 14))]
)
def test_sigkill_at_every_step_repeats_no_call(loopback, tmp_path: Path, step: int) -> None:
    """While it plans, looks up, searches, looks again, reads and answers."""
    model = Librarian({QUESTION: ("Oskar Brandvold", [HIDDEN])}, notes=[HIDDEN])
    path = document(tmp_path, HIDDEN, "The harbour of Vellmere is old.", sentences=900)
    with Loopback(window=2048, reply=model) as undisturbed:
        ask(undisturbed, path, home=tmp_path / "other", concurrency=1)
        calls = len(undisturbed.requests)
    assert step < calls
    server = loopback(window=2048)
    arguments = ["ask", str(path), QUESTION, "--api-base", server.url, "--window", "2048", "--json"]
    arguments += ["--home", str(tmp_path / "home"), "--set", "concurrency=1"]
    killed_at(step, server, arguments, model)
    second = in_this_process(*arguments)
    assert second.exit_code == 0, second.stderr
    assert json.loads(second.stdout)["answer"] == "Oskar Brandvold"
    assert len(server.requests) == calls + 1  # the one in the air


TEXTS = st.text(alphabet="abc #123漢<>\n", min_size=1, max_size=200)


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(TEXTS, min_size=1, max_size=6),
    kind=st.sampled_from(["fact", "list", "comparison", "explanation", "absence", "aggregate"]),
    found=st.lists(st.sampled_from(["yes", "no"]), min_size=1, max_size=5),
    question=st.text(min_size=1, max_size=400).filter(str.strip),
    window=st.integers(1200, 2048),
    effort=st.sampled_from(["low", "normal", "high", "all"]),
)
def test_no_call_exceeds_the_window_whatever_is_said(
    tmp_path_factory, said: list[str], kind: str, found: list[str], question: str, window: int, effort: str
) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = document(folder, FACT, sentences=240)

    def talks(request):
        names, at = request.schema["properties"], request.number
        if "steps" in names:
            return json.dumps({"core": "", "form": "", "asks": kind, "steps": said})
        if "queries" in names:
            return json.dumps({"queries": said})
        if "facts" in names:
            return json.dumps({"relevant": found[at % len(found)], "facts": said[:2], "next": said[0]})
        return json.dumps({"found": found[at % len(found)], "answer": said[at % len(said)]})

    with Loopback(window=window, reply=talks) as server:
        try:
            answer = ask(server, path, question, effort=effort, home=folder / "home")
        except UsageError:
            assert not server.requests  # refused before the first call
            return
        assert server.overruns == 0
        read = [
            r.text.split("<segment>")[-1] for r in server.requests if "relevant" in r.schema["properties"]
        ]
        assert len(read) <= 2 * answer.coverage.segments_total  # each once, and again where it was no use
