"""Where quotes are marked on the pages of PDFs: placed, not placed, and marked wrongly, which must be none.

    python -m benchmarks.boxes [FILE.pdf …] [--quotes 1000] [--seed 1]

Quotes are random sentences of the pages of PDFs made here (turned, cropped, in two columns, with words broken
at lines' ends, sentences that stand several times, layers that are switched off) and of those given. They are
checked in other ways than boxes are made: pdfium is asked which letters stand within a box
(`FPDFText_GetBoundedText`, and `FPDF_DeviceToPage` for the way back to the page's own points), and of
sentences that stand several times the writer of the PDF knows where each was written. A box that holds a
letter that is not its quote's is wrong; a quote of which letters stand in no box is told as missing some.
"""

from __future__ import annotations

import argparse
import ctypes
import random
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2
import pypdfium2.raw as pdfium_c

from lcagent.answer import Box
from lcagent.documents import Document, Span, load, sentences
from lcagent.documents.pdf_pages import quote_boxes
from lcagent.errors import DocumentError
from tests.documents.pdf_writer import Pdf, text

_FINE = 1000
"""Steps a point in which places are turned back."""
_SHOWN = 12
"""Quotes that are told in full, of each kind."""
WORDS = "harbour tide gauge storm reading lamp keeper winter ledger breakwater signal mooring pilot".split()


@dataclass
class Counts:
    """What became of quotes."""

    placed: int = 0
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Made:
    """A PDF made here.

    Args:
        name: what is special about it.
        data: its bytes.
        marker: the n-th sentence that begins with this word was written at the n-th of `tops`.
        tops: points from the upper edge of the page as it is shown to the baseline.
        password: that opens it.
    """

    name: str
    data: bytes
    marker: str = ""
    tops: Sequence[float] = ()


def letters(words: str) -> str:
    """Letters and figures alone, without accents and case."""
    flat = unicodedata.normalize("NFKD", words)
    return "".join(c for c in flat if c.isalnum()).casefold()


