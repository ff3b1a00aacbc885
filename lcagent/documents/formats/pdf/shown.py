"""A page as it is shown: cropped and turned, in points from its upper left corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lcagent.documents.formats.pdf.characters import Box

if TYPE_CHECKING:
    import pypdfium2 as pdfium


@dataclass(frozen=True, slots=True)
class Shown:
    """How a page is shown.

    Args:
        cropped: what is shown of it, in its own points.
        rotation: degrees by which it is turned clockwise: 0, 90, 180 or 270.
    """

    cropped: Box
    rotation: int

    @classmethod
    def of(cls, page: pdfium.PdfPage) -> Shown:
        """How a page of pdfium's is shown."""
        return cls(Box(*page.get_bbox()), page.get_rotation())

    @property
    def width(self) -> float:
        """Points."""
        box = self.cropped
        return box.right - box.left if self.rotation % 180 == 0 else box.top - box.bottom

    @property
    def height(self) -> float:
        """Points."""
        box = self.cropped
        return box.top - box.bottom if self.rotation % 180 == 0 else box.right - box.left

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the page is shown."""
        left, bottom, right, top = self.cropped
        if self.rotation == 90:
            return y - bottom, x - left
        if self.rotation == 180:
            return right - x, y - bottom
        if self.rotation == 270:
            return top - y, right - x
        return x - left, top - y

    def turned(self, x: float, y: float) -> tuple[float, float]:
        """A direction on the page as it is shown."""
        (x0, y0), (x1, y1) = self.point(0, 0), self.point(x, y)
        return x1 - x0, y1 - y0

    def rectangle(self, box: Box) -> tuple[float, float, float, float]:
        """A box of the page as it is shown: left, top, right, bottom."""
        (x0, y0), (x1, y1) = self.point(box.left, box.bottom), self.point(box.right, box.top)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def clipped(
        self, rectangle: tuple[float, float, float, float]
    ) -> tuple[float, float, float, float] | None:
        """What of a rectangle is shown; None where that is less than half of it."""
        left, top, right, bottom = rectangle
        inside = max(left, 0.0), max(top, 0.0), min(right, self.width), min(bottom, self.height)
        area = max(inside[2] - inside[0], 0) * max(inside[3] - inside[1], 0)
        return inside if 2 * area > (right - left) * (bottom - top) else None

    def own(self, x: float, y: float) -> tuple[float, float]:
        """The point of the page that is shown at a place: the way back from `point`."""
        left, bottom, right, top = self.cropped
        if self.rotation == 90:
            return left + y, bottom + x
        if self.rotation == 180:
            return right - x, bottom + y
        if self.rotation == 270:
            return right - y, top - x
        return left + x, top - y
