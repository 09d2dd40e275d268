"""Checks under load: many devices and troubles of every kind, one after the other, by chance but always the same."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from connectors.conformance.bench import WAIT_S, bench, held, trial
from connectors.conformance.recording import supervised
from connectors.conformance.subject import NUMBER, Subject
from connectors.conformance.troubles import BY_TRANSPORT

if TYPE_CHECKING:
    from connectors.conformance.bench import Bench

LINKS = 12
ROUNDS = 8
ROUND_S = 0.4


class Loaded:
    """What many links do together."""

    subject: Subject

    @trial
    async def test_stands_troubles_under_load(self) -> None:
        """A dozen links to one peer, each with troubles of its own: no value that never was, all read in the end."""
        chance = random.Random(11)
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(bench(self.subject))
            benches = [first]
            for seed in range(1, LINKS):
                beside = bench(self.subject, seed=seed, beside=first.peer)
                benches.append(await stack.enter_async_context(beside))
            for made in benches:
                await stack.enter_async_context(supervised(made.link, made.sink, WAIT_S))
            given = {7.0}
            for round_ in range(ROUNDS):
                given.add(float(200 + round_))
                await first.peer.set(NUMBER, 200 + round_)
                for made in benches:
                    await _trouble(made, chance)
                await asyncio.sleep(ROUND_S)
            for made in benches:
                made.proxy.calm()
                await made.proxy.allow()
            await first.peer.set(NUMBER, 299)
            given.add(299.0)
            for made in benches:
                await made.sink.wait_for(lambda made=made: 299 in made.values(), 3 * self.subject.back_s)  # type: ignore[misc]
                odd = set(made.values()) - given
                held(not odd, f"values that the device never had: {sorted(odd)[:5]}")


async def _trouble(made: Bench, chance: random.Random) -> None:
    """End a link's trouble and begin another, or none."""
    made.proxy.calm()
    await made.proxy.allow()
    kinds = BY_TRANSPORT[made.subject.transport]
    name = chance.choice([*sorted(kinds.keys() - {"corrupt"}), "none", "none"])
    if name in kinds and (begun := kinds[name].begin(made.proxy, made.subject)) is not None:
        await begun
