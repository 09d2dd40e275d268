"""`barrio export`: a file of readings, of windows or of intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from barrio.cli_options import Data, District, Store, settings_of

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DISTRICT...", help="District, or district/ with a site, a device or a point of it."
    ),
]


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def export(  # noqa: PLR0913, PLR0917 - each is an option
        names: Names = None,
        start: Annotated[
            str | None, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age; -1d else.")
        ] = None,
        to: Annotated[
            str | None, typer.Option(metavar="TIME", help="Likewise, not included; now else.")
        ] = None,
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
        point: Annotated[
            list[str] | None,
            typer.Option(metavar="PATH", help="Path of a point, or with * for any name; several."),
        ] = None,
        kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only of devices of a kind.")] = None,
        quantity: Annotated[str | None, typer.Option(metavar="NAME", help="Only of a quantity.")] = None,
        site: Annotated[
            str | None, typer.Option(metavar="SITE", help="Only of a site, with those within it.")
        ] = None,
        device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Only of a device.")] = None,
        dataset: Annotated[
            str | None, typer.Option(metavar="DATASET", help="Only what a dataset gives.")
        ] = None,
        interval: Annotated[
            str | None,
            typer.Option(metavar="INTERVAL", help="ISO 8601, in place of --from and --to: 2026-11-01/P1M."),
        ] = None,
        version: Annotated[
            int | None, typer.Option(metavar="NUMBER", help="Intervals as they stood with a version.")
        ] = None,
        known_at: Annotated[
            str | None, typer.Option("--known-at", metavar="TIME", help="Intervals as they stood at a time.")
        ] = None,
        data: Data = None,
        store: Store = None,
        district: District = None,
    ) -> None:
        """Write every reading of districts, devices or points to a file, however many there are."""
        from barrio.commands import export as command

        said: dict[str, Any] = {"tz": tz, "length": length, "every": every}
        said |= {"kind": kind, "quantity": quantity, "site": site, "device": device, "dataset": dataset}
        said |= {"interval": interval, "version": version, "known_at": known_at, "to": to}
        said |= {"point": point or None, "under": names or None}
        said["from"] = start if start is not None or interval is not None else "-1d"
        body: dict[str, Any] = {"format": form}
        body |= {name: value for name, value in said.items() if value is not None}
        settings = settings_of(data=data, store=store)
        typer.echo(command.export(settings, district or [], body, out))
