"""What every page has: its title, a way past the menu, the menu, and who is looking."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from nicegui import ui

from barrio.console import words
from barrio.console.parts import Tag, link
from barrio.console.visitor import Busy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from barrio.access.who import Who
    from barrio.console.visitor import Visitor
    from dashboards.kit.texts import Text

MENU: tuple[tuple[str, Text], ...] = (
    ("/", words.MAP),
    ("/console/devices", words.DEVICES),
    ("/console/alarms", words.ALARMS),
    ("/console/why", words.WHY),
    ("/console/api", words.EXPLORER),
)
OUT = """async () => {
  await fetch('/api/v1/session', {method: 'DELETE', credentials: 'same-origin'});
  window.location.assign('/');
}"""


@contextmanager
def page(visitor: Visitor, who: Who | None, title: str, current: str = "") -> Iterator[None]:
    """Frame a page; what is made within is its content, below `title` as its only first heading."""
    ui.page_title(f"{title} · Barrio")
    layout = ui.context.client.layout
    with layout:
        top = Tag("header", look="top")
    top.move(layout, 0)
    with top:
        link(visitor.say(words.SKIP), "#content", "skip")
        with Tag("div", look="topline"):
            link("Barrio", "/", "brand")
            _menu(visitor, current)
            _whose(visitor, who)
    with Tag("div", look="page", id="content", tabindex="-1"):
        if who is None:
            Tag("h1", visitor.say(words.ENDED))
            Tag("p", visitor.say(words.ENDED_MORE), "lead")
            with Tag("div", look="row"):
                link(visitor.say(words.SIGN_IN), "/console/sign-in", "button main")
                Tag("button", visitor.say(words.SIGN_OUT), "button", type="button").on(
                    "click", js_handler=OUT
                )
        else:
            yield


def _menu(visitor: Visitor, current: str) -> None:
    with Tag("nav", aria_label=visitor.say(words.PAGES)), Tag("ul", look="menu"):
        for href, text in MENU:
            with Tag("li"):
                link(visitor.say(text), href, aria_current="page" if href == current else None)


def _whose(visitor: Visitor, who: Who | None) -> None:
    with Tag("div", look="who"):
        if who is None:
            return
        if is_public(who):
            Tag("span", visitor.say(words.PUBLIC))
            link(visitor.say(words.SIGN_IN), "/console/sign-in")
        else:
            Tag("span", who.name)
            Tag("button", visitor.say(words.SIGN_OUT), "button", type="button").on("click", js_handler=OUT)


def every(visitor: Visitor, who: Who | None, seconds: float, refresh: Callable[[], Awaitable[None]]) -> None:
    """Refresh a page as long as it stands, and open it anew where it is for `who` no more: a session has ended.

    A visitor who asked too much is shown nothing new meanwhile.
    """

    async def tick() -> None:
        with suppress(Busy):
            now = await visitor.who()
            if _is_other(now, who):
                ui.navigate.reload()
                return
            await refresh()

    ui.timer(seconds, tick, immediate=False)


def _is_other(now: Who | None, before: Who | None) -> bool:
    if now is None or before is None:
        return now is not before
    return (now.name, now.token) != (before.name, before.token)


def is_public(who: Who) -> bool:
    """Whether somebody showed nothing."""
    return who.name == "public" and not who.token and not who.roles


def not_there(visitor: Visitor, said: str = "") -> None:
    """Say that something does not exist for this visitor."""
    Tag("h1", visitor.say(words.NOT_THERE))
    Tag("p", said or visitor.say(words.NOT_THERE_MORE), "lead")


def nothing_open(visitor: Visitor) -> None:
    """Say that there is nothing to see without a token."""
    Tag("h1", visitor.say(words.NOTHING_OPEN))
    Tag("p", visitor.say(words.NOTHING_OPEN_MORE), "lead")
    with Tag("div", look="row"):
        link(visitor.say(words.SIGN_IN), "/console/sign-in", "button main")


def address(path: str, /, **query: str) -> str:
    """Return the address of a page of ours."""
    return f"{path}?{urlencode(query)}" if query else path


def device_page(path: str) -> str:
    """Return the address of the page of a device."""
    return address("/console/device", path=path)


def point_page(path: str, /, **query: str) -> str:
    """Return the address of the page of a point."""
    return address("/console/point", path=path, **query)


def why_page(path: str) -> str:
    """Return the address of what is found out about a point."""
    return address("/console/why", point=path)
