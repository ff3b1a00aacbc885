"""SIGKILL at every step boundary: the two commands together make exactly the calls of an undisturbed one."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lcagent.errors import RunBusy
from tests.helpers import QUESTION, clever, in_this_process, prose
from tests.killable import Killable
from tests.loopback import Loopback

SEGMENTS = 20


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doc") / "doc.txt"
    text = prose(670)
    cut = text.index("\n\n", len(text) // 2)
    path.write_text(
        f"{text[:cut]}\n\nThe harbour master of Vellmere in that year was Oskar Brandvold.{text[cut:]}"
    )
    return path


def arguments(server: Loopback, document: Path, home: Path) -> list[str]:
    return [
        *("ask", str(document), QUESTION, "--api-base", server.url, "--home", str(home), "--json"),
        *("--strategy", "memagent", "--window", "2048"),
        *("--set", "memagent.segment_tokens=800"),  # decides the number of segments, whatever the prompts are
    ]


def command(server: Loopback, document: Path, home: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "lcagent.cli.main", *arguments(server, document, home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background ignores Ctrl-C for all its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("step", range(SEGMENTS + 2))
def test_sigkill_at_every_step_repeats_no_call_and_loses_nothing(
    loopback, document: Path, tmp_path: Path, step: int
) -> None:
    server = loopback(window=2048)
    started: list[Killable] = []
    ready = threading.Event()

    def kills(request):
        if request.number == step:
            assert ready.wait(10)
            started[0].kill()
        return clever(request)

    server.reply = kills
    home = tmp_path / "home"
    started.append(Killable(arguments(server, document, home), tmp_path))
    ready.set()
    assert started[0].ended() == -signal.SIGKILL
    server.reply = clever
    # `--resume` and the plain command do the same for a run that was killed.
    second = in_this_process(*arguments(server, document, home), *(["--resume"] if step % 2 else []))
    assert second.exit_code == 0, second.stderr
    answer = json.loads(second.stdout)
    assert answer["answer"] == "Oskar Brandvold"
    assert answer["usage"]["calls"] == SEGMENTS + 2
    assert answer["usage"]["replayed"] == step
    # The request that was in the air when the process died is sent again, and no other.
    keys = [request.key for request in server.requests]
    assert len(keys) == SEGMENTS + 3
    assert len(set(keys)) == SEGMENTS + 2
    assert keys[step] == keys[step + 1]


def test_two_processes_cannot_write_one_run(loopback, document: Path, tmp_path: Path) -> None:
    server = loopback(window=2048, latency=1.0, reply=clever)
    first = command(server, document, tmp_path / "home")
    while len(server.requests) < 2:
        assert first.poll() is None
    second = command(server, document, tmp_path / "home")
    out, _ = second.communicate()
    home = ["--home", str(tmp_path / "home")]
    deleted = in_this_process("runs", "delete", "last", *home)
    server.latency = 0.0
    answer = first.communicate()[0]
    assert (first.returncode, second.returncode) == (0, 1)
    busy = json.loads(out)
    assert busy["code"] == "RunBusy" and "--resume" in busy["hint"]
    assert isinstance(deleted.exception, RunBusy)
    calls = len(server.requests)
    again = in_this_process(*arguments(server, document, tmp_path / "home"), "--resume")
    assert (json.loads(again.stdout), len(server.requests)) == (json.loads(answer), calls)
    assert in_this_process("runs", "delete", "last", *home).exit_code == 0


def test_ctrl_c_is_exit_status_130_and_says_that_it_goes_on(loopback, document: Path, tmp_path: Path) -> None:
    server = loopback(window=2048, latency=0.1, reply=clever)
    process = command(server, document, tmp_path / "home")
    while len(server.requests) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert "goes on from here" in err and "Traceback" not in err
