"""What reading a PDF costs beside pdfium's bare text, and which words of that text are not in ours.

    python -m benchmarks.documents FILE.pdf …    each file, and a report of 500 pages made of the example

Both are timed by turns in one process, five times each; the least CPU time counts. A compound broken at a
line's end is one word to pdfium and counts as lost here, and so does hidden text.
"""

from __future__ import annotations

import io
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pypdf
import pypdfium2

from lcagent.documents.formats.pdf import parse_pdf

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "skarholm-report.pdf"
PAGES = 500
REPEATS = 5
_WORD = re.compile(r"[^\W_]+")
_HYPHEN = re.compile("[\ufffe\x02]\r?\n?")


def bare(data: bytes) -> str:
    """The text that pdfium gives, page by page."""
    texts: list[str] = []
    with pypdfium2.PdfDocument(data) as pdf:
        for page in pdf:
            textpage = page.get_textpage()
            texts.append(textpage.get_text_range())
            textpage.close()
            page.close()
    return "\n".join(texts)


def long_report() -> bytes:
    """The example's pages, again and again."""
    writer = pypdf.PdfWriter()
    pages = pypdf.PdfReader(EXAMPLE).pages
    for number in range(PAGES):
        writer.add_page(pages[number % len(pages)])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def cpu_seconds(call: Callable[[], object]) -> float:
    """Of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def row(name: str, data: bytes) -> str:
    """One file's line of the table."""
    times = [(cpu_seconds(lambda: bare(data)), cpu_seconds(lambda: ours(data))) for _ in range(REPEATS)]
    theirs, mine = (min(column) for column in zip(*times, strict=True))
    words = Counter(_WORD.findall(_HYPHEN.sub("", bare(data))))
    lost = words - Counter(_WORD.findall(ours(data)))
    counts = f"{lost.total():7} of {words.total():7}"
    return f"{name[:40]:40} {theirs:8.3f} {mine:8.3f} {mine / theirs:6.2f} {counts}"


def ours(data: bytes) -> str:
    """The text that we give."""
    return parse_pdf(data, "a PDF", None).text


def main() -> None:
    """Print a line for each file."""
    print(f"{'file':40} {'bare, s':>8} {'ours, s':>8} {'ratio':>6} {'words lost':>18}")
    for path in [EXAMPLE, *map(Path, sys.argv[1:])]:
        print(row(path.name, path.read_bytes()))
    print(row(f"{PAGES} pages of the example", long_report()))


if __name__ == "__main__":
    main()
