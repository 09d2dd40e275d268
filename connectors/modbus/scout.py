"""Looks for silent units on a connection of its own, so that their neighbours behind one gateway do not wait for them.

Only where frames have transaction ids: on a serial line, or where RTU frames go over TCP, a second connection would
speak into the first one's conversation. One request at a time, whichever unit's turn it is; the connection is closed
when nobody is missing. A gateway that takes only one connection is left alone: its silent units are asked between the
others again. So is one that takes a second connection and never answers on it: first of all a unit is asked there that
is known to answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from connectors.modbus.pdu import Refused, Unanswered
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.modbus.client import Connection
    from connectors.modbus.polling import Unit
    from connectors.modbus.reader import Reader
    from connectors.modbus.transport import Dialler


class Scout:
    """Looks for units until they answer, `found`; `silent` is told each time that one does not."""

    def __init__(
        self,
        dialler: Dialler,
        found: Callable[[Unit, Reader, bytes | Refused], None],
        silent: Callable[[Unit, TransientError, float], None],
        give_back: Callable[[Unit], None],
        patience_s: Callable[[Unit], float],
        witness: Callable[[], Reader | None],
    ) -> None:
        self.is_useless = False
        self._dialler = dialler
        self._found = found
        self._silent = silent
        self._give_back = give_back
        self._patience_s = patience_s
        self._witness = witness
        self._is_heard = False
        self._sought: dict[Unit, Reader] = {}
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection now."""
        return self._connection is not None

    def look_for(self, unit: Unit, reader: Reader) -> None:
        """Look for a unit from now on; `reader` is what it is asked for."""
        unit.is_sought = True
        self._sought[unit] = reader
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())

    def stand_down(self) -> None:
        """Give all units back for good: the peer does not like a second connection."""
        self.is_useless = True
        self._close()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        for unit in list(self._sought):
            del self._sought[unit]
            self._give_back(unit)

    async def end(self) -> None:
        """End at once."""
        self._close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._sought:
                unit = min(self._sought, key=lambda unit: unit.ask_from)
                await asyncio.sleep(max(0.0, unit.ask_from - loop.time()))
                if self._connection is None or not self._connection.alive:
                    self._connection = await self._dialler.dial()
                if not self._is_heard:
                    await self._try(self._connection)
                await self._ask(unit, self._connection, loop.time())
        except TransientError:
            self.stand_down()
        finally:
            self._close()

    async def _try(self, connection: Connection) -> None:
        """Find out whether anybody answers on this connection; `Unanswered` when nobody does."""
        witness = self._witness()
        if witness is None:
            return
        try:
            await connection.ask(witness.request, witness.timeout_s)
        except Refused:
            pass
        except Unanswered as error:
            if error.spoils_connection:
                raise
        self._is_heard = True

    async def _ask(self, unit: Unit, connection: Connection, asked_at: float) -> None:
        reader = self._sought[unit]
        answer: bytes | Refused
        try:
            answer = await connection.ask(reader.request, self._patience_s(unit))
        except Refused as refusal:
            answer = refusal
        except Unanswered as error:
            if error.spoils_connection:
                self._close()
            self._silent(unit, error, asked_at)
            return
        self._is_heard = True
        del self._sought[unit]
        self._found(unit, reader, answer)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
