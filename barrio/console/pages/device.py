"""One device: what it is, how it stands, and the newest of each of its points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, places, shown, words
from barrio.console.pages.district import standing
from barrio.console.parts import Tag, link, pairs
from barrio.console.visitor import Busy, Refused, Visitor

if TYPE_CHECKING:
    from barrio.console.front import Console
    from barrio.console.places import Places, Thing

REFRESH_S = 3.0
MOST_POINTS = 1_000


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/device", response_timeout=15)
    async def device(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        found = None if who is None else _find(visitor, places.places_of(console.platform, who.sight))
        title = visitor.say(words.DEVICE) if found is None else found[1].name
        with frame.page(visitor, who, title):
            if found is None:
                frame.not_there(visitor)
            else:
                await _Device(visitor, *found).show()


def _find(visitor: Visitor, known: Any) -> tuple[Places, Thing] | None:
    path = visitor.query.get("path", "").strip("/")
    every = ((here, one) for here in known.values() for one in here.things)
    return next(((here, one) for here, one in every if one.path == path), None)


class _Device:
    def __init__(self, visitor: Visitor, here: Places, thing: Thing) -> None:
        self.visitor = visitor
        self.here = here
        self.thing = thing
        self.cells: dict[str, tuple[Tag, Tag, Tag]] = {}

    async def show(self) -> None:
        say = self.visitor.say
        with Tag("p", look="crumbs"):
            link(self.here.district.name, frame.address("/", district=self.here.district.id))
        Tag("h1", self.thing.name)
        sites = {one.id: one.name for one in self.here.sites}
        letter = await standing(self.visitor, [self.thing])
        pairs(
            [
                (say(words.STATE), say(words.STANDINGS[letter])),
                (say(words.KIND), self.thing.kind),
                (say(words.PLACE), sites.get(self.thing.site, self.thing.site) or say(words.NO_PLACE)),
                ("Id", self.thing.path),
            ]
        )
        Tag("h2", say(words.POINTS))
        found = await self._points()
        with Tag("table", look="table"):
            with Tag("thead"), Tag("tr"):
                for text in (words.POINT, words.VALUE, words.WHEN, words.QUALITY):
                    Tag("th", say(text), scope="col")
                Tag("td")
            with Tag("tbody"):
                for one in found:
                    self._row(one)
        Tag("p", say(words.LOCAL.fill(zone=self.here.district.zone.key)), "quiet")
        frame.every(self.visitor, await self.visitor.who(), REFRESH_S, self._refresh)

    async def _points(self) -> list[dict[str, Any]]:
        found = await self.visitor.get("/api/v1/points", under=self.thing.path, limit=MOST_POINTS)
        points: list[dict[str, Any]] = found["points"]
        return points

    def _row(self, one: dict[str, Any]) -> None:
        say = self.visitor.say
        with Tag("tr"):
            with Tag("th", scope="row"):
                link(one["name"], frame.point_page(one["path"]))
                if one["description"]:
                    Tag("div", one["description"], "quiet")
            texts = self._texts(one["latest"])
            value = Tag("td", texts[0], "value", **{"data-label": say(words.VALUE)})
            when = Tag("td", texts[1], "when", **{"data-label": say(words.WHEN)})
            quality = Tag("td", texts[2], **{"data-label": say(words.QUALITY)})
            with Tag("td"):
                name = f"{say(words.ASK_WHY)} {one['name']}"
                link(say(words.ASK_WHY), frame.why_page(one["path"]), "ask", aria_label=name)
        self.cells[one["path"]] = (value, when, quality)

    def _texts(self, latest: dict[str, Any]) -> tuple[str, str, str]:
        zone, lang = self.here.district.zone, self.visitor.lang
        when = shown.clock(latest["time"], zone, lang)
        return shown.value(latest, lang), when, shown.quality(latest, zone, lang)

    async def _refresh(self) -> None:
        try:
            found = await self._points()
        except Busy:
            raise
        except Refused:
            ui.navigate.reload()
            return
        for one in found:
            for cell, text in zip(self.cells.get(one["path"], ()), self._texts(one["latest"]), strict=False):
                cell.text = text
