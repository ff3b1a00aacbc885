"""GraphReader: a graph of facts that is built once, and paths through it to an answer."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lcagent.errors import CutReply, MalformedReply, UsageError
from tests.exploring import QUESTION, World, ask, calls_functions, role, roles, written
from tests.helpers import examples, in_this_process, prose, some_slow
from tests.killable import killed_at
from tests.loopback import Loopback

LIGHT = "The Skarholm light was built by Oskar Brandvold in 1893."
BORN = "Oskar Brandvold was born in the town of Vellmere."
FILLER = [prose(4, seed) for seed in range(12)]


def chain(**more) -> World:
    """Two hops: the light names its builder, and the builder's own fact names the town."""
    given = {
        "paragraphs": [*FILLER[:4], LIGHT, *FILLER[4:8], BORN, *FILLER[8:]],
        "elements": {
            LIGHT: ["Skarholm light", "Oskar Brandvold", "1893"],
            BORN: ["Oskar Brandvold", "Vellmere"],
        },
        "answer": "Vellmere",
        "needed": [LIGHT, BORN],
        "begin": ["Skarholm light"],
        "visit": {
            "Skarholm light": {"useful": [LIGHT], "missing": "where Oskar Brandvold was born"},
            "Oskar Brandvold": {"useful": [LIGHT, BORN], "conclusion": "Vellmere", "missing": ""},
        },
        "neighbour": {"Skarholm light": "Oskar Brandvold"},
    }
    return World(**{**given, **more})


def test_a_neighbour_leads_to_the_second_hop(loopback, tmp_path: Path) -> None:
    world = chain()
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), graphreader={"paths": 1})
    assert (answer.answer, answer.status) == ("Vellmere", "answered")
    assert [citation.quote for citation in answer.citations] == [LIGHT, BORN]
    assert roles(server)[-5:] == ["choose", "visit", "neighbour", "visit", "answer"] or "choose" not in roles(
        server
    )
    assert server.overruns == 0


def test_a_second_question_builds_nothing(loopback, tmp_path: Path) -> None:
    world = chain()
    server = loopback(window=4096, reply=world)
    path = written(world, tmp_path)
    ask(server, path, graphreader={"paths": 1})
    built = roles(server).count("extract")
    assert built > 6
    server.requests.clear()
    answer = ask(server, path, "Who built the Skarholm light?", graphreader={"paths": 1})
    assert answer.answer == "Vellmere"
    assert "extract" not in roles(server)


@pytest.mark.parametrize("step", ["read_previous_chunk", "read_subsequent_chunk"])
def test_the_piece_beside_a_fact_is_read(loopback, tmp_path: Path, step: str) -> None:
    """What the extractor left out stands beside what it did not."""
    told = "He was a child of Vellmere, they say, as Oskar Brandvold himself never denied it."
    beside = [told, LIGHT] if step == "read_previous_chunk" else [LIGHT, told]
    world = chain(
        paragraphs=[*FILLER[:4], *beside, *FILLER[4:]],
        elements={LIGHT: ["Skarholm light", "Oskar Brandvold"]},
        needed=[LIGHT, told],
        visit={"Skarholm light": {"useful": [LIGHT], "do": "read_chunk"}},
        chunk={
            told: {"facts": [told], "do": "termination", "conclusion": "Vellmere", "missing": ""},
            LIGHT: {"do": step},
        },
    )
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), graphreader={"paths": 1})
    assert answer.answer == "Vellmere"
    assert told in [citation.quote for citation in answer.citations]
    assert roles(server).count("chunk") == 2


def test_pieces_are_read_first_in_first_out(loopback, tmp_path: Path) -> None:
    names = [f"Keeper number {n} of the Skarholm light left the year {1900 + n}." for n in range(4)]
    world = chain(
        paragraphs=[part for pair in zip(FILLER, names, strict=False) for part in pair],
        elements={name: ["Skarholm light", name[:15]] for name in names},
        visit={"Skarholm light": {"do": "read_chunk"}},
        needed=["nowhere"],
    )
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), graphreader={"paths": 1})
    assert answer.status == "not_found"
    read = [request.text for request in server.requests if role(request) == "chunk"]
    assert [next(name for name in names if name in text.split("<segment>")[-1]) for text in read] == names


