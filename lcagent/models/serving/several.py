"""Several servers that are named together: asked what they are, side by side, and held to be one model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from lcagent.errors import EndpointUnavailable, NotServed
from lcagent.models.address import Address
from lcagent.models.chat import DEFAULT_CONCURRENCY
from lcagent.models.endpoint import Endpoint
from lcagent.models.fingerprint import alike
from lcagent.models.manners import Manners
from lcagent.models.probing import Target, probe
from lcagent.models.serving.servers import Known, Server, Servers
from lcagent.models.tokens import TokenCounter, counter_for
from lcagent.settings import Settings

A = TypeVar("A")
B = TypeVar("B")

GIVEN_SECONDS = 30.0
"""A named endpoint has so long for each of its replies about itself: some list thousands of models."""
_LOOK_SECONDS = 2.0
"""One that was left out has so long: somebody may wait for it."""
_AT_ONCE = 32
"""Servers that are asked at the same time."""
_PROMPT = [
    {"role": "system", "content": "You read a document."},
    {"role": "user", "content": "Who was the harbour master of Vellmere, in 1893?"},
]
"""Whose chat templates make the same of it (as many tokens) are taken to have the same."""
_ONE_MODEL = (
    "all that --api-base names have to serve one model, with one tokenizer and template: their replies go"
    " into one answer; leave one of them out, or name the model with --model"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A server that was named, and what came of asking it.

    Args:
        address: as it was given.
        name: its address as it may be shown, the same however it was written.
        endpoint: None where it cannot be asked.
        error: why not.
        seconds: that its replies took.
    """

    address: str
    name: str
    endpoint: Endpoint | None
    error: EndpointUnavailable | None
    seconds: float


def look_at_each(settings: Settings) -> list[Found]:
    """Ask each server that the settings name what it is.

    Raises:
        SettingsError: an address is no URL, or no header can carry the key.
    """
    by_name = {_name(address): address for address in reversed(settings.api_bases)}
    addresses = list(reversed(by_name.values()))
    return _each(lambda address: _look_at(address, settings, GIVEN_SECONDS), addresses)


def _look_at(address: str, settings: Settings, seconds: float) -> Found:
    wanted = (settings.model or "").removeprefix("hosted_vllm/") or None
    started, endpoint, fault = time.perf_counter(), None, None
    try:
        endpoint = probe(Target(address, wanted, settings.api_key, timeout=seconds))
    except EndpointUnavailable as error:
        fault = error
    return Found(address, _name(address), endpoint, fault, time.perf_counter() - started)


def _name(address: str) -> str:
    return Address.of(address).base.removesuffix("/v1")


def _each(work: Callable[[A], B], items: Sequence[A]) -> list[B]:
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(len(items), _AT_ONCE)) as pool:
        return list(pool.map(work, items))


def check_models(found: Iterable[Found]) -> None:
    """Complain where those that answer serve different models, as far as they tell.

    Raises:
        NotServed: two of them do; the message names both.
    """
    (first, one), *others = [(one.name, one.endpoint) for one in found if one.endpoint]
    for name, other in others:
        if why := _other_model(first, one, name, other):
            raise NotServed(why, hint=_ONE_MODEL)


def _other_model(first: str, one: Endpoint, name: str, other: Endpoint) -> str:
    """What of two servers of different models is to be said; empty where they serve one."""
    if one.model != other.model:
        return f"{name} serves {other.model!r}, and {first} serves {one.model!r}"
    if not alike(one.fingerprint, other.fingerprint):
        told = [known.rpartition(":")[0] for known in (other.fingerprint, one.fingerprint)]
        return f"{name} and {first} have different models under the name {one.model!r}: {' and '.join(told)}"
    return ""


def _tokens(counter: TokenCounter) -> tuple[str, int]:
    """What tells tokenizers and templates apart; counts that no server made are the same everywhere."""
    told = counter.source.startswith("server:")
    return counter.source if told else "", counter.count_messages(_PROMPT) if told else 0


@dataclass(frozen=True, slots=True)
class Described:
    """What `lcagent doctor` shows of a server that was named.

    Args:
        server: its address.
        model: its name there; empty where it cannot be asked.
        window: tokens, as it tells them.
        places: requests that it would be sent at once.
        counts: who counts its tokens.
        milliseconds: that its list of models took.
        left_out: why it would not be asked; empty: it would. Where it is there, but not as the others are,
            nothing would be asked at all.
    """

    server: str
    model: str = ""
    window: int | None = None
    places: int = 0
    counts: str = ""
    milliseconds: float = 0.0
    left_out: str = ""

    def __str__(self) -> str:
        if not self.model:
            return f"{self.server}: left out: {self.left_out}"
        window = f"window {self.window}" if self.window else "tells no window"
        told = f"{self.model}, {window}, {self.places} at once, tokens counted {self.counts}"
        return f"{self.server}: {told}, {self.milliseconds:.0f} ms" + f"; refused: {self.left_out}" * bool(
            self.left_out
        )


