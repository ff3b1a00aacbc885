"""Several questions about one haystack: the benchmark itself, with a perfect reader on the package's samples."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmarks.one_haystack import haystacks, run_all, spent_on_works
from lcagent.evals.items import read_rows
from tests.loopback import Loopback, count
from tests.reader import CompetentReader
from tests.reader.multihop import case_of, rows_by_question

STRATEGIES = "graphreader,memagent,gold"


def options(folder: Path, base: str) -> Namespace:
    return Namespace(
        data=None,
        api_base=base,
        model=None,
        out=folder,
        length=4000,
        questions=3,
        haystacks=2,
        strategies=STRATEGIES,
        window=2048,
        profile=None,
        seed=1,
        offset=0,
        jobs=2,
    )


def test_the_graph_is_built_once_and_every_question_answered(tmp_path: Path) -> None:
    with Loopback(window=2048) as server:
        asked = options(tmp_path, server.url)
        made = list(haystacks(asked, count))
        second = Namespace(**{**vars(asked), "offset": 1, "haystacks": 1})
        assert list(haystacks(second, count)) == made[1:]
        rows = rows_by_question(None)
        server.reply = CompetentReader(
            [case_of(item, rows[item.question], None) for items in made for item in items]
        )
        figures = list(run_all(asked))

    for items in made:
        assert len({item.text for item in items}) == 1
        assert len({span for item in items for span in item.gold}) == sum(len(item.gold) for item in items)
    assert [row["strategy"] for row in figures] == 2 * STRATEGIES.split(",")
    for row in figures:
        assert row["score"] == 100, row
        assert ("building" in row) == (row["strategy"] == "graphreader")
        if built := row.get("building"):
            assert row["citation_recall"] == [1, 1, 1], row
            assert built["unread"] == 0 and built["calls"] > 1, row
            home = tmp_path / "homes" / f"{row['haystack']}-graphreader"
            assert spent_on_works(home)["calls"] == built["calls"], "a question built something"
    assert [row.score for row in read_rows(tmp_path / "rows.jsonl")] == 18 * [1]
