"""A `vllm serve` of our own: started, awaited, logged, shared between commands, stopped.

A small supervisor process (`vllm_supervisor`) in a session of its own owns the server, so that it
outlives the command that started it, and stops it after a while without a user.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lcagent.errors import EndpointUnavailable
from lcagent.models.endpoint import Endpoint
from lcagent.models.probing import Target, found
from lcagent.models.serving.waiting import pause
from lcagent.private import private_file, private_folder

IDLE_SECONDS = 900.0
"""The server stops after this long without a process that uses it."""
START_SECONDS = 1800.0
"""A first start may download and compile for many minutes."""
_LOOKS, _LOOK_SECONDS = 200, 0.01
"""How often, and how many seconds apart, a process without arguments is looked at."""
_MIB = 1 << 20
_GIB = 1 << 30

# Free GPU memory needed in GiB: weights in bfloat16, room for the cache of some requests, a margin.
_MODELS = [
    (72, "Qwen/Qwen3-30B-A3B-Instruct-2507"),
    (22, "Qwen/Qwen3-8B"),
    (12, "Qwen/Qwen3-4B-Instruct-2507"),
]

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU and its memory in bytes."""

    name: str
    total_bytes: int
    free_bytes: int
    index: int = 0
    """Its number on the bus, from 0."""


@dataclass(slots=True)
class ServerStatus:
    """Our running server, as its supervisor wrote it down."""

    pid: int
    port: int
    model: str
    window: int
    log: str
    state: str
    reason: str = ""
    started: float = 0.0
    leases: list[int] = field(default_factory=list)


def find_vllm() -> Path | None:
    """The `vllm` command: beside this Python, else on PATH."""
    beside = Path(sys.executable).with_name("vllm")
    found = str(beside) if beside.is_file() else shutil.which("vllm")
    return Path(found) if found else None


