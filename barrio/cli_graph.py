"""`barrio graph`: what belongs to what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from barrio.cli_options import Data, settings_of


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def graph(  # noqa: PLR0913, PLR0917 - each is an option
        districts: Annotated[
            list[str] | None,
            typer.Argument(metavar="[DISTRICT...]", help="Folder or name; else those that ran last."),
        ] = None,
        of: Annotated[
            str | None, typer.Option(metavar="ID", help="Only what hangs above and below a device or site.")
        ] = None,
        up: Annotated[bool, typer.Option("--up", help="Only above.")] = False,
        down: Annotated[bool, typer.Option("--down", help="Only below.")] = False,
        through: Annotated[
            str | None,
            typer.Option(metavar="TYPES", help="Of feeds,controls,part_of,measures,located_in; all else."),
        ] = None,
        everything: Annotated[bool, typer.Option("--all", help="Draw equal devices one by one.")] = False,
        form: Annotated[
            str | None, typer.Option("--format", metavar="FORMAT", help="text, dot, svg or json.")
        ] = None,
        out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there, not here.")] = None,
        data: Data = None,
    ) -> None:
        """Draw what belongs to what: what a transformer feeds, what a lamp hangs on."""
        from barrio.commands import graph as command

        way = command.direction(of, up=up, down=down)
        text = command.graph(
            districts or [],
            settings_of(data=data),
            of,
            way,
            through,
            command.format_of(form, out),
            fold=not everything,
        )
        if out is None:
            typer.echo(text, nl=False)
        else:
            command.write(out, text)
