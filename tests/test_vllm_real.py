"""The default backend, for real: vLLM on the CPU, started, awaited, shared and stopped by our own code.

LCAGENT_TEST_VLLM names the folder of the `vllm` command and LCAGENT_TEST_VLLM_MODEL a model folder;
`scripts/test` makes both.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lcagent.models.serving import vllm_server
from lcagent.models.tokens import counter_for
from tests.helpers import REPORT

BIN, MODEL = os.environ.get("LCAGENT_TEST_VLLM", ""), os.environ.get("LCAGENT_TEST_VLLM_MODEL", "")
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(2400),
    pytest.mark.xdist_group("vllm"),
    pytest.mark.skipif(
        not (BIN and MODEL), reason="LCAGENT_TEST_VLLM and _MODEL name no vLLM (scripts/test does)"
    ),
]
QUESTION = "Which fishing boat called for help from the Grunnings?"


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "LCAGENT_HOME": str(home),
    }


def ask(home: Path, question: str, *more: str) -> subprocess.Popen:
    arguments = [sys.executable, "-m", "lcagent.cli.main", "ask", str(REPORT), question]
    options = ["-m", MODEL, "--window", "2048", "--strategy", "memagent", "--json", *more]
    return subprocess.Popen(
        [*arguments, *options],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_vllm_is_started_shared_killed_resumed_and_stopped(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        _walk_through(home)
    finally:
        vllm_server.stop(home)


def _walk_through(home: Path) -> None:
    doctor = [sys.executable, "-m", "lcagent.cli.main", "doctor", "-m", MODEL, "--json"]
    facts = json.loads(subprocess.run(doctor, env=environment(home), capture_output=True, text=True).stdout)
    assert facts["uses"] == "vllm"

    # The first command starts the server, and dies with it in the middle of the run.
    first = ask(home, QUESTION, "-v")
    assert first.stderr is not None
    told: list[str] = []
    for line in first.stderr:
        told.append(line)
        if "segment 2" in line:
            break
    status = vllm_server.status(home)
    assert status is not None, "".join(told)
    os.killpg(_server_group(status.pid), signal.SIGKILL)
    out, _ = first.communicate()
    assert first.returncode == 1
    error = json.loads(out)
    assert error["code"] == "EndpointUnavailable"
    assert error["hint"]

    # The same question goes on with a new server.
    second = ask(home, QUESTION, "--resume")
    out, err = second.communicate()
    assert second.returncode == 0, err
    answer = json.loads(out)
    assert "Anna Sofie" in answer["answer"]
    assert 13 in [citation["page"] for citation in answer["citations"]]
    assert answer["usage"]["replayed"] >= 2
    # Besides the segments: the plan, the answer, and a second look where the first answer leads on.
    assert answer["usage"]["calls"] - answer["coverage"]["segments_total"] in {2, 3}

    # A second command shares it.
    shared = vllm_server.status(home)
    assert shared is not None
    third = ask(home, "What is the call sign of the station?")
    out, err = third.communicate()
    assert third.returncode in {0, 3}, err  # whether a 1.5B model is sure of it is not what is tested here
    again = vllm_server.status(home)
    assert again is not None and again.pid == shared.pid
    # The stable front of a prompt is served from vLLM's prefix cache.
    assert json.loads(out)["usage"]["cached_tokens"] > 0

    endpoint = vllm_server.ensure_server(
        MODEL, window=2048, home=home, vllm=Path(BIN) / "vllm", say=lambda _: None
    )
    counter = counter_for(endpoint, None)
    assert counter.exact and counter.source.startswith("server:")
    messages = [{"role": "user", "content": "Where does the tide run hardest? " * 40}]
    body = {"model": endpoint.model, "messages": messages, "max_tokens": 8}
    usages = [
        httpx.post(f"{endpoint.base_url}/chat/completions", json=body, timeout=300).json()["usage"]
        for _ in range(2)
    ]
    assert counter.count_messages(messages) == usages[0]["prompt_tokens"]
    assert usages[1]["prompt_tokens_details"]["cached_tokens"] > 0
    counter.close()

    group = _server_group(again.pid)
    assert vllm_server.stop(home)
    assert vllm_server.status(home) is None
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


def _server_group(supervisor: int) -> int:
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
    return int(children[0])
