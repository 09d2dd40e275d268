"""The shortest condition on tags that picks some series of a measurement and none of the others.

What a panel is about is known from the model: these meters, not those. A series has only the tags `site`, `device` and
`point`, and a query should stay readable and short however many devices there are. So the condition names points where
that is enough, then sites, then the shape of ids (`lamp-[0-9]+`), and single devices only where nothing else tells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dashboards.kit.influxql import name, one_of, shape, value

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from dashboards.kit.inventory import Seen

_FEW = 12


def picked_from(wanted: Sequence[Seen], among: Sequence[Seen]) -> str:
    """Return the condition on tags that holds for the points wanted and for no other of those among which they are.

    All have one quantity; the condition is empty where all are wanted.
    """
    paths = {seen.path for seen in wanted}
    others = [seen for seen in among if seen.path not in paths]
    if not others:
        return ""
    parts: dict[str, list[str]] = {}
    for point in dict.fromkeys(seen.point for seen in wanted):
        of_point = _of(wanted, point)
        parts.setdefault(_told(of_point, _of(others, point)), []).append(point)
    conditions = [
        one_of("point", points) + (f" AND {more}" if more else "") for more, points in parts.items()
    ]
    return conditions[0] if len(conditions) == 1 else f"({' OR '.join(f'({one})' for one in conditions)})"


def _of(points: Sequence[Seen], point: str) -> list[Seen]:
    return [seen for seen in points if seen.point == point]


def _told(wanted: Sequence[Seen], others: Sequence[Seen]) -> str:
    """Return what tells points of one name apart; empty where there are no others."""
    if not others:
        return ""
    sites, foreign = _ordered(wanted, "site"), _ordered(others, "site")
    if not set(sites) & set(foreign) and min(len(sites), len(foreign)) <= _FEW:
        return _fewer("site", sites, foreign)
    devices, strangers = _ordered(wanted, "owner"), _ordered(others, "owner")
    if min(len(devices), len(strangers)) > _FEW:
        if mine := _shapes(devices, strangers):
            return f'"device" =~ {mine}'
        if theirs := _shapes(strangers, devices):
            return f'"device" !~ {theirs}'
    return _fewer("device", devices, strangers)


def _shapes(devices: Sequence[str], others: Sequence[str]) -> str:
    """Return a regular expression that fits these ids and none of the others; empty where there is no short one."""
    shapes = dict.fromkeys(map(shape, devices))
    text = f"^({'|'.join(shapes)})$"
    fits = re.compile(text)
    return "" if len(shapes) > _FEW or any(map(fits.search, others)) else f"/{text}/"


def _ordered(points: Sequence[Seen], attribute: str) -> list[str]:
    return list(dict.fromkeys(getattr(seen, attribute) for seen in points))


def _fewer(tag: str, yes: Collection[str], no: Collection[str]) -> str:
    """Return the condition that a tag is one of these or, where they are fewer, none of those."""
    if len(yes) <= len(no):
        return one_of(tag, yes)
    return " AND ".join(f"{name(tag)} != {value(one)}" for one in no)
