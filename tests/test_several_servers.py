"""Several servers of one model: where requests go, and what is done when a server dies, hangs or is another."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lcagent import Notice, Reader
from lcagent.errors import EndpointUnavailable, NotServed, SettingsError
from lcagent.models.request import ChatRequest
from lcagent.models.serving.servers import Server, Servers, chosen
from lcagent.models.serving.session import ModelSession, OpenModel
from lcagent.settings import Settings, load_settings
from lcagent.text import without_passwords
from tests.helpers import QUESTION, clever, examples, haystack, in_this_process
from tests.loopback import Faults, Loopback, Odd, Reply, Request
from tests.loopback.router import Router
from tests.routing import vllm_router

SAID = "Oskar Brandvold"
OTHERS = ("Which town lies at the old mill?", "Who came to see the boats?")


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(400))
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that was left out is looked at again at once."""
    monkeypatch.setattr("lcagent.models.serving.servers._FIRST_PAUSE", 0.0)


def several(loopback: Callable[..., Loopback], number: int, **options: Any) -> list[Loopback]:
    return [loopback(**{"window": 2048, "reply": clever, **options}) for _ in range(number)]


def reader(servers: list[Loopback], **options: Any) -> Reader:
    return Reader(api_base=[server.url for server in servers], **{"strategy": "mapreduce", **options})


def told(reader: Reader, document: Path, question: str = QUESTION) -> tuple[str, list[str]]:
    events = list(reader.stream(document, question))
    return events[-1].answer.answer, [event.text for event in events if isinstance(event, Notice)]


def read(servers: list[Loopback]) -> dict[str, Counter[int]]:
    """Of each segment, how many requests about it each server got."""
    seen: dict[str, Counter[int]] = {}
    for at, server in enumerate(servers):
        for request in server.requests:
            if "<segment>" in request.text:
                segment = request.text.split("<segment>")[-1][:200]
                seen.setdefault(segment, Counter())[at] += 1
    return seen


# Where a request goes


def fleet(number: int) -> list[Server]:
    return [Server("", f"http://10.0.0.{at}:8000", 8) for at in range(number)]


PREFIXES = [f"prefix {number}" for number in range(2000)]


@given(number=st.integers(2, 16), dies=st.integers(0, 15))
@settings(max_examples=examples(40), deadline=None)
def test_of_several_that_lose_one_only_its_own_share_moves(number: int, dies: int) -> None:
    servers = fleet(number)
    dead = servers[dies % number]
    left = dict.fromkeys([server for server in servers if server is not dead], 0)
    homes = {prefix: chosen(prefix, dict.fromkeys(servers, 0)) for prefix in PREFIXES[:400]}
    for prefix, home in homes.items():
        assert home is dead or chosen(prefix, left) is home


def test_shares_are_even_and_one_of_eight_has_an_eighth() -> None:
    idle = dict.fromkeys(fleet(8), 0)
    shares = Counter(chosen(prefix, idle).name for prefix in PREFIXES)
    assert len(shares) == 8 and all(190 < share < 310 for share in shares.values())


@given(
    loads=st.lists(st.integers(0, 40), min_size=2, max_size=12),
    places=st.lists(st.integers(1, 16), min_size=12, max_size=12),
    prefix=st.text(max_size=20),
)
@settings(max_examples=examples(200), deadline=None)
def test_no_server_is_given_more_than_half_above_its_share(
    loads: list[int], places: list[int], prefix: str
) -> None:
    servers = [Server("", f"http://10.0.0.{at}", places[at]) for at in range(len(loads))]
    home = chosen(prefix, dict(zip(servers, loads, strict=True)))
    load = loads[servers.index(home)]
    share = (sum(loads) + 1) * home.places / sum(server.places for server in servers)
    assert load + 1 < 1.5 * share + 1


def test_questions_about_a_document_keep_to_the_servers_that_have_read_it(loopback, document: Path) -> None:
    servers = several(loopback, 3)
    with reader(servers) as asking:
        for question in (QUESTION, *OTHERS):
            usage = asking.ask(document, question).usage
            assert sum(usage.servers.values()) == usage.calls and len(usage.servers) == 3
    seen = read(servers)
    assert all(counts.total() == 3 for counts in seen.values())
    assert sum(max(counts.values()) for counts in seen.values()) >= 0.8 * 3 * len(seen)
    assert all(server.requests and server.tokenized for server in servers)  # counts go to all of them too


