"""The ledger only ever grows: nothing recorded is lost, whatever comes after."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent.memory.entries import Entry, Evidence, integrate
from lcagent.memory.ledger import Ledger
from lcagent.memory.standing import Standing
from lcagent.memory.store import Store


def evidence(quote: str, start: int, segment: int = 0) -> Evidence:
    return Evidence(0, segment, start, start + len(quote), quote, "", 0.5)


def test_a_correction_supersedes_and_a_repetition_merges(tmp_path: Path) -> None:
    ledger = Ledger(Store(tmp_path / "x.db"), "run")
    first = integrate([evidence("The depth of the stilling well is 6.4 metres.", 0)], [])
    ledger.record(0, 0, first)
    again = integrate([evidence("The depth of the stilling well is 6.4 metres", 900, 1)], ledger.live())
    ledger.record(0, 1, again)
    correction = "The depth of the stilling well should read 5.9 metres, not 6.4."
    ledger.record(0, 2, integrate([evidence(correction, 2000, 2)], ledger.live()))
    assert [(row.op, row.target) for row in ledger.rows()] == [
        ("add", None),
        ("merge", "0.0.0"),
        ("supersede", "0.0.0"),
    ]
    assert [row.quote for row in ledger.live()] == [correction]


def test_other_figures_are_another_fact() -> None:
    first = integrate([evidence("The mast is 11 metres high.", 0)], [])
    (second,) = integrate([evidence("The mast is 12 metres high.", 99)], first)
    assert second.op == "add"


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
    first = integrate([evidence(one, 0)], [])
    (second,) = integrate([evidence(other, 900)], first)
    assert second.op == "add"


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
    ],
)
def test_a_sentence_about_another_year_or_lot_corrects_nothing(old: str, new: str) -> None:
    first = integrate([evidence(old, 0)], [])
    (second,) = integrate([evidence(new, 900)], first)
    assert second.op == "add"


def test_who_says_it_again_is_a_witness_of_its_own(tmp_path: Path) -> None:
    ledger = Ledger(Store(tmp_path / "x.db"), "run")
    noted = replace(
        evidence("The depth of the stilling well is 6.4 metres.", 100), note="6.4 metres deep", score=0.7
    )
    hinted = replace(evidence("The depth of the stilling well is 6.4 metres.", 100), score=1.0)
    ledger.record(0, 0, integrate([noted, hinted], []))
    (row,) = ledger.live()
    (again,) = ledger.repeated()
    assert (row.note, again.note, again.score) == ("6.4 metres deep", "", 1.0)
    assert (again.start, again.segment) == (row.start, row.segment)
    correction = evidence("The depth of the stilling well should read 5.9 metres, not 6.4.", 900, 1)
    ledger.record(0, 1, integrate([correction], ledger.live()))
    assert ledger.repeated() == []  # what no longer stands needs no witness


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.lists(st.tuples(st.sampled_from(["abc12", "corrected", "not"]), st.integers(0, 50)), max_size=4),
        max_size=8,
    )
)
def test_nothing_recorded_is_lost_and_a_step_done_twice_changes_nothing(tmp_path_factory, steps) -> None:
    store = Store(tmp_path_factory.mktemp("l") / "x.db")
    ledger = Ledger(store, "run")
    recorded: list[str] = []
    for segment, step in enumerate(steps):
        found = [evidence(f"The {word} is {place}.", place * 10, segment) for word, place in step]
        live = ledger.live()
        standing = ledger.standing(0, before=segment)
        assert [row.id for row in live if row.id not in standing] == []
        entries = integrate(found, live)
        assert integrate(found, standing.near(found)) == entries
        ledger.record(0, segment, entries)
        ledger.record(0, segment, [replace(e, quote="other") for e in entries])  # repeated after a crash
        recorded += [e.quote for e in found]
        assert [row.quote for row in ledger.rows()] == recorded
        assert Ledger(store, "run").rows() == ledger.rows()  # as another process reads them
        assert len(ledger.live()) <= len(recorded)
    store.close()


def test_a_view_keeps_the_best_that_fits_in_reading_order() -> None:
    entries = [
        Entry(0, i, i * 10, i * 10 + 5, f"q{i}", "noted", score, tokens=10)
        for i, score in enumerate([0.1, 0.9, 0.5, 0.8])
    ]
    standing = Standing(entries)
    assert [e.quote for e in standing.best(30)] == ["q1", "q3"]
    assert standing.best(5) == []
