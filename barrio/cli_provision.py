"""`barrio plan`, `apply`, `drift`, `destroy` and `render`: InfluxDB and Grafana as the districts' files say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from barrio.cli_options import AsJson, BarrioUrl, Districts, Lang, Store, settings_of

if TYPE_CHECKING:
    from provisioning.plan import Outcome

FAILED = 1

Only = Annotated[
    str | None, typer.Option(metavar="TARGET", help="influxdb or grafana; both, where they are named, else.")
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="Take over InfluxDB 2.x buckets of our names that are not marked.")
]


def add(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def plan(
        districts: Districts,
        only: Only = None,
        as_json: AsJson = False,
        exit_code: Annotated[
            bool, typer.Option("--exit-code", help="Exit code 2 when there is something to do.")
        ] = False,
        adopt: Adopt = False,
        lang: Lang = "en",
        barrio_url: BarrioUrl = "",
        store: Store = None,
    ) -> None:
        """Show what apply would do to InfluxDB and Grafana, field by field."""
        from barrio.commands import provision as command

        asked = command.Asked(districts, only, adopt, lang, barrio_url)
        with failing(everything=exit_code):
            text, code = command.plan(settings_of(store=store), asked, machine=as_json, exit_code=exit_code)
        typer.echo(text)
        raise typer.Exit(code)

    @app.command()
    def apply(
        districts: Districts,
        only: Only = None,
        as_json: AsJson = False,
        expect: Annotated[
            str | None,
            typer.Option(metavar="PLAN", help="Name of the plan that was read: do nothing if it is another."),
        ] = None,
        adopt: Adopt = False,
        lang: Lang = "en",
        barrio_url: BarrioUrl = "",
        store: Store = None,
    ) -> None:
        """Do what plan shows; a second time there is nothing to do."""
        from barrio.commands import provision as command

        asked = command.Asked(districts, only, adopt, lang, barrio_url)
        tell = _silent if as_json else typer.echo
        with failing():
            outcome = command.apply(settings_of(store=store), asked, tell, expect=expect)
        end_with(outcome, as_json=as_json)

    @app.command()
    def drift(
        districts: Districts,
        only: Only = None,
        as_json: AsJson = False,
        lang: Lang = "en",
        barrio_url: BarrioUrl = "",
        store: Store = None,
    ) -> None:
        """Show what is not as the districts say; exit code 1 when there is something."""
        from barrio.commands import provision as command

        asked = command.Asked(districts, only, lang=lang, barrio_url=barrio_url)
        with failing(code=2):
            text, code = command.drift(settings_of(store=store), asked, machine=as_json)
        typer.echo(text)
        raise typer.Exit(code)

    @app.command()
    def destroy(
        districts: Districts,
        only: Only = None,
        delete_data: Annotated[
            bool, typer.Option("--delete-data/--keep-data", help="Remove readings as well.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        as_json: AsJson = False,
        store: Store = None,
    ) -> None:
        """Remove what is ours from InfluxDB and Grafana; readings stay."""
        from barrio.commands import provision as command
        from barrio.errors import AskError

        def agree(shown: str) -> None:
            typer.echo(shown, err=True)
            if not command.interactive():
                raise AskError("--yes", "nobody can be asked here: say it to go on")
            typer.confirm("Remove this?", abort=True, err=True)

        settings, asked = settings_of(store=store), command.Asked(districts, only)
        tell = _silent if as_json else typer.echo
        with failing():
            outcome = command.destroy(
                settings, asked, tell, keep_data=not delete_data, agree=None if yes else agree
            )
        end_with(outcome, as_json=as_json)

    @app.command()
    def render(
        districts: Districts,
        out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")],
        lang: Lang = "en",
        barrio_url: BarrioUrl = "",
        store: Store = None,
    ) -> None:
        """Write dashboards, data sources and alert rules as files that Grafana and Git take."""
        from barrio.commands import provision as command

        asked = command.Asked(districts, None, lang=lang, barrio_url=barrio_url)
        for line in command.render(asked, settings_of(store=store), out) or ["nothing changed"]:
            typer.echo(line)


def end_with(outcome: Outcome, *, as_json: bool = False) -> NoReturn:
    """Say what became of a plan, and end with its exit code."""
    from barrio.commands.provision import shown_outcome

    text, code = shown_outcome(outcome, machine=as_json)
    typer.echo(text, err=code != 0 and not as_json)
    raise typer.Exit(code)


def _silent(_: str) -> None:
    """Tell nothing: the answer is one JSON object."""


@contextmanager
def failing(*, code: int = FAILED, everything: bool = False) -> Iterator[None]:
    """Say in one line what a server did not do, with an exit code that is no other answer of the command.

    `everything`: files and options that are wrong end with it as well.
    """
    from barrio.terminal import plain
    from provisioning.plan import ProvisioningError
    from twin.errors import BarrioError

    try:
        yield
    except BarrioError as error:
        if not everything and not isinstance(error, ProvisioningError):
            raise
        lines = plain(str(error), keep="\n").splitlines()
        sys.stderr.write("".join(f"barrio: {line}\n" for line in lines))
        raise typer.Exit(code) from None
