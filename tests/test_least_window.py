"""A window that is too small is told as what it is, with the least that is not."""

import re
from pathlib import Path

import pytest

from lcagent import Reader
from lcagent.errors import QuestionTooLong, SettingsError
from tests.helpers import QUESTION, clever, haystack
from tests.team import Team, finds

STRATEGIES = ["memagent", "mapreduce", "longagent", "graphreader", "segment"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_least_window_is_named_and_works_and_one_less_does_not(
    loopback, tmp_path: Path, strategy: str
) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(60))
    server = loopback(window=8192, reply=Team(finds) if strategy == "longagent" else clever)

    def ask(window: int, question: str) -> str:
        with Reader(api_base=server.url, window=window, strategy=strategy) as reader:
            return reader.ask(path, question).answer

    with pytest.raises(SettingsError, match="a window of 640 tokens is too small") as caught:
        ask(640, QUESTION)
    assert strategy in caught.value.message and "question takes" not in caught.value.message
    least = int(re.findall(r"needs (\d+) or more", caught.value.message)[0])
    assert f"--window {least}" in caught.value.hint
    with pytest.raises(SettingsError, match=f"needs {least}"):
        ask(least - 1, "?")
    assert not server.requests
    ask(least, "?")
    assert server.overruns == 0 and server.requests


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_question_that_is_too_long_is_blamed_itself(loopback, tmp_path: Path, strategy: str) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(300))
    server = loopback(window=2048, reply=clever)
    with (
        Reader(api_base=server.url, window=2048, strategy=strategy) as reader,
        pytest.raises(QuestionTooLong, match=r"the question takes \d+ tokens") as caught,
    ):
        reader.ask(path, "Who was it? " * 400)
    least = int(re.findall(r"--window (\d+)", caught.value.hint)[0])
    assert least > 2048 and not server.requests


def test_a_servers_own_small_window_is_told_as_the_servers(loopback, tmp_path: Path) -> None:
    path = tmp_path / "doc.txt"
    path.write_text(haystack(60))
    with (
        Reader(api_base=loopback(window=640).url, strategy="memagent") as reader,
        pytest.raises(SettingsError, match="a window of 640 tokens is too small") as caught,
    ):
        reader.ask(path, QUESTION)
    assert "start the server with a larger context" in caught.value.hint