def within(page: pypdfium2.PdfPage, box: Box) -> str:
    """The text that pdfium finds within a box, whatever of it lies there."""
    width, height = page.get_size()
    across, down = box.right - box.left, box.bottom - box.top
    side, up = min(across / 4, 0.5), min(down / 4, 0.5)
    if across > 2 * down:
        up = down / 4  # lines that are set close overlap
    elif down > 2 * across:
        side = across / 4
    corners = [(box.left + side, box.top + up), (box.right - side, box.bottom - up)]
    x, y = ctypes.c_double(), ctypes.c_double()
    own: list[tuple[float, float]] = []
    for at_x, at_y in corners:
        pdfium_c.FPDF_DeviceToPage(
            page.raw, 0, 0, round(width * _FINE), round(height * _FINE), 0,
            round(at_x * _FINE), round(at_y * _FINE), x, y,
        )  # fmt: skip
        own.append((x.value, y.value))
    (x0, y0), (x1, y1) = own
    textpage = page.get_textpage()
    found = textpage.get_text_bounded(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    textpage.close()
    return found


def check(
    document: Document, pdf: pypdfium2.PdfDocument, span: Span, boxes: list[Box], counts: Counts
) -> None:
    """Look what stands within the boxes of a quote."""
    quote = document.text[span.start : span.end]
    told = f"{document.name}, {document.place(span.start)}: {' '.join(quote.split())[:90]!r}"
    if not boxes:
        counts.unplaced.append(told)
        return
    found = "".join(within(pdf[box.page - 1], box) for box in boxes)
    wanted, seen = Counter(letters(quote)), Counter(letters(found))
    seen -= twice(pdf, boxes)
    if seen - wanted:
        counts.wrong.append(f"{told} holds {' '.join(found.split())[:90]!r}")
    elif wanted - seen:
        counts.missing.append(f"{told} without {''.join((wanted - seen).elements())!r}")
    else:
        counts.placed += 1


def twice(pdf: pypdfium2.PdfDocument, boxes: Sequence[Box]) -> Counter[str]:
    """Letters that stand in two boxes: some pages write one line of a quote over another."""
    found: Counter[str] = Counter()
    for one, other in combinations(boxes, 2):
        left, right = max(one.left, other.left), min(one.right, other.right)
        top, bottom = max(one.top, other.top), min(one.bottom, other.bottom)
        if one.page == other.page and left < right and top < bottom:
            shared = Box(page=one.page, left=left, top=top, right=right, bottom=bottom)
            found += Counter(letters(within(pdf[one.page - 1], shared)))
    return found


def check_tops(
    made: Made, document: Document, spans: Sequence[Span], placed: Sequence[list[Box]]
) -> list[str]:
    """Sentences that stand several times and are marked where another one of them stands."""
    begin = [m.start() for m in re.finditer(made.marker, document.text)]
    tops = {span: made.tops[begin.index(span.start)] for span in spans if made.marker and span.start in begin}
    return [
        f"{made.name}: written at {tops[span]:.0f}, marked at {boxes[0].top:.0f}"
        for span, boxes in zip(spans, placed, strict=True)
        if span in tops and boxes and not boxes[0].top - 1 <= tops[span] <= boxes[0].bottom + 1
    ]


def sentence(rng: random.Random, number: int) -> str:
    """One that stands nowhere else."""
    return f"The {' '.join(rng.choices(WORDS, k=rng.randint(4, 9)))} was noted as {number}."


def flowed(sentences_: Iterable[str], width: int) -> Iterator[str]:
    """Lines of prose; a word at a line's end is broken, with a hyphen, every now and then."""
    line = ""
    for number, word in enumerate(" ".join(sentences_).split()):
        if len(line) + len(word) >= width:
            if len(word) > 6 and number % 2:
                yield f"{line} {word[:3]}-"
                line = word[3:]
                continue
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def column(lines: Iterable[str], x: float, top: float = 740, turn: int = 0) -> str:
    """A content stream of lines, one below the other.

    Args:
        lines: of text.
        x: points from the left edge of the page as it is shown.
        top: points from its lower edge to the first line.
        turn: degrees by which the page is turned: the lines are upright on it.
    """
    if not turn:
        return "".join(text(line, x, top - 14 * number) for number, line in enumerate(lines))
    matrices = {90: "0 1 -1 0 {down} {x}", 180: "-1 0 0 -1 {left} {down}", 270: "0 -1 1 0 {up} {under}"}
    places = (
        {"x": x, "left": 612 - x, "under": 792 - x, "down": 60 + 14 * n, "up": 552 - 14 * n}
        for n in range(99)
    )
    return "".join(
        f"q BT /F1 12 Tf {matrices[turn].format(**place)} Tm ({line}) Tj ET Q\n"
        for line, place in zip(lines, places, strict=False)
    )


def made_pdfs(rng: random.Random) -> Iterator[Made]:
    """One PDF of each kind."""
    number = iter(range(100_000))

    def prose(count: int) -> list[str]:
        return [sentence(rng, next(number)) for _ in range(count)]

    for turn in (0, 90, 180, 270):
        pages = [column(flowed(prose(24), 70), 72, turn=turn) for _ in range(2)]
        yield Made(f"turned by {turn}", Pdf(pages, page=f"/Rotate {turn}").made())
        yield Made(f"cropped, {turn}", Pdf(pages, page=f"/Rotate {turn}/CropBox[40 50 600 780]").made())
        sideways = [column(flowed(prose(24), 70), 72)]
        yield Made(f"sideways, {turn}", Pdf(sideways, page=f"/Rotate {turn}").made())
    two = column(flowed(prose(20), 38), 50) + column(flowed(prose(20), 38), 320)
    yield Made("two columns", Pdf([two] * 2).made())
    again, tops, marks = list(flowed(prose(12), 70)), [100.0, 240.0, 300.0, 430.0], ""
    for top in tops:
        marks += text("Again the lamp was lit at dusk.", 72, 792 - top)
    spread = column(again[:6], 72, 680) + marks
    yield Made("repeated", Pdf([spread]).made(), "Again the lamp", tops)
    first = "1 1 1 rg " + text("Again the lamp was lit at dusk.", 72, 740) + "0 0 0 rg "
    yield Made("repeated, one unseen", Pdf([first + marks]).made(), "Again the lamp", tops)
    layer = f"/OC /MC0 BDC {text('Again the lamp was lit at dusk.', 72, 592)} EMC "
    yield Made("a layer that is switched off", _layered(marks + layer))
    table = "".join(
        text(f"{cell}", 72 + 120 * at, 740 - 16 * row)
        for at in range(4)
        for row, cell in enumerate(["Quay", *(f"{rng.randint(1, 3)}.5" for _ in range(12))])
    )
    yield Made("a table by columns", Pdf([table]).made())
    tilted = column(flowed(prose(16), 60), 100, turn=90)
    yield Made("text that runs upwards", Pdf([tilted]).made())


def _layered(content: str) -> bytes:
    """A page with a layer MC0 that is switched off."""
    return Pdf(
        [content],
        catalog="/OCProperties<</OCGs[60 0 R]/D<</OFF[60 0 R]>>>>",
        objects={60: "<</Type/OCG/Name(Draft)>>"},
        page="/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"
        "/Properties<</MC0 60 0 R>>>>",
    ).made()


def measured(path: Path, count: int, rng: random.Random, counts: Counts, made: Made | None = None) -> None:
    """Quotes of one PDF."""
    try:
        document, data = load(path), path.read_bytes()
        pdf = pypdfium2.PdfDocument(data)
    except (DocumentError, pypdfium2.PdfiumError):
        return
    spans = [s for s in sentences(document.text) if len(letters(document.text[s.start : s.end])) > 2]
    spans = rng.sample(spans, min(count, len(spans)))
    began = time.perf_counter()
    placed = quote_boxes(document, data, spans)
    counts.seconds += time.perf_counter() - began
    for span, boxes in zip(spans, placed, strict=True):
        check(document, pdf, span, boxes, counts)
    if made is not None:
        counts.wrong += check_tops(made, document, spans, placed)
    pdf.close()


def told(name: str, counts: Counts) -> None:
    """One line of figures, and the first quotes of each kind that is not right."""
    asked = counts.placed + len(counts.missing) + len(counts.wrong) + len(counts.unplaced)
    print(
        f"{name}: {asked} quotes, {counts.placed} right, {len(counts.missing)} with letters missing,"
        f" {len(counts.unplaced)} not placed, {len(counts.wrong)} WRONG; {counts.seconds:.1f} s"
    )
    for kind in ("wrong", "missing", "unplaced"):
        for line in getattr(counts, kind)[:_SHOWN]:
            print(f"  {kind}: {line}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--quotes", type=int, default=1000, help="of the PDFs made here, and of those given")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with TemporaryDirectory() as folder:
        counts = Counts()
        round_ = 0
        while counts.placed + len(counts.unplaced) + len(counts.missing) < arguments.quotes:
            for number, made in enumerate(made_pdfs(rng)):
                path = Path(folder) / f"{round_}-{number}-{made.name}.pdf"
                path.write_bytes(made.data)
                measured(path, 20, rng, counts, made)
            round_ += 1
        told("made here", counts)
    if arguments.files:
        counts = Counts()
        each = max(arguments.quotes // len(arguments.files), 1)
        for file in arguments.files:
            measured(file, max(each, 5), rng, counts)
        told(f"{len(arguments.files)} files", counts)


if __name__ == "__main__":
    main()
