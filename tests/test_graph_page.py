"""The page of a graph of facts: what is in the file, and what a person does with it in a real browser."""

import copy
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lcagent.runs.graph_page import GraphData, page
from tests.helpers import some_slow

PAGES = [
    "The light of Hvalnes\nReport of the keeper, 1911 to 1913\n\n",
    "1 The station\n\nThe lighthouse of Hvalnes stands on the skerry Gråskjær, four miles off Torsund. It was lit on "
    "9 October 1882. Its lens, of the first order, was ground in Paris by Barbier, and turns in a bath of "
    "mercury.\n\nTwo keepers serve it, and a boy. The dwelling has three rooms and a cellar for oil.\n\n",
    "2 The keepers\n\nJohan Lie has kept the light since 1898. Before that he was mate of the brig Fortuna. His "
    "daughter Ragna kept the log when he was ill. Peder Moe came as assistant in the spring of 1910.\n\n"
    + "The days pass with trimming, polishing and painting. " * 30
    + "\n\nIn the winter of 1912 the assistant keeper, Moe, rowed to Torsund for oil and was gone nine days.\n\n",
    "3 The storm\n\nOn 14 January 1912 the light was dark for two hours. A wave had broken the panes of the "
    "lantern, and Ragna Lie held a ship's lamp to the glass until her father had closed the storm shutters. "
    "The steamer Aurora, bound for Torsund with forty people, saw the lamp and turned away from Gråskjær.\n\n",
    "4 The inquiry\n\nThe inspector, Captain Wessel, came in March. He wrote that the Aurora owed her people to the "
    "lamp. Barbier sent new panes in June. Ragna was paid twelve crowns.\n",
]
LOG = (
    "Log of the light, kept by R. Lie\n"
    "12 January: wind NW, rising 🌊🌊. Moe not back with the oil.\n"
    "13 January: heavy sea. 🕯 Father is ill; I keep the watch alone.\n"
    "14 January: panes broken at four. Held the lamp two hours 🚢. A steamer passed.\n"
    "15 January: Father mends the lantern.\n"
)
FACTS = [
    (0, "The lighthouse of Hvalnes stands on the skerry Gråskjær", "The lighthouse of Hvalnes stands on Gråskjær, off Torsund.", ["Hvalnes lighthouse", "Gråskjær", "Torsund"]),
    (0, "It was lit on 9 October 1882.", "The lighthouse was first lit on 9 October 1882.", ["Hvalnes lighthouse", "9 October 1882"]),
    (0, "Its lens, of the first order, was ground in Paris by Barbier", "Barbier of Paris ground the lens.", ["lens", "Barbier", "Paris", "Hvalnes lighthouse"]),
    (0, "Johan Lie has kept the light since 1898.", "Johan Lie has been keeper since 1898.", ["Johan Lie", "Hvalnes lighthouse"]),
    (0, "Before that he was mate of the brig Fortuna.", "Johan Lie was mate of the brig Fortuna.", ["Johan Lie", "Fortuna"]),
    (0, "His daughter Ragna kept the log when he was ill.", "Ragna Lie, the keeper's daughter, kept the log when he was ill.", ["Ragna Lie", "Johan Lie", "log"]),
    (0, "Peder Moe came as assistant in the spring of 1910.", "Peder Moe came as assistant in spring 1910.", ["Peder Moe", "Hvalnes lighthouse"]),
    (0, "In the winter of 1912 the assistant keeper, Moe, rowed to Torsund", "Moe rowed to Torsund for oil and was gone nine days.", ["Peder Moe", "Torsund", "oil"]),
    (0, "On 14 January 1912 the light was dark for two hours.", "The light was dark for two hours on 14 January 1912.", ["Hvalnes lighthouse", "14 January 1912"]),
    (0, "Ragna Lie held a ship's lamp to the glass", "Ragna Lie held a ship's lamp to the glass until the shutters were closed.", ["Ragna Lie", "ship's lamp", "storm shutters", "Johan Lie"]),
    (0, "The steamer Aurora, bound for Torsund with forty people", "The Aurora, with forty people, saw the lamp and turned away from Gråskjær.", ["Aurora", "ship's lamp", "Gråskjær", "Torsund"]),
    (0, "He wrote that the Aurora owed her people to the lamp.", "Captain Wessel wrote that the Aurora owed her people to the lamp.", ["Captain Wessel", "Aurora", "ship's lamp"]),
    (0, "Ragna was paid twelve crowns.", "Ragna Lie was paid twelve crowns.", ["Ragna Lie", "twelve crowns"]),
    (1, "Moe not back with the oil.", "Peder Moe was not back with the oil on 12 January.", ["Peder Moe", "oil"]),
    (1, "Held the lamp two hours", "The log's keeper held the lamp for two hours on 14 January.", ["Ragna Lie", "ship's lamp", "14 January 1912", "log"]),
]  # fmt: skip
ALIASES = {
    "Ragna Lie": [("Ragna Lie", 3, "rules"), ("R. Lie", 1, "initials"), ("the daughter", 1, "meaning")],
    "Gråskjær": [("Gråskjær", 1, "rules"), ("Gråskjer", 1, "spelling")],
}


