"""The examples run, where their packages are installed."""

import base64
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import yaml

from tests.helpers import QUESTION, REPORT, ROOT, clever, haystack, in_this_process
from tests.server.serving import BOAT, Served, boatman, until

EXAMPLES = ROOT / "examples"
ANSWER = "Oskar Brandvold"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LENGTH = 60
"""Lines of an example that is written to be read."""


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "town.txt"
    path.write_text(haystack(40))
    return path


@pytest.fixture
def environment(home: Path, loopback: Any) -> dict[str, str]:
    model = loopback(reply=clever)
    return {**os.environ, "LCAGENT_API_BASE": model.url, "LCAGENT_WINDOW": "2048", "LCAGENT_HOME": str(home)}


@pytest.fixture
def served(home: Path, loopback: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with Served(home, loopback(reply=boatman).url) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        yield server


def printed(name: str, *arguments: object, env: dict[str, str]) -> str:
    """What an example prints."""
    command = [sys.executable, EXAMPLES / name, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def opened(name: str) -> Any:
    """An example as a module; its client of OpenAI's is closed by who opened it."""
    spec = importlib.util.spec_from_file_location(name.removesuffix(".py"), EXAMPLES / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listens(port: int) -> bool:
    """Something does, at this port of this machine."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def uploads(page: Any) -> bool:
    """It takes the report; a page that is not ready yet drops it without a word."""
    sent: list[str] = []
    page.on("response", lambda said: sent.append(said.url) if said.ok else None)
    page.locator("input[type=file]").first.set_input_files(str(REPORT))
    page.wait_for_timeout(1000)
    return any(re.search("/upload|/project/file", url) for url in sent)


def test_they_are_short() -> None:
    for path in EXAMPLES.iterdir():
        if path.suffix in {".py", ".yml"} and path.name != "make_report.py":
            assert len(path.read_text().splitlines()) <= LENGTH, path.name


def test_all_are_named_in_their_readme() -> None:
    named = set(re.findall(r"`([\w.-]+)`", (EXAMPLES / "README.md").read_text()))
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"} <= named


def test_the_sdk_in_ten_lines(paper: Path, environment: dict[str, str]) -> None:
    text = printed("sdk_ten_lines.py", paper, QUESTION, env=environment)
    assert ANSWER in text and re.search(r"\[1\] town\.txt, .*: .*Oskar Brandvold", text)


@pytest.mark.slow
def test_a_notebook_compares_strategies(
    home: Path, loopback: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    import nbformat

    notebook = nbformat.read(EXAMPLES / "compare_strategies.ipynb", 4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert sum(len(cell.source.splitlines()) for cell in code) <= LENGTH
    for name, value in {
        "LCAGENT_API_BASE": loopback(reply=boatman).url,
        "LCAGENT_WINDOW": "2048",
        "LCAGENT_HOME": str(home),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }.items():
        monkeypatch.setenv(name, value)
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": EXAMPLES}}).execute()
    outputs = [output for cell in code for output in cell.outputs]
    said = "".join(output.text for output in outputs if output.output_type == "stream")
    assert said == "".join(
        f"{strategy}: Anna Sofie [1]\n"
        for strategy in ("auto", "memagent", "mapreduce", "longagent", "graphreader", "segment")
    )
    charts = [output.data["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(charts) == 2 and all(base64.b64decode(chart).startswith(b"\x89PNG") for chart in charts)


@pytest.mark.slow
def test_a_parent_graph_reads(paper: Path, environment: dict[str, str]) -> None:
    text = printed("langgraph_parent.py", paper, QUESTION, env=environment)
    assert ANSWER in text and "(every claim is cited)" in text


def test_the_client_of_openai_asks(served: Served, paper: Path) -> None:
    text = printed("openai_client.py", paper, QUESTION, env=dict(os.environ))
    assert ANSWER in text and f"\n{served.url}/" in text


CHAT_APPS = {
    "gradio": ([sys.executable, "gradio_chat.py"], "textarea"),
    "chainlit": (
        [sys.executable, "-m", "chainlit", "run", "--headless", "chainlit_chat.py"],
        "#chat-input",
    ),
}
"""For each package: its command, and where its page is written into."""


@pytest.mark.parametrize("package", CHAT_APPS)
def test_a_chat_app_shows_an_answer_with_its_place(
    served: Served, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec(package) is None or CHROMIUM is None:
        pytest.skip(f"{package} is not installed, or there is no chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    command, box = CHAT_APPS[package]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("GRADIO_SERVER_PORT", "CHAINLIT_PORT"):
        monkeypatch.setenv(name, str(port))
    monkeypatch.setenv("CHAINLIT_APP_ROOT", str(tmp_path))
    with (
        subprocess.Popen([*command[:-1], EXAMPLES / command[-1]], cwd=tmp_path) as app,
        playwright.sync_playwright() as run,
    ):
        try:
            until(lambda: listens(port), 60)
            page = run.chromium.launch(executable_path=CHROMIUM).new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_selector(box)
            until(lambda: uploads(page))
            page.fill(box, BOAT)
            page.press(box, "Enter")
            page.get_by_text("It was the Anna Sofie.").wait_for()
            link = page.get_by_role("link", name=f"{REPORT.name}, page 13")
            assert str(link.get_attribute("href")).startswith(f"{served.url}/?file=file-")
        finally:
            app.terminate()
    (kept,) = served.http.get("/v1/sessions").json()["data"]
    assert kept["session"].startswith(f"{package}-") and kept["files"][0]["name"] == REPORT.name


def test_slack_is_answered_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("slack_bolt", reason="slack-bolt is not installed")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-any")
    module = opened("slack_bot.py")
    fetched: list[Any] = []

    def get(url: str, *, headers: dict[str, str]) -> httpx.Response:
        fetched.append((url, headers["authorization"]))
        return httpx.Response(200, content=REPORT.read_bytes(), request=httpx.Request("GET", url))

    monkeypatch.setattr(module.httpx, "get", get)
    said: list[dict[str, Any]] = []
    held = {"name": REPORT.name, "url_private_download": "https://files.slack.example/r.pdf"}
    event = {"channel": "C1", "ts": "17.1", "text": f"<@U1> {BOAT}", "files": [held]}
    for _ in range(2):
        module.answer(event, lambda **reply: said.append(reply))
    assert said[0] == said[1] and said[0]["thread_ts"] == "17.1"
    assert said[0]["text"].startswith("It was the Anna Sofie.") and f"<{served.url}/?file=" in said[0]["text"]
    assert fetched == [("https://files.slack.example/r.pdf", "Bearer xoxb-any")] * 2
    assert len(served.http.get("/v1/sessions/slack-C1/17.1/messages").json()["data"]) == 2
    module.client.close()


async def test_open_webui_hands_its_files_on(
    served: Served, paper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Files:
        @staticmethod
        async def get_file_by_id(file: str) -> Any:
            return SimpleNamespace(path=str(paper), filename="town.txt") if file == "held" else None

    storage = SimpleNamespace(get_file=lambda path: path)
    stand_ins = {"models.files": {"Files": Files}, "storage.provider": {"Storage": storage}}
    for name, holds in stand_ins.items():
        monkeypatch.setitem(sys.modules, f"open_webui.{name}", SimpleNamespace(**holds))
    module = opened("open_webui_filter.py")
    between = module.Filter()
    between.valves = module.Filter.Valves(base_url=f"{served.url}/v1")
    said = "<attached_files>\n<file name='town.txt'/>\n</attached_files>\n\nWho was it?"
    sent = await between.inlet(
        {"messages": [{"role": "user", "content": said}], "files": [{"id": "held"}, {"id": "gone"}]}
    )
    assert sent["messages"] == [{"role": "user", "content": "Who was it?"}] and between.file_handler
    (file,) = served.http.get("/v1/files").json()["data"]
    assert sent["lcagent"] == {"files": [file["id"]]} and file["filename"] == "town.txt"


def test_compose_names_a_model_the_server_and_a_page() -> None:
    compose = yaml.safe_load((EXAMPLES / "docker-compose.yml").read_text())
    services = compose["services"]
    assert set(services) == {"vllm", "lcagent", "open-webui"}
    assert services["lcagent"]["environment"]["LCAGENT_API_BASE"] == "http://vllm:8000"
    told = services["open-webui"]["environment"]
    assert told["OPENAI_API_BASE_URL"] == "http://lcagent:8765/v1" and "OPENAI_API_KEY" in told
    assert told["ENABLE_FORWARD_USER_INFO_HEADERS"] == "true"
    assert [told[name] for name in told if name.endswith("_GENERATION")] == ["false"] * 5
    assert (ROOT / services["lcagent"]["build"]["dockerfile"]).exists()
    offered = in_this_process("serve", "--help").stdout
    command, *flags = services["lcagent"]["command"]
    assert command == "serve" and all(flag in offered for flag in flags if flag.startswith("-"))
    volumes = {one.partition(":")[0] for service in services.values() for one in service["volumes"]}
    assert volumes == set(compose["volumes"])
