"""A run that ends between what a step gave and the checkpoint after it goes on from there, and loses nothing."""

from pathlib import Path
from typing import Any

import pytest

from lcagent.memory.checkpoints import LoopSaver
from tests.helpers import examples, haystack
from tests.test_every_strategy import WAYS, WRITTEN, Way, ask, knows

SHORT = Way("direct", 1)


class Ended(RuntimeError):
    """The process is at its end."""


class Counting:
    """Counts the checkpoints that are written, and ends at one of them.

    Args:
        at: how many are written before; None: all are.
    """

    def __init__(self, at: int | None = None) -> None:
        self.written, self._at, self._put = 0, at, LoopSaver.put

    def __call__(self, saver: LoopSaver, *given: Any) -> Any:
        if self.written == self._at:
            raise Ended
        self.written += 1
        return self._put(saver, *given)

    def __get__(self, saver: LoopSaver, _kind: type) -> Any:
        return lambda *given: self(saver, *given)


@pytest.mark.parametrize("way", [SHORT, Way("auto", 1), *WAYS, WRITTEN], ids=str)
def test_whatever_checkpoint_is_the_last_nothing_is_lost_and_no_call_repeated(
    loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Way
) -> None:
    document = tmp_path / "doc.txt"
    document.write_text(haystack(40) if way is SHORT else haystack())
    server = loopback(window=2048, reply=knows)

    def asked(name: str, counting: Counting):
        with monkeypatch.context() as patch:
            patch.setattr(LoopSaver, "put", counting)
            return ask(server, document, way, home=tmp_path / name)

    counting = Counting()
    whole, calls = asked("whole", counting), server.calls
    assert whole.status == "answered" and counting.written > 1
    for at in range(0, counting.written, 1 + counting.written // examples(40)):
        before = server.calls
        with pytest.raises(Ended):
            asked(f"at{at}", Counting(at))
        answer = asked(f"at{at}", Counting())
        assert (answer.answer, answer.status) == (whole.answer, whole.status), at
        assert [one.quote for one in answer.citations] == [one.quote for one in whole.citations]
        assert answer.coverage == whole.coverage
        assert answer.usage.calls == whole.usage.calls
        assert server.calls - before == calls