def lighthouse() -> GraphData:
    """A made-up story of a lighthouse in two documents, one with pages and one with emoji."""
    texts, starts = ["".join(PAGES), LOG], [sum(map(len, PAGES[:at])) for at in range(len(PAGES) + 1)]
    names = list(dict.fromkeys(name for *_, some in FACTS for name in some))
    facts = []
    for document, quote, text, some in FACTS:
        start = texts[document].index(quote)
        spans = [[start, start + len(quote)]]
        facts.append({"text": text, "document": document, "spans": spans, "nodes": [*map(names.index, some)]})
    facts[9]["spans"].append(_span(texts[0], "turned away from Gråskjær"))
    of = {name: [number for number, fact in enumerate(FACTS) if name in fact[3]] for name in names}
    order = sorted(names, key=lambda name: -len(of[name]))
    for fact in facts:
        fact["nodes"] = [order.index(names[old]) for old in fact["nodes"]]
    forms = {name: ALIASES.get(name, [(name, len(of[name]), "rules")]) for name in names}
    nodes = [
        {
            "name": name,
            "aliases": [{"name": form, "facts": n, "stage": stage} for form, n, stage in forms[name]],
            "facts": of[name],
        }
        for name in order
    ]
    pages = [
        {"number": n + 1, "label": "i" if n == 0 else str(n), "start": starts[n], "end": starts[n + 1]}
        for n in range(len(PAGES))
    ]
    documents = [
        {"name": "hvalnes-report.pdf", "unit": "page", "text": texts[0], "pages": pages},
        {"name": "log.txt", "unit": "line", "text": LOG, "pages": []},
    ]
    return {"documents": documents, "nodes": nodes, "facts": facts, "answers": _answers(texts[0])}  # type: ignore[typeddict-item]


def _span(text: str, quote: str) -> list[int]:
    return [text.index(quote), text.index(quote) + len(quote)]


def _answers(text: str) -> list[dict[str, Any]]:
    def piece(of: str) -> dict[str, int]:
        start = text.index(of)
        return {"document": 0, "start": start, "end": text.index("\n\n", start + 20)}

    storm, inquiry = (
        piece("On 14 January 1912"),
        {"document": 0, "start": text.index("The inspector"), "end": len(text)},
    )
    keepers = piece("Johan Lie has kept")

    def step(do: str, node: str, pieces: list[Any], noted: int) -> dict[str, Any]:
        return {"do": do, "node": node, "pieces": pieces, "noted": noted}

    first = {
        "start": "Aurora",
        "ended": "it finds that the question can be answered",
        "conclusion": "Ragna Lie, the keeper's daughter, held the lamp that the Aurora saw.",
        "steps": [
            step("stop_and_read_neighbor", "Aurora", [], 2),
            step("read_neighbor_node", "Aurora", [], 0),
            step("read_chunk", "ship's lamp", [storm, inquiry], 1),
            step("termination", "ship's lamp", [storm], 1),
        ],
    }
    second = {
        "start": "Johan Lie",
        "ended": "no neighbour leads on",
        "conclusion": "",
        "steps": [
            step("read_chunk", "Johan Lie", [keepers], 1),
            step("search_more", "Johan Lie", [keepers], 0),
            step("termination", "Johan Lie", [], 0),
        ],
    }
    who = "Who saved the steamer Aurora, and what was she paid?"
    return [
        {"question": who, "answer": "Ragna Lie; she was paid twelve crowns.", "status": "answered", "paths": [first, second]},
        {"question": "What did the oil cost?", "answer": "The documents do not say.", "status": "not_found", "paths": []},
    ]  # fmt: skip


