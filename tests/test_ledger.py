"""The ledger only ever grows: nothing recorded is lost, whatever comes after."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent.documents import Span
from lcagent.graphs.shared.noting import JOINT, view
from lcagent.memory.findings import Finding, Known
from lcagent.memory.ledger import STRIDE, Ledger
from lcagent.memory.opening import open_store
from lcagent.memory.rows import Rows
from lcagent.place import Place
from tests.helpers import examples


def finding(text: str, start: int = 0, segment: int = 0) -> Finding:
    """A finding in the words of its sentence."""
    return Finding(0, segment, text, (Span(start, start + len(text)),), quote=text)


def opened(where: Path | Place) -> Rows:
    """A store that holds a run."""
    store = open_store(where)
    names = "id, key, status, created, updated, question, sources, strategy, model, settings"
    store.execute(
        f"INSERT INTO runs ({names}) VALUES ('run', 'k', 'running', 0, 0, '', '[]', '', '', '{{}}')"
    )
    return store


def operations(first: str, second: str) -> list[tuple[str, str | None]]:
    """What two findings of two segments do to each other."""
    known = Known()
    known.add(known.tried([finding(first)]))
    return [(f.op, f.target) for f in [*known.findings.values(), *known.tried([finding(second, 900, 1)])]]


def test_a_correction_supersedes_and_a_repetition_merges(place: Place) -> None:
    ledger = Ledger(opened(place), "run")
    correction = "The depth of the stilling well should read 5.9 metres, not 6.4."
    said = [
        "The depth of the stilling well is 6.4 metres.",
        "The depth of the stilling well is 6.4 metres",
        correction,
    ]
    for segment, text in enumerate(said):
        found = ledger.before(0, segment).tried([finding(text, 900 * segment, segment)])
        ledger.record(found)
    assert [(row.op, row.target) for row in ledger.findings()] == [
        ("add", None),
        ("merge", "0.0.0"),
        ("supersede", "0.0.0"),
    ]
    known = ledger.before(0, 3)
    assert known.superseded == {"0.0.0"}
    assert [row.text for row in ledger.findings()] == said  # what was corrected is kept all the same


def test_other_figures_are_another_fact() -> None:
    assert operations("The mast is 11 metres high.", "The mast is 12 metres high.")[1] == ("add", None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "The patient is allergic to penicillin and may be given it.",
            "The patient is not allergic to penicillin and may be given it.",
        ),
        (
            "The head of the north office of the company is Peter Holm.",
            "The head of the south office of the company is Peter Holm.",
        ),
        (
            "The old vessel was commanded by Captain John Berg of Tarn.",
            "The old vessel was commanded by Captain Joan Borg of Tarn.",
        ),
    ],
)
def test_what_looks_alike_but_says_something_else_is_no_repetition(one: str, other: str) -> None:
    assert operations(one, other)[1] == ("add", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "The mooring fee for a boat in 2019 was 120 euros.",
            "The mooring fee for a boat in 2020 was 130 euros instead of 125.",
        ),
        (
            "Lot 4 was awarded to the firm at 9,000.",
            "Lot 7 was awarded to the firm at 8,000 instead of the 7,000 estimated.",
        ),
        ("The treaty was signed by Berg in 1911.", "The treaty was amended by Berg in 1920."),
    ],
)
def test_a_sentence_about_another_year_or_lot_corrects_nothing(old: str, new: str) -> None:
    assert operations(old, new)[1] == ("add", None)


def test_a_fact_in_the_models_own_words_repeats_another_only_where_the_words_are_the_same() -> None:
    sentence = "Berg signed the lease in 1911 and sold the mill in 1912."
    spans = (Span(0, len(sentence)),)
    facts = ["Berg signed it in 1911", "Berg sold the mill in 1912", "In 1911 Berg signed it"]
    found = Known().tried([Finding(0, 0, fact, spans, quote=sentence) for fact in facts])
    assert [(f.op, f.target) for f in found] == [("add", None), ("add", None), ("merge", "0.0.0")]
    assert [f.seq for f in found] == [0, 1, 2]


def test_rounds_keep_apart_and_one_can_be_left_out(place: Place) -> None:
    ledger = Ledger(opened(place), "run")
    for round_number, text in enumerate(("first", "second")):
        found = Known().tried([finding(text)], first=round_number * STRIDE)
        ledger.record(found)
    assert [row.text for row in ledger.findings()] == ["first", "second"]
    assert [row.text for row in ledger.findings(below=STRIDE)] == ["first"]


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.lists(st.tuples(st.sampled_from(["abc12", "corrected", "not"]), st.integers(0, 50)), max_size=4),
        max_size=8,
    )
)
def test_nothing_recorded_is_lost_and_a_step_done_twice_changes_nothing(tmp_path_factory, steps) -> None:
    store = opened(tmp_path_factory.mktemp("l"))
    ledger = Ledger(store, "run")
    recorded: list[str] = []
    for segment, step in enumerate(steps):
        found = [finding(f"The {word} is {place}.", place * 10, segment) for word, place in step]
        tried = ledger.before(0, segment).tried(found)
        assert Ledger(store, "run").before(0, segment).tried(found) == tried  # as another process sees it
        ledger.record(tried)
        ledger.record([replace(f, text="other") for f in tried])  # repeated after a crash
        recorded += [f.text for f in found]
        assert [row.text for row in ledger.findings()] == recorded
        assert Ledger(store, "run").findings() == ledger.findings()
    known = ledger.before(0, len(steps))
    for row in ledger.findings():  # whatever is repeated or corrected leads to what is known
        assert row.id in known.findings if row.op != "merge" else row.target in known.findings
    # A step done again sees what it saw the first time.
    for segment in range(len(steps)):
        assert all(row.segment < segment for row in ledger.before(0, segment).findings.values())
    store.close()


def test_a_view_keeps_the_newest_that_fit_in_reading_order() -> None:
    findings = [replace(finding(f"q{i}", 10 * i, i), tokens=10) for i in range(4)]
    assert view(reversed(findings), 2 * (10 + JOINT)) == "- q2\n- q3"
    assert view(reversed(findings), 10 + JOINT - 1) == ""
    assert view(reversed(findings), 1000).splitlines() == ["- q0", "- q1", "- q2", "- q3"]
