"""Tenants: whoever a key belongs to has a folder of its own, and with it files, runs and memories."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import ParamSpec, TypeVar

from lcagent.errors import StoreAway
from lcagent.memory.aside import apart, aside
from lcagent.memory.rows import Rows
from lcagent.memory.served.jobs import StoredJobs
from lcagent.memory.served.keys import OWN, Keys, checked_tenant
from lcagent.memory.served.tables import open_served
from lcagent.memory.served.uploads import Uploads
from lcagent.models.serving.session import ModelSession
from lcagent.settings import Settings

LOG = logging.getLogger("lcagent.server")
P = ParamSpec("P")
T = TypeVar("T")


class Tenant:
    """One of those who are served.

    Args:
        name: of it.
        settings: with its own folder.
        models: the way to the model, which all share.
    """

    def __init__(self, name: str, settings: Settings, models: ModelSession) -> None:
        self.name, self.settings, self.models = name, settings, models
        self.store: Rows = open_served(settings.place)
        self.uploads, self.jobs = Uploads(self.store), StoredJobs(self.store)
        self.runs = StoredJobs(self.store, "question")  # what was asked over HTTP

    async def aside(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """Do what asks its store (`lcagent.memory.aside`): whatever is asked in the server's event loop is
        asked here.

        Args:
            work: asks it.
            args: what it is given.
            named: likewise.

        Raises:
            StoreError: the store cannot be reached.
        """
        return await aside(self.settings.place, work, *args, **named)

    async def apart(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """The same in a thread in any case, for what takes long; arguments and errors as for `aside`."""
        return await apart(self.settings.place, work, *args, **named)

    @property
    def folder(self) -> Path:
        """Where all of it lies that is no row."""
        return self.settings.place.folder


class Tenants:
    """All tenants of a server.

    Args:
        settings: how it reads, and the first folder.
        progress: gets (what, bytes done, bytes in all) while a model file is fetched.
    """

    def __init__(self, settings: Settings, progress: Callable[[str, int, int], None] | None = None) -> None:
        self._settings = settings
        self.models = ModelSession(settings, progress or (lambda _what, _done, _all: None))
        self._open: dict[str, Tenant] = {}
        self._lock = threading.Lock()

    @cached_property
    def keys(self) -> Keys:
        """The keys of all."""
        return Keys(self.of(OWN).store)

    def of(self, name: str) -> Tenant:
        """A tenant, whose folder is made where there is none."""
        if (known := self._open.get(name)) is not None:  # without waiting for one that is being opened
            return known
        with self._lock:
            if name not in self._open:
                settings = self._settings
                if name != OWN:
                    place = settings.place.within(checked_tenant(name))
                    settings = settings.model_copy(update={"home": place.folder, "store": place.url or None})
                self._open[name] = Tenant(name, settings, self.models)
            return self._open[name]

    async def found(self, name: str) -> Tenant:
        """`of`, from an event loop: what is open needs no database."""
        return self._open.get(name) or await aside(self._settings.place, self.of, name)

    async def holder(self, secret: str) -> str | None:
        """The tenant whose key a secret is; None: it opens nothing.

        Raises:
            StoreError: the keys cannot be read.
        """
        key = await aside(self._settings.place, lambda: self.keys.holder(secret))
        return None if key is None else key.tenant

    async def spend(self, tenant: str, job: str, tokens: int) -> None:
        """Count tokens of today. What the keys' database does not take is told in the log alone: it is no
        fault of an answer that is there.

        Args:
            tenant: whose.
            job: that took them.
            tokens: how many.
        """
        try:
            await aside(self._settings.place, lambda: self.keys.spend(tenant, job, tokens))
        except StoreAway as error:
            LOG.warning("%s tokens of %s are not counted: %s", f"{tokens:,}", tenant, error.message)

    async def every(self) -> list[Tenant]:
        """`all`, from an event loop."""
        return await aside(self._settings.place, self.all)

    def all(self) -> list[Tenant]:
        """Every tenant that has a folder; where the store is a server, that ever had a key.

        Its folder may then lie on another machine.
        """
        place = self._settings.place
        others = place.folder / "tenants"
        if place.url:
            names = sorted({key.tenant for key in self.keys.all()} - {OWN})
        else:
            names = sorted(path.name for path in others.iterdir() if path.is_dir()) if others.is_dir() else []
        return [self.of(name) for name in [OWN, *names]]

    def close(self) -> None:
        """Close what is open."""
        for tenant in self._open.values():
            tenant.store.close()
        self._open.clear()
        self.models.close()
