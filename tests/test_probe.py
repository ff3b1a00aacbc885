"""Measuring a model: scripted models get the profile that they deserve, and it is found again."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lcagent.errors import EndpointUnavailable, SettingsError, WindowExceeded
from lcagent.memory.profiles import StoredProfiles, profile_for
from lcagent.memory.store import Store
from lcagent.models.fingerprint import of_llamacpp, of_name, of_vllm
from lcagent.models.profile import ModelProfile, unmeasured
from lcagent.models.serving.session import ModelSession
from lcagent.runs.probe import LEAST_CAUGHT, MOST_LOST, ensure_profile, measure, threshold
from lcagent.runs.probe_texts import LENGTHS, says
from lcagent.settings import Settings, load_settings
from tests.helpers import in_this_process
from tests.loopback import Reply, Request

TEXTS: dict[str, Any] = tomllib.loads(
    (files("lcagent.runs.probe_texts") / "passages.toml").read_text("utf-8")
)
ANSWERED: dict[str, tuple[str, str]] = {
    "Who brought the sealed chest to the customs house?": ("Matthias Quill brought", "Matthias Quill"),
    "What did the widow Tamsin Orde bring to the rope-walk?": ("Tamsin Orde brought", "a caged lynx"),
    "Who voted against the lime trees?": ("Ines Faraday voted", "Ines Faraday"),
    "Seit wann dürfen nur noch": ("Seit 1911", "1911"),
}
"""What a question is answered by, and the answer."""
for passage in TEXTS["passage"]:
    ANSWERED[passage["question"]] = passage["text"].strip(), passage["answers"][0]
    if reworded := passage.get("reworded"):
        ANSWERED[reworded["question"]] = passage["text"].strip(), reworded["answers"][0]


def reads(request: Request) -> bool:
    assert request.schema is not None
    return "facts" in request.schema["properties"]


def told(request: Request, answer: str, certainty: float | None = None) -> Reply:
    """A reply in the request's own schema; an empty answer refuses."""
    said = "yes" if answer else "no"
    if reads(request):
        reply: dict[str, Any] = {
            "relevant": said,
            "facts": [answer] if answer else [],
            "sufficient": said,
            "next": "",
        }
    else:
        reply = {"found": said, "answer": answer}
    return Reply(json.dumps(reply), certainty=certainty)


def known(request: Request) -> str:
    """What a perfect reader answers to this prompt alone."""
    for question, (words, answer) in ANSWERED.items():
        if question in request.text:
            return answer if words in request.text else ""
    return ""


def perfect(request: Request) -> Reply:
    return told(request, known(request), 0.99)


def always_yes(request: Request) -> Reply:
    answer = known(request)
    return told(request, answer or "the mayor of Ghent", 0.97 if answer else 0.7)


def sure_when_wrong(request: Request) -> Reply:
    answer = known(request)
    return told(request, answer or "the mayor of Ghent", 0.93 if answer else 0.99)


def without_probabilities(request: Request) -> Reply:
    answer = known(request)
    return told(request, answer or "the mayor of Ghent")


def copying(request: Request) -> Reply:
    for name in ("Robert Halloran", "1954", "Gideon Stroud", "Calliope"):
        if name in request.text:
            return told(request, name, 0.9)
    return perfect(request)


def breaking_first(request: Request) -> Reply:
    return perfect(request) if "could not be used" in request.text else Reply("Gladly! Here it comes:")


def breaking(request: Request) -> Reply:
    return Reply("Gladly! Here it comes:")


def distracted(request: Request) -> Reply:
    return told(request, "the mayor of Ghent", 0.9) if "\n[11] " in request.text else perfect(request)


def short_sighted(request: Request) -> Reply:
    return told(request, "", 0.9) if request.prompt_tokens > 3000 else perfect(request)


def measured(server: Any, *more: str) -> ModelProfile:
    done = in_this_process("probe", "--api-base", server.url, "--json", "-q", *more)
    assert done.exit_code == 0, done.output
    return ModelProfile.model_validate_json(done.stdout)


