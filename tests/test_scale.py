"""The simulation of benchmarks/scale.py: what goes in comes out, and known queues are met."""

import math
from itertools import pairwise

import pytest

simpy = pytest.importorskip("simpy")
np = pytest.importorskip("numpy")

from benchmarks import scale_fleet  # noqa: E402
from benchmarks.scale_fleet import MODELS, Setup, documents, drawn, enough, run  # noqa: E402
from benchmarks.scale_parts import (  # noqa: E402
    Document,
    Engine,
    Process,
    Share,
    Spec,
    Station,
    Stub,
)
from benchmarks.scale_sim import Costs, Fleet, simulated  # noqa: E402

NOTHING = Costs((0.0, 0.0))
TABLE = {
    "client": {"memagent": {"client_ms": {"document": 10.0, "call": 10.0}}},
    "postgres": {"document": {"cpu_ms": 2.0}, "call": {"cpu_ms": 0.25}},
    "router": {"cpu_ms": 0.3},
    "replies": {"memagent": {"tokens": 56.0, "cached": 0.1}},
    "work": {
        "memagent": [[7000, 4, 11_700], [56_000, 15, 67_100], [896_000, 197, 1_011_700]],
        "auto": [[7000, 3, 4_100], [224_000, 4, 5_900], [896_000, 44, 212_400]],
        "auto, not there": [[7000, 8, 16_300], [56_000, 19, 70_600]],
    },
    "sizes_tokens": [3_000, 7_000, 8_000, 20_000, 200_000],
}


def text(calls: int = 3, prompt: float = 4000, reply: float = 60) -> Document:
    return Document(int(calls * prompt), (1,) * calls, prompt, 0.0, reply)


def engines(number: int, slots: int = 8):
    """A fleet of usual servers with a client each that costs nothing to wait for."""
    spec = MODELS["small"].spec
    return lambda env: Fleet([Engine(env, spec) for _ in range(number)], [Station(env, 1000)], slots)


@pytest.mark.parametrize("strategy", ["memagent", "auto"])
def test_every_document_ends_once_and_every_call_is_made(strategy: str) -> None:
    texts = documents(TABLE, strategy, drawn(TABLE["sizes_tokens"], 300))

    def build(env) -> Fleet:
        servers = [Engine(env, MODELS["small"].spec) for _ in range(3)]
        return Fleet(servers, [Station(env), Station(env)], 4, Station(env), Station(env, 2))

    outcome = simulated(build, Costs((0.01, 0.01), 0.001, (0.001, 0.001)), [texts])
    assert sorted(tokens for tokens, _ in outcome.took) == sorted(one.tokens for one in texts)
    assert len(outcome.ended) == 300
    assert outcome.calls == sum(one.calls for one in texts)
    assert all(earlier <= later for earlier, later in pairwise(outcome.ended))
    assert set(outcome.used) == {"model servers", "clients", "router", "store"}
    assert all(0 < share <= 1 + 1e-9 for share in outcome.used.values())


def test_what_is_short_is_in_use_all_the_time_and_sets_the_rate() -> None:
    def build(env) -> Fleet:
        return Fleet([Stub(env, 0.01) for _ in range(4)], [Station(env)], 8)

    outcome = simulated(build, Costs((0.01, 0.02)), [[text(3)] * 400])
    assert outcome.used["clients"] == pytest.approx(1, abs=0.01)
    assert outcome.seconds == pytest.approx(400 * 0.07, rel=0.01)


def test_more_documents_in_hand_than_calls_in_flight_fill_the_waits_but_not_the_servers() -> None:
    def seconds(documents: int) -> float:
        servers = 4

        def build(env) -> Fleet:
            return Fleet(
                [Stub(env, 0.2) for _ in range(servers)], [Station(env, 100)], 2, documents=documents
            )

        return simulated(build, Costs((0.0, 0.1)), [[text(5)] * 80]).seconds

    # Eight calls at once of 0.2 s: 400 of them take 10 s, and with no more documents than that each waits for
    # its client too.
    assert seconds(2) == pytest.approx(15, rel=0.02)
    assert seconds(10) == pytest.approx(10, rel=0.1)


def test_one_server_that_does_one_thing_at_a_time_takes_the_sum_of_the_work() -> None:
    spec = MODELS["small"].spec
    texts = [text(1 + at % 5, 1000 + 100 * at, 20 + at) for at in range(40)]
    work = 0.0
    for one in texts:
        read = one.prompt / spec.budget * (spec.step + spec.budget * spec.prompt)
        work += one.calls * (read + one.reply * (spec.step + spec.sequence))
    outcome = simulated(engines(1, slots=1), NOTHING, [texts])
    assert outcome.seconds == pytest.approx(work, rel=0.001)
    assert outcome.used["model servers"] == pytest.approx(1, rel=0.001)


