"""`barrio dashboards`: what people look at, without a Grafana."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from barrio.cli_options import Districts, Lang, Store, settings_of


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True, help="Look at dashboards without a Grafana.", rich_markup_mode=None
    )
    app.add_typer(group, name="dashboards")

    @group.command()
    def preview(
        districts: Districts,
        out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write the pictures.")],
        only: Annotated[
            list[str] | None, typer.Option("--page", metavar="PAGE", help="Only this page, such as home.")
        ] = None,
        lang: Lang = "en",
        since: Annotated[
            str | None, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age such as -1d.")
        ] = None,
        to: Annotated[str, typer.Option(metavar="TIME", help="Likewise.")] = "now",
        form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="png or svg.")] = "png",
        store: Store = None,
    ) -> None:
        """Draw each dashboard with the data of the InfluxDB, one picture each."""
        from barrio.commands import preview as command

        asked = command.Asked(districts, tuple(only or ()), lang, since, to, form)
        for line in command.preview(settings_of(store=store), asked, out):
            typer.echo(line)