def described(found: Sequence[Found], settings: Settings) -> list[Described]:
    """Each of several servers, as `lcagent doctor` shows it.

    Args:
        found: from `look_at_each`.
        settings: tokenizer, requests at once.
    """
    meeting = Meeting(settings, lambda endpoint: Manners(endpoint.base_url))
    return [meeting.described(one) for one in found]


class Meeting:
    """Makes `Servers` of those that were found.

    Args:
        settings: model, tokenizer, window, requests at once.
        manners: of an endpoint: what it does not take.
    """

    def __init__(self, settings: Settings, manners: Callable[[Endpoint], Manners]) -> None:
        self._settings, self._manners = settings, manners
        self._first: tuple[str, Known, tuple[str, int]] | None = None
        self.most: int | None = None
        """Tokens that the smallest of their windows takes; None where none of them tells."""

    def meet(self, found: Sequence[Found]) -> Servers:
        """All of them; those that do not answer are left out until they do.

        Raises:
            NotServed: two of them are not the same model; the message names both.
        """
        servers = Servers([Server(one.address, one.name, DEFAULT_CONCURRENCY) for one in found], self._again)
        there = [
            (server, one.endpoint) for server, one in zip(servers.all, found, strict=True) if one.endpoint
        ]
        for (server, _), known in zip(there, _each(self._known, [one for _, one in there]), strict=True):
            server.known, server.places = known, known.places
        for server, one in zip(servers.all, found, strict=True):
            if one.error:
                servers.fell(server, one.error.message)
        windows = [endpoint.max_model_len for _, endpoint in there if endpoint.max_model_len]
        self.most = min(windows, default=None)
        try:
            for server, _ in there:
                self._check(server)
        except BaseException:
            servers.close()
            raise
        return servers

    def described(self, found: Found) -> Described:
        """A server as `lcagent doctor` shows it, beside the first of those described before."""
        if found.endpoint is None:
            return Described(found.name, left_out=found.error.message if found.error else "")
        known, why = self._known(found.endpoint), ""
        try:
            self._check(Server(found.address, found.name, known.places, known))
        except NotServed as error:
            why = error.message
        finally:
            known.counter.close()
        by = {"server": "by it", "file": "by LCAGENT_TOKENIZER"}
        return Described(
            server=found.name,
            model=known.endpoint.model,
            window=known.endpoint.max_model_len,
            places=known.places,
            counts=by.get(known.counter.source.partition(":")[0], "by nobody: bounded"),
            milliseconds=round(1000 * found.seconds, 1),
            left_out=why,
        )

    def _known(self, endpoint: Endpoint) -> Known:
        manners = self._manners(endpoint)
        counter = counter_for(endpoint, self._settings.tokenizer, manners, patient=False)
        places = self._settings.concurrency or endpoint.slots or DEFAULT_CONCURRENCY
        return Known(endpoint, manners, counter, places)

    def _check(self, server: Server) -> None:
        known = server.known
        assert known is not None
        tokens = _tokens(known.counter)
        if self._first is None:
            self._first = server.name, known, tokens
            return
        name, first, expected = self._first
        why = _other_model(name, first.endpoint, server.name, known.endpoint)
        if not why and tokens != expected:
            what = "tokenizer" if tokens[0] != expected[0] else "chat template"
            why = f"{server.name} has another {what} than {name}"
        if why:
            raise NotServed(why, hint=_ONE_MODEL)

    def _again(self, server: Server) -> Known:
        """A server that was left out, if it is there, and what the others are."""
        found = _look_at(server.address, self._settings, _LOOK_SECONDS)
        if found.endpoint is None:
            raise found.error or EndpointUnavailable(f"{server.name} cannot be asked")
        window, size = found.endpoint.max_model_len, self._settings.window
        if window and window < (size := min(size, self.most or size)):
            raise NotServed(f"{server.name} serves a window of {window} tokens, and {size} are used")
        known = self._known(found.endpoint)
        try:
            self._check(Server(server.address, server.name, known.places, known))
        except BaseException:
            known.counter.close()
            raise
        return known
