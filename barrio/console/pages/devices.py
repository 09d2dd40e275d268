"""All devices that somebody sees, with how they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, places, words
from barrio.console.pages.district import REFRESH_S, list_texts, standing
from barrio.console.parts import DeviceTable, Tag
from barrio.console.visitor import Visitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from barrio.console.front import Console


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/devices", response_timeout=15)
    async def devices(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        with frame.page(visitor, who, visitor.say(words.DEVICES), "/console/devices"):
            known = {} if who is None else places.places_of(console.platform, who.sight)
            if known:
                await _shown(visitor, known)
            else:
                frame.nothing_open(visitor)


async def _shown(visitor: Visitor, known: Mapping[str, places.Places]) -> None:
    Tag("h1", visitor.say(words.DEVICES))
    things = [one for here in known.values() for one in here.things]
    names = {(here.district.id, one.id): one.name for here in known.values() for one in here.sites}
    several = {here.district.id: here.district.name for here in known.values()} if len(known) > 1 else {}
    rows = []
    for one in things:
        where = ", ".join(
            filter(None, (names.get((one.district, one.site), one.site), several.get(one.district)))
        )
        rows.append([one.name, frame.device_page(one.path), one.kind, where, len(one.ids)])
    texts = list_texts(visitor) | {
        "name": visitor.say(words.NAME),
        "kind": visitor.say(words.KIND),
        "place": visitor.say(words.PLACE),
        "points": visitor.say(words.POINTS),
        "more": visitor.say(words.SHOW_MORE),
    }
    table = DeviceTable(rows=rows, texts=texts, standings=await standing(visitor, things))

    async def refresh() -> None:
        letters = await standing(visitor, things)
        if letters != table.props["standings"]:
            table.props["standings"] = letters

    frame.every(visitor, await visitor.who(), REFRESH_S, refresh)
