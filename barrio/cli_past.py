"""`barrio twin`, `barrio models` and `barrio completeness`: the past, and what is missing of it."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, Store, To, settings_of

Under = Annotated[
    str | None,
    typer.Argument(metavar="[UNDER]", help="District, or district/ with a site, a device or a point of it."),
]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def twin(
        under: Under = None,
        at: Annotated[
            str, typer.Option(metavar="TIME", help="ISO 8601 on the district's clock, now, or an age.")
        ] = "now",
        compare: Annotated[
            str | None, typer.Option(metavar="TIME", help="What was different at this other moment.")
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="Every point, every change.")] = False,
        as_json: AsJson = False,
        data: Data = None,
        store: Store = None,
        district: District = None,
    ) -> None:
        """Show the twin as it was at a moment, or what changed between two."""
        from barrio.commands import past

        query = {"under": under, "at": at, "compare": compare}
        settings = settings_of(data=data, store=store)
        typer.echo(past.twin(settings, district or [], query, machine=as_json, everything=everything))

    @app.command()
    def models(
        as_json: AsJson = False, data: Data = None, store: Store = None, district: District = None
    ) -> None:
        """List the models that ran, and when."""
        from barrio.commands import past

        typer.echo(past.models(settings_of(data=data, store=store), district or [], machine=as_json))

    @app.command()
    def completeness(  # noqa: PLR0913, PLR0917 - each is an option
        under: Under = None,
        start: Annotated[
            str, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age such as -7d.")
        ] = "-1d",
        to: To = "now",
        by: Annotated[
            str, typer.Option(metavar="WHAT", help="point, device, site, district, day; or site,day.")
        ] = "device",
        every: Annotated[str, typer.Option(metavar="LENGTH", help="Windows of 1d, 1h, 1w, 1mo.")] = "1d",
        form: Annotated[
            str, typer.Option("--format", metavar="FORMAT", help="table, csv or json.")
        ] = "table",
        as_json: AsJson = False,
        data: Data = None,
        store: Store = None,
        district: District = None,
    ) -> None:
        """Show how much of what was expected came, and what became of the rest."""
        from barrio.commands import completeness as command

        query = {"under": under, "from": start, "to": to, "by": by, "every": every}
        settings = settings_of(data=data, store=store)
        typer.echo(command.completeness(settings, district or [], query, "json" if as_json else form))
