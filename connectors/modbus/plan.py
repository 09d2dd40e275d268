"""Which requests read a device: points -> poll groups -> blocks. Pure; what a device refused comes from `learning`.

Points with one period form a group. In a group, points of one table that lie close together share a block: one request
of `count` registers (or bits) from `start`. Of all ways to read a group, the plan has the fewest requests, and of those
the one with the fewest registers. A block

- never splits a value, nor a value from its scale factor, which are right only if they are of one moment;
- keeps the limits of the device, unless a single value is wider (then whatever lies inside that value joins it);
- bridges up to `gap` addresses in a row that no point of the group uses: reading them costs less than asking twice;
- never covers two addresses that the device refused to give in one request.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from connectors.modbus.config import Table, address_of, options_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from twin.model.bound import BoundDevice, BoundPoint
    from twin.model.district import Device

Extent = tuple[int, int]
"""First address and the one after the last."""

# Bytes (characters on a serial line) that one more request costs, whatever it reads.
# Serial line: address, function, first, count and CRC are 8; address, function, byte count and CRC are 5; a silence of
# 3.5 before each (MODBUS over Serial Line V1.02, 2.5.1).
_REQUEST_SERIAL = 8 + 5 + 7
# TCP: 12 and 9 (MODBUS Messaging on TCP/IP V1.0b, 3.1.3), and the 40 of IPv4 and TCP twice (RFC 791, RFC 9293, 3.1).
_REQUEST_TCP = 12 + 9 + 80

# Spans in one stretch whose runs are all compared; of more, the longest runs are taken.
_MOST_COMPARED = 1_000


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One request: `count` registers (bits for coils and discretes) of `table` from `start`, and the points in it."""

    table: Table
    start: int
    count: int
    points: tuple[BoundPoint, ...]

    @property
    def stop(self) -> int:
        """The address after the last."""
        return self.start + self.count

    @property
    def key(self) -> tuple[str, int, int]:
        """Its addresses, as in `Span.key`."""
        return self.table.value, self.start, self.stop

    @property
    def payload_size(self) -> int:
        """Number of bytes of registers or packed bits that a right answer carries."""
        return (self.count + 7) // 8 if self.table.of_bits else 2 * self.count

    @property
    def bridged(self) -> list[Extent]:
        """Addresses that are read though no point of the block uses them."""
        used = {at for bound in self.points for at in _used(bound)}
        unused = [at for at in range(self.start, self.stop) if at not in used]
        firsts = [at for at in unused if at - 1 in used]
        return list(zip(firsts, (at + 1 for at in unused if at + 1 in used), strict=True))

    def offset(self, bound: BoundPoint) -> int:
        """Return where a point begins, in registers or bits from `start`."""
        return address_of(bound.point).address - self.start


@dataclass(frozen=True, slots=True)
class Group:
    """The blocks of a device that are read with one period."""

    period_s: float
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Addresses that are read together or not at all, and the points that live exactly there."""

    table: Table
    start: int
    stop: int
    points: tuple[BoundPoint, ...]

    @property
    def extent(self) -> Extent:
        """First address and the one after the last."""
        return self.start, self.stop

    @property
    def key(self) -> tuple[str, int, int]:
        """The same for every span of these addresses, in every group."""
        return self.table.value, self.start, self.stop


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request of one table may cover.

    `most` registers or bits, `gap` unused ones in a row. `apart` has pairs of addresses that no request covers both.
    """

    most: int
    gap: int
    apart: tuple[Extent, ...] = ()


def plan(device: BoundDevice) -> tuple[Group, ...]:
    """Return the poll groups of `device`, the fastest first; each point is in exactly one block."""
    return tuple(
        Group(period_s, tuple(_blocks(spans, device.device))) for period_s, spans in groups_of(device).items()
    )


def groups_of(device: BoundDevice) -> Mapping[float, Sequence[Span]]:
    """Return the spans of each period, the shortest first; spans stand by table and address."""
    by_period: defaultdict[float, list[BoundPoint]] = defaultdict(list)
    for bound in device.points:
        by_period[address_of(bound.point).poll or device.device.poll_s].append(bound)
    return {period_s: _spans(points) for period_s, points in sorted(by_period.items())}


def limits_of(device: Device, table: Table) -> Limits:
    """Return what the options of a device allow one request of `table` to cover."""
    options = options_of(device)
    most = options.max_bits if table.of_bits else options.max_registers
    gap = gap_by_cost(device, table) if options.max_gap is None else options.max_gap
    return Limits(most, gap)


def gap_by_cost(device: Device, table: Table) -> int:
    """Return how many unused addresses cost no more than another request."""
    spare = request_cost(device)
    return spare * 8 if table.of_bits else spare // 2


def request_cost(device: Device) -> int:
    """Return the bytes (characters on a serial line) of a request and its answer without any registers."""
    return _REQUEST_SERIAL if on_serial_line(device) else _REQUEST_TCP


