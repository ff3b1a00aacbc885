"""Parts of a DOCX file that are documents of their own: pages, texts, charts and diagrams."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from xml.etree.ElementTree import Element

from lcagent.documents.formats.docx.left_out import LeftOut
from lcagent.documents.formats.drawings import chart_text, diagram_text
from lcagent.documents.formats.html import read_html
from lcagent.documents.formats.members import decoded
from lcagent.documents.formats.package import Package, PartDamaged, Relation, local, value


class Embedded:
    """Reads what a file's body refers to.

    Args:
        package: the file.
        relations: of its body.
        document: reads a DOCX file within this one; None where there are too many within each other.
    """

    def __init__(
        self,
        package: Package,
        relations: dict[str, Relation],
        document: Callable[[bytes, LeftOut], str] | None,
    ) -> None:
        self._package, self._relations, self._document = package, relations, document

    def _part(self, name: str) -> str:
        relation = self._relations.get(name)
        return relation.target if relation is not None and not relation.external else ""

    def chunk(self, name: str, left_out: LeftOut) -> str:
        """The text of a part that Word would take into the body (`altChunk`); "" where it is only named.

        Args:
            name: the id of its relation.
            left_out: where it is named.
        """
        part = self._part(name)
        ending = posixpath.splitext(part)[1].lower()
        try:
            data = self._package.bytes(part)
        except (KeyError, PartDamaged):
            left_out.counts["missing part"] += 1
            return ""
        if ending in {".htm", ".html", ".xhtml"} or data[:1024].lstrip(
            b"\xef\xbb\xbf \t\r\n"
        ).lower().startswith((b"<!doctype html", b"<html")):
            text, hidden = read_html(decoded(data), xml=ending == ".xhtml")
            left_out.named += hidden
            return text
        if ending in {".txt", ".text"}:
            return decoded(data)
        if data[:4] == b"PK\x03\x04" and self._document is not None:
            return self._document(data, left_out)
        left_out.named.append(
            f"an embedded {ending[1:].upper() or 'unknown'} part ({posixpath.basename(part)})"
        )
        return ""

    def shown(self, drawings: Iterable[Element], left_out: LeftOut) -> list[str]:
        """The texts of charts and diagrams.

        Args:
            drawings: what refers to them.
            left_out: where objects of other programs are named.
        """
        found: list[str] = []
        for one in drawings:
            if local(one) == "OLEObject":
                left_out.named.append(f"an embedded object ({value(one, 'ProgID') or 'of an unknown kind'})")
                continue
            diagram = local(one) == "relIds"
            part = self._part(value(one, "dm" if diagram else "id"))
            root = self._package.tree(part) if part else Element("none")
            text = diagram_text(root) if diagram else chart_text(root)
            if text:
                found.append(text)
            else:
                left_out.counts["diagram" if diagram else "chart"] += 1
        return found
