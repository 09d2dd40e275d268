"""`barrio openapi`: the API, for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def openapi(
        out: Annotated[
            Path | None, typer.Option(metavar="FILE", help="Where to write it; printed else.")
        ] = None,
    ) -> None:
        """Print the OpenAPI 3.1 file of the HTTP API, to read or to make clients of."""
        from barrio.commands import openapi as command

        text = command.text()
        if out is None:
            typer.echo(text, nl=False)
        else:
            command.write(text, out)
