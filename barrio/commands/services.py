"""`supply`, `capacity` and `services` as text, and what people say about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from barrio import history
from barrio.client import answers, tell
from barrio.commands.ask import as_json, ask
from barrio.service import run_loop
from barrio.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from barrio.settings import Settings


def supply(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return how the tanks stand and what was asked for; or what was open at a time."""
    body = ask(settings, districts, "/api/v1/supply", query)
    if machine:
        return as_json(body)
    parts = [_requests(body["requests"])]
    if "tanks" in body:
        parts = [_tanks(body["tanks"]), *parts, *_unasked(body["refills"])]
    return "\n\n".join(part for part in parts if part) or "no tank of any district asks for supply"


def deed(settings: Settings, path: str, body: Mapping[str, Any]) -> str:
    """Tell the platform what a person does about a request, or that a service was done; returns how it stands."""

    async def told() -> Any:
        async with answers(settings, []) as client:
            return await tell(client, path, body)

    found = run_loop(told())
    if "tank" in found:
        return plain(f"request {found['id']} is {found['state']}: {found['words']}")
    return f"{found['key']}: {found['state']}, {found['used']:,.0f} of {found['every']:,.0f} {found['unit']}"


def request_path(number: int, what: str) -> str:
    """Return the path that a deed about a request is posted to."""
    return f"/api/v1/supply/{number}/{what}"


def service_path(key: str) -> str:
    """Return the path that a service that was done is posted to."""
    return f"/api/v1/services/{quote(key)}/done"


def capacity(settings: Settings, districts: Sequence[str], place: str | None, *, machine: bool) -> str:
    """Return how full each place is, and what is expected."""
    body = ask(settings, districts, "/api/v1/capacity", {"place": place})
    if machine:
        return as_json(body)
    if not body["places"]:
        return "no district counts people"
    return "\n\n".join("\n".join(_place(one)) for one in body["places"])


def services(settings: Settings, districts: Sequence[str], query: Mapping[str, Any], *, machine: bool) -> str:
    """Return how services stand, those that are due first."""
    body = ask(settings, districts, "/api/v1/services", query)
    if machine:
        return as_json(body)
    if not body["services"]:
        return "no service is due by any counter" if body["total"] else "nothing of this kind has a service"
    head = ["service", "state", "used", "of", "due (UTC)", "what"]
    rows = [
        [
            one["key"],
            one["state"] or "not known",
            "–" if one["used"] is None else f"{one['used']:,.0f} {one['unit']}",
            f"{one['every']:,.0f}",
            one["words"] if one["due"] is None else one["due"][:10],
            one["text"] or one["rule"],
        ]
        for one in body["services"]
    ]
    more = body["total"] - body["offset"] - len(rows)
    tail = [f"{more:,} more; narrow it down with --state or UNDER"] if more > 0 else []
    return "\n".join([*history.aligned([head, *rows]), *tail])


def _tanks(tanks: Sequence[Mapping[str, Any]]) -> str:
    if not tanks:
        return ""
    rows = [
        [
            one["tank"],
            "–" if one["level_percent"] is None else f"{one['level_percent']:.1f} %",
            _left(one),
            one["state"] if one["request"] is None else f"{one['state']} (request {one['request']})",
        ]
        for one in tanks
    ]
    return "\n".join(history.aligned([["tank", "level", "left", "stands"], *rows]))


def _left(one: Mapping[str, Any]) -> str:
    hours = one["hours_left"]
    if hours is None:
        return str(one["words"])
    size, unit = (
        (1, "h") if hours["estimate"] >= 1 else (60, "min") if hours["estimate"] >= 0.05 else (3600, "s")
    )
    estimate, low, high = (size * hours[key] for key in ("estimate", "low", "high"))
    return f"{estimate:.1f} {unit} ({low:.1f} to {high:.1f})"


def _requests(requests: Sequence[Mapping[str, Any]]) -> str:
    if not requests:
        return ""
    head = ["request", "tank", "what", "quantity", "needed by (UTC)", "stands", "words"]
    rows = [
        [
            str(one["id"]),
            one["tank"].rpartition("/")[0],
            one["what"],
            "–" if one["quantity_m3"] is None else f"{one['quantity_m3']:.1f} m3",
            _short(one["deadline"]),
            one["state"],
            one["words"],
        ]
        for one in requests
    ]
    return "\n".join(history.aligned([head, *rows]))


def _unasked(refills: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [_short(one["to"]), one["tank"], f"{one['from_percent']:.0f} to {one['to_percent']:.0f} %"]
        for one in refills
        if one["request"] is None
    ]
    head = ["refill that nobody told of (UTC)", "tank", "level"]
    return ["\n".join(history.aligned([head, *rows]))] if rows else []


def _place(one: Mapping[str, Any]) -> list[str]:
    allowed = "?" if one["capacity"] is None else f"{one['capacity']:,.0f}"
    now = (
        f"not known: {one['words'] or 'it was not heard yet'}"
        if one["people"] is None
        else f"{one['people']:,.0f} of {allowed} people"
    )
    if one["share_percent"] is not None:
        now += f", {one['share_percent']:.0f} %, {one['colour']}"
    lines = [f"{one['key']} ({one['name']})", f"  now       {now}"]
    if one["drift_per_day"] is not None:
        lines.append(f"  drift     {one['drift_per_day']:+,.0f} people a day, set right at the quiet hour")
    return [*lines, *_ahead(one["forecast"])]


def _ahead(forecast: Mapping[str, Any]) -> list[str]:
    if not forecast["quarters"]:
        return [f"  forecast  {forecast['words']}"]
    lines = [
        f"  {'forecast' if number == 0 else '':8}  {quarter['from'][11:16]} UTC  {quarter['people']:>7,} "
        f"({quarter['low']:,} to {quarter['high']:,})  {quarter['colour'] or ''}".rstrip()
        for number, quarter in enumerate(forecast["quarters"])
    ]
    held = f"so it was in {forecast['holds_percent']} of 100 cases, by {forecast['weeks']} weeks"
    return [*lines, f"            {held}"]


def _short(text: str | None) -> str:
    return "–" if text is None else text[:16].replace("T", " ")
