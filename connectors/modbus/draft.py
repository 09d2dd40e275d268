"""A draft of a profile from what a device answered. Pure; what registers mean is not guessed but left to choose."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.modbus.identity import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.modbus.scan import Seen
    from connectors.modbus.sunspec import Chain, Match

CHOOSE = "CHOOSE"
MOST_POINTS = 200
_MOST_RANGES = 100
_LONGEST = 160
# What many devices write where they have nothing; a register that holds one says little.
_SAYS_NOTHING = frozenset({0, 0x8000, 0xFFFF})
# Files of one machine, and what belongs to one device.
_NOT_OF_A_PROFILE = frozenset({"ca", "certificate", "key", "server_name"})


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is known of a device: its own words, its chain of SunSpec models, what its tables answered."""

    peer: str
    options: Mapping[str, object]
    texts: Mapping[int, str] = field(default_factory=dict)
    chain: Chain | None = None
    matches: Sequence[Match] = ()
    moved: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Sequence[Seen] = ()


def drafted(found: Findings) -> str:
    """Return the text of a profile: a variant of the library's where one fits, else a point for each register."""
    lines = [
        f"# A draft by `barrio discover modbus`. Say what the device is (kind), and choose where it says {CHOOSE}.",
        "profile: discovered-modbus  # name the file after it",
        *_kind(found),
        f"source: {json.dumps(f'asked at {found.peer}: {said(found) or _NOT_SAID}', ensure_ascii=False)}",
        *_options(found.options),
        *_models(found),
        *_ranges(found.tables),
        *_points(found),
    ]
    return "\n".join(lines) + "\n"


_NOT_SAID = "it does not say what it is"


def said(found: Findings) -> str:
    """Return what a device says of itself, in one line; empty where it says nothing."""
    texts = {NAMES[number]: text for number, text in found.texts.items() if number in NAMES and text}
    texts |= found.chain.texts if found.chain else {}
    return _note(", ".join(f"{name} {text}" for name, text in texts.items()))


def _kind(found: Findings) -> Iterator[str]:
    if found.matches:
        yield f"extends: {found.matches[0].profile}"
    yield "protocol: modbus"
    if not found.matches:
        yield "kind: Device  # what it is, such as ElectricityMeter"
        yield "poll: 10s"


def _options(options: Mapping[str, object]) -> Iterator[str]:
    own = {key: value for key, value in options.items() if key not in _NOT_OF_A_PROFILE}
    if own:
        yield f"options: {{{', '.join(f'{key}: {json.dumps(value, default=str)}' for key, value in own.items())}}}"
    if len(own) < len(options):
        yield "# the options for TLS belong into the device's overrides"


def _models(found: Findings) -> Iterator[str]:
    if found.chain is None:
        return
    yield f"# SunSpec models from holding:{found.chain.base} on:"
    profiles = {match.model: match.profile for match in found.matches}
    for model in found.chain.models:
        known = f": {profiles[model]}" if model in profiles else ""
        yield f"#   model {model.number}, holding:{model.start} to {model.stop - 1}{known}"


def _ranges(tables: Sequence[Seen]) -> Iterator[str]:
    """Say what answered; the ends are exact to the register unless the scan was cut short."""
    for seen in tables:
        if seen.words:
            yield f"# {seen.table}: {_note(seen.words)}"
        for first, after in seen.ranges[:_MOST_RANGES]:
            yield f"# {seen.table}:{first} to {after - 1} answers"


def _points(found: Findings) -> Iterator[str]:
    if found.matches:
        points = [f"  {name}: {_flow(keys)}" for name, keys in found.moved.items()]
        if points:
            yield "points:"
            yield from points
        return
    points = list(_by_address(found))
    yield "points:" if points else "points: {}"
    yield from points[:MOST_POINTS]
    if len(points) > MOST_POINTS:
        yield f"  # and {len(points) - MOST_POINTS} more"


def _by_address(found: Findings) -> Iterator[str]:
    for seen in found.tables:
        inside = range(found.chain.base, found.chain.stop) if found.chain and _is_holding(seen) else range(0)
        speaking = [at for at, value in sorted(seen.values.items()) if value not in _SAYS_NOTHING]
        for at in (at for at in speaking if at not in inside):
            keys = {"quantity": CHOOSE, "register": f"{seen.table}:{at}"}
            yield f"  {seen.table}_{at}: {_flow(keys)}  # was {_shown(seen, at)}"
        if not speaking and seen.values:
            first = min(seen.values)
            keys = {"quantity": CHOOSE, "register": f"{seen.table}:{first}"}
            yield f"  {seen.table}_{first}: {_flow(keys)}  # was {seen.values[first]}, as all others say nothing"


def _is_holding(seen: Seen) -> bool:
    return seen.table.value == "holding"


def _shown(seen: Seen, at: int) -> str:
    """Return what a register held, with the readings of it and the next that a person would try."""
    value = seen.values[at]
    if seen.table.of_bits:
        return str(value)
    also = [f"0x{value:04X}"] + ([f"{value - 0x10000}"] if value & 0x8000 else [])
    following = seen.values.get(at + 1)
    if following is not None:
        for order, words in (("ABCD", (value, following)), ("CDAB", (following, value))):
            (number,) = struct.unpack(">f", struct.pack(">HH", *words))
            if math.isfinite(number) and 1e-3 <= abs(number) < 1e7:
                also.append(f"with the next float32 {order} {number:.6g}")
    return f"{value} ({', '.join(also)})"


def _flow(keys: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {_value(key, value)}" for key, value in keys.items()) + "}"


def _value(key: str, value: str) -> str:
    return value if key == "quantity" else json.dumps(value)


def _note(text: str) -> str:
    """Return `text` in one line of what a terminal shows, without what begins a comment."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
