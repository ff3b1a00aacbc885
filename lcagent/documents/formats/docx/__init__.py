"""DOCX: what Word shows of it, read from its XML as a stream; pictures are never opened."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from xml.etree.ElementTree import ParseError

from lcagent.documents.formats.body import Body
from lcagent.documents.formats.docx.embedded import Embedded
from lcagent.documents.formats.docx.left_out import LeftOut
from lcagent.documents.formats.docx.reading import Stories
from lcagent.documents.formats.flow import events_of
from lcagent.documents.formats.members import Archived
from lcagent.documents.formats.package import Package, PartDamaged
from lcagent.documents.health import Health

_MOST_WITHIN = 3
"""DOCX files within each other."""
_BARE = "its markup is damaged; read as plain text, without its numbers, notes and headers"
_TEXT = re.compile(r"<(?:\w+:)?(?:t(?:\s[^<>]*)?>([^<]*)|(tab|br|cr)\b|/(?:\w+:)?(p)>)")

_REFERENCE = re.compile(r"&(?:(amp|lt|gt|quot|apos|#\w{1,8})|\w+);")


def parse_docx(data: Archived) -> Body:
    """Read a DOCX file.

    Args:
        data: its bytes, or where it lies.
    """
    left_out = LeftOut()
    text = _text(data, left_out)
    health = Health(left_out=left_out.listed(), notes=tuple(dict.fromkeys(left_out.notes)))
    return Body(text + "\n" if text else "", health=health)


def _text(data: Archived, left_out: LeftOut, within: int = 0) -> str:
    package = Package(data)
    relations = package.relations(package.document)
    deeper = partial(_text, within=within + 1) if within < _MOST_WITHIN else None
    stories = Stories(package, Embedded(package, relations, deeper))
    stories.left_out = left_out
    try:
        body = stories.read(package.events(package.document)).text()
    except (ParseError, PartDamaged, KeyError):
        left_out.notes.append(_BARE)
        return _bare(package)
    ends = stories.at_the_end()
    above, below = list[str](), list[str]()
    for name in stories.references:
        relation = relations.get(name)
        if relation is None or relation.external or relation.kind not in {"header", "footer"}:
            continue
        text = stories.read(events_of(package.tree(relation.target)), whole=True).text()
        if not re.fullmatch(r"\W*\d{0,3}\W*", text):  # no more than a page's number
            (above if relation.kind == "header" else below).append(f"[Page {relation.kind}] {text}")
    return "\n\n".join(filter(None, [*dict.fromkeys(above), body, *ends, *dict.fromkeys(below)]))


def _bare(package: Package) -> str:
    """The words of a body that is no XML, as far as it can be unpacked."""
    pieces: list[str] = []
    for text, blank, paragraph in _TEXT.findall(package.as_far_as_it_goes(package.document)):
        pieces.append("\n\n" if paragraph else "\t" if blank == "tab" else "\n" if blank else _plain(text))
    return re.sub(r"\n{3,}", "\n\n", "".join(pieces)).strip()


def _plain(text: str) -> str:
    """Characters of XML; entities that a file declares itself stand for nothing."""
    return _REFERENCE.sub(lambda match: unescape(match[0]) if match[1] else "", text)
