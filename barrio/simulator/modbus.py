"""Simulated Modbus TCP devices: one listening port for each peer, its units behind it.

Frames follow MODBUS Messaging on TCP/IP Implementation Guide V1.0b, functions and exception codes the MODBUS
Application Protocol V1.1b3. Only what a profile maps can be read; holes of up to the profile's `max_gap` addresses
between two points read as zero, as reserved registers do, everything else is exception 2.
"""

from __future__ import annotations

import asyncio
import math
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, cast

from barrio.simulator.desk import Desk, Raw, RefusedError
from barrio.simulator.server import busy
from connectors.modbus.config import Table, ValueType, address_of, options_of, unit_of
from connectors.modbus.plan import limits_of
from connectors.modbus.wire import decode, masks, text_to_wire, to_wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.modbus.config import ModbusPoint, Order
    from twin.model.district import Device, Point

_HEADER = struct.Struct(">HHHB")
_PAIR = struct.Struct(">HH")
_READS = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_MOST_BITS, _MOST_REGISTERS = 2_000, 125
_LONGEST = 260
_ON = 0xFF00
_FLOAT16_MOST = 65504.0
_FLOAT32_MOST = 3.4028234e38


class Exceptions(IntEnum):
    """Exception codes of V1.1b3, chapter 7."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_ADDRESS = 2
    ILLEGAL_VALUE = 3
    DEVICE_FAILURE = 4
    NO_TARGET = 11


class _RefusalError(Exception):
    """Raised inside a request that is answered by an exception code."""

    def __init__(self, code: Exceptions) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Slot:
    """A point at its place in a table."""

    device: Device
    point: Point
    address: ModbusPoint
    order: Order

    @property
    def first(self) -> int:
        return self.address.address

    @property
    def after(self) -> int:
        return self.first + self.address.width

    @property
    def kind(self) -> ValueType:
        return self.address.value_type

    def words(self, raw: Raw) -> list[int]:
        """Return the registers that hold a value; a value too large for them is the largest that fits."""
        if self.kind is ValueType.STRING:
            return list(
                struct.unpack(f">{self.address.width}H", text_to_wire(self.address, str(raw), self.order))
            )
        if self.address.field or self.kind.is_byte:
            return [masks(self.address, _fitting(self.address, float(raw)), self.order)[1]]
        if self.kind is ValueType.BOOL:
            return [int(bool(raw))]
        number = _narrow(self.kind, float(raw)) if self.kind.is_float else _fitting(self.address, float(raw))
        wire = to_wire(self.kind, self.order, number)
        return list(struct.unpack(f">{len(wire) // 2}H", wire))

    def value(self, words: Sequence[int]) -> Raw:
        """Return the value that registers hold."""
        if self.address.table.of_bits:
            return bool(words[0])
        value = decode(self.address, words, self.order)
        return bool(value) if self.kind is ValueType.BOOL else value


def _fitting(address: ModbusPoint, value: float) -> int:
    low, high = (0, (1 << address.field[1]) - 1) if address.field else address.value_type.limits
    return min(high, max(low, round(value))) if math.isfinite(value) else high


def _narrow(kind: ValueType, value: float) -> float:
    most = {ValueType.FLOAT16: _FLOAT16_MOST, ValueType.FLOAT32: _FLOAT32_MOST}.get(kind, math.inf)
    return min(most, max(-most, value)) if math.isfinite(value) else value


class _Unit:
    """All that answers under one unit id of a peer."""

    def __init__(self, devices: Sequence[Device], desk: Desk) -> None:
        self._devices = devices
        self._desk = desk
        self._slots = {table: _slots(devices, table) for table in Table}
        self._known = {table: _known(table, devices, slots) for table, slots in self._slots.items()}

    def silent(self) -> bool:
        return any(self._desk.silent(device) for device in self._devices)

    def answer(self, request: bytes) -> bytes:
        """Return the answer to a request, both without header: function code first."""
        function = request[0]
        try:
            if function in _READS:
                return bytes([function]) + self._read(_READS[function], request)
            if function in {5, 6, 15, 16}:
                return bytes([function]) + self._write(function, request)
        except _RefusalError as refusal:
            return bytes([function | 0x80, refusal.code])
        except struct.error:
            return bytes([function | 0x80, Exceptions.ILLEGAL_VALUE])
        return bytes([function | 0x80, Exceptions.ILLEGAL_FUNCTION])

    def _read(self, table: Table, request: bytes) -> bytes:
        start, count = _PAIR.unpack(request[1:])
        if not 1 <= count <= (_MOST_BITS if table.of_bits else _MOST_REGISTERS):
            raise _RefusalError(Exceptions.ILLEGAL_VALUE)
        words = self._words(table, start, count)
        if not table.of_bits:
            return bytes([2 * count]) + struct.pack(f">{count}H", *words)
        packed = bytearray((count + 7) // 8)
        for index, word in enumerate(words):
            packed[index // 8] |= (word & 1) << index % 8
        return bytes([len(packed)]) + bytes(packed)

    def _words(self, table: Table, start: int, count: int) -> list[int]:
        self._check(table, start, count)
        touched = [slot for slot in self._slots[table] if slot.first < start + count and slot.after > start]
        self._check_failing(touched)
        words = [0] * count
        for slot in touched:
            for offset, word in enumerate(
                slot.words(self._desk.raw(slot.device, slot.point)), slot.first - start
            ):
                if 0 <= offset < count:
                    words[offset] |= word
        return words

    def _write(self, function: int, request: bytes) -> bytes:
        table = Table.COIL if function in {5, 15} else Table.HOLDING
        start, words = _written(function, request)
        self._check(table, start, len(words))
        touched = [
            slot for slot in self._slots[table] if slot.first < start + len(words) and slot.after > start
        ]
        self._check_failing(touched)
        if any(not slot.point.writable for slot in touched) or not touched:
            raise _RefusalError(Exceptions.ILLEGAL_ADDRESS)
        for slot in touched:
            self._put(slot, words[max(0, slot.first - start) : slot.after - start])
        return request[1:5]

    def _put(self, slot: _Slot, words: Sequence[int]) -> None:
        if len(words) != slot.address.width:
            raise _RefusalError(Exceptions.ILLEGAL_VALUE)
        try:
            self._desk.write(slot.device, slot.point, slot.value(words))
        except RefusedError as error:
            raise _RefusalError(Exceptions.ILLEGAL_VALUE) from error

    def _check(self, table: Table, start: int, count: int) -> None:
        known = self._known[table]
        if not all(address in known for address in range(start, start + count)):
            raise _RefusalError(Exceptions.ILLEGAL_ADDRESS)

    def _check_failing(self, touched: Sequence[_Slot]) -> None:
        if any(self._desk.failing(slot.device, [slot.point]) for slot in touched):
            raise _RefusalError(Exceptions.DEVICE_FAILURE)


def _written(function: int, request: bytes) -> tuple[int, list[int]]:
    """Return the first address and the bits or registers that a write request carries."""
    start, second = _PAIR.unpack(request[1:5])
    if function == 5:
        if second not in {0, _ON}:
            raise _RefusalError(Exceptions.ILLEGAL_VALUE)
        return start, [int(second == _ON)]
    if function == 6:
        return start, [second]
    data = request[6:]
    if (
        not data
        or request[5] != len(data)
        or len(data) != ((second + 7) // 8 if function == 15 else 2 * second)
    ):
        raise _RefusalError(Exceptions.ILLEGAL_VALUE)
    if function == 15:
        return start, [data[index // 8] >> index % 8 & 1 for index in range(second)]
    return start, list(struct.unpack(f">{second}H", data))


def _slots(devices: Sequence[Device], table: Table) -> tuple[_Slot, ...]:
    return tuple(
        _Slot(device, point, address_of(point), address_of(point).order or options_of(device).order)
        for device in devices
        for point in device.points.values()
        if address_of(point).table is table
    )


def _known(table: Table, devices: Sequence[Device], slots: Sequence[_Slot]) -> frozenset[int]:
    """Return the addresses that can be read: those of points, and the small holes between them."""
    gap = max(limits_of(device, table).gap for device in devices)
    known: set[int] = set()
    end: int | None = None
    for first, after in sorted(slot.address.span for slot in slots):
        if end is not None and first - end <= gap:
            known.update(range(end, first))
        known.update(range(first, after))
        end = max(end or 0, after)
    return frozenset(known)


class _Answers(Protocol):
    def __call__(self, unit: int, request: bytes) -> bytes | None: ...


class _Connection(asyncio.Protocol):
    """One TCP connection; answers stand in the order of the requests."""

    def __init__(self, answers: _Answers, open_ones: set[_Connection]) -> None:
        self._answers = answers
        self._open = open_ones
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, not a check: uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._open.discard(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol != 0 or not 2 <= length <= _LONGEST - 6:
                self.abort()
                return
            if len(self._buffer) < 6 + length:
                return
            request = bytes(self._buffer[7 : 6 + length])
            del self._buffer[: 6 + length]
            self._reply(transaction, unit, self._answers(unit, request))

    def _reply(self, transaction: int, unit: int, answer: bytes | None) -> None:
        if answer is not None and self._transport is not None:
            self._transport.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)


class ModbusServer:
    """One Modbus TCP peer."""

    def __init__(self, devices: Sequence[Device], desk: Desk, host: str, port: int) -> None:
        self.devices = devices
        self._host, self._port = host, port
        self._units: Mapping[int, _Unit] = {
            unit: _Unit([device for device in devices if unit_of(device.endpoint) == unit], desk)
            for unit in {unit_of(device.endpoint) for device in devices}
        }
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; StartError when the port is taken."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._connection, self._host, self._port)
        except OSError as error:
            raise busy("modbus", self._host, self._port, error) from error

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None:
            return
        self._server.close()
        for connection in tuple(self._open):
            connection.abort()
        await self._server.wait_closed()
        self._server = None

    async def publish(self) -> None:
        """Do nothing: Modbus devices speak when they are asked."""

    def _connection(self) -> _Connection:
        return _Connection(self._answer, self._open)

    def _answer(self, unit: int, request: bytes) -> bytes | None:
        """Return the answer of a unit, None when it is silent; a gateway says so of a unit that it does not know."""
        found = self._units.get(unit)
        if found is None:
            return bytes([request[0] | 0x80, Exceptions.NO_TARGET])
        return None if found.silent() else found.answer(request)
