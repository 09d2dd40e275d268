"""What the options that several commands share are called, and the settings that they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from barrio.settings import Settings

Data = Annotated[Path | None, typer.Option(metavar="DIR", help="Data folder.")]
Store = Annotated[str | None, typer.Option(metavar="URL", help="duckdb, or the URL of an InfluxDB.")]
Districts = Annotated[
    list[str],
    typer.Argument(metavar="DISTRICT...", help="Folder of a district, or the name of one that comes along."),
]
District = Annotated[
    list[str] | None,
    typer.Option(
        "--district", metavar="DISTRICT", help="District to use while no platform runs; else the last ones."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on one line.")]
Since = Annotated[str, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age such as -1d.")]
To = Annotated[str, typer.Option(metavar="TIME", help="Likewise; not included.")]
Lang = Annotated[str, typer.Option(metavar="LANG", help="Language of dashboards: en or es.")]
BarrioUrl = Annotated[
    str, typer.Option(metavar="URL", help="Where people reach barrio, for links of dashboards.")
]
Who = Annotated[str | None, typer.Option(metavar="NAME", help="Who; the user of this machine else.")]


def settings_of(**given: object) -> Settings:
    """Return the settings of this process, its logs set up accordingly."""
    from barrio import logs
    from barrio.settings import load_settings

    settings = load_settings(**given)
    logs.set_up(settings.log_level, settings.log_format)
    return settings


def who_asks(given: str | None) -> str:
    """Return who gives an order: as said, else the user of this machine."""
    import getpass

    return given or getpass.getuser()
