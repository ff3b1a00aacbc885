"""Asking a server what it is: which models it lists, how it counts; and why it cannot be asked, in words."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from urllib3 import HTTPConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

from lcagent.errors import AccessRefused, EndpointUnavailable, LcagentError, NotServed
from lcagent.models import wire
from lcagent.models.address import Address
from lcagent.models.endpoint import Endpoint, Told, answered, connections
from lcagent.models.fingerprint import of_llamacpp, of_vllm

_MOST_BYTES = 1 << 24
"""Of a list of models, or of a server's properties: some providers list thousands."""
_AGAIN = (0.0, 0.0, 0.2, 0.4, 0.8)
"""Seconds before each further time that a list of models is asked for where the server that a router chose
fails: it may choose the same one until it has missed it."""
_NO_CHAT = re.compile(
    r"embed|rerank|(?:^|[-_/])(?:bge|gte|e5|minilm|jina-(?:clip|colbert)|whisper|tts|bark|piper|kokoro|clip"
    r"|stable-?diffusion|sdxl|flux|dall-e|moderation|guard)(?:[-_/.:\d]|$)|minilm|sentence-transformers",
    re.I,
)
"""Names of models that do not chat."""
_EMBEDS = re.compile(r"embed|(?:^|[-_/])(?:bge|gte|e5)[-_]|minilm", re.I)
_TELLING = re.compile(r"embedding|rerank|audio|image|moderation|tts|stt", re.I)
"""Kinds of model, where a server tells them, that do not chat."""


class ServerLoading(EndpointUnavailable):
    """A server answers that it is not ready yet (503): it may be waited for."""

    @property
    def code(self) -> str:
        """To others it is a server that cannot be asked."""
        return EndpointUnavailable.__name__


@dataclass(frozen=True, slots=True)
class Target:
    """Which server is asked, and for which of its models.

    Args:
        base_url: as people write it (`Address.of`); what it may mean is tried in turn.
        model: the name wanted, as it is listed or behind litellm's `openai/`; without it the first that
            chats.
        api_key: bearer token.
        timeout: seconds for each request.
        origin: kept in the endpoint, for people.
        listed: the server has to list the model by this very name.
        embeds: without a name, the first model that embeds is wanted.
    """

    base_url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout: float = 5.0
    origin: str = ""
    listed: bool = False
    embeds: bool = False


def probe(target: Target) -> Endpoint:
    """Ask a server what it is.

    Raises:
        SettingsError: its address is no URL, or no header can carry the key.
        AccessRefused: the server wants a key, or another one.
        ServerLoading: it is not ready yet.
        EndpointUnavailable: it cannot be asked; the message says why.
    """
    address, model = Address.of(target.base_url), target.model
    reasons: list[LcagentError] = []
    with connections(address, target.api_key, timeout=target.timeout) as pool:
        for one in address.candidates:
            try:
                rows = _listed(pool, one, target.api_key)
            except NotServed as error:
                reasons.append(error)
                continue
            if target.listed and model not in {row.id for row in rows}:
                raise NotServed(f"{one.base} does not list {model}", hint="check --model")
            served, row = _served(model, rows, target.embeds)
            return _endpoint(target, one, served, _facts(pool, one.root, row))
    if model and not target.listed and isinstance(reasons[0], _NoList):
        return _endpoint(target, address.candidates[0], model.removeprefix("openai/"), {})
    raise reasons[0]


def _endpoint(target: Target, address: Address, model: str, facts: dict[str, Any]) -> Endpoint:
    return Endpoint(
        base_url=address.base,
        model=model,
        api_key=target.api_key,
        origin=target.origin,
        query=address.query,
        user=address.user,
        **facts,
    )


def found(target: Target) -> Endpoint | None:
    """`probe`, of a server that may not be there: None for whatever reason it cannot be asked.

    Raises:
        SettingsError: its address is no URL, or no header can carry the key.
    """
    try:
        return probe(target)
    except EndpointUnavailable:
        return None


def now(endpoint: Endpoint) -> Endpoint | None:
    """What an endpoint is now; None where it cannot be asked, or takes the key no more."""
    given = endpoint.address.given
    return found(Target(given, endpoint.model, endpoint.api_key, origin=endpoint.origin))


def same(endpoint: Endpoint) -> bool:
    """Whether an endpoint still answers, and as it did. A busy one is asked twice."""
    for _ in range(2):
        if (told := now(endpoint)) is not None:
            return told == endpoint
    return False


class _NoList(NotServed):
    """Something answers there, and lists no models (404)."""


def _listed(pool: HTTPConnectionPool, address: Address, api_key: str | None) -> list[wire.ModelRow]:
    """The models that are listed at an address; at least one.

    Raises:
        NotServed: it lists none there.
        EndpointUnavailable: another address on the server would not help.
    """
    url = address.url("/models")
    try:
        told = answered(pool, url, most=_MOST_BYTES)
        for other, seconds in enumerate(_AGAIN):  # behind a router others may live
            if told.status not in {500, 502, 504}:
                break
            time.sleep(seconds)
            told = answered(pool, url, most=_MOST_BYTES, session=f"models-{other}")
    except HTTPError as error:
        raise _unreached(address.base, error) from error
    if told.status != 200:
        raise _turned_away(address.base, told, api_key)
    try:
        rows = wire.models(told.body)
    except wire.BadBody as error:
        raise NotServed(
            f"no model server answers at {address.base}: what answers there lists no models ({error})",
            hint="is it the base of its API, such as http://127.0.0.1:8000/v1?",
        ) from error
    if not rows:
        raise EndpointUnavailable(
            f"the server at {address.base} lists no model", hint="load or pull one there, then ask again"
        )
    return rows


