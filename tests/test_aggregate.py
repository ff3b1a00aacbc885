"""`tally` loses nothing of `aggregate` with perfect labels, and with wrong ones no more than they make wrong."""

from __future__ import annotations

from argparse import Namespace
from functools import cache

import pytest

from benchmarks.aggregate import Outcome, answer, failing
from lcagent.evals.tasks import Request
from lcagent.evals.tasks.aggregate import VARIANTS, labelled
from tests.loopback import count

OPERATIONS = sorted({operation for _, operation in VARIANTS})


@cache
def outcomes(err: float, strategy: str = "tally", window: int = 8192) -> list[Outcome]:
    """One item of each kind, in documents of several segments."""
    options = Namespace(strategies=[strategy], window=window, err=err, seed=0)
    items = labelled(Request(None, 2500, len(VARIANTS), 3, count))
    return [outcome for made in items for outcome in answer(made, options)]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_perfect_labeller_is_answered(operation: str) -> None:
    some = [out for out in outcomes(0.0) if out.kind.split()[1] == operation]
    assert some
    for out in some:
        assert out.allowed == 1, failing(out)
        assert out.score == out.bare == 1, failing(out)
        assert not out.overruns and out.calls > 4, failing(out)


@pytest.mark.slow
def test_wrong_labels_lose_what_they_make_wrong_and_nothing_else() -> None:
    some = outcomes(0.4)
    assert any(out.allowed < 1 for out in some)
    for out in some:
        assert out.bare == out.allowed, failing(out)


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "window"), [("auto", 2048), ("tally", 3000)])
def test_a_small_window_notes_what_the_question_needs_first(strategy: str, window: int) -> None:
    for out in outcomes(0.0, strategy, window):
        assert out.bare == 1 and not out.error, failing(out)
        assert not out.overruns
