"""Where things were: from the history of models. Blocks.

A model says at which site a device was; where on it, it does not say. So a thing that has a place of its own now was
there for as long as it is at its site.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from barrio.platform import Platform
    from barrio.sta.records import Thing
    from twin.past.model import Model

MOST_VERSIONS = 20
"""Versions of a district that are looked at, the newest."""


def stays_of(
    platform: Platform, things: Mapping[tuple[str, str], Thing]
) -> Iterator[tuple[Thing, int, str | None]]:
    """Yield a thing, since when (ns UTC), and at which site it was; None for the place where it is now."""
    found = _moves(platform, things)
    for key, thing in things.items():
        moves = found.get(key) or [(platform.started, thing.owner.site)]
        for number, (since, site) in enumerate(moves, 1):
            yield thing, since, None if number == len(moves) else site


def _moves(
    platform: Platform, things: Mapping[tuple[str, str], Thing]
) -> Mapping[tuple[str, str], list[tuple[int, str]]]:
    versions: dict[str, list[int]] = defaultdict(list)
    for one in platform.models.versions():
        versions[one.district].append(one.since)
    found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for district in {key[0] for key in things}:
        for since in versions[district][-MOST_VERSIONS:]:
            model = platform.models.at(district, since)
            for owner, site in _sites(model) if model is not None else ():
                stays = found[district, owner]
                if not stays or stays[-1][1] != site:
                    stays.append((since, site))
    return found


def _sites(model: Model) -> Iterator[tuple[str, str]]:
    for one in model.raw["devices"]:
        yield one["id"], one["site"]
    for one in model.raw["sites"]:
        yield one["id"], one["id"]
