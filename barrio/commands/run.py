"""`barrio run`: the platform and its HTTP surface, until it is stopped."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from barrio.api.server import address, bind
from barrio.assembly import load_all, profiles_folder
from barrio.homes import Secrets, check_secrets
from barrio.platform import Platform
from barrio.service import keep, run_loop, stop_on_signals
from barrio.simulator.addresses import load_overrides, mapping, peers, ports_of, rewritten, supplier_port
from barrio.simulator.plain import answered, plain
from connectors.registry import Connectors
from twin.clock import SystemClock
from twin.errors import StartError

if TYPE_CHECKING:
    import socket

    from barrio.settings import Settings
    from twin.model.district import District

    Places = Mapping[str, tuple[str, int]]

LOOPBACK = "127.0.0.1"

log = structlog.get_logger("barrio")


def run(names: Sequence[str], settings: Settings, *, simulated: bool, endpoints: Path | None) -> None:
    """Run districts until SIGINT or SIGTERM; nothing else is begun before the HTTP socket is bound."""
    if simulated and endpoints is not None:
        raise StartError("--simulated and --endpoints both say where the devices are: give one of them")
    connectors = Connectors()
    districts = load_all(names, Path(), connectors, profiles_folder())
    if simulated:
        districts = stood_in(districts, settings.base_port)
    if endpoints is not None:
        districts = relocated(districts, checked(load_overrides(endpoints), districts, endpoints))
    check_secrets(districts, Secrets(settings.secrets))
    # What dwellings use is for us and our group, also in a data folder that somebody made for all to read.
    os.umask(os.umask(0) | 0o027)
    with bind(settings.address) as listening:
        platform = Platform(districts, settings, connectors, SystemClock())
        run_loop(_serve(platform, listening))


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


def checked(places: Places, districts: Sequence[District], path: Path) -> Places:
    """Return the places of an override file; StartError when one of them is for a peer that no district has."""
    known = {peer for district in districts for peer in peers(district)}
    strange = sorted(places.keys() - known)
    if strange:
        names = ", ".join(district.id for district in districts)
        raise StartError(f"{path}: endpoints.{strange[0]}: no device of {names} has this endpoint")
    return places


async def _serve(platform: Platform, listening: socket.socket) -> None:
    stop = stop_on_signals()
    async with platform:
        devices, points = len(platform.catalogue.devices), len(platform.catalogue.points)
        log.info("barrio.started", http=address(listening), devices=devices, points=points)
        await keep(platform, listening, stop)
    log.info("barrio.stopped", stored=platform.writer.state.stored)
