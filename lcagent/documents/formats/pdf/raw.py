"""pdfium's functions as they are called thousands of times a page: typed once, addresses as integers.

Import it only while pdfium is one's own (see `opened`): pypdfium2 initialises the library when imported.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pypdfium2.raw as pdfium_c

_P = ctypes.c_void_p
_INT = ctypes.c_int
_DOUBLE = ctypes.c_double


def address(handle: object) -> int:
    """Of a handle or a function that pypdfium2 holds, or 0."""
    return ctypes.cast(handle, _P).value or 0  # type: ignore[arg-type]


def _typed(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """pypdfium2's own prototypes convert each argument, which takes longer than most of these calls."""
    return ctypes.CFUNCTYPE(result, *arguments)(address(getattr(pdfium_c, name)))


# Objects of a page.
count_objects = _typed("FPDFPage_CountObjects", _INT, _P)
get_object = _typed("FPDFPage_GetObject", _P, _P, _INT)
count_inner = _typed("FPDFFormObj_CountObjects", _INT, _P)
get_inner = _typed("FPDFFormObj_GetObject", _P, _P, ctypes.c_ulong)
object_type = _typed("FPDFPageObj_GetType", _INT, _P)
object_matrix = _typed("FPDFPageObj_GetMatrix", _INT, _P, _P)
object_bounds = _typed("FPDFPageObj_GetBounds", _INT, _P, _P, _P, _P, _P)
fill_colour = _typed("FPDFPageObj_GetFillColor", _INT, _P, _P, _P, _P, _P)
stroke_colour = _typed("FPDFPageObj_GetStrokeColor", _INT, _P, _P, _P, _P, _P)
stroke_width = _typed("FPDFPageObj_GetStrokeWidth", _INT, _P, _P)
draw_mode = _typed("FPDFPath_GetDrawMode", _INT, _P, _P, _P)
count_segments = _typed("FPDFPath_CountSegments", _INT, _P)
count_marks = _typed("FPDFPageObj_CountMarks", _INT, _P)
get_mark = _typed("FPDFPageObj_GetMark", _P, _P, ctypes.c_ulong)
mark_name = _typed("FPDFPageObjMark_GetName", _INT, _P, _P, ctypes.c_ulong, _P)
mark_string = _typed("FPDFPageObjMark_GetParamStringValue", _INT, _P, ctypes.c_char_p, _P, ctypes.c_ulong, _P)
render_mode = _typed("FPDFTextObj_GetTextRenderMode", _INT, _P)
object_font_size = _typed("FPDFTextObj_GetFontSize", _INT, _P, _P)

# Characters of a text page.
count_characters = _typed("FPDFText_CountChars", _INT, _P)
text_index = _typed("FPDFText_GetTextIndexFromCharIndex", _INT, _P, _INT)
character_index = _typed("FPDFText_GetCharIndexFromTextIndex", _INT, _P, _INT)
character_at = _typed("FPDFText_GetCharIndexAtPos", _INT, _P, _DOUBLE, _DOUBLE, _DOUBLE, _DOUBLE)
character_code = _typed("FPDFText_GetUnicode", ctypes.c_uint, _P, _INT)
is_generated = _typed("FPDFText_IsGenerated", _INT, _P, _INT)
has_map_error = _typed("FPDFText_HasUnicodeMapError", _INT, _P, _INT)
object_of = _typed("FPDFText_GetTextObject", _P, _P, _INT)
font_size = _typed("FPDFText_GetFontSize", _DOUBLE, _P, _INT)
character_matrix = _typed("FPDFText_GetMatrix", _INT, _P, _INT, _P)
character_origin = _typed("FPDFText_GetCharOrigin", _INT, _P, _INT, _P, _P)
character_box = _typed("FPDFText_GetCharBox", _INT, _P, _INT, _P, _P, _P, _P)

TEXT, PATH, IMAGE, SHADING, FORM = range(1, 6)
"""Types of objects."""