def test_a_document_that_fits_one_call_keeps_to_one_server(loopback, document: Path) -> None:
    document.write_text(haystack(60))
    servers = several(loopback, 4, window=8192)
    with reader(servers, strategy="direct") as asking:
        for question in (QUESTION, *OTHERS):
            asking.ask(document, question)
    assert sorted(len(server.requests) for server in servers) == [0, 0, 0, 3]


def request(number: int, beginning: str = "The same beginning. ", tokens: int = 40) -> ChatRequest:
    text = beginning * 200 + f"Question {number}?"
    return ChatRequest([{"role": "user", "content": text}], max_tokens=tokens)


def send(opened: OpenModel, requests: list[ChatRequest], say: Callable[[str], None] = lambda _: None) -> Any:
    """The replies to requests that are made at once, or what was raised."""

    async def work() -> list[Any]:
        transport = opened.transport(say)
        try:
            return await asyncio.gather(*map(transport.send, requests), return_exceptions=True)
        finally:
            await transport.close()

    return asyncio.run(work())


@pytest.fixture
def opened() -> Iterator[Callable[..., OpenModel]]:
    sessions: list[ModelSession] = []

    def make(servers: list[Loopback], **options: Any) -> OpenModel:
        options = {"api_base": [server.url for server in servers], "window": 2048, **options}
        sessions.append(ModelSession(load_settings(options)))
        return sessions[-1].open(lambda _: None)

    yield make
    for session in sessions:
        session.close()


def test_one_hot_beginning_keeps_nobody_idle(loopback, opened) -> None:
    servers = several(loopback, 4, latency=0.05)
    replies = send(opened(servers, concurrency=2), [request(number) for number in range(32)])
    assert all(reply.finish_reason == "stop" for reply in replies)
    assert sum(len(server.requests) for server in servers) == 32
    assert all(4 <= len(server.requests) <= 13 for server in servers)
    assert all(server.peak_in_flight == 2 for server in servers)  # each has its limit, and uses it


def test_who_waits_for_a_slow_server_is_served_by_one_that_has_nothing_to_do(loopback, opened) -> None:
    slow = loopback(window=2048, reply=lambda _: Reply("late", delay=0.4))
    quick = loopback(window=2048, reply=lambda _: Reply("soon"))
    beginnings = [request(number, f"Beginning {number}. ") for number in range(24)]
    send(opened([slow, quick], concurrency=1), beginnings)
    assert len(slow.requests) + len(quick.requests) == 24
    assert len(slow.requests) <= 3


def test_a_server_alone_is_told_the_same_session_for_the_same_beginning(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=server.url, strategy="mapreduce") as asking:
        for question in (QUESTION, OTHERS[0]):
            asking.ask(document, question)
    sessions: dict[str, set[str]] = {}
    for each in server.requests:
        if "<segment>" in each.text:
            sessions.setdefault(each.text.split("<segment>")[-1][:200], set()).add(each.session)
    # The last segment is so short that the question behind it is a part of the beginning.
    assert sum(len(names) > 1 for names in sessions.values()) <= 1
    assert len({name for names in sessions.values() for name in names}) >= len(sessions) > 5


def test_a_router_keeps_what_shares_a_beginning_to_one_server(loopback, document: Path) -> None:
    behind = several(loopback, 3)
    with Router([server.url.removesuffix("/v1") for server in behind]) as router:
        with Reader(api_base=router.url, strategy="mapreduce") as asking:
            assert asking.ask(document, QUESTION).answer == SAID
            asking.ask(document, OTHERS[0])
        assert len(router.sessions) > 5 and all(len(at) == 1 for at in router.sessions.values())
    seen = read(behind)
    assert sum(len(counts) > 1 for counts in seen.values()) <= 1  # the last one is short
    assert all(counts.total() == 2 for counts in seen.values()) and all(one.requests for one in behind)


def test_what_a_router_keeps_leading_to_a_dead_server_goes_to_another(loopback, document: Path) -> None:
    behind = several(loopback, 3)
    with (
        Router([server.url.removesuffix("/v1") for server in behind]) as router,
        Reader(api_base=router.url, strategy="mapreduce") as asking,
    ):
        asking.ask(document, QUESTION)
        kept = {session for session, at in router.sessions.items() if at == {0}}
        behind[0].stop_soon()
        router.sessions.clear()
        assert asking.ask(document, OTHERS[0]).coverage.skipped == []
    assert kept & router.sessions.keys()  # it was asked, and then not again
    assert all(f"{session}-1" in router.sessions for session in kept & router.sessions.keys())


_NOTICES_AT_ONCE = ("--health-check-interval-secs", "1", "--health-failure-threshold", "1")
"""Until it notices, a router asks a dead server for the list of models."""


