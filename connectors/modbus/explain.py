"""The read plan of a device in words: each request with its cost, and what was learned about the device."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.modbus.config import SERIAL, address_of, options_of, unit_of
from connectors.modbus.learning import DevicePlan
from connectors.modbus.plan import gap_by_cost, limits_of, on_serial_line
from connectors.modbus.registers import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connectors.home import Home
    from connectors.modbus.plan import Block
    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.district import Device

_WIDTH = 110
# Above 19200 bit/s the silence between frames is fixed (MODBUS over Serial Line V1.02, 2.5.1.1).
_FAST = 19_200
_FAST_SILENCE_S = 0.00175
_SILENCE = 3.5
# Request and answer without registers: MODBUS Messaging on TCP/IP V1.0b, 3.1.3; MODBUS over Serial Line V1.02, 2.5.1.
_TCP_FRAMES = 12 + 9
_RTU_FRAMES = 8 + 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request and its answer cost: bytes on the wire, and seconds on a serial line of ours (else 0)."""

    bytes: int
    line_s: float


def cost_of(block: Block, device: Device) -> Cost:
    """Return what it costs to ask for a block and to get an answer; TCP/IP's own headers are not counted."""
    size = block.payload_size + (_RTU_FRAMES if on_serial_line(device) else _TCP_FRAMES)
    if device.endpoint.scheme != SERIAL:
        return Cost(size, 0.0)
    options = options_of(device)
    character_s = (1 + options.bytesize + (options.parity != "N") + options.stopbits) / options.baudrate
    silence_s = _FAST_SILENCE_S if options.baudrate > _FAST else _SILENCE * character_s
    return Cost(size, size * character_s + 2 * silence_s + options.delay)


def explain(bound: BoundDevice, home: Home) -> str:
    """Return lines for a person: the requests of a device, their points and cost, what it refused. No network."""
    plan = DevicePlan(bound, home)
    parts = [_head(bound, plan)]
    parts += [_group(bound, plan, period_s) for period_s in plan.periods]
    parts += [_sum(bound, plan), _limits(bound.device, plan)]
    learned = [*_set_aside(bound, plan), *_not_crossed(plan)]
    return "\n\n".join([*parts, *(["\n".join(learned)] if learned else [])])


def _head(bound: BoundDevice, plan: DevicePlan) -> str:
    device = bound.device
    requests = _count(sum(len(plan.blocks(period_s)) for period_s in plan.periods), "request")
    points = _count(len(bound.points), "point")
    return f"{device.id}: {points} in {requests}\n{device.endpoint}, unit {unit_of(device.endpoint)}"


def _group(bound: BoundDevice, plan: DevicePlan, period_s: float) -> str:
    lines = [f"every {period_s:g} s"]
    for block in plan.blocks(period_s):
        lines += _request(block, bound.device)
    if len(lines) == 1:
        lines.append("  nothing: all of its points are set aside")
    return "\n".join(lines)


def _request(block: Block, device: Device) -> Iterator[str]:
    cost = cost_of(block, device)
    what = _count(block.count, "bit" if block.table.of_bits else "register")
    line = f", {1000 * cost.line_s:.1f} ms on the line" if cost.line_s else ""
    where = _range(block.table, block.start, block.stop)
    yield f"  function {block.table.function}, first {block.start}, count {block.count}: {where}"
    yield f"    {what}, {_count(len(block.points), 'point')}, {cost.bytes} bytes{line}"
    if block.bridged:
        gaps = ", ".join(_span(first, after) for first, after in block.bridged)
        yield from _wrapped(f"bridged: {gaps}")
    yield from _wrapped(", ".join(bound.point.name for bound in block.points))


def _sum(bound: BoundDevice, plan: DevicePlan) -> str:
    rates = [
        (1 / period_s, cost_of(block, bound.device))
        for period_s in plan.periods
        for block in plan.blocks(period_s)
    ]
    requests = sum(rate for rate, _ in rates)
    size = sum(rate * cost.bytes for rate, cost in rates)
    busy = sum(rate * cost.line_s for rate, cost in rates)
    text = f"together {requests:.3g} requests/s, {size:.4g} bytes/s"
    if not busy:
        return text
    baudrate = options_of(bound.device).baudrate
    warning = ": more than it carries, polls will come late" if busy > 1 else ""
    return f"{text}, {100 * busy:.1f} % of the line at {baudrate} bit/s{warning}"


def _limits(device: Device, plan: DevicePlan) -> str:
    tables = sorted(
        {block.table for period_s in plan.periods for block in plan.blocks(period_s)}, key=list(Table).index
    )
    lines = []
    for table in tables:
        limits, longest = limits_of(device, table), plan.longest(table)
        why = "the device refused more" if longest < limits.most else "by the options"
        how = "by their cost" if limits.gap == gap_by_cost(device, table) else "by max_gap"
        unit = "bits" if table.of_bits else "registers"
        lines.append(
            f"{table}: at most {longest} {unit} a request ({why}), gaps of up to {limits.gap} are bridged ({how})"
        )
    return "\n".join(lines)


def _set_aside(bound: BoundDevice, plan: DevicePlan) -> Iterator[str]:
    words = plan.set_aside()
    for point in bound.points:
        if point.id in words:
            yield f"refused: {_place(point)}, {words[point.id]}"


def _not_crossed(plan: DevicePlan) -> Iterator[str]:
    for table, near, far in plan.not_crossed():
        yield f"refused in one request: {table} {near} and {far}"


def _place(bound: BoundPoint) -> str:
    address = address_of(bound.point)
    return f"{bound.point.name} ({_range(address.table, *address.span)})"


def _range(table: Table, first: int, after: int) -> str:
    return f"{table} {_span(first, after)}"


def _span(first: int, after: int) -> str:
    return f"{first}" if after == first + 1 else f"{first} to {after - 1}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _wrapped(text: str) -> Iterable[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