ALL_RIGHT = {
    "stance": "trusting",
    "source": "probe",
    "schema_kept": 1.0,
    "says_no": 1.0,
    "finds": 1.0,
    "abstains": 1.0,
    "answers": 1.0,
    "undistracted": 1.0,
    "paraphrase": 1.0,
    "copies": 0.0,
    "certainty": None,
    "effective_tokens": LENGTHS[-1],
    "tried_tokens": LENGTHS[-1],
    "tools": False,
}


@pytest.mark.parametrize(
    ("model", "other"),
    [
        (perfect, {}),
        (
            always_yes,
            {"stance": "cautious", "says_no": 0.0, "abstains": 0.0, "certainty": pytest.approx(0.835)},
        ),
        (sure_when_wrong, {"stance": "cautious", "says_no": 0.0, "abstains": 0.0}),
        (without_probabilities, {"stance": "cautious", "says_no": 0.0, "abstains": 0.0}),
        (copying, {"stance": "cautious", "copies": 1.0}),
        (breaking_first, {"schema_kept": 0.0}),
        (
            distracted,
            {"stance": "cautious", "undistracted": 0.0, "abstains": 0.5, "certainty": pytest.approx(0.945)},
        ),
        (short_sighted, {"effective_tokens": 2000}),
    ],
)
def test_a_model_gets_the_profile_it_deserves(
    loopback, model: Callable[[Request], Reply], other: dict[str, Any]
) -> None:
    server = loopback(reply=model)
    profile = measured(server).model_dump()
    assert {name: profile[name] for name in ALL_RIGHT} == ALL_RIGHT | other
    assert profile["calls"] == server.calls
    assert server.overruns == 0
    asked = {request.key for request in server.requests if not request.functions}
    assert 40 <= len(asked) / (2 - profile["schema_kept"]) <= 50


def test_of_a_model_that_keeps_to_no_schema_nothing_else_is_known(loopback) -> None:
    profile = measured(loopback(reply=breaking))
    assert profile.schema_kept == 0.0
    figures = profile.model_dump(
        include={"says_no", "finds", "abstains", "answers", "undistracted", "copies"}
    )
    assert set(figures.values()) == {None}
    assert profile.stance == "trusting" and profile.effective_tokens is None


@pytest.mark.parametrize("window", [1024, 4096])
def test_what_does_not_fit_a_small_window_is_left_out(loopback, window: int) -> None:
    server = loopback(window=window, reply=perfect)
    profile = measured(server, "--window", str(window))
    assert server.overruns == 0
    assert profile.stance == "trusting"
    assert profile.answers == 1.0
    assert (profile.tried_tokens or 0) < window
    assert profile.limit_tokens is None
    if window == 4096:
        assert profile.tried_tokens is not None and profile.tried_tokens > 3000


def test_a_window_that_holds_no_prompt_measures_nothing(loopback, home: Path) -> None:
    done = in_this_process("probe", "--api-base", loopback(window=600).url, "--window", "600")
    assert done.exit_code == 1
    assert isinstance(done.exception, WindowExceeded)
    store = Store(home / "lcagent.db")
    assert StoredProfiles(store).latest("loopback") is None
    store.close()


def test_it_is_found_again_and_only_for_the_same_model(loopback) -> None:
    first = loopback(reply=always_yes)
    profile = measured(first)
    same = loopback(reply=perfect)
    settings = load_settings({"api_base": same.url})
    with ModelSession(settings) as session:
        opened, store = session.open(lambda _: None), Store(settings.data_dir / "lcagent.db")
        assert profile_for(opened, settings, store) == profile
        assert same.calls == 0
        for stance in ("trusting", "cautious"):
            wanted = settings.model_copy(update={"profile": stance})
            applied = asyncio.run(ensure_profile(opened, wanted, store, print))
            assert (applied.stance, applied.source) == (stance, "set")
            assert applied.certainty == profile.certainty
        assert same.calls == 0
        store.close()
    other = load_settings({"api_base": loopback(window=4096).url})
    assert unknown(other).source == "assumed"


