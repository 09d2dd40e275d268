"""Which registers and bits of an unknown device answer, found with few requests.

- The first thousand of each table are read in blocks. A block that is refused is cut in halves, down to a few
  registers, of which the first is asked alone; the ends of what answers are then found to the register.
- Further up one register in a thousand is asked, since maps begin at round addresses; from one that answers, blocks
  are read as long as they are answered. A device that answers nearly everywhere says nothing by answering: there only
  the first thousand are read.
- A table whose function the device does not know, or that it meets with silence, is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.modbus.asker import numbers
from connectors.modbus.pdu import ILLEGAL_FUNCTION, Refused, Unanswered, read
from connectors.modbus.registers import LAST_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.modbus.asker import Asker
    from connectors.modbus.plan import Extent
    from connectors.modbus.registers import Table

READ_FIRST = 1_000
STEP = 1_000
FEWEST = 16
"""A piece of a refused block that is not larger is not cut; where a request may read many (bits), an eighth of them."""

MOST_BLOCKS_ON = 8
_MOST_SILENCES = 2
_NEARLY_ALL = 0.9


class _Leave(Exception):
    """Raised when a table is not to be asked any more."""


@dataclass(slots=True)
class Seen:
    """What a table answered: numbers by address; `words` say why it was left alone, or what was not looked at."""

    table: Table
    values: dict[int, int] = field(default_factory=dict)
    words: str = ""

    @property
    def ranges(self) -> list[Extent]:
        """Addresses that answer, each from the first to the one after the last."""
        firsts = sorted(at for at in self.values if at - 1 not in self.values)
        stops = sorted(at + 1 for at in self.values if at + 1 not in self.values)
        return list(zip(firsts, stops, strict=True))


class Scan:
    """One table of one device; `run` once. `seen` is right whenever it is looked at."""

    def __init__(self, asker: Asker, table: Table, most: int) -> None:
        """Look at a table by requests of at most `most` registers or bits."""
        self.seen = Seen(table)
        self._asker = asker
        self._most = most
        self._fewest = max(FEWEST, most // 8)
        self._silences = 0

    async def run(self) -> None:
        """Look; `Spent` when that takes too long."""
        try:
            for first in range(0, READ_FIRST, self._most):
                await self._look(first, min(first + self._most, READ_FIRST))
            await self._further_up()
            await self._ends()
        except _Leave as reason:
            self.seen.words = str(reason)

    async def _look(self, first: int, after: int) -> None:
        """Read a stretch, or those of its parts that answer."""
        pieces = [(first, after)]
        while pieces:
            first, after = pieces.pop()
            if await self._ask(first, after):
                continue
            if after - first > self._fewest:
                middle = (first + after) // 2
                pieces += [(middle, after), (first, middle)]
            else:
                await self._ask(first, first + 1)

    async def _further_up(self) -> None:
        places = range(STEP, LAST_ADDRESS + 1, STEP)
        answered = [at for at in places if await self._ask(at, at + 1)]
        if len(answered) > _NEARLY_ALL * len(places):
            for at in answered:
                del self.seen.values[at]
            self.seen.words = "answers nearly everywhere: only its first thousand were read"
            return
        for at in answered:
            await self._read_on(at)

    async def _read_on(self, first: int) -> None:
        for _ in range(MOST_BLOCKS_ON):
            after = min(first + self._most, LAST_ADDRESS + 1)
            if first >= after:
                return
            whole = await self._ask(first, after)
            if not whole:
                await self._look(first, (first + after) // 2)
                return
            first = after

    async def _ends(self) -> None:
        """Find the ends of what answers to the register, where they lie inside a piece that was refused."""
        for first, after in self.seen.ranges:
            await self._grow(first, max(0, first - self._fewest), upwards=False)
            await self._grow(after - 1, min(LAST_ADDRESS, after - 1 + self._reach(after)), upwards=True)

    def _reach(self, after: int) -> int:
        """Return how far beyond its end a range may go on without having been seen."""
        return self._fewest if after <= READ_FIRST else self._most

    async def _grow(self, known: int, limit: int, *, upwards: bool) -> None:
        """Find by halving how far towards `limit` a request may reach that begins or ends at `known`."""
        refused = limit + 1 if upwards else limit - 1
        while abs(refused - known) > 1:
            middle = (known + refused) // 2
            low, high = sorted((known, middle))
            if await self._ask(low, high + 1):
                known = middle
            else:
                refused = middle

    async def _ask(self, first: int, after: int) -> bool:
        """Read a stretch of the table; whether it was answered."""
        table = self.seen.table
        answer = await self._asker.ask(read(self._asker.unit, table, first, after - first))
        if isinstance(answer, Unanswered):
            self._silences += 1
            if self._silences >= _MOST_SILENCES:
                raise _Leave(f"left alone, {answer.words}")
            return False
        self._silences = 0
        if isinstance(answer, Refused):
            if answer.code == ILLEGAL_FUNCTION:
                raise _Leave(f"is not there, {answer.words}")
            return False
        found: Iterable[int] = numbers(answer, after - first, of_bits=table.of_bits)
        self.seen.values |= dict(enumerate(found, first))
        return True
