"""`python -m barrio.simulator DISTRICT`: what `barrio simulate` and `barrio demo` run in a process of its own."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from barrio.assembly import district_folder, profiles_folder
from barrio.simulator.faults import parse_faults
from barrio.simulator.field import Field
from barrio.simulator.process import quiet_libraries, serve
from connectors.registry import Connectors
from twin.errors import BarrioError
from twin.model.loader import load_district

if TYPE_CHECKING:
    from collections.abc import Sequence

WRONG_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator; returns the exit code: 0 when it was stopped, 2 when it could not start."""
    options = _parser().parse_args(arguments)
    quiet_libraries()
    gc.disable()  # until it serves: half a second of the start would go into looking for garbage that is none
    try:
        field = _field(options)
        uvloop.run(serve(field, parent=options.parent))
    except (BarrioError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return WRONG_INPUT
    return 0


def _field(options: argparse.Namespace) -> Field:
    folder = district_folder(options.district, Path.cwd())
    district = load_district(folder, Connectors(), [*options.profiles, profiles_folder()])
    return Field(
        district,
        base_port=options.base_port,
        host=options.host,
        seed=options.seed,
        speed=options.speed,
        faults=parse_faults(options.fault, district),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m barrio.simulator", description=__doc__)
    parser.add_argument("district", help="folder of a district, or the name of one that comes with barrio")
    parser.add_argument(
        "--base-port", type=int, default=21_000, help="first port; each network peer takes one"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same values")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds in one real second")
    parser.add_argument("--fault", action="append", default=[], help="KIND:TARGET[@START][+DURATION][=ARG]")
    parser.add_argument(
        "--profiles", action="append", type=Path, default=[], help="a further folder of profiles"
    )
    parser.add_argument("--parent", type=int, default=None, help="process id to stop with")
    return parser


if __name__ == "__main__":
    sys.exit(main())
