"""`barrio check`: every fault of a district at once; on demand, one try at every link."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from barrio.assembly import Catalogue, Counting, bind, links_of, load_all, profiles_folder
from barrio.homes import Secrets, check_secrets, homes
from barrio.terminal import plain
from connectors.home import Home
from connectors.registry import Connectors
from twin.errors import TransientError
from twin.folder import DataFolder

if TYPE_CHECKING:
    from barrio.settings import Settings
    from connectors.base import Link
    from twin.model.district import District

AT_ONCE = 16


def check(names: Sequence[str]) -> Iterator[str]:
    """Yield one line per district; ConfigError with all faults of all of them."""
    connectors = Connectors()
    for district in load_all(names, Path(), connectors, profiles_folder()):
        yield described(district, connectors)


def described(district: District, connectors: Connectors) -> str:
    """Return `ciudad-maderas: 97 devices, 812 points, 31 links; no faults`."""
    links = len(links_of(look_at([district]), connectors, lambda _: Home()))
    points = sum(1 for _ in district.points())
    return f"{district.id}: {len(district.devices)} devices, {points} points, {links} links; no faults"


def look_at(districts: Sequence[District]) -> Catalogue:
    """Return what is configured without a data folder."""
    return bind(districts, Counting())


async def connect(names: Sequence[str], settings: Settings) -> tuple[list[str], bool]:
    """Try every link once; returns a line for each, and whether all answered.

    Certificates and secrets are those that a platform with these settings would use.
    """
    connectors = Connectors()
    districts = load_all(names, Path(), connectors, profiles_folder())
    secrets = Secrets(settings.secrets)
    check_secrets(districts, secrets)
    home = homes(DataFolder(settings.data).connectors, secrets, lambda _: {})
    links = [link for _, link in links_of(look_at(districts), connectors, home)]
    room = asyncio.Semaphore(AT_ONCE)
    found = await asyncio.gather(*(_probe(link, room) for link in links))
    return [line for line, _ in found], all(ok for _, ok in found)


async def _probe(link: Link, room: asyncio.Semaphore) -> tuple[str, bool]:
    async with room:
        try:
            return plain(f"{link.name}: answers: {await link.probe()}"), True
        except TransientError as error:
            return plain(f"{link.name}: no answer: {error.words}"), False
