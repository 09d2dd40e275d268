"""The alarms that stand, and what somebody who may does about one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, shown, words
from barrio.console.parts import Tag, link
from barrio.console.visitor import Busy, Refused, Visitor
from twin.access.scope import Verb
from twin.notify_spec import PRIORITIES

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nicegui.events import GenericEventArguments

    from barrio.access.who import Who
    from barrio.console.front import Console

REFRESH_S = 5.0
MOST = 200
MOST_WORDS = 500
MOST_NAME = 100
OPEN = frozenset({"active", "returned"})
"""States that wait for an acknowledgement."""
_TEXT = "(event) => emit(event.target.value)"


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/alarms", response_timeout=15)
    async def alarms(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        with frame.page(visitor, who, visitor.say(words.ALARMS), "/console/alarms"):
            if who is not None:
                await _Alarms(visitor, who).show()


@dataclass(slots=True)
class _Order:
    """What is filled in before an alarm is acknowledged."""

    number: int = 0
    who: str = ""
    comment: str = ""


@dataclass(eq=False)
class _Alarms:
    visitor: Visitor
    who: Who
    order: _Order = field(default_factory=_Order)
    seen: Any = None

    async def show(self) -> None:
        say = self.visitor.say
        self.may = self.who.sight.may(Verb.ACKNOWLEDGE)
        Tag("h1", say(words.ALARMS))
        self.said = Tag("p", "", "note", role="status", aria_live="polite")
        if not self.may:
            Tag("p", say(words.NEEDS_VERB), "quiet")
        self.list = Tag("div")
        self._dialog()
        await self._refresh()
        frame.every(REFRESH_S, self._refresh)

    async def _refresh(self) -> None:
        """Draw the list anew where it changed: what has the focus keeps it while nothing does."""
        try:
            found = (await self.visitor.get("/api/v1/alarms", limit=MOST))["alarms"]
            nothing = words.NO_ALARMS
        except Busy:
            raise
        except Refused:
            found, nothing = [], words.NO_ALARM_RULES
        if found == self.seen:
            return
        self.seen = found
        self.list.clear()
        with self.list:
            if not found:
                Tag("p", self.visitor.say(nothing), "lead")
            with Tag("ul", look="alarms"):
                for one in found:
                    self._alarm(one)

    def _alarm(self, one: dict[str, Any]) -> None:
        say, lang = self.visitor.say, self.visitor.lang
        priority = one["priority"] if one["priority"] in PRIORITIES else "low"
        with Tag("li", look=f"at-{priority}"):
            Tag("h2", one["name"] or one["rule"])
            with Tag("p"):
                Tag(
                    "span",
                    f"{words.priority_words(one['priority'], lang)} · {words.alarm_words(one['state'], lang)} · ",
                )
                self._what(one)
            if one["words"]:
                Tag("p", one["words"])
            since = f"{say(words.SINCE)} {shown.clock(one['since'], self._zone(one), lang)}"
            more = one["count"] - 1
            Tag("p", f"{since} · {say(words.BECAUSE.fill(count=more))}" if more > 0 else since, "quiet")
            if one["who"]:
                said = f": {one['comment']}" if one["comment"] else ""
                Tag("p", f"{say(words.ACKNOWLEDGED.fill(who=one['who']))}{said}", "quiet")
            if one["advice"]:
                Tag("p", one["advice"], "quiet")
            if self.may and one["state"] in OPEN:
                name = f"{say(words.ACKNOWLEDGE)}: {one['name'] or one['rule']} {one['what']}"
                button = Tag("button", say(words.ACKNOWLEDGE), "button", type="button", aria_label=name)
                button.on("click", lambda _, number=one["id"]: self._ask(number), [])

    def _what(self, one: dict[str, Any]) -> None:
        if self.who.sight.point(one["what"]) is not None:
            link(one["what"], frame.point_page(one["what"]))
        else:
            link(one["what"], frame.device_page(f"{one['district']}/{one['subject']}"))

    def _zone(self, one: dict[str, Any]) -> ZoneInfo:
        every = self.visitor.platform.catalogue.districts
        return next((each.zone for each in every if each.id == one["district"]), every[0].zone)

    # --- acknowledge ----------------------------------------------------------------------------------------

    def _dialog(self) -> None:
        say = self.visitor.say
        self.dialog = Tag("dialog", aria_labelledby="acknowledge-title")
        with self.dialog:
            Tag("h2", say(words.ACKNOWLEDGE), id="acknowledge-title")
            with Tag("label", look="field"):
                Tag("span", say(words.YOUR_NAME))
                name = Tag("input", type="text", maxlength=MOST_NAME, autocomplete="name", id="ack-who")
                name.on("input", self._named, js_handler=_TEXT)
            with Tag("label", look="field"):
                Tag("span", say(words.COMMENT))
                comment = Tag(
                    "input", type="text", maxlength=MOST_WORDS, autocomplete="off", id="ack-comment"
                )
                comment.on("input", self._commented, js_handler=_TEXT)
            with Tag("div", look="row"):
                Tag("button", say(words.ACKNOWLEDGE), "button main", type="button").on(
                    "click", self._give, []
                )
                close = "(event) => event.target.closest('dialog').close()"
                Tag("button", say(words.CANCEL), "button", type="button").on("click", js_handler=close)

    def _named(self, event: GenericEventArguments) -> None:
        self.order.who = str(event.args)[:MOST_NAME]

    def _commented(self, event: GenericEventArguments) -> None:
        self.order.comment = str(event.args)[:MOST_WORDS]

    def _ask(self, number: int) -> None:
        self.order.number = number
        self._on_dialog("showModal")

    def _on_dialog(self, method: str) -> None:
        ui.run_javascript(f"document.getElementById('{self.dialog.html_id}').{method}()")

    async def _give(self) -> None:
        say, order = self.visitor.say, self.order
        body = {"who": order.who.strip() or self.who.name, "comment": order.comment.strip()}
        self._on_dialog("close")
        try:
            await self.visitor.post(f"/api/v1/alarms/{order.number}/acknowledge", body)
        except Refused as error:
            self.said.classes(add="no")
            self.said.text = say(words.REFUSED).replace("{words}", error.words)
            return
        self.said.classes(remove="no")
        self.said.text = say(words.DONE).replace("{what}", say(words.ACKNOWLEDGE))
        await self._refresh()
