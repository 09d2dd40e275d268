"""Districts as they are dialled elsewhere: at a simulator of them, or at addresses that a file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from barrio.simulator.addresses import load_overrides, mapping, peers, ports_of, rewritten, supplier_port
from barrio.simulator.plain import answered, plain
from twin.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from twin.model.district import District

    Places = Mapping[str, tuple[str, int]]

LOOPBACK = "127.0.0.1"


def simulated_places(districts: Sequence[District], base_port: int) -> dict[str, tuple[str, int]]:
    """Return where a simulator of these districts listens, one port after the other.

    StartError when two districts have devices behind one endpoint: each would be given a server of its own.
    """
    places: dict[str, tuple[str, int]] = {}
    for district in districts:
        found = mapping(district, base_port)
        if shared := places.keys() & found.keys():
            raise StartError(
                f"{district.id} shares {min(shared)} with another district: simulate them one by one"
            )
        places |= found
        base_port += ports_of(district)
    return places


def stood_in(districts: Sequence[District], base_port: int) -> list[District]:
    """Return the districts as their simulator serves them: on ports of this machine, without security.

    Who they send word to is stood in for on this machine too.
    """
    found = []
    for district in relocated(districts, simulated_places(districts, base_port)):
        found.append(answered(plain(district), LOOPBACK, supplier_port(district, base_port)))
        base_port += ports_of(district)
    return found


def relocated(districts: Sequence[District], places: Places) -> list[District]:
    """Return the districts with their endpoints moved to `places`."""
    return [rewritten(district, places) for district in districts]


def overrides(path: Path, districts: Sequence[District]) -> Places:
    """Return the places of an override file; StartError when one of them is for a peer that no district has."""
    places = load_overrides(path)
    known = {peer for district in districts for peer in peers(district)}
    strange = sorted(places.keys() - known)
    if strange:
        names = ", ".join(district.id for district in districts)
        raise StartError(f"{path}: endpoints.{strange[0]}: no device of {names} has this endpoint")
    return places