def unknown(settings: Settings) -> ModelProfile:
    with ModelSession(settings) as session:
        store = Store(settings.data_dir / "lcagent.db")
        try:
            return profile_for(session.open(lambda _: None), settings, store)
        finally:
            store.close()


async def test_with_profile_probe_a_model_is_measured_once(loopback) -> None:
    server = loopback(reply=always_yes)
    settings = load_settings({"api_base": server.url, "profile": "probe"})
    heard: list[str] = []
    with ModelSession(settings) as session:
        opened, store = session.open(heard.append), Store(settings.data_dir / "lcagent.db")
        profile = await ensure_profile(opened, settings, store, heard.append)
        assert (profile.stance, profile.source) == ("cautious", "probe")
        calls = server.calls
        assert calls and any("measuring loopback first" in text for text in heard)
        assert await ensure_profile(opened, settings, store, heard.append) == profile
        assert server.calls == calls
        store.close()


def test_ctrl_c_leaves_nothing(loopback, home: Path) -> None:
    child: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def stopping(request: Request) -> Reply:
        if len(server.requests) == 20:
            started.wait(10)
            child[0].send_signal(signal.SIGINT)
        return Reply(perfect(request).text, delay=0.02)

    server = loopback(reply=stopping)
    command = [sys.executable, "-W", "error", "-m", "lcagent.cli.main", "probe", "--api-base", server.url]
    child.append(
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
            # A shell that runs tests in the background ignores Ctrl-C for all its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    )
    started.set()
    stdout, stderr = child[0].communicate(timeout=60)
    assert (child[0].returncode, stdout) == (130, ""), stderr
    assert "nothing is kept" in stderr and "Traceback" not in stderr
    store = Store(home / "lcagent.db")
    assert StoredProfiles(store).latest("loopback") is None
    store.close()


def test_a_server_that_refuses_is_an_error_and_leaves_nothing(loopback, home: Path) -> None:
    def refusing(request: Request) -> Reply:
        return Reply("", status=400) if len(server.requests) == 20 else perfect(request)

    server = loopback(reply=refusing)
    done = in_this_process("probe", "--api-base", server.url)
    assert done.exit_code == 1
    store = Store(home / "lcagent.db")
    assert StoredProfiles(store).latest("loopback") is None
    store.close()


@pytest.mark.usefixtures("waits")
async def test_its_calls_keep_to_the_time_out(loopback) -> None:
    server = loopback(reply=lambda _: Reply("", status=429, retry_after="50"))
    settings = load_settings({"api_base": server.url, "timeout": 0.5})
    with ModelSession(settings) as session:
        opened = session.open(lambda _: None)
        with pytest.raises(EndpointUnavailable, match=r"no reply within 0\.5 s"):
            async with asyncio.timeout(30):
                await measure(opened, settings)


def test_doctor_tells_which_profile_applies(loopback) -> None:
    server = loopback(reply=always_yes)

    def doctor(*more: str) -> str:
        return in_this_process("doctor", "--api-base", server.url, *more).stdout

    assert json.loads(doctor("--json"))["profile"]["source"] == "assumed"
    assert "trusting (nobody measured this model)" in doctor() and "lcagent probe" in doctor()
    measured(server)
    assert json.loads(doctor("--json"))["profile"]["stance"] == "cautious"
    assert "certainty threshold 0.835; right up to 7,000 tokens" in doctor()
    assert "no native tool calls" in doctor()


def test_the_embedded_model_is_known_wherever_it_is_served() -> None:
    file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
    by_file = of_llamacpp({"id": "default"}, {"model_path": f"C:\\models\\{file}", "chat_template": "x"})
    for model, fingerprint in (
        (Path(file).stem, ""),
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", of_name("Qwen/Qwen2.5-Coder-1.5B-Instruct", "estimate")),
        ("default", by_file),
    ):
        profile = unmeasured(model, fingerprint)
        assert (profile.stance, profile.source, profile.certainty) == ("cautious", "shipped", 0.82)
        assert (profile.model, profile.fingerprint) == (model, fingerprint)
    assert unmeasured("Qwen/Qwen2.5-Coder-7B-Instruct", "").source == "assumed"


def test_a_fingerprint_tells_models_apart() -> None:
    row = {"id": "m", "root": "/models/a", "max_model_len": 8192, "owned_by": "vllm", "created": 1}
    props = {"model_path": "/x/a.gguf", "chat_template": "t"}
    meta = {"meta": {"n_params": 1, "size": 2, "n_ctx_train": 3}}
    prints = [
        of_vllm(row, {"version": "0.12"}),
        of_vllm(row, {"version": "0.13"}),
        of_vllm({**row, "root": "/models/b"}, {"version": "0.12"}),
        of_vllm(row, {}),
        of_llamacpp(meta, props),
        of_llamacpp(meta, {**props, "chat_template": "u"}),
        of_llamacpp({"meta": {"n_params": 1, "size": 3}}, props),
        of_llamacpp({"id": "m"}, {}),
        of_name("m", "estimate"),
        of_name("m", "server:1"),
    ]
    assert len(set(prints)) == len(prints)
    assert of_vllm({**row, "created": 2}, {"version": "0.12"}) == prints[0]  # a restart is no other model
    assert of_llamacpp(meta, {**props, "model_path": "/y/a.gguf"}) == prints[4]


def test_a_server_that_tells_nonsense_has_a_fingerprint_all_the_same() -> None:
    assert of_llamacpp({"meta": ["x"], "id": 3}, {"model_path": ["y"], "chat_template": "\ud800"})
    assert of_vllm({"root": None, "id": "\ud800"}, {"version": {"a": None}})


def test_a_profile_that_there_is_not_is_a_usage_error() -> None:
    done = in_this_process("ask", "doc.txt", "why?", "--profile", "doubting")
    assert isinstance(done.exception, SettingsError) and "profile" in str(done.exception)


def test_a_profile_of_another_version_is_measured_again(home: Path) -> None:
    store = Store(home / "lcagent.db")
    profiles = StoredProfiles(store)
    store.execute("INSERT INTO profiles VALUES ('m', 'f', '2020-01-01', '{\"mood\": \"good\"}')")
    assert profiles.get("m", "f") is None
    store.close()


def test_an_answer_stands_in_its_own_passage_alone() -> None:
    passages = TEXTS["passage"]
    for passage in passages:
        for asked in filter(None, (passage, passage.get("reworded"))):
            assert any(says(passage["text"], answer) for answer in asked["answers"])
        others = " ".join(other["text"] for other in passages if other is not passage)
        assert not any(says(others, answer) for answer in passage["answers"] if answer != "ten")
    assert len({passage["place"] for passage in passages}) == len(passages)
    assert {passage["language"] for passage in passages} == {"en", "de", "fr"}
    for item in TEXTS["example"] + TEXTS["memory"]:
        assert re.search(item["copied"], item.get("memory", item["question"]))
        assert not any(says(passage["text"], item["copied"]) for passage in passages)


shares = st.lists(st.floats(0.5, 1.0), max_size=30)


@given(shares, shares)
def test_a_threshold_withholds_few_right_and_most_wrong_answers(
    right: list[float], wrong: list[float]
) -> None:
    value = threshold(right, wrong)
    if value is not None:
        assert sum(r < value for r in right) <= MOST_LOST * len(right)
        assert sum(w < value for w in wrong) >= LEAST_CAUGHT * len(wrong)
    elif len(right) >= 5 and len(wrong) >= 3:
        middles = [(a + b) / 2 for a, b in pairwise(sorted({*right, *wrong}))]
        assert not any(
            sum(r < m for r in right) <= MOST_LOST * len(right) and sum(w < m for w in wrong) == len(wrong)
            for m in middles
        )
