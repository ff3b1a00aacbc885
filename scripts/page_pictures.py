"""python -m scripts.page_pictures: the pictures of the server's page in docs/images, made anew.

In Chromium, over the tests' stand-in model, with the report of examples/.
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.helpers import REPORT, ROOT
from tests.loopback import Loopback
from tests.server.serving import BOAT, CALLED, Served, boatman, slowly

PICTURES = ROOT / "docs" / "images"
SIZE = {"width": 1200, "height": 560}


def asks(page: Page, url: str) -> None:
    """Upload the report and ask."""
    page.goto(url)
    page.wait_for_selector("#strategy option", state="attached")
    page.set_input_files("#file", str(REPORT))
    page.wait_for_selector("#files input:checked")
    page.fill("#question", BOAT)
    page.select_option("#strategy", "lcagent/memagent")
    page.click("#start")


def main() -> None:
    """Take them."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Loopback(reply=slowly(boatman, 0.5)) as model,
        Served(Path(folder), model.url) as served,
        sync_playwright() as run,
    ):
        page = run.chromium.launch(executable_path=chromium).new_page(viewport=SIZE, color_scheme="light")
        asks(page, served.url)
        page.get_by_text(CALLED).wait_for()  # found, and the reading goes on
        page.screenshot(path=PICTURES / "page-reading.png")
        page.wait_for_selector(".answer")
        page.click(".answer .link")
        page.wait_for_selector("#reader rect")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / "page-light.png")


if __name__ == "__main__":
    main()
