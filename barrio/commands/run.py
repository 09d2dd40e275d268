"""`barrio run`: the platform and its HTTP surface, until it is stopped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from barrio.api.server import address, bind
from barrio.assembly import load_all, profiles_folder
from barrio.homes import Secrets, check_secrets
from barrio.platform import Platform
from barrio.service import keep, run_loop, stop_on_signals
from connectors.registry import Connectors
from twin.clock import SystemClock
from twin.errors import StartError

if TYPE_CHECKING:
    import socket

    from barrio.settings import Settings
    from twin.model.district import District


log = structlog.get_logger("barrio")


def run(names: Sequence[str], settings: Settings, *, simulated: bool, endpoints: Path | None) -> None:
    """Run districts until SIGINT or SIGTERM; nothing else is begun before the HTTP socket is bound."""
    if simulated and endpoints is not None:
        raise StartError("--simulated and --endpoints both say where the devices are: give one of them")
    connectors = Connectors()
    districts = load_all(names, Path(), connectors, profiles_folder())
    if simulated or endpoints is not None:
        districts = _elsewhere(districts, settings, endpoints)
    check_secrets(districts, Secrets(settings.secrets))
    # What dwellings use is for us and our group, also in a data folder that somebody made for all to read.
    os.umask(os.umask(0) | 0o027)
    with bind(settings.address) as listening:
        platform = Platform(districts, settings, connectors, SystemClock())
        run_loop(_serve(platform, listening))


def _elsewhere(districts: list[District], settings: Settings, endpoints: Path | None) -> list[District]:
    """Return the districts as they are dialled: at the simulator, or where the file of endpoints says."""
    from barrio.simulator import stand_in

    if endpoints is None:
        return stand_in.stood_in(districts, settings.base_port)
    return stand_in.relocated(districts, stand_in.overrides(endpoints, districts))


async def _serve(platform: Platform, listening: socket.socket) -> None:
    stop = stop_on_signals()
    async with platform:
        devices, points = len(platform.catalogue.devices), len(platform.catalogue.points)
        log.info("barrio.started", http=address(listening), devices=devices, points=points)
        await keep(platform, listening, stop)
    log.info("barrio.stopped", stored=platform.writer.state.stored)
