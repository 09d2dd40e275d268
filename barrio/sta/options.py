"""Query options (18-088, 9.3) as they are written, taken apart and bounded; names are checked where they are used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from barrio.errors import AskError
from barrio.sta.entities import ID_NAMES, KINDS, LINK_NAMES, Kind
from barrio.sta.limits import (
    DEEPEST_EXPAND,
    LONGEST_OPTION,
    MOST_EXPANDED,
    MOST_ORDERS,
    MOST_SKIPPED,
    MOST_TOP,
)
from barrio.sta.parser import parse_filter
from barrio.sta.syntax import Node, Path
from twin.model.source import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAMES = (
    "$filter",
    "$expand",
    "$select",
    "$orderby",
    "$top",
    "$skip",
    "$count",
    "$resultFormat",
    "$skiptoken",
)
_INNER = {one.lower(): one for one in NAMES if one not in {"$resultFormat", "$skiptoken"}}
_DIGITS = re.compile(r"[0-9]{1,18}")
_TOKEN = re.compile(r"([0-9]{1,19})\.([0-9]{1,10})")
_DATA_ARRAY = "dataArray"


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order."""

    path: Path
    descending: bool


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of a collection or an entity. `after` is where the page before this one ended: time and series."""

    filter: Node | None = None
    expand: Mapping[str, Options] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    orderby: tuple[Order, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    data_array: bool = False
    after: tuple[int, int] | None = None
    written: Mapping[str, str] = field(default_factory=dict)
    """The options as they were written, for links to the next page."""


def parse_options(given: Mapping[str, str], kind: Kind) -> Options:
    """Return the options of a request for entities of a type; AskError for what cannot be."""
    for name, text in given.items():
        if len(text) > LONGEST_OPTION:
            raise AskError(name, f"has {len(text):,} characters, at most {LONGEST_OPTION:,} are taken")
    found = _options(given, kind, 0)
    if sum(1 for _ in _expanded(found)) > MOST_EXPANDED:
        raise AskError("$expand", f"at most {MOST_EXPANDED} relations are expanded at once")
    return found


def _expanded(options: Options) -> Iterator[Options]:
    for one in options.expand.values():
        yield one
        yield from _expanded(one)


def _options(given: Mapping[str, str], kind: Kind, depth: int) -> Options:
    return Options(
        filter=parse_filter(given["$filter"]) if "$filter" in given else None,
        expand=_expand(given.get("$expand", ""), kind, depth),
        select=_select(given.get("$select"), kind),
        orderby=tuple(_orderby(given.get("$orderby", ""))),
        top=_whole("$top", given["$top"], MOST_TOP) if "$top" in given else None,
        skip=_whole("$skip", given.get("$skip", "0"), MOST_SKIPPED),
        count=_truth("$count", given.get("$count", "false")),
        data_array=_is_data_array(given.get("$resultFormat"), kind),
        after=_after(given.get("$skiptoken")),
        written=dict(given),
    )


def _expand(text: str, kind: Kind, depth: int) -> Mapping[str, Options]:
    if not text.strip():
        return {}
    if depth >= DEEPEST_EXPAND:
        raise AskError("$expand", f"is nested more than {DEEPEST_EXPAND} deep")
    found: dict[str, Options] = {}
    for item in split(text, ",", "$expand"):
        head, inner = _head(item.strip())
        name, slash, rest = head.partition("/")
        if name not in kind.relations:
            near = suggest(name, list(kind.relations))
            raise AskError("$expand", f"{kind.name} have no relation {name[:60]!r}{near}")
        target = KINDS[kind.relations[name].target]
        # `Datastreams/Observations` is short for `Datastreams($expand=Observations)`.
        given = {"$expand": f"{rest}({inner})" if inner else rest} if slash else dict(_inner(inner))
        options = _options(given, target, depth + 1)
        earlier = found.get(name)
        found[name] = options if earlier is None else _both(earlier, options)
    return found


def _both(one: Options, other: Options) -> Options:
    """Return the options of a relation that is named twice, as `A/B,A/C` does."""
    expand = {**one.expand, **other.expand}
    return Options(
        filter=one.filter or other.filter,
        expand=expand,
        select=one.select or other.select,
        orderby=one.orderby or other.orderby,
        top=other.top if one.top is None else one.top,
        skip=one.skip or other.skip,
        count=one.count or other.count,
        written={**other.written, **one.written},
    )


def _head(item: str) -> tuple[str, str]:
    """Return a relation and what stands in the parentheses behind it."""
    name, opened, rest = item.partition("(")
    if opened and not rest.endswith(")"):
        raise AskError("$expand", f"{item[:40]!r} has no closing parenthesis at its end")
    return name.strip(), rest[:-1] if opened else ""


def _inner(text: str) -> Iterator[tuple[str, str]]:
    for part in split(text, ";", "$expand") if text.strip() else ():
        name, equals, value = part.strip().partition("=")
        known = _INNER.get(name.lower())
        if known is None or not equals:
            near = suggest(name, list(_INNER.values()))
            raise AskError("$expand", f"there is no option {name[:40]!r} within parentheses{near}")
        yield known, value


def _select(text: str | None, kind: Kind) -> tuple[str, ...]:
    if text is None:
        return ()
    known = (*ID_NAMES, *LINK_NAMES, *kind.properties, *kind.relations)
    names = [one.strip() for one in text.split(",")]
    for name in names:
        if name not in known:
            raise AskError(
                "$select", f"{kind.name} have no property {name[:60]!r}{suggest(name, list(known))}"
            )
    return tuple(dict.fromkeys(names))


def _orderby(text: str) -> Iterator[Order]:
    parts = split(text, ",", "$orderby") if text.strip() else []
    if len(parts) > MOST_ORDERS:
        raise AskError("$orderby", f"at most {MOST_ORDERS} keys are taken, found {len(parts)}")
    for part in parts:
        words = part.split()
        descending = len(words) == 2 and words[1].lower() == "desc"
        if len(words) not in {1, 2} or (len(words) == 2 and words[1].lower() not in {"asc", "desc"}):
            raise AskError("$orderby", f"a key is a property and asc or desc, found {part.strip()[:60]!r}")
        node = parse_filter(words[0], "$orderby")
        if not isinstance(node, Path):
            raise AskError("$orderby", f"a key is a property, found {words[0][:60]!r}")
        yield Order(node, descending)


def _whole(name: str, text: str, most: int) -> int:
    if not _DIGITS.fullmatch(text) or int(text) > most:
        raise AskError(name, f"is a whole number from 0 to {most:,}, found {text[:40]!r}")
    return int(text)


def _truth(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise AskError(name, f"is true or false, found {text[:40]!r}")
    return text == "true"


def _is_data_array(text: str | None, kind: Kind) -> bool:
    if text is None:
        return False
    if text != _DATA_ARRAY:
        raise AskError("$resultFormat", f"is {_DATA_ARRAY} or left out, found {text[:40]!r}")
    if kind.name != "Observations":
        raise AskError("$resultFormat", f"{_DATA_ARRAY} is for Observations, not for {kind.name}")
    return True


def _after(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _TOKEN.fullmatch(text)
    if found is None or int(found[1]) >= 2**63:
        raise AskError("$skiptoken", "is taken from an @iot.nextLink, and not written by hand")
    return int(found[1]), int(found[2])


def split(text: str, separator: str, option: str) -> list[str]:
    """Return the parts of a text between separators that stand outside quotes and parentheses."""
    parts, depth, begin, quoted = [], 0, 0, False
    for at, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth < 0:
                break
        elif letter == separator and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    if depth or quoted:
        raise AskError(option, "has a quote or a parenthesis without its other half")
    return [*parts, text[begin:]]
