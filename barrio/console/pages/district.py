"""The first page: a district as a map, how everything in it stands, and a list of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, places, trouble, words
from barrio.console.parts import DistrictMap, Tag, link
from barrio.console.visitor import Busy, Refused, Visitor

if TYPE_CHECKING:
    from barrio.console.front import Console
    from twin.model.district import District

REFRESH_S = 5.0


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/", response_timeout=15)
    async def district(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        known = {} if who is None else places.places_of(console.platform, who.sight)
        asked = visitor.query.get("district", next(iter(known), ""))
        title = known[asked].district.name if asked in known else "Barrio"
        with frame.page(visitor, who, title, "/"):
            if not known:
                frame.nothing_open(visitor)
            elif asked not in known:
                frame.not_there(visitor)
            else:
                await _shown(visitor, known, asked)


async def _shown(visitor: Visitor, known: Any, asked: str) -> None:
    here = known[asked]
    Tag("h1", here.district.name)
    if here.district.description:
        Tag("p", here.district.description, "lead")
    if len(known) > 1:
        with Tag("nav", look="row", aria_label=visitor.say(words.DISTRICTS)):
            for one in known.values():
                current = "true" if one is here else None
                href = frame.address("/", district=one.district.id)
                link(one.district.name, href, "pill", aria_current=current)
    now = await _now(visitor, here)
    drawn = DistrictMap(
        things=orjson.dumps(_rows(here)).decode(),
        sites=[[one.name, *_rounded(one.place), [_rounded(spot) for spot in one.hull]] for one in here.sites],
        ways=[[*_rounded(start), *_rounded(stop)] for start, stop in here.ways],
        box=[round(one, 1) for one in here.box],
        texts=_texts(visitor, here.district),
        **now,
    )

    async def refresh() -> None:
        who = await visitor.who()
        places_now = None if who is None else places.places_of(visitor.platform, who.sight).get(asked)
        if places_now is None or places_now is not here:
            ui.navigate.reload()
            return
        for name, found in (await _now(visitor, here)).items():
            if found != drawn.props[name]:
                drawn.props[name] = found

    frame.every(visitor, await visitor.who(), REFRESH_S, refresh)


async def _now(visitor: Visitor, here: places.Places) -> dict[str, Any]:
    """Return what changes on the map: how things stand, and what is wrong."""
    found = await _alarms(visitor)
    letters = places.standings(visitor.platform, here.things, places.alarmed(found))
    rows, more = trouble.rows_of(visitor, here, found, letters)
    return {"standings": letters, "wrong": rows, "more": more}


async def standing(visitor: Visitor, things: Any) -> str:
    """Return how things stand for this visitor, a letter each."""
    found = await _alarms(visitor)
    return places.standings(visitor.platform, things, places.alarmed(found))


async def _alarms(visitor: Visitor) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = (await visitor.get("/api/v1/alarms", limit=10_000))["alarms"]
    except Busy:
        raise
    except Refused:
        return []
    return found


def _rows(here: places.Places) -> list[list[Any]]:
    numbers = {one.id: number for number, one in enumerate(here.sites)}
    return [
        [one.name, frame.device_page(one.path), one.kind, *_rounded(one.place), numbers.get(one.site, -1)]
        for one in here.things
    ]


def _rounded(spot: tuple[float, float]) -> list[float]:
    return [round(spot[0], 1), round(spot[1], 1)]


def list_texts(visitor: Visitor) -> dict[str, Any]:
    """Return the words of lists that are filtered in the browser."""
    say = visitor.say
    return {
        "filter": say(words.FILTER),
        "hint": say(words.FILTER_HINT),
        "none": say(words.NONE_FOUND),
        "state": say(words.STATE),
        "any": say(words.ANY),
        "standings": {letter: say(text) for letter, text in words.STANDINGS.items()},
    }


def _texts(visitor: Visitor, district: District) -> dict[str, Any]:
    say = visitor.say
    return list_texts(visitor) | {
        "label": say(words.MAP_LABEL.fill(name=district.name)),
        "legend": say(words.LEGEND),
        "heap": say(words.DEVICE_COUNT),
        "wrong": say(words.WRONG),
        "nothingWrong": say(words.NOTHING_WRONG),
        "moreWrong": say(words.MORE_WRONG),
        "clock": say(words.LOCAL.fill(zone=district.zone.key)),
        "list": say(words.LIST),
        "noPlace": say(words.NO_PLACE),
        "nearer": say(words.NEARER),
        "farther": say(words.FARTHER),
        "whole": say(words.WHOLE),
        "meant": {letter: say(text) for letter, text in words.MEANT.items()},
    }
