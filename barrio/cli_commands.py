"""`barrio command` and what belongs to it: confirm, release, desired, the programmes and the audit log."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from barrio.cli_options import AsJson, Data, District, Since, To, Who, settings_of, who_asks

WRONG_INPUT = 2

Point = Annotated[str, typer.Argument(metavar="POINT", help="district/device/point; a * stands for many.")]
One = Annotated[str, typer.Argument(metavar="POINT", help="district/device/point.")]
Under = Annotated[
    str | None, typer.Argument(metavar="[POINT]", help="Point, district/device or district; all else.")
]
Number = Annotated[int, typer.Argument(metavar="ID", help="Number of the command.")]
Why = Annotated[str, typer.Option(metavar="TEXT", help="Goes on record.")]
Priority = Annotated[int, typer.Option(min=1, max=16, help="1 is the strongest, 16 the weakest.")]


def add(app: typer.Typer) -> None:
    """Add the commands."""
    _add_orders(app)
    _add_questions(app)
    _add_audit(app)


def _add_orders(app: typer.Typer) -> None:
    @app.command()
    def command(  # noqa: PLR0913, PLR0917 - each is an option
        point: Point,
        value: Annotated[str, typer.Argument(metavar="VALUE", help="40, '40 %' or the name of a state.")],
        lease: Annotated[
            str | None, typer.Option("--for", metavar="DURATION", help="Then it goes back: 15m, 2h, or ever.")
        ] = None,
        why: Why = "",
        priority: Priority = 8,
        expect: Annotated[
            str | None, typer.Option(metavar="VALUE", help="Refuse when the point is not that now.")
        ] = None,
        key: Annotated[
            str, typer.Option(metavar="TEXT", help="The same key makes a repeated command the same one.")
        ] = "",
        who: Who = None,
        as_json: AsJson = False,
        data: Data = None,
    ) -> None:
        """Write a point, or many: checked, on record, read back."""
        from barrio.commands import steer

        body: dict[str, Any] = {"point": point, "value": _number(value), "who": who_asks(who), "why": why}
        body |= {"priority": priority, "lease": lease, "key": key}
        body["expect"] = None if expect is None else _number(expect)
        text, done = steer.command(settings_of(data=data), body, machine=as_json)
        typer.echo(text)
        raise typer.Exit(0 if done else WRONG_INPUT)

    @app.command()
    def confirm(
        number: Number,
        code: Annotated[str, typer.Argument(metavar="CODE", help="The code that the command gave.")],
        who: Who = None,
        as_json: AsJson = False,
        data: Data = None,
    ) -> None:
        """Confirm a command of two steps."""
        from barrio.commands import steer

        typer.echo(steer.confirm(settings_of(data=data), number, code, who_asks(who), machine=as_json))

    @app.command()
    def cancel(number: Number, who: Who = None, data: Data = None) -> None:
        """Take a command back that waits for its confirmation."""
        from barrio.commands import steer

        typer.echo(steer.cancel(settings_of(data=data), number, who_asks(who)))

    @app.command()
    def release(
        point: One,
        why: Why = "",
        priority: Priority = 8,
        who: Who = None,
        as_json: AsJson = False,
        data: Data = None,
    ) -> None:
        """Give a point back before its lease is over."""
        from barrio.commands import steer

        body = {"point": point, "priority": priority, "who": who_asks(who), "why": why}
        typer.echo(steer.release(settings_of(data=data), body, machine=as_json))


def _add_questions(app: typer.Typer) -> None:
    @app.command()
    def commands(
        point: Under = None,
        state: Annotated[
            str | None, typer.Option(metavar="STATE", help="Only those that stand so, such as refused.")
        ] = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """List what was asked for, the newest first."""
        from barrio.commands import steer

        query = {"point": point, "state": state, "limit": limit}
        typer.echo(steer.commands(settings_of(data=data), district or [], query, machine=as_json))

    @app.command()
    def desired(
        point: Under = None, as_json: AsJson = False, data: Data = None, district: District = None
    ) -> None:
        """Show what is desired of points beside what they report."""
        from barrio.commands import steer

        typer.echo(steer.desired(settings_of(data=data), district or [], point, machine=as_json))

    schedule = typer.Typer(no_args_is_help=True, help="Look at programmes of the day.", rich_markup_mode=None)
    app.add_typer(schedule, name="schedule")

    @schedule.command()
    def show(
        hours: Annotated[int, typer.Option(min=1, max=168, help="How far ahead.")] = 24,
        as_json: AsJson = False,
        data: Data = None,
        district: District = None,
    ) -> None:
        """Show what holds now, and the changes to come."""
        from barrio.commands import steer

        typer.echo(steer.schedule(settings_of(data=data), district or [], hours, machine=as_json))

    @schedule.callback()
    def schedules() -> None:
        """Look at programmes of the day."""


def _add_audit(app: typer.Typer) -> None:
    audit = typer.Typer(no_args_is_help=True, help="Look at the audit log.", rich_markup_mode=None)
    app.add_typer(audit, name="audit")

    @audit.command()
    def verify(data: Data = None) -> None:
        """Say whether the audit log is as it was written; exit code 2 when it is not."""
        from barrio.commands import steer

        text, sound = steer.verify(settings_of(data=data))
        typer.echo(text)
        raise typer.Exit(0 if sound else WRONG_INPUT)

    @audit.command()
    def show(
        start: Since = "-1d",
        to: To = "now",
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")] = 100,
        as_json: AsJson = False,
        data: Data = None,
    ) -> None:
        """Show who did what, when and why."""
        from barrio.commands import steer

        typer.echo(steer.audit(settings_of(data=data), start, to, limit, machine=as_json))


def _number(text: str) -> float | str:
    """Return a bare number as one: with a unit, or as a state, it goes as it is."""
    try:
        return float(text)
    except ValueError:
        return text
