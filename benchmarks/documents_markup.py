"""HTML and DOCX as text: CPU seconds beside the bare parsers, and memory for a DOCX file of pictures.

    python -m benchmarks.documents_markup [--pages 100] [--picture-mib 93]

The pages are made up: prose, a list of links and a table in HTML; in DOCX paragraphs with runs of several
looks, numbered clauses and tables, 3,000 characters a page. `selectolax` is its `text()`, which knows no
blocks, cells or hidden text; `mammoth` is its raw text. CPU seconds are the least of three. Memory is the
peak of a process that reads a DOCX file of random bytes as pictures, and of one that only imports.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from lcagent.documents.formats.docx import parse_docx
from lcagent.documents.formats.html import html_text

_WORDS = "the keeper of light counted boats in harbour and wrote them down with care each year".split()
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--picture-mib", type=int, default=93)
    given = parser.parse_args()
    chance = random.Random(1)
    for name, html in _pages(chance).items():
        ours, bare = least(lambda html=html: html_text(html)), least(lambda html=html: _selectolax(html))
        rate = len(html) / 1e6 / ours
        print(f"html {name}: {rate:.1f} MB/s, {ours / bare:.1f} x selectolax text()")
    data = made_docx(chance, given.pages)
    ours, other = least(lambda: parse_docx(data)), least(lambda: _mammoth(data))
    print(f"docx of {given.pages} pages: {ours:.3f} s, mammoth {other:.3f} s ({other / ours:.1f} x)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.docx"
        path.write_bytes(made_docx(chance, 1, given.picture_mib))
        size = path.stat().st_size / 2**20
        print(f"docx of {size:.0f} MiB of pictures: peak {_peak(str(path)):.0f} MB, bare {_peak(''):.0f} MB")


def least(work: Callable[[], object]) -> float:
    """CPU seconds, the least of three."""
    found: list[float] = []
    for _ in range(3):
        before = time.process_time()
        work()
        found.append(time.process_time() - before)
    return min(found)


def _selectolax(html: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(html).body
    return body.text() if body else ""


def _mammoth(data: bytes) -> str:
    import mammoth

    return mammoth.extract_raw_text(io.BytesIO(data)).value


_CHILD = """
import sys
from lcagent.documents import load
if sys.argv[1]:
    load(sys.argv[1])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def _peak(path: str) -> float:
    """MB of a process that reads a file; Linux only, where `ru_maxrss` has the parent's in it."""
    done = subprocess.run([sys.executable, "-c", _CHILD, path], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words))


def _pages(chance: random.Random) -> dict[str, str]:
    prose = (
        f'<p class="c">{sentence(chance, 60)} <b>bold</b> and <a href="/x">link</a>.</p>' for _ in range(3000)
    )
    links = (
        f'<div><ul><li><a href="/x">{sentence(chance, 5)}</a></li><li><span>x</span> y</li></ul></div>'
        for _ in range(9000)
    )
    rows = (f"<tr><td>{n}</td><td>1,234</td><td><p>{sentence(chance, 3)}</p></td></tr>" for n in range(15000))
    return {
        "prose": f"<body>{''.join(prose)}</body>",
        "links": f"<body>{''.join(links)}</body>",
        "table": f"<body><table>{''.join(rows)}</table></body>",
    }


def made_docx(chance: random.Random, pages: int, picture_mib: int = 0) -> bytes:
    def run(words: int, look: str = "") -> str:
        return f'<w:r><w:rPr><w:lang w:val="en"/>{look}</w:rPr><w:t>{sentence(chance, words)} </w:t></w:r>'

    clause = '<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr></w:pPr>'
    cell = "<w:tc><w:tcPr/><w:p><w:r><w:t>1,234</w:t></w:r></w:p></w:tc>"
    page = "".join(
        [
            *(f"<w:p>{run(30)}{run(8, '<w:b/>')}{run(22)}</w:p>" for _ in range(6)),
            *(f"<w:p>{clause}{run(12)}</w:p>" for _ in range(8)),
            f"<w:tbl>{f'<w:tr>{cell * 4}</w:tr>' * 6}</w:tbl>",
        ]
    )
    level = (
        '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    )
    numbers = (
        f'<w:numbering {_W}><w:abstractNum w:abstractNumId="0">{level}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    )
    targets = [("numbering", "numbering.xml"), *((f"image{n}", f"media/{n}.png") for n in range(picture_mib))]
    related = "".join(
        f'<Relationship Id="{name}" Type="{_RELATION}/{name.rstrip("0123456789")}" Target="{target}"/>'
        for name, target in targets
    )
    listed = f'<Relationship Id="r" Type="{_RELATION}/officeDocument" Target="word/document.xml"/>'
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", f"<Relationships>{listed}</Relationships>")
        archive.writestr(
            "word/document.xml", f"<w:document {_W}><w:body>{page * pages}</w:body></w:document>"
        )
        archive.writestr("word/numbering.xml", numbers)
        archive.writestr("word/_rels/document.xml.rels", f"<Relationships>{related}</Relationships>")
        for n in range(picture_mib):
            archive.writestr(f"word/media/{n}.png", os.urandom(2**20))
    return data.getvalue()


if __name__ == "__main__":
    main()
