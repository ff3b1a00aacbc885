"""A small world of facts, and a model that extracts them and explores as a test has it."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lcagent import Answer, Reader
from lcagent.memory.profiles import StoredProfiles
from lcagent.memory.store import Store
from lcagent.models.profile import ModelProfile
from lcagent.models.serving.session import ModelSession
from lcagent.settings import load_settings
from tests.loopback import Loopback, Reply, Request
from tests.side_by_side import segment_of

Said = Mapping[str, Any]
QUESTION = "In which town was the builder of the Skarholm light born?"


@dataclass
class World:
    """What stands in a document, and what its explorer says.

    Args:
        paragraphs: of the document; each is one segment.
        elements: of each fact, a sentence of the document.
        answer: what is answered where every sentence of `needed` stands in the prompt.
        needed: sentences.
        begin: nodes to begin from, best first.
        visit: what is said of a node's facts, by node; what is left out is filled in.
        chunk: what is said of a piece of the text, by a phrase that stands in it.
        neighbour: the neighbour that is read next, by node; else the search ends.
    """

    paragraphs: Sequence[str]
    elements: Mapping[str, Sequence[str]]
    answer: str = ""
    needed: Sequence[str] = ()
    begin: Sequence[str] = ()
    visit: Mapping[str, Said] = field(default_factory=dict)
    chunk: Mapping[str, Said] = field(default_factory=dict)
    neighbour: Mapping[str, str] = field(default_factory=dict)
    told: Callable[[Request], str | Reply | None] = lambda _: None
    """Goes before all of that."""

    def __call__(self, request: Request) -> str | Reply:
        said = self.told(request)
        return said if said is not None else json.dumps(self._says(request), ensure_ascii=False)

    def _says(self, request: Request) -> Said:
        names = request.schema["properties"] if request.schema else {}
        text = request.messages[-1]["content"]
        if "steps" in names:
            return {"core": QUESTION, "form": "", "asks": "fact", "steps": [QUESTION]}
        if names.keys() == {"facts"}:
            here = [fact for fact in self.elements if fact in segment_of(request)]
            return {"facts": [{"fact": fact, "elements": list(self.elements[fact])} for fact in here]}
        if "chosen" in names:
            listed = options(names["chosen"]["items"])
            return {"chosen": [node for node in self.begin if node in listed]}
        if "useful" in names:
            return self._visited(text, names)
        if "do" in names and "facts" in names:
            here = next((said for phrase, said in self.chunk.items() if phrase in segment_of(request)), {})
            return {"facts": [], "conclusion": "", "missing": "more", "do": "search_more", **here}
        if "node" in names:
            node = self.neighbour.get(between(text, "seen the node", request), "")
            listed = options(names["node"])
            do = "read_neighbor_node" if node in listed else "termination"
            return {"do": do, "node": node if node in listed else listed[0]}
        seen = all(sentence in text for sentence in self.needed)
        passages = [n for n, part in passages_of(text) if any(sentence in part for sentence in self.needed)]
        marks = "".join(f" [{number}]" for number in passages)
        return {"found": "yes" if seen else "no", "answer": f"{self.answer}{marks}" if seen else ""}

    def _visited(self, text: str, names: Mapping[str, Any]) -> Said:
        node = re.findall(r'Facts of the node "(.*?)":', text)[0]
        said = dict(self.visit.get(node, {}))
        lines = dict(re.findall(r"^(f\d+) (.*)$", text.split("<findings>")[-1], re.M))
        wanted = said.pop("useful", [])
        useful = [number for number, line in lines.items() if any(fact in line for fact in wanted)]
        chunks = names["chunks"]["items"]
        if said.get("do") == "read_chunk" and "chunks" not in said:
            said["chunks"] = options(chunks)
        ends = {"do": "stop_and_read_neighbor", "conclusion": "", "missing": "more", "chunks": []}
        return {**ends, "useful": useful, **said}


def options(spec: Mapping[str, Any]) -> list[str]:
    """What may be said in a field."""
    return list(spec.get("enum", []))


def between(text: str, after: str, request: Request) -> str:
    """The node that a prompt names in its system message."""
    return re.findall(rf'{after} "(.*?)"', request.messages[0]["content"])[0]


def passages_of(text: str) -> list[tuple[str, str]]:
    """The numbered passages of a prompt."""
    parts = re.split(r"^(?=\[\d+\])", text, flags=re.M)
    return [(match[1], part) for part in parts if (match := re.match(r"\[(\d+)\]", part))]


def written(world: World, folder: Path) -> Path:
    path = folder / "world.txt"
    path.write_text("\n\n".join(world.paragraphs))
    return path


def ask(server: Loopback, path: Path | list[Path], question: str = QUESTION, **options: Any) -> Answer:
    settings = {"segment_tokens": 64, **options.pop("graphreader", {})}
    given = {"api_base": server.url, "window": server.window, "strategy": "graphreader", **options}
    with Reader(**given, graphreader=settings) as reader:
        return reader.ask(path, question)


def calls_functions(server: Loopback, home: Path) -> None:
    """From now on the server's model is known to do native tool calls."""
    settings = load_settings({"api_base": server.url, "home": home})
    with ModelSession(settings) as session:
        opened, store = session.open(lambda _: None), Store.open(settings.data_dir)
        known = ModelProfile(
            model=opened.model,
            fingerprint=opened.fingerprint,
            stance="trusting",
            source="probe",
            tools=True,
            measured="2026-01-01",
        )
        StoredProfiles(store).put(known)
        store.close()


def roles(server: Loopback) -> list[str]:
    """What each request asked for."""
    return [role(request) for request in server.requests]


def role(request: Request) -> str:
    names = set(request.schema["properties"]) if request.schema else set()
    if names == {"facts"}:
        return "extract"
    for name, what in (
        ("steps", "plan"),
        ("chosen", "choose"),
        ("useful", "visit"),
        ("node", "neighbour"),
        ("found", "answer"),
    ):
        if name in names:
            return what
    return "chunk"
