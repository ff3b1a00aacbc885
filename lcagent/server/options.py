"""How the server is bound, and what it lets one key do."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one tenant may use.

    Args:
        upload: bytes of one file.
        storage: bytes of all files.
        pages: of one document.
        requests: in a minute.
        running: runs at once; further ones wait for a place.
        waiting: runs that may wait.
        followers: connections that look on at runs.
        tokens_a_day: of prompts and replies; None: any number.
    """

    upload: int = 100 * MIB
    storage: int = 20_000 * MIB
    pages: int = 20_000
    requests: int = 600
    running: int = 64
    waiting: int = 512
    followers: int = 256
    tokens_a_day: int | None = None


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What `lcagent serve` is told.

    Args:
        host: bound to.
        port: bound to; 0: a free one.
        origins: pages elsewhere that a browser may ask from (CORS).
        hosts: names under which the server may be asked, besides those of this machine's loopback and `host`.
        public_url: its address in links to citations; empty: the one under which it is asked.
        running: runs at once, of all tenants.
        limits: of one tenant.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    public_url: str = ""
    running: int = 256
    limits: Limits = field(default_factory=Limits)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