def test_a_dead_end_ends_the_path(loopback, tmp_path: Path) -> None:
    world = chain(elements={LIGHT: ["Skarholm light"]}, needed=["nowhere"])
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), graphreader={"paths": 1})
    assert answer.status == "not_found"
    assert roles(server).count("visit") == 1
    assert "neighbour" not in roles(server)


def test_a_question_with_no_word_of_the_graph_begins_where_most_facts_are(loopback, tmp_path: Path) -> None:
    world = chain(begin=["Oskar Brandvold"])
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), "灯台は誰が建てたか", graphreader={"paths": 1})
    assert answer.answer == "Vellmere"
    (chosen,) = [request.text for request in server.requests if role(request) == "choose"]
    nodes = chosen.split("<findings>")[-1].split()
    assert nodes[:2] == ["Oskar", "Brandvold"]


def test_a_function_that_does_not_exist_is_asked_for_again_and_then_passed_over(
    loopback, tmp_path: Path
) -> None:
    """A server that cannot decode under a schema lets a model write what it likes."""
    world = chain()
    wrong = json.dumps({"useful": ["f1"], "conclusion": "", "missing": "", "do": "fly", "chunks": ["c999"]})
    world.told = lambda request: wrong if role(request) == "visit" else None
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), graphreader={"paths": 1})
    assert answer.status in {"answered", "not_found"}
    visits = [request.text for request in server.requests if role(request) == "visit"]
    assert "could not be used" in visits[1]
    assert "fly" not in visits[0]


def test_paths_that_disagree_are_put_to_the_vote(loopback, tmp_path: Path) -> None:
    rival = "Some say that Oskar Brandvold was born in Kalvik instead."
    names = ["Skarholm light", "Oskar Brandvold", "Kalvik"]
    world = chain(
        paragraphs=[*FILLER[:4], LIGHT, *FILLER[4:8], BORN, rival, *FILLER[8:]],
        elements={
            LIGHT: ["Skarholm light", "Oskar Brandvold"],
            BORN: ["Oskar Brandvold", "Vellmere"],
            rival: ["Kalvik", "Brandvold's birth"],
        },
        begin=names,
        needed=[BORN],
        visit={
            "Skarholm light": {"useful": [LIGHT], "conclusion": "Vellmere", "missing": "more"},
            "Oskar Brandvold": {"useful": [BORN], "conclusion": "Vellmere", "missing": "more"},
            "Kalvik": {"useful": [rival], "conclusion": "Kalvik", "missing": "more"},
        },
    )
    server = loopback(window=4096, reply=world)
    answer = ask(server, written(world, tmp_path), graphreader={"paths": 3})
    assert answer.answer == "Vellmere"
    (told,) = [warning for warning in answer.warnings if "disagree" in warning]
    assert "'Vellmere' (2: from" in told and "'Kalvik' (1: from" in told


@pytest.mark.parametrize("window", [4096, 2048])
def test_a_hub_is_cut_to_the_window_and_the_rest_is_told(loopback, tmp_path: Path, window: int) -> None:
    names = [
        f"lamp number {n} of the {word} row"
        for n in range(107)
        for word in ("north", "south", "east", "west")
    ]
    facts = {f"The hub holds {name}.": ["hub", name] for name in names}
    text = [" ".join(list(facts)[at : at + 4]) for at in range(0, len(facts), 4)]
    world = chain(paragraphs=text, elements=facts, begin=["hub"], needed=["nowhere"], visit={}, neighbour={})
    server = loopback(window=window, reply=world)
    answer = ask(server, written(world, tmp_path), "What is the hub of the hub?", graphreader={"paths": 1})
    assert answer.status == "not_found"
    assert server.overruns == 0
    (visit,) = [request.text for request in server.requests if role(request) == "visit"]
    (neighbour,) = [request.text for request in server.requests if role(request) == "neighbour"]
    shown = visit.split("<findings>")[-1].count("The hub holds")
    assert 20 < shown < 428 and f"({428 - shown} more facts of this node are not shown)" in visit
    assert not any(request.functions for request in server.requests)
    listed = neighbour.split("<findings>")[-1].count("lamp number")
    assert f"{428 - listed} more are not shown" in neighbour or listed == 428


