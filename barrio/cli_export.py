"""`barrio export`: a file of readings, of windows or of intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from barrio.cli_options import Data, District, Store, To, settings_of

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="DISTRICT...", help="District, or district/ with a site, a device or a point of it."
    ),
]


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def export(  # noqa: PLR0913, PLR0917 - each is an option
        names: Names,
        start: Annotated[
            str, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age such as -30d.")
        ] = "-1d",
        to: To = "now",
        form: Annotated[
            str, typer.Option("--format", metavar="FORMAT", help="parquet, csv, ndjson or arrow.")
        ] = "parquet",
        out: Annotated[
            Path | None, typer.Option(metavar="FILE", help="File to write; named after DISTRICT else.")
        ] = None,
        tz: Annotated[
            str | None, typer.Option(metavar="ZONE", help="IANA time zone of times; the district's else.")
        ] = None,
        length: Annotated[
            str | None,
            typer.Option(metavar="LENGTH", help="Intervals of registers instead: 15m, 30m or 1h."),
        ] = None,
        every: Annotated[
            str | None,
            typer.Option(metavar="WINDOW", help="Windows instead, as of history: 15m, 1h, 1d, 1mo."),
        ] = None,
        data: Data = None,
        store: Store = None,
        district: District = None,
    ) -> None:
        """Write every reading of districts, devices or points to a file, however many there are."""
        from barrio.commands import export as command

        said = {"tz": tz, "length": length, "every": every}
        body = {"under": names, "from": start, "to": to, "format": form}
        body |= {name: value for name, value in said.items() if value is not None}
        settings = settings_of(data=data, store=store)
        typer.echo(command.export(settings, district or [], body, out))
