"""What this machine has for serving models, as sentences for `lcagent doctor`."""

from __future__ import annotations

from lcagent.models.serving.embedded import available
from lcagent.settings import Settings


def machine_facts(settings: Settings) -> dict[str, str]:
    """Name and state of each thing that serving a model can rest on."""
    from lcagent.models.serving import vllm_server, weights

    vllm = vllm_server.find_vllm()
    gpus = vllm_server.gpu_memory()
    status = vllm_server.status(settings.data_dir)
    return {
        "gpu": "; ".join(f"{g.name}, {g.free_bytes >> 30} of {g.total_bytes >> 30} GiB free" for g in gpus)
        or "none found (nvidia-smi)",
        "vllm": str(vllm) if vllm else "not installed: pip install 'lcagent[vllm]'",
        "server": f"{status.model} on port {status.port}, pid {status.pid}"
        if status
        else "no vLLM of ours runs",
        "embedded": "installed" if available() else "not installed: pip install 'lcagent[local]'",
        "weights": weights.state(settings.models_dir),
        "folder": str(settings.data_dir),
    }
