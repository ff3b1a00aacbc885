"""The examples run, where their packages are installed."""

import base64
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.helpers import QUESTION, ROOT, clever, haystack
from tests.server.serving import Served, able, boatman

EXAMPLES = ROOT / "examples"
ANSWER = "Oskar Brandvold"
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
    with Served(home, loopback(reply=able).url) as server:
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


def test_a_parent_graph_reads(paper: Path, environment: dict[str, str]) -> None:
    text = printed("langgraph_parent.py", paper, QUESTION, env=environment)
    assert ANSWER in text and "(every claim is cited)" in text


def test_the_client_of_openai_asks(served: Served, paper: Path) -> None:
    text = printed("openai_client.py", paper, QUESTION, env=dict(os.environ))
    assert ANSWER in text and f"\n{served.url}/" in text


def test_gradio_chats(served: Served, paper: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed")
    module = opened("gradio_chat.py")
    message, tab = {"text": QUESTION, "files": [str(paper)]}, SimpleNamespace(session_hash="a")
    *_, last = module.reply(message, [], tab)
    assert last.startswith(f"Noted: {QUESTION}")
    assert served.http.get("/v1/sessions/gradio-a").json()["files"][0]["name"] == "town.txt"
    module.client.close()


def test_chainlit_takes_messages() -> None:
    chainlit = pytest.importorskip("chainlit.config", reason="chainlit is not installed")
    opened("chainlit_chat.py")
    assert chainlit.config.code.on_message is not None


def test_slack_is_answered_once(served: Served) -> None:
    pytest.importorskip("slack_bolt", reason="slack-bolt is not installed")
    module = opened("slack_bot.py")
    said: list[dict[str, Any]] = []
    event = {"channel": "C1", "ts": "17.1", "text": "<@U1> The ferry is late."}
    for _ in range(2):
        module.answer(event, lambda **reply: said.append(reply))
    assert said == [{"text": "Noted: The ferry is late.", "thread_ts": "17.1"}] * 2
    assert len(served.http.get("/v1/sessions/slack-C1/17.1/messages").json()["data"]) == 2
    module.client.close()


def test_compose_names_a_model_the_server_and_a_page() -> None:
    compose = yaml.safe_load((EXAMPLES / "docker-compose.yml").read_text())
    services = compose["services"]
    assert set(services) == {"vllm", "lcagent", "open-webui"}
    assert services["lcagent"]["environment"]["LCAGENT_API_BASE"] == "http://vllm:8000"
    told = services["open-webui"]["environment"]
    assert told["OPENAI_API_BASE_URL"] == "http://lcagent:8765/v1" and "OPENAI_API_KEY" in told
    assert told["ENABLE_FORWARD_USER_INFO_HEADERS"] == "true"
    assert (ROOT / services["lcagent"]["build"]["dockerfile"]).exists()
    volumes = {one.partition(":")[0] for service in services.values() for one in service["volumes"]}
    assert volumes == set(compose["volumes"])
