"""The page, in a real browser: what a person does, sees and can reach by keyboard and screen reader."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chatting import HOME
from tests.helpers import REPORT, prose
from tests.server.serving import BOAT, CALLED, Served, boatman, slowly

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")


@pytest.fixture
def served(home: Path, loopback: Any, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The server; with the parameter "handed" one that hands readings to workers."""
    engine = None
    if hasattr(request, "param"):
        from lcagent.work.engine import Engine  # which needs the extra `postgres`

        engine = Engine(request.getfixturevalue("database"))
    with Served(home, loopback(reply=slowly(boatman, 0.15)).url, engine=engine) as server:
        yield server


@pytest.fixture
def page(served: Served) -> Iterator[Any]:
    """The page, watched: it asks nobody else, and nothing goes wrong in it."""
    faults: list[str] = []
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM)
        shown = browser.new_page(viewport={"width": 1280, "height": 900})
        shown.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        shown.on("pageerror", lambda error: faults.append(str(error)))
        shown.on(
            "request", lambda asked: faults.append(asked.url) if not _own(asked.url, served.url) else None
        )
        shown.goto(served.url)
        shown.wait_for_selector("#strategy option", state="attached")
        yield shown
        browser.close()
    assert faults == []


def _own(url: str, base: str) -> bool:
    return url.startswith((f"{base}/", f"blob:{base}/", "data:"))


def ask(page: Any, strategy: str = "lcagent/memagent") -> None:
    page.set_input_files("#file", str(REPORT))
    page.wait_for_selector("#files input:checked")
    page.fill("#question", BOAT)
    page.select_option("#strategy", strategy)
    page.press("#question", "Enter")


def test_a_person_asks_watches_and_opens_the_quote(page: Any) -> None:
    ask(page)
    page.wait_for_selector(".strip i.done")
    assert (
        0
        < int(page.get_attribute(".strip", "aria-valuenow"))
        < int(page.get_attribute(".strip", "aria-valuemax"))
    )
    page.reload()  # in the middle: it goes on
    page.wait_for_selector(".answer", timeout=60_000)
    assert page.inner_text(".answer") == "Anna Sofie [1]"
    assert page.locator(".strip i.kept").count() == 1 and not page.is_visible("text=Stop")
    assert "page 13" in page.inner_text(".foot li")
    page.click("text=Found so far")
    assert "page 13, 11 Wireless and mail" in page.inner_text("details li")
    page.focus(".answer .link")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reader rect")
    boxes = page.eval_on_selector_all(
        "#reader rect", "all => all.map(one => one.getBoundingClientRect().width)"
    )
    assert len(boxes) == 2 and all(width > 100 for width in boxes)
    assert page.inner_text("#reader-place").startswith("page 13")
    said, opened = (page.locator(one).bounding_box() for one in (".answer", "#reader"))
    assert said["x"] + said["width"] <= opened["x"]  # beside each other
    page.click("#reader-next")
    page.locator("#reader-place", has_text="page 14").wait_for()
    page.keyboard.press("Escape")
    assert not page.is_visible("#reader")


def test_the_address_of_a_citation_opens_the_document_at_the_quote(page: Any, served: Served) -> None:
    file = served.upload(
        "Nothing here.\n\nThe tide was high on Tuesday.\n\n<img src=x onerror=alert(1)>", "tide.txt"
    )
    page.goto(f"{served.url}/?file={file}&start=15&end=44")
    page.wait_for_selector("#reader mark")
    assert page.inner_text("#reader mark") == "The tide was high on Tuesday."
    assert page.locator("#reader img").count() == 0 and "<img src=x" in page.inner_text("#reader-body")


@pytest.mark.slow
def test_a_run_is_stopped(page: Any, served: Served) -> None:
    ask(page)
    page.wait_for_selector(".strip i.done")
    page.click("text=Stop")
    page.locator(".run [role=status]", has_text="stopped").wait_for()
    assert (
        served.service.jobs.live == 0
        and served.http.get("/v1/runs").json()["data"][0]["status"] == "cancelled"
    )


