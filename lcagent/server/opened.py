"""Documents of tenants: parsed apart from everything else, some at once, and no tenant all of these."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from lcagent.documents import Document, File, load_all
from lcagent.documents.halting import halting
from lcagent.documents.recognised import Watch
from lcagent.errors import DocumentTooLarge
from lcagent.memory.opening import open_store
from lcagent.memory.parsed import StoredDocuments
from lcagent.models.limit import Limit
from lcagent.server.tenants import Tenant

_AT_ONCE = 2
"""Files of one tenant that are parsed at once: what one sends that takes long keeps nobody else waiting."""
_MOST_KNOWN = 10_000
_MOST_AT_HAND = 16 << 20
"""Characters of the documents that are kept loaded."""


class Opened:
    """The documents behind uploaded files.

    Args:
        most_pages: of one document.
    """

    def __init__(self, most_pages: int) -> None:
        self._most_pages = most_pages
        places = _AT_ONCE + max(_AT_ONCE, os.cpu_count() or 1)
        self._places = Limit(places)
        self._own_places: dict[str, Limit] = {}
        # Not the threads in which readings go on: these would wait for a file that takes a minute.
        self._threads = ThreadPoolExecutor(places, "lcagent-documents")
        self._known: set[tuple[str, str]] = set()
        self._at_hand: dict[tuple[str, str], Document] = {}

    async def ensure(self, tenant: Tenant, ids: Sequence[str]) -> None:
        """Have files parsed, so that whoever loads them finds them in the store.

        Args:
            tenant: whose they are.
            ids: of the files.

        Raises:
            DocumentError: one cannot be read.
            DocumentTooLarge: it has too many pages.
        """
        new = [id for id in ids if (tenant.name, id) not in self._known]
        for id, source in zip(new, await tenant.aside(tenant.uploads.named, new), strict=True):
            own = self._own_places.setdefault(tenant.name, Limit(_AT_ONCE))
            async with own, self._places:
                pages = await self._pages(tenant, source)
            if pages > self._most_pages:
                raise DocumentTooLarge(
                    f"{source.name} has {pages:,} pages, the limit is {self._most_pages:,}",
                    hint="split it into several files",
                )
            if len(self._known) >= _MOST_KNOWN:  # each is found again in the store
                self._known.clear()
            self._known.add((tenant.name, id))

    async def load(self, tenant: Tenant, id: str) -> Document:
        """The document of a file; arguments and errors as for `ensure`. Those that were looked at last are at
        hand: who reads along looks again and again."""
        await self.ensure(tenant, [id])
        sources = await tenant.aside(tenant.uploads.named, [id])
        document = self._at_hand.pop((tenant.name, id), None)
        if document is None:
            (document,) = await halting(lambda halt: documents_of(tenant, sources, halt), self._threads)
        self._at_hand[tenant.name, id] = document
        while sum(len(one.text) for one in self._at_hand.values()) > _MOST_AT_HAND:
            del self._at_hand[next(iter(self._at_hand))]
        return document

    def close(self) -> None:
        """End the threads, when they have done what they are at."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _pages(self, tenant: Tenant, source: File) -> int:
        """How many pages a file has; given up with whoever asks, whatever a parser is at."""
        (document,) = await halting(lambda halt: documents_of(tenant, [source], halt), self._threads)
        return len(document.pages)


def documents_of(
    tenant: Tenant, sources: Sequence[File], halt: threading.Event | None = None
) -> list[Document]:
    """Load documents, as far as they are kept from the tenant's store.

    Args:
        tenant: whose store it is.
        sources: the files.
        halt: set when nobody waits any more.

    Raises:
        DocumentError: one cannot be read.
    """
    with closing(open_store(tenant.settings.place)) as store:
        watch = Watch(halt or threading.Event())
        cache, encoding = StoredDocuments(store), tenant.settings.encoding
        return load_all(sources, encoding=encoding, cache=cache, watch=watch).documents
