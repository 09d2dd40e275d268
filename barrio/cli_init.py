"""`barrio init`: once, when everything starts at the same time."""

from __future__ import annotations

from typing import Annotated

import typer

from barrio.cli_options import BarrioUrl, Districts, Lang, Store, settings_of
from barrio.cli_provision import end_with, failing


def add(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def init(
        districts: Districts,
        wait: Annotated[
            str, typer.Option(metavar="DURATION", help="Longest wait for InfluxDB and Grafana to answer.")
        ] = "2min",
        lang: Lang = "en",
        barrio_url: BarrioUrl = "",
        store: Store = None,
    ) -> None:
        """Wait for InfluxDB and Grafana to answer, then do what apply does: for containers."""
        from barrio.commands import init as command
        from barrio.commands import provision
        from barrio.errors import AskError
        from twin.model.spec import parse_duration

        try:
            wait_s = parse_duration(wait)
        except ValueError as error:
            raise AskError("--wait", f"{error}, found {wait!r}") from None
        asked = provision.Asked(districts, lang=lang, barrio_url=barrio_url)
        with failing():
            outcome = command.init(settings_of(store=store), asked, wait_s, typer.echo)
        end_with(outcome)
