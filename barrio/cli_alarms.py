"""`barrio alarms`: how alarms stand, what people do about them, and rules over the past."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, Since, Store, To, Who, settings_of, who_asks

Number = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number from barrio alarms.")]
Comment = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept with the alarm.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    alarms = typer.Typer(
        help="Show alarms, and do something about them.", rich_markup_mode=None, invoke_without_command=True
    )
    app.add_typer(alarms, name="alarms")
    _listing(alarms)
    _orders(alarms)
    _past(alarms)


def _listing(alarms: typer.Typer) -> None:
    @alarms.callback()
    def standing(
        context: typer.Context,
        state: Annotated[
            str | None,
            typer.Option(
                metavar="STATE", help="Of active, acknowledged, returned, shelved, suppressed: only these."
            ),
        ] = None,
        priority: Annotated[
            str | None, typer.Option(metavar="PRIORITY", help="Of critical, high, medium, low: only these.")
        ] = None,
        under: Annotated[
            str | None, typer.Option(metavar="PATH", help="Only a district, a device or a point.")
        ] = None,
        as_json: AsJson = False,
        data: Data = None,
        store: Store = None,
        district: District = None,
    ) -> None:
        """Show the alarms that are not normal, the gravest first."""
        if context.invoked_subcommand is not None:
            return
        from barrio.commands import alarms as command

        query = {"state": state, "priority": priority, "under": under}
        settings = settings_of(data=data, store=store)
        typer.echo(command.standing(settings, district or [], query, machine=as_json))


def _orders(alarms: typer.Typer) -> None:
    @alarms.command()
    def acknowledge(number: Number, comment: Comment = "", who: Who = None, data: Data = None) -> None:
        """Say that somebody has seen an alarm."""
        from barrio.commands import alarms as command

        body = {"who": who_asks(who), "comment": comment}
        typer.echo(command.order(settings_of(data=data), number, "acknowledge", body))

    @alarms.command()
    def shelve(
        number: Number,
        duration: Annotated[
            str | None, typer.Option("--for", metavar="DURATION", help="How long, such as 2h or 7d.")
        ] = None,
        until: Annotated[
            str | None, typer.Option(metavar="TIME", help="Until when: ISO 8601 on the district's clock.")
        ] = None,
        comment: Comment = "",
        who: Who = None,
        data: Data = None,
    ) -> None:
        """Put an alarm aside for a while, at most 30 days."""
        from barrio.commands import alarms as command

        body = {"who": who_asks(who), "comment": comment, "for": duration, "until": until}
        typer.echo(command.order(settings_of(data=data), number, "shelve", body))

    @alarms.command()
    def unshelve(number: Number, comment: Comment = "", who: Who = None, data: Data = None) -> None:
        """Take an alarm back that was put aside."""
        from barrio.commands import alarms as command

        body = {"who": who_asks(who), "comment": comment}
        typer.echo(command.order(settings_of(data=data), number, "unshelve", body))


def _past(alarms: typer.Typer) -> None:
    @alarms.command()
    def history(
        start: Since = "-1d",
        to: To = "now",
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show what happened to alarms, and who did what, the newest first."""
        from barrio.commands import alarms as command

        query = {"from": start, "to": to}
        typer.echo(command.past(settings_of(data=data), district or [], query, machine=as_json))

    @alarms.command()
    def backtest(
        rule: Annotated[str, typer.Argument(metavar="RULE", help="Id of a rule, or district/rule.")],
        start: Since = "-30d",
        to: To = "now",
        on: Annotated[
            str | None, typer.Option(metavar="OWNER", help="Only this device or site of the rule.")
        ] = None,
        as_json: AsJson = False,
        data: Data = None,
        store: Store = None,
        district: District = None,
    ) -> None:
        """Show what a rule would have done over what was recorded."""
        from barrio.commands import alarms as command

        query = {"rule": rule, "from": start, "to": to, "on": on}
        settings = settings_of(data=data, store=store)
        typer.echo(command.backtest(settings, district or [], query, machine=as_json))
