"""A server that was gone until the back-off stood at its cap: how soon it is read again after its return.

Twenty links a protocol, each through a proxy of its own to a real server, kept by the platform's own supervisor with
the connectors' own default times. All servers go at once (TCP is refused, UDP is lost), stay away until it was noticed
and no wait can grow any more, and come back one by one at random moments. The time runs to the first usable reading.
"""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import uvloop

from barrio import logs
from barrio.supervisor import MAX_WAIT_S, Supervisor
from connectors.conformance.bench import proxy_for
from tests.bench.result import Result, print_results
from twin.clock import SystemClock
from twin.quality import FIRST_BAD

if TYPE_CHECKING:
    from connectors.conformance.proxy import TcpProxy
    from connectors.conformance.subject import Subject
    from connectors.conformance.udp_proxy import UdpProxy
    from twin.frame import Frame

LINKS = 20
AWAY_S = 15.0
SPREAD_S = 2 * MAX_WAIT_S
WITHIN_S = 5.0
GIVE_UP_S = 120.0
NEEDED = ("insecure", "user", "password")
SUBJECTS = {"modbus": "ModbusSubject", "opcua": "OpcUaSubject", "coap": "CoapSubject", "mqtt": "MqttSubject"}


class Heard:
    """Stands for intake, gaps and desk: when each point last gave a usable value, by the loop's seconds."""

    def __init__(self, size: int) -> None:
        self.at = np.zeros(size)

    def _take(self, frame: Frame) -> None:
        usable = np.isfinite(frame.values)
        if frame.quality is not None:
            usable &= frame.quality < FIRST_BAD
        self.at[frame.ids[usable]] = time.monotonic()

    async def submit(self, frame: Frame) -> None:
        """Take a frame."""
        self._take(frame)

    def offer(self, frame: Frame) -> bool:
        """Take a frame."""
        self._take(frame)
        return True

    commit = submit
    backfill = submit

    def silent(self, *_: object) -> None:
        """Nothing is kept of it."""


async def once(subject: Subject) -> list[float]:
    """Return the seconds from each server's return to its first reading."""
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(subject.peer())
        made: list[Any] = [proxy_for(subject, peer.port) for _ in range(LINKS)]
        proxies = [await stack.enter_async_context(proxy) for proxy in made]
        size = len(subject.points)
        devices = [
            subject.bound(proxy.port, f"d{number}", number * size) for number, proxy in enumerate(proxies)
        ]
        home = subject.home()
        links = [link for device in devices for link in subject.connector.links([device], home)]
        heard: Any = Heard(LINKS * size)
        keeper = Supervisor(
            [(subject.connector.name, link) for link in links],
            heard,
            heard,
            SystemClock(),
            lambda *_: None,
            heard,
        )
        work = asyncio.create_task(keeper.run())
        try:
            await _until(lambda: bool((heard.at[::size] > 0).all()))
            for proxy in proxies:
                await _away(proxy)
            await _until(lambda: not any(status.up for status, _ in keeper.links))
            await asyncio.sleep(AWAY_S)
            return await _return(proxies, heard, size)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def _away(proxy: TcpProxy | UdpProxy) -> None:
    if hasattr(proxy, "reset"):
        await proxy.refuse()
    else:
        proxy.silence()


async def _return(proxies: list[TcpProxy | UdpProxy], heard: Heard, size: int) -> list[float]:
    chance = random.Random(20)

    async def one(number: int, proxy: TcpProxy | UdpProxy) -> float:
        await asyncio.sleep(chance.uniform(0, SPREAD_S))
        proxy.calm()
        await proxy.allow()
        back = time.monotonic()
        await _until(lambda: heard.at[number * size] > back)
        return float(heard.at[number * size] - back)

    return await asyncio.gather(*(one(number, proxy) for number, proxy in enumerate(proxies)))


async def _until(condition: Any) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while not condition():
            await asyncio.sleep(0.01)


@contextmanager
def _server(module: Any) -> Iterator[None]:
    """Start what a subject shares between its trials: OPC UA servers take long to start."""
    if not hasattr(module, "Bms"):
        yield
        return
    with module.Bms(module.variables()) as bms:
        module.OpcUaSubject.bms = bms
        yield


def main() -> None:
    """Print how many of twenty came back in time, for each protocol."""
    logs.set_up("error", "text")
    results = []
    for name, kind in SUBJECTS.items():
        module = importlib.import_module(f"tests.connectors.conformance.{name}")
        subject = getattr(module, kind)()
        subject.options = {key: value for key, value in subject.options.items() if key in NEEDED}
        with _server(module), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            waits = sorted(runner.run(once(subject)))
        in_time = sum(wait <= WITHIN_S for wait in waits)
        facts = {"links": LINKS, "median_s": round(waits[LINKS // 2], 2), "longest_s": round(waits[-1], 2)}
        unit = f"links back within {WITHIN_S:g} s"
        results.append(Result(f"comeback_{name}", in_time, unit, f">= {LINKS}", facts=facts))
    print_results(results)


if __name__ == "__main__":
    main()
