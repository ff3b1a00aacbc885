"""Build skarholm-report.pdf from report.txt (needs reportlab; the PDF is kept in the repository).

python examples/make_report.py
"""

import math
from pathlib import Path

from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Frame, Paragraph, Spacer, Table

HERE = Path(__file__).parent
WIDTH, HEIGHT = A5
MARGIN = 46
BODY = ParagraphStyle("body", fontName="Times-Roman", fontSize=11.8, leading=16.4, spaceAfter=6)
TITLE = ParagraphStyle("title", fontName="Times-Bold", fontSize=15, leading=19, spaceAfter=10)
SUBTITLE = ParagraphStyle("subtitle", fontName="Times-Italic", fontSize=12, leading=16, spaceAfter=24)
TABLE = [
    ("FONT", (0, 0), (-1, 0), "Times-Bold", 10),
    ("FONT", (0, 1), (-1, -1), "Times-Roman", 10),
    ("LINEBELOW", (0, 0), (-1, 0), 0.6, "black"),
    ("LINEBELOW", (0, -1), (-1, -1), 0.4, "black"),
    ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
]


def main() -> None:
    canvas = Canvas(str(HERE / "skarholm-report.pdf"), pagesize=A5, invariant=1)
    canvas.setTitle("Skarholm Tidal Station: Report on the ninth year of observation")
    blocks = (HERE / "report.txt").read_text("utf-8").split("\n=== ")
    for number, block in enumerate(blocks, start=1):
        kind, _, text = block.partition("\n") if number > 1 else ("page", "", block)
        if kind == "drawing":
            draw(canvas)
        else:
            page(canvas, text, number)
        canvas.showPage()
    canvas.save()


def page(canvas: Canvas, text: str, number: int) -> None:
    story, rows = [], []
    for line in text.strip().splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
            continue
        if rows:
            story += [
                Table(rows, style=TABLE, hAlign="LEFT", colWidths=[90, 80, 70]),
                Spacer(1, 10),
            ]
            rows = []
        style = SUBTITLE if line.startswith("## ") else TITLE if line.startswith("# ") else BODY
        story.append(Paragraph(line.lstrip("# "), style))
    frame = Frame(MARGIN, MARGIN, WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN, 0, 0, 0, 0)
    frame.addFromList(story, canvas)
    if story:
        raise SystemExit(f"page {number} is too full")
    canvas.setFont("Times-Roman", 9)
    canvas.drawCentredString(WIDTH / 2, MARGIN / 2, str(number))


def draw(canvas: Canvas) -> None:
    """One day of the stream: lines only, no text at all."""
    canvas.setLineWidth(0.6)
    left, right, middle = MARGIN, WIDTH - MARGIN, HEIGHT / 2
    canvas.line(left, middle, right, middle)
    canvas.line(left, MARGIN, left, HEIGHT - MARGIN)
    for depth in range(9):
        path = canvas.beginPath()
        for step in range(241):
            hours = step / 10
            speed = math.sin(hours / 12.42 * 2 * math.pi) * (1 - depth / 12) + 0.1 * math.sin(
                hours * 2.1 + depth
            )
            x, y = left + (right - left) * hours / 24, middle + speed * (middle - 2 * MARGIN)
            (path.lineTo if step else path.moveTo)(x, y)
        canvas.drawPath(path)


if __name__ == "__main__":
    main()
