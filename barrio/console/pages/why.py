"""Why is this empty? The way of a reading, step by step, and where it stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, shown, words
from barrio.console.parts import Tag, link
from barrio.console.visitor import Refused, Visitor
from twin.model.source import suggest_path

if TYPE_CHECKING:
    from nicegui.events import GenericEventArguments

    from barrio.access.who import Who
    from barrio.console.front import Console

MOST_OFFERED = 50
MOST_LISTED = 30


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/why", response_timeout=15)
    async def why(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        with frame.page(visitor, who, visitor.say(words.WHY), "/console/why"):
            if who is not None:
                Tag("h1", visitor.say(words.WHY))
                _asked(visitor, who)
                path = visitor.query.get("point", "").strip()[:300]
                if path:
                    await _answered(visitor, who, path)
                else:
                    _empty(visitor, who)


def _asked(visitor: Visitor, who: Who) -> None:
    Tag("p", visitor.say(words.WHY_LEAD), "lead")
    with Tag("form", method="get", action="/console/why", role="search"):
        with Tag("label", look="field narrow"):
            Tag("span", visitor.say(words.PATH))
            field = Tag(
                "input",
                type="search",
                name="point",
                list="paths",
                autocomplete="off",
                spellcheck="false",
                placeholder="district/device/point",
            )
            # As an attribute: what is typed stays when the page is drawn anew.
            field.props["^value"] = visitor.query.get("point", "")[:300]
        offered = Tag("datalist", id="paths")
        Tag("button", visitor.say(words.LOOK), "button main", type="submit")

    def offer(event: GenericEventArguments) -> None:
        wanted = str(event.args).lower()[:300]
        found = [one for one in who.sight.paths if wanted in one.lower()][:MOST_OFFERED]
        offered.clear()
        with offered:
            for one in found:
                Tag("option", value=one)

    field.on("input", offer, throttle=0.3, js_handler="(event) => emit(event.target.value)")


def _empty(visitor: Visitor, who: Who) -> None:
    """Offer points that have no value now."""
    gaps = visitor.platform.gaps
    found = [one for one in who.sight.paths if gaps.reason[who.sight.points[one].id]][:MOST_LISTED]
    if not found:
        return
    Tag("h2", visitor.say(words.SILENT).capitalize())
    with Tag("ul"):
        for one in found:
            with Tag("li"):
                link(one, frame.why_page(one))


async def _answered(visitor: Visitor, who: Who, path: str) -> None:
    try:
        found = await visitor.get(f"/api/v1/why/{path}")
    except Refused as error:
        near = suggest_path(path, who.sight.paths)
        Tag("p", error.words if near in error.words else f"{error.words}{near}", "note no", role="alert")
        return
    _steps(visitor, found)
    with Tag("div", look="row"):
        link(visitor.say(words.CHART), frame.point_page(found["path"]), "button")


def _steps(visitor: Visitor, found: dict[str, Any]) -> None:
    say, lang = visitor.say, visitor.lang
    stop = next((one for one in found["steps"] if one["verdict"] == "stops"), None)
    Tag("h2", found["path"])
    latest = found["latest"]
    value = "" if latest is None else f"{say(words.VALUE)}: {shown.value(latest, lang)}"
    if stop is None:
        Tag("p", f"{say(words.IN_ORDER)} {value}", "note", role="status")
    else:
        said = say(words.STOPS_AT).replace("{step}", _name(visitor, stop["step"]))
        Tag("p", f"{said}. {stop['words']}", "note no", role="status")
    with Tag("ol", look="steps", aria_label=say(words.STEPS)):
        for one in found["steps"]:
            with Tag("li"):
                Tag("b", _name(visitor, one["step"]))
                verdict = words.VERDICTS.get(one["verdict"])
                Tag("span", say(verdict) if verdict else one["verdict"], one["verdict"])
                Tag("span", one["words"])


def _name(visitor: Visitor, step: str) -> str:
    found = words.STEP_NAMES.get(step)
    return visitor.say(found) if found else step
