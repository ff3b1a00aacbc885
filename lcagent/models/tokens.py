"""Counting tokens with the served model's own tokenizer and chat template."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from urllib3.exceptions import HTTPError

from lcagent.errors import AccessRefused, EndpointUnavailable, SettingsError
from lcagent.models import wire
from lcagent.models.endpoint import Endpoint, answered, connections
from lcagent.models.estimate import EstimateCounter, Messages, Tools, most_of_tools
from lcagent.models.manners import SYSTEM, Manners, Refused, refused_part, without_system
from lcagent.models.refusals import refusal
from lcagent.models.retrying import Ours, retries
from lcagent.text import whole_characters

_SECONDS = 60.0
"""For one count, from the first byte sent to the last one received."""


def _most_bytes(sent: bytes) -> int:
    """Bytes that no honest count reaches: 64 for each one sent (a token's number and text), and 1 MiB."""
    return (1 << 20) + 64 * len(sent)


class TokenCounter(Protocol):
    """Counts tokens. `exact` says whether it is the served model's own tokenizer; `source` names it."""

    @property
    def exact(self) -> bool:
        """Whether counts are the server's own."""
        ...

    @property
    def source(self) -> str:
        """What counts: part of the key under which segments are kept."""
        ...

    def count(self, text: str) -> int:
        """Tokens of a text alone."""
        ...

    def count_messages(self, messages: Messages, tools: Tools = ()) -> int:
        """Tokens of a whole prompt: chat template, functions and generation prompt included."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class ServerCounter:
    """Asks the server: vLLM's `/tokenize`, or llama.cpp's with `/apply-template`.

    Args:
        endpoint: the server.
        route: whose protocol its `/tokenize` speaks.
        source: names its tokenizer.
        manners: what the server was found not to take.
        patient: a count that fails is tried again.
    """

    exact = True

    def __init__(
        self,
        endpoint: Endpoint,
        route: str,
        source: str,
        manners: Manners | None = None,
        *,
        patient: bool = True,
    ) -> None:
        self.source = source
        self._tries = 5 if patient else 1
        self._endpoint, self._route = endpoint, route
        self._root, self._manners = endpoint.address.root, manners or Manners(endpoint.base_url)
        self._pool = connections(self._root, endpoint.api_key, timeout=_SECONDS, kept=8)
        self._counts_tools: bool | None = None  # not known yet
        self._counts_prompts = True  # until it refuses
        self._faults = 0

    def count(self, text: str) -> int:
        """Tokens of a text alone."""
        if self._route == "vllm":
            body = {"model": self._endpoint.model, "prompt": text, "add_special_tokens": False}
            return self._post("/tokenize", body).count
        return len(self._post("/tokenize", {"content": text, "add_special": False}).tokens or ())

    def count_messages(self, messages: Messages, tools: Tools = ()) -> int:
        """Tokens of a whole prompt; functions that the server does not count are bounded."""
        if not tools:
            return self._prompt(messages)
        if self._counts_tools is None:
            self._counts_tools = self._tells_tools(messages, tools)
        if self._counts_tools:
            return self._prompt(messages, tools)
        return self._prompt(messages) + most_of_tools(self.count, tools)

    def _tells_tools(self, messages: Messages, tools: Tools) -> bool:
        """Whether the server counts functions: older ones leave them out, or refuse."""
        try:
            return self._prompt(messages, tools, send=self._once) > self._prompt(messages)
        except _NoCount:
            return False

    def _prompt(
        self, messages: Messages, tools: Tools = (), send: Callable[..., wire.TokenCount] | None = None
    ) -> int:
        """Tokens of a prompt; of a server that counts texts alone (SGLang, older vLLM) with what a template
        may add."""
        if self._counts_prompts:
            try:
                return self._templated(messages, tools, send or self._post)
            except _NoPrompts:
                self._counts_prompts = False
        return _TEMPLATE + sum(self.count(message["content"]) + _PER_MESSAGE for message in messages)

    def _templated(self, messages: Messages, tools: Tools, send: Callable[..., wire.TokenCount]) -> int:
        if self._manners.leaves_out(SYSTEM):
            messages = without_system(messages)
        told: dict[str, Any] = {"messages": messages}
        if tools:
            told |= {"tools": list(tools)}
        if self._route == "vllm":
            told |= {"model": self._endpoint.model, "add_generation_prompt": True}
            return send("/tokenize", told).count
        if tools:  # llama.cpp writes other words around functions of which one must be called
            told |= {"tool_choice": "required"}
        body = {
            "content": send("/apply-template", told).prompt,
            "add_special": True,
            "parse_special": True,
        }
        return len(self._post("/tokenize", body).tokens or ())

    def close(self) -> None:
        """Close connections."""
        self._pool.close()

    def _post(self, path: str, body: dict[str, Any]) -> wire.TokenCount:
        try:
            return self._try(path, body)
        except _NoCount as error:
            return self._retry(path, body, error)

    def _once(self, path: str, body: dict[str, Any]) -> wire.TokenCount:
        return self._try(path, body)

    def _try(self, path: str, body: dict[str, Any]) -> wire.TokenCount:
        data = json.dumps(body).encode()
        try:
            # A router that goes by the body would lead a count to the same dead server each time.
            session = f"count-{self._faults}" if self._faults else ""
            told = answered(self._pool, self._root.url(path), data, most=_most_bytes(data), session=session)
            if told.status == 200:
                return _counted(told.body, path, body)
        except (HTTPError, wire.BadBody) as error:
            raise _NoCount(wire.shortened(str(error)), passes=True) from error
        text = told.body.decode("utf-8", "replace")
        error = refusal(told.status, text, {})
        if isinstance(error, AccessRefused):
            raise error
        if "messages" in body:
            refused = Refused(told.status, text, {})
            if refused_part(refused, {"messages": body["messages"]}, _BUT_SYSTEM) == SYSTEM:
                self._manners.learn(SYSTEM)
                return self._try(path, {**body, "messages": without_system(body["messages"])})
            if told.status in {400, 422} and "tools" not in body:
                raise _NoPrompts
        passes = told.status == 429 or told.status >= 500
        self._faults += passes
        raise _NoCount(f"the server says {told.status}: {wire.said(text)}", passes=passes)

    def _retry(self, path: str, body: dict[str, Any], first: _NoCount) -> wire.TokenCount:
        """Try again; stamina counts the failed first try, but is not set up for counts that succeed."""
        try:
            for attempt in retries(_passes, attempts=self._tries):
                with attempt:
                    if attempt.num == 1:
                        raise first
                    return self._try(path, body)
        except _NoCount as error:
            raise EndpointUnavailable(
                f"{self._root.base}{path} cannot count tokens: {error}",
                hint="is the server still running? nothing is lost: the same command goes on from here",
            ) from error
        raise AssertionError("stamina ends by returning or raising")  # pragma: no cover


_BUT_SYSTEM = frozenset({"max_tokens", "max_completion_tokens"})
"""What a request for a count does not hold."""
_TEMPLATE, _PER_MESSAGE = 64, 16
"""Tokens that a chat template may add by itself, and for each message."""


def _counted(raw: bytes, path: str, body: dict[str, Any]) -> wire.TokenCount:
    """A count as a server tells it.

    Raises:
        BadBody: it tells none that could be one.
    """
    told = wire.read(wire.TokenCount, wire.loaded(raw))
    if path == "/apply-template":
        if told.prompt is None:
            raise wire.BadBody("it holds no prompt")
    elif "content" in body:
        if told.tokens is None or (body["content"] and not told.tokens):
            raise wire.BadBody("it holds no tokens")
    elif not told.count and body.get("prompt") != "":
        raise wire.BadBody("it holds no count")
    return told


class _NoPrompts(Exception):
    """The server counts texts, and takes no messages."""


class _NoCount(Ours):
    """A count failed; `passes` says whether it may succeed when tried again."""

    def __init__(self, message: str, *, passes: bool) -> None:
        super().__init__(message)
        self.passes = passes


def _passes(error: Exception) -> bool:
    return isinstance(error, _NoCount) and error.passes


def counter_of(tokenizer: str | Path | None) -> TokenCounter:
    """What counts for a model whose server is not asked: a tokenizer file, else a bound.

    Raises:
        SettingsError: the file cannot be read.
    """
    return FileCounter(tokenizer) if tokenizer else EstimateCounter()


class FileCounter:
    """A tokenizer file, for servers that count nothing.

    Args:
        path: a `tokenizer.json`, or the folder that holds it. The chat template is read from
            `chat_template.jinja` or `tokenizer_config.json` beside it; without one, each message
            is taken to cost 16 tokens more than its text.

    Raises:
        SettingsError: it cannot be read.
    """

    exact = True
    _PER_MESSAGE = 16

    def __init__(self, path: str | Path) -> None:
        from tokenizers import Tokenizer

        file = Path(path)
        file = file / "tokenizer.json" if file.is_dir() else file
        try:
            data = file.read_bytes()
            self._tokenizer = Tokenizer.from_str(data.decode())
        except Exception as error:  # the tokenizers library raises bare Exception
            raise SettingsError(
                f"{path} is no tokenizer: {error}", hint="LCAGENT_TOKENIZER names a tokenizer.json"
            ) from error
        self._file = file
        self._template, self._special = _chat_template(file.parent)
        self.source = f"file:{hashlib.sha256(data).hexdigest()}"

    def count(self, text: str) -> int:
        """Tokens of a text alone."""
        return len(self._tokenizer.encode(whole_characters(text), add_special_tokens=False).ids)

    def count_messages(self, messages: Messages, tools: Tools = ()) -> int:
        """Tokens of a whole prompt; functions of which the template says nothing are bounded."""
        if self._template is None:
            said = sum(self.count(m["content"]) + self._PER_MESSAGE for m in messages)
            return said + most_of_tools(self.count, tools)
        prompt = self._written(messages, tools)
        told = all(tool["function"]["name"] in prompt for tool in tools)
        return self.count(prompt) + (0 if told else most_of_tools(self.count, tools))

    def _written(self, messages: Messages, tools: Tools) -> str:
        given = {**self._special, **({"tools": list(tools)} if tools else {}), "add_generation_prompt": True}
        assert self._template is not None
        try:
            return self._template(messages=messages, **given)
        except Exception as error:  # a template is a program, and not ours
            with suppress(Exception):  # it may take no system message, as the server then does not either
                return self._template(messages=without_system(messages), **given)
            raise SettingsError(
                f"the chat template beside {self._file} cannot make this prompt: {error}",
                hint="LCAGENT_TOKENIZER names a tokenizer.json with the template that the server uses",
            ) from error

    def close(self) -> None:
        """Nothing is open."""


def _chat_template(folder: Path) -> tuple[Callable[..., str] | None, dict[str, str]]:
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    from lcagent.models.template import Generation

    source, config = None, {}
    if (folder / "tokenizer_config.json").is_file():
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        source = config.get("chat_template")
    if (folder / "chat_template.jinja").is_file():
        source = (folder / "chat_template.jinja").read_text("utf-8")
    if not isinstance(source, str):
        return None, {}
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", Generation]
    )

    def refuse(message: str) -> None:
        raise TemplateError(message)

    extras: dict[str, Any] = {"raise_exception": refuse, "strftime_now": time.strftime}
    environment.globals.update(extras)
    environment.filters["tojson"] = _to_json
    special = {k: v for k, v in config.items() if k.endswith("_token") and isinstance(v, str)}
    try:
        return environment.from_string(source).render, special
    except TemplateError as error:
        raise SettingsError(
            f"the chat template in {folder} cannot be read: {error}",
            hint="LCAGENT_TOKENIZER names a tokenizer.json with the template that the server uses",
        ) from error


def _to_json(value: Any, indent: int | None = None) -> str:
    """As transformers renders it: Jinja's own escapes what HTML would not take."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


_PROBE = (
    "The keeper's 47 lamps, bought in 1893 for £2,150.75, weren't lit. Straßenbahnhaltestelle; naïveté,"
    " œuvre, übermäßig. Ночной паром ушёл без двадцати семь. Το πλοίο έφυγε. 灯台守は夜明け前に船を見た。"
    "灯塔看守人看见了船。 등대지기는 배를 보았다. رأى الحارس السفينة. रखवाले ने जहाज़ देखा। 🚢⚓️\n\n"
    "\tdef lamp(x): return [x ** 2 for _ in range(10)]  # <b>&amp;</b>"
)
"""Tokenizers that make the same of all this are taken for one."""


def _fingerprint(raw: bytes) -> str:
    """Names a tokenizer by what it makes of `_PROBE`: two models may be served under one name."""
    told = wire.loaded(raw)
    exact = json.dumps([told.get("count"), told.get("tokens")])
    return hashlib.sha256(exact.encode()).hexdigest()


def counter_for(
    endpoint: Endpoint, tokenizer: str | None, manners: Manners | None = None, *, patient: bool = True
) -> TokenCounter:
    """The best counter there is for an endpoint.

    Args:
        endpoint: the server; its `/tokenize` is tried in vLLM's way, then in llama.cpp's.
        tokenizer: a tokenizer file, which goes before the server.
        manners: what the server was found not to take; what it refuses here is added.
        patient: a count that fails is tried again there; else somebody else is asked.
    """
    if tokenizer:
        return FileCounter(tokenizer)
    probes: Sequence[tuple[str, dict[str, Any]]] = (
        ("vllm", {"model": endpoint.model, "prompt": _PROBE}),
        ("llamacpp", {"content": _PROBE}),
    )
    root = endpoint.address.root
    with connections(root, endpoint.api_key, timeout=20.0) as pool:
        for route, body in probes:
            data = json.dumps(body).encode()
            try:
                told = answered(pool, root.url("/tokenize"), data, most=_most_bytes(data))
                if told.status == 200:
                    _counted(told.body, "/tokenize", body)
                    source = f"server:{_fingerprint(told.body)}"
                    return ServerCounter(endpoint, route, source, manners, patient=patient)
            except (HTTPError, wire.BadBody):
                continue
    return EstimateCounter()
