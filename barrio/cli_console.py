"""`barrio console`: a browser that is signed in."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import Data, settings_of


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def console(
        data: Data = None,
        opened: Annotated[
            bool, typer.Option("--open", help="Open it in the browser of this machine.")
        ] = False,
    ) -> None:
        """Print a link that signs a browser in as operator: it holds for two minutes and works once."""
        from barrio.commands import console as command
        from barrio.service import run_loop

        link = run_loop(command.login_link(settings_of(data=data)))
        typer.echo(link)
        if opened:
            typer.launch(link)
