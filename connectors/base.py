"""The contract of a connector, on one page.

A connector is a folder that speaks one protocol. It has a life with names:

*construct*   `Connector` is one object per protocol, made at import, without effects.
*validate*    the twin checks files against `point_model`, `options_model` and `check()`: no network, all at once.
*links*       `links(devices, home)` groups devices into `Link`s, one per network connection (a TCP connection, a
              session, a UDP peer, an address to listen at). Still no network. `Home` is what a connector has on this
              machine: secrets, a folder of its own, notes that survive a restart.
*probe*       optional, behind `barrio check --connect`: one bounded try to reach the peer.
*run*         `Link.run(sink)` connects, says `sink.up()` when the peer has answered, and delivers frames until it is
              cancelled. It never returns by itself. It raises `TransientError` when the connection is lost or could
              not be made; the supervisor says so once, records the gap, waits (jittered, capped) and calls `run` anew.
              Any other exception is a bug and stops the platform loudly.
*close*       when `run` ends, for whatever reason, it has released its sockets and tasks, within `CLOSE_WITHIN_S`.

What a connector promises about values:

- Zero is a value, absence is absence. A value that could not be read is NaN with a `Reason`, never a default.
- A wrong reply (another transaction, unit, length) gives no value at all.
- Raw numbers go into frames as they are on the wire; ingest applies scale, offset, unit, range and dead band. State
  points carry `BoundPoint.state(raw)`.
- A device that answers with an error gives a frame of bad readings (`DEVICE_EXCEPTION`, `BAD_STATUS` …) with the
  device's words in `details`. A device that does not answer gives no frame: `sink.silent(ids, NO_ANSWER, words)`.
- One dead device does not stop its neighbours on the same link.
- What a device kept while nobody listened comes through `sink.backfill`, never as if it were new.
- A device that pushes is acknowledged when `sink.commit` has returned; one that nobody configured is a `stranger`.

What a link or a connector can do beyond reading, it says by having the methods of `connectors.abilities`: to write,
to acknowledge, to explain, to discover.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twin.model.protocol import ProtocolSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.home import Home
    from twin.events import DeviceEvent
    from twin.frame import Frame, Ids
    from twin.model.bound import BoundDevice
    from twin.quality import Reason

CLOSE_WITHIN_S = 5.0


class Sink(Protocol):
    """Where a link delivers; one per link, made by the supervisor."""

    def now_ns(self) -> int:
        """Time of receipt for frames: ns UTC."""

    def up(self) -> None:
        """Say that the peer has answered; may be called again and again."""

    async def submit(self, frame: Frame) -> None:
        """Deliver a polled frame; waits while the buffer is full, so that polling slows down instead of losing."""

    def offer(self, frame: Frame) -> bool:
        """Deliver a frame that the device sent by itself; False when the buffer is full: counted, and a gap."""

    async def commit(self, frame: Frame) -> None:
        """Deliver a frame and return when it is durable, for devices that wait for an answer.

        Also for what a device had kept (`Frame.backfilled`); several at once share one write to the disk.
        `TransientError` with `retry_after_s` when the buffer is full.
        """

    def silent(self, ids: Ids, reason: Reason, words: str) -> None:
        """Say that these points were asked and gave no answer; opens a gap until their next reading."""

    async def backfill(self, frame: Frame) -> None:
        """Deliver what a device had kept, with its own times; good readings become `backfilled`. Waits like submit."""

    def filled(self, ids: Ids, start: int, stop: int) -> None:
        """Say that these points' history is complete for `start <= time < stop`, ns UTC: their gaps in it are filled.

        Only after all of that stretch went through `backfill`; of a gap that reaches beyond it the rest stays a gap.
        """

    def event(self, event: DeviceEvent) -> None:
        """Deliver an event or a change of a condition that the device itself reports."""

    def stranger(self, identity: str, words: str) -> None:
        """Say that something which nobody configured has spoken: listed for the integrator, never guessed."""


class Link(Protocol):
    """One live connection of a connector."""

    @property
    def name(self) -> str:
        """The peer, as in endpoints: `modbus+tcp://10.20.0.11:502`."""

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that this link reads."""

    @property
    def security(self) -> str:
        """How the peer is spoken to, for health: `TLS with client certificate`, `none`, `none: isolated network`."""

    async def run(self, sink: Sink) -> None:
        """Connect and deliver until cancelled; `TransientError` when the peer is away."""

    async def probe(self) -> str:
        """Reach the peer once, bounded in time; returns what it said of itself, `TransientError` when away."""


class Connector(ProtocolSchema, Protocol):
    """One protocol; registered under the entry-point group `barrio.connectors`."""

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[Link]:
        """Group devices of this protocol into links. No network, no tasks."""
