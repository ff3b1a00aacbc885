"""The report, the terminal table and the comparison of two runs."""

import html
import io
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from lcagent.errors import UsageError
from lcagent.evals.compare import changed, load_rows, print_comparison
from lcagent.evals.items import Cost, Item, Row
from lcagent.evals.plots import draw, length_label
from lcagent.evals.report import amount, interval, place_table, table, write_report
from lcagent.evals.scorers import rescored
from lcagent.evals.stats import score_of
from lcagent.evals.summary import by_place, summarise
from tests.evals.test_scorers import cited, row
from tests.helpers import ROOT

HOSTILE = "<script>alert('x')</script> [red]& \ud83d"


def rows() -> list[Row]:
    found: list[Row] = []
    for task in ("niah", "hop two/three"):
        for length in (8192, 1048576, 0):
            for strategy in ("gold", "reader", "memagent"):
                for item in range(4):
                    right = strategy == "gold" or item > (strategy == "memagent")
                    changes = {
                        "task": task,
                        "length": length,
                        "strategy": strategy,
                        "item": f"{task}-{length}-{item}",
                        "question": f"Where is {item}? {HOSTILE}",
                        "citations": [cited(5, 10, page=2)] if right else [],
                        "gold": ((0, 100),),
                        "status": "failed" if item == 0 and not right else "answered",
                        "error": "EndpointUnavailable" if item == 0 and not right else "",
                        "cost": Cost(
                            calls=3, prompt_tokens=length or 500, completion_tokens=20, seconds=12.5
                        ),
                    }
                    found.append(rescored(row("In Paris." if right else HOSTILE, **changes)))
    return found


def shown(cells_or_none: object, width: int = 120) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(cells_or_none)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_is_one_file_that_runs_nothing(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    out = tmp_path / "new" / "folder"
    write_report(rows(), out, {"command": "lcagent bench <b>", "model": "m"})
    names = ["score-by-length-hop-two-three.png", "score-by-length-niah.png", "score-by-tokens.png"]
    assert sorted(path.name for path in out.glob("*.png")) == names
    assert all((out / name).read_bytes().startswith(b"\x89PNG") for name in names)
    page = (out / "report.html").read_text("utf-8")
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert "script" not in tags.seen
    assert "b" not in tags.seen
    assert len(tags.links) == 3
    assert all(link.startswith("data:image/png;base64,iVBOR") for link in tags.links)
    assert not re.search(r"https?://", page)


def test_the_report_says_what_failed_and_how_strategies_compare(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = rows()
    write_report(found, tmp_path, {"model": "m"})
    page = (tmp_path / "report.html").read_text("utf-8")
    # Of 6 cells each, reader fails one item and memagent two, of which one is an error.
    assert page.count("<details>") == 18
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))
    assert "reader EndpointUnavailable 6" in text
    assert "memagent EndpointUnavailable 6" in text
    assert "under 0.5 (18 of 72)" in text
    # memagent scores 2 of 4, reader 3 of 4, so reader gains 0.25 on one item of four.
    # With two gains and two losses more: 1/8, standard error √((5/8 - 1/64) / 7) = 0.2951; z = 0.4237.
    assert "niah 8K memagent reader 4 +0.250 -0.453 to +0.703 0.6718 1 0 3" in text
    assert "niah 8K memagent sub_em 4 .50 [.15 .85] 50 1 0" in text


@pytest.mark.slow
def test_no_two_of_many_strategies_look_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure
    drawn: dict[str, set[tuple[object, ...]]] = {}

    def keep(figure, path: Path, **_: object) -> None:
        bars = [bars[0] for bars in figure.axes[0].containers]
        lines = figure.legends[0].get_lines() if "tokens" in path.name else bars
        drawn[path.name] = {(one.get_color(), one.get_marker(), one.get_linestyle()) for one in lines}

    monkeypatch.setattr(figure, "savefig", keep)
    names = ["gold", *(f"strategy {n:03}" for n in range(150))]
    cost = Cost(calls=1, prompt_tokens=500)
    found = [
        rescored(row("Paris", strategy=name, item=str(n), cost=cost)) for name in names for n in range(2)
    ]
    draw(summarise(found), tmp_path)
    assert {name: len(looks) for name, looks in drawn.items()} == {
        "score-by-length-t.png": 151,
        "score-by-tokens.png": 151,
    }


