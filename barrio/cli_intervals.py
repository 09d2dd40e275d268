"""`barrio intervals`: what registers counted, as it is billed; what was decided about them; every version of it."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import AsJson, Data, District, Since, To, Who, settings_of, who_asks

Points = Annotated[
    list[str], typer.Argument(metavar="POINT...", help="Paths of registers; * stands for any name.")
]
Point = Annotated[str, typer.Argument(metavar="POINT", help="Path of a register.")]
Tz = Annotated[str | None, typer.Option(metavar="ZONE", help="IANA time zone; the district's else.")]
AtVersion = Annotated[int | None, typer.Option("--version", min=0, help="As it stood with this version.")]
KnownAt = Annotated[str | None, typer.Option("--known-at", metavar="TIME", help="As it stood at this time.")]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept with the version.")]
At = Annotated[str, typer.Option(metavar="TIME", help="When; ISO 8601 or an age.")]
Moment = Annotated[str | None, typer.Option(metavar="TIME", help="When it was read (read).")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Begin (spread, ignore, accept).")]
Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="End (ignore, accept).")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Show what registers counted, as utilities bill it, and decide what is not known.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(group, name="intervals")
    _questions(group)
    _orders(group)


def _questions(group: typer.Typer) -> None:
    @group.command(name="list")
    def listed(  # noqa: PLR0913, PLR0917 - each is an option
        points: Points,
        start: Since = "-1d",
        to: To = "now",
        length: Annotated[str, typer.Option(metavar="LENGTH", help="15m, 30m or 1h.")] = "15m",
        tz: Tz = None,
        version: AtVersion = None,
        known_at: KnownAt = None,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show intervals: what was used, the register at the end, the quality and its reason."""
        from barrio.commands import intervals

        asof = {"version": version, "known_at": known_at}
        query = {"point": points, "from": start, "to": to, "length": length, "tz": tz, **asof}
        typer.echo(intervals.listed(settings_of(data=data), district or [], query, machine=as_json))

    @group.command()
    def totals(  # noqa: PLR0913, PLR0917 - each is an option
        points: Points,
        start: Since = "-1d",
        to: To = "now",
        every: Annotated[
            str | None, typer.Option(metavar="LENGTH", help="A total for each 1d, 1w, 1mo.")
        ] = None,
        tz: Tz = None,
        version: AtVersion = None,
        known_at: KnownAt = None,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show what registers grew between two times, and how much of it was estimated."""
        from barrio.commands import intervals

        asof = {"version": version, "known_at": known_at}
        query = {"point": points, "from": start, "to": to, "every": every, "tz": tz, **asof}
        typer.echo(intervals.totals(settings_of(data=data), district or [], query, machine=as_json))

    @group.command()
    def versions(
        point: Point,
        start: Since = "-7d",
        to: To = "now",
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show the versions of a register's days, and what each changed."""
        from barrio.commands import intervals

        query = {"point": point, "from": start, "to": to}
        typer.echo(intervals.versions(settings_of(data=data), district or [], query, machine=as_json))

    @group.command()
    def edits(
        point: Annotated[
            str | None, typer.Argument(metavar="[POINT]", help="Path of a register; all without.")
        ] = None,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show what was decided about registers, and what was taken back."""
        from barrio.commands import intervals

        typer.echo(intervals.edits(settings_of(data=data), district or [], {"point": point}, machine=as_json))


def _orders(group: typer.Typer) -> None:
    @group.command()
    def edit(  # noqa: PLR0913, PLR0917 - each is an option
        kind: Annotated[str, typer.Argument(metavar="KIND", help="read, spread, ignore or accept.")],
        point: Point,
        why: Why,
        at: Moment = None,
        register: Annotated[
            float | None, typer.Option(metavar="VALUE", help="What the register showed (read).")
        ] = None,
        start: From = None,
        to: Until = None,
        deltas: Annotated[
            str | None,
            typer.Option(metavar="VALUES", help="Differences of quarter hours, with commas (spread)."),
        ] = None,
        who: Who = None,
        data: Data = None,
    ) -> None:
        """Decide about a register: a hand reading, a distribution, readings to leave out or to accept."""
        from barrio.commands import intervals

        body = {"kind": kind, "point": point, "at": at, "register": register, "from": start, "to": to}
        typer.echo(intervals.edit(settings_of(data=data), body | {"who": who_asks(who), "why": why}, deltas))

    @group.command(name="meter-change")
    def meter_change(
        point: Point,
        at: At,
        old_last: Annotated[float, typer.Option(metavar="VALUE", help="Last register of the old meter.")],
        new_first: Annotated[float, typer.Option(metavar="VALUE", help="First register of the new one.")],
        why: Why,
        who: Who = None,
        data: Data = None,
    ) -> None:
        """Declare that a meter was changed, so that totals go on across it."""
        from barrio.commands import intervals

        body = {
            "kind": "meter_change",
            "point": point,
            "at": at,
            "old_last": old_last,
            "new_first": new_first,
        }
        typer.echo(intervals.edit(settings_of(data=data), body | {"who": who_asks(who), "why": why}, None))

    @group.command()
    def withdraw(
        number: Annotated[int, typer.Argument(metavar="EDIT", min=1, help="Number of the decision.")],
        why: Why,
        who: Who = None,
        data: Data = None,
    ) -> None:
        """Take a decision back."""
        from barrio.commands import intervals

        typer.echo(intervals.withdraw(settings_of(data=data), number, who_asks(who), why))
