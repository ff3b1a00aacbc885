"""What the letters are of fonts that are drawn glyph by glyph (Type 3) and have no Unicode map.

pdfium takes the code of such a glyph for its letter. The glyphs' names tell whether that is so, as in what
plotting programs write: `/one`, `/alpha`; names such as `/g1` tell nothing.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from lcagent.documents.formats.pdf.opening import quiet

_DEEPEST = 4
"""Forms in forms whose fonts are looked at."""
_MOST_FONTS = 200
_MOST_UNNAMED = 0.2
"""Part of a page's glyphs whose names may tell nothing."""
_CODED = re.compile(r"/uni([0-9A-Fa-f]{4})|/u([0-9A-Fa-f]{4,6})")
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
"""Characters that mean what their font likes."""


class GlyphNames:
    """The fonts of a PDF by the names of their glyphs; opened when it is asked.

    Args:
        data: the file's bytes.
        password: where it is encrypted.
    """

    def __init__(self, data: bytes, password: str | None) -> None:
        self._data = data
        self._password = password

    def letters(self, index: int) -> dict[int, str] | None:
        """The codes of a page that stand for other letters than their own, each with its letter.

        Args:
            index: of the page, from 0.

        Returns:
            None where the names tell nothing, or the fonts are of another kind.
        """
        try:
            with quiet("pypdf"):
                fonts = list(_fonts(self._reader.pages[index].get("/Resources"), _DEEPEST))[:_MOST_FONTS]
                return _letters(fonts)
        except Exception:  # noqa: BLE001 - whatever is wrong with the file, then nothing is known
            return None

    @cached_property
    def _reader(self) -> Any:
        import pypdf

        return pypdf.PdfReader(io.BytesIO(self._data), password=self._password)


def _fonts(resources: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The fonts that a page and its forms are written in."""
    if resources is None:
        return
    resources = resources.get_object()
    for font in resources["/Font"].values() if "/Font" in resources else ():
        if isinstance(found := font.get_object(), Mapping):
            yield found
    for one in resources["/XObject"].values() if depth and "/XObject" in resources else ():
        form = one.get_object()
        if isinstance(form, Mapping) and form.get("/Subtype") == "/Form":
            yield from _fonts(form.get("/Resources"), depth - 1)


def _letters(fonts: list[Mapping[str, Any]]) -> dict[int, str] | None:
    drawn = [font for font in fonts if "/ToUnicode" not in font and font.get("/Subtype") == "/Type3"]
    if not drawn or any("/ToUnicode" not in font and font.get("/Subtype") == "/Type0" for font in fonts):
        return None
    pairs = [pair for font in drawn for pair in _named(font)]
    told = {(code, letter) for code, letter in pairs if letter}
    if not pairs or sum(not letter for _, letter in pairs) > _MOST_UNNAMED * len(pairs):
        return None
    others = {code: letter for code, letter in told if letter != chr(code)}
    if len(drawn) < len(fonts):
        return {}  # another font may mean the letter itself
    codes = [code for code, _ in told]
    return {code: letter for code, letter in others.items() if codes.count(code) == 1}


def _named(font: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The codes of a font, each with the letter that its glyph is named after; "" where it is after none."""
    from pypdf._codecs.adobe_glyphs import adobe_glyphs

    encoding = font["/Encoding"].get_object()
    code = 0
    for entry in encoding.get("/Differences", ()) if isinstance(encoding, Mapping) else ():
        if not isinstance(entry, str):
            code = int(entry)
            continue
        coded = _CODED.fullmatch(entry)
        letter = chr(int(coded[1] or coded[2], 16)) if coded else adobe_glyphs.get(entry, "")
        yield code, "" if _PRIVATE.match(letter) else letter
        code += 1
