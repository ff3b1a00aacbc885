"""RTF: its text, by `striprtf`."""

from __future__ import annotations

import re

from lcagent.documents.formats.body import Body
from lcagent.documents.health import Health
from lcagent.errors import DocumentDamaged

_CODE_PAGE = re.compile(rb"\\ansicpg(\d+)")
_PICTURE, _OBJECT = re.compile(rb"\\pict\b"), re.compile(rb"\\object\b")
_CELL_END = re.compile(r"[ \t]*\|[ \t]*")


def parse_rtf(data: bytes, name: str) -> Body:
    """Read an RTF file. A table's row is one line.

    Args:
        data: its bytes.
        name: as shown to people.

    Raises:
        DocumentDamaged: it is no RTF.
    """
    from striprtf.striprtf import rtf_to_text

    found = _CODE_PAGE.search(data[:4096])
    encoding = f"cp{int(found[1])}" if found and int(found[1]) not in {0, 1, 42} else "cp1252"
    if encoding == "cp65001":
        encoding = "utf-8"
    try:
        text = rtf_to_text(data.decode("latin-1"), encoding=encoding, errors="replace")
    except LookupError:
        text = rtf_to_text(data.decode("latin-1"), encoding="cp1252", errors="replace")
    except (ValueError, IndexError, KeyError) as error:
        raise DocumentDamaged(
            f"{name} is a damaged RTF file", hint="save it again, as DOCX or PDF"
        ) from error
    lines = (" | ".join(_CELL_END.split(line.strip().strip("|"))).strip() for line in text.splitlines())
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    left_out = ["one embedded object"] if (objects := len(_OBJECT.findall(data))) == 1 else []
    if objects > 1:
        left_out = [f"{objects:,} embedded objects"]
    return Body(text + "\n" if text else "", health=Health(left_out=tuple(left_out)))
