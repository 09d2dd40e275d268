"""`barrio token`: who may see what, and until when."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, Who, settings_of, who_asks


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Give tokens to who may see more than what is open, and take them back.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(group, name="token")
    _create(group)

    @group.command("list")
    def listed(as_json: AsJson = False, data: Data = None) -> None:
        """Show the tokens: what each allows, until when, when it was last used."""
        from barrio.commands import tokens

        typer.echo(tokens.listed(settings_of(data=data), machine=as_json))

    @group.command()
    def revoke(
        token: Annotated[
            str, typer.Argument(metavar="TOKEN", help="Name or id, as barrio token list shows.")
        ],
        who: Who = None,
        data: Data = None,
    ) -> None:
        """End a token for good; a running barrio refuses it within seconds."""
        from barrio.commands import tokens

        typer.echo(tokens.revoke(settings_of(data=data), token, who_asks(who)))


def _create(group: typer.Typer) -> None:
    @group.command()
    def create(  # noqa: PLR0913, PLR0917 - each is an option
        name: Annotated[str, typer.Argument(metavar="NAME", help="Whom it is for, such as water-works.")],
        tier: Annotated[str, typer.Option(metavar="TIER", help="partner or operator.")] = "partner",
        scope: Annotated[
            list[str] | None,
            typer.Option("--in", metavar="DISTRICT", help="Only this district; may be given several times."),
        ] = None,
        site: Annotated[
            list[str] | None,
            typer.Option(metavar="DISTRICT/SITE", help="Only this site and what lies in it; likewise."),
        ] = None,
        kind: Annotated[
            list[str] | None, typer.Option(metavar="KIND", help="Only devices of this kind; likewise.")
        ] = None,
        quantity: Annotated[
            list[str] | None, typer.Option(metavar="QUANTITY", help="Only this quantity; likewise.")
        ] = None,
        finest: Annotated[
            str, typer.Option(metavar="LENGTH", help="Readings no finer than raw, 15m, 1h or 1d.")
        ] = "raw",
        may: Annotated[
            str,
            typer.Option(metavar="VERBS", help="Of read,stream,export,acknowledge,command."),
        ] = "read,stream,export",
        lasts: Annotated[
            str, typer.Option("--for", metavar="TIME", help="How long it holds, such as 90d; or ever.")
        ] = "365d",
        rate: Annotated[int, typer.Option(min=1, max=1_000_000, help="Requests per minute.")] = 600,
        who: Who = None,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Make a token and print it, once: nobody can be shown it again."""
        from barrio.commands import tokens

        wanted = tokens.Wanted(
            *(name, tier, scope or (), site or (), kind or (), quantity or ()),
            *(finest, may, lasts, rate, who_asks(who)),
        )
        text, words = tokens.create(settings_of(data=data), district or [], wanted, machine=as_json)
        typer.echo(words, err=True)
        typer.echo(text)
