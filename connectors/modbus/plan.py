"""Which requests read a device: points -> poll groups -> blocks. Pure, made once per device.

Points with one period form a group. In a group, points of one table that lie close together share a block: one request
of `count` registers (or bits) from `start`. A block bridges up to `max_gap` unused addresses, keeps the limits of the
device, and never splits a value.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.modbus.config import Table, address_of, options_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from connectors.modbus.config import ModbusOptions
    from twin.model.bound import BoundDevice, BoundPoint


@dataclass(frozen=True, slots=True)
class Block:
    """One request: `count` registers (bits for coils and discretes) of `table` from `start`, and the points in it."""

    table: Table
    start: int
    count: int
    points: tuple[BoundPoint, ...]

    @property
    def payload_size(self) -> int:
        """Number of bytes of registers or packed bits that a right answer carries."""
        return (self.count + 7) // 8 if self.table.of_bits else 2 * self.count

    def offset(self, bound: BoundPoint) -> int:
        """Return where a point begins, in registers or bits from `start`."""
        return address_of(bound.point).address - self.start


@dataclass(frozen=True, slots=True)
class Group:
    """The blocks of a device that are read with one period."""

    period_s: float
    blocks: tuple[Block, ...]


def plan(device: BoundDevice) -> tuple[Group, ...]:
    """Return the poll groups of `device`, the fastest first; each point is in exactly one block."""
    by_period: defaultdict[float, list[BoundPoint]] = defaultdict(list)
    for bound in device.points:
        by_period[address_of(bound.point).poll or device.device.poll_s].append(bound)
    options = options_of(device.device)
    return tuple(Group(period_s, _blocks(points, options)) for period_s, points in sorted(by_period.items()))


def _blocks(points: Iterable[BoundPoint], options: ModbusOptions) -> tuple[Block, ...]:
    by_table: defaultdict[Table, list[BoundPoint]] = defaultdict(list)
    for bound in points:
        by_table[address_of(bound.point).table].append(bound)
    return tuple(
        block for table in Table if table in by_table for block in _merge(table, by_table[table], options)
    )


def _merge(table: Table, points: Sequence[BoundPoint], options: ModbusOptions) -> Iterator[Block]:
    """Yield blocks of neighbours: a point joins while gap and size allow it, else it begins the next block."""
    limit = options.max_bits if table.of_bits else options.max_registers
    members: list[BoundPoint] = []
    start = end = 0
    for bound in sorted(points, key=_place):
        address, width = _place(bound)
        stop = address + width
        if members and (address - end > options.max_gap or max(end, stop) - start > limit):
            yield Block(table, start, end - start, tuple(members))
            members = []
        if not members:
            start = end = address
        members.append(bound)
        end = max(end, stop)
    yield Block(table, start, end - start, tuple(members))


def _place(bound: BoundPoint) -> tuple[int, int]:
    address = address_of(bound.point)
    return address.address, address.width
