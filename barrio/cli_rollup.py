"""`barrio rollup`: how far quarter hours, hours and days are made, and a stretch of them again."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, To, settings_of


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Show how far rollups are made, or have a stretch of them made again.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(group, name="rollup")

    @group.command()
    def status(as_json: AsJson = False, data: Data = None, district: District = None) -> None:
        """Show how far rollups are made, and what is being made again."""
        from barrio.commands import rollup

        typer.echo(rollup.status(settings_of(data=data), district or [], machine=as_json))

    @group.command()
    def rebuild(
        under: Annotated[
            str, typer.Argument(metavar="UNDER", help="District, or a device or a point of it by its path.")
        ],
        start: Annotated[
            str, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age such as -7d.")
        ],
        to: To = "now",
        resolution: Annotated[
            str, typer.Option(metavar="LENGTH", help="Only 15m, 1h or 1d; from finer to coarser else.")
        ] = "all",
        as_json: AsJson = False,
        data: Data = None,
    ) -> None:
        """Make rollups again from what the store holds, and wait until it is done."""
        from barrio.commands import rollup

        body = {"under": under, "from": start, "to": to, "resolution": resolution}

        def show(line: str) -> None:
            typer.echo(line, err=True)

        typer.echo(rollup.rebuild(settings_of(data=data), body, show, machine=as_json))
