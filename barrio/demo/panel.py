"""The part of the live view that shows what is noticed and done: alarms, supply requests, commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from barrio.demo.chronicle import grouped, named
from twin.alarms.states import State
from twin.clock import NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from barrio.living.living import Living
    from twin.services.request import Request

MOST_ALARMS = 4
MOST_OTHERS = 3
_ORDER = ("critical", "high", "medium", "low")
_COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}


def is_alive(living: Living) -> bool:
    """Whether there is anything to show."""
    return any(part is not None for part in (living.alarms, living.services, living.commander))


def panel(living: Living, now_ns: int) -> Table:
    """Return the panel: what stands now, a line each, the gravest first."""
    table = Table.grid(padding=(0, 3))
    for kind, lines in (
        ("alarms", list(_alarms(living))),
        ("supply", list(_supply(living))),
        ("commands", list(_commands(living, now_ns))),
    ):
        most = MOST_ALARMS if kind == "alarms" else MOST_OTHERS
        number = f" [dim]{len(lines)}[/dim]" if len(lines) > most else ""
        for row, line in enumerate(lines[:most] or ["[dim]none[/dim]"]):
            shown = Text.from_markup(line, overflow="ellipsis")
            shown.no_wrap = True
            table.add_row(f"[bold]{kind}[/bold]{number}" if row == 0 else "", shown)
    return table


def _alarms(living: Living) -> Iterator[str]:
    if living.alarms is None:
        return
    standing = [one for one in living.alarms.standing() if one.state not in {State.SUPPRESSED, State.SHELVED}]
    for one in sorted(standing, key=lambda one: (not one.active, _ORDER.index(one.priority), -one.since)):
        below = f"[bold]{one.count} below:[/bold] " if one.count else ""
        colour = _COLOURS[one.priority] if one.active else "dim"
        yield f"[{colour}]{one.priority:8} {one.state:12}[/] {below}{escape(one.words)}"


def _supply(living: Living) -> Iterator[str]:
    if living.services is None:
        return
    for watch in living.services.supply.tanks.values():
        if watch.request is not None:
            yield _request(watch.request, watch.tank.name)


def _request(request: Request, name: str) -> str:
    quantity = "" if request.quantity is None else f"{request.quantity:.0f} m3 of "
    reference = f" {request.reference}" if request.reference else ""
    words = f"request {request.id}: {quantity}{request.what} for {name}"
    return f"[yellow]{request.state}[/yellow]{escape(reference)} {escape(words)}"


def _commands(living: Living, now_ns: int) -> Iterator[str]:
    if living.commander is None:
        return
    for (point, value), group in grouped(living.commander.desired()):
        until = min((one.until for one in group if one.until), default=0)
        left = f", {max(0, until - now_ns) / NS:.0f} s left" if until else ""
        differs = sum(bool(one.differs) for one in group)
        off = f" [yellow]({differs} differ)[/yellow]" if differs else ""
        yield f"{escape(named([one.path for one in group]))} {point} [cyan]{escape(value)}[/cyan]{left}{off}"
