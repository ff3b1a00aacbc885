"""Files that are not read: what each is, so that it is refused by its name."""

from __future__ import annotations

_BEGINNINGS = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\0", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet table"),
    (b"%!PS", "a PostScript file"),
    (b"ID3", "a sound file"),
    (b"OggS", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"AT&TFORM", "a DjVu file"),
    (b"ITSF", "a compiled help file"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD_OFFICE = {
    ".doc": "an old Word file",
    ".xls": "an old Excel file",
    ".ppt": "an old PowerPoint file",
    ".msg": "an Outlook message",
}
PICTURES = frozenset({"a PNG picture", "a JPEG picture", "a TIFF picture"})
"""Kinds whose text can be recognised."""
INSTEAD = dict.fromkeys(PICTURES, "its text can be recognised: pip install 'lcagent[ocr]'") | {
    "an old Word file": "save it as DOCX or PDF, then ask again",
    "an old Excel file": "save it as XLSX, then ask again",
    "an old PowerPoint file": "save it as PPTX or PDF, then ask again",
    "an old Office file": "save it as DOCX, XLSX or PDF, then ask again",
    "an Outlook message": "save it as EML, then ask again",
    "a PostScript file": "make a PDF of it (ps2pdf), then ask again",
}


def other_kind(data: bytes, suffix: str) -> str:
    """What a file is that is not read, as a sentence names it; "" if it may be read.

    Args:
        data: its first bytes.
        suffix: its ending in small letters, with the dot.
    """
    if data.startswith(_OLE):
        return _OLD_OFFICE.get(suffix, "an old Office file")
    if data[:4] == b"RIFF" and data[8:12] in {b"WEBP", b"WAVE", b"AVI "}:
        return {b"WEBP": "a WebP picture", b"WAVE": "a sound file"}.get(data[8:12], "a film")
    if data[4:8] == b"ftyp":
        return "a HEIC picture" if data[8:12] in {b"heic", b"heix", b"mif1"} else "a film"
    return next((what for beginning, what in _BEGINNINGS if data.startswith(beginning)), "")
