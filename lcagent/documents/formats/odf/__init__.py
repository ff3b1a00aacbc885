"""ODT, ODS and ODP: OASIS OpenDocument 1.3, part 3. The text as a reader sees it."""

from __future__ import annotations

import re
import zipfile
from xml.etree.ElementTree import Element, ParseError, fromstring

from lcagent.documents.formats.body import Body, paged
from lcagent.documents.formats.members import BROKEN, Archived, opened
from lcagent.documents.formats.odf.reading import Reading
from lcagent.documents.formats.odf.sheets import rows
from lcagent.documents.formats.odf.styles import Styles
from lcagent.documents.formats.package import local, value
from lcagent.documents.formats.raised import settle
from lcagent.documents.formats.sheets.lines import lined
from lcagent.errors import DocumentDamaged, DocumentEncrypted

_PAGE_NUMBER = re.compile(r"\W*\d{0,3}\W*")


def parse_odf(data: Archived, kind: str, name: str) -> Body:
    """Read an OpenDocument file.

    Args:
        data: its bytes, or where it lies.
        kind: odt, ods or odp.
        name: as shown to people.

    Raises:
        DocumentEncrypted: it is protected by a password.
        DocumentDamaged: its content cannot be read.
    """
    with opened(data) as archive:
        if "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in archive.read(
            "META-INF/manifest.xml"
        ):
            raise DocumentEncrypted(f"{name} is encrypted", hint="save it without a password, then ask again")
        root = _tree(archive.read("content.xml"), name)
        common = _beside(archive, "styles.xml")
        objects = {
            one.removesuffix("/content.xml"): _beside(archive, one)
            for one in archive.namelist()
            if one.endswith("/content.xml")
        }
    reading = Reading(Styles([common, root]), objects)
    main = next((one for one in root.iter() if local(one) == _MAIN[kind] and "office" in one.tag), root)
    if kind == "ods":
        return _sheets(main, reading)
    if kind == "odp":
        return _slides(main, reading)
    body = reading.flow(main).text()
    above, below = (
        [f"[Page {side}] {text}" for text in _margins(common, side, reading)] for side in ("header", "footer")
    )
    text = settle("\n\n".join(filter(None, [*above, body, *below]))).strip()
    return Body(text + "\n" if text else "", health=reading.health())


_MAIN = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}


def _tree(data: bytes, name: str) -> Element:
    if b"<!ENTITY" in data:
        raise DocumentDamaged(f"{name} declares entities, which no office program writes")
    try:
        return fromstring(data)  # noqa: S314 - it declares no entities
    except (ParseError, LookupError, ValueError) as error:  # the last two: an encoding that there is not
        raise DocumentDamaged(f"{name} is damaged: its content is no XML") from error


def _beside(archive: zipfile.ZipFile, member: str) -> Element:
    """A part beside the content; empty where it is missing or damaged."""
    try:
        return _tree(archive.read(member), member)
    except (KeyError, DocumentDamaged, *BROKEN):
        return Element("missing")


def _margins(styles: Element, side: str, reading: Reading) -> list[str]:
    """What stands above or below the pages, each once."""
    found = [
        settle(reading.flow(one).flat())
        for master in styles.iter()
        if local(master) == "master-page"
        for one in master
        if local(one) in {side, f"{side}-left", f"{side}-first"} and value(one, "display") != "false"
    ]
    return list(dict.fromkeys(text for text in found if not _PAGE_NUMBER.fullmatch(text)))


def _sheets(main: Element, reading: Reading) -> Body:
    shown: list[Element] = []
    for one in main:
        if local(one) == "table":
            if reading.styles.is_off(value(one, "style-name")):
                reading.left_out[f"hidden sheet {value(one, 'name')}"] = 0
            else:
                shown.append(one)
    texts = [settle(lined(rows(one, reading))) for one in shown]
    text, pages = paged(texts, [value(one, "name") for one in shown], between="\n")
    return Body(text, pages, "sheet", reading.health())


def _slides(main: Element, reading: Reading) -> Body:
    texts: list[str] = []
    for page in main:
        if local(page) != "page":
            continue
        if reading.styles.is_off(value(page, "style-name")):
            reading.left_out[f"hidden slide {len(texts) + 1}"] = 0
            texts.append("")  # it keeps its number
            continue
        lines = reading.slide(page)
        texts.append(settle("\n".join(lines)) + "\n" if lines else "")
    text, pages = paged(texts, between="\n")
    return Body(text, pages, "slide", reading.health())