def test_the_same_data_give_the_same_page_and_it_refers_to_nothing_outside() -> None:
    made = page(lighthouse())
    assert made == page(copy.deepcopy(lighthouse()))
    assert not re.search(r"https?://|\bsrc=|@import|url\(|//cdn", made)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', made)
    assert policy and policy[1].startswith("default-src 'none';") and "unsafe" not in policy[1]


def test_no_text_can_close_the_data_or_be_taken_for_a_place_to_fill() -> None:
    data = lighthouse()
    data["facts"][0]["text"] = "</script><!--<script>{{policy}}{{data}} \ud83c"
    made = page(data)
    between = made.split('id="data">', 1)[1].split("</script>", 1)[0]
    assert "<" not in between and r"\u003c/script>\u003c!--\u003cscript>{{policy}}{{data}} �" in between
    assert made.encode("utf-8").count(b"<script") == 2


@pytest.mark.parametrize("where", ["document", "element", "fact", "piece", "name"])
def test_data_that_lead_nowhere_are_refused(where: str) -> None:
    data = lighthouse()
    if where == "document":
        data["facts"][3]["document"] = 2
    elif where == "element":
        data["facts"][3]["nodes"].append(-1)
    elif where == "fact":
        data["nodes"][3]["facts"].append(99)
    elif where == "piece":
        data["answers"][0]["paths"][0]["steps"][3]["pieces"][0]["document"] = 5
    else:
        data["nodes"][3]["name"] = data["nodes"][4]["name"]
    with pytest.raises(ValueError, match=r"same name|is number"):
        page(data)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, driven by playwright; its own download of a browser is not needed."""
    api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


class Opened:
    """A page in the browser, and what went wrong on it."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self._path = path
        self.page = browser.new_page(**{"viewport": {"width": 1100, "height": 760}, **options})
        self.page.set_default_timeout(20_000)
        self.wrong: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", lambda told: self.wrong.append(told.text) if told.type == "error" else None)
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, data: GraphData, at: str = "") -> Any:
        self._path.write_text(page(data), "utf-8")
        self.page.goto(self._path.as_uri() + at)
        return self.page

    def mark_in_view(self) -> str:
        """The first mark's text; it must lie in the window, and in the panel that scrolls."""
        mark = self.page.locator("#text mark").first
        mark.wait_for()
        assert mark.evaluate(
            "one => { const m = one.getClientRects()[0], b = one.closest('.body').getBoundingClientRect();"
            " return m.top >= b.top && m.bottom <= b.bottom && m.top >= 0 && m.bottom <= innerHeight }"
        )
        return mark.text_content()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pages: list[Opened] = []

    def make(**options: Any) -> Opened:
        pages.append(Opened(browser, tmp_path / "graph.html", **options))
        return pages[-1]

    yield make
    for one in pages:
        one.page.close()
        assert one.wrong == []
        assert all(url.startswith("file:") for url in one.asked)


def heading(shown: Any, panel: str, text: str) -> None:
    shown.locator(f"#{panel} h2", has_text=text).wait_for()


def test_from_a_search_to_the_quote(opened: Any) -> None:
    one = opened()
    shown = one.open(lighthouse())
    assert shown.locator("#counts").text_content() == "2 documents, 15 facts, 19 elements"
    first = shown.locator("#results a").first
    assert "Hvalnes lighthouse" in first.text_content()

    shown.fill("#query", "graskjaer")
    assert "Gråskjær" in first.text_content()
    shown.fill("#query", "DAUGHTER")
    assert [row.text_content() for row in shown.locator("#results ul").first.locator("a").all()] == [
        "Ragna Lie 4 facts"
    ]
    first.click()
    heading(shown, "element", "Ragna Lie")
    told = shown.locator("#element").inner_text()
    assert "by initials, 1 fact" in told and "4 facts, 6 neighbours" in told
    assert shown.locator("#element svg a").count() == 6
    assert shown.locator("#element ul").last.locator("a").first.text_content() == "log 2 facts shared"

    shown.locator("#element a.row", has_text="twelve crowns").first.click()
    assert one.mark_in_view() == "Ragna was paid twelve crowns."
    assert shown.locator("#place").text_content() == "page 5 (4) of 5"
    shown.click("#before")
    assert "14 January 1912" in shown.locator("#text .body").inner_text()
    assert shown.locator("#text mark").count() == 0
    shown.go_back()
    heading(shown, "element", "Ragna Lie")
    shown.go_forward()
    assert one.mark_in_view() == "Ragna was paid twelve crowns."

    shown.locator("#element svg a", has_text="Johan Lie").click()
    heading(shown, "element", "Johan Lie")
    assert "node=Johan+Lie" in shown.url


