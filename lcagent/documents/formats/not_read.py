"""Files that are not read: what each is, so that it is refused by its name."""

from __future__ import annotations

import re
from typing import BinaryIO

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
    *(
        (beginning, "an old Excel file")
        for beginning in (b"\x09\0\4\0", b"\x09\2\6\0", b"\x09\4\6\0", b"\x09\x08\x08\0")
    ),
)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""Begins an old Office file, and a new one that is protected by a password."""
ENCRYPTED = "a protected Office file"
_STREAMS = {
    "EncryptedPackage": ENCRYPTED,
    "WordDocument": "an old Word file",
    "Workbook": "an old Excel file",
    "Book": "an old Excel file",
    "PowerPoint Document": "an old PowerPoint file",
    "__properties_version1.0": "an Outlook message",
    "VisioDocument": "a Visio drawing",
}
"""What holds each of these streams."""
_OLD_OFFICE = {
    ".doc": "an old Word file",
    ".xls": "an old Excel file",
    ".ppt": "an old PowerPoint file",
    ".msg": "an Outlook message",
}
_PROGRAM = re.compile(rb"<\?mso-application\s+progid=[\"'](Word|Excel)\.")
ZIPPED = {
    "xl/workbook.bin": "a binary Excel file (XLSB)",
    "visio/document.xml": "a Visio drawing",
    "Index/Document.iwa": "a file of Pages, Numbers or Keynote",
    "index.xml": "an old file of Pages, Numbers or Keynote",
    "index.apxl": "an old file of Pages, Numbers or Keynote",
    "AndroidManifest.xml": "a program",
}
"""What archives are that hold each of these members and are not read."""
_DIRECTORY = 1 << 16
"""Bytes of an OLE file's directory that are looked at."""
PICTURES = frozenset({"a PNG picture", "a JPEG picture", "a TIFF picture"})
"""Kinds whose text can be recognised."""
INSTEAD = dict.fromkeys(PICTURES, "its text can be recognised: pip install 'lcagent[ocr]'") | {
    "an old Word file": "save it as DOCX or PDF, then ask again",
    "an old Excel file": "save it as XLSX, then ask again",
    "an old PowerPoint file": "save it as PPTX or PDF, then ask again",
    "an Excel 2003 file in XML": "save it as XLSX, then ask again",
    "a Word 2003 file in XML": "save it as DOCX, then ask again",
    "a binary Excel file (XLSB)": "save it as XLSX, then ask again",
    "a Visio drawing": "save it as PDF, then ask again",
    "a file of Pages, Numbers or Keynote": "export it as PDF or an Office file, then ask again",
    "an old file of Pages, Numbers or Keynote": "export it as PDF or an Office file, then ask again",
    "an old Office file": "save it as DOCX, XLSX or PDF, then ask again",
    "an Outlook message": "save it as EML, then ask again",
    "a PostScript file": "make a PDF of it (ps2pdf), then ask again",
}


def ole_kind(file: BinaryIO, suffix: str) -> str:
    """What an OLE file is, by the first names in its directory, else by its ending.

    Args:
        file: open; it can seek.
        suffix: its ending in small letters, with the dot.
    """
    file.seek(0)
    head = file.read(512)
    sector = 4096 if head[30:31] == b"\x0c" else 512
    file.seek((int.from_bytes(head[48:52], "little") + 1) * sector)
    directory = file.read(_DIRECTORY)
    names = {
        directory[at : at + min(max(directory[at + 64] - 2, 0), 64)].decode("utf-16-le", "replace")
        for at in range(0, len(directory) - 127, 128)
    }
    known = (what for name, what in _STREAMS.items() if name in names)
    return next(known, _OLD_OFFICE.get(suffix, "an old Office file"))


def other_kind(data: bytes) -> str:
    """What a file is that is not read, as a sentence names it; "" if it may be read.

    Args:
        data: its first bytes.
    """
    if found := _PROGRAM.search(data[:1024]):
        return f"{'a Word' if found[1] == b'Word' else 'an Excel'} 2003 file in XML"
    if data[:4] == b"RIFF" and data[8:12] in {b"WEBP", b"WAVE", b"AVI "}:
        return {b"WEBP": "a WebP picture", b"WAVE": "a sound file"}.get(data[8:12], "a film")
    if data[4:8] == b"ftyp":
        return "a HEIC picture" if data[8:12] in {b"heic", b"heix", b"mif1"} else "a film"
    return next((what for beginning, what in _BEGINNINGS if data.startswith(beginning)), "")
