"""`barrio notify`: whether notifications go out, and a test message."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, settings_of

WRONG_INPUT = 2


def add(app: typer.Typer) -> None:
    """Add the commands."""
    notify = typer.Typer(no_args_is_help=True, help="Look after notifications.", rich_markup_mode=None)
    app.add_typer(notify, name="notify")

    @notify.command()
    def status(as_json: AsJson = False, data: Data = None, district: District = None) -> None:
        """Show how each channel stands: what waits, what went out, what its receiver said last."""
        from barrio.commands import notify as command

        typer.echo(command.status(settings_of(data=data), district or [], machine=as_json))

    @notify.command()
    def test(
        channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="district/channel.")],
        data: Data = None,
    ) -> None:
        """Send a test message through a channel, and show what its receiver said."""
        from barrio.commands import notify as command

        words, taken = command.test(settings_of(data=data), channel)
        typer.echo(words)
        raise typer.Exit(0 if taken else WRONG_INPUT)
