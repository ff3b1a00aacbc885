"""From files to documents: what is named, what it is, and whether it can be read."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from lcagent.documents.document import Document
from lcagent.documents.formats import SUFFIXES, Content, parse
from lcagent.documents.formats.ocr import available
from lcagent.documents.named import DocumentSource, File, Named, content, file_named, named, together
from lcagent.documents.recognised import Watch, recognised, unreadable
from lcagent.errors import DocumentEmpty, DocumentError, DocumentNotFound, DocumentTooLarge
from lcagent.text import whole_characters

DEFAULT_MAX_BYTES = 512 * 1024 * 1024
"""Files over this are refused (they would not fit in memory as text and more)."""
PARSER_VERSION = 9
"""Part of the cache's key: a better parser parses anew."""
_MOST_KINDS = 6


class ParseCache(Protocol):
    """Keeps parsed documents, so that a second question parses nothing."""

    def get(self, key: str) -> Document | None:
        """The document of this key, if it is kept."""
        ...

    def put(self, key: str, document: Document) -> None:
        """Keep a document."""
        ...


@dataclass(slots=True)
class Loaded:
    """What there is to read.

    Args:
        documents: to read.
        skipped: files of a folder that could not be read, each with its error.
        unread: names of a folder's files that are of kinds that are not read.
        files: where each document's bytes are; None: they came from standard input.
    """

    documents: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, DocumentError]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    files: list[Path | None] = field(default_factory=list)

    def add(self, document: Document, file: Path | None) -> None:
        """Add a document, and where its bytes are."""
        self.documents.append(document)
        self.files.append(file and file.absolute())

    @property
    def paths(self) -> dict[str, Path]:
        """Where the bytes of documents are, by the documents' names."""
        pairs = zip(self.documents, self.files, strict=False)  # documents that were given have no files
        return {document.name: file for document, file in pairs if file is not None}

    def left_out(self) -> list[str]:
        """What was named and is not read, sentences for people."""
        told = [f"{name}: {error.message}" for name, error in self.skipped]
        if self.unread:
            kinds = Counter(Path(name).suffix.lower().lstrip(".") or "no ending" for name in self.unread)
            listed = ", ".join(kind for kind, _ in kinds.most_common(_MOST_KINDS))
            more = ", …" if len(kinds) > _MOST_KINDS else ""
            one = len(self.unread) == 1
            told.append(
                f"{len(self.unread):,} file{'' if one else 's'} of {'a kind' if one else 'kinds'}"
                f" that {'is' if one else 'are'} not read ({listed}{more})"
            )
        return told


def load_all(
    sources: Sequence[DocumentSource],
    *,
    password: str | None = None,
    encoding: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    cache: ParseCache | None = None,
    watch: Watch | None = None,
) -> Loaded:
    """Read files, folders and `-` (standard input).

    A file named directly must be readable; one found in a folder may not be, and is then listed.

    Args:
        sources: paths, or `-`.
        password: for encrypted PDFs.
        encoding: of text files; default: UTF-8, or what their bytes look like.
        max_bytes: size limit of each.
        cache: parsed documents.
        watch: whoever waits; told of what takes long, and free to give up.

    Raises:
        DocumentError: a named file cannot be read, or a folder holds nothing that can.
    """
    how = _How(password, encoding or "", max_bytes, cache, watch or Watch())
    loaded = Loaded()
    all_named = [named(source) for source in sources]
    documents = _documents([file for one in all_named for file in one.files], how)
    for one in all_named:
        found = islice(documents, len(one.files))
        if one.folder is None:
            for document in map(_raised, found):
                loaded.add(document, one.files[0].path)
        else:
            _add_folder(loaded, one, found)
    _tell_apart(loaded.documents)
    return loaded


def _add_folder(loaded: Loaded, folder: Named, documents: Iterable[Document | DocumentError]) -> None:
    """Add what a folder holds.

    Raises:
        DocumentNotFound: nothing of it can be read.
    """
    before = len(loaded.documents)
    loaded.unread += folder.unread
    for file, found in zip(folder.files, documents, strict=True):
        if isinstance(found, Document):
            loaded.add(found, file.path)
        else:
            loaded.skipped.append((file.name, found))
    if len(loaded.documents) == before:
        reasons = "; ".join(loaded.left_out()[:3])
        raise DocumentNotFound(
            f"nothing in {whole_characters(str(folder.folder))} can be read"
            + (f" ({reasons})" if reasons else ""),
            hint="read are: " + ", ".join(sorted(SUFFIXES)),
        )


def load(
    source: str | Path,
    *,
    password: str | None = None,
    encoding: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    cache: ParseCache | None = None,
    name: str | None = None,
    watch: Watch | None = None,
) -> Document:
    """Read one file, or standard input (`-`).

    Args:
        source: a path, or `-`.
        password: for an encrypted PDF.
        encoding: as of `load_all`.
        max_bytes: size limit.
        cache: parsed documents.
        name: as shown to people; default: the file's name.
        watch: as of `load_all`.

    Raises:
        DocumentError: missing, unreadable, encrypted, damaged, empty, binary, or too large.
    """
    how = _How(password, encoding or "", max_bytes, cache, watch or Watch())
    file = file_named(source)
    if name:
        file = replace(file, name=whole_characters(name))
    (found,) = _documents([file], how)
    return _raised(found)


def _raised(found: Document | DocumentError) -> Document:
    if isinstance(found, DocumentError):
        raise found
    return found


@dataclass(frozen=True, slots=True)
class _How:
    """How files are read: the arguments of `load_all`."""

    password: str | None
    encoding: str
    max_bytes: int
    cache: ParseCache | None
    watch: Watch


