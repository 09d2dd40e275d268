"""Links: who is asked when, and what becomes of the answers. The only file that does I/O."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from twin.errors import TransientError
from twin.frame import Frame

from barrio_wordline.codec import LONGEST_LINE, WrongReplyError, answer, decode, question
from barrio_wordline.config import WordlineOptions, WordlinePoint, address_of, options_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Link, Sink
    from connectors.home import Home
    from twin.frame import Ids
    from twin.model.bound import BoundDevice
    from twin.model.district import Device
    from twin.model.protocol import Endpoint


class Conversation:
    """One connection: a question, then its answer. Dropped at the first that does not come or fit."""

    def __init__(self, peer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._peer = peer
        self._reader = reader
        self._writer = writer

    async def ask(self, word: str, timeout_s: float) -> bytes:
        """Return the line that came; TransientError when none came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(question(word))
                await self._writer.drain()
                line = await self._reader.readline()
        except TimeoutError as error:
            raise TransientError(self._peer, f"no answer within {timeout_s:g} s") from error
        except ValueError as error:
            raise TransientError(self._peer, f"an answer longer than {LONGEST_LINE} bytes") from error
        except OSError as error:
            raise TransientError(self._peer, words_of(error)) from error
        if not line:
            raise TransientError(self._peer, "connection closed by the device")
        return line

    def close(self) -> None:
        """Close at once; nothing that is still on its way is heard any more."""
        self._writer.transport.abort()


async def dial(endpoint: Endpoint, timeout_s: float) -> Conversation:
    """Connect; TransientError when that is not possible in time."""
    try:
        async with asyncio.timeout(timeout_s):
            host = endpoint.host.strip("[]")
            reader, writer = await asyncio.open_connection(host, endpoint.port, limit=LONGEST_LINE)
    except TimeoutError as error:
        raise TransientError(endpoint.peer, f"no connection within {timeout_s:g} s") from error
    except OSError as error:
        raise TransientError(endpoint.peer, words_of(error)) from error
    return Conversation(endpoint.peer, reader, writer)


def words_of(error: OSError) -> str:
    """Return an operating system's error as words for a person."""
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "cannot connect"


class Poll:
    """One device, ready to be read again and again: its words, and what turns the answers into a frame."""

    def __init__(self, bound: BoundDevice) -> None:
        self.period_s = bound.device.poll_s
        self._timeout_s = options_of(bound.device).timeout
        self._points = [(one, address_of(one.point).word) for one in bound.points]
        self._ids: Ids = np.array([one.id for one in bound.points], np.int32)

    async def frame(self, talk: Conversation, sink: Sink) -> Frame:
        """Ask for every word; TransientError when one is not answered."""
        answers = [(one, word, await talk.ask(word, self._timeout_s)) for one, word in self._points]
        decoded = [decode(one, answer(line, word)) for one, word, line in answers]
        return Frame(
            ids=self._ids,
            values=np.array([one.value for one in decoded]),
            received=sink.now_ns(),
            quality=np.array([one.reason for one in decoded], np.uint8),
            details={at: one.detail for at, one in enumerate(decoded) if one.detail},
        )


class WordlineLink:
    """One TCP connection, for all devices behind it."""

    def __init__(self, devices: Sequence[BoundDevice]) -> None:
        self._devices = tuple(devices)
        self._endpoint = devices[0].device.endpoint
        self._timeout_s = max(options_of(one.device).timeout for one in devices)

    @property
    def name(self) -> str:
        """The peer, as in endpoints."""
        return self._endpoint.peer

    @property
    def devices(self) -> Sequence[BoundDevice]:
        """The devices that this link reads."""
        return self._devices

    @property
    def security(self) -> str:
        """How the peer is spoken to, for health."""
        return "none"

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled; TransientError at the first answer that does not come or fit."""
        talk = await dial(self._endpoint, self._timeout_s)
        try:
            await self._poll(talk, sink)
        except WrongReplyError as error:
            # What comes next would be an answer to something else as well: begin anew.
            raise TransientError(self.name, str(error)) from error
        finally:
            talk.close()

    async def _poll(self, talk: Conversation, sink: Sink) -> None:
        loop = asyncio.get_running_loop()
        due = [(loop.time(), number, Poll(bound)) for number, bound in enumerate(self._devices)]
        while True:
            at, number, poll = due.pop(0)
            await asyncio.sleep(at - loop.time())
            frame = await poll.frame(talk, sink)
            sink.up()
            # Waits while the buffer is full; a poll that was missed meanwhile is left out.
            await sink.submit(frame)
            due.append((max(at + poll.period_s, loop.time()), number, poll))
            due.sort(key=lambda one: one[:2])

    async def probe(self) -> str:
        """Ask for the first word, once; TransientError when there is no answer."""
        first = self._devices[0]
        word = address_of(first.points[0].point).word
        talk = await dial(self._endpoint, self._timeout_s)
        try:
            said = answer(await talk.ask(word, self._timeout_s), word)
        except WrongReplyError as error:
            raise TransientError(self.name, str(error)) from error
        finally:
            talk.close()
        return f"{word}: {said.text}"


class WordlineConnector:
    """The connector, as the twin and the supervisor see it."""

    name = "wordline"
    schemes: Mapping[str, int] = {"wordline": 7007}
    point_model = WordlinePoint
    options_model = WordlineOptions

    def check(self, device: Device) -> Iterator[tuple[str, str]]:
        """Yield what the models alone cannot see of a device."""
        if device.endpoint.path.strip("/"):
            yield "endpoint", f"a wordline endpoint has no path, found {device.endpoint.path!r}"

    def links(self, devices: Sequence[BoundDevice], home: Home) -> Sequence[Link]:  # noqa: ARG002 - no secrets here
        """Return one link for each host and port. No network, no tasks."""
        peers: defaultdict[str, list[BoundDevice]] = defaultdict(list)
        for one in devices:
            peers[one.device.endpoint.peer].append(one)
        return [WordlineLink(members) for members in peers.values()]
