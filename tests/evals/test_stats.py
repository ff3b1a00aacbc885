"""Intervals, the paired comparison and the cells, with figures worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.evals.items import Cost, Row
from lcagent.evals.stats import Comparison, Score, paired_difference, score_of, wilson
from lcagent.evals.summary import answered_though_absent, refused_though_present, summarise
from tests.evals.test_scorers import row


def scored(item: int, score: float, strategy: str = "reader", **changes: object) -> Row:
    return row("x", item=f"t-{item}", strategy=strategy, scores={"sub_em": score}, **changes)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Wilson's interval as in Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_an_interval_of_nothing_bounds_nothing() -> None:
    assert score_of([]) == Score(0, 0.0, 0.0, 1.0)
    assert score_of([1.0]).low == pytest.approx(0.2065, abs=5e-5)  # Wilson: 1 / (1 + 1.96²)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        # With 0 and 1 added: mean 2/4, scatter (0.25 + 0.25 + 0 + 1)/4 - 0.5² = 0.125, half of the 0.25 of hits
        # and misses, so Wilson's interval of 2 of 4.
        ([0.5, 0.5], 0.1500, 0.8500),
        # Mean 1.5/3, scatter 1.25/3 - 0.25 = 1/6: as 0.75 of 1.5.
        ([0.5], 0.0760, 0.9240),
        # Mean 20.75/22, scatter 20.5625/22 - 0.9432² = 0.04506 of 0.05359: as 0.9875 of 23.79.
        ([1.0] * 19 + [0.75], 0.8403, 0.9992),
        ([1.0] * 20, 0.8389, 1.0),
        ([0.0] * 19 + [0.25], 0.0008, 0.1597),
    ],
)
def test_values_between_0_and_1_stand_for_as_many_hits_and_misses(
    values: list[float], low: float, high: float
) -> None:
    found = score_of(values)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_interval_of_many_values_is_near_the_normal_one() -> None:
    # 200 values of 0.2 and 0.8: mean 0.5, standard error 0.3 / √200 = 0.0212, so ± 0.0416.
    found = score_of([0.2, 0.8] * 100)
    assert found.mean == pytest.approx(0.5)
    assert found.low == pytest.approx(0.4584, abs=0.004)
    assert found.high == pytest.approx(0.5416, abs=0.004)
    assert found == score_of([0.8, 0.2] * 100)  # nothing hangs on the order


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_an_interval_holds_its_mean_and_stays_within_0_and_1(values: list[float]) -> None:
    found = score_of(values)
    assert found.n == len(values)
    assert -1e-9 <= found.low <= found.mean <= found.high <= 1 + 1e-9


def test_paired_difference_by_hand() -> None:
    a = [scored(i, 0.0) for i in range(20)] + [scored(20, 1.0), scored(21, 1.0)]
    b = [scored(i, float(i < 10), "direct") for i in range(20)] + [scored(20, 0.0, "direct")]
    found = paired_difference(a, b)
    # Item 21 was asked of one only. Of 21 items 10 gain, 1 loses, 10 stay.
    assert (found.n, found.better, found.worse, found.same) == (21, 10, 1, 10)
    assert found.difference == pytest.approx(9 / 21)
    # With two gains and two losses more: 9/25, standard error √((15/25 - 0.36²) / 24) = 0.14, so 0.36 ± 0.2744.
    assert found.low == pytest.approx(0.0856, abs=5e-5)
    assert found.high == pytest.approx(0.6344, abs=5e-5)
    assert found.p == pytest.approx(0.0101, abs=5e-5)  # 0.36/0.14 = 2.571; the sign test has 0.0117
    back = paired_difference(b, a)
    assert (back.difference, back.better, back.worse) == (pytest.approx(-9 / 21), 1, 10)


def test_pairs_are_made_by_task_length_seed_and_item() -> None:
    a = [scored(0, 1.0), scored(0, 1.0, length=1), scored(0, 1.0, seed=1), scored(0, 1.0, task="u")]
    assert paired_difference(a, [scored(0, 0.0, "direct", seed=1)]).n == 1
    none = paired_difference(a, [scored(1, 0.0)])
    assert (none.n, none.low, none.high, none.p) == (0, -1.0, 1.0, 1.0)


def compared(gains: list[float]) -> Comparison:
    a = [scored(i, max(0.0, -gain)) for i, gain in enumerate(gains)]
    return paired_difference(a, [scored(i, max(0.0, gain)) for i, gain in enumerate(gains)])


@pytest.mark.parametrize(
    ("worse", "better", "n", "exact"),
    # Beside the exact sign test of the items that differ: 2 * the sum of the smaller tail over 2^k.
    [
        (0, 2, 2, 0.5),
        (0, 3, 3, 0.25),
        (0, 4, 4, 0.125),
        (0, 5, 5, 0.0625),
        (0, 6, 6, 0.03125),
        (0, 4, 20, 0.125),
        (0, 5, 20, 0.0625),
        (0, 6, 20, 0.03125),
        (1, 7, 20, 0.0703),
        (1, 8, 20, 0.0391),
        (2, 8, 50, 0.1094),
        (5, 15, 100, 0.0414),
    ],
)
@pytest.mark.parametrize("size", [1.0, 0.1])
def test_interval_and_p_agree_and_few_items_prove_nothing(
    worse: int, better: int, n: int, exact: float, size: float
) -> None:
    found = compared([-size] * worse + [size] * better + [0.0] * (n - worse - better))
    assert found.p == pytest.approx(exact, abs=0.075)
    assert (found.p < 0.05) == (exact < 0.05) == (found.low > 0)


def test_a_comparison_of_two_and_of_none_by_hand() -> None:
    # (2 + 2 - 2) / 6 = 1/3; standard error √((6/6 - 1/9) / 5) = 0.4216, so 1/3 ± 0.826, cut at 1.
    two = compared([1.0, 1.0])
    assert (two.difference, two.low, two.high) == (1.0, pytest.approx(-0.4931, abs=5e-5), 1.0)
    # Nothing differs in 20 items: 0 ± 1.96 √((4/24) / 23).
    none = compared([0.0] * 20)
    assert (none.low, none.high) == (pytest.approx(-0.1668, abs=5e-5), pytest.approx(0.1668, abs=5e-5))
    assert (none.difference, none.p) == (0, 1)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12))
def test_an_interval_of_a_difference_leaves_out_0_only_where_p_is_small(gains: list[float]) -> None:
    found = compared(gains)
    assert -1 <= found.low <= found.difference <= found.high <= 1
    assert 0 <= found.p <= 1
    if abs(found.p - 0.05) > 1e-9:
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


@given(st.lists(st.floats(0, 1), max_size=10))
def test_a_run_against_itself_differs_in_nothing(values: list[float]) -> None:
    rows = [scored(i, value) for i, value in enumerate(values)]
    found = paired_difference(rows, rows)
    assert (found.n, found.same, found.better, found.worse) == (len(rows), len(rows), 0, 0)
    assert (found.difference, found.p) == (0, 1)


def test_rates_of_abstention() -> None:
    statuses = ["answered", "conflicting", "not_found", "failed", "budget"]
    absent = [row("x", (), item=s, status=s) for s in statuses]
    present = [row("x", item=s, status=s) for s in statuses]
    answered, refused = answered_though_absent(absent + present), refused_though_present(absent + present)
    assert answered and (answered.n, answered.mean) == (5, 0.4)
    assert refused and (refused.n, refused.mean) == (5, 0.2)
    assert answered_though_absent(present) is None
    assert refused_though_present(absent) is None
    broken = answered_though_absent([row("x", (), error="Timeout")])
    assert broken and broken.mean == 0


def test_a_cell_by_hand() -> None:
    rows = [
        scored(0, 1.0, cost=Cost(calls=2, prompt_tokens=100, completion_tokens=10, peak_in_flight=3)),
        scored(1, 0.0, cost=Cost(calls=4, prompt_tokens=300, completion_tokens=30, overruns=1)),
        scored(2, 0.0, status="failed", error="EndpointUnavailable"),
        scored(3, 0.0, status="budget", error="BudgetReached", recorded=4, kept=3),
        *(scored(i, float(i != 3), "gold") for i in range(4)),
    ]
    reader, gold = summarise(rows)
    assert (reader.strategy, reader.metric, reader.n) == ("reader", "sub_em", 4)
    assert reader.score == reader.scores["sub_em"]
    assert (reader.score.n, reader.score.mean) == (4, 0.25)
    assert reader.of_ceiling == reader.shares["sub_em"] == pytest.approx(1 / 3)
    assert gold.of_ceiling == 1
    assert (reader.failed, reader.budget, reader.overruns, reader.peak_in_flight) == (1, 1, 1, 3)
    # Item 2 failed before a call had ended: what it would have cost is not known.
    assert (reader.costed, reader.calls, reader.tokens) == (3, 2, pytest.approx(440 / 3))
    assert (reader.retention, gold.retention) == (0.75, None)


def test_an_item_that_failed_costs_what_it_had_spent_or_does_not_count() -> None:
    spent = Cost(calls=10, prompt_tokens=1000, completion_tokens=50, seconds=20)
    failed = {"status": "failed", "error": "MalformedReply"}
    rows = [scored(0, 1.0, cost=spent), scored(1, 0.0, cost=spent, **failed), scored(2, 0.0, **failed)]
    (cell,) = summarise(rows)
    assert (cell.n, cell.costed, cell.calls, cell.tokens, cell.seconds) == (3, 2, 10, 1050, 20)
    (none,) = summarise(rows[2:])
    assert (none.n, none.costed, none.calls) == (1, 0, 0)


def test_the_ceiling_is_taken_over_shared_items_and_can_be_missing() -> None:
    rows = [scored(0, 0.5), scored(1, 1.0), scored(0, 1.0, "gold")]
    assert summarise(rows)[0].of_ceiling == 0.5
    assert summarise(rows[:2])[0].of_ceiling is None
    assert summarise([scored(0, 1.0), scored(0, 0.0, "gold")])[0].of_ceiling is None
    assert summarise([*rows[:2], scored(0, 1.0, "gold", length=1)])[1].of_ceiling is None


def test_cells_come_by_task_and_length_with_gold_last() -> None:
    order = [("b", 1, "x"), ("a", 9, "gold"), ("a", 9, "x"), ("a", 2, "zz"), ("a", 2, "gold")]
    cells = summarise([row("x", task=t, length=n, strategy=s) for t, n, s in order])
    assert [(c.task, c.length, c.strategy) for c in cells] == [
        ("a", 2, "zz"),
        ("a", 2, "gold"),
        ("a", 9, "x"),
        ("a", 9, "gold"),
        ("b", 1, "x"),
    ]
    assert summarise([]) == []
