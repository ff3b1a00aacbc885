"""`lcagent graph`: built ahead of the questions, looked at, exported; no model is asked twice."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lcagent import Reader
from lcagent.errors import GraphNotBuilt
from tests.exploring import QUESTION, ask, roles, written
from tests.helpers import in_this_process
from tests.loopback import Loopback
from tests.test_graphreader import BORN, LIGHT, chain


@pytest.fixture
def built(loopback, tmp_path: Path) -> tuple[Loopback, Path]:
    world = chain()
    server = loopback(window=4096, reply=world)
    return server, written(world, tmp_path)


def build(server: Loopback, path: Path, *more: str):
    options = ("--api-base", server.url, "--window", "4096", "--set", "graphreader.segment_tokens=64")
    return in_this_process("graph", "build", str(path), *options, *more)


def test_built_once_and_found_by_the_question(built) -> None:
    server, path = built
    done = build(server, path, "--json")
    assert done.exit_code == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (counts["documents"], counts["facts"], counts["nodes"], counts["unread"]) == (1, 2, 4, 0)
    assert set(roles(server)) == {"extract"}
    made = len(server.requests)
    assert json.loads(build(server, path, "--json").stdout) == counts
    assert len(server.requests) == made
    answer = ask(server, path, graphreader={"paths": 1})
    assert answer.answer == "Vellmere"
    assert "extract" not in roles(server)[made:]
    assert answer.usage.building is None


def test_building_and_exploring_are_told_apart(built) -> None:
    server, path = built
    answer = ask(server, path, graphreader={"paths": 1})
    extracted = roles(server).count("extract")
    assert answer.usage.building is not None
    assert answer.usage.building.calls == extracted
    assert answer.usage.calls == len(server.requests) - extracted
    (way,) = answer.paths
    assert (way.start, way.conclusion) == ("Skarholm light", "Vellmere")
    assert [step.do for step in way.steps] == [
        "stop_and_read_neighbor",
        "read_neighbor_node",
        "stop_and_read_neighbor",
    ]


def test_a_person_is_told_what_the_graph_cost(built) -> None:
    server, path = built
    asked = ["ask", str(path), QUESTION, "--strategy", "graphreader", "--api-base", server.url]
    asked += ["--window", "4096", "--set", "graphreader.segment_tokens=64"]
    first = in_this_process(*asked)
    made = roles(server).count("extract")
    assert f"(besides {made}, " in first.stderr and "for what is kept of the documents)" in first.stderr
    again = in_this_process(*asked, "--style", "short")
    assert again.exit_code == 0 and "for the graph" not in again.stderr


def test_a_budget_ends_the_building_and_the_same_command_goes_on(built) -> None:
    server, path = built
    first = build(server, path, "--max-calls", "3", "--json")
    assert first.exit_code == 4
    assert json.loads(first.stdout)["unread"] > 0
    made = len(server.requests)
    second = build(server, path, "--json")
    assert second.exit_code == 0
    assert json.loads(second.stdout)["facts"] == 2
    assert json.loads(second.stdout)["nodes"] == 4  # those of the facts that came now are among them
    sent = [request.text for request in server.requests]
    assert not set(sent[:made]) & set(sent[made:])


def test_shown_with_its_most_connected_elements_and_one_of_them(built) -> None:
    server, path = built
    build(server, path)
    shown = in_this_process("graph", "show", str(path))
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[1].split() == ["2", "Oskar", "Brandvold"]
    one = in_this_process("graph", "show", str(path), "--element", "oskar brandvold")
    assert LIGHT in one.stdout and BORN in one.stdout and "Vellmere" in one.stdout
    nothing = in_this_process("graph", "show", str(path), "--element", "zzz")
    assert nothing.exit_code != 0


def test_of_a_document_that_is_read_in_part_what_there_is_is_shown(built, tmp_path: Path) -> None:
    server, path = built
    part = json.loads(build(server, path, "--max-calls", "6", "--json").stdout)
    told = json.loads(in_this_process("graph", "show", str(path), "--json").stdout)
    (partial,) = told["partial"]
    assert (partial["document"], partial["of"] - partial["segments"]) == (path.name, part["unread"])
    assert told["counts"]["facts"] == part["facts"] and part["unread"] > 0
    first = in_this_process("graph", "show", str(path)).stdout.splitlines()[0]
    assert first == f"partial: {partial['segments']} of {partial['of']} segments of {path.name} are read"
    out = tmp_path / "graph.json"
    exported = in_this_process("graph", "export", str(path), "-o", str(out)).exception
    assert isinstance(exported, GraphNotBuilt) and "partial" in exported.message and not out.exists()
    build(server, path)
    told = json.loads(in_this_process("graph", "show", str(path), "--json").stdout)
    assert (told["partial"], told["counts"]["nodes"]) == ([], 4)


def test_what_was_never_built_is_told(tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    path.write_text("Nothing is known of this.")
    told = in_this_process("graph", "show", str(path)).exception
    assert isinstance(told, GraphNotBuilt)
    assert told.message == "no graph of new.txt is kept"
    assert "lcagent graph build" in told.hint


def test_exported_in_every_form(built, tmp_path: Path) -> None:
    server, path = built
    ask(server, path, graphreader={"paths": 1})
    for ending in ("html", "graphml", "json"):
        out = tmp_path / f"graph.{ending}"
        done = in_this_process("graph", "export", str(path), "-o", str(out))
        assert (done.exit_code, done.stdout.strip()) == (0, str(out)), done.stderr
    page = (tmp_path / "graph.html").read_text("utf-8")
    assert LIGHT in page and "In which town was the builder" in page and "http://" not in page
    xml = ElementTree.parse(tmp_path / "graph.graphml")
    assert len(xml.findall(".//{*}node")) == 4 and len(xml.findall(".//{*}edge")) == 4
    told = json.loads((tmp_path / "graph.json").read_text("utf-8"))
    text = path.read_text()
    spans = [text[a:b] for fact in told["facts"] for a, b in fact["spans"]]
    assert (told["version"], spans) == (1, [LIGHT, BORN])
    assert in_this_process("graph", "export", str(path), "-o", str(tmp_path / "graph.doc")).exit_code != 0


def test_the_sdk_builds_too(built) -> None:
    server, path = built
    with Reader(api_base=server.url, window=4096, graphreader={"segment_tokens": 64}) as reader:
        assert reader.build(path)["facts"] == 2
