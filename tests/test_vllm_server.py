"""Ownership of a vLLM server, with a stand-in for the `vllm` command; the real one has its own test."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lcagent.errors import EndpointUnavailable
from lcagent.models.serving import vllm_server
from lcagent.models.serving.connect import choose
from lcagent.models.serving.vllm_server import (
    Gpu,
    default_model,
    ensure_server,
    gpu_memory,
    serve_command,
    status,
    stop,
)
from lcagent.settings import Settings
from tests.helpers import ROOT

GIB = 1 << 30
STAND_IN = f"""#!{sys.executable}
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from tests.loopback import Loopback
if "dies" in sys.argv[2]:
    print("RuntimeError: CUDA out of memory, try a smaller model", file=sys.stderr)
    sys.exit(1)
if "leaves" in sys.argv[2]:
    print("INFO: loading the weights", file=sys.stderr)
    sys.exit(3)
if "killed" in sys.argv[2]:
    os.kill(os.getppid() if "supervisor" in sys.argv[2] else os.getpid(), 9)
    sys.exit(0)
if "hangs" in sys.argv[2]:
    time.sleep(60)
port = int(sys.argv[sys.argv.index("--port") + 1])
window = int(sys.argv[sys.argv.index("--max-model-len") + 1])
time.sleep(0.3)
with Loopback(port=port, window=window, model=sys.argv[2]):
    time.sleep(60)
