"""Measuring a model: a few dozen short calls, and the profile that follows from its replies.

It asks with the prompts and reply types of the real roles, several at once. Nothing is kept until all
replies are there, so that a probe that was broken off leaves nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, pairwise

from lcagent.agents import answerer, reader
from lcagent.errors import CutReply, MalformedReply, WindowExceeded
from lcagent.graphs.shared.reading import gathered
from lcagent.memory.profiles import StoredProfiles, profile_for
from lcagent.memory.rows import Rows
from lcagent.models.budget import Budget
from lcagent.models.chat import ChatModel
from lcagent.models.profile import ModelProfile, stance_of
from lcagent.models.prompt import as_data
from lcagent.models.replies import RawReply
from lcagent.models.serving.session import OpenModel
from lcagent.models.structured import RETRY_TOKENS, ask_typed
from lcagent.models.window import Part, Window
from lcagent.runs.probe_calls import calls_functions
from lcagent.runs.probe_texts import Case, Figure, long_cases, short_cases
from lcagent.settings import Settings

Tell = Callable[[int, int], None]
"""Gets calls done and in all."""
_FORM = answerer.Form(answerer.BRIEF, answerer.AnswerReply, (("several", False),))
"""As a weak model is asked: what is found out is then true of how it will be asked if it is one."""
LEAST_RIGHT, LEAST_WRONG = 5, 3
"""Answers that a threshold must rest on."""
MOST_LOST = 0.1
"""Largest share of right answers that a threshold may withhold."""
LEAST_CAUGHT = 0.5
"""Smallest share of wrong answers that it must withhold to be of use."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case.

    Args:
        case: the case.
        right: None where no reply could be read.
        found: the model said that it found something.
        certainty: how sure it was of that, where it is told.
        sent: whether the prompt fitted the window.
    """

    case: Case
    right: bool | None = None
    found: bool = False
    certainty: float | None = None
    sent: bool = True


async def ensure_profile(
    opened: OpenModel, settings: Settings, store: Rows, say: Callable[[str], None]
) -> ModelProfile:
    """The profile that applies to an open model; with `--profile probe` it is measured first, once.

    Args:
        opened: the model.
        settings: `profile`, window, sampling.
        store: where measured profiles are kept.
        say: gets sentences for people.

    Raises:
        ModelError: it was to be measured and the server fails; nothing is kept then.
    """
    profiles = StoredProfiles(store)
    if settings.profile == "probe" and profiles.get(opened.model, opened.fingerprint) is None:
        say(f"measuring {opened.model} first, this once: about 55 calls")
        profiles.put(await measure(opened, settings, notice=say))
    return profile_for(opened, settings, store)


async def measure(
    opened: OpenModel,
    settings: Settings,
    *,
    notice: Callable[[str], None] = lambda _: None,
    tell: Tell = lambda _done, _all: None,
) -> ModelProfile:
    """Measure a model; stores nothing.

    Args:
        opened: the model.
        settings: window, sampling, requests at once.
        notice: gets sentences for people.
        tell: gets the progress.

    Raises:
        ModelError: the server fails or refuses, or no prompt fits the window.
    """
    journal = _Counting()
    model = opened.chat(settings, journal, Budget(), notice)
    done = count(1)

    async def asked(case: Case) -> Result:
        result = await _ask(model, case)
        tell(next(done), len(cases))
        return result

    try:
        cases = [*short_cases(), *await asyncio.to_thread(_long_cases, model.window)]
        results = await gathered([asked(case) for case in cases])
        profile = _profile(opened, results, journal.calls)
        model.tools = True
        tools = await calls_functions(model, opened.alive)
    finally:
        await model.transport.close()
    return profile.model_copy(update={"tools": tools, "calls": journal.calls})


class _Counting:
    """A journal that keeps nothing (`lcagent.models.chat.Journal`): a probe is never resumed."""

    def __init__(self) -> None:
        self.calls = 0

    async def recall(self, key: str) -> RawReply | None:
        """Nothing was kept."""

    async def keep(self, key: str, role: str, reply: RawReply, request: bytes) -> None:
        """Count a finished call."""
        self.calls += 1

    async def drop(self, keys: Sequence[str]) -> None:
        """Nothing was kept."""


def _long_cases(window: Window) -> list[Case]:
    # The longest of the questions has some twenty tokens.
    return long_cases(window, _FORM.room(window, "") - 60)


async def _ask(model: ChatModel, case: Case) -> Result:
    try:
        found, said, certainty = await (_read if case.role == "read" else _answer)(model, case)
    except (MalformedReply, CutReply):
        return Result(case)
    except WindowExceeded:
        return Result(case, sent=False)
    return Result(case, case.right(found, said), found, certainty)


async def _read(model: ChatModel, case: Case) -> tuple[bool, str, None]:
    """Found something, the facts; the reader's call as `agents.reader.read_segment` makes it."""
    parts = [
        Part("question", as_data(case.question), times=2),
        Part("segment", as_data(case.material)),
        Part("plan", ""),
        Part("memory", as_data(case.memory)),
    ]
    render = reader.PROMPT.bind(brief=True)
    fitted = await model.window.fit(render, parts, reply=reader.BRIEF_TOKENS, spare=RETRY_TOKENS)
    reply = await ask_typed(model, "read", fitted, reader.BriefReadingReply)
    found = reply.relevant == "yes"
    return found, "\n".join(reply.facts) if found else "", None