def on_serial_line(device: Device) -> bool:
    """Whether characters of a serial line carry the device's answers, all the way or behind a gateway."""
    return "rtu" in device.endpoint.scheme.split("+")


def merge(spans: Sequence[Span], limits: Limits) -> list[tuple[Span, ...]]:
    """Return the runs of `spans` (of one table, by address) that are one request each."""
    runs = _runs(tuple(span.extent for span in spans), limits)
    return [tuple(spans[first:after]) for first, after in runs]


def block_of(run: Sequence[Span]) -> Block:
    """Return the request that reads a run of neighbours."""
    start, stop = covered(run)
    return Block(run[0].table, start, stop - start, tuple(bound for span in run for bound in span.points))


def covered(run: Sequence[Span]) -> Extent:
    """Return the addresses from the first to the last of a run."""
    return run[0].start, max(span.stop for span in run)


def _blocks(spans: Sequence[Span], device: Device) -> Iterable[Block]:
    for table in Table:
        mine = [span for span in spans if span.table is table]
        yield from map(block_of, merge(mine, limits_of(device, table)))


def _spans(points: Iterable[BoundPoint]) -> list[Span]:
    by_place: defaultdict[tuple[Table, Extent], list[BoundPoint]] = defaultdict(list)
    for bound in points:
        address = address_of(bound.point)
        by_place[address.table, address.span].append(bound)
    return [
        Span(table, start, stop, tuple(bounds))
        for (table, (start, stop)), bounds in sorted(
            by_place.items(), key=lambda item: (_PLACE[item[0][0]], item[0][1])
        )
    ]


_PLACE = {table: number for number, table in enumerate(Table)}


def _used(bound: BoundPoint) -> Iterable[int]:
    address = address_of(bound.point)
    yield from range(address.address, address.address + address.width)
    if address.factor_address is not None:
        yield address.factor_address


@lru_cache(maxsize=1024)
def _runs(extents: tuple[Extent, ...], limits: Limits) -> tuple[Extent, ...]:
    """Return positions of runs; devices alike share the work."""
    return tuple(
        run
        for first, after in _stretches(extents, limits.gap)
        for run in _chosen(extents, first, after, limits)
    )


def _chosen(extents: Sequence[Extent], first: int, after: int, limits: Limits) -> Sequence[Extent]:
    if _furthest(extents, first, after, limits) == after:
        return [(first, after)]
    return (_best if after - first <= _MOST_COMPARED else _longest)(extents, first, after, limits)


def _stretches(extents: Sequence[Extent], gap: int) -> Iterable[Extent]:
    """Yield positions between the gaps that are too wide to be bridged by any request."""
    first, end = 0, extents[0][1] if extents else 0
    for position, (start, stop) in enumerate(extents):
        if start - end > gap:
            yield first, position
            first = position
        end = max(end, stop)
    if extents:
        yield first, len(extents)


def _longest(extents: Sequence[Extent], first: int, after: int, limits: Limits) -> Sequence[Extent]:
    """Return the fewest runs, each as long as it may be."""
    runs = []
    while first < after:
        end = _furthest(extents, first, after, limits)
        runs.append((first, end))
        first = end
    return runs


def _best(extents: Sequence[Extent], first: int, after: int, limits: Limits) -> Sequence[Extent]:
    """Return the runs with the fewest requests, then the fewest registers, found from the last span backwards.

    Runs of neighbours suffice: were a later span read by an earlier request than its neighbour, the later request,
    which begins before it and ends after it, would read it as well.
    """
    cost = {after: (0, 0)}
    next_run = {}
    for position in range(after - 1, first - 1, -1):
        choices = (
            (cost[end][0] + 1, cost[end][1] + size, -end)
            for end, size in _sizes(extents, position, after, limits)
        )
        requests, registers, end = min(choices)
        cost[position], next_run[position] = (requests, registers), -end
    runs = []
    while first < after:
        runs.append((first, next_run[first]))
        first = next_run[first]
    return runs


def _furthest(extents: Sequence[Extent], first: int, after: int, limits: Limits) -> int:
    end = first + 1
    for end, _ in _sizes(extents, first, after, limits):  # noqa: B007 (the last one is wanted)
        pass
    return end


def _sizes(extents: Sequence[Extent], first: int, after: int, limits: Limits) -> Iterable[Extent]:
    """Yield the ends of the runs that may begin at `first`, each with the registers that it reads."""
    start, stop = extents[first]
    # What a single value needs is asked in any case, and whatever lies inside comes with it.
    furthest = min([start + limits.most, *(far for near, far in limits.apart if near >= start)])
    furthest = max(furthest, stop)
    yield first + 1, stop - start
    for position in range(first + 1, after):
        begin, end = extents[position]
        if begin == start:
            furthest = max(furthest, end)
        stop = max(stop, end)
        if stop > furthest:
            return
        yield position + 1, stop - start