def test_a_quote_far_down_its_page_and_one_behind_emoji_are_marked(opened: Any) -> None:
    one = opened()
    shown = one.open(lighthouse(), "#fact=7")
    assert one.mark_in_view() == "In the winter of 1912 the assistant keeper, Moe, rowed to Torsund"
    heading(shown, "element", "Fact")
    shown.locator("#element a", has_text="oil").click()
    shown.locator("#element a.row", has_text="log.txt, line 2").click()
    heading(shown, "text", "log.txt")
    assert one.mark_in_view() == "Moe not back with the oil."
    shown.goto(shown.url.split("#")[0] + "#fact=14")
    shown.locator("#text mark", has_text="Held the lamp two hours").wait_for()
    assert one.mark_in_view() == "Held the lamp two hours"
    shown.goto(shown.url.split("#")[0] + "#fact=9")
    shown.get_by_role("link", name="passage 2").click()
    shown.locator("#text mark", has_text="turned away").wait_for()
    assert one.mark_in_view() == "turned away from Gråskjær"


def test_a_path_is_replayed(opened: Any) -> None:
    one = opened()
    shown = one.open(lighthouse())
    shown.locator("#answers a", has_text="Who saved the steamer").click()
    shown.locator("#answers a", has_text="From “Aurora”").click()
    step = shown.locator("#answers .step")
    seen = []
    for number in range(1, 6):
        step.locator("p", has_text=f"Step {number} of 5").wait_for()
        seen.append((step.locator("p").nth(1).text_content(), shown.locator("#element h2").text_content()))
        if number < 5:
            step.get_by_role("link", name="Next step").press("Enter")
    assert seen == [
        ("Read the facts of “Aurora”, and wanted to read no text there. It noted 2 findings.", "Aurora"),
        ("Went from “Aurora” to its neighbour “ship's lamp”.", "ship's lamp"),
        (
            "Read the facts of “ship's lamp”, and chose 2 pieces of the text to read. It noted 1 finding.",
            "ship's lamp",
        ),
        (
            "Read a piece of the text, and found that the question can be answered. It noted 1 finding.",
            "ship's lamp",
        ),
        ("The path ended: it finds that the question can be answered.", "ship's lamp"),
    ]
    assert "Ragna Lie, the keeper's daughter" in step.inner_text()
    assert step.get_by_role("button", name="Next step").is_disabled()
    shown.go_back()
    step.locator("p", has_text="Step 4 of 5").wait_for()
    assert one.mark_in_view().startswith("On 14 January 1912 the light was dark")
    other = opened()
    shown = other.open(lighthouse(), "#answer=0&path=1&step=2")
    heading(shown, "element", "Johan Lie")
    assert "none leads on" in shown.locator("#answers .step").inner_text()
    assert other.mark_in_view().startswith("Johan Lie has kept the light")


def test_by_keyboard_on_a_narrow_screen(opened: Any) -> None:
    one = opened(viewport={"width": 400, "height": 760}, color_scheme="dark")
    shown = one.open(lighthouse())
    shown.keyboard.press("/")
    shown.keyboard.type("lie")
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("ArrowDown")
    shown.keyboard.press("Enter")
    heading(shown, "element", "Ragna Lie")
    assert shown.evaluate("document.activeElement.textContent") == "Ragna Lie"
    shown.locator("#element a.row", has_text="twelve crowns").first.press("Enter")
    assert one.mark_in_view() == "Ragna was paid twelve crowns."
    assert shown.evaluate("document.documentElement.scrollWidth") <= 400


def test_hostile_text_stays_text(opened: Any) -> None:
    data, hostile = lighthouse(), "</script><!--<img id=bad src=x onerror=alert(1)>{{data}}"
    data["documents"][1]["text"] = data["documents"][1]["text"][:20] + hostile
    data["documents"][1]["name"] = data["nodes"][0]["name"] = data["facts"][1]["text"] = hostile
    data["nodes"][0]["aliases"][0]["name"] = data["answers"][0]["question"] = hostile
    data["facts"][1] |= {"document": 1, "spans": [[20, 20 + len(hostile)]]}
    one = opened()
    shown = one.open(data, "#fact=1")
    assert one.mark_in_view() == hostile
    shown.locator("#element a.row").first.click()
    heading(shown, "element", hostile)
    assert shown.locator("#bad").count() == 0