@pytest.mark.parametrize("where", ["put in", "taken out", "written anew"])
def test_of_a_document_that_changed_only_what_changed_is_read(loopback, tmp_path: Path, where: str) -> None:
    world = chain()
    server = loopback(window=4096, reply=world)
    path = written(world, tmp_path)
    ask(server, path, graphreader={"paths": 1})
    server.requests.clear()
    parts = list(world.paragraphs)
    more = "A paragraph that stood nowhere before tells of the lamp's new wick, and of nothing else."
    parts[3:4] = {"put in": [parts[3], more], "taken out": [], "written anew": [more]}[where]
    path.write_text("\n\n".join(parts))
    answer = ask(server, path, graphreader={"paths": 1})
    assert answer.answer == "Vellmere"
    assert [citation.quote for citation in answer.citations] == [LIGHT, BORN]
    assert answer.coverage.segments_read == answer.coverage.segments_total
    extracted = [request for request in server.requests if role(request) == "extract"]
    assert len(extracted) <= 2
    assert any("new wick" in request.text for request in extracted) == (where != "taken out")


def test_several_documents_make_one_graph(loopback, tmp_path: Path) -> None:
    world = chain()
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("\n\n".join([*FILLER[:3], LIGHT]))
    other.write_text("\n\n".join([*FILLER[3:6], BORN]))
    server = loopback(window=4096, reply=world)
    answer = ask(server, [one, other], QUESTION, graphreader={"paths": 1})
    assert answer.answer == "Vellmere"
    assert [citation.document for citation in answer.citations] == ["one.txt", "other.txt"]
    server.requests.clear()
    third = tmp_path / "third.txt"
    third.write_text("\n\n".join(FILLER[6:8]))
    ask(server, [one, other, third], QUESTION, graphreader={"paths": 1})
    extracted = [request.text for request in server.requests if role(request) == "extract"]
    assert extracted
    assert all(LIGHT not in text and BORN not in text for text in extracted)


@pytest.mark.parametrize(
    ("step", "tools"),
    some_slow(
        [
            *((step, False) for step in (5, 0, 1)),
            (14, True),
            *((step, False) for step in (12, 13, 14, 15, 16)),
            (15, True),
        ]
    ),
)
def test_sigkill_at_every_step_repeats_no_call(loopback, tmp_path: Path, step: int, tools: bool) -> None:
    """While it plans, builds, chooses, visits, goes on and answers."""
    world = chain()
    path = written(world, tmp_path)
    with Loopback(window=4096, reply=world) as undisturbed:
        if tools:
            calls_functions(undisturbed, tmp_path / "other")
        ask(undisturbed, path, graphreader={"paths": 1}, home=tmp_path / "other", concurrency=1)
        calls = len(undisturbed.requests)
    assert step < calls
    server = loopback(window=4096)
    if tools:
        calls_functions(server, tmp_path / "home")
    arguments = [
        *("ask", str(path), QUESTION, "--api-base", server.url, "--home", str(tmp_path / "home"), "--json"),
        *("--strategy", "graphreader", "--window", "4096", "--set", "graphreader.segment_tokens=64"),
        *("--set", "graphreader.paths=1", "--set", "concurrency=1"),
    ]
    killed_at(step, server, arguments, world)
    second = in_this_process(*arguments)
    assert second.exit_code == 0, second.stderr
    assert json.loads(second.stdout)["answer"] == "Vellmere"
    assert len(server.requests) == calls + 1  # the one in the air
    assert any(request.functions for request in server.requests) == tools


