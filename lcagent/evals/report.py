"""What a benchmark run shows: a table in the terminal, and a report of one HTML file with its charts."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lcagent.evals.items import Row
from lcagent.evals.plots import draw, draw_places, length_label
from lcagent.evals.stats import Score, paired_difference
from lcagent.evals.summary import FIFTHS, Cell, Places, by_place, failed, groups, summarise

if TYPE_CHECKING:
    from rich.table import Table

FAILING = 0.5
"""Headline score under which an item is shown among the failing ones."""
NONE = "–"
_FIGURES = [
    *("n", "score [95 %]", "of\ngold", "re-\nfused", "ans-\nwered", "cite\nprec", "cite\nrec"),
    *("calls", "tokens", "sec", "fail", "over"),
]


def interval(score: Score) -> str:
    """`.82 [.74 .88]`: short enough for a column."""
    return f"{_short(score.mean)} [{_short(score.low)} {_short(score.high)}]"


def _short(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if value < 0.995 else "1.0"


def percent(value: float | Score | None) -> str:
    """A share in per cent, without the sign."""
    if value is None:
        return NONE
    return f"{100 * (value.mean if isinstance(value, Score) else value):.0f}"


def amount(value: float) -> str:
    """A figure in at most five characters: `3.5`, `812`, `12.4K`, `3.20M`."""
    for size, sign in ((1e6, "M"), (1e3, "K")):
        if value >= 0.9995 * size:
            scaled = value / size
            return (
                f"{scaled:.2f}{sign}"
                if scaled < 9.995
                else f"{scaled:.1f}{sign}"
                if scaled < 99.95
                else (f"{scaled:.0f}{sign}")
            )
    return f"{value:.0f}" if value >= 99.95 or value == int(value) else f"{value:.1f}"


def table(cells: Sequence[Cell]) -> Table:
    """The cells for a terminal of 120 columns; shares and rates are in per cent.

    `refused` is though present, `answered` though absent. `fail` counts failed, timed-out and
    budget-cut items, `over` calls past the window. Costs are means over the items whose cost is known
    (`Cell.costed`), which may be fewer than `n`.
    """
    from rich import box
    from rich.table import Table

    found = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    found.add_column("task", overflow="fold", max_width=18)
    found.add_column("length", justify="right", no_wrap=True)
    found.add_column("strategy", overflow="fold", max_width=18)
    for name in _FIGURES:
        found.add_column(name, justify="right", no_wrap=True)
    before: Cell | None = None
    for cell in cells:
        if before and (cell.task, cell.length) != (before.task, before.length):
            found.add_section() if cell.task != before.task else None
        found.add_row(*_terminal_row(cell), style="bold red" if cell.overruns else None)
        before = cell
    return found


def _terminal_row(cell: Cell) -> list[Any]:
    from rich.text import Text

    return [
        Text(cell.task),
        length_label(cell.length),
        Text(cell.strategy),
        str(cell.n),
        Text(interval(cell.score)),
        percent(cell.of_ceiling),
        percent(cell.refused_though_present),
        percent(cell.answered_though_absent),
        percent(cell.scores.get("citation_precision")),
        percent(cell.scores.get("citation_recall")),
        *(amount(mean) if cell.costed else NONE for mean in (cell.calls, cell.tokens, cell.seconds)),
        str(cell.failed + cell.budget),
        str(cell.overruns),
    ]


def place_table(places: Sequence[Places]) -> Table:
    """Scores by where the evidence stands, for a terminal of 120 columns.

    Each figure is a mean with its n. Of items with several pieces of evidence one line is by the first
    piece and one by the last.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    found = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for name in ("task", "strategy"):
        found.add_column(name, overflow="fold", max_width=24)
    found.add_column("length", justify="right", no_wrap=True)
    found.add_column("evidence", no_wrap=True)
    for name in place_names():
        found.add_column(name, justify="right", no_wrap=True)
    for line in places:
        named = (Text(line.task), Text(line.strategy), length_label(line.length), line.evidence)
        found.add_row(*named, *(f"{_short(s.mean)} ({s.n})" if s else NONE for s in line.scores))
    return found


def place_names() -> list[str]:
    """The parts of a document by which scores are told: `0-20 %` and so on."""
    step = 100 // FIFTHS
    return [f"{at}-{at + step} %" for at in range(0, 100, step)]


def write_report(rows: Iterable[Row], out: Path, facts: dict[str, str]) -> None:
    """Write `report.html`, which needs no network and no other file, and the charts as PNGs.

    Args:
        rows: scored rows of any number of tasks, lengths and strategies.
        out: folder; made if missing.
        facts: how it was made: command line, model, engine, date, commit.

    Raises:
        UsageError: matplotlib is not installed.
    """
    rows = list(rows)
    out.mkdir(parents=True, exist_ok=True)
    cells = summarise(rows)
    places = by_place(rows)
    drawn = [*draw(cells, out), *draw_places(places, place_names(), out)]
    charts = [(path.stem.replace("-", " "), _data_url(path)) for path in drawn]
    page = _template().render(
        facts=facts,
        cells=cells,
        names=list(dict.fromkeys(name for cell in cells for name in cell.scores)),
        places=places,
        place_names=place_names(),
        charts=charts,
        comparisons=_comparisons(rows),
        stops=_stops(rows),
        failing=_failing(rows),
        total=len(rows),
        threshold=FAILING,
    )
    # Half of a surrogate pair, which a model can write, has no UTF-8: it becomes a reference.
    (out / "report.html").write_text(page, "utf-8", errors="xmlcharrefreplace")


def _data_url(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


@cache
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(interval=interval, percent=percent, amount=amount, length=length_label)
    source = (files("lcagent.evals") / "report.html.jinja").read_text("utf-8")
    return environment.from_string(source)


def _comparisons(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Each pair of strategies of each task and length, item by item."""
    return [
        {
            "task": task,
            "length": length,
            "a": a,
            "b": b,
            "found": paired_difference(strategies[a], strategies[b]),
        }
        for (task, length), strategies in groups(rows).items()
        for a, b in combinations(strategies, 2)
    ]


def _stops(rows: Iterable[Row]) -> list[tuple[str, str, int]]:
    """How often each strategy was stopped by what."""
    stopped = [r for r in rows if failed(r) or r.status == "budget"]
    counts = Counter((row.strategy, row.error or row.status) for row in stopped)
    return [(strategy, why, count) for (strategy, why), count in sorted(counts.items())]


def _failing(rows: Iterable[Row]) -> list[Row]:
    return sorted(
        (row for row in rows if row.score < FAILING),
        key=lambda r: (r.task, r.length, r.strategy, r.seed, r.item),
    )
