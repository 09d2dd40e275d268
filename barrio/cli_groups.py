"""`barrio --help`: commands under what they are for, each group from the everyday to the rare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

GROUPS: Mapping[str, Sequence[str]] = {
    "Try and run": ("demo", "check", "simulate", "run", "console", "status", "notify"),
    "Readings, now and before": (
        "latest",
        "history",
        "export",
        "why",
        "gaps",
        "completeness",
        "twin",
        "models",
        "rollup",
        "intervals",
    ),
    "What needs somebody": (
        "alarms",
        "supply",
        "capacity",
        "services",
        "events",
        "conditions",
        "acknowledge",
    ),
    "Write to devices": (
        "command",
        "confirm",
        "cancel",
        "release",
        "commands",
        "desired",
        "schedule",
        "audit",
    ),
    "Who may see what": ("token",),
    "InfluxDB and Grafana": ("plan", "apply", "drift", "destroy", "render", "dashboards", "init"),
    "Devices and protocols": ("discover", "explain", "graph", "certs", "connectors", "new"),
    "For programs": ("openapi",),
}


class Sheet(Protocol):
    """What typer writes a help text on."""

    width: int

    def section(self, name: str) -> AbstractContextManager[None]:
        """Begin a heading."""
        ...

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write names with what they mean."""
        ...


class Grouped(TyperGroup):
    """The commands of barrio, listed by group; every command stands in one."""

    def format_commands(self, ctx: object, formatter: Sheet) -> None:  # noqa: ARG002 - typer's
        """Write each group under its heading, all summaries in one column."""
        width = max(map(len, self.commands))
        limit = formatter.width - 6 - width
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                rows = [(name.ljust(width), self.commands[name].get_short_help_str(limit)) for name in names]
                formatter.write_dl(rows)