def test_vllms_own_router_keeps_what_shares_a_beginning_to_one_server_and_bears_one_that_dies(
    loopback, document: Path, tmp_path: Path
) -> None:
    behind = several(loopback, 3)
    addresses = [server.url.removesuffix("/v1") for server in behind]
    with (
        vllm_router(addresses, tmp_path, "--policy", "consistent_hash", *_NOTICES_AT_ONCE) as router,
        Reader(api_base=router, strategy="mapreduce") as asking,
    ):
        assert asking.ask(document, QUESTION).answer == SAID
        asking.ask(document, OTHERS[0])
        seen = read(behind)
        assert sum(len(counts) > 1 for counts in seen.values()) <= 1  # the last one is short
        assert all(counts.total() == 2 for counts in seen.values())
        assert sum(bool(one.requests) for one in behind) > 1
        behind[0].stop_soon()
        assert asking.ask(document, OTHERS[1]).coverage.segments_read > 5
    done = Counter(chain.from_iterable(server.keys for server in behind))
    assert set(done.values()) == {1}


# What is done when a server dies, hangs or is another


def test_what_a_dying_server_had_in_flight_is_asked_elsewhere_and_nothing_twice(
    loopback, document: Path
) -> None:
    dies, dead = threading.Lock(), []

    def reply(asked: Request, at: int) -> str:
        if asked.number == 2 and dies.acquire(blocking=False):
            dead.append(servers[at])
            servers[at].stop_soon()
        return clever(asked)

    servers = several(loopback, 3, latency=0.02)
    for at, server in enumerate(servers):
        server.reply = lambda asked, at=at: reply(asked, at)
    with reader(servers) as asking:
        answer, notices = told(asking, document)
    assert answer == SAID
    done = Counter(chain.from_iterable(server.keys for server in servers))
    assert set(done.values()) == {1}
    lost = [one for one in dead[0].requests if one.status == 0]
    assert sum(len(server.requests) for server in servers) == done.total() + len(lost)
    assert [text for text in notices if "is left out for now" in text and str(dead[0].port) in text]


def test_a_server_that_comes_back_is_used_again(loopback, document: Path, quick) -> None:
    servers = several(loopback, 2)
    with reader(servers, concurrency=2) as asking:
        asking.ask(document, QUESTION)
        servers[0].die()
        assert asking.ask(document, OTHERS[0]).usage.calls
        back = loopback(window=2048, reply=clever, port=servers[0].port, latency=0.02)
        servers[1].latency = 0.02
        _, notices = told(asking, document, OTHERS[1])
    assert back.requests and any("is there again" in text for text in notices)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"model": "another"}, "serves 'another'"),
        ({"window": 1024}, "a window of 1024 tokens, and 2048 are used"),
        ({"meets": lambda path, _: Odd(503, {}) if path.endswith("/models") else None}, "is not ready"),
    ],
)
def test_one_that_comes_back_as_another_stays_out(
    loopback, document: Path, quick, other: dict[str, Any], said: str
) -> None:
    servers = several(loopback, 2, latency=0.02)
    with reader(servers) as asking:
        asking.ask(document, QUESTION)
        servers[0].die()
        asking.ask(document, OTHERS[0])
        back = loopback(**{"window": 2048, "reply": clever, "port": servers[0].port, **other})
        answer, notices = told(asking, document, "Who is the harbour master of Vellmere?")
    assert not back.requests and answer == SAID
    assert any("is still left out" in text and said in text for text in notices)


def test_a_server_that_hangs_is_given_up_by_what_the_others_take(
    loopback, document: Path, monkeypatch, quick
) -> None:
    monkeypatch.setattr(Servers, "least_patience", 0.3)
    monkeypatch.setattr("lcagent.models.serving.servers._SLOW", 0.01)
    servers = several(loopback, 3, latency=0.01)
    with reader(servers) as asking:
        for question in (QUESTION, *OTHERS):  # so that it is known how long a reply takes
            asking.ask(document, question)
        servers[0].latency = 3600.0
        answer, notices = told(asking, document, "Who was harbour master of Vellmere?")
    assert answer == SAID
    assert any("takes much longer for a reply than usual" in text for text in notices)


def test_without_a_usual_nobody_is_given_up_before_the_timeout(loopback, opened, monkeypatch) -> None:
    monkeypatch.setattr(Servers, "least_patience", 0.01)
    servers = several(loopback, 2, latency=0.2)
    assert [reply.finish_reason for reply in send(opened(servers), [request(0), request(1)])] == ["stop"] * 2
    assert sum(len(server.requests) for server in servers) == 2


