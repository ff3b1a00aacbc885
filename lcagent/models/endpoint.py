"""Where a model is served: one OpenAI-compatible endpoint, and what it can do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, Literal

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, connection_from_url, make_headers
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from lcagent.errors import AccessRefused, SettingsError
from lcagent.models.fingerprint import of_llamacpp, of_vllm

Kind = Literal["vllm", "llamacpp", "openai"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One OpenAI-compatible server and the model asked of it.

    Args:
        base_url: ends with `/v1`.
        model: the name the server knows the model by.
        kind: how tokens are counted there: vLLM's `/tokenize`, llama.cpp's, or not at all.
        api_key: sent as bearer token; None sends none that matters.
        max_model_len: the server's own limit in tokens, prompt and reply; None if not told.
        slots: how many requests it says it runs at once; None if not told.
        origin: one clause for people: why this endpoint is used.
        fingerprint: names the very model by the server's own facts; empty where it tells none.
    """

    base_url: str
    model: str
    kind: Kind = "openai"
    api_key: str | None = None
    max_model_len: int | None = None
    slots: int | None = None
    origin: str = ""
    fingerprint: str = ""

    @property
    def root(self) -> str:
        """The server's root, without `/v1`; `/tokenize` and `/health` live there."""
        return self.base_url.removesuffix("/v1")


_MOST_BYTES = 1 << 24
"""Of a list of models, or of a server's properties: some providers list thousands."""
_URL_HINT = "--api-base and LCAGENT_API_BASE are like http://127.0.0.1:8000"


def _no_key(base_url: str, status: int, api_key: str | None) -> AccessRefused:
    what = "does not take the key it was given" if api_key else "wants a key"
    return AccessRefused(f"{base_url} {what} ({status})", hint="set LCAGENT_API_KEY or --api-key")


def _served(model: str | None, names: Iterable[str]) -> str:
    """What the server calls a model. An organisation may be called as a provider is."""
    if not model:
        return next(iter(names))
    return model if model in names else model.removeprefix("openai/")


def normalise_base_url(url: str) -> str:
    """Add scheme and `/v1` where a user left them out."""
    url = url.strip().rstrip("/")
    if "://" not in url:
        url = "http://" + url
    return url if url.endswith("/v1") else url + "/v1"


def certificates() -> SSLContext:
    """What a server's certificate is checked against: the same for all requests here."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def connections(url: str, api_key: str | None, *, timeout: float, kept: int = 1) -> HTTPConnectionPool:
    """Connections to a server, for the short requests beside chat; no proxy, no redirect, no second try.

    Args:
        url: any of the server's.
        api_key: bearer token.
        timeout: seconds to connect, and to wait for the next bytes.
        kept: most connections kept open.

    Raises:
        LocationParseError: it is no URL of http or https.
    """
    parsed = parse_url(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise LocationParseError(url)
    headers = {"Content-Type": "application/json"}
    if parsed.auth:
        headers |= make_headers(basic_auth=parsed.auth)
    elif api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    options: dict[str, Any] = {"headers": headers, "timeout": timeout, "retries": False, "maxsize": kept}
    if parsed.scheme == "https":
        options["ssl_context"] = certificates()
    return connection_from_url(url, **options)


def answered(
    pool: HTTPConnectionPool, method: str, path: str, body: bytes | None = None, *, most: int, seconds: float
) -> tuple[int, bytes]:
    """Status and body of one short request.

    Args:
        pool: from `connections`.
        method: GET or POST.
        path: on the server.
        body: what is sent.
        most: bytes that are taken, after decompression.
        seconds: for the whole body; to connect and between two bytes the pool's own time-out holds.

    Raises:
        HTTPError: it cannot be had, or has no end.
    """
    response = pool.urlopen(method, path, body, redirect=False, preload_content=False)
    try:
        return response.status, _body(response, most, seconds)
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()


def _body(response: BaseHTTPResponse, most: int, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    whole = bytearray()
    while piece := response.read1(1 << 16, decode_content=True):
        whole += piece
        if len(whole) > most:
            raise HTTPError(f"over {most >> 20} MiB came: cut")
        if time.monotonic() > deadline:
            raise HTTPError(f"the reply was not whole after {seconds:g} s")
    return bytes(whole)


def _get(pool: HTTPConnectionPool, url: str, seconds: float) -> tuple[int, bytes]:
    return answered(pool, "GET", parse_url(url).request_uri, most=_MOST_BYTES, seconds=seconds)


def probe(
    base_url: str,
    *,
    model: str | None = None,
    api_key: str | None = None,
    timeout: float = 5.0,
    origin: str = "",
    listed: bool = False,
) -> Endpoint | None:
    """Ask a server what it is; None if nothing OpenAI-compatible answers.

    Args:
        base_url: with or without scheme and `/v1`.
        model: the name wanted, as it is listed or behind litellm's `openai/`; without it the
            server's first model.
        api_key: bearer token.
        timeout: seconds for each request.
        origin: kept in the endpoint, for people.
        listed: None too where the server does not list the model by this very name.

    Raises:
        SettingsError: `base_url` is no URL.
        AccessRefused: the server wants a key, or another one.
    """
    base_url = normalise_base_url(base_url)
    try:
        pool = connections(base_url, api_key, timeout=timeout)
    except LocationParseError as error:
        raise SettingsError(f"{base_url} is no URL: {error}", hint=_URL_HINT) from error
    with pool:
        try:
            status, listing = _get(pool, base_url + "/models", timeout)
            if status in {401, 403}:
                raise _no_key(base_url, status, api_key)
            rows = json.loads(listing)["data"] if status == 200 else []
            names = {str(row["id"]): row for row in rows}
        except (HTTPError, ValueError, KeyError, TypeError):
            return None
        if not names or (listed and model not in names):
            return None
        served = _served(model, names)
        row = names.get(served) or next(iter(names.values()))
        facts = _facts(pool, base_url.removesuffix("/v1"), row, timeout)
    return Endpoint(base_url=base_url, model=served, api_key=api_key, origin=origin, **facts)


def _facts(pool: HTTPConnectionPool, root: str, row: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What a server's own addresses tell beside its list of models, as fields of `Endpoint`."""
    owner = str(row.get("owned_by", ""))
    most = row.get("max_model_len")
    told: dict[str, Any] = {}
    if owner == "vllm":
        told = {"kind": "vllm", "fingerprint": of_vllm(row, _object(pool, root + "/version", seconds))}
    elif owner == "llamacpp":
        props = _object(pool, root + "/props", seconds)
        # llama.cpp divides its context among the slots and reports one slot's share.
        most = (props.get("default_generation_settings") or {}).get("n_ctx") or most
        told = {
            "kind": "llamacpp",
            "slots": props.get("total_slots"),
            "fingerprint": of_llamacpp(row, props),
        }
    return {**told, "max_model_len": int(most) if most else None}


def _object(pool: HTTPConnectionPool, url: str, seconds: float) -> dict[str, Any]:
    """What a server tells at an address; nothing where it tells no JSON object."""
    try:
        told = json.loads(_get(pool, url, seconds)[1])
    except (HTTPError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
