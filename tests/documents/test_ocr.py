"""Scanned pages: recognised where the extra is there, told as such, never done twice."""

import io
from pathlib import Path

import pytest

from lcagent.documents import Document, coverage, load
from lcagent.documents.formats.ocr import Piece, laid_out
from lcagent.documents.parsing import PARSER
from lcagent.documents.recognised import Watch
from lcagent.errors import DocumentEmpty, DocumentError, UnsupportedFormat
from tests.documents.test_load import write
from tests.helpers import REPORT

ENGINE = Path(__file__).parent / "engine"
numpy = pytest.importorskip("numpy")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch):
    """A stand-in for the extra `ocr`, in this process and in the one that parses."""
    PARSER.stop()
    monkeypatch.syspath_prepend(str(ENGINE))
    monkeypatch.setenv("PYTHONPATH", str(ENGINE), prepend=":")
    yield
    PARSER.stop()


def scan(pages: list[list[tuple[int, int, int, int]]]) -> bytes:
    """A PDF of pictures: of each page the bars on it as grey, left, top, width, in points; none make it blank."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    for n, bars in enumerate(pages):
        body = "".join(
            f"{grey / 255:.4f} g {left} {200 - top - 8} {width} 8 re f\n" for grey, left, top, width in bars
        )
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents {4 + 2 * n} 0 R >>")
        objects.append(f"<< /Length {len(body)} >>\nstream\n{body}\nendstream")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    out.write(b"trailer << /Root 1 0 R >>\n%%EOF\n")
    return out.getvalue()


KEEPER, YEAR, COST = (40, 20, 20, 90), (80, 20, 60, 20), (120, 100, 60, 30)


class Kept(dict[str, Document]):
    """A cache that remembers what was put under which key."""

    def put(self, key: str, document: Document) -> None:
        self[key] = document


def test_a_scanned_page_is_recognised_and_its_place_says_so(tmp_path: Path, engine: None) -> None:
    said: list[str] = []
    file = write(tmp_path, "scan.pdf", scan([[KEEPER], [], [YEAR, COST]]))
    document = load(file, watch=Watch(say=said.append))
    assert document.health.recognised == (1, 3) and document.health.empty == (2,)
    first = document.text.index("The keeper is Tora Vik.")
    assert document.place(first) == "page 1, recognised (OCR)"
    assert "1902 | 4,020" in document.text  # what stands in one row is one line
    assert said[0] == "scan.pdf: recognising page 1 (1 of 3 without text, OCR)" and len(said) == 3
    assert "the text of pages 1, 3 was recognised (OCR)" in " ".join(document.warnings)
    assert coverage(document, [(0, len(document.text))]).pages_read == 2


def test_without_the_extra_it_is_told_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DocumentEmpty) as caught:
        load(write(tmp_path, "scan.pdf", scan([[KEEPER]])))
    assert "lcagent[ocr]" in caught.value.hint


def test_a_page_with_text_is_left_as_it_is(tmp_path: Path, engine: None) -> None:
    document = load(REPORT)  # its page 10 is a picture
    assert document.health.recognised == (10,)
    page = document.pages[10]
    assert document.text[page.start : page.end].strip() and document.place(page.start).startswith("page 11")


def test_what_is_recognised_is_kept_and_not_done_again(tmp_path: Path, engine: None) -> None:
    file, cache, said = write(tmp_path, "scan.pdf", scan([[KEEPER]] * 12)), Kept(), list[str]()
    watch = Watch()

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 11:
            watch.halt.set()

    with pytest.raises(DocumentError):
        load(file, cache=cache, watch=Watch(watch.halt, say))
    again: list[str] = []
    document = load(file, cache=cache, watch=Watch(say=again.append))
    assert len(said) == 11 and len(again) == 2  # ten were kept
    assert document.text.count("Tora Vik") == 12
    third: list[str] = []
    assert load(file, cache=cache, watch=Watch(say=third.append)) == document and not third


def test_a_picture_is_read_or_refused_by_name(
    tmp_path: Path, engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = numpy.full((60, 200, 3), 255, dtype=numpy.uint8)
    pixels[20:28, 20:110] = 40
    out = io.BytesIO()
    image.fromarray(pixels).save(out, "PNG")
    file = write(tmp_path, "a.png", out.getvalue())
    document = load(file)
    assert document.text == "The keeper is Tora Vik.\n" and "OCR" in document.warnings[0]
    monkeypatch.setattr("lcagent.documents.formats.recognising.available", lambda: False)
    with pytest.raises(UnsupportedFormat, match="a PNG picture") as caught:
        load(file)
    assert "lcagent[ocr]" in caught.value.hint


def piece(text: str, left: float, top: float) -> Piece:
    return Piece(text, left, top, left + 8 * len(text), top + 10)


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [f"the left column goes on, line {n}" for n in range(5)]
    right = [f"the right column goes on, line {n}" for n in range(5)]
    pieces = [piece(text, 0, 12 * n) for n, text in enumerate(left)]
    pieces += [piece(text, 400, 12 * n + 1) for n, text in enumerate(right)]
    assert laid_out(pieces).split("\n") == [*left, *right]


def test_rows_of_a_table_stay_rows() -> None:
    pieces = [
        piece(f"{text}{n}", x, 12 * n)
        for n in range(4)
        for text, x in (("Year", 0), ("Cost", 200), ("Paid", 400))
    ]
    assert laid_out(pieces).split("\n") == [f"Year{n} | Cost{n} | Paid{n}" for n in range(4)]


def test_the_real_engine_reads_a_page(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    pytest.importorskip("onnxruntime")
    image = pytest.importorskip("PIL.Image")
    draw = pytest.importorskip("PIL.ImageDraw")
    font = pytest.importorskip("PIL.ImageFont").load_default(36)
    page = image.new("RGB", (900, 200), "white")
    draw.Draw(page).text((40, 60), "The keeper of the light is Tora Vik.", fill="black", font=font)
    out = io.BytesIO()
    page.save(out, "PNG")
    assert "keeper of the light" in load(write(tmp_path, "a.png", out.getvalue())).text