async def _answer(model: ChatModel, case: Case) -> tuple[bool, str, float | None]:
    """Found an answer, which, how sure of having found it."""
    raw = await answerer.answer(model, _FORM, case.question, case.material)
    return bool(raw.text), raw.text, raw.certainty


def _profile(opened: OpenModel, results: Sequence[Result], calls: int) -> ModelProfile:
    """What the replies say of the model.

    Raises:
        WindowExceeded: there are none.
    """
    sent = sum(result.sent for result in results)
    if not sent:
        raise WindowExceeded("no prompt of the probe fits the window", hint="use a larger --window")
    copies = _share(results, "copies")
    figures = {
        # A reply that was not kept to the schema at the first try has cost one call more.
        "schema_kept": (2 * sent - calls) / sent,
        "says_no": _share(results, "says_no"),
        "finds": _share(results, "finds"),
        "abstains": _share(results, "abstains"),
        "answers": _share(results, "answers"),
        "undistracted": _undistracted(results),
        "paraphrase": _share(results, "paraphrase"),
        "copies": None if copies is None else 1 - copies,
    }
    told = [r for r in results if r.found and r.certainty is not None and not r.case.copied]
    lengths = [r for r in results if r.case.tokens and r.sent]
    wrong = {r.case.tokens for r in lengths if not r.right}
    tried = {r.case.tokens for r in lengths}
    return ModelProfile(
        model=opened.model,
        fingerprint=opened.fingerprint,
        stance=stance_of(figures),
        source="probe",
        certainty=threshold(
            [r.certainty or 0.0 for r in told if r.right], [r.certainty or 0.0 for r in told if not r.right]
        ),
        effective_tokens=max(tried - wrong, default=None),
        tried_tokens=max(tried, default=None),
        measured=time.strftime("%Y-%m-%d"),
        **figures,  # pyright: ignore[reportArgumentType] - of shares alone
    )


def _share(results: Sequence[Result], figure: Figure) -> float | None:
    """Share of right replies; None where over half could not be read or did not fit."""
    several = [result for result in results if result.case.figure == figure]
    read = [result.right for result in several if result.right is not None]
    return sum(read) / len(read) if read and 2 * len(read) >= len(several) else None


def _undistracted(results: Sequence[Result]) -> float | None:
    """Of the questions answered right from one passage, the share answered right among others too."""
    alone = {r.case.question for r in results if r.case.figure == "answers" and r.right}
    among = [r for r in results if r.case.figure == "undistracted" and r.case.question in alone]
    return _share(among, "undistracted")


def threshold(right: Sequence[float], wrong: Sequence[float]) -> float | None:
    """The certainty under which an answer is more likely wrong; None if none tells them apart.

    Of the values between any two neighbours the one is taken that withholds most wrong answers less
    right ones, in shares, as long as it withholds at most a tenth of the right and at least half of
    the wrong.

    Args:
        right: certainties of right answers.
        wrong: certainties of wrong answers, and of those to what the passages do not say.
    """
    if len(right) < LEAST_RIGHT or len(wrong) < LEAST_WRONG:
        return None
    values = sorted({*right, *wrong})
    best, gain = None, 0.0
    for low, high in pairwise(values):
        between = (low + high) / 2
        lost = sum(value < between for value in right) / len(right)
        caught = sum(value < between for value in wrong) / len(wrong)
        if lost <= MOST_LOST and caught >= LEAST_CAUGHT and caught - lost > gain:
            best, gain = between, caught - lost
    return best