@pytest.mark.slow
@pytest.mark.parametrize("served", ["handed"], indirect=True)
def test_a_run_that_waits_for_a_worker_says_so(page: Any, served: Served) -> None:
    page.reload()
    page.locator("#model", has_text="no worker is there").wait_for()
    ask(page)
    page.locator(".run [role=status]", has_text="waiting for a worker: no worker was ever there").wait_for()
    page.click("#to-runs")
    assert "queued, waiting for a worker" in page.inner_text("#past tr:nth-child(1)")


@pytest.mark.slow
def test_past_runs_are_compared_side_by_side(page: Any) -> None:
    for strategy in ("lcagent/direct", "lcagent"):
        ask(page, strategy)
        page.wait_for_selector(".run .answer, .run .error", timeout=60_000)
        page.goto(page.url.partition("#")[0])
        page.wait_for_selector("#strategy option", state="attached")
    page.click("#to-runs")
    page.wait_for_selector("#past tr:nth-child(2)")
    for row in (1, 2):
        page.check(f"#past tr:nth-child({row}) input")
    page.click("#compare")
    page.locator("#pair .answer, #pair .error").nth(1).wait_for()
    left, right = (page.locator("#pair .run").nth(at).bounding_box() for at in (0, 1))
    assert left["y"] == right["y"] and left["x"] < right["x"]


@pytest.mark.slow
def test_a_person_talks_and_sees_what_is_remembered_and_from_where(page: Any) -> None:
    page.click("#to-chat")
    page.fill("#message", HOME)
    page.press("#message", "Enter")
    page.wait_for_selector("#memory li")
    assert "Lives in Paris." in page.inner_text("#memory")
    page.click("#memory summary")
    assert HOME in page.inner_text("#memory details")
    page.reload()
    page.wait_for_selector("#messages li")
    assert page.locator("#messages li").count() == 2


@pytest.mark.slow
def test_a_conversation_that_is_come_back_to_opens_where_its_answers_stand(page: Any, served: Served) -> None:
    file = served.upload(f"{prose(60)}\n\n{CALLED}\n\n{prose(60, 1)}", "log.txt")
    page.click("#to-chat")
    page.check(f"#chat-files input[value={file}]")
    page.fill("#message", BOAT)
    page.press("#message", "Enter")
    page.wait_for_selector("#messages .assistant .foot", timeout=60_000)
    said = [one.partition("\n")[2] for one in page.locator("#messages .assistant").all_inner_texts()]
    page.reload()
    page.wait_for_selector("#messages .assistant .foot")
    again = [one.partition("\n")[2] for one in page.locator("#messages .assistant").all_inner_texts()]
    assert again == said and "It was the Anna Sofie. [1]" in again[0]
    page.focus("#messages .foot .link")
    page.keyboard.press("Enter")
    page.wait_for_selector("#reader mark")
    assert page.inner_text("#reader mark") == CALLED


@pytest.mark.slow
def test_what_a_page_shows_can_be_read_by_everybody(page: Any, served: Served) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    ask(page)
    page.wait_for_selector(".answer", timeout=60_000)
    here = page.url
    for scheme in ("light", "dark"):
        for width in (1280, 360):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            for address in (here, f"{served.url}/#chat", f"{served.url}/#runs"):
                page.goto(address)
                page.wait_for_load_state("networkidle")
                found = axe.run(page).response["violations"]
                assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []
                wide = page.evaluate(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth"
                )
                assert wide <= 0, (address, width)


@pytest.mark.slow
def test_who_needs_a_key_is_asked_for_it(home: Path, loopback: Any) -> None:
    from lcagent.memory.served.keys import Keys
    from lcagent.memory.served.tables import open_served

    store = open_served(home)
    secret = Keys(store).create("team")[1]
    store.close()
    with (
        Served(home, loopback(reply=boatman).url, require_keys=True) as served,
        playwright.sync_playwright() as run,
    ):
        browser = run.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page()
        page.goto(served.url)
        page.fill("#key", secret)
        page.press("#key", "Enter")
        page.wait_for_selector("#strategy option", state="attached")
        page.set_input_files("#file", str(REPORT))
        page.wait_for_selector("#files input:checked")
        browser.close()
        assert served.as_key(secret).get("/v1/files").json()["data"][0]["filename"] == REPORT.name
