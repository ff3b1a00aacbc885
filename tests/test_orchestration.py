"""With a perfect reader nothing is lost on the way, on the multi-hop samples that the package ships."""

from __future__ import annotations

from argparse import Namespace
from functools import cache

import pytest

from benchmarks.orchestration import STRATEGIES, Asked, Row, answer, asked, failing
from tests.helpers import examples

WINDOW = 2048


@cache
def items(miss: float, invent: float) -> list[Asked]:
    """The samples in documents of 4,000 tokens, read at a small window: many segments at little cost."""
    where = {"data": None, "lengths": [4000], "n": [examples(8)], "offset": 0, "seed": 1, "window": WINDOW}
    how = {"miss": miss, "invent": invent, "every": False, "absent": False, "strategies": []}
    options = Namespace(**where, **how)
    return list(asked(options))


def rows(strategy: str, miss: float = 0.0, invent: float = 0.0) -> list[Row]:
    found: list[Row] = []
    for item in items(miss, invent):
        item.strategies[:] = [strategy]
        found += answer(item)
    return found


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_perfect_reader_is_answered_and_every_hop_cited(strategy: str) -> None:
    for row in rows(strategy):
        assert row.score == 1, failing(row)
        assert not row.lost, failing(row)
        assert row.cited == row.gold, failing(row)
        assert row.verbatim == row.quotes, failing(row)
        assert not row.overruns, failing(row)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_more_is_lost_than_was_overlooked(strategy: str) -> None:
    some = rows(strategy, miss=0.3)
    assert any(row.overlooked for row in some)
    for row in some:
        assert row.score == (not row.overlooked), failing(row)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_invented_facts_hide_no_answer(strategy: str) -> None:
    for row in rows(strategy, invent=0.3):
        assert row.score == 1, failing(row)