@pytest.mark.parametrize("status", [503, 500, 429])
def test_a_server_that_fails_costs_no_request(loopback, opened, status: int) -> None:
    failing, sound = several(loopback, 2)
    failing.reply = lambda _: Reply("", status=status)
    model = opened([failing, sound], concurrency=1)
    beginnings = [request(number, f"Beginning {number}. ") for number in range(16)]
    replies = [send(model, [one])[0] for one in beginnings]
    assert [reply.finish_reason for reply in replies] == ["stop"] * 16
    assert len(sound.requests) == 16
    if status == 503:  # it is left out; what it says of one request is no reason for that
        assert len(failing.requests) < 8
    else:
        assert 1 < len(failing.requests) < 16


def test_a_stream_that_breaks_in_the_middle_is_asked_elsewhere_from_its_beginning(loopback, opened) -> None:
    broken, sound = several(loopback, 2, reply=lambda _: "one two three four five six seven")
    broken.faults = Faults(every=1, kinds=("half_body",))
    model = opened([broken, sound])
    shown: list[list[str]] = []

    async def stream(one: ChatRequest) -> str:
        transport = model.transport(lambda _: None)
        try:
            pieces: list[str] = []
            shown.append(pieces)
            return (await transport.send(one, pieces.append)).text
        finally:
            await transport.close()

    texts = [asyncio.run(stream(request(number, f"Beginning {number}. "))) for number in range(8)]
    assert set(texts) == {"one two three four five six seven"}
    assert len(broken.requests) == 1 and len(sound.requests) == 8
    assert sorted(map(len, shown))[:2] == [2, 5]  # what broke off was shown in part, and is not shown twice


def test_counts_go_to_those_that_count(loopback, document: Path) -> None:
    servers = several(loopback, 3)
    with reader(servers) as asking:
        asking.ask(document, QUESTION)
        servers[0].die()
        text = document.with_name("other.txt")
        text.write_text(haystack(90).replace("river", "canal"))
        assert asking.ask(text, QUESTION).answer == SAID


def test_a_run_of_two_servers_goes_on_with_one(loopback, document: Path, tmp_path: Path) -> None:
    servers = several(loopback, 2)
    options = {"home": tmp_path / "home"}
    with reader(servers, max_calls=5, **options) as asking:
        first = asking.ask(document, QUESTION)
    assert first.status == "budget"
    with Reader(api_base=servers[1].url, strategy="mapreduce", **options) as asking:
        second = asking.ask(document, QUESTION)
    done = Counter(chain.from_iterable(server.keys for server in servers))
    assert second.answer == SAID and second.run_id == first.run_id and set(done.values()) == {1}


# All are one model


def test_the_smallest_window_is_kept_to(loopback, document: Path) -> None:
    servers = [loopback(window=size, reply=clever) for size in (8192, 2048, 4096)]
    with reader(servers) as asking:
        assert asking.ask(document, QUESTION).answer == SAID
    assert not any(server.overruns for server in servers)


def odd_counts(field: str) -> Callable[[str, Any], Odd | None]:
    def meets(path: str, body: Any) -> Odd | None:
        return Odd(200, {"count": 99, "tokens": []}) if path == "/tokenize" and field in body else None

    return meets


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"model": "another"}, "serves 'another'"),
        ({"meets": odd_counts("prompt")}, "another tokenizer"),
        ({"meets": odd_counts("messages")}, "another chat template"),
        ({"tokenize": False}, "another tokenizer"),
        ({"owner": "somebody"}, ""),  # tells nothing of itself
    ],
)
def test_a_server_of_another_model_is_refused_and_both_are_named(
    loopback, document: Path, other: dict[str, Any], said: str
) -> None:
    servers = [*several(loopback, 2), loopback(**{"window": 2048, "reply": clever, **other})]
    names = [f"127.0.0.1:{servers[at].port}" for at in (0, 2)]
    with reader(servers) as asking:
        if not said:
            assert asking.ask(document, QUESTION).answer == SAID
            return
        with pytest.raises(NotServed, match=said) as caught:
            asking.ask(document, QUESTION)
    assert all(name in caught.value.message for name in names) and "one model" in caught.value.hint
    bases = [part for server in servers for part in ("--api-base", server.url)]
    doctor = in_this_process("doctor", *bases)
    assert doctor.exit_code == 1 and said in doctor.stdout and f"refused: http://{names[1]}" in doctor.stdout


