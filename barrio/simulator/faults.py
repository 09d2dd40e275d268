"""Faults that the simulator can be told to show, as a person writes them after `--fault`.

    KIND:TARGET[@START][+DURATION][=ARG]

    silent:cistern-a1@10s+20s             no answer, from second 10 for 20 seconds
    wrong:met-1/air_temperature=999       another value
    exception:meter-feeder-1              an answer that is an error
    frozen:cistern-a1/level               the value does not move any more
    restart:hospital-ahu-1@15s            the server behind this device stops and comes back
    fails:cabinet-1@40s+40s               silent, with everything that it feeds and controls
    drain:cistern-b1@10s+60s=150          150 % of the tank a minute run out of it, and its own filling stays shut

TARGET is a device or a device/point; times are real seconds since the simulator was ready.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import TYPE_CHECKING

from barrio.simulator.behaviour import TANKS, kind_of_device
from twin.model.spec import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from twin.model.district import Device, District, Point

RESTART_TAKES_S = 3.0
DRAIN_PERCENT_A_MINUTE = 180.0
_SUPPLY = ("feeds", "controls")
_SHAPE = "KIND:TARGET[@START][+DURATION][=ARG], for example silent:cistern-a1@10s+20s"
_MOST_PERCENT = 6_000.0
_SPEC = re.compile(
    r"(?P<kind>[a-z]+):(?P<target>[^@+=\s]+)(?:@(?P<start>[^+=\s]+))?(?:\+(?P<duration>[^=\s]+))?(?:=(?P<argument>.+))?"
)


class Kind(StrEnum):
    """What goes wrong."""

    SILENT = "silent"
    WRONG = "wrong"
    EXCEPTION = "exception"
    FROZEN = "frozen"
    RESTART = "restart"
    FAILS = "fails"
    DRAIN = "drain"


_WHOLE = frozenset({Kind.SILENT, Kind.RESTART, Kind.FAILS, Kind.DRAIN})


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `point` is None when the whole device is meant; times in real seconds since the start.

    `below` are the devices that fall silent with a device that fails.
    """

    kind: Kind
    device: str
    point: str | None
    start_s: float
    end_s: float
    argument: str | None
    below: frozenset[str] = frozenset()

    def holds(self, elapsed_s: float) -> bool:
        """Whether the fault shows at this time."""
        return self.start_s <= elapsed_s < self.end_s

    def touches(self, device: str, point: str) -> bool:
        """Whether the fault is about this point."""
        return self.device == device and self.point in {None, point}


def parse_fault(text: str, district: District) -> Fault:
    """Return the fault that a person wrote; ValueError says what was found and what was meant."""
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"fault {text!r}: expected {_SHAPE}")
    kind = _kind(text, match["kind"])
    device, _, point = match["target"].partition("/")
    _check_target(text, device, point, district)
    _check_argument(text, kind, match["target"], match["argument"], district)
    start = _seconds(text, match["start"], 0.0)
    lasts = RESTART_TAKES_S if kind is Kind.RESTART else math.inf
    return Fault(
        kind=kind,
        device=device,
        point=point or None,
        start_s=start,
        end_s=start + _seconds(text, match["duration"], lasts),
        argument=match["argument"],
        below=frozenset(district.graph.devices_below(device, _SUPPLY) if kind is Kind.FAILS else ()),
    )


def parse_faults(texts: Iterable[str], district: District) -> tuple[Fault, ...]:
    """Return all faults; ValueError for the first that is none."""
    return tuple(parse_fault(text, district) for text in texts)


def _kind(text: str, word: str) -> Kind:
    try:
        return Kind(word)
    except ValueError:
        kinds = ", ".join(Kind)
        raise ValueError(
            f"fault {text!r}: {word!r} is no kind of fault{_nearest(word, list(Kind))}; {kinds}"
        ) from None


def _check_target(text: str, device: str, point: str, district: District) -> None:
    if device not in district.devices:
        near = _nearest(device, list(district.devices))
        raise ValueError(f"fault {text!r}: {district.id} has no device {device!r}{near}")
    points = district.devices[device].points
    if point and point not in points:
        raise ValueError(f"fault {text!r}: {device} has no point {point!r}{_nearest(point, list(points))}")


def _check_argument(text: str, kind: Kind, target: str, argument: str | None, district: District) -> None:
    device, _, point = target.partition("/")
    if kind is Kind.WRONG and (argument is None or not point):
        raise ValueError(
            f"fault {text!r}: a wrong value needs a point and the value, wrong:DEVICE/POINT=VALUE"
        )
    if kind is Kind.WRONG and argument is not None:
        _check_value(text, district.devices[device].points[point], argument)
    if kind not in {Kind.WRONG, Kind.DRAIN} and argument is not None:
        raise ValueError(f"fault {text!r}: only a wrong value and a drain take =ARG, found ={argument}")
    if kind in _WHOLE and point:
        raise ValueError(f"fault {text!r}: {kind} is about a whole device, expected {kind}:DEVICE")
    if kind is Kind.DRAIN:
        _check_drain(text, district.devices[device], argument)


def _check_drain(text: str, device: Device, argument: str | None) -> None:
    if kind_of_device(device) not in TANKS:
        raise ValueError(f"fault {text!r}: only a tank can be drained, {device.id} is a {device.kind}")
    try:
        percent = DRAIN_PERCENT_A_MINUTE if argument is None else float(argument)
    except ValueError:
        percent = math.nan
    if not 0 < percent <= _MOST_PERCENT:
        raise ValueError(
            f"fault {text!r}: a drain is % of the tank a minute, up to {_MOST_PERCENT:g}, found {argument!r}"
        )


def _check_value(text: str, point: Point, argument: str) -> None:
    names = list(dict.fromkeys(point.states.values()))
    if names and argument not in names and not argument.lstrip("-").isdigit():
        place = "/".join(point.path.split("/")[1:])
        words = (
            f"{argument!r} is no state of {place}{_nearest(argument, names)}; {', '.join(names)} or a code"
        )
        raise ValueError(f"fault {text!r}: {words}")
    if not names:
        try:
            float(argument)
        except ValueError:
            raise ValueError(
                f"fault {text!r}: {argument!r} is no number, as {point.quantity.name} is"
            ) from None


def _seconds(text: str, written: str | None, otherwise: float) -> float:
    if written is None:
        return otherwise
    try:
        return parse_duration(float(written) if written.replace(".", "", 1).isdigit() else written)
    except ValueError as error:
        raise ValueError(f"fault {text!r}: {written!r} is no time, {error}") from None


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
