"""One pool a request in flight: lent, given back whatever happens, and no more than were needed at once."""

import asyncio

import httpx
import pytest

from lcagent.models.connections import Connections
from tests.loopback import Faults, Reply

BODY = {"model": "loopback", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 50}


def client(pools: Connections) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=pools, trust_env=False, timeout=5)


async def test_there_are_as_many_as_were_in_flight_at_once(loopback) -> None:
    server = loopback(latency=0.03)
    pools = Connections()
    gate = asyncio.Semaphore(4)
    async with client(pools) as http:

        async def one() -> int:
            async with gate:
                return (await http.post(f"{server.url}/chat/completions", json=BODY)).status_code

        assert set(await asyncio.gather(*(one() for _ in range(20)))) == {200}
    assert len(pools._all) == len(pools._free) == server.peak_in_flight == 4


@pytest.mark.parametrize("kind", ["drop", "half_body", "500"])
async def test_a_failed_request_gives_its_pool_back_usable(loopback, kind: str) -> None:
    server = loopback(faults=Faults(every=2, kinds=(kind,)))
    pools = Connections()
    done = 0
    async with client(pools) as http:
        for _ in range(6):
            try:
                done += (await http.post(f"{server.url}/chat/completions", json=BODY)).status_code == 200
            except httpx.HTTPError:
                continue
    assert done == 3
    assert len(pools._all) == len(pools._free) == 1


async def test_a_stream_keeps_its_pool_until_it_is_closed(loopback) -> None:
    server = loopback(reply=lambda _: "many words " * 20)
    pools = Connections()
    async with client(pools) as http:
        url = f"{server.url}/chat/completions"
        async with http.stream("POST", url, json={**BODY, "max_tokens": 200, "stream": True}) as response:
            assert pools._free == []
            assert (await http.post(url, json={**BODY, "max_tokens": 200})).status_code == 200
            assert len(pools._free) == 1
            await response.aread()
        assert len(pools._free) == len(pools._all) == 2


async def test_a_cancelled_request_gives_its_pool_back(loopback) -> None:
    server = loopback(reply=lambda _: Reply("late", delay=5.0))
    pools = Connections()
    async with client(pools) as http:
        task = asyncio.create_task(http.post(f"{server.url}/chat/completions", json=BODY))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(pools._free) == len(pools._all) == 1
        server.reply = lambda _: "soon"
        assert (await http.post(f"{server.url}/chat/completions", json=BODY)).status_code == 200
