"""Stands in for the engine: reads pictures whose lines are bars of one grey each, 8 pixels high."""

from dataclasses import dataclass
from typing import Any

LINES = {40: "The keeper is Tora Vik.", 80: "1902", 120: "4,020"}


@dataclass
class Result:
    txts: Any = None
    boxes: Any = None
    scores: Any = None


class RapidOCR:
    def __init__(self, params: dict[str, Any]) -> None:
        assert params

    def __call__(self, pixels: Any) -> Result:
        found = Result([], [], [])
        for grey, text in LINES.items():
            rows, columns = (pixels == grey).all(axis=2).nonzero()
            if len(rows):
                left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
                found.boxes.append([(left, top), (right, top), (right, bottom), (left, bottom)])
                found.txts.append(text)
                found.scores.append(0.9)
        return found if found.txts else Result()
