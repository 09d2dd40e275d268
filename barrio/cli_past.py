"""`barrio twin` and `barrio models`: the past."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, Store, settings_of

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
