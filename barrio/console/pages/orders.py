"""What somebody says about an alarm before it is acknowledged, shelved or taken back, in one dialog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicegui import ui

from barrio.console import words
from barrio.console.parts import Tag
from barrio.console.visitor import Refused
from twin.alarms.states import TABLE, Happening, State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nicegui.events import GenericEventArguments

    from barrio.console.visitor import Visitor
    from dashboards.kit.texts import Text

MOST_WORDS = 500
MOST_NAME = 100
_FILLED = """(event) => { event.preventDefault(); emit(Object.fromEntries(new FormData(event.target))); }"""
_CLOSE = "(event) => event.target.closest('dialog').close()"


@dataclass(frozen=True, slots=True)
class Order:
    """One thing that is done about an alarm: its route, what happens there, its words, whether it wants a reason."""

    route: str
    happening: Happening
    name: Text
    lead: Text | None = None
    reason: bool = False


ACKNOWLEDGE = Order("acknowledge", Happening.ACKNOWLEDGED, words.ACKNOWLEDGE)
SHELVE = Order("shelve", Happening.SHELVED, words.SHELVE, words.SHELVE_LEAD, reason=True)
UNSHELVE = Order("unshelve", Happening.UNSHELVED, words.UNSHELVE, words.UNSHELVE_LEAD)
ORDERS = (ACKNOWLEDGE, SHELVE, UNSHELVE)


def possible(state: str) -> list[Order]:
    """Return what can be done about an alarm that stands so; one that is shelved is taken back, not shelved anew."""
    found = [one for one in ORDERS if (State(state), one.happening) in TABLE]
    return [one for one in found if one is not SHELVE or state != State.SHELVED]


class Dialog:
    """Asks who and why and, of shelving, for how long.

    `done` is called with what became of it in words, and with their look: `no` where it was refused.
    """

    def __init__(self, visitor: Visitor, known_as: str, done: Callable[[str, str], Awaitable[None]]) -> None:
        self._visitor = visitor
        self._known_as = known_as
        self._done = done
        self._number = 0
        self._order = ACKNOWLEDGE
        self._made()

    def ask(self, order: Order, alarm: dict[str, Any]) -> None:
        """Open it for an order about an alarm."""
        say = self._visitor.say
        self._order, self._number = order, alarm["id"]
        self._title.text = self._give.text = say(order.name)
        self._about.text = f"{alarm['name'] or alarm['rule']} · {alarm['what']}"
        self._lead.text = "" if order.lead is None else say(order.lead)
        self._reason.text = say(words.REASON if order.reason else words.COMMENT)
        self._for_how_long.set_visibility(order is SHELVE)
        self._comment.props["required"] = order.reason
        self._call("querySelector('[name=comment]').value = ''", "showModal()")

    def _made(self) -> None:
        say = self._visitor.say
        self._dialog = Tag("dialog", aria_labelledby="order-title", aria_describedby="order-about")
        with self._dialog, Tag("form", method="dialog") as form:
            self._title = Tag("h2", id="order-title")
            self._about = Tag("p", id="order-about")
            self._lead = Tag("p", "", "quiet")
            self._for_how_long = Tag("label", look="field")
            with self._for_how_long:
                Tag("span", say(words.FOR_HOW_LONG))
                with Tag("select", name="for"):
                    for length, text in words.SHELVED_FOR.items():
                        Tag("option", say(text), value=length)
            with Tag("label", look="field"):
                self._reason = Tag("span")
                self._comment = Tag("input", type="text", name="comment", maxlength=MOST_WORDS)
                self._comment.props["autocomplete"] = "off"
            with Tag("label", look="field"):
                Tag("span", say(words.YOUR_NAME))
                Tag("input", type="text", name="who", maxlength=MOST_NAME, autocomplete="name")
            with Tag("div", look="row"):
                self._give = Tag("button", "", "button main", type="submit")
                Tag("button", say(words.CANCEL), "button", type="button").on("click", js_handler=_CLOSE)
        form.on("submit", self._filled, js_handler=_FILLED)

    def _call(self, *calls: str) -> None:
        found = f"document.getElementById('{self._dialog.html_id}')"
        ui.run_javascript(";".join(f"{found}.{one}" for one in calls))

    async def _filled(self, event: GenericEventArguments) -> None:
        said = event.args if isinstance(event.args, dict) else {}
        order, say = self._order, self._visitor.say
        who, comment = str(said.get("who", ""))[:MOST_NAME], str(said.get("comment", ""))[:MOST_WORDS]
        if order.reason and not comment.strip():
            return
        body = {"who": who.strip() or self._known_as, "comment": comment.strip()}
        if order is SHELVE:
            body["for"] = str(said.get("for", ""))[:20]
        self._call("close()")
        try:
            await self._visitor.post(f"/api/v1/alarms/{self._number}/{order.route}", body)
        except Refused as error:
            await self._done(say(words.REFUSED).replace("{words}", error.words), "no")
            return
        await self._done(say(words.DONE).replace("{what}", say(order.name)), "")
