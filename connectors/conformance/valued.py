"""Checks of values: zero, absence, quality, lateness, and what must never become a value."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from connectors.abilities import Discovers
from connectors.conformance.bench import bench, held, lacking, running_bench, trial
from connectors.conformance.readme import profile_faults
from connectors.conformance.recording import supervised
from connectors.conformance.subject import STATE, Subject
from twin.errors import TransientError
from twin.model.protocol import parse_endpoint
from twin.quality import Level, Reason

if TYPE_CHECKING:
    from connectors.conformance.bench import Bench

DISCOVER_WITHIN_S = 30.0
_NEEDS_NO_WORDS = {Reason.NOT_AVAILABLE, Reason.NOT_A_NUMBER, Reason.UNKNOWN_STATE}
"""Reasons that say all there is to say; every other comes with the device's words, or with what was found."""


class Valued:
    """What a link makes of what a device says."""

    subject: Subject

    @trial
    async def test_reads_numbers_and_states(self) -> None:
        """What the device has is what is read, and a change is seen."""
        async with running_bench(self.subject) as made:
            await made.reads(11)
            await made.reads(12)
            for raw in self.subject.points.get(STATE, {}).get("states", ()):
                await made.state(raw)

    @trial
    async def test_zero_is_a_value(self) -> None:
        """A zero is read as a zero, and it is good."""
        async with running_bench(self.subject) as made:
            await made.reads(0)
            last = [one for one in made.of() if one.value == 0][-1]
            held(last.reason is Reason.GOOD, f"zero has the quality {last.reason.slug}")

    @trial
    async def test_absence_is_absence(self) -> None:
        """What the device cannot give is a bad reading with a reason and words, without a value; then it comes back."""
        held(self.subject.flaws, "a subject has at least one flaw that a device can answer with")
        async with running_bench(self.subject) as made:
            for number, (flaw, reason) in enumerate(self.subject.flaws.items()):
                await made.reads(20 + number)
                found = await made.spoilt(flaw)
                held(
                    found.reason is reason,
                    f"{flaw}: the reason is {found.reason.slug}, {reason.slug} was due",
                )
                if reason.level is Level.BAD:
                    held(math.isnan(found.value), f"{flaw}: a bad reading has the value {found.value}")
                held(
                    found.detail or reason in _NEEDS_NO_WORDS, f"{flaw}: {reason.slug} comes without details"
                )
                await made.reads(30 + number)

    @trial
    async def test_late_is_normal(self) -> None:
        """An answer that takes half of the patience is an answer like any other."""
        async with running_bench(self.subject) as made:
            made.proxy.delay(self.subject.patience_s / 2)
            await asyncio.sleep(self.subject.patience_s)
            complaints = made.complaints
            await made.reads(13, self.subject.back_s + 10 * self.subject.patience_s)
            held(
                made.complaints == complaints,
                f"late answers were complained of: {made.sink.downs} {made.sink.silences}",
            )

    @trial
    async def test_up_means_answered(self) -> None:
        """A peer that takes connections and says nothing is never called up, and nothing is made up for it."""
        async with bench(self.subject) as made:
            made.proxy.silence()
            async with supervised(made.link, made.sink):
                await asyncio.sleep(min(1.0, self.subject.noticed_s))
                await made.sink.wait_for(made.troubled, self.subject.noticed_s)
            held(not made.sink.ups, "`up` was said though the peer has said nothing")
            held(not made.values(), f"values came from nowhere: {made.values()[:5]}")

    @trial
    async def test_never_returns(self) -> None:
        """`run` ends by cancellation or by raising, and only TransientError when the peer is away."""
        async with bench(self.subject) as made:
            await made.proxy.refuse()
            try:
                async with asyncio.timeout(self.subject.noticed_s):
                    await made.link.run(made.sink)
            except TransientError as away:
                held(away.words.strip(), "the error has no words")
                held(away.peer, "the error does not name the peer")
            except TimeoutError:
                held(made.sink.silences, "nobody answers, and the link has not said so")
            else:
                held(False, "`run` returned")  # noqa: FBT003

    @trial
    async def test_probe_is_bounded(self) -> None:
        """A probe says what it found; of a mute peer it says TransientError, in bounded time."""
        async with bench(self.subject) as made:
            said = await made.link.probe()
            held(said.strip() and self.subject.probed() in said, f"the probe said {said!r}")
            made.proxy.silence()
            await _probe_fails(made)
            await made.proxy.refuse()
            await _probe_fails(made)

    @trial
    async def test_wrong_reply_gives_no_value(self) -> None:
        """A reply that does not answer what was asked gives no value, whatever stands in it."""
        held(self.subject.wrong_replies, "a subject knows at least one wrong reply")
        for name, mutation in self.subject.wrong_replies.items():
            async with running_bench(self.subject) as made:
                await made.reads(40)
                made.proxy.mutate(mutation)
                await asyncio.sleep(0.05)
                since, complaints, replies = len(made.values()), made.complaints, made.proxy.replies
                await made.peer.set("number", 41)
                await _some_time(made, complaints)
                wrong = made.values()[since:]
                held(not wrong, f"{name}: taken for {wrong[:5]}")
                held(made.proxy.replies > replies, f"{name}: the device has not replied at all")
                made.proxy.calm()
                await made.reads(42)

    @trial
    async def test_reads_byte_by_byte(self) -> None:
        """Where the stream is cut says nothing: replies that come byte by byte are read (datagrams come whole)."""
        async with running_bench(self.subject) as made:
            if self.subject.transport == "tcp":
                made.proxy.drip(0)
            await made.reads(14, 2 * self.subject.back_s)

    @trial
    async def test_discovers(self) -> None:
        """The connector drafts a profile of a device that it has never seen: sound, once quantities are chosen."""
        connector = self.subject.connector
        if not isinstance(connector, Discovers):
            lacking("the connector has no `discover`")
        async with self.subject.peer() as peer:
            endpoint = parse_endpoint(self.subject.endpoint(peer.port), connector.schemes)
            async with asyncio.timeout(DISCOVER_WITHIN_S):
                draft = await connector.discover(endpoint, self.subject.options, self.subject.home())
        faults = [words for words in profile_faults(draft.text, connector) if ".quantity: " not in words]
        held(not faults, f"the draft has faults: {'; '.join(faults)}")


async def _probe_fails(made: Bench) -> None:
    try:
        async with asyncio.timeout(made.subject.noticed_s + made.subject.back_s):
            said = await made.link.probe()
    except TransientError:
        return
    held(False, f"the probe of a mute peer said {said!r}")  # noqa: FBT003


async def _some_time(made: Bench, complaints: int) -> None:
    """Wait until the link complains, or for as long as it takes to be sure that it does not."""
    try:
        await made.sink.wait_for(lambda: made.troubled(complaints), made.subject.noticed_s)
    except AssertionError:
        return
    await asyncio.sleep(3 * made.subject.poll_s)
