"""EPUB: the chapters that its package file names, each a page of HTML."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from urllib.parse import unquote

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.encodings import decode
from lcagent.documents.formats.html import html_text
from lcagent.documents.health import Health
from lcagent.errors import DocumentDamaged

_MOST_NAMED = 12


def parse_epub(data: bytes, name: str) -> Body:
    """Read an EPUB book.

    Args:
        data: its bytes.
        name: as shown to people.

    Raises:
        DocumentDamaged: it names no chapter that is there.
    """
    texts: list[str] = []
    missing: list[str] = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = set(archive.namelist())
        for number, item in enumerate(_spine(archive, name), start=1):
            text = ""  # a chapter that is not there keeps its number: those after it are cited by theirs
            if item not in members:
                missing.append(f"{number} ({item})")
            elif text := _chapter(archive.read(item)):
                text += "\n"
            texts.append(text)
    if len(missing) == len(texts):
        raise DocumentDamaged(f"{name} is an EPUB without chapters")
    left_out: tuple[str, ...] = ()
    if missing:
        listed = ", ".join(missing[:_MOST_NAMED]) + (", …" if len(missing) > _MOST_NAMED else "")
        left_out = (f"chapter{'s' * (len(missing) > 1)} {listed}, missing from the file",)
    text, pages = paged(texts)
    return Body(text, pages, "chapter", Health(left_out=left_out))


def _chapter(data: bytes) -> str:
    return html_text(decode(io.BytesIO(data), declares=True).text, xml=True)


def _spine(archive: zipfile.ZipFile, name: str) -> list[str]:
    """The files that an EPUB names for its text, in reading order, whether they are there or not."""
    from selectolax.lexbor import LexborHTMLParser

    container = archive.read("META-INF/container.xml").decode("utf-8", "replace")
    match = re.search(r"full-path\s*=\s*[\"']([^\"']+)", container)
    if match is None or match.group(1) not in archive.namelist():
        raise DocumentDamaged(f"{name} is an EPUB without its package file")
    package = match.group(1)
    files: dict[str | None, str | None] = {}
    named: list[str | None] = []
    for node in LexborHTMLParser(archive.read(package).decode("utf-8", "replace")).css("*"):
        tag = (node.tag or "").rpartition(":")[2]  # any prefix may stand for the package's namespace
        if tag == "item":
            files[node.attributes.get("id")] = node.attributes.get("href")
        elif tag == "itemref":
            named.append(node.attributes.get("idref"))
    return [_member(posixpath.dirname(package), files.get(one) or one or "") for one in named]


def _member(folder: str, href: str) -> str:
    """The name in the archive of what a package file in some folder refers to."""
    return posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))).lstrip("/")
