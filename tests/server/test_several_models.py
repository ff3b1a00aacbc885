"""`lcagent serve` over several model servers: it goes on when one dies, and Prometheus is told of each."""

import re
from pathlib import Path

from tests.helpers import QUESTION, haystack
from tests.server.serving import Served, able

SAID = "Oskar Brandvold"


def asked(served: Served, number: int) -> str:
    """An answer about a document of its own."""
    text = haystack(60).replace("river", f"river{number}")
    file = served.http.post("/v1/files", files={"file": (f"{number}.txt", text.encode())}).json()["id"]
    body = {"question": QUESTION, "files": [file], "model": "lcagent/mapreduce"}
    run = served.http.post("/v1/runs", json=body).json()["id"]
    assert served.ended(run)["status"] == "finished"
    return served.http.get(f"/v1/runs/{run}/answer").json()["answer"]["answer"]


def figures(served: Served, name: str) -> dict[str, float]:
    text = served.http.get("/metrics").text
    return {url: float(value) for url, value in re.findall(rf'^{name}{{server="(.*)"}} (.*)$', text, re.M)}


def test_one_of_two_dies_and_the_other_answers(loopback, tmp_path: Path) -> None:
    one, two = (loopback(window=2048, reply=able) for _ in range(2))
    with Served(tmp_path / "home", f"{one.url},{two.url}") as served:
        assert asked(served, 0) == SAID
        up, answered = (figures(served, f"lcagent_model_server_{name}") for name in ("up", "answered_total"))
        assert set(up.values()) == {1.0} and sum(answered.values()) == one.calls + two.calls
        one.die()
        assert [asked(served, number) for number in (1, 2)] == [SAID] * 2
        names = [server.url.removesuffix("/v1") for server in (one, two)]
        assert [figures(served, "lcagent_model_server_up")[name] for name in names] == [0.0, 1.0]
        assert figures(served, "lcagent_model_server_failed_total")[names[0]] == 1.0
