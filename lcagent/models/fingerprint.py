"""Tells models apart that are served under one name, by what their server tells of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]


def of_vllm(row: Facts, version: Facts) -> str:
    """Of a model that vLLM serves.

    Args:
        row: its row in `/v1/models`.
        version: what `/version` tells.
    """
    facts = {name: row.get(name) for name in ("id", "root", "max_model_len", "owned_by")}
    return _of("vllm", str(row.get("root") or row.get("id")), {**facts, **version})


def of_llamacpp(row: Facts, props: Facts) -> str:
    """Of a model file that llama.cpp serves, under whatever alias.

    Args:
        row: its row in `/v1/models`.
        props: what `/props` tells.
    """
    told = row.get("meta")
    meta: Facts = told if isinstance(told, dict) else {}
    file = str(props.get("model_path") or row.get("id"))
    template = hashlib.sha256(str(props.get("chat_template")).encode("utf-8", "replace")).hexdigest()
    params = props.get("n_params") or meta.get("n_params")
    facts = {"file": _base(file), "template": template, "params": params, "size": meta.get("size")}
    return _of("llamacpp", file, facts)


def of_name(model: str, tokenizer: str) -> str:
    """Of a model whose server tells nothing of it.

    Args:
        model: its name there.
        tokenizer: what counts its tokens (`TokenCounter.source`).
    """
    return _of("name", model, {"model": model, "tokenizer": tokenizer})


def alike(one: str, other: str) -> bool:
    """Whether two servers may serve the same model, as far as they tell.

    Of vLLM the model's path alone counts: its version and its window differ where one of several servers is
    brought up to date after the other.

    Args:
        one: the fingerprint of one; empty where it tells nothing.
        other: of the other.
    """
    if one.startswith("vllm:") and other.startswith("vllm:"):
        return one.rpartition(":")[0] == other.rpartition(":")[0]
    return not one or not other or one == other


def _of(kind: str, name: str, facts: Facts) -> str:
    exact = json.dumps(facts, sort_keys=True, default=str).encode("utf-8", "replace")
    return f"{kind}:{_base(name)}:{hashlib.sha256(exact).hexdigest()[:16]}"


def _base(path: str) -> str:
    """The last part of a path, whichever system wrote it."""
    return path.replace("\\", "/").rstrip("/").rsplit("/", maxsplit=1)[-1]