def placed(*depths: tuple[float, float] | None, strategy: str = "reader") -> list[Row]:
    """One row a pair of depths; those whose first evidence stands in the first half are right."""
    return [
        rescored(row("Paris" if at and at[0] < 50 else "Rome", item=f"t-{n}", depths=at, strategy=strategy))
        for n, at in enumerate(depths)
    ]


def test_a_depth_is_the_share_of_the_places_where_a_piece_could_begin() -> None:
    def depths(text: str | None, *gold: tuple[int, int]) -> tuple[float, float] | None:
        fields = {"id": "1", "task": "t", "length": 0, "question": "?", "answers": ("a",)}
        return Item(**fields, text=text, gold=gold).depths()

    text = "x" * 110
    assert depths(text, (0, 10)) == (0, 0)
    assert depths(text, (100, 110)) == (100, 100)
    assert depths(text, (80, 90), (25, 35), (50, 60)) == (25, 80)
    assert depths(text, (0, 110)) == (0, 0)
    assert depths(text) is None and depths(None, (0, 10)) is None


def test_scores_are_told_by_where_the_evidence_stands() -> None:
    one_place = by_place(placed((0, 0), (19.9, 19.9), (20, 20), (100, 100), None))
    assert [(line.strategy, line.evidence) for line in one_place] == [("reader", "all")]
    assert [s and (s.mean, s.n) for s in one_place[0].scores] == [(1, 2), (1, 1), None, None, (0, 1)]
    several = by_place(placed((0, 90), (90, 90), (30, 30)))
    assert [line.evidence for line in several] == ["first", "last"]
    assert [s and (s.mean, s.n) for s in several[0].scores] == [(1, 1), (1, 1), None, None, (0, 1)]
    assert [s and (s.mean, s.n) for s in several[1].scores] == [None, (1, 1), None, None, (0.5, 2)]
    assert by_place(placed(None)) == []


def test_places_are_in_the_table_the_report_and_a_chart(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = placed((0, 90), (90, 90)) + placed((0, 90), (90, 90), strategy="[red]-with-a-very-long-name")
    lines = shown(place_table(by_place(found))).splitlines()
    assert max(map(len, lines)) <= 120
    (line,) = [line for line in lines if "reader" in line and "first" in line]
    assert line.split() == ["t", "reader", "8K", "first", *"1.0 (1) – – – .00 (1)".split()]
    write_report(found, tmp_path, {})
    assert (tmp_path / "score-by-place-t.png").read_bytes().startswith(b"\x89PNG")
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", (tmp_path / "report.html").read_text())))
    assert f"t 8K reader last – – – – {interval(score_of([1.0, 0.0]))} n 2" in text
    assert "evidence from 90.0 to 90.0 %" in text


def test_a_report_of_nothing_and_of_costless_rows(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_report([], tmp_path / "empty", {})
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["report.html"]
    write_report([row("x", (), status="not_found")], tmp_path / "one", {})
    assert (tmp_path / "one" / "score-by-tokens.png").exists()


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as error:
        write_report(rows(), tmp_path, {})
    assert error.value.hint == "pip install 'lcagent[bench]'"


def test_the_table_fits_120_columns_with_every_figure() -> None:
    changes = {"task": "a-task-with-a-long-name", "strategy": "[red]-strategy-with-a-name"}
    cost = Cost(calls=1234, prompt_tokens=123_456_789, seconds=123_456.0, overruns=7)
    cells = summarise(
        [rescored(row("Paris", length=3_670_016, cost=cost, item=f"{i}", **changes)) for i in range(999)]
    )
    lines = shown(table(cells)).splitlines()
    assert max(map(len, lines)) <= 120
    text = " ".join(lines)
    for figure in ("3.5M", "999", "1.0 [1.0 1.0]", "1.23K", "123M", "123K", "6993", "[red]"):
        assert figure in text
    assert "…" not in text


def test_the_table_by_hand() -> None:
    lines = shown(table(summarise(rows()))).splitlines()
    (line,) = [line for line in lines if line.startswith("niah") and "8K memagent" in line]
    # n, score, of gold, refused, answered, precision, recall, calls, tokens, seconds, failed, over.
    cells = ["4", ".50", "[.15", ".85]", "50", "0", "–", "100", "50", "3", "8.21K", "12.5", "1", "0"]
    assert line.split()[3:] == cells


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3.5, "3.5"),
        (99.96, "100"),
        (812, "812"),
        (999.7, "1.00K"),
        (12_440, "12.4K"),
        (3_200_000, "3.20M"),
    ],
)
def test_amounts(value: float, text: str) -> None:
    assert amount(value) == text