def gpu_memory() -> list[Gpu]:
    """NVIDIA GPUs by nvidia-smi; none where it is absent or fails.

    Where CUDA_VISIBLE_DEVICES is set, the first one that it names: vLLM starts on that.
    """
    query = [
        "nvidia-smi",
        "--query-gpu=index,uuid,name,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    ]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    first = (chosen or "").split(",")[0].strip()
    gpus: list[Gpu] = []
    for line in done.stdout.strip().splitlines():
        index, uuid, rest = (cell.strip() for cell in line.split(",", 2))
        name, total, free = (cell.strip() for cell in rest.rsplit(",", 2))
        visible = chosen is None or first == index or (first[:4] == "GPU-" and uuid.startswith(first))
        visible = visible or first.startswith("MIG-")  # a part of any of them
        if visible and total.isdigit() and free.isdigit():
            gpus.append(Gpu(name, int(total) * _MIB, int(free) * _MIB, int(index)))
    return gpus


def roomiest(gpus: list[Gpu]) -> Gpu:
    """The GPU with the most free memory: the one that a server is started on."""
    return max(gpus, key=lambda gpu: gpu.free_bytes)


def default_model(free_bytes: int) -> str:
    """The open-licensed instruct model for this much free GPU memory; empty if there is too little."""
    return next((name for need, name in _MODELS if free_bytes >= need * _GIB), "")


def least_memory() -> int:
    """Free GPU memory in bytes that the smallest of these models needs."""
    return min(need for need, _ in _MODELS) * _GIB


def serve_command(
    vllm: Path, model: str, *, window: int, port: int, gpus: list[Gpu]
) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment of the server.

    Args:
        vllm: the `vllm` command.
        model: hub name or local folder.
        window: tokens of one request.
        port: on 127.0.0.1.
        gpus: none means that it runs on the CPU.
    """
    arguments = [
        str(vllm), "serve", model, "--host", "127.0.0.1", "--port", str(port),
        "--max-model-len", str(window), "--enable-prefix-caching", "--enable-prompt-tokens-details",
        "--structured-outputs-config", '{"disable_any_whitespace": true, "backend": "xgrammar"}',
    ]  # fmt: skip
    environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if Path(model).is_dir():
        arguments += ["--served-model-name", Path(model).name]
        environment["HF_HUB_OFFLINE"] = "1"
    if gpus:
        best = roomiest(gpus)
        share = max(0.1, min(0.9, best.free_bytes / best.total_bytes - 0.05))
        arguments += ["--gpu-memory-utilization", f"{share:.2f}"]
        if "CUDA_VISIBLE_DEVICES" not in os.environ:
            # CUDA itself numbers the fastest GPU first, nvidia-smi by their places on the bus.
            environment |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": str(best.index)}
    else:
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
        arguments += ["--dtype", "bfloat16", "--max-num-seqs", "8"]
        environment |= {
            "VLLM_TARGET_DEVICE": "cpu",
            "VLLM_CPU_KVCACHE_SPACE": "2",
            "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)),
        }
    return arguments, environment


def served_name(model: str) -> str:
    """The name that the server knows a model by."""
    return Path(model).name if Path(model).is_dir() else model


def ensure_server(
    model: str,
    *,
    window: int,
    home: Path,
    vllm: Path,
    say: Say,
    idle: float = IDLE_SECONDS,
    halt: threading.Event | None = None,
) -> Endpoint:
    """Our server for this model: the one that runs, or a new one.

    This process is counted as its user until it ends.

    Args:
        model: hub name or local folder.
        window: tokens of one request.
        home: folder of state and logs.
        vllm: the `vllm` command.
        say: gets a sentence every few seconds while it starts.
        idle: seconds without a user after which it stops.
        halt: set by another thread, it ends the wait; the server goes on with its start.

    Raises:
        EndpointUnavailable: it does not start, or another model is in use.
    """
    folder = private_folder(private_folder(home) / "servers")
    with _lock(folder / "vllm.lock"):
        running = status(home)
        if running and not (running.model == model and running.window >= window):
            users = [pid for pid in running.leases if pid != os.getpid()]
            if users:
                raise EndpointUnavailable(
                    f"our vLLM serves {running.model} (window {running.window}), and process"
                    f" {users[0]} is using it",
                    hint="wait for that process, or start a server yourself and name it with --api-base",
                )
            say(f"vLLM changes from {running.model} to {model}")
            stop(home)
            running = None
        _lease(home)
        if running is None:
            _start(model, window=window, home=home, vllm=vllm, idle=idle)
    return _await(model, home, say, halt)


def _start(model: str, *, window: int, home: Path, vllm: Path, idle: float) -> None:
    log = private_file(private_folder(home / "logs") / time.strftime("vllm-%Y%m%d-%H%M%S.log"))
    port = _free_port()
    arguments, environment = serve_command(vllm, model, window=window, port=port, gpus=gpu_memory())
    plan = {
        "arguments": arguments,
        "environment": environment,
        "idle": idle,
        "state_file": str(_state_file(home)),
        "leases": str(home / "servers" / "leases"),
        "status": asdict(ServerStatus(0, port, model, window, str(log), "starting", started=time.time())),
    }
    _state_file(home).unlink(missing_ok=True)
    with log.open("wb") as output:
        supervisor = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "lcagent.models.serving.vllm_supervisor", json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # It outlives us; should it end first, the thread takes its exit status and leaves no zombie.
    threading.Thread(target=supervisor.wait, daemon=True).start()
    starting = ServerStatus(supervisor.pid, port, model, window, str(log), "starting")
    write_status(_state_file(home), starting, only_first=True)  # it may have told more already


def _await(model: str, home: Path, say: Say, halt: threading.Event | None) -> Endpoint:
    began = told = time.monotonic()
    while True:
        running = status(home)
        now = time.monotonic()
        if running is None:
            raise _start_failure(home)
        base_url = f"http://127.0.0.1:{running.port}/v1"
        endpoint = found(Target(base_url, served_name(model), origin="a vLLM server of our own"))
        if endpoint is not None:
            return endpoint
        if now - began > START_SECONDS:
            stop(home)
            raise EndpointUnavailable(
                f"vLLM did not answer within {START_SECONDS:.0f} s", hint=f"its log: {running.log}"
            )
        if now - told >= 10:
            told = now
            say(f"vLLM is loading {running.model} ({now - began:.0f} s); log: {running.log}")
        pause(halt, 0.5)


def status(home: Path) -> ServerStatus | None:
    """Our server, if one is starting or running."""
    state = read_status(_state_file(home))
    if state is None or state.state == "ended" or not _is_supervisor(state.pid):
        return None
    state.leases = living_leases(home / "servers" / "leases")
    return state


def stop(home: Path) -> bool:
    """Stop our server and wait until it has gone; False if none was running."""
    running = status(home)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    for _ in range(300):
        if not _is_supervisor(running.pid):
            break
        time.sleep(0.1)
    return True


def living_leases(folder: Path) -> list[int]:
    """Processes that use the server; files of processes that have ended are removed."""
    pids: list[int] = []
    for file in folder.glob("*"):
        pid = int(file.name) if file.name.isdigit() else 0
        if pid and _alive(pid):
            pids.append(pid)
        else:
            file.unlink(missing_ok=True)
    return pids


def read_status(file: Path) -> ServerStatus | None:
    """The state as written down, whether it still holds or not."""
    try:
        return ServerStatus(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_status(file: Path, state: ServerStatus, *, only_first: bool = False) -> None:
    """Write the state so that a reader sees the old one or the new one, never half of it.

    Args:
        file: where it is kept.
        state: what is so.
        only_first: leave what somebody else has written already.
    """
    temporary = private_file(file.with_suffix(f".{os.getpid()}.tmp"))
    temporary.write_text(json.dumps(asdict(state)), "utf-8")
    if not only_first:
        temporary.replace(file)
        return
    with suppress(FileExistsError):
        os.link(temporary, file)
    temporary.unlink()


def _start_failure(home: Path) -> EndpointUnavailable:
    state = read_status(_state_file(home))
    if state is None:
        return EndpointUnavailable("vLLM was stopped", hint="run the command again")
    log = Path(state.log)
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
    telling = [line for line in lines if "Error" in line or "error:" in line]
    if telling:
        reason = " / ".join(_tail(line) for line in telling[-2:])
    else:
        reason = state.reason or "its supervisor was killed, as when memory runs out"
        reason += f"; its log ends with: {_tail(lines[-1])}" if lines else "; its log is empty"
    return EndpointUnavailable(f"vLLM ended at its start: {reason}", hint=f"its log: {log}")


def _tail(line: str) -> str:
    return line.strip()[-200:]


def how_ended(status: int) -> str:
    """How a process ended, in words.

    Args:
        status: its exit code; less than 0: the signal that killed it.
    """
    if status >= 0:
        return f"exit code {status}"
    memory = ", as when memory runs out" if status == -signal.SIGKILL else ""
    return f"killed by signal {-status}{memory}"


def _state_file(home: Path) -> Path:
    return home / "servers" / "vllm.json"


def _lease(home: Path) -> None:
    folder = private_folder(home / "servers" / "leases")
    private_file(folder / str(os.getpid()))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (OSError, IndexError):
        return False


def _is_supervisor(pid: int) -> bool:
    """Whether a process id is still our supervisor and not another process that got its number."""
    for _ in range(_LOOKS):
        if pid <= 0 or not _alive(pid):
            return False
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return True  # no /proc: trust the id
        if command:
            return b"vllm_supervisor" in command
        # It has just been started and its arguments are not there yet, or it is about to be gone.
        time.sleep(_LOOK_SECONDS)
    return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def _lock(path: Path) -> Generator[None]:
    """Two commands at once start one server."""
    try:
        import fcntl
    except ImportError:  # vLLM does not run where this is missing
        yield
        return
    with private_file(path).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
