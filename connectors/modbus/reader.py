"""One block of one device, ready to be read: the request, and what turns the answer into a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from connectors.modbus.codec import BlockCodec
from connectors.modbus.config import options_of
from connectors.modbus.pdu import read
from twin.frame import Frame
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Collection

    from connectors.modbus.pdu import Request
    from connectors.modbus.plan import Block
    from connectors.modbus.polling import Unit


class Reader:
    """One block of one device."""

    def __init__(self, block: Block, unit: Unit) -> None:
        self.block = block
        self.request = read(unit.number, block.table, block.start, block.count)
        self.timeout_s = unit.options.timeout
        self._codec = BlockCodec(block, options_of(unit.bound.device).order)
        self._refused = np.full(len(self._codec.ids), Reason.DEVICE_EXCEPTION, np.uint8)

    def frame(self, payload: bytes, received: int) -> Frame:
        """Return what the device gave."""
        decoded = self._codec.decode(payload)
        return Frame(self._codec.ids, decoded.values, received, 0, decoded.quality, decoded.details)

    def refused(self, words: str, received: int) -> Frame:
        """Return bad readings of all points with the device's words."""
        size = len(self._codec.ids)
        details = dict.fromkeys(range(size), words)
        return Frame(self._codec.ids, np.full(size, np.nan), received, 0, self._refused, details)

    def check(self, unit: Unit) -> Request:
        """Return a request whose answer is of another size than any that the unit may still owe."""
        return check(unit, self.block)


class Readers:
    """The readers of a link's blocks, made when they are first asked for."""

    def __init__(self, most: int) -> None:
        """Keep about `most`: plans that learn make new blocks, and those of the plan before are not kept."""
        self._most = most
        self._by_block: dict[Block, Reader] = {}

    def of(self, unit: Unit, block: Block) -> Reader:
        """Return what reads a block of a unit."""
        reader = self._by_block.get(block)
        if reader is None:
            if len(self._by_block) > self._most:
                self._by_block.clear()
            reader = self._by_block[block] = Reader(block, unit)
        return reader


def check(unit: Unit, block: Block) -> Request:
    """Return a request at `block` whose answer cannot be taken for that of any block of the unit."""
    plan = unit.plan
    sizes = {each.payload_size for period_s in plan.periods for each in plan.blocks(period_s)}
    step, width = (8, 1) if block.table.of_bits else (1, 2)
    count = next(count for count in range(1, 126) if width * count not in sizes)
    return read(unit.number, block.table, block.start, count * step)


def set_aside(unit: Unit, ids: Collection[int] | None, received: int) -> Frame | None:
    """Return bad readings of the points that the plan has set aside, among `ids` only; None when there are none."""
    words = unit.plan.set_aside()
    told = [point for point in words if ids is None or point in ids]
    if not told:
        return None
    quality = np.full(len(told), Reason.DEVICE_EXCEPTION, np.uint8)
    details = {at: words[point] for at, point in enumerate(told)}
    return Frame(np.array(told, np.int32), np.full(len(told), np.nan), received, 0, quality, details)
