"""The marks of footnotes and endnotes: how each section of a file counts them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, ParseError

from lcagent.documents.formats.numerals import numeral
from lcagent.documents.formats.package import Package, PartDamaged, child, local, value

_KINDS = ("footnote", "endnote")
_SAYS_HOW = (b"footnotePr", b"endnotePr")


@dataclass(frozen=True, slots=True)
class _Form:
    """How notes are counted; pages are not known, so that those counted anew on each go on."""

    format: str
    start: int = 1
    anew: bool = False
    """From the start in each section."""


class NoteMarks:
    """Counts notes as Word does.

    Args:
        package: the file.
    """

    def __init__(self, package: Package) -> None:
        settings = package.tree(package.named("settings"))
        usual = {"footnote": _Form("decimal"), "endnote": _Form("lowerRoman")}
        self._usual = {kind: _form(child(settings, f"{kind}Pr"), usual[kind]) for kind in _KINDS}
        self._sections = self._forms(package)
        self._section = 0
        self._last: dict[str, tuple[int, int]] = {}
        """The number of the last note of a kind, and its section."""

    def next(self, kind: str) -> str:
        """The mark of the next note.

        Args:
            kind: footnote or endnote.
        """
        forms = self._sections[self._section] if self._section < len(self._sections) else self._usual
        form = forms[kind]
        number, section = self._last.get(kind, (form.start - 1, self._section))
        if form.anew and section != self._section:
            number = form.start - 1
        self._last[kind] = number + 1, self._section
        return numeral(number + 1, form.format)

    def end_section(self) -> None:
        """What follows belongs to the next section."""
        self._section += 1

    def _forms(self, package: Package) -> list[dict[str, _Form]]:
        """How each section counts, which it says at its end; nothing where none says anything."""
        found: list[dict[str, _Form]] = []
        with suppress(KeyError, PartDamaged, ParseError):
            data = package.bytes(package.document)
            if not any(mark in data for mark in _SAYS_HOW):
                return found
            del data
            earlier = 0  # within the section as it was before a tracked change
            for event, element in package.events(package.document):
                name = local(element)
                if name == "sectPrChange":
                    earlier += 1 if event == "start" else -1
                elif event == "end" and name == "sectPr" and not earlier:
                    found.append(
                        {kind: _form(child(element, f"{kind}Pr"), self._usual[kind]) for kind in _KINDS}
                    )
                elif event == "end" and name in {"p", "tbl"}:
                    element.clear()
        return found


def _form(properties: Element | None, usual: _Form) -> _Form:
    if properties is None:
        return usual
    form = usual
    if written := value(child(properties, "numFmt")):
        form = replace(form, format=written)
    if (start := value(child(properties, "numStart"))).isdecimal():
        form = replace(form, start=int(start[:6]))
    if restart := value(child(properties, "numRestart")):
        form = replace(form, anew=restart == "eachSect")
    return form
