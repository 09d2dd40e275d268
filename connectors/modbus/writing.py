"""Writes: what `write_plan` makes of settings, carried out one request after the other and read back.

Bits of a register go by a mask, so that their neighbours keep what they have; a device that does not know masks has its
register read, changed and written, and the outcome says so.

A request that got no answer may or may not have been carried out: its settings are `unknown`, and nothing is sent after
it or again.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING

from connectors.abilities import Done, Outcome
from connectors.modbus import pdu
from connectors.modbus.config import address_of, options_of
from connectors.modbus.pdu import Refused, Unanswered, UnitAway
from connectors.modbus.reader import check as check_of
from connectors.modbus.wire import decode
from connectors.modbus.write_plan import parts_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.abilities import Setting
    from connectors.modbus.client import Connection
    from connectors.modbus.pdu import Request
    from connectors.modbus.polling import Unit
    from connectors.modbus.registers import Order as ByteOrder
    from connectors.modbus.write_plan import Part, Step
    from twin.model.spec import StateKey

_READ_CHANGED_WRITTEN = (
    "by reading, changing and writing the register: the device has no mask write (function 22)"
)
_NOT_SENT = "not sent: the request before it got no answer"


class Order:
    """Settings of one unit, waiting to be carried out; `done` gets the outcomes."""

    def __init__(
        self, unit: Unit, settings: Sequence[Setting], done: asyncio.Future[Sequence[Outcome]]
    ) -> None:
        self.unit = unit
        self.done = done
        self._settings = settings
        self._options = options_of(unit.bound.device)
        self._outcomes: dict[int, Outcome] = {}

    @property
    def is_void(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.done.done()

    def fail(self, error: Exception) -> None:
        """Say that nothing was sent."""
        if not self.done.done():
            self.done.set_exception(error)

    async def carry_out(self, connection: Connection, *, check: bool) -> Unanswered | None:
        """Write and read back; returns what was wrong with the connection, None when it is still good.

        `check` asks first for something whose answer cannot be taken for a late one.
        """
        try:
            if check and (error := await self._check(connection)) is not None:
                self.fail(error)
                return error
            for step in self._steps():
                if (error := await self._carry_out(step, connection)) is not None:
                    return error
            return None
        except asyncio.CancelledError:
            self._rest(Done.UNKNOWN, "the link was stopped")
            raise
        finally:
            self._rest(Done.REFUSED, _NOT_SENT)
            if not self.done.done():
                self.done.set_result([self._outcomes[at] for at in range(len(self._settings))])

    def _steps(self) -> list[Step]:
        parts, unfit = parts_of(self._settings, self._options.order)
        for at, words in unfit.items():
            self._outcomes[at] = Outcome(self._settings[at], Done.REFUSED, None, words)
        return steps_of(self.unit.number, parts, self._options)

    async def _check(self, connection: Connection) -> Unanswered | None:
        plan = self.unit.plan
        try:
            await self._ask(connection, check_of(self.unit, plan.any_block))
        except Refused:
            pass
        except Unanswered as error:
            return error
        self.unit.unsure = False
        return None

    async def _carry_out(self, step: Step, connection: Connection) -> Unanswered | None:
        part, words, payload = step.part, "", b""
        try:
            if part.mask is not None and self.unit.has_no_mask:
                words = await self._read_change_write(part, connection)
            else:
                for request in step.requests:
                    payload = await self._ask(connection, request)
        except Refused as refusal:
            if part.mask is not None and refusal.code == pdu.ILLEGAL_FUNCTION and not self.unit.has_no_mask:
                self.unit.has_no_mask = True
                return await self._carry_out(step, connection)
            self._settle(part, _done_after(refusal), refusal.words)
            return None
        except Unanswered as error:
            self._settle(part, _done_without_answer(error), error.words)
            return error
        if not step.answers_with_values:
            return await self._read_back(part, words, connection)
        self._settle(part, Done.WRITTEN, words, payload)
        return None

    async def _read_change_write(self, part: Part, connection: Connection) -> str:
        """Put bits into a register that is read first; returns words that say so."""
        unit, mask = self.unit.number, part.mask or 0
        found = await self._ask(connection, pdu.read(unit, part.table, part.start, 1))
        word = int.from_bytes(found, "big") & ~mask | part.words[0]
        await self._ask(connection, pdu.write_register(unit, part.start, word))
        return _READ_CHANGED_WRITTEN

    async def _read_back(self, part: Part, words: str, connection: Connection) -> Unanswered | None:
        request = pdu.read(self.unit.number, part.table, part.start, len(part.words))
        try:
            payload = await self._ask(connection, request)
        except Refused as refusal:
            self._settle(part, Done.WRITTEN, f"not read back: {refusal.words}")
        except Unanswered as error:
            self._settle(part, Done.WRITTEN, f"not read back: {error.words}")
            return error
        else:
            self._settle(part, Done.WRITTEN, words, payload)
        return None

    async def _ask(self, connection: Connection, request: Request) -> bytes:
        return await connection.ask(request, self._options.timeout)

    def _settle(self, part: Part, done: Done, words: str, payload: bytes = b"") -> None:
        for at in part.at:
            setting = self._settings[at]
            found = _found(setting, part, payload, self._options.order) if payload else None
            self._outcomes[at] = Outcome(setting, done, found, words)

    def _rest(self, done: Done, words: str) -> None:
        for at, setting in enumerate(self._settings):
            self._outcomes.setdefault(at, Outcome(setting, done, None, words))


def _found(setting: Setting, part: Part, payload: bytes, order: ByteOrder) -> float | StateKey | None:
    """Return the raw value that a point has in what was read back, None when it is none."""
    address = address_of(setting.point.point)
    first = address.address - part.start
    if address.table.of_bits:
        return payload[first // 8] >> first % 8 & 1
    registers = struct.unpack(f">{len(payload) // 2}H", payload)
    try:
        return decode(address, registers[first : first + address.width], order)
    except ValueError:
        return None


def _done_after(refusal: Refused) -> Done:
    # Exception 5: the device has accepted and is still at it (MODBUS Application Protocol V1.1b3, 7).
    return Done.UNKNOWN if refusal.code == pdu.ACKNOWLEDGED else Done.REFUSED


def _done_without_answer(error: Unanswered) -> Done:
    return Done.REFUSED if isinstance(error, UnitAway) and error.never_sent else Done.UNKNOWN