def test_a_server_gives_no_more_than_its_memory_and_its_most_sequences_allow() -> None:
    tight = Spec(0.01, 0.0, 0.0, 1000, sequences=4, held=1e9)
    small = Spec(0.01, 0.0, 0.0, 1000, sequences=100, held=4 * 110)
    for spec in (tight, small):
        outcome = simulated(
            lambda env, spec=spec: Fleet([Engine(env, spec)], [Station(env, 1000)], 50),
            NOTHING,
            [[Document(100, (1,), 10, 0, 100)] * 400],
        )
        # Four at once, a hundred steps each, and those in which the prompts are read.
        assert 400 / 4 * 100 * 0.01 <= outcome.seconds <= 400 / 4 * 102 * 0.01


def test_published_rates_are_met_where_they_were_fitted_and_nearly_so_elsewhere() -> None:
    """TensorRT-LLM's of gpt-oss-20b on an H200: tokens in, tokens out, tokens written a second."""
    for asked, given, published, within in (
        (1024, 1024, 13_890, 0.05),
        (8192, 1024, 4_015, 0.08),
        (1024, 8192, 12_743, 0.2),
        (32_768, 1024, 915, 0.2),
    ):
        texts = [Document(asked, (1,), asked, 0, given)] * 1500
        outcome = simulated(engines(1, slots=1500), NOTHING, [texts])
        assert 1500 * given / outcome.seconds == pytest.approx(published, rel=within)


def test_waiting_at_several_places_is_as_the_closed_form_says() -> None:
    """M/M/c: arrivals and stays of exponential length; Erlang's C."""
    places, arrivals, stays = 4, 3.2, 1.0
    load = arrivals / stays
    queue = load**places / math.factorial(places) / (1 - load / places)
    waits = queue / (sum(load**n / math.factorial(n) for n in range(places)) + queue)
    env, rng, waited = simpy.Environment(), np.random.default_rng(3), []
    station = Station(env, places)

    def customer():
        begun, stay = env.now, rng.exponential(stays)
        yield station.serve(stay)
        waited.append(env.now - begun - stay)

    def come():
        for _ in range(60_000):
            yield env.timeout(rng.exponential(1 / arrivals))
            env.process(customer())

    env.process(come())
    env.run()
    assert sum(waited) / len(waited) == pytest.approx(waits / (places * stays - arrivals), rel=0.06)
    assert station.used() == pytest.approx(load / places, rel=0.02)


def test_processes_share_the_cores_of_a_machine() -> None:
    for processes, cores, fits in ((1, 2, 1), (2, 2, 2), (4, 2, 2)):

        def build(env, processes=processes, cores=cores) -> Fleet:
            shared = Station(env, cores)
            clients = [Process(env, shared) for _ in range(processes)]
            return Fleet([Stub(env, 0.0) for _ in range(4)], clients, 8)

        outcome = simulated(build, Costs((0.0, 0.01)), [[text(4)] * 100 for _ in range(processes)])
        assert outcome.calls / outcome.seconds == pytest.approx(fits / 0.01, rel=0.03)


@pytest.mark.slow
def test_a_cell_of_a_fleet_has_the_rate_that_it_has_within_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a store that is short, and with one that is not."""
    monkeypatch.setattr(scale_fleet, "SIMULATED", 1500)
    for store in (0, 1):
        setup = Setup(16, clients=16, router=1, store=store)
        slow = {**TABLE, "postgres": {"document": {"cpu_ms": 9.0}, "call": {"cpu_ms": 9.0}}}
        whole = run(slow, "memagent", setup, 4_000)
        monkeypatch.setattr(scale_fleet, "CELL", 4)
        part = run(slow, "memagent", setup, 4_000)
        monkeypatch.setattr(scale_fleet, "CELL", 16)
        assert part.calls == pytest.approx(whole.calls, rel=0.06)
        assert (whole.used.get("store", 0) > 0.95) == bool(store)


def test_a_share_bounds_what_a_part_gets() -> None:
    env = simpy.Environment()
    share = Share(env, 0.25)

    def uses():
        for _ in range(200):
            yield share.serve(0.1)

    env.process(uses())
    env.run()
    assert env.now == pytest.approx(200 * 0.1 / 0.25, rel=0.06)


@pytest.mark.slow
def test_what_is_said_to_be_enough_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_fleet, "SIMULATED", 1500)
    free = run(TABLE, "memagent", Setup(16), 4_000)
    setup = enough(TABLE, "memagent", free)
    full = run(TABLE, "memagent", setup, 4_000)
    one = run(TABLE, "memagent", Setup(16, clients=1, router=1, store=1), 4_000)
    assert setup.clients > 1
    assert full.rate > 0.93 * free.rate
    assert one.rate < 0.9 * free.rate
    assert one.used["clients"] > 0.95


def test_a_question_that_the_text_does_not_answer_costs_reading_it_all() -> None:
    texts = documents(TABLE, "auto", np.full(4000, 50_000.0))
    assert {one.calls for one in texts} == {3, 18}
    assert sum(one.calls == 18 for one in texts) / 4000 == pytest.approx(scale_fleet.NOT_THERE, abs=0.03)
    assert all(len(one.waves) < one.calls for one in texts if one.calls == 18)