def test_one_that_is_down_at_the_start_is_told_and_used_once_it_is_there(
    loopback, document: Path, quick
) -> None:
    port = loopback()
    port.die()
    there = loopback(window=2048, reply=clever, latency=0.02)
    with Reader(api_base=f"{port.url},{there.url}", strategy="mapreduce", concurrency=2) as asking:
        answer, notices = told(asking, document)
        assert answer == SAID
        assert any("left out for now" in text and "connection refused" in text for text in notices)
        late = loopback(window=2048, reply=clever, port=port.port, latency=0.02)
        told(asking, document, OTHERS[0])
    assert late.requests and late.tokenized


def test_where_none_is_there_all_are_told(loopback, document: Path) -> None:
    gone = several(loopback, 2)
    for server in gone:
        server.die()
    with reader(gone) as asking, pytest.raises(EndpointUnavailable, match="none of the 2") as caught:
        asking.ask(document, QUESTION)
    assert all(str(server.port) in caught.value.message for server in gone)


def test_all_die_and_one_comes_back(loopback, document: Path, monkeypatch) -> None:
    servers = several(loopback, 2)
    back: list[Loopback] = []
    alone, look = threading.Lock(), Servers.look

    def returns(self: Servers, server: Server) -> bool:
        with alone:
            if not back and len(fatal) == len(servers):
                for one in servers:
                    one.die()  # to its end: it dies by itself
                back.append(loopback(window=2048, reply=clever, port=servers[1].port))
        return look(self, server)

    fatal: set[int] = set()

    def dies(asked: Request, server: Loopback) -> str:
        fatal.add(server.port)
        server.stop_soon()
        return clever(asked)

    monkeypatch.setattr(Servers, "look", returns)
    with reader(servers) as asking:
        for number in range(4):  # so that each was asked something
            document.with_name(f"{number}.txt").write_text(haystack(120).replace("river", f"canal{number}"))
            asking.ask(document.with_name(f"{number}.txt"), OTHERS[0])
        assert all(server.requests for server in servers)
        for server in servers:
            server.reply = lambda asked, server=server: dies(asked, server)
        assert asking.ask(document, QUESTION).answer == SAID
    assert back[0].requests


# How they are named


def test_several_are_named_by_flags_variables_and_files(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    both = ["http://a:1", "http://b:2"]
    assert load_settings({"api_base": both}).api_bases == both
    assert Settings(api_base="a:1, b:2").api_bases == ["a:1", "b:2"]
    monkeypatch.setenv("LCAGENT_API_BASE", "http://a:1,http://b:2")
    assert load_settings().api_bases == both
    monkeypatch.delenv("LCAGENT_API_BASE")
    Path("lcagent.toml").write_text('api_base = ["http://a:1", "http://u:s,x@b:2"]')
    with pytest.raises(SettingsError, match=r"http://a:1 \(host a\), http://b:2 \(host b\)") as caught:
        load_settings()
    assert "s,x" not in caught.value.message
    kept = load_settings(trust_config=True)
    assert kept.api_bases == ["http://a:1", "http://u:s,x@b:2"]
    assert kept.without_secrets()["api_base"] == "http://a:1,http://b:2"
    one = "postgresql://h/db?password=a,b"
    assert Settings(api_base=one).api_bases == [one]
    assert without_passwords(one) == "postgresql://h/db?password=…"


def test_an_address_that_is_named_twice_is_one_server(loopback, document: Path) -> None:
    server = loopback(window=2048, reply=clever)
    with Reader(api_base=[server.url, server.url.removesuffix("/v1")]) as asking:
        assert asking.session.open(lambda _: None).servers is None


def test_doctor_shows_each(loopback) -> None:
    one, two = loopback(window=2048), loopback(window=4096)
    bases = ["--api-base", one.url, "--api-base", two.url, "--api-base", "http://127.0.0.1:9"]
    done = json.loads(in_this_process("doctor", *bases, "--json").stdout)
    shown = [(row["model"], row["window"], row["places"], row["counts"]) for row in done["servers"]]
    assert shown == [("loopback", 2048, 8, "by it"), ("loopback", 4096, 8, "by it"), ("", None, 0, "")]
    assert "connection refused" in done["servers"][2]["left_out"] and "2 of them answer" in done["why"]
    plain = in_this_process("doctor", *bases).stdout
    assert plain.count("named    http://127.0.0.1:") == 3 and "window 4096, 8 at once" in plain


def test_a_budget_holds_over_all_of_them(loopback, document: Path) -> None:
    servers = several(loopback, 3)
    with reader(servers, max_calls=1, strategy="memagent") as asking:
        assert asking.ask(document, QUESTION).status == "budget"
    assert sum(len(server.requests) for server in servers) == 1
