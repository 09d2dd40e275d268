"""Asks an unknown device politely: one request at a time with a pause, not for long, and not again what it ignores."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connectors.modbus.pdu import ConnectionLost, Refused, Unanswered
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.modbus.client import Connection
    from connectors.modbus.pdu import Request
    from connectors.modbus.transport import Dialler

ALL_S = 50.0
"""Nothing is asked after this time; the last answer may take one timeout more."""

MOST_REQUESTS = 800
PAUSE_S = 0.01
LONGEST_TIMEOUT_S = 4.0

# In a row. Some devices meet what they do not know with silence: their names, a SunSpec map, a table.
_MOST_SILENCES = 8


class Spent(Exception):
    """Raised when a device has been asked for as long, or as often, as may be; says why."""


class Asker:
    """One look at one device."""

    def __init__(self, dialler: Dialler, unit: int, timeout_s: float) -> None:
        """Ask `unit` along the way of a dialler; no answer is waited for longer than `timeout_s`."""
        self.unit = unit
        self.requests = 0
        self._dialler = dialler
        self._timeout_s = min(timeout_s, LONGEST_TIMEOUT_S)
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + ALL_S
        self._connection: Connection | None = None
        self._has_answered = False
        self._silences = 0

    async def ask(self, request: Request) -> bytes | Refused | Unanswered:
        """Return the payload, or why there is none.

        Raises `Spent` when enough was asked or the device is gone, `TransientError` while it has never answered.
        """
        self._spend()
        await asyncio.sleep(PAUSE_S)
        try:
            answer = await self._exchange(request)
        except Refused as refusal:
            self._heard()
            return refusal
        except Unanswered as error:
            await self._missed(error)
            return error
        except TransientError as error:
            if not self._has_answered:
                raise
            raise Spent(f"it is gone: {error.words}") from error
        self._heard()
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _exchange(self, request: Request) -> bytes:
        connection = self._connection
        if connection is not None and connection.alive and connection.answered:
            try:
                return await connection.ask(request, self._timeout_s)
            except ConnectionLost:
                # Some devices hang up after each answer; reading twice does no harm.
                self.close()
        if self._connection is None or not self._connection.alive:
            self._connection = await self._dialler.dial()
        return await self._connection.ask(request, self._timeout_s)

    def _spend(self) -> None:
        if self.requests >= MOST_REQUESTS:
            raise Spent(f"{MOST_REQUESTS} requests are enough")
        if self._loop.time() > self._until:
            raise Spent(f"{ALL_S:g} s are enough")
        self.requests += 1

    def _heard(self) -> None:
        self._has_answered = True
        self._silences = 0

    async def _missed(self, error: Unanswered) -> None:
        self._silences += 1
        if self._silences >= _MOST_SILENCES:
            if not self._has_answered:
                raise error
            raise Spent(f"it answers no more: {error.words}")
        if error.spoils_connection and self._connection is not None and not self._connection.is_line:
            self.close()
        if self._dialler.way.shares_one_line:
            # Its late answer, which has no number, must not be taken for the next one.
            await asyncio.sleep(self._timeout_s)


def numbers(payload: bytes, count: int, *, of_bits: bool) -> Sequence[int]:
    """Return the registers, or bits, of a payload."""
    if of_bits:
        return [payload[at // 8] >> at % 8 & 1 for at in range(count)]
    return [int.from_bytes(payload[at : at + 2], "big") for at in range(0, 2 * count, 2)]
