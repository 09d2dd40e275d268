"""`barrio simulate`: the field simulator of districts, until it is stopped."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from barrio.assembly import load_all, profiles_folder
from barrio.errors import AskError
from barrio.service import run_loop, stop_on_signals
from barrio.simulator.addresses import overrides, ports_of
from barrio.simulator.faults import parse_faults
from barrio.simulator.field import Field
from barrio.simulator.process import quiet_libraries
from barrio.simulator.stand_in import simulated_places
from connectors.registry import Connectors

if TYPE_CHECKING:
    from barrio.simulator.faults import Fault
    from twin.model.district import District

_HEADER = "# Where the simulator stands in. Use it with: barrio run DISTRICT --endpoints FILE\n"


def simulate(names: Sequence[str], *, base_port: int, seed: int, speed: float, faults: Sequence[str]) -> None:
    """Serve districts until SIGINT or SIGTERM; the override file goes to stdout when every server listens."""
    quiet_libraries()
    districts = load_all(names, Path(), Connectors(), profiles_folder())
    check_speed(speed)
    shown = sorted_out(faults, districts)
    fields: list[Field] = []
    port = base_port
    for district in districts:
        own = shown[district.id]
        fields.append(Field(district, base_port=port, seed=seed, speed=speed, faults=own))
        port += ports_of(district)
    run_loop(_serve(fields, override_text(districts, base_port)))


def check_speed(speed: float) -> None:
    """AskError for a speed at which no time runs; 0 lets it stand still."""
    if not 0 <= speed < math.inf:
        words = f"is a number of simulated seconds in a real one, 0 or more, found {speed:g}"
        raise AskError("--speed", words)


def sorted_out(texts: Sequence[str], districts: Sequence[District]) -> dict[str, list[Fault]]:
    """Return the faults of each district; AskError for one that fits none."""
    found: dict[str, list[Fault]] = {district.id: [] for district in districts}
    for text in texts:
        words = ""
        for district in districts:
            try:
                found[district.id] += parse_faults([text], district)
                break
            except ValueError as error:
                words = words or str(error)
        else:
            raise AskError("--fault", words)
    return found


def override_text(districts: Sequence[District], base_port: int) -> str:
    """Return one override file for all districts."""
    places = simulated_places(districts, base_port)
    merged = {peer: to for district in districts for peer, to in overrides(district, places).items()}
    return _HEADER + yaml.safe_dump({"endpoints": merged}, sort_keys=False, width=200)


async def _serve(fields: Sequence[Field], text: str) -> None:
    stop = stop_on_signals()
    async with AsyncExitStack() as stack:
        for field in fields:
            await stack.enter_async_context(field)
        for remark in filter(None, (field.remark for field in fields)):
            sys.stderr.write(f"{remark}\n")
        sys.stdout.write(text)
        sys.stdout.flush()
        await stop.wait()