def test_short_forms() -> None:
    assert [length_label(n) for n in (0, 500, 8192, 1_835_008, 3_670_016, 1_000_000, 128_000)] == [
        *("as is", "500", "8K", "1.75M", "3.5M", "1M", "128K"),
    ]
    assert interval(score_of([1.0] * 20)) == "1.0 [.84 1.0]"
    assert interval(score_of([0.0] * 20)) == ".00 [.00 .16]"


def test_changed_items_with_both_predictions() -> None:
    before = [rescored(row(said, item=f"t-{i}")) for i, said in enumerate(["Paris", "Rome", "Paris", "Rome"])]
    after = [
        rescored(row(said, item=f"t-{i}")) for i, said in enumerate(["[b]Oslo[/b]", "Paris", "Paris", "Oslo"])
    ]
    found = changed(before, after)
    assert [(c.before.item, c.gain) for c in found] == [("t-0", -1), ("t-1", 1)]
    console = Console(width=100, file=io.StringIO(), color_system=None)
    print_comparison(before, after, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "t 8K reader: +0.000" in text
    assert "n 4, 1 better, 1 worse, 2 same" in text
    assert "1 worse\n  t-0 (reader) 1.00 → 0.00: Where?\n" in text
    assert "B      [b]Oslo[/b] (answered)" in text


def test_a_changed_item_says_why_nothing_was_answered() -> None:
    why = "an answer was withheld, the model was 70% sure that the text says it: Paris"
    refused = row("The document does not say.", status="not_found", warnings=[why])
    console = Console(width=100, file=io.StringIO(), color_system=None)
    print_comparison([rescored(row("Paris"))], [rescored(refused)], console)
    assert isinstance(console.file, io.StringIO)
    assert f"(not_found: {why})" in " ".join(console.file.getvalue().split())


def test_runs_are_compared_by_strategy_or_whole() -> None:
    a, b = rescored(row("Paris")), rescored(row("Rome", strategy="direct"))
    assert len(changed([a], [b])) == 1  # one strategy each
    c = rescored(row("Paris", strategy="direct"))
    assert [x.before.strategy for x in changed([a, c], [b])] == ["direct"]
    with pytest.raises(UsageError, match="no strategy is in both"):
        changed([a, c], [row("x", strategy="other")])
    console = Console(file=io.StringIO(), width=100)
    print_comparison([a], [row("x", item="other")], console)
    assert isinstance(console.file, io.StringIO)
    assert "no item in both" in console.file.getvalue()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "benchmarks" / "results").glob("*.jsonl")), ids=lambda p: p.stem
)
def test_rows_without_the_texts_of_the_data_are_compared(path: Path) -> None:
    found = load_rows(path)
    cells = summarise(found)
    assert sum(cell.n for cell in cells) == len(found) and all(cell.score.mean >= 0 for cell in cells)
    # Without references nobody can tell whether an answer stood there.
    assert {cell.answered_though_absent for cell in cells} == {None}
    console = Console(width=100, file=io.StringIO(), color_system=None)
    wrong = [r.model_copy(update={"scores": dict.fromkeys(r.scores, 0.0)}) for r in found]
    print_comparison(found, wrong, console)
    assert isinstance(console.file, io.StringIO)
    assert "(left out of these rows)" in console.file.getvalue()


def test_rows_come_from_a_folder_or_a_file(tmp_path: Path) -> None:
    one = row("Paris").model_dump_json()
    (tmp_path / "a.jsonl").write_text(one + "\n" + one[:50])  # cut off by a crash
    assert len(load_rows(tmp_path)) == len(load_rows(tmp_path / "a.jsonl")) == 1
    (tmp_path / "rows.jsonl").write_text(f"{one}\n{one}\n")
    (tmp_path / "b.jsonl").write_text('{"calls": 1}\n')
    assert len(load_rows(tmp_path)) == 2  # the named file alone
    for wrong in (tmp_path / "b.jsonl", tmp_path / "missing", tmp_path / "missing.jsonl"):
        with pytest.raises(UsageError):
            load_rows(wrong)
