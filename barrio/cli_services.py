"""`barrio supply`, `barrio capacity` and `barrio services`: what the district asks of others, and of its people."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, Who, settings_of, who_asks

Number = Annotated[int, typer.Argument(metavar="REQUEST", help="Number from barrio supply.")]
Comment = Annotated[str, typer.Option(metavar="TEXT", help="Kept with it.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    _supply(app)
    _capacity(app)
    _services(app)


def _supply(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    app.add_typer(group, name="supply")

    @group.callback()
    def supply(
        context: typer.Context,
        tank: Annotated[str | None, typer.Option(metavar="TANK", help="Only district/tank/rule.")] = None,
        at: Annotated[
            str, typer.Option(metavar="TIME", help="Requests that were open at this time.")
        ] = "now",
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show tanks, how long they last, and what was asked of suppliers."""
        if context.invoked_subcommand is not None:
            return
        from barrio.commands import services as command

        query = {"tank": tank, "at": at}
        typer.echo(command.supply(settings_of(data=data), district or [], query, machine=as_json))

    @group.command("list")
    def listed(as_json: AsJson = False, data: Data = None, district: District = None) -> None:
        """Show tanks, how long they last, and what was asked of suppliers."""
        from barrio.commands import services as command

        typer.echo(command.supply(settings_of(data=data), district or [], {}, machine=as_json))

    @group.command()
    def acknowledge(
        request: Number,
        reference: Annotated[str, typer.Option(metavar="TEXT", help="The supplier's own number.")] = "",
        comment: Comment = "",
        who: Who = None,
        data: Data = None,
    ) -> None:
        """Note that the supplier knows of a request."""
        from barrio.commands import services as command

        body = {"who": who_asks(who), "reference": reference, "comment": comment}
        path = command.request_path(request, "acknowledge")
        typer.echo(command.deed(settings_of(data=data), path, body))

    @group.command()
    def cancel(request: Number, comment: Comment = "", who: Who = None, data: Data = None) -> None:
        """Cancel a request, and tell the supplier."""
        from barrio.commands import services as command

        body = {"who": who_asks(who), "comment": comment}
        typer.echo(command.deed(settings_of(data=data), command.request_path(request, "cancel"), body))

    @group.command()
    def close(request: Number, comment: Comment = "", who: Who = None, data: Data = None) -> None:
        """Close a request by hand, where the level cannot tell that it was delivered."""
        from barrio.commands import services as command

        body = {"who": who_asks(who), "comment": comment}
        typer.echo(command.deed(settings_of(data=data), command.request_path(request, "close"), body))


def _capacity(app: typer.Typer) -> None:
    @app.command()
    def capacity(
        place: Annotated[
            str | None, typer.Argument(metavar="[PLACE]", help="district/place/rule; all else.")
        ] = None,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show how many people are in each place, and how many are expected."""
        from barrio.commands import services as command

        typer.echo(command.capacity(settings_of(data=data), district or [], place, machine=as_json))


def _services(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    app.add_typer(group, name="services")

    @group.callback()
    def services(
        context: typer.Context,
        under: Annotated[
            str | None, typer.Option(metavar="UNDER", help="Only of a district or district/device.")
        ] = None,
        state: Annotated[str | None, typer.Option(metavar="STATE", help="ok, soon, due or overdue.")] = None,
        rule: Annotated[str | None, typer.Option(metavar="RULE", help="Only of one rule.")] = None,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show which devices need a service, and when others will."""
        if context.invoked_subcommand is not None:
            return
        from barrio.commands import services as command

        query = {"under": under, "state": state, "rule": rule}
        typer.echo(command.services(settings_of(data=data), district or [], query, machine=as_json))

    @group.command()
    def done(
        service: Annotated[str, typer.Argument(metavar="SERVICE", help="district/device/rule.")],
        comment: Comment = "",
        who: Who = None,
        data: Data = None,
    ) -> None:
        """Note that a service was done: its use is counted anew."""
        from barrio.commands import services as command

        body = {"who": who_asks(who), "comment": comment}
        typer.echo(command.deed(settings_of(data=data), command.service_path(service), body))
