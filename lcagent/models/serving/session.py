"""A model opened for this process: chosen, started if need be, kept between questions."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from lcagent.errors import EndpointUnavailable, SettingsError
from lcagent.models.address import is_loopback
from lcagent.models.budget import Budget
from lcagent.models.chat import DEFAULT_CONCURRENCY, ChatModel, Journal
from lcagent.models.embeddings import Embedder, open_embedder
from lcagent.models.endpoint import Endpoint
from lcagent.models.fingerprint import of_name
from lcagent.models.kept_manners import KeptManners
from lcagent.models.limit import endpoint_limit
from lcagent.models.manners import Manners
from lcagent.models.probing import ServerLoading, now, same
from lcagent.models.serving.connect import Choice, choose, open_endpoint, provider_base
from lcagent.models.serving.servers import Known, Server, Servers
from lcagent.models.serving.several import Found, Meeting
from lcagent.models.serving.spread import SpreadCounter, SpreadTransport
from lcagent.models.serving.waiting import pause
from lcagent.models.tokens import TokenCounter, counter_for, counter_of
from lcagent.models.transport import HttpTransport, LiteLlmTransport, Notice, Transport
from lcagent.models.window import Counts, Window
from lcagent.settings import Settings
from lcagent.text import without_password

_REASONS = re.compile(
    r"(?:^|[-_/. ])(?:r1|qwq|o[134](?:-mini)?|gpt-oss|thinking|reasoner|reasoning|magistral|qwenlong)"
    r"|qwen3-\d+b(?!.*instruct)|deepseek-r",
    re.I,
)

LEAST_FOR_TOOLS = 4096
"""Tokens of a window under which actions are asked for as JSON all the same: functions take 400 to 700."""

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class OpenModel:
    """A model that answers: its name, window, tokenizer and transport.

    `name` tells endpoints apart (for the limit of requests in flight); `model` is the model's own
    name, part of a run's key, so that a run can go on with another server of the same model.
    `window` is what the settings lead to, `most` what the server could take, where it tells.
    `fingerprint` is what the server tells of the model, else what its name and tokenizer make.
    """

    name: str
    model: str
    window: int
    most: int | None
    reasoning: int
    counter: TokenCounter
    transport: Callable[[Notice], Transport]
    """Reaches it; gets what is called with a sentence for people."""
    alive: Callable[[], bool]
    same: Callable[[], bool]
    """Whether what was found out when it was opened still holds."""
    slots: int | None
    fingerprint: str
    servers: Servers | None = None
    """Where several serve it; `slots` are then those of all of them."""
    counts: Counts = field(default_factory=Counts)
    """What has been counted for earlier questions, or turns."""

    def at_once(self, settings: Settings) -> int:
        """Requests in flight at once: the setting, else what the server runs, as far as it tells; of several
        servers those of all of them."""
        if self.servers:
            return self.servers.places
        return settings.concurrency or self.slots or DEFAULT_CONCURRENCY

    def chat(
        self,
        settings: Settings,
        journal: Journal,
        budget: Budget,
        notice: Callable[[str], None],
        *,
        tools: bool = False,
    ) -> ChatModel:
        """Asks the model, from the event loop in which this is called; its transport is to be closed.

        Args:
            settings: window, requests at once, time-out, sampling.
            journal: finished calls.
            budget: what may be spent.
            notice: gets sentences for people.
            tools: actions are asked for as native tool calls (`ModelProfile.tools`), if the window is large
                enough.
        """
        size = min(settings.window, self.most or settings.window)
        return ChatModel(
            name=self.model,
            transport=self.transport(notice),
            window=Window(size, self.counter, reasoning=self.reasoning, counts=self.counts),
            journal=journal,
            budget=budget,
            # Several servers have limits of their own, at which as many may wait: whoever waits longer for
            # the server that knows its beginning would else find a place at any other first.
            limit=endpoint_limit(self.name, self.at_once(settings) * (2 if self.servers else 1)),
            timeout=settings.timeout,
            # The answering call may fill the window; never more than half of a small budget is kept.
            reserve_tokens=min(size, (budget.max_tokens or 0) // 2),
            temperature=settings.temperature,
            top_p=settings.top_p,
            tools=tools and size >= LEAST_FOR_TOOLS,
            notice=notice,
        )


class ModelSession:
    """Opens the model server that the settings lead to, once, and closes what it started.

    Args:
        settings: endpoint, model, window.
        progress: gets (what, bytes done, bytes in all) while a model file is fetched.
        afresh: what the endpoint was found not to take is forgotten, and found out again.
    """

    def __init__(
        self, settings: Settings, progress: Progress = lambda _w, _d, _t: None, *, afresh: bool = False
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._afresh = afresh
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._open: OpenModel | None = None
        self._sure = float("-inf")
        self._embedder: Embedder | None = None

    def open(self, say: Say, halt: threading.Event | None = None, *, anew: bool = False) -> OpenModel:
        """The open model; the first call chooses and starts.

        Args:
            say: gets sentences for people.
            halt: set by another thread, it ends the wait.
            anew: choose again where the server has gone, or is another one by now.

        Raises:
            EndpointUnavailable: nothing answers or can be made to.
        """
        while not self._lock.acquire(timeout=0.2):
            pause(halt)
        try:
            if anew and self._open is not None and not self._open.same():
                self._open = None
                self._stack.close()
            if self._open is None:
                self._open = self._make(say, halt)
            return self._open
        finally:
            self._lock.release()

    async def wait_open(self, say: Say, *, trusted: float = 0.0) -> OpenModel:
        """`open` from an event loop, for a new question: a server that has gone is chosen anew.

        Cancelled, it waits no longer.

        Args:
            say: gets sentences for people.
            trusted: seconds for which a server that was there is taken to be there still.

        Raises:
            EndpointUnavailable: nothing answers or can be made to.
        """
        if self._open is not None and time.monotonic() < self._sure + trusted:
            return self._open
        halt = threading.Event()
        try:
            opened = await asyncio.to_thread(self.open, say, halt, anew=True)
            self._sure = time.monotonic()
            return opened
        finally:
            halt.set()

    def look_again(self) -> None:
        """Have `wait_open` ask the server next time: something went wrong with it."""
        self._sure = float("-inf")

    @property
    def servers(self) -> Sequence[Server]:
        """Those of the model that is open, where these are several."""
        opened = self._open
        return opened.servers.all if opened and opened.servers else ()

    def embedder(self) -> Embedder | None:
        """The embedding model that the settings name, opened once; None where they name none.

        Raises:
            SettingsError: it is not on this machine, or what runs it is not installed.
            ModelError: the server that is named gives no vectors.
        """
        with self._lock:
            if self._embedder is None:
                self._embedder = open_embedder(self._settings)
            return self._embedder

    def close(self) -> None:
        """Stop what this process started for itself alone (not a shared vLLM)."""
        with self._lock:
            self._open = None
            self._stack.close()
            if self._embedder is not None:
                self._embedder.close()
                self._embedder = None

    def __enter__(self) -> ModelSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self, say: Say, halt: threading.Event | None) -> OpenModel:
        choice = self._chosen(say, halt)
        if choice.source == "provider":
            return self._provider(choice, say)
        if choice.several:
            return self._several(choice.several, say)
        endpoint = open_endpoint(
            choice, self._settings, say=say, progress=self._progress, stack=self._stack, halt=halt
        )
        manners = self._manners_of(endpoint)
        counter = counter_for(endpoint, self._settings.tokenizer, manners)
        self._stack.callback(counter.close)
        _tell_counting(counter, endpoint.base_url, say)
        timeout = self._settings.timeout
        window = self._window(endpoint, say)
        return OpenModel(
            name=endpoint.base_url,
            model=endpoint.model,
            window=window,
            most=endpoint.max_model_len,
            reasoning=self._reasoning(endpoint.model, window),
            counter=counter,
            transport=lambda notice: HttpTransport(endpoint, timeout=timeout, manners=manners, notice=notice),
            alive=lambda: now(endpoint) is not None,
            same=lambda: same(endpoint),
            slots=endpoint.slots,
            fingerprint=endpoint.fingerprint or of_name(endpoint.model, counter.source),
        )

    def _several(self, found: Sequence[Found], say: Say) -> OpenModel:
        """Several servers as one model; those that do not answer yet are told, and used once they do."""
        meeting = Meeting(self._settings, self._manners_of)
        servers = meeting.meet(found)
        self._stack.callback(servers.close)
        for one in found:
            if one.error:
                say(f"left out for now: {one.error.message}")
        first = servers.known[0]
        endpoint, counter, timeout = first.endpoint, first.counter, self._settings.timeout
        _tell_counting(counter, endpoint.base_url, say)
        if counter.source.startswith("server:"):
            counter = SpreadCounter(servers, counter.source)
        window = self._window(replace(endpoint, max_model_len=meeting.most), say)

        def reach(known: Known, notice: Notice) -> Transport:
            return HttpTransport(known.endpoint, timeout=timeout, manners=known.manners, notice=notice)

        return OpenModel(
            name=",".join(server.name for server in servers.all),
            model=endpoint.model,
            window=window,
            most=meeting.most,
            reasoning=self._reasoning(endpoint.model, window),
            counter=counter,
            transport=lambda notice: SpreadTransport(servers, lambda known: reach(known, notice), notice),
            alive=servers.any_answers,
            same=servers.still,
            slots=servers.places,
            fingerprint=endpoint.fingerprint or of_name(endpoint.model, counter.source),
            servers=servers,
        )

    def _chosen(self, say: Say, halt: threading.Event | None) -> Choice:
        """What is used; a server that is named and still loads its model is waited for."""
        told, deadline = False, time.monotonic() + self._settings.timeout
        while True:
            try:
                return choose(self._settings)
            except ServerLoading as loading:
                if time.monotonic() > deadline:
                    raise
                if not told:
                    say(f"{loading.message}: waiting for it")
                told = True
            pause(halt, 1.0)

    def _provider(self, choice: Choice, say: Say) -> OpenModel:
        base = provider_base(choice.model)
        local = is_loopback(base)
        where = (
            f"at {without_password(base)}, on this machine"
            if local
            else "the document's text leaves this machine"
        )
        say(f"asking {choice.model} through litellm{',' if local else ':'} {where}")
        settings = self._settings
        manners = self._manners(choice.model, KeptManners(settings.data_dir, base, choice.model))
        counter = counter_of(settings.tokenizer)
        return OpenModel(
            name=choice.model,
            model=choice.model,
            window=settings.window,
            most=None,
            reasoning=self._reasoning(choice.model, settings.window),
            counter=counter,
            transport=lambda notice: LiteLlmTransport(
                choice.model,
                api_key=settings.api_key,
                timeout=settings.timeout,
                window=settings.window,
                manners=manners,
                notice=notice,
            ),
            alive=lambda: True,  # nobody can tell, short of asking
            same=lambda: True,
            slots=None,
            fingerprint=of_name(choice.model, counter.source),
        )

    def _manners_of(self, endpoint: Endpoint) -> Manners:
        return self._manners(endpoint.base_url, kept_manners(endpoint, self._settings.data_dir))

    def _manners(self, name: str, kept: KeptManners) -> Manners:
        if self._afresh:
            kept.forget()
        return Manners(name, kept)

    def _window(self, endpoint: Endpoint, say: Say) -> int:
        wanted, most = self._settings.window, endpoint.max_model_len
        if most is None or wanted <= most:
            return wanted
        if most < 512:
            raise EndpointUnavailable(
                f"{endpoint.base_url} serves a window of {most} tokens, too small to read with",
                hint="start the server with a larger context",
            )
        say(f"the server's window is {most} tokens, so {most} are used instead of {wanted}")
        return most

    def _reasoning(self, model: str, window: int) -> int:
        """Tokens to keep free for reasoning, of the window that is served."""
        given = self._settings.reasoning_tokens
        if given is None:
            return window // 5 if _REASONS.search(model) else 0
        if given > window // 2:
            raise SettingsError(
                f"reasoning_tokens={given} is over half of the window ({window})",
                hint="use a larger --window"
                if window == self._settings.window
                else "start the server with a larger context",
            )
        return given


def _tell_counting(counter: TokenCounter, base_url: str, say: Say) -> None:
    if not counter.exact:
        say(
            f"{base_url} counts no tokens, so the most that they can be is reckoned with, two"
            " to three times what they are: set LCAGENT_TOKENIZER to the model's tokenizer.json"
        )


def kept_manners(endpoint: Endpoint, folder: Path) -> KeptManners:
    """Where it is kept what an endpoint was found not to take.

    Args:
        endpoint: the server and its model.
        folder: of what is kept.
    """
    return KeptManners(folder, endpoint.url(""), endpoint.model, endpoint.fingerprint)
