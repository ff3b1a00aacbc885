"""The charts of a report, as PNG: score against length, tokens spent and place of the evidence."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcagent.errors import UsageError
from lcagent.evals.summary import GOLD, Cell, Places

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette: told apart by readers with any colour vision.
_COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#5B5B5B", "#000000"]
_MARKERS = "osD^vPX*"
_LINES = ("-", "--", ":", "-.")
_GOLD_LOOK: dict[str, Any] = {"color": "#777777", "marker": "_", "linestyle": "--"}
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.facecolor": "white",
}
_ERROR_BARS: dict[str, Any] = {"capsize": 3, "elinewidth": 1.1, "linewidth": 1.3, "markersize": 5}


def length_label(length: int) -> str:
    """`8K`, `1.75M`; `as is` for 0.

    In units of 1,024 where the length divides by that and not by 1,000.
    """
    if length <= 0:
        return "as is"
    unit = 1024 if length % 1024 == 0 and length % 1000 else 1000
    if length >= unit * unit:
        return f"{length / unit**2:.3g}M"
    return f"{length / unit:.3g}K" if length >= 1000 else str(length)


def draw(cells: Sequence[Cell], out: Path) -> list[Path]:
    """Write `score-by-length-TASK.png` for each task, and `score-by-tokens.png`.

    Raises:
        UsageError: matplotlib is not installed.
    """
    looks = _looks({cell.strategy for cell in cells})
    tasks = list(dict.fromkeys(cell.task for cell in cells))
    paths: list[Path] = []
    with _style():
        for task in tasks:
            mine = [cell for cell in cells if cell.task == task]
            paths.append(_save(_by_length(mine, looks), out / f"score-by-length-{_file(task)}.png"))
        if tasks:
            paths.append(_save(_by_tokens(cells, tasks, looks), out / "score-by-tokens.png"))
    return paths


def draw_places(places: Sequence[Places], names: Sequence[str], out: Path) -> list[Path]:
    """Write `score-by-place-TASK.png` for each task: scores by where the first evidence stands.

    Args:
        places: of any number of tasks; those by the last evidence are passed over.
        names: of the parts of a document.
        out: folder.

    Raises:
        UsageError: matplotlib is not installed.
    """
    looks = _looks({line.strategy for line in places})
    paths: list[Path] = []
    with _style():
        for task in dict.fromkeys(line.task for line in places):
            mine = [line for line in places if line.task == task and line.evidence != "last"]
            paths.append(_save(_by_place(mine, names, looks), out / f"score-by-place-{_file(task)}.png"))
    return paths


def _style() -> AbstractContextManager[None]:
    try:
        from matplotlib import rc_context
    except ImportError as error:
        raise UsageError("charts need matplotlib", hint="pip install 'lcagent[bench]'") from error
    return rc_context(_STYLE)


def _file(task: str) -> str:
    return re.sub(r"[^\w.-]+", "-", task)


def _save(figure: Figure, path: Path) -> Path:
    # A bare Figure draws with Agg: no window system, no global state, no backend chosen for others.
    figure.savefig(path, dpi=150, bbox_inches="tight", metadata={"Software": "lcagent"})
    return path


def _looks(strategies: set[str]) -> dict[str, dict[str, Any]]:
    """One colour, marker and kind of line a strategy, the same in every chart of a report.

    No two of 288 strategies share all of them, and no two of 72 colour and marker.
    """
    names = sorted(strategies - {GOLD})
    looks: dict[str, dict[str, Any]] = {GOLD: _GOLD_LOOK}
    for at, name in enumerate(names):
        # Nine colours and eight markers go through all pairs; after each round of colours the line changes.
        line = _LINES[(at // len(_COLOURS) + at // (len(_COLOURS) * len(_MARKERS))) % len(_LINES)]
        marker = _MARKERS[at % len(_MARKERS)]
        looks[name] = {"color": _COLOURS[at % len(_COLOURS)], "marker": marker, "linestyle": line}
    return looks


def _figure(width: float, height: float, named: int) -> Figure:
    """Inches; higher where so many lines of a legend, under the title, need it."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, max(height, 0.21 * named + 0.9)), layout="constrained")


def _by_place(places: Sequence[Places], names: Sequence[str], looks: dict[str, dict[str, Any]]) -> Figure:
    """A panel a length: the mean of each strategy in each part of the document."""
    lengths = sorted({line.length for line in places})
    figure = _figure(3.6 * len(lengths) + 2.2, 3.6, len({line.strategy for line in places}))
    shown: dict[str, Any] = {}
    for at, length in enumerate(lengths):
        axes = figure.add_subplot(1, len(lengths), at + 1)
        for line in (line for line in places if line.length == length):
            (shown[line.strategy],) = axes.plot(
                [at for at, score in enumerate(line.scores) if score],
                [score.mean for score in line.scores if score],
                markersize=5,
                **looks[line.strategy],
            )
        axes.set_xticks(range(len(names)), [name.removesuffix(" %") for name in names])
        axes.set_xlim(-0.3, len(names) - 0.7)
        axes.set_xlabel("first evidence, % of the document")
        _score_axis(axes, places[0].metric)
        axes.set_title(f"{places[0].task}, {length_label(length)}", loc="left", size=10)
    order = sorted(shown, key=lambda name: (name == GOLD, name))
    figure.legend([shown[name] for name in order], order, loc="outside right center")
    return figure


