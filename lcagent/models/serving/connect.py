"""Which model server is used: the order of choices, the reason, and how to open it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from lcagent.errors import AccessRefused, EndpointUnavailable
from lcagent.local_file import names_provider
from lcagent.models.endpoint import Endpoint
from lcagent.models.probing import ServerLoading, Target, found
from lcagent.models.serving.several import Found, check_models, look_at_each
from lcagent.settings import Settings

LOCAL_BASE = "http://127.0.0.1:8000/v1"
_DOCTOR = "`lcagent doctor` says what else would be used"
_KNOWN = frozenset(
    "anthropic azure azure_ai bedrock cerebras cohere databricks deepseek fireworks_ai gemini groq mistral"
    " nvidia_nim ollama openai openrouter perplexity replicate together_ai vertex_ai watsonx xai".split()
)
"""Providers whose names tell what is missing where litellm, which knows them all, is not installed."""

Source = Literal["given", "found", "vllm", "provider", "embedded", "none"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """What would be used, and why.

    Args:
        source: given endpoint, found server, our own vLLM, a litellm provider, the embedded engine.
        model: the model's name there; empty if the server decides.
        why: one clause for people.
        remedy: the one command that mends or betters it; empty if nothing is missing.
        endpoint: the endpoint, where one answers already; of several that are named the first that does.
        several: all that are named, where these are several.
    """

    source: Source
    model: str
    why: str
    remedy: str = ""
    endpoint: Endpoint | None = None
    vllm: Path | None = None
    several: tuple[Found, ...] = ()


def choose(settings: Settings, given: Sequence[Found] = ()) -> Choice:
    """Pick a model server, in the order that docs and `lcagent doctor` state; starts nothing.

    Args:
        settings: endpoints, model, key.
        given: the endpoints that are named, where they have been asked already (`look_at_each`).

    Raises:
        ServerLoading: the endpoint that was named is not ready yet.
        EndpointUnavailable: an endpoint was named and cannot be asked, or several serve different models.
            No other is taken instead.
    """
    wanted = (settings.model or "").removeprefix("hosted_vllm/")
    if settings.api_bases:
        return _given(settings, given or look_at_each(settings))
    if _is_gguf(settings.model) or settings.model == "embedded":
        return _embedded(settings, "named with --model")
    provider = _provider(settings.model or "")
    # A provider's key is not for whatever listens on this machine.
    here = _local(wanted, None if provider else settings.api_key)
    if here:
        return Choice("found", here.model, "a server answers at 127.0.0.1:8000", endpoint=here)
    if provider and find_spec("litellm") is None:
        why = f"{provider!r} is a provider, and litellm, through which it is asked, is not installed"
        return Choice("none", wanted, why, remedy="pip install 'lcagent[providers]'")
    if provider:
        return Choice("provider", wanted, f"named with --model: litellm provider {provider!r}")
    return _own(settings, wanted)


def survey(settings: Settings, given: Sequence[Found] = ()) -> tuple[Choice, Choice | None]:
    """For `lcagent doctor`: what would be used, and what instead where a named endpoint cannot be.

    Args:
        settings: endpoints, model, key.
        given: see `choose`.

    Raises:
        SettingsError: the endpoint is no URL.
    """
    try:
        return choose(settings, given), None
    except EndpointUnavailable as error:
        mend = error.hint.removesuffix(_DOCTOR).removesuffix("; ")
        instead = choose(settings.model_copy(update={"api_base": None}))
        return Choice("none", "", error.message, remedy=mend), instead


def _given(settings: Settings, found: Sequence[Found]) -> Choice:
    endpoints = [one.endpoint for one in found if one.endpoint]
    if not endpoints:
        raise _unasked(settings, [one.error for one in found if one.error])
    check_models(found)
    why = "given by --api-base or LCAGENT_API_BASE"
    if len(found) == 1:
        return Choice("given", endpoints[0].model, why, endpoint=endpoints[0])
    why = f"{len(found)} servers, {why}; {len(endpoints)} of them answer{'s' * (len(endpoints) == 1)}"
    return Choice("given", endpoints[0].model, why, endpoint=endpoints[0], several=tuple(found))


def _unasked(settings: Settings, errors: Sequence[EndpointUnavailable]) -> EndpointUnavailable:
    """Why none of the endpoints that are named can be asked."""
    loading = next((error for error in errors if isinstance(error, ServerLoading)), None)
    if loading:
        return loading
    error = errors[0]
    if isinstance(error, AccessRefused):
        if settings.api_key is None and Path("lcagent.toml").is_file():
            error.hint += "; a server that ./lcagent.toml names gets no key but one from there"
        return error
    hint = "; ".join(filter(None, [error.hint, _DOCTOR]))
    if len(errors) == 1:
        error.hint = hint
        return error
    told = "; ".join(error.message for error in errors)
    return EndpointUnavailable(f"none of the {len(errors)} model servers can be asked: {told}", hint=hint)


def _local(wanted: str, api_key: str | None) -> Endpoint | None:
    """The server at the usual place, if it serves what is wanted under that very name."""
    model = wanted or None  # a server that wants a key is not ours to use
    quick = found(Target(LOCAL_BASE, model, api_key, timeout=1.0, listed=bool(wanted)))
    return quick and (found(Target(LOCAL_BASE, model, api_key)) or quick)


def _own(settings: Settings, wanted: str) -> Choice:
    from lcagent.models.serving.vllm_server import (
        default_model,
        find_vllm,
        gpu_memory,
        least_memory,
        roomiest,
    )

    vllm = find_vllm()
    gpus = gpu_memory()
    gpu = roomiest(gpus) if gpus else None
    default = default_model(gpu.free_bytes) if gpu else ""
    if vllm is not None and (wanted or default):
        why = f"vLLM is installed; {'GPU ' + gpu.name if gpu else 'no GPU, so on the CPU'}"
        return Choice("vllm", wanted or default, why, vllm=vllm)
    if wanted:
        return Choice(
            "none",
            wanted,
            f"{wanted!r} is served nowhere, and vLLM is not installed to serve it",
            remedy="pip install 'lcagent[vllm]'",
        )
    if gpu and not default:
        why = (
            f"the GPU {gpu.name} has {gpu.free_bytes >> 30} GiB free, and vLLM's smallest model here needs"
            f" {least_memory() >> 30}: free some, or name a smaller one with --model"
        )
    else:
        why = "vLLM is not installed" if vllm is None else "vLLM has no GPU and no --model"
    remedy = "pip install 'lcagent[vllm]'" if default and vllm is None else ""
    return _embedded(settings, f"no server answers, and {why}", remedy)


def _embedded(settings: Settings, why: str, remedy: str = "") -> Choice:
    from lcagent.models.serving.embedded import available

    model = settings.model if _is_gguf(settings.model) else ""
    if not available():
        return Choice(
            "none",
            model or "",
            f"{why}; the embedded engine is not installed",
            "pip install 'lcagent[local]'",
        )
    return Choice("embedded", model or "", why, remedy)


def open_endpoint(
    choice: Choice,
    settings: Settings,
    *,
    say: Say,
    progress: Callable[[str, int, int], None],
    stack: ExitStack,
    halt: threading.Event | None = None,
) -> Endpoint:
    """Make the choice's server answer: use, start or fetch what it needs.

    Args:
        choice: from `choose`.
        settings: window, folders, slots.
        say: gets sentences for people.
        progress: gets (what, bytes done, bytes in all) while a model file is fetched.
        stack: closes what was opened for this process alone.
        halt: set by another thread, it ends the wait.

    Raises:
        EndpointUnavailable: it cannot be made to answer.
        WeightsError: the model file cannot be had.
    """
    if choice.endpoint is not None:
        return choice.endpoint
    if choice.source == "none":
        raise EndpointUnavailable(f"no model: {choice.why}", hint=choice.remedy)
    if choice.source == "vllm" and choice.vllm is not None:
        from lcagent.models.serving.vllm_server import ensure_server

        return ensure_server(
            choice.model,
            window=settings.window,
            home=settings.data_dir,
            vllm=choice.vllm,
            say=say,
            halt=halt,
        )
    from lcagent.models.serving.embedded import EmbeddedServer
    from lcagent.models.serving.weights import ensure

    path = ensure(choice.model or None, models_dir=settings.models_dir, progress=progress, halt=halt)
    if not choice.model:
        say(
            "using the small embedded CPU model (Qwen2.5-Coder-1.5B, 4 bit): expect modest answers."
            " With a GPU: pip install 'lcagent[vllm]', and vLLM is used."
        )
    log = settings.data_dir / "logs" / "embedded.log"
    server = EmbeddedServer(path, context=settings.window, slots=settings.concurrency or 1, log=log)
    endpoint = server.start(halt=halt)
    stack.callback(server.stop)
    return endpoint


def _is_gguf(model: str | None) -> bool:
    return bool(model) and str(model).lower().endswith(".gguf")


_BASES = {"ollama": "http://localhost:11434", "ollama_chat": "http://localhost:11434"}
"""Where litellm asks where nothing is set, for what runs on this machine as a rule."""


def provider_base(model: str) -> str:
    """Where litellm asks for a model, as far as its variables tell; empty: the provider's own place.

    Args:
        model: litellm's name.
    """
    provider = model.split("/", maxsplit=1)[0]
    name = provider.removesuffix("_chat").upper()
    variables = [f"{provider.upper()}_API_BASE", f"{name}_API_BASE", f"{name}_BASE_URL"]
    if provider == "openai":  # litellm's own order
        variables = ["OPENAI_BASE_URL", "OPENAI_API_BASE"]
    set_to = next((os.environ[name] for name in variables if os.environ.get(name)), "")
    return set_to or _BASES.get(provider, "")


def _provider(model: str) -> str:
    """litellm's name of the provider that a model's name begins with; empty if there is none."""
    if not names_provider(model):
        return ""
    name = model.split("/", maxsplit=1)[0]
    if find_spec("litellm") is None:
        return name if name in _KNOWN else ""
    from lcagent.models.transport import imported_litellm

    imported_litellm()
    from litellm.types.utils import LlmProviders

    return name if name in {provider.value for provider in LlmProviders} else ""
