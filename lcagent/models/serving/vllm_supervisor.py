"""The process that owns our vLLM server: runs it, stops it when nobody uses it, notes its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from lcagent.models.serving.vllm_server import ServerStatus, how_ended, living_leases, write_status

_TERM_SECONDS = 20.0


def supervise(plan: dict[str, object]) -> int:
    """Run the server until it ends, is told to stop, or has had no user for a while."""
    state = ServerStatus(**plan["status"])  # type: ignore[arg-type]
    state.pid = os.getpid()
    state_file, leases = Path(str(plan["state_file"])), Path(str(plan["leases"]))
    stopping: list[str] = []

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopping.append("stopped")

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    environment = {**os.environ, **plan["environment"]}  # type: ignore[dict-item]
    server = subprocess.Popen(plan["arguments"], env=environment, start_new_session=True)  # type: ignore[call-overload]  # noqa: S603
    state.state = "running"
    write_status(state_file, state)
    used = time.monotonic()
    while (ended := server.poll()) is None and not stopping:
        if living_leases(leases):
            used = time.monotonic()
        elif time.monotonic() - used > float(str(plan["idle"])):
            stopping.append("nobody used it")
        time.sleep(0.25)
    state.reason = how_ended(ended) if ended is not None else stopping[0]
    _end(server)
    state.state = "ended"
    write_status(state_file, state)
    return 0


def _end(server: subprocess.Popen[bytes]) -> None:
    """End the server and the engine processes it started: they share its process group."""
    for number, wait in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(server.pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            server.poll()
            try:
                os.killpg(server.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(supervise(json.loads(sys.argv[1])))
