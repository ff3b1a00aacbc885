"""The whole harness over the loopback server: scores, costs, failures that stay in, a resume."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lcagent.errors import EndpointUnavailable, UsageError
from lcagent.evals.bench import TIMED_OUT, Bench, Plan
from lcagent.evals.compare import load_rows
from lcagent.evals.measure import critical_path, peak, retention
from lcagent.evals.summary import summarise
from lcagent.evals.tasks import TASKS, folder
from lcagent.models.serving.session import ModelSession
from lcagent.settings import load_settings
from tests.helpers import in_this_process
from tests.killable import Command
from tests.loopback import Loopback, Reply

STRATEGIES = ("closed", "cut", "bm25", "whole", "gold", "memagent", "memagent:mode=overwrite")


def knows(request) -> str:
    """Says the value that follows the needle's words, where the needle is shown."""
    names = request.schema["properties"] if request.schema else {}
    if "steps" in names:
        return json.dumps({"core": "", "form": "", "steps": [""]})
    lines = [line for line in request.text.splitlines() if "special magic number" in line and " is " in line]
    if "facts" in names:
        return json.dumps(
            {"relevant": "yes" if lines else "no", "facts": lines[:1], "sufficient": "no", "next": ""}
        )
    digits = [word.strip(".") for line in lines for word in line.split() if word.strip(".").isdigit()]
    if "found" in names:
        return json.dumps({"found": "yes" if digits else "no", "answer": ", ".join(digits)})
    return " ".join(lines) or "Nothing."


def measure(server: Loopback, out: Path, with_settings: dict | None = None, **more):
    fields = {
        "tasks": ("niah",),
        "lengths": (3000,),
        "strategies": ("closed", "memagent"),
        "n": 4,
        "seed": 3,
        "out": out,
        **more,
    }
    settings = load_settings({"api_base": server.url, "window": 2048, **(with_settings or {})})
    bench = Bench(Plan(**fields), settings, lambda _: None, lambda _: None)
    with ModelSession(settings) as session:
        return bench.run(session), bench


def test_every_strategy_and_baseline_runs_on_the_same_items(loopback, tmp_path: Path) -> None:
    server = loopback(window=4608, reply=knows)
    rows, _ = measure(server, tmp_path / "out", strategies=STRATEGIES, n=2)
    cells = {cell.strategy: cell for cell in summarise(rows)}
    assert set(cells) == set(STRATEGIES)
    assert all(cell.n == 2 and cell.overruns == 0 and cell.failed == 0 for cell in cells.values())
    assert cells["gold"].score.mean == 1.0
    assert cells["closed"].score.mean == 0.0
    assert cells["closed"].calls == 1 and cells["memagent"].calls > 3
    assert cells["memagent"].tokens > cells["bm25"].tokens > cells["closed"].tokens
    assert all(cited.verbatim for row in rows for cited in row.citations)
    assert {row.window for row in rows} == {2048, 4608}  # `whole` alone takes the model's own window
    assert server.overruns == 0


@pytest.mark.parametrize("task", ["aggregate", "no-overlap", "threads"])
def test_made_up_tasks_are_measured_and_their_rows_tell_where_the_evidence_stands(
    loopback, tmp_path: Path, task: str
) -> None:
    server = loopback(window=2048, reply=knows)
    rows, _ = measure(server, tmp_path / "out", tasks=(task,), strategies=("gold", "bm25"), n=3)
    assert {row.error for row in rows} == {""} and len(rows) == 6
    for row in load_rows(tmp_path / "out"):
        text = (tmp_path / "out" / "documents" / f"{row.item}.txt").read_text()
        first = min(row.gold)
        assert row.depths and row.depths[0] == pytest.approx(100 * first[0] / len(text), abs=8)
        assert 0 <= row.depths[0] <= row.depths[1] <= 100


def test_a_row_says_why_nothing_was_answered(loopback, tmp_path: Path) -> None:
    def invents(request):
        names = request.schema["properties"] if request.schema else {}
        made_up = '{"found": "yes", "answer": "Zebulon Quartermain"}'
        return made_up if "found" in names else knows(request)

    server = loopback(window=2048, reply=invents)
    weak = {"profile": "cautious"}
    (row,), _ = measure(server, tmp_path / "out", weak, strategies=("memagent",), n=1)
    assert row.status == "not_found" and "Zebulon Quartermain" in row.warnings[0]