NAMES = st.text(alphabet="ab cé漢<|>\n", min_size=1, max_size=80)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    facts=st.lists(st.tuples(st.text(min_size=1, max_size=200), st.lists(NAMES, max_size=6)), max_size=30),
    question=st.text(min_size=1, max_size=200).filter(str.strip),
    window=st.integers(1200, 6000),
    chance=st.lists(st.integers(0, 99), min_size=1, max_size=40),
    tools=st.sampled_from(["", "counted", "bounded"]),
)
def test_no_call_exceeds_the_window_whatever_the_graph(
    tmp_path_factory, facts, question: str, window: int, chance: list[int], tools: str
) -> None:
    folder = tmp_path_factory.mktemp("w")
    path = folder / "doc.txt"
    path.write_text(prose(40), "utf-8")
    lists = {"useful", "chunks", "chosen", "steps"}

    def talks(request):
        names = request.schema["properties"]
        if names.keys() == {"facts"}:
            return json.dumps({"facts": [{"fact": fact, "elements": e} for fact, e in facts]})
        drawn = chance[request.number % len(chance)]
        said = {}
        for name, spec in names.items():
            some = spec.get("enum") or spec.get("items", {}).get("enum") or ["a long word " * 9]
            said[name] = some[drawn % len(some) :][:4] if name in lists else some[drawn % len(some)]
        said |= {"facts": []} if "facts" in names else {}
        said |= {"found": "yes"} if "found" in names else {}
        return json.dumps(said)

    with Loopback(window=window, reply=talks, tokenize_tools=tools != "bounded") as server:
        if tools:
            calls_functions(server, folder / "home")
        try:
            ask(
                server,
                path,
                question,
                graphreader={"segment_tokens": 500, "calls": 4, "paths": 2},
                home=folder / "home",
            )
        except UsageError:
            assert not server.requests  # refused before the first call
        except (MalformedReply, CutReply):
            assert server.requests
        assert server.overruns == 0
        sent = "".join(request.text for request in server.requests)
        assert "<|" not in sent


def test_with_an_embedding_model_what_means_the_same_is_one_and_leads_on(loopback, tmp_path: Path) -> None:
    """The facts call it a beacon, the question a light: no word in common leads from one to the other."""
    beacon = "The beacon on the rock was raised by Oskar Brandvold."
    fire = "The pharos was painted white by a crew of nine."
    world = chain(
        paragraphs=[*FILLER[:4], beacon, *FILLER[4:8], fire, *FILLER[8:]],
        elements={beacon: ["beacon", "Oskar Brandvold"], fire: ["pharos", "crew of nine"]},
        answer="Oskar Brandvold",
        needed=[beacon],
        begin=["beacon"],
        visit={"beacon": {"useful": [beacon], "conclusion": "Oskar Brandvold", "missing": ""}},
    )
    same = {"beacon": 0, "pharos": 0, "Who put up the light?": 0, "oskar brandvold": 1, "crew of nine": 2}

    def embed(texts: list[str]) -> list[dict[str, object]]:
        rows = []
        for at, text in enumerate(texts):
            number = next((n for name, n in same.items() if name in text or name.lower() in text), 3)
            rows.append({"index": at, "embedding": [float(n == number) for n in range(4)]})
        return rows

    server = loopback(window=4096, reply=world, embed=embed)
    path = written(world, tmp_path)
    more = {"embed_base": server.url, "graphreader": {"paths": 1}}
    answer = ask(server, path, "Who put up the light?", **more)
    assert answer.answer == "Oskar Brandvold"
    (visit,) = [request.text for request in server.requests if role(request) == "visit"]
    assert beacon in visit and fire in visit  # of the one node that both names were brought to
    queries = [text for texts in server.embedded for text in texts if "Who put up the light?" in text]
    assert queries and len(queries) == len({*queries})


def test_paths_that_ask_for_the_same_have_it_embedded_once(loopback, tmp_path: Path) -> None:
    world = chain(begin=["Skarholm light", "Oskar Brandvold"], visit={}, neighbour={}, needed=["nowhere"])

    def embed(texts: list[str]) -> list[dict[str, object]]:
        return [{"index": at, "embedding": [1.0, len(text)]} for at, text in enumerate(texts)]

    server = loopback(window=4096, reply=world, embed=embed)
    ask(server, written(world, tmp_path), embed_base=server.url, graphreader={"paths": 2})
    assert roles(server).count("neighbour") >= 2
    queries = [text for texts in server.embedded for text in texts if QUESTION in text and len(texts) == 1]
    assert queries and len(queries) == len({*queries})
