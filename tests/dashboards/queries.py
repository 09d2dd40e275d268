"""What a query says, read from its text: guards of resolutions, time bounds, the names that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dashboards.kit.names import source_uid
from dashboards.preview.interpolate import duration_ms
from twin.facts import COVERAGE, MEASUREMENTS
from twin.model.computed import computed_points
from twin.model.district import District
from twin.model.quantities import Aggregation, Quantity
from twin.resolution import Resolution

LITERAL = re.compile(r"'(?:\\.|[^'\\])*'")
PATTERN = re.compile(r"(?:(?<=~ )|(?<=FROM ))/(?:\\.|[^/\\])*/")
_NAME = re.compile(r'"((?:\\.|[^"\\])*)"')
_GUARD = re.compile(r"\b(\d+(?:ms|[smhdw])) (<|>=) (\d+(?:ms|[smhdw]))\b")
_FROM = re.compile(r'FROM (/x/|"[^"]+"(?:, ?"[^"]+")*)')
ANY = "/x/"
"""Stands for a measurement that an expression picks."""
TAGS = ("district", "site", "device", "point")
ROLLED = {
    Aggregation.GAUGE: ("mean", "min", "max", "last", "count", "good_s"),
    Aggregation.COUNTER: ("delta", "last", "count", "good_s"),
    Aggregation.STATE: ("last_state", "count", "good_s"),
}


def is_let_through(query: str) -> bool:
    """Return whether the guards of a query that Grafana has filled in hold."""
    return all(
        (duration_ms(one) < duration_ms(other)) is (sign == "<") for one, sign, other in _GUARD.findall(query)
    )


def reads(query: str, *, whole: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each measurement with what stands behind it, up to the end of its own SELECT.

    Texts and expressions in it are replaced, unless it is wanted `whole`.
    """
    plain = query if whole else PATTERN.sub("/x/", LITERAL.sub("'x'", query))
    for match in _FROM.finditer(plain):
        depth, end = 0, match.end()
        while end < len(plain) and depth >= 0:
            depth += {"(": 1, ")": -1}.get(plain[end], 0)
            end += 1
        for name in _NAME.findall(match[1]) or [ANY]:
            yield name, plain[match.end() : end]


def names(query: str) -> set[str]:
    """Return all identifiers of a query but measurements and what it names itself."""
    plain = PATTERN.sub("/x/", LITERAL.sub("'x'", query))
    own = set(re.findall(r'AS "((?:\\.|[^"\\])*)"', plain))
    return {one for one in _NAME.findall(plain) if one not in own} - set(
        _NAME.findall(" ".join(_FROM.findall(plain)))
    )


@dataclass(frozen=True)
class Declared:
    """What the twin stores of a district: measurements, their tags and fields, by resolution."""

    quantities: Mapping[str, Quantity]
    points: Mapping[str, frozenset[str]]

    def columns(self, measurement: str, resolution: Resolution) -> set[str] | None:
        """Return tags and fields of a measurement in a database, None where it is not there."""
        if measurement == ANY:
            return {column for name in self.quantities for column in self.columns(name, resolution) or ()}
        if measurement in MEASUREMENTS:
            told = MEASUREMENTS[measurement]
            here = (resolution is not Resolution.RAW) is (told is COVERAGE)
            return {"time", *told.tags, *told.fields} if here else None
        quantity = self.quantities.get(measurement)
        if quantity is None:
            return None
        if resolution is Resolution.RAW:
            value = "state" if quantity.aggregation is Aggregation.STATE else "value"
            return {"time", *TAGS, value, "quality", "received", "device_time"}
        seconds = {f"state_s:{one}" for one in self.points[measurement]}
        return {"time", *TAGS, *ROLLED[quantity.aggregation], *seconds}


def declared(district: District) -> Declared:
    """Return what the twin stores of a district."""
    points = [point for _, point in district.points()] + [point for _, point in computed_points(district)]
    states: dict[str, set[str]] = {}
    for point in points:
        names_of = {str(one) for one in (*point.states.values(), *point.quantity.states)}
        states.setdefault(point.quantity.name, set()).update(names_of)
    quantities = {point.quantity.name: point.quantity for point in points}
    return Declared(quantities, {name: frozenset(found) for name, found in states.items()})


def resolution_of(uid: str, district: str) -> Resolution:
    """Return the resolution of a data source; KeyError for one that is none of the district's."""
    return {source_uid(district, one): one for one in Resolution}[uid]
