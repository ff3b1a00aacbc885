"""A server's address as people write it: with or without `/v1`, whole or cut, with a query or a password."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from lcagent.errors import SettingsError
from lcagent.text import without_password

_HINT = "--api-base and LCAGENT_API_BASE are like http://127.0.0.1:8000"
_ENDINGS = re.compile(r"/(?:chat/completions|completions|embeddings|models|responses)$", re.I)
"""Paths that a server's own pages show, and that are asked for here behind its base."""
_VERSIONED = re.compile(r"/v\d+$")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server's paths begin.

    Args:
        base: scheme, host, port and path, without a slash at its end; holds no password, so it may be shown.
        query: sent with every request, as given (`api-version=…`).
        user: `name:password` as given before the host; sent as basic authorization.
    """

    base: str
    query: str = ""
    user: str = field(default="", repr=False)

    @staticmethod
    def of(url: str) -> Address:
        """An address as a user wrote it.

        Args:
            url: with or without scheme.

        Raises:
            SettingsError: it is no URL of http or https.
        """
        url = url.strip()
        url = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - looked at, it is checked
        except ValueError as error:
            raise SettingsError(f"{without_password(url)} is no URL: {error}", hint=_HINT) from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"[\s\x00-\x1f]", url):
            raise SettingsError(f"{without_password(url)} is no URL of http or https", hint=_HINT)
        user, _, host = parts.netloc.rpartition("@")
        path = _ENDINGS.sub("", parts.path.rstrip("/")).rstrip("/")
        return Address(urlunsplit((parts.scheme, host, path, "", "")), parts.query, unquote(user))

    @property
    def candidates(self) -> list[Address]:
        """What may be meant, the likeliest first: as given, or with `/v1` where no path is given."""
        path = urlsplit(self.base).path
        if _VERSIONED.search(path):
            several = [self.base, _VERSIONED.sub("", self.base)]
        elif path:
            several = [self.base, f"{self.base}/v1"]
        else:
            several = [f"{self.base}/v1", self.base, f"{self.base}/api"]
        given = [replace(self, base=base) for base in several]
        return [*given, *(replace(one, query="") for one in given[:1] if self.query)]

    @property
    def given(self) -> str:
        """As somebody would have to write it, its password included."""
        scheme, _, rest = self.base.partition("://")
        user = f"{quote(self.user, safe=':')}@" if self.user else ""
        return f"{scheme}://{user}{rest}{f'?{self.query}' if self.query else ''}"

    @property
    def root(self) -> Address:
        """The server's root, where `/tokenize` and `/health` live: without `/v1`."""
        return replace(self, base=self.base.removesuffix("/v1"))

    def url(self, path: str) -> str:
        """A path of the server's, with the query.

        Args:
            path: begins with a slash.
        """
        return f"{self.base}{path}{f'?{self.query}' if self.query else ''}"

    def headers(self, api_key: str | None) -> dict[str, str]:
        """What every request to it carries.

        Args:
            api_key: bearer token; white space around it is none of it. What stands in the address goes first.

        Raises:
            SettingsError: no header can carry the key.
        """
        headers = {"Content-Type": "application/json"}
        key = (api_key or "").strip()
        if self.user:
            headers["Authorization"] = f"Basic {base64.b64encode(self.user.encode()).decode()}"
        elif key:
            odd = next((character for character in key if not "\x20" <= character <= "\x7e"), "")
            if odd:
                raise SettingsError(
                    f"the API key holds a character that no header can carry (U+{ord(odd):04X})",
                    hint="copy it again, without quotation marks and line breaks",
                )
            headers["Authorization"] = f"Bearer {key}"
        return headers


def is_loopback(url: str) -> bool:
    """Whether a URL names this very machine.

    Args:
        url: with or without scheme.
    """
    try:
        parts: SplitResult = urlsplit(url if "://" in url else f"http://{url}")
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return False