@dataclass(frozen=True, slots=True)
class _Unparsed:
    name: str
    content: Content
    key: str
    """Under which it is kept."""


def _documents(files: Iterable[File], how: _How) -> Iterator[Document | DocumentError]:
    """What files become, in order: small ones are parsed together, and the next read meanwhile."""
    groups = deque(together(files))
    ahead: _Opened | None = None

    def read_on() -> None:
        nonlocal ahead
        if ahead is None and groups and groups[0].small:
            ahead = _all_opened(groups[0].files, how)

    while groups:
        group = groups.popleft()
        opened, ahead = ahead or _all_opened(group.files, how), None
        yield from _all_parsed(opened, how, read_on)
        del opened  # two large files do not lie in memory at once


_Opened = list[Document | DocumentError | _Unparsed]


def _all_opened(files: Iterable[File], how: _How) -> _Opened:
    """Of each file what there is to parse, the document where nothing is, or what is wrong.

    Raises:
        DocumentError: given up by whoever asked.
    """
    opened: _Opened = []
    for file in files:
        if how.watch.halt.is_set():
            raise DocumentError("given up by whoever asked")
        opened.append(_told(file.name, partial(_opened, file, how)))
    return opened


_PLAIN = frozenset({"text", "markdown"})


def _opened(file: File, how: _How) -> Document | _Unparsed:
    """A document that is kept, or needs no parsing; else what there is to parse."""
    found = content(file, how.max_bytes, how.encoding)
    if found.kind in _PLAIN:  # is what it is
        return _with_text(parse(found, name=file.name, password=how.password))
    key = _key(found, how)
    if how.cache is not None and (kept := how.cache.get(key)):
        return _with_text(_renamed(kept, file.name))
    return _Unparsed(file.name, found, key)


def _key(found: Content, how: _How) -> str:
    """Names a parsed document in the cache: all that it follows from."""
    # An encrypted file is served from the cache only to who gives the same password.
    secret = hashlib.sha256(f"{found.sha256}{how.password or ''}".encode()).hexdigest()[:16]
    ocr = "ocr" if found.kind == "pdf" and available() else ""
    parts = [found.sha256, found.kind, str(PARSER_VERSION), secret, how.encoding, ocr]
    return "-".join(filter(None, parts))


def _all_parsed(
    opened: _Opened, how: _How, meanwhile: Callable[[], None]
) -> Iterator[Document | DocumentError]:
    """The same where nothing waits to be parsed any more."""
    contents = [(one.name, one.content) for one in opened if isinstance(one, _Unparsed)]
    parsed: Sequence[Document | DocumentError] = ()
    if contents:
        from lcagent.documents.parsing import PARSER

        try:
            parsed = PARSER.parse(contents, password=how.password, halt=how.watch.halt, meanwhile=meanwhile)
        except MemoryError:
            parsed = [_too_much(name) for name, _ in contents]
    left = iter(parsed)
    for one in opened:
        if not isinstance(one, _Unparsed):
            yield one
        elif isinstance(found := next(left), Document):
            yield _told(one.name, partial(_finished, found, one, how))
        else:
            yield found


def _finished(document: Document, of: _Unparsed, how: _How) -> Document:
    """A parsed document whose pictures are read, and which is kept."""
    cache, data = how.cache, of.content.data
    if isinstance(data, bytes) and unreadable(document):
        partial_key = f"{of.key}-partial"
        document = (cache.get(partial_key) if cache is not None else None) or document
        keep = partial(cache.put, partial_key) if cache is not None else _kept_nowhere
        document = recognised(document, data, how.password, how.watch, keep)
    if cache is not None and not _is_blank(document):
        cache.put(of.key, document)
    return _with_text(document)


_Found = TypeVar("_Found")


def _told(name: str, call: Callable[[], _Found]) -> _Found | DocumentError:
    """What a call gives, or why it does not."""
    try:
        return call()
    except DocumentError as error:
        return error
    except MemoryError:
        return _too_much(name)


def _too_much(name: str) -> DocumentTooLarge:
    return DocumentTooLarge(f"{name} needs more memory than there is")


def _with_text(document: Document) -> Document:
    """A document that holds any.

    Raises:
        DocumentEmpty: it does not.
    """
    if _is_blank(document):
        raise _no_text(document)
    return document


def _is_blank(document: Document) -> bool:
    return not document.text or document.text.isspace()


def _kept_nowhere(_: Document) -> None:
    """Without a cache what is recognised is not kept."""


def _no_text(document: Document) -> DocumentEmpty:
    if document.format == "pdf":
        pages = len(document.pages)
        message = f"{document.name} holds no text on its {pages} page{'s' * (pages != 1)}"
        hint = "it may be a scan, whose text can be recognised (OCR): pip install 'lcagent[ocr]'"
        if document.health.garbled:
            message = f"the text of {document.name} cannot be read: no map from its glyphs to letters"
            hint = "its pages can be read as pictures (OCR): pip install 'lcagent[ocr]'"
        if available():
            hint = "nothing was recognised in the pictures of its pages either (OCR)"
        return DocumentEmpty(message, hint=hint)
    left_out = ", ".join(document.health.left_out)
    return DocumentEmpty(f"{document.name} holds no text" + (f" (not read: {left_out})" if left_out else ""))


def _renamed(document: Document, name: str) -> Document:
    return document if document.name == name else replace(document, name=name)


def _tell_apart(documents: list[Document]) -> None:
    """Give documents of the same name a number, so that a citation names one of them."""
    seen: dict[str, int] = {}
    for index, document in enumerate(documents):
        count = seen[document.name] = seen.get(document.name, 0) + 1
        if count > 1:
            documents[index] = _renamed(document, f"{document.name} ({count})")
