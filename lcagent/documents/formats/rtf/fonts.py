"""What the bytes of an RTF file's text are: its code page, and that of each of its fonts."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field

from lcagent.documents.formats.symbols import symbol

_CHARSETS = {
    77: "mac_roman", 78: "cp932", 79: "cp950", 80: "cp949", 81: "mac_arabic", 82: "cp1255", 83: "mac_greek",
    84: "mac_cyrillic", 85: "cp936", 86: "mac_romanian", 87: "mac_cyrillic", 88: "cp874", 89: "mac_latin2",
    128: "cp932", 129: "cp949", 130: "johab", 134: "cp936", 136: "cp950", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
    254: "cp437", 255: "cp437",
}  # fmt: skip
"""Codecs of the charsets of Windows and Macintosh fonts."""
_PAGES = {
    10000: "mac_roman", 10001: "cp932", 10002: "cp950", 10003: "cp949", 10006: "mac_greek",
    10007: "mac_cyrillic", 10008: "cp936", 10029: "mac_latin2", 1361: "johab", 20866: "koi8-r",
    21866: "koi8-u", 54936: "gb18030", 65001: "utf-8",
}  # fmt: skip
"""Codecs of code pages that Python names in another way."""
_ANSI, _SYMBOLS = 0, 2
_WESTERN = "cp1252"


def codec(page: int) -> str:
    """The codec of a code page; that of Western Europe where there is none."""
    name = _PAGES.get(page, f"cp{page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return _WESTERN


@dataclass(slots=True)
class _Font:
    name: str = ""
    charset: int = 1
    page: str = ""


@dataclass(slots=True)
class Fonts:
    """The table of a file's fonts.

    Args:
        page: codec of the file's code page.
    """

    page: str = _WESTERN
    _fonts: dict[int | None, _Font] = field(default_factory=dict[int | None, _Font])
    _at: int | None = None

    def tell(self, word: str, number: int | None) -> None:
        """A control word within the table."""
        if word == "f":
            self._at = number
            self._fonts[number] = _Font()
        elif (font := self._fonts.get(self._at)) is not None:
            if word == "fcharset":
                font.charset = number or 0
            elif word == "cpg" and number:
                font.page = codec(number)

    def name(self, text: str) -> None:
        """Characters within the table."""
        if (font := self._fonts.get(self._at)) is not None:
            name, ends, _ = text.partition(";")
            font.name += name
            if ends:
                font.name = font.name.strip()
                self._at = -1  # what follows is no font's

    def decoded(self, data: bytes, number: int | None) -> str:
        """Characters of some bytes.

        Args:
            data: of text.
            number: of the font that they are set in.
        """
        font = self._fonts.get(number)
        if font is None:
            return data.decode(self.page, "replace")
        if font.charset == _SYMBOLS:
            return "".join(symbol(font.name, byte) for byte in data)
        return data.decode(font.page or self._codec(font.charset), "replace")

    def symbol(self, code: int, number: int | None) -> str:
        """A character of the private area that Office moves those of fonts without a Unicode map to."""
        font = self._fonts.get(number)
        return symbol(font.name if font is not None else "", code)

    def _codec(self, charset: int) -> str:
        """That of a font's charset.

        Writers that tell fonts apart by their charset mean the one of Western Europe by 0. Others write 0 at
        every font, whatever the file's code page.
        """
        if charset == _ANSI and any(
            _CHARSETS.get(font.charset) == self.page for font in self._fonts.values()
        ):
            return _WESTERN
        return _CHARSETS.get(charset, self.page)