def test_failed_and_timed_out_items_score_0_and_stay_in(loopback, tmp_path: Path) -> None:
    seen: list[str] = []

    def troubled(request):
        question = request.text.split("<question>")[1].split("</question>")[0]
        if question not in seen:
            seen.append(question)
        kind = seen.index(question) % 3
        return "{" if kind == 0 else Reply(knows(request), delay=30 if kind == 1 else 0)

    server = loopback(window=2048, reply=troubled)
    rows, _ = measure(server, tmp_path / "out", strategies=("gold",), n=9, item_seconds=3.0, jobs=9)
    errors = {row.error for row in rows}
    assert errors == {"", "MalformedReply", TIMED_OUT}
    (cell,) = summarise(rows)
    assert cell.n == 9
    assert cell.failed == sum(bool(row.error) for row in rows)
    assert cell.score.mean == pytest.approx(sum(row.score for row in rows if not row.error) / 9)
    assert all(row.score == 0 for row in rows if row.error)


def test_an_interrupted_measurement_repeats_no_finished_answer(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    server = loopback(window=2048, reply=knows)
    whole, _ = measure(server, out)
    calls = server.calls
    again, _ = measure(server, out)
    assert server.calls == calls
    assert again == whole
    kept = (out / "rows.jsonl").read_text().splitlines()
    (out / "rows.jsonl").write_text("\n".join(kept[:3]) + "\n" + kept[3][: len(kept[3]) // 2])
    mended, _ = measure(server, out)
    assert server.calls == calls  # the rows were lost, the runs' journal was not
    assert [(r.item, r.strategy, r.score) for r in sorted(mended, key=lambda r: (r.item, r.strategy))] == [
        (r.item, r.strategy, r.score) for r in sorted(whole, key=lambda r: (r.item, r.strategy))
    ]
    assert len(load_rows(out)) == len(whole)


@pytest.mark.parametrize(
    ("model", "changed", "message"),
    [
        ("other", {}, "is by the model loopback, not other"),
        ("loopback", {"window": 1024}, "had a window of 2048 tokens, not 1024"),
        ("loopback", {"temperature": 0.5}, r"with other settings \(temperature\)"),
        ("loopback", {"max_calls": 9}, r"with other settings \(max_calls\)"),
        ("loopback", {"memagent": {"segment_tokens": 500}}, r"with other settings \(memagent\)"),
    ],
)
def test_answers_of_another_model_or_setting_are_not_taken_for_new_ones(
    loopback, tmp_path: Path, model: str, changed: dict, message: str
) -> None:
    out = tmp_path / "out"
    measure(loopback(window=2048, reply=knows), out, n=1)
    before = (out / "rows.jsonl").read_bytes()
    other = loopback(window=2048, reply=knows, model=model)
    with pytest.raises(UsageError, match=message) as error:
        measure(other, out, changed, n=1)
    assert error.value.hint == "choose another --out"
    assert (out / "rows.jsonl").read_bytes() == before and not other.calls


def test_answers_about_another_text_are_not_taken_for_new_ones(loopback, tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = {"tasks": ("quality", "filings"), "lengths": (), "strategies": ("closed",), "n": 1}
    server = loopback(window=2048, reply=knows)
    rows, _ = measure(server, out, **plan)
    (document,) = (out / "documents").iterdir()
    text, calls = document.read_bytes(), server.calls
    for name in ("quality/1.txt", "filings/tolverden.pdf"):
        data = shutil.copytree(folder(None), tmp_path / name.replace("/", "-"))
        (data / name).write_bytes((data / name).read_bytes() + b"\n")
        with pytest.raises(UsageError, match="is about another question or document"):
            measure(server, out, data=data, **plan)
        assert document.read_bytes() == text
    same = shutil.copytree(folder(None), tmp_path / "elsewhere")
    assert measure(server, out, data=same, **plan)[0] == rows
    assert len(rows) == server.calls == calls == 2


def test_what_decides_no_answer_may_change_and_other_strategies_may_come_beside(
    loopback, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first, _ = measure(loopback(window=2048, reply=knows), out, strategies=("closed",), n=2)
    other = loopback(window=2048, reply=knows)
    changed = {"timeout": 60.0, "concurrency": 2, "memagent": {"segment_tokens": 500}}
    again, _ = measure(other, out, changed, strategies=("closed",), n=2, jobs=2)
    assert again == first and not other.calls
    both, _ = measure(other, out, changed, n=2)
    assert both[:2] == first and len(both) == 4


def test_rows_that_do_not_say_what_they_were_measured_with_are_read_but_not_reused(
    loopback, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    server = loopback(window=2048, reply=knows)
    measure(server, out, strategies=("closed",), n=1)
    row = json.loads((out / "rows.jsonl").read_text())
    for name in ("settings", "content"):  # as rows were before they had them
        del row[name]
    (out / "rows.jsonl").write_text(json.dumps(row) + "\n")
    assert [kept.strategy for kept in load_rows(out)] == ["closed"]
    with pytest.raises(UsageError, match="does not say what it was measured with"):
        measure(server, out, strategies=("closed",), n=1)


@pytest.mark.parametrize("names", [("direct", "whole"), ("memagent", "memagent:mode=ledger", "memagent")])
def test_two_names_of_one_run_do_not_stand_in_each_others_way(
    loopback, tmp_path: Path, names: tuple[str, ...]
) -> None:
    server = loopback(window=4096, reply=knows)
    rows, _ = measure(
        server, tmp_path / "out", {"window": 4096}, strategies=names, lengths=(1500,), n=3, jobs=4
    )
    assert {row.error for row in rows} == {""}
    cells = summarise(rows)
    assert sorted(cell.strategy for cell in cells) == sorted(set(names))
    assert all(cell.n == 3 for cell in cells)
    assert cells[0].score == cells[1].score and cells[0].calls == cells[1].calls


@pytest.mark.parametrize("task", ["quality", "common-words", "squality", "abstain"])
def test_without_gold_places_there_is_no_ceiling(loopback, tmp_path: Path, task: str) -> None:
    server = loopback(window=4096, reply=knows)
    lengths = () if task in {"quality", "squality"} else (1500,)
    rows, bench = measure(
        server, tmp_path / "out", tasks=(task,), lengths=lengths, strategies=("gold", "closed"), n=2
    )
    assert [row.strategy for row in rows] == ["closed"] * 2 and server.calls == 2
    assert len(bench.skipped) == 2 and "nothing says where its answer stands" in bench.skipped[0]
    assert summarise(rows)[0].of_ceiling is None


def test_where_no_gold_place_fits_there_is_no_ceiling(loopback, tmp_path: Path) -> None:
    server = loopback(window=640, reply=knows)
    long = {"tasks": ("qmsum",), "lengths": (), "strategies": ("gold",), "n": 1}
    rows, bench = measure(server, tmp_path / "out", {"window": 640}, **long)
    assert not rows and not server.calls
    assert "no place of the answer fits" in bench.skipped[0]


@pytest.mark.parametrize("window", [512, 560, 600, 640])
def test_cut_ends_where_there_is_hardly_any_room(loopback, tmp_path: Path, window: int) -> None:
    server = loopback(window=window, reply=knows)
    rows, _ = measure(server, tmp_path / "out", {"window": window}, strategies=("cut",), n=1)
    assert rows[0].error in {"", "QuestionTooLong"} and not server.overruns
    assert rows[0].error or rows[0].cost.calls


def test_what_a_failed_run_had_spent_is_counted(loopback, tmp_path: Path) -> None:
    def breaks(request):
        names = request.schema["properties"] if request.schema else {}
        return "{" if "found" in names else knows(request)

    server = loopback(window=2048, reply=breaks)
    rows, _ = measure(server, tmp_path / "out", strategies=("memagent",), n=1)
    (row,) = rows
    assert row.error == "MalformedReply" and row.run_id
    assert row.cost.calls == server.calls > 3
    assert row.cost.prompt_tokens > 1000 and row.cost.seconds >= row.cost.critical_seconds > 0
    (cell,) = summarise(rows)
    assert (cell.costed, cell.calls) == (1, row.cost.calls)


def test_a_server_that_has_gone_stops_the_measurement_and_scores_nothing(
    loopback, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("lcagent.models.chat.ATTEMPTS", 2)
    server = loopback(window=2048)

    def dies(request):
        if request.number == 4:
            server.stop_soon()
        return knows(request)

    server.reply = dies
    with pytest.raises(EndpointUnavailable):
        measure(server, tmp_path / "out")
    assert all(not row.error for row in load_rows(tmp_path / "out"))


def test_more_items_begin_with_the_same_ones_and_an_offset_leaves_them_out(loopback, tmp_path: Path) -> None:
    server = loopback(window=2048, reply=knows)
    few, _ = measure(server, tmp_path / "a", strategies=("closed",), n=2)
    many, _ = measure(server, tmp_path / "b", strategies=("closed",), n=4)
    late, _ = measure(server, tmp_path / "c", strategies=("closed",), n=2, offset=2)
    assert [r.question for r in few + late] == [r.question for r in many]


def test_a_category_takes_as_many_items_as_asked_for_and_no_others(loopback, tmp_path: Path) -> None:
    some, _ = measure(
        loopback(reply=knows),
        tmp_path,
        tasks=("niah",),
        lengths=(1200,),
        category="multiquery",
        n=2,
        strategies=("closed",),
    )
    assert [row.category for row in some] == ["multiquery"] * 2
    with pytest.raises(UsageError, match="has no items"):
        measure(
            loopback(), tmp_path, tasks=("niah",), lengths=(1200,), category="none", strategies=("closed",)
        )


def test_direct_is_not_run_where_the_document_does_not_fit(loopback, tmp_path: Path) -> None:
    rows, bench = measure(loopback(window=2048, reply=knows), tmp_path / "out", strategies=("direct",), n=2)
    assert not rows
    assert len(bench.skipped) == 2 and "do not fit" in bench.skipped[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strategies": ("telepathy",)}, "no strategy 'telepathy'"),
        ({"strategies": ("memagent:colour=red",)}, "colour"),
        ({"tasks": ("chess",)}, "no task 'chess'"),
        ({"lengths": (10,)}, "10"),
    ],
)
def test_bad_words_are_an_error_before_the_first_call(loopback, tmp_path: Path, change, message) -> None:
    server = loopback(window=2048)
    with pytest.raises(UsageError, match=message):
        measure(server, tmp_path / "out", **change)
    assert not server.requests


@pytest.mark.slow
def test_the_command_prints_a_table_and_leaves_a_report(loopback, tmp_path: Path) -> None:
    server = loopback(window=2048, reply=knows)

    def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return Command("bench", *arguments).told()

    options = ["--api-base", server.url, "--window", "2048", "--strategies", "closed,gold", "--n", "2"]
    done = bench("niah", "--lengths", "3k", *options, "--out", "a")
    assert done.returncode == 0, done.stderr
    assert "gold" in done.stdout and "niah" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120
    assert in_this_process("bench", "niah", "--lengths", "3k", *options, "--out", "b").exit_code == 0
    report = (tmp_path / "a" / "report.html").read_text()
    assert "lcagent bench niah" in report and "http://" not in report.replace(
        server.url.removesuffix("/v1"), ""
    )
    assert list((tmp_path / "a").glob("*.png"))
    done = bench("compare", "a", "b")
    assert done.returncode == 0 and "2 same" in done.stdout
    done = bench("compare", "a")
    assert done.returncode == 2 and "two output folders" in done.stderr
    done = bench("nosuch")
    assert done.returncode == 2 and done.stderr.startswith("error: there is no task 'nosuch'")


def test_the_help_names_every_task() -> None:
    help_text = Command("bench", "--help").told().stdout
    words = set(help_text.replace(",", " ").replace(".", " ").split())
    assert TASKS.keys() <= words


def test_the_critical_path_is_the_longest_chain_of_calls_one_after_the_other() -> None:
    assert critical_path([]) == 0
    assert critical_path([(0, 2), (2, 3), (0, 1), (1, 1.5)]) == 3
    assert critical_path([(0, 1), (0, 1), (0, 5)]) == 5
    assert peak([(0, 1), (0.5, 2), (1, 3)]) == 2
    assert peak([(0, 1), (1, 2)]) == 1


def test_retention_tells_an_overwritten_fact_from_one_that_is_kept() -> None:
    memories = [{"role": "overwrite", "text": t} for t in ("It is Oskar.", "Nothing.")]
    assert retention(["Oskar"], [], memories) == (1, 0)
    assert retention(["Oskar"], [], memories[:1]) == (1, 1)
    row = {"document": 0, "segment": 0, "seq": 0, "op": "add", "target": None, "quote": ""}
    row["text"] = "It is Oskar."
    gone = {**row, "segment": 1, "op": "supersede", "target": "0.0.0", "text": "It was corrected."}
    assert retention(["Oskar"], [row], []) == (1, 1)
    assert retention(["Oskar"], [row, gone], []) == (1, 0)
    assert retention(["yes"], [row], []) == (0, 0)