def _turned_away(base: str, told: Told, api_key: str | None) -> LcagentError:
    status, words = told.status, wire.said(told.body.decode("utf-8", "replace"))
    if status in {401, 403}:
        what = "does not take the key it was given" if api_key else "wants a key"
        return AccessRefused(f"{base} {what} ({status})", hint="set LCAGENT_API_KEY or --api-key")
    if status == 503:
        return ServerLoading(
            f"the model server at {base} is not ready ({status}: {words})",
            hint="is it still loading its model?",
        )
    if 300 <= status < 400:
        where = wire.shortened(urljoin(base, told.location))
        there = re.sub(r"/models/?(?=\?|$)", "", where)
        return EndpointUnavailable(
            f"no model server answers at {base}: it sends us on to {where} ({status}), and we do not follow",
            hint=f"if that is where you want to ask: --api-base {there}",
        )
    if status in {404, 405, 501}:
        return _NoList(
            f"no model server answers at {base}: there is no list of models ({status})",
            hint="give the base of its API (--api-base); one that lists no models is used with --model NAME",
        )
    return NotServed(f"no model server answers at {base}: it says {status}: {words}")


def _unreached(base: str, error: HTTPError) -> EndpointUnavailable:
    """Why no reply came, in words."""
    chain = [error, error.__cause__, error.__context__, *error.args]
    hint = "start it, or unset LCAGENT_API_BASE / --api-base"
    if any(isinstance(one, SSLError) or "SSL" in str(one) for one in chain):
        if "WRONG_VERSION_NUMBER" in str(error):
            why, hint = "it does not speak TLS", f"try {base.replace('https:', 'http:', 1)}"
        elif "CERTIFICATE_VERIFY_FAILED" in str(error):
            words = re.search(r"certificate verify failed: ([^(]*)", str(error))
            why = f"its certificate is not trusted ({words[1].strip() if words else 'not verified'})"
            hint = "set SSL_CERT_FILE to the certificate of the authority that signed it, as PEM"
        else:
            why = f"TLS fails: {wire.shortened(str(error))}"
    elif isinstance(error, NameResolutionError):
        why = "there is no host of that name"
    elif "not whole after" in str(error):
        why, hint = "it lists its models too slowly", "is it busy, or still loading? ask again then"
    elif isinstance(error, NewConnectionError):  # a kind of the next one
        why = "connection refused" if "refused" in str(error) else str(error).rpartition("] ")[2]
    elif isinstance(error, ConnectTimeoutError):
        why = "it takes no connection in time"
    elif base.startswith("http:") and re.search(r"reset|RemoteDisconnected|BadStatusLine", repr(error)):
        why = "it takes the connection and breaks it off"
        hint = f"does it speak TLS? try {base.replace('http:', 'https:', 1)}"
    else:
        why = wire.shortened(str(error.args[-1] if error.args else error))
    return EndpointUnavailable(f"no model server answers at {base}: {wire.shortened(why)}", hint=hint)


def _served(model: str | None, rows: Sequence[wire.ModelRow], embeds: bool) -> tuple[str, wire.ModelRow]:
    """What the server calls a model, and its row. An organisation may be called as a provider is."""
    names = {row.id: row for row in rows}
    if model:
        name = model if model in names else model.removeprefix("openai/")
        return name, names.get(name, rows[0])
    if embeds:
        row = next((row for row in rows if _EMBEDS.search(row.id) or "embed" in row.type), rows[0])
    else:
        row = next(
            (row for row in rows if not _TELLING.search(row.type) and not _NO_CHAT.search(row.id)), rows[0]
        )
    return row.id, row


def _facts(pool: HTTPConnectionPool, root: Address, row: wire.ModelRow) -> dict[str, Any]:
    """What a server's own addresses tell beside its list of models, as fields of `Endpoint`."""
    most = row.max_model_len or row.context_length
    told: dict[str, Any] = {}
    if row.owned_by == "vllm":
        version = _object(pool, root.url("/version"))
        told = {"kind": "vllm", "fingerprint": of_vllm(row.facts, version)}
    elif row.owned_by == "llamacpp":
        facts = _object(pool, root.url("/props"))
        props = wire.read(wire.Props, facts)
        most = props.default_generation_settings.n_ctx or most
        told = {
            "kind": "llamacpp",
            "slots": props.total_slots or None,
            "fingerprint": of_llamacpp(row.facts, facts),
        }
    return {**told, "max_model_len": most or None}


def _object(pool: HTTPConnectionPool, url: str) -> dict[str, Any]:
    """What a server tells at an address; nothing where it tells no JSON object."""
    try:
        told = wire.loaded(answered(pool, url, most=_MOST_BYTES).body)
    except (HTTPError, wire.BadBody):
        return {}
    return told if isinstance(told, dict) else {}