"""


@pytest.fixture
def vllm(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vllm_server, "START_SECONDS", 30)
    command = tmp_path / "vllm"
    command.write_text(STAND_IN)
    command.chmod(0o755)
    yield command
    stop(home)


def start(vllm: Path, home: Path, model: str = "a/model", window: int = 2048, **options):
    return ensure_server(model, window=window, home=home, vllm=vllm, say=lambda _: None, **options)


def gone(pid: int) -> bool:
    for _ in range(100):
        if not vllm_server._is_supervisor(pid):
            return True
        time.sleep(0.1)
    return False


def test_two_callers_at_once_share_one_server(vllm: Path, home: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: start(vllm, home), range(2))
    assert first.base_url == second.base_url
    assert (first.kind, first.max_model_len) == ("vllm", 2048)
    running = status(home)
    assert running is not None and running.leases == [os.getpid()]
    assert start(vllm, home, window=1024).base_url == first.base_url  # a smaller window is served by it
    assert len(list((home / "logs").glob("vllm-*.log"))) == 1
    assert stop(home)
    assert status(home) is None and gone(running.pid)
    assert not stop(home)


def test_a_server_that_dies_at_its_start_tells_why(vllm: Path, home: Path) -> None:
    with pytest.raises(EndpointUnavailable, match="CUDA out of memory") as caught:
        start(vllm, home, model="dies")
    assert "log" in caught.value.hint


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("leaves", "exit code 3; its log ends with: INFO: loading the weights"),
        ("killed", "killed by signal 9, as when memory runs out; its log is empty"),
        ("supervisor-killed", "its supervisor was killed, as when memory runs out; its log is empty"),
    ],
)
def test_a_server_that_ends_without_an_error_tells_how(vllm: Path, home: Path, model: str, why: str) -> None:
    with pytest.raises(EndpointUnavailable) as caught:
        start(vllm, home, model=model)
    assert caught.value.message == f"vLLM ended at its start: {why}"
    (log,) = (home / "logs").glob("vllm-*.log")
    assert caught.value.hint == f"its log: {log}"


def test_ctrl_c_ends_the_wait_for_a_server(vllm: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "doc.txt").write_text("The harbour master was Oskar Brandvold.")
    process = subprocess.Popen(
        [sys.executable, "-m", "lcagent.cli.main", "ask", "doc.txt", "Who?", "-m", "it-hangs/model"],
        env={**os.environ, "PATH": f"{vllm.parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that runs tests in the background ignores Ctrl-C for all its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while status(home) is None:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "goes on from here" in err and "Traceback" not in err


def test_another_model_is_refused_while_one_is_in_use(vllm: Path, home: Path) -> None:
    start(vllm, home)
    lease = home / "servers" / "leases" / str(os.getppid())
    lease.touch()
    with pytest.raises(EndpointUnavailable, match="is using it"):
        start(vllm, home, model="b/model")
    lease.unlink()
    assert start(vllm, home, model="b/model").model == "b/model"


def test_an_unused_server_stops_by_itself(vllm: Path, home: Path) -> None:
    start(vllm, home, idle=0.2)
    running = status(home)
    assert running is not None
    (home / "servers" / "leases" / str(os.getpid())).unlink()
    assert gone(running.pid)
    assert status(home) is None


def test_a_state_left_behind_is_not_believed(home: Path) -> None:
    file = home / "servers" / "vllm.json"
    file.parent.mkdir(parents=True)
    old = vllm_server.ServerStatus(os.getpid(), 1, "m", 2048, "log", "running")  # a reused process id
    vllm_server.write_status(file, old)
    assert status(home) is None
    file.write_text("{half a fi")
    assert status(home) is None


def test_a_supervisor_is_known_before_the_system_tells_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes
    empty = [b"", b""]  # as /proc tells of a process between its start and its arguments
    monkeypatch.setattr(Path, "read_bytes", lambda file: empty.pop() if empty else read(file))
    command = [sys.executable, "-c", "import time; time.sleep(30)", "vllm_supervisor"]
    with subprocess.Popen(command, start_new_session=True) as process:
        known = vllm_server._is_supervisor(process.pid)
        process.kill()
    assert known and not empty
    assert not vllm_server._is_supervisor(process.pid)


def test_what_a_supervisor_has_told_first_is_kept(home: Path) -> None:
    file = home / "servers" / "vllm.json"
    file.parent.mkdir(parents=True)
    ended = vllm_server.ServerStatus(1, 1, "m", 2048, "log", "ended", reason="exit code 3")
    vllm_server.write_status(file, ended)
    starting = vllm_server.ServerStatus(1, 1, "m", 2048, "log", "starting")
    vllm_server.write_status(file, starting, only_first=True)
    assert vllm_server.read_status(file) == ended
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("free", "model"),
    [
        (4, ""),
        (14, "Qwen/Qwen3-4B-Instruct-2507"),
        (24, "Qwen/Qwen3-8B"),
        (80, "Qwen/Qwen3-30B-A3B-Instruct-2507"),
    ],
)
def test_the_default_model_fits_the_free_memory(free: int, model: str) -> None:
    assert default_model(free * GIB) == model


SMI = """#!/bin/sh
echo '0, GPU-aaaa, NVIDIA A, 24576, 1024'
echo '1, GPU-bbbb, NVIDIA B, with a comma, 81920, 78000'
echo '2, GPU-cccc, NVIDIA C, 24576, 23000'
"""


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text(SMI)
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_server_starts_on_the_gpu_that_it_was_chosen_for(smi: None) -> None:
    gpus = gpu_memory()
    assert [gpu.index for gpu in gpus] == [0, 1, 2] and gpus[1].name == "NVIDIA B, with a comma"
    arguments, environment = serve_command(Path("vllm"), "a/model", window=8192, port=1, gpus=gpus)
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert arguments[-1] == "0.90"


@pytest.mark.parametrize(
    ("chosen", "index"),
    [("2,1", [2]), ("GPU-bbbb", [1]), ("GPU-c", [2]), ("", []), ("-1", []), ("7", []), ("MIG-d", [0, 1, 2])],
)
def test_gpus_that_were_chosen_by_hand_stay_chosen(
    smi: None, monkeypatch, chosen: str, index: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    gpus = gpu_memory()
    assert [gpu.index for gpu in gpus] == index
    assert "CUDA_VISIBLE_DEVICES" not in serve_command(Path("v"), "m", window=512, port=1, gpus=gpus)[1]


def test_a_gpu_that_is_too_small_is_told_as_such(smi: None, vllm: Path, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    choice = choose(Settings())
    assert choice.source != "vllm"
    assert "NVIDIA A has 1 GiB free" in choice.why and "needs 12" in choice.why


def test_the_command_sets_window_prefix_cache_and_memory(tmp_path: Path) -> None:
    gpu = [Gpu("H", 80 * GIB, 60 * GIB)]
    arguments, environment = serve_command(Path("vllm"), "a/model", window=8192, port=8123, gpus=gpu)
    line = " ".join(arguments)
    assert "--max-model-len 8192" in line and "--enable-prefix-caching" in line
    assert "--gpu-memory-utilization 0.70" in line and "--host 127.0.0.1" in line
    assert environment["VLLM_NO_USAGE_STATS"] == "1" and "VLLM_TARGET_DEVICE" not in environment
    arguments, environment = serve_command(Path("vllm"), str(tmp_path), window=2048, port=8123, gpus=[])
    assert environment["VLLM_TARGET_DEVICE"] == "cpu" and environment["HF_HUB_OFFLINE"] == "1"
    assert arguments[arguments.index("--served-model-name") + 1] == tmp_path.name
