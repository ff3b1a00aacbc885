"""A small writer of PDFs: pages from content streams, with what the tests need around them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

HELVETICA = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"


def text(words: str, x: float = 72, y: float = 700, size: float = 12, setup: str = "") -> str:
    """A content stream that writes words at a place."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"q BT {setup} /F1 {size} Tf 1 0 0 1 {x} {y} Tm ({escaped}) Tj ET Q\n"


@dataclass
class Pdf:
    """A PDF in the making.

    Args:
        pages: the content stream of each page.
        annotations: of the first page, each a dictionary as it stands in the file.
        fonts: by name, each a dictionary; `F1` is Helvetica.
        page: more of each page's dictionary.
        resources: more of each page's resources.
        catalog: more of the catalogue.
        streams: further objects, by number; numbers from 50 on are free.
    """

    pages: Sequence[str] = ("",)
    annotations: Sequence[str] = ()
    fonts: dict[str, str] = field(default_factory=dict)
    page: str = ""
    resources: str = ""
    catalog: str = ""
    objects: dict[int, str] = field(default_factory=dict)

    def made(self, *, is_packed: bool = False) -> bytes:
        """The file; packed, its catalogue stands in a stream of objects, as newer programs write it."""
        fonts = " ".join(f"/{name} {font}" for name, font in {"F1": HELVETICA, **self.fonts}.items())
        first = 100 + 2 * len(self.pages)
        notes = "".join(f"{first + number} 0 R " for number in range(len(self.annotations)))
        kids = " ".join(f"{100 + 2 * number} 0 R" for number in range(len(self.pages)))
        of: dict[int, str] = {
            1: f"<</Type/Catalog/Pages 2 0 R {self.catalog.replace('ANNOTATIONS', notes)}>>",
            2: f"<</Type/Pages/Kids[{kids}]/Count {len(self.pages)}>>",
            **self.objects,
        }
        for number, content in enumerate(self.pages):
            annots = f"/Annots[{notes}]" if number == 0 else ""
            of[100 + 2 * number] = (
                f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents {101 + 2 * number} 0 R"
                f"/Resources<</Font<<{fonts}>>/XObject<</X 50 0 R/Y 51 0 R>>{self.resources}>>{annots}{self.page}>>"
            )
            of[101 + 2 * number] = stream(content)
        for number, note in enumerate(self.annotations):
            of[first + number] = note
        return _packed(of) if is_packed else _file(of)


def stream(content: str, more: str = "") -> str:
    """A stream object."""
    return f"<</Length {len(content.encode('latin-1'))}{more}>>stream\n{content}\nendstream"


def _file(of: dict[int, str]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places: dict[int, int] = {}
    for number, content in sorted(of.items()):
        places[number] = len(out)
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = len(out)
    last = max(of)
    rows = ["0000000000 65535 f "]
    rows += [
        f"{places[n]:010} 00000 n " if n in places else "0000000000 00000 f " for n in range(1, last + 1)
    ]
    out += f"xref\n0 {last + 1}\n".encode() + "\n".join(rows).encode()
    out += f"\ntrailer<</Size {last + 1}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)


def _packed(of: dict[int, str]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    streams, table = max(of) + 1, max(of) + 2
    body = zlib.compress(f"1 0 {of.pop(1)}".encode("latin-1"))
    of[streams] = stream(body.decode("latin-1"), "/Type/ObjStm/N 1/First 4/Filter/FlateDecode")
    rows = {0: (0, 0, 65535), 1: (2, streams, 0)}
    for number, content in sorted(of.items()):
        rows[number] = (1, len(out), 0)
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    rows[table] = (1, len(out), 0)
    packed = b"".join(struct.pack(">BIH", *rows.get(n, (0, 0, 0))) for n in range(table + 1))
    head = f"/Type/XRef/Size {table + 1}/W[1 4 2]/Root 1 0 R"
    out += f"{table} 0 obj\n{stream(packed.decode('latin-1'), head)}\nendobj\n".encode("latin-1")
    return bytes(out) + f"startxref\n{rows[table][1]}\n%%EOF\n".encode()