def _errors(cells: Sequence[Cell]) -> list[list[float]]:
    """The intervals as matplotlib wants them: how far down, how far up."""
    scores = [cell.score for cell in cells]
    return [[s.mean - s.low for s in scores], [s.high - s.mean for s in scores]]


def _by_length(cells: Sequence[Cell], looks: dict[str, dict[str, Any]]) -> Figure:
    lengths = sorted({cell.length for cell in cells})
    strategies = list(dict.fromkeys(cell.strategy for cell in cells))
    figure = _figure(max(5.0, 2.6 + 0.85 * len(lengths)) + 1.8, 4.0, len(strategies))
    axes = figure.add_subplot()
    for at, strategy in enumerate(strategies):
        mine = [cell for cell in cells if cell.strategy == strategy]
        # Side by side, so that no interval hides another one.
        shift = (at - (len(strategies) - 1) / 2) * min(0.12, 0.6 / len(strategies))
        places = [lengths.index(cell.length) + shift for cell in mine]
        axes.errorbar(
            places,
            [cell.score.mean for cell in mine],
            yerr=_errors(mine),
            label=strategy,
            **looks[strategy],
            **_ERROR_BARS,
        )
    axes.set_xticks(range(len(lengths)), [length_label(length) for length in lengths])
    axes.set_xlim(-0.5, len(lengths) - 0.5)
    axes.set_xlabel("document length, tokens")
    _score_axis(axes, cells[0].metric)
    counts = sorted({cell.n for cell in cells})
    n = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    axes.set_title(f"{cells[0].task}: score by length (95 % intervals, n = {n} a point)", loc="left", size=10)
    figure.legend(loc="outside right center")
    return figure


def _score_axis(axes: Axes, metric: str) -> None:
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(metric.replace("_", " "))


def _by_tokens(cells: Sequence[Cell], tasks: Sequence[str], looks: dict[str, dict[str, Any]]) -> Figure:
    """A panel a task: one point a length, joined in order of length, larger where longer."""
    columns = min(3, len(tasks))
    rows = math.ceil(len(tasks) / columns)
    figure = _figure(3.9 * columns + 2.2, 3.5 * rows + 0.3, len({cell.strategy for cell in cells}))
    shown: dict[str, Any] = {}
    for at, task in enumerate(tasks):
        axes = figure.add_subplot(rows, columns, at + 1)
        mine = [cell for cell in cells if cell.task == task and cell.tokens > 0]
        lengths = sorted({cell.length for cell in mine})
        for strategy in dict.fromkeys(cell.strategy for cell in mine):
            line = sorted((c for c in mine if c.strategy == strategy), key=lambda c: c.length)
            look = looks[strategy]
            shown[strategy] = _token_line(axes, line, look, lengths)
        _token_axis(axes, [cell.tokens for cell in mine])
        axes.set_title(task, loc="left", size=10)
        _score_axis(axes, next(cell.metric for cell in cells if cell.task == task))
    figure.suptitle("Score by tokens spent (larger marks: longer documents)", x=0.01, ha="left", size=11)
    if shown:
        order = sorted(shown, key=lambda name: (name == GOLD, name))
        figure.legend([shown[name] for name in order], order, loc="outside right center")
    return figure


def _token_line(axes: Axes, line: Sequence[Cell], look: dict[str, Any], lengths: Sequence[int]) -> Any:
    """Draws one strategy, and gives what stands for it in the legend."""
    spent, means = [cell.tokens for cell in line], [cell.score.mean for cell in line]
    look = {**look, "marker": "x" if look["marker"] == "_" else look["marker"]}
    bare: dict[str, Any] = {**look, "linestyle": "none", "marker": "none"}
    axes.errorbar(spent, means, yerr=_errors(line), alpha=0.3, elinewidth=1, capsize=2, **bare)
    axes.plot(spent, means, color=look["color"], linestyle=look["linestyle"], linewidth=1, alpha=0.6)
    for cell in line:
        size = 4 + 5 * (lengths.index(cell.length) + 1) / len(lengths)
        axes.plot(
            [cell.tokens],
            [cell.score.mean],
            color=look["color"],
            marker=look["marker"],
            linestyle="none",
            markersize=size,
        )
    return axes.plot([], [], linewidth=1, markersize=6, **look)[0]


def _token_axis(axes: Axes, tokens: Sequence[float]) -> None:
    """Logarithmic, with a few round figures for ticks whatever the range is."""
    axes.set_xlabel("tokens spent on a question (mean)")
    if not tokens:
        return
    axes.set_xscale("log")
    low, high = min(tokens) / 1.3, max(tokens) * 1.3
    axes.set_xlim(low, high)
    steps = [m * 10**e for e in range(12) for m in (1, 2, 5) if low <= m * 10**e <= high]
    every = math.ceil(len(steps) / 5) or 1
    steps = steps[::every]
    axes.set_xticks(steps, [length_label(step) for step in steps])
    axes.minorticks_off()
