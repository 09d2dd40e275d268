"""One point over time: from an hour to a year, with what is missing or doubtful and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nicegui import ui
from starlette.requests import Request

from barrio.console import chart, frame, shown, words
from barrio.console.pages import point_tables
from barrio.console.parts import PointChart, Tag, link, pairs
from barrio.console.visitor import Refused, Visitor, url_of
from barrio.errors import AskError
from barrio.moments import parse_moment
from twin.clock import NS
from twin.model.quantities import Aggregation

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

    from barrio.access.who import Who
    from barrio.console.front import Console
    from twin.model.bound import BoundPoint

USUAL = "24h"
YOUNG = (("1h", 3 * 3_600), ("6h", 12 * 3_600))
"""What is shown first where a district has not run for longer than so many seconds: a day of nothing says little."""
LONGEST_S = 3 * 366 * 86_400.0
SHORTEST_S = 10.0
MOST_GAPS = 500


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/point", response_timeout=15)
    async def point(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        item = None if who is None else who.sight.point(visitor.query.get("path", ""))
        title = visitor.say(words.POINT) if item is None else item.point.name
        with frame.page(visitor, who, title):
            if item is None or who is None:
                frame.not_there(visitor)
            else:
                await _Point(visitor, who, item).show()


class _Point:
    def __init__(self, visitor: Visitor, who: Who, item: BoundPoint) -> None:
        self.visitor = visitor
        self.item = item
        self.owner = visitor.platform.catalogue.owners[item.id]
        self.zone = visitor.platform.catalogue.zone(item)
        self.kind = item.point.quantity.aggregation
        self.unit = shown.unit(item.point.quantity.unit)
        now = visitor.platform.clock.now_ns()
        versions = visitor.platform.models.versions()
        began = min((one.since for one in versions if one.district == self.owner.district), default=now)
        age_s = (now - began) / NS
        self.usual = next((name for name, until_s in YOUNG if age_s < until_s), USUAL)
        self.start, self.stop = self._span(now)
        every = chart.window_for(self.stop - self.start, who.sight.resolution(item.id))
        patience = max(item.point.heartbeat_s, item.point.silent_after_s)
        self.frame = chart.Frame(self.start, self.stop, self.zone, visitor.lang, every, patience, now / NS)
        self.asked = {
            "point": item.point.path,
            "from": _rfc3339(self.start),
            "to": _rfc3339(self.stop),
            "every": every,
            "aggregate": chart.aggregates_of(self.kind) if every else None,
            "tz": self.zone.key if every else None,
        }

    def _span(self, now_ns: int) -> tuple[float, float]:
        """Return from when to when is asked; the usual time where that is nonsense."""
        query = self.visitor.query
        try:
            start = parse_moment(query.get("from", f"-{self.usual}"), "from", now_ns, self.zone) / NS
            stop = parse_moment(query.get("to", "now"), "to", now_ns, self.zone) / NS
        except AskError:
            start, stop = now_ns / NS - 86_400, now_ns / NS
        start, stop = float(int(start)), float(int(stop) + 1)
        start = max(start, stop - LONGEST_S)
        return (start, stop) if stop - start >= SHORTEST_S else (stop - SHORTEST_S, stop)

    async def show(self) -> None:
        say, point = self.visitor.say, self.item.point
        with Tag("p", look="crumbs"):
            link(
                self.owner.name or self.owner.id, frame.device_page(f"{self.owner.district}/{self.owner.id}")
            )
        Tag("h1", point.name)
        if point.description:
            Tag("p", point.description, "lead")
        latest = await self.visitor.get(f"/api/v1/points/{point.path}/latest")
        pairs(
            [
                (say(words.VALUE), shown.value(latest, self.visitor.lang)),
                (say(words.WHEN), shown.clock(latest["time"], self.zone, self.visitor.lang)),
                (say(words.QUALITY), shown.quality(latest, self.zone, self.visitor.lang)),
            ]
        )
        self._ranges()
        try:
            found = await self.visitor.get("/api/v1/history", **self.asked)
            gaps = await self.visitor.get(
                "/api/v1/gaps", **{key: self.asked[key] for key in ("point", "from", "to")}, limit=MOST_GAPS
            )
        except Refused as error:
            Tag("p", error.words, "note no", role="alert")
            return
        self._chart(found["series"][0], gaps["gaps"])

    def _ranges(self) -> None:
        path, length = self.item.point.path, self.stop - self.start
        asked = self.visitor.query.get("from", f"-{self.usual}").removeprefix("-")
        with Tag("nav", look="row", aria_label=self.visitor.say(words.RANGE)):
            for name, text in words.RANGES.items():
                current = "true" if name == asked and "to" not in self.visitor.query else None
                href = frame.point_page(path, **{"from": f"-{name}"})
                link(self.visitor.say(text), href, "pill", aria_current=current)
            ways = ((words.EARLIER, "←", -length), (words.LATER, "→", length))
            for text, sign, shift in ways if self.stop < self.frame.now else ways[:1]:
                link(
                    sign,
                    self._at(self.start + shift, self.stop + shift),
                    "pill",
                    aria_label=self.visitor.say(text),
                )

    def _at(self, start: float, stop: float) -> str:
        return frame.point_page(self.item.point.path, **{"from": _rfc3339(start), "to": _rfc3339(stop)})

    def _chart(self, series: dict[str, Any], gaps: list[dict[str, Any]]) -> None:
        say = self.visitor.say
        drawing = chart.drawing(series, gaps, self.kind, self.frame)
        texts = {
            "cursor": f"{say(words.CURSOR)}: {self.item.point.name}",
            "help": say(words.CHART_HELP),
            "empty": say(words.NO_READINGS_MORE),
            "none": say(words.NO_READINGS),
        }

        def look(event: GenericEventArguments) -> None:
            start, stop = sorted(float(one) for one in event.args[:2])
            if self.start <= start < stop <= self.stop:
                ui.navigate.to(self._at(start, max(stop, start + SHORTEST_S)))

        with Tag("section", look="card", aria_label=say(words.CHART)):
            self.drawn = PointChart(drawing, texts, self.unit)
            self.drawn.on("look", look)
            self._keys()
        if self.frame.every is None:
            self._say_quality(*chart.doubts_among(series))
        else:
            ui.timer(0.0, lambda: self._quality(series, drawing), once=True)
        if gaps:
            point_tables.add_gaps(self.visitor, self.zone, gaps)
        point_tables.add_rows(self.visitor, self.zone, drawing)
        self._api()

    async def _quality(self, series: dict[str, Any], drawing: dict[str, Any]) -> None:
        """Shade windows with readings that are not good, which are counted once the chart stands."""
        asked = self.asked | {"aggregate": "count"}
        try:
            every, good = [
                (await self.visitor.get("/api/v1/history", **asked, quality=keep))["series"][0]
                for keep in ("all", "good")
            ]
        except Refused:
            self.looked_at.text = self.visitor.say(words.QUALITY_UNSEEN)
            return
        shades, doubtful, total = chart.doubts_in_windows(series, every, good, self.frame)
        if shades:
            self.drawn.props["drawing"] = drawing | {"shades": [*drawing["shades"], *shades]}
        if total < sum(series["count"]):
            self.looked_at.text = self.visitor.say(words.QUALITY_UNSEEN)
        else:
            self._say_quality(doubtful, total)

    def _say_quality(self, doubtful: int, total: int) -> None:
        lang = self.visitor.lang
        text = words.NOT_GOOD if doubtful else words.ALL_GOOD
        shown_as = {name: shown.number(one, lang) for name, one in (("count", doubtful), ("total", total))}
        self.looked_at.text = self.visitor.say(text.fill(**shown_as)) if total else ""

    def _keys(self) -> None:
        say, every = self.visitor.say, self.frame.every
        with Tag("ul", look="keys"):
            Tag("li", say(words.EVERY_READING) if every is None else say(words.WINDOWS.fill(every=every)))
            Tag("li", say(words.LOCAL.fill(zone=self.zone.key)))
            if self.kind is Aggregation.GAUGE and every is not None:
                self._key("key-band", say(words.BAND))
            self._key("key-gap", say(words.NO_READINGS))
            self._key("key-doubt", say(words.DOUBT))
        self.looked_at = Tag("p", say(words.QUALITY_LOOKED_AT), "quiet", role="status")

    def _key(self, look: str, text: str) -> None:
        with Tag("li"):
            Tag("i", look=look)
            Tag("span", text)

    def _api(self) -> None:
        say = self.visitor.say
        url = url_of("/api/v1/history", self.asked)
        with Tag("div", look="row"):
            link(say(words.ASK_WHY), frame.why_page(self.item.point.path), "button")
            link(
                f"{say(words.DOWNLOAD)} CSV",
                url_of("/api/v1/history", self.asked | {"format": "csv"}),
                "button",
            )
            link(say(words.ASK_API), url, "button")


def _rfc3339(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