@pytest.mark.parametrize(
    ("at", "panel", "told"),
    some_slow(
        [
            ("#answer=0&path=0&step=-5", "answers", "Step 1 of 5"),
            ("#answer=0&path=0&step=2.5&passage=9", "text", "The inspector"),
            ("#answer=0&path=0&step=99", "answers", "Step 5 of 5"),
            ("#answer=0&path=7", "answers", "twelve crowns"),
            ("#answer=7", "answers", "What did the oil cost?"),
            ("#fact=99", "text", "Choose a fact"),
            ("#node=nobody", "element", "no element of the graph"),
            ("#node=r.%20lie", "element", "Ragna Lie"),
            ("#%ff&&=", "element", "Choose an element"),
        ]
    ),
)
def test_any_address_opens(opened: Any, at: str, panel: str, told: str) -> None:
    assert told in opened().open(lighthouse(), at).locator(f"#{panel}").inner_text()


def big() -> GraphData:
    """15,000 elements and 9,000 facts over 1 MB of text; the first element stands in 2,000 facts."""
    line = "Entry {:05}: the keeper wrote of wind, of the sea and of what the boat had brought; nothing else befell.\n"
    lines = [line.format(number) for number in range(10_000)]
    facts = [
        {
            "text": f"Entry {at} tells of thing {at} and thing {at * 7 % 15_000}.",
            "document": 0,
            "spans": [[at * len(lines[0]), at * len(lines[0]) + 12]],
            "nodes": sorted({at + 1, at * 7 % 14_999 + 1, *([0] if at < 2_000 else [])}),
        }
        for at in range(9_000)
    ]
    of: list[list[int]] = [[] for _ in range(15_000)]
    for number, fact in enumerate(facts):
        for node in fact["nodes"]:
            of[node].append(number)
    nodes = [
        {
            "name": f"thing {n}",
            "aliases": [{"name": f"Thing {n}", "facts": 1, "stage": "folded"}],
            "facts": some,
        }
        for n, some in enumerate(of)
    ]
    document = {"name": "log.txt", "unit": "line", "text": "".join(lines), "pages": []}
    return {"documents": [document], "nodes": nodes, "facts": facts, "answers": []}  # type: ignore[typeddict-item]


@pytest.mark.slow
def test_a_large_graph_opens_and_answers_at_once(opened: Any) -> None:
    one, data = opened(), big()
    assert len(data["documents"][0]["text"]) > 1_000_000
    began = time.monotonic()
    shown = one.open(data)
    shown.locator("#results a").first.wait_for()
    assert time.monotonic() - began < 10  # a busy machine; most of it is the browser's
    assert shown.locator("*").count() < 500
    typed = (
        "text => { const box = document.getElementById('query'), began = performance.now(); box.value = text;"
    )
    typed += " box.dispatchEvent(new Event('input')); return performance.now() - began }"
    took = [shown.evaluate(typed, text) for text in ("t", "thing 14", "thing 8999")]
    assert max(took) < 1500 and took[-1] < 300, took
    shown.locator("#results a", has_text="Entry 8999").first.click()
    assert one.mark_in_view() == "Entry 08999:"
    shown.goto(shown.url.split("#")[0] + "#node=thing+0")
    heading(shown, "element", "thing 0")
    assert shown.locator("#element svg a").count() == 12
    shown.get_by_role("button", name="Show more (1,970 left)").click()
    shown.locator("#element a.row", has_text="log.txt, line 21").first.click()
    assert one.mark_in_view() == "Entry 00020:"
    assert shown.locator("#place").text_content() == "lines 6 to 33"
    shown.click("#after")
    assert shown.locator("#text .body").inner_text().startswith("Entry 00033:")
    assert shown.locator("#place").text_content().startswith("lines 34 to ")
    shown.click("#before")
    shown.click("#before")
    assert shown.locator("#place").text_content().startswith("lines 1 to ")
    assert shown.locator("#before").is_disabled()
    assert "2,000 facts" in shown.locator("#element p").first.text_content()
