"""The command line. What a command needs is imported when it runs, so that `barrio --help` is quick.

Exit codes: 0 done, 2 something that whoever typed it can put right (said in one line each, on stderr), 1 a bug; where
commands speak to an InfluxDB and a Grafana, 1 is also a server that did not do it (`cli_provision`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from barrio import (
    cli_access,
    cli_alarms,
    cli_commands,
    cli_console,
    cli_dashboards,
    cli_export,
    cli_graph,
    cli_init,
    cli_intervals,
    cli_notify,
    cli_openapi,
    cli_past,
    cli_provision,
    cli_rollup,
    cli_services,
)
from barrio.cli_groups import Grouped
from barrio.cli_options import AsJson, Data, District, Districts, Since, Store, To, Who, settings_of, who_asks
from twin.errors import BarrioError, ConfigError

WRONG_INPUT = 2

app = typer.Typer(
    name="barrio",
    cls=Grouped,
    help="A digital twin for city districts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

Listen = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="HTTP address; port 0 takes a free one.")
]
BasePort = Annotated[int | None, typer.Option(min=1024, max=60_000, help="First port of the simulator.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same values.")]
Speed = Annotated[float, typer.Option(help="Simulated seconds in a real second.")]
FaultSpec = Annotated[
    list[str] | None,
    typer.Option(
        "--fault", metavar="SPEC", help="KIND:TARGET[@START][+DURATION][=ARG]; may be given several times."
    ),
]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """A digital twin for city districts."""
    if version:
        from barrio import __version__

        typer.echo(f"barrio {__version__}")
        raise typer.Exit


@app.command()
def check(
    districts: Districts,
    connect: Annotated[bool, typer.Option("--connect", help="Try every link once as well.")] = False,
    data: Data = None,
) -> None:
    """Report every fault of districts, with file and line."""
    from barrio.commands import check as command

    for line in command.check(districts):
        typer.echo(line)
    if connect:
        from barrio.service import run_loop

        lines, all_answered = run_loop(command.connect(districts, settings_of(data=data)))
        for line in lines:
            typer.echo(line)
        raise typer.Exit(0 if all_answered else WRONG_INPUT)


@app.command()
def run(
    districts: Districts,
    data: Data = None,
    listen: Listen = None,
    store: Store = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Dial the simulator, not the devices.")
    ] = False,
    base_port: BasePort = None,
    endpoints: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Other addresses to dial: what barrio simulate prints."),
    ] = None,
) -> None:
    """Run districts: read their devices, keep the twin and its history, answer over HTTP."""
    from barrio import memory

    with memory.beginning():
        from barrio.commands import run as command

        settings = settings_of(data=data, listen=listen, store=store, base_port=base_port)
        command.run(districts, settings, simulated=simulated, endpoints=endpoints)


@app.command()
def simulate(
    districts: Districts,
    base_port: BasePort = None,
    seed: Seed = 1,
    speed: Speed = 1.0,
    fault: FaultSpec = None,
) -> None:
    """Serve every device of districts with its real protocol; prints an override file for barrio run."""
    from barrio.commands import simulate as command

    port = settings_of(base_port=base_port).base_port
    command.simulate(districts, base_port=port, seed=seed, speed=speed, faults=fault or [])


@app.command()
def demo(  # noqa: PLR0913, PLR0917 - each is an option
    duration: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="Stop after this long, such as 20s or 5m.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="No live view; one JSON object at the end.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Data folder to keep; a temporary one else.")
    ] = None,
    listen: Listen = None,
    store: Store = None,
    base_port: BasePort = None,
    seed: Seed = 1,
    speed: Speed = 1.0,
    fault: FaultSpec = None,
    district: Annotated[str, typer.Option(metavar="DISTRICT", help="District to show.")] = "ciudad-maderas",
    story: Annotated[bool, typer.Option("--story/--no-story", help="Let something happen by itself.")] = True,
) -> None:
    """Show a living district: simulator, platform and a live view."""
    from barrio.demo import command

    asked = command.Asked(
        district, duration, as_json, data, listen, store, base_port, seed, speed, fault or [], story
    )
    command.demo(asked)


@app.command()
def history(  # noqa: PLR0913, PLR0917 - each is an option
    points: Annotated[list[str], typer.Argument(metavar="POINT...", help="district/device/point.")],
    start: Annotated[
        str, typer.Option("--from", metavar="TIME", help="ISO 8601, now, or an age such as -1h.")
    ] = "-1h",
    to: To = "now",
    every: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="Windows of 15m, 1h, 1d, 1mo; raw else.")
    ] = None,
    aggregate: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Such as mean,min,max,last,twmean,p95,delta,state_s.")
    ] = None,
    fill: Annotated[str | None, typer.Option(metavar="HOW", help="none, null, previous or linear.")] = None,
    quality: Annotated[str | None, typer.Option(metavar="WHICH", help="good, uncertain or all.")] = None,
    tz: Annotated[str | None, typer.Option(metavar="ZONE", help="Time zone; the district's else.")] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="table, spark, json or csv.")
    ] = "table",
    data: Data = None,
    store: Store = None,
    district: District = None,
) -> None:
    """Show what points said before."""
    from barrio.commands import ask

    query = {"point": points, "from": start, "to": to, "every": every, "aggregate": aggregate, "tz": tz}
    query |= {"fill": fill, "quality": quality}
    typer.echo(ask.past(settings_of(data=data, store=store), district or [], query, form))


@app.command()
def latest(
    point: Annotated[
        str | None, typer.Argument(metavar="[POINT]", help="Point, district/device or district.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
    store: Store = None,
    district: District = None,
) -> None:
    """Show the newest reading of points."""
    from barrio.commands import ask

    typer.echo(ask.latest(settings_of(data=data, store=store), district or [], point, machine=as_json))


@app.command()
def why(
    point: Annotated[str, typer.Argument(metavar="POINT", help="district/device/point.")],
    as_json: AsJson = False,
    data: Data = None,
    store: Store = None,
    district: District = None,
) -> None:
    """Say why a point has no value now, step by step along the way of a reading."""
    from barrio.commands import ask

    typer.echo(ask.why(settings_of(data=data, store=store), district or [], point, machine=as_json))


@app.command()
def status(
    as_json: AsJson = False, data: Data = None, store: Store = None, district: District = None
) -> None:
    """Show links, books and alarms."""
    from barrio.commands import ask

    typer.echo(ask.status(settings_of(data=data, store=store), district or [], machine=as_json))


@app.command()
def gaps(
    point: Annotated[
        str | None, typer.Argument(metavar="[POINT]", help="Point, district/device or district.")
    ] = None,
    start: Since = "-1d",
    to: To = "now",
    worst: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000, help="The N points that miss most of it.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
    store: Store = None,
    district: District = None,
) -> None:
    """Show when points were not heard, and why."""
    from barrio.commands import ask
    from barrio.commands import completeness as command

    query = {"point": point, "from": start, "to": to, "worst": worst}
    show = ask.gaps if worst is None else command.worst
    typer.echo(show(settings_of(data=data, store=store), district or [], query, machine=as_json))


@app.command()
def events(
    start: Since = "-1d",
    to: To = "now",
    as_json: AsJson = False,
    data: Data = None,
    store: Store = None,
    district: District = None,
) -> None:
    """Show what devices reported of themselves."""
    from barrio.commands import ask

    query = {"from": start, "to": to}
    typer.echo(ask.events(settings_of(data=data, store=store), district or [], query, machine=as_json))


@app.command()
def conditions(
    as_json: AsJson = False, data: Data = None, store: Store = None, district: District = None
) -> None:
    """Show the alarms of devices that are active or wait for an acknowledgement."""
    from barrio.commands import ask

    typer.echo(ask.conditions(settings_of(data=data, store=store), district or [], machine=as_json))


@app.command()
def acknowledge(
    condition: Annotated[int, typer.Argument(metavar="CONDITION", help="Number from barrio conditions.")],
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Goes to the device.")] = "",
    who: Who = None,
    data: Data = None,
) -> None:
    """Acknowledge an alarm at its device."""
    from barrio.commands import ask

    typer.echo(ask.acknowledge(settings_of(data=data), condition, who_asks(who), comment))


@app.command()
def explain(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="For example modbus.")],
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="district/device.")],
    data: Data = None,
    district: District = None,
) -> None:
    """Show how a device is read: requests, their points and cost, what was learned."""
    from barrio.commands import device as command

    typer.echo(command.explain(settings_of(data=data), district or [], protocol, device))


@app.command()
def discover(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="For example opcua or modbus.")],
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="As in devices.yaml.")],
    option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="As in a profile's options; several times.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the draft there, not here.")] = None,
    data: Data = None,
) -> None:
    """Look at a device and draft a profile for it."""
    from barrio.commands import device as command

    text, remarks = command.discover(settings_of(data=data), protocol, endpoint, option or [])
    for remark in remarks:
        typer.echo(remark, err=True)
    if out is None:
        typer.echo(text, nl=False)
    else:
        command.write_draft(out, text)
        typer.echo(f"{out}: choose what is marked, then barrio check", err=True)


@app.command()
def certs(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="opcua.")],
    host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Name or address of this machine; several times."),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="How long a new certificate holds.")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="Make a new one in place of the old.")] = False,
    trust: Annotated[
        str | None, typer.Option(metavar="THUMBPRINT", help="Trust a server that was rejected.")
    ] = None,
    untrust: Annotated[str | None, typer.Option(metavar="THUMBPRINT", help="Trust it no more.")] = None,
    data: Data = None,
) -> None:
    """Make our own certificate, show all of them, and say whose we trust."""
    from barrio.commands import certs as command

    asked = command.Asked(tuple(host or ()), days, renew, trust, untrust)
    for line in command.certs(settings_of(data=data), protocol, asked):
        typer.echo(line)


@app.command()
def new(
    what: Annotated[str, typer.Argument(metavar="connector", help="What to begin: connector.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="As profiles will write it.")],
    folder: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write it; here else.")] = None,
) -> None:
    """Write a working folder for a connector, with tests that pass."""
    from barrio.commands import new as command
    from barrio.errors import AskError

    if what != "connector":
        raise AskError("WHAT", f"barrio can begin a connector, found {what!r}")
    for line in command.connector(name, folder):
        typer.echo(line)


@app.command()
def connectors(as_json: AsJson = False) -> None:
    """List the protocols that are installed."""
    from barrio.commands import connectors as command

    typer.echo(command.listed(machine=as_json))


cli_access.add(app)
cli_alarms.add(app)
cli_commands.add(app)
cli_console.add(app)
cli_dashboards.add(app)
cli_export.add(app)
cli_graph.add(app)
cli_init.add(app)
cli_intervals.add(app)
cli_notify.add(app)
cli_openapi.add(app)
cli_past.add(app)
cli_provision.add(app)
cli_rollup.add(app)
cli_services.add(app)


def main() -> None:
    """Run the command line; the one place where an error becomes words and an exit code."""
    try:
        app()
    except ConfigError as error:
        sys.exit(_said(str(error)))
    except BarrioError as error:
        sys.exit(_said("\n".join(f"barrio: {line}" for line in str(error).splitlines())))


def _said(words: str) -> int:
    """Show an error without what a terminal would act upon: some of its words are a device's, or a file's."""
    from barrio.terminal import plain

    sys.stderr.write(plain(f"{words}\n", keep="\n"))
    return WRONG_INPUT
