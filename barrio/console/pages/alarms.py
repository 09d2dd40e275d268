"""The alarms that stand and those that somebody shelved, and what somebody who may does about one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, shown, words
from barrio.console.pages.orders import Dialog, possible
from barrio.console.parts import Tag, link
from barrio.console.visitor import Busy, Refused, Visitor
from twin.access.scope import Verb
from twin.alarms.states import State
from twin.notify_spec import PRIORITIES

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from barrio.access.who import Who
    from barrio.console.front import Console

REFRESH_S = 5.0
MOST = 200
WAITING = frozenset({State.ACTIVE, State.RETURNED})
"""States that wait for an acknowledgement."""


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/alarms", response_timeout=15)
    async def alarms(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        with frame.page(visitor, who, visitor.say(words.ALARMS), "/console/alarms"):
            if who is not None:
                await _Alarms(visitor, who).show()


@dataclass(eq=False)
class _List:
    """A list whose items are drawn anew where they changed and nowhere else: what has the focus keeps it."""

    tag: Tag
    items: dict[int, tuple[dict[str, Any], Tag]] = field(default_factory=dict)

    def take(self, found: list[dict[str, Any]], draw: Any) -> None:
        """Show these alarms in this order; `draw` fills the item of one."""
        numbers = {one["id"] for one in found}
        for number in self.items.keys() - numbers:
            self.items.pop(number)[1].delete()
        for at, one in enumerate(found):
            before, item = self.items.get(one["id"], (None, None))
            if item is None:
                with self.tag:
                    item = Tag("li")
            elif before != one:
                item.clear()
            if before != one:
                draw(item, one)
                self.items[one["id"]] = (one, item)
            if self.tag.default_slot.children.index(item) != at:
                item.move(self.tag, at)


@dataclass(eq=False)
class _Alarms:
    visitor: Visitor
    who: Who

    async def show(self) -> None:
        say = self.visitor.say
        self.may = self.who.sight.may(Verb.ACKNOWLEDGE)
        Tag("h1", say(words.ALARMS))
        self.tally = Tag("p", "", "lead", role="status")
        self.said = Tag("p", "", "note", role="status", tabindex="-1")
        if not self.may:
            Tag("p", say(words.NEEDS_VERB), "quiet")
        self.standing = _List(Tag("ul", look="alarms"))
        self.aside = Tag("section", aria_labelledby="shelved")
        with self.aside:
            Tag("h2", say(words.SHELVED), id="shelved")
            self.shelved = _List(Tag("ul", look="alarms"))
        zones = dict.fromkeys(self._zone(one).key for one in self._districts())
        if len(zones) == 1:
            Tag("p", say(words.LOCAL.fill(zone=next(iter(zones)))), "quiet")
        self.dialog = Dialog(self.visitor, self.who.name, self._told)
        await self._refresh()
        frame.every(self.visitor, self.who, REFRESH_S, self._refresh)

    async def _refresh(self) -> None:
        try:
            answer = await self.visitor.get("/api/v1/alarms", limit=MOST)
        except Busy:
            raise
        except Refused:
            answer = {"alarms": [], "total": 0}
            self._say_tally(self.visitor.say(words.NO_ALARM_RULES))
        else:
            self._say_tally(self._counted(answer))
        found = answer["alarms"]
        self.standing.take([one for one in found if one["state"] != State.SHELVED], self._draw)
        shelved = [one for one in found if one["state"] == State.SHELVED]
        self.shelved.take(sorted(shelved, key=lambda one: one["until"] or ""), self._draw)
        self.aside.set_visibility(bool(shelved))

    def _say_tally(self, text: str) -> None:
        if self.tally.text != text:
            self.tally.text = text

    def _counted(self, answer: dict[str, Any]) -> str:
        """Return how many there are in words, which a screen reader says when it changes."""
        say, found = self.visitor.say, answer["alarms"]
        states = [one["state"] for one in found]
        shelved = states.count(State.SHELVED)
        standing = len(states) - shelved
        parts = [say(words.STANDING.fill(count=standing)) if standing else say(words.NO_ALARMS)]
        if standing:
            parts.append(say(words.WAITING.fill(count=sum(one in WAITING for one in states))))
        if shelved:
            parts.append(say(words.SHELVED_COUNT.fill(count=shelved)))
        if answer["total"] > len(found):
            parts.append(say(words.SHOWN.fill(shown=len(found), total=answer["total"])))
        return " · ".join(parts)

    def _draw(self, item: Tag, one: dict[str, Any]) -> None:
        say, lang = self.visitor.say, self.visitor.lang
        shelved = one["state"] == State.SHELVED
        priority = one["priority"] if one["priority"] in PRIORITIES else "low"
        item.classes(replace=f"at-{priority}")
        with item:
            Tag("h3" if shelved else "h2", one["name"] or one["rule"])
            with Tag("p", look="how"):
                Tag("b", words.priority_words(one["priority"], lang), "gravity")
                Tag("span", words.alarm_words(one["state"], lang))
                Tag("span", f"{say(words.SINCE)} {self._clock(one, one['since'])}")
                if one["count"] > 1:
                    Tag("span", say(words.BECAUSE.fill(count=one["count"] - 1)))
            if one["words"]:
                Tag("p", one["words"])
            with Tag("p", look="quiet"):
                self._what(one)
            for text in filter(None, (self._who_did(one), one["advice"])):
                Tag("p", text, "quiet")
            if self.may:
                self._buttons(one)

    def _buttons(self, one: dict[str, Any]) -> None:
        say = self.visitor.say
        with Tag("div", look="row"):
            for order in possible(one["state"]):
                name = f"{say(order.name)}: {one['name'] or one['rule']} {one['what']}"
                button = Tag("button", say(order.name), "button", type="button", aria_label=name)
                button.on("click", lambda _, order=order: self.dialog.ask(order, one), [])

    def _who_did(self, one: dict[str, Any]) -> str:
        """Return who acknowledged or shelved it, until when and why."""
        say = self.visitor.say
        said = f": {one['comment']}" if one["comment"] else ""
        if one["state"] == State.SHELVED:
            text = words.SHELVED_BY if one["who"] else words.SHELVED_UNTIL
            return say(text.fill(who=one["who"], time=self._clock(one, one["until"]))) + said
        return say(words.ACKNOWLEDGED.fill(who=one["who"])) + said if one["who"] else ""

    def _what(self, one: dict[str, Any]) -> None:
        if self.who.sight.point(one["what"]) is not None:
            link(one["what"], frame.point_page(one["what"]))
        else:
            link(one["what"], frame.device_page(f"{one['district']}/{one['subject']}"))

    def _clock(self, one: dict[str, Any], text: str) -> str:
        return shown.clock(text, self._zone(one["district"]), self.visitor.lang)

    def _districts(self) -> list[str]:
        return [
            one.id
            for one in self.visitor.platform.catalogue.districts
            if one.id in self.who.sight.district_ids
        ]

    def _zone(self, district: str) -> ZoneInfo:
        every = self.visitor.platform.catalogue.districts
        return next((each.zone for each in every if each.id == district), every[0].zone)

    async def _told(self, text: str, look: str) -> None:
        """Say what became of an order, and take the focus there: the button that was pressed may be gone."""
        self.said.classes(replace=f"note {look}")
        self.said.text = text
        await self._refresh()
        ui.run_javascript(f"document.getElementById('{self.said.html_id}').focus()")
