"""Looking at an unknown device: what it says of itself, its SunSpec models, which registers answer; then a draft.

Bounded whatever the device says: so many requests and so long as `asker` allows; what was seen until then counts.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.abilities import Draft
from connectors.modbus import sunspec
from connectors.modbus.asker import Asker, Spent
from connectors.modbus.config import ModbusOptions, unit_of
from connectors.modbus.draft import Findings, drafted, said
from connectors.modbus.identity import BASIC, REGULAR, Identify, part_of
from connectors.modbus.registers import Table
from connectors.modbus.scan import Scan
from connectors.modbus.transport import Dialler, line_fault, way_of
from twin.errors import TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.modbus.scan import Seen
    from connectors.modbus.sunspec import Chain, Match
    from twin.model.protocol import Endpoint

LONGEST_DIAL_S = 4.0
_MOST_PARTS = 8
_TABLES = (Table.HOLDING, Table.INPUT, Table.COIL, Table.DISCRETE)


async def discover(endpoint: Endpoint, options: Mapping[str, object]) -> Draft:
    """Ask the unit that `endpoint` names and draft a profile; within a minute, whatever it says.

    Files of `options` are looked for in the working folder. `TransientError` when the unit is away, or the endpoint is
    no device's.
    """
    checked = ModbusOptions.model_validate(options)
    try:
        unit = unit_of(endpoint)
    except ValueError as error:
        raise TransientError(endpoint.peer, str(error)) from error
    if words := line_fault(endpoint):
        raise TransientError(endpoint.peer, words)
    way = way_of(endpoint, checked, Path())
    dialler = Dialler(way, min(checked.connect_timeout, LONGEST_DIAL_S), min(checked.delay, 1.0))
    asker = Asker(dialler, unit, checked.timeout)
    try:
        look = _Look(asker, checked)
        await look.run()
    finally:
        asker.close()
    return await asyncio.to_thread(look.draft, f"{endpoint}", options)


class _Look:
    """One look at one device; what it has found is right whenever it ends."""

    def __init__(self, asker: Asker, options: ModbusOptions) -> None:
        self._asker = asker
        self._options = options
        self._texts: dict[int, str] = {}
        self._chain: Chain | None = None
        self._tables: list[Seen] = []
        self._remarks: list[str] = []

    async def run(self) -> None:
        """Ask for everything, until it is known or enough."""
        try:
            await self._identify()
            self._chain = await sunspec.chain_of(self._asker)
            for table in _TABLES:
                most = self._options.max_bits if table.of_bits else self._options.max_registers
                scan = Scan(self._asker, table, most)
                self._tables.append(scan.seen)
                await scan.run()
        except Spent as reason:
            self._remarks.append(f"the look ended early: {reason}")

    async def _identify(self) -> None:
        """Read the basic objects, and the regular ones of a device that says it has them."""
        wanted: list[tuple[int, int]] = [(BASIC, 0)]
        for _ in range(_MOST_PARTS):
            if not wanted:
                return
            category, first = wanted.pop()
            answer = await self._asker.ask(Identify(self._asker.unit, category, first))
            if not isinstance(answer, bytes):
                return
            part = part_of(answer)
            new = part.texts.keys() - self._texts.keys()
            self._texts = part.texts | self._texts
            if new and part.goes_on_at is not None:
                wanted.append((category, part.goes_on_at))
            elif category == BASIC and part.conformity >= REGULAR:
                wanted.append((REGULAR, 0))

    def draft(self, peer: str, options: Mapping[str, object]) -> Draft:
        """Return what was found; reads the library's profiles, so in a thread."""
        matches = sunspec.matches(self._chain.models) if self._chain else []
        moved = sunspec.moved(matches[0]) if matches and matches[0].shift else {}
        found = Findings(peer, options, self._texts, self._chain, matches, moved, self._tables)
        remarks = [*_about(found), *_of_models(matches), *self._remarks]
        if self._chain and self._chain.words:
            remarks.append(f"the SunSpec map is not as it should be: {self._chain.words}")
        return Draft(drafted(found), tuple(remarks))


def _about(found: Findings) -> list[str]:
    about = [f"the device says that it is {said(found)}"] if said(found) else []
    if not found.matches and not any(seen.values for seen in found.tables):
        about.append(
            "no register answers: another unit, or registers that are read only from certain addresses on?"
        )
    return about


def _of_models(matches: list[Match]) -> list[str]:
    """Say which profiles fit; the draft is a variant of the first."""
    remarks = []
    for at, match in enumerate(matches):
        where = f", its registers moved by {match.shift}" if match.shift else " as it stands"
        which = "the draft is a variant of it" if at == 0 else "for a device of its own at the same endpoint"
        remarks.append(
            f"SunSpec model {match.model.number} is read by profile {match.profile}{where}: {which}"
        )
    return remarks
