"""Which series a panel reads, and the queries for them: one for each resolution that may answer.

`of` says what is wanted in the words of the model; `compiled` finds the points in the inventory, chooses the tags by
which a database tells them from others, and writes the guarded queries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dashboards.kit.influxql import Format, name, picked, select, value
from dashboards.kit.selection import picked_from
from dashboards.kit.steps import BUDGET, MAX_POINTS, Step, duration, on_grid, steps
from dashboards.kit.texts import Text
from twin.model.quantities import Aggregation, Quantity
from twin.resolution import ROLLUPS, Resolution

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dashboards.kit.inventory import Inventory, Seen

Fold = Literal["sum", "mean", "min", "max", "count"]
Over = Literal["time", "range", "now"]
Take = Literal["mean", "min", "max", "last", "delta", "state", "seconds", "share", "count"]

_SERIES = ("device", "point")
# Bars per day go back about so far.
_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Of:
    """What a panel reads of the history of points; made by `of`."""

    quantity: str
    by: tuple[str, ...] = ()
    fold: Fold = "mean"
    take: Take | None = None
    state: str = ""
    kind: tuple[str, ...] | None = None
    point: tuple[str, ...] | None = None
    within: str | None = None
    computed: bool | None = None
    owners: frozenset[str] | None = None
    pick: Mapping[str, str] = field(default_factory=dict)
    label: Text | None = None
    factor: float = 1.0
    over: Over = "time"
    daily: bool = False
    column: str = ""
    finest: Resolution | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A query over facts that barrio tells beside readings (`twin.facts`), or over coverage.

    `query` has `$timeFilter`; `{guard}` in it is replaced where there are several resolutions. A query about `points`,
    one line for each value of the tags `by`, is told of as `of` is: where it comes from, names of lines, links.
    """

    query: str
    form: Format = "table"
    alias: Text | None = None
    lines: str = ""
    resolutions: tuple[Resolution, ...] = (Resolution.RAW,)
    district: str | None = None
    points: tuple[Seen, ...] = ()
    by: tuple[str, ...] = ()

    def about(self, label: str) -> Compiled | None:
        """Return what it reads, None for facts that are about no points; `label` names its line."""
        if not self.points:
            return None
        alias = " ".join(f"$tag_{tag}" for tag in self.by) or label
        queries = tuple((one, self.query) for one in self.resolutions)
        return Compiled(
            queries, self.points, self.points[0].quantity, self.by, alias, 0.0, shows_states=False
        )


def of(
    quantity: str,
    *,
    by: str | Sequence[str] = (),
    fold: Fold = "mean",
    take: Take | None = None,
    kind: str | Collection[str] | None = None,
    point: str | Collection[str] | None = None,
    within: str | None = None,
    **more: object,
) -> Of:
    """Return what a panel reads: the points of a quantity, one line for each value of the tags `by`.

    Args:
        quantity: Name of a quantity of the catalogue.
        by: Tags that tell lines apart: `site`, `device`, `point`; none gives one line.
        fold: How the points of a line become one: their `sum`, `mean`, `min`, `max`, or their `count`.
        take: What of each interval: `mean` (gauges), `min`, `max`, `last`, `delta` (counters: what it grew), `state`
            (the name it had last), and for states with `state="on"`: `seconds` in it, the `share` of the time in it
            in %, or `count`: how many points are in it (on average; with `over="now"` at last). By the kind of the
            quantity when left out.
        kind: Kind of device or site, or several.
        point: Name of the point, or several, where a device has two of a quantity.
        within: Id of a site: what stands in it and in the sites within.
        more: `computed` (True: only what barrio computes, False: only what devices give), `owners` (ids), `pick`
            (`{"site": "site"}`: tag to the variable of the page that chooses it, `"=device"` one of a single value),
            `label` (Text), `factor`, `finest` (the first resolution that may answer), and `over`: `time` (a history,
            the default), `range` (one number for each line over the whole range) or `now` (one number as of now,
            without a history).
    """
    owners = more.pop("owners", None)
    return Of(
        quantity=quantity,
        by=(by,) if isinstance(by, str) else tuple(by),
        fold=fold,
        take=take,
        kind=_names(kind),
        point=_names(point),
        within=within,
        owners=None if owners is None else frozenset(owners),  # type: ignore[call-overload]
        **more,  # type: ignore[arg-type]
    )


def _names(given: str | Collection[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True, slots=True)
class Compiled:
    """The queries of one `Of`: `(resolution, query)`, what they read, and how often they make sense."""

    queries: tuple[tuple[Resolution, str], ...]
    points: tuple[Seen, ...]
    quantity: Quantity
    by: tuple[str, ...]
    alias: str
    floor_s: float
    shows_states: bool


def found(inventory: Inventory, wanted: Of) -> tuple[Seen, ...]:
    """Return the points that are wanted."""
    points = inventory.points(
        wanted.quantity, kind=wanted.kind, point=wanted.point, within=wanted.within, computed=wanted.computed
    )
    return points if wanted.owners is None else tuple(one for one in points if one.owner in wanted.owners)


def compiled(
    inventory: Inventory, wanted: Of, lang_label: str, zone: str, points: int = MAX_POINTS
) -> Compiled | None:
    """Return the queries for what is wanted, None where the district has no such point."""
    seen = found(inventory, wanted)
    if not seen:
        return None
    quantity = seen[0].quantity
    take = wanted.take or _TAKES[quantity.aggregation]
    among = inventory.points(wanted.quantity)
    where = tuple(filter(None, (picked_from(seen, among), *(picked(*one) for one in wanted.pick.items()))))
    chosen = _steps(seen, wanted, take, points)
    write = _Writer(quantity.name, wanted, take, where, _alone(seen, wanted.by), zone)
    queries = tuple((step.resolution, write.query(step)) for step in chosen)
    alias = " ".join(f"$tag_{tag}" for tag in wanted.by) or lang_label
    return Compiled(
        queries, seen, quantity, wanted.by, alias, _floor(seen, wanted, take, chosen), take == "state"
    )


def told(inventory: Inventory, wanted: Of, label: Text) -> tuple[Told, ...]:
    """Return the queries for what is wanted as such that belong to their district, for pages of several districts."""
    found = compiled(inventory, wanted, label.en, inventory.district.zone.key)
    if found is None:
        return ()
    form: Format = "table" if wanted.column else "time_series"
    district = inventory.district.id
    return tuple(
        Told(query=query, form=form, alias=label, resolutions=(one,), district=district)
        for one, query in found.queries
    )


_TAKES: dict[Aggregation, Take] = {
    Aggregation.GAUGE: "mean",
    Aggregation.COUNTER: "delta",
    Aggregation.STATE: "state",
}
_ROLLED: frozenset[Take] = frozenset({"delta", "seconds", "share", "count"})


def _steps(seen: Sequence[Seen], wanted: Of, take: Take, points: int) -> tuple[Step, ...]:
    if wanted.daily:
        return (Step(_of_days(len(seen)), None, None),)
    if wanted.over == "now":
        return (Step(Resolution.RAW, None, None),)
    finest = wanted.finest or (Resolution.QUARTER if take in _ROLLED else Resolution.RAW)
    every_s = len(seen) / sum(1 / one.every_s for one in seen)
    return steps(len(seen), every_s, finest=finest, floor_s=_least(seen, wanted, take), points=points)


def _of_days(series: int) -> Resolution:
    """Return the finest resolution whose rows of a month may be read: the day that is not over is to be near now."""
    fits = (one for one in ROLLUPS if series * _DAYS * Resolution.DAY.seconds // one.seconds <= BUDGET)
    return next(fits, Resolution.DAY)


def _least(seen: Sequence[Seen], wanted: Of, take: Take) -> float:
    """Return the shortest interval of a panel in s: in a sum every series must have spoken once.

    A point that does not move is stored only each heartbeat.
    """
    folded = not _alone(seen, wanted.by) or take == "state"
    return max(10.0, max(one.heartbeat_s for one in seen) if folded else min(one.every_s for one in seen))


def _floor(seen: Sequence[Seen], wanted: Of, take: Take, chosen: Sequence[Step]) -> float:
    first = chosen[0].resolution.seconds
    return on_grid(max(_least(seen, wanted, take), float(first)))


def _alone(seen: Sequence[Seen], by: Collection[str]) -> bool:
    """Whether each line is one series, so that nothing is to be folded."""
    groups = {tuple(tag_of(one, tag) for tag in by) for one in seen}
    return len(groups) == len(seen)


def tag_of(seen: Seen, tag: str) -> str:
    """Return the value that a tag of a point's series has."""
    return {"device": seen.owner, "site": seen.site, "point": seen.point}[tag]


_FIELDS: dict[Take, tuple[str, str]] = {
    "mean": ('mean("value")', 'mean("mean")'),
    "min": ('min("value")', 'min("min")'),
    "max": ('max("value")', 'max("max")'),
    "last": ('last("value")', 'last("last")'),
    "state": ('last("state")', 'last("last_state")'),
    "delta": ("", 'sum("delta")'),
}


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the query of one resolution; every part of it is understood by InfluxDB 1.6 to 3."""

    measurement: str
    wanted: Of
    take: Take
    where: tuple[str, ...]
    alone: bool
    zone: str

    def query(self, step: Step) -> str:
        """Return the query."""
        if self.wanted.over == "now":
            return self._now(step)
        if self.take == "share":
            return self._windows(step, '100 * sum("v") / sum("good")')
        if self.take == "seconds":
            return self._windows(step, 'sum("v")')
        if self.take == "count":
            return self._windows(step, f'mean("v") / {step.resolution.seconds}')
        return self._plain(step)

    def _plain(self, step: Step) -> str:
        raw, rolled = _FIELDS[self.take]
        column = rolled if step.resolution.seconds else raw
        if self.alone or self.take == "delta":
            return self._outer(step, column, self.measurement, self._where(step))
        series = self._groups(*_SERIES)
        zone = self._zone(step)
        inner = select(f'{column} AS "v"', self.measurement, self._where(step), by=series, tail=zone)
        return self._outer(step, f'{self.wanted.fold}("v")', f"({inner})", ("$timeFilter",))

    def _now(self, step: Step) -> str:
        column = 'last("state")' if self.take in ("state", "count") else 'last("value")'
        if self.alone and self.take != "count":
            return select(self._named(column), self.measurement, self._where(step), by=self.wanted.by)
        every = dict.fromkeys((*self.wanted.by, *_SERIES))
        inner = select(f'{column} AS "v"', self.measurement, self._where(step), by=every)
        if self.take == "count":
            return select(self._named('count("v")'), f"({inner})", (self._in_state,), by=self.wanted.by)
        return select(self._named(f'{self.wanted.fold}("v")'), f"({inner})", by=self.wanted.by)

    def _windows(self, step: Step, column: str) -> str:
        """Return what is made of seconds in a state: 0 where it did not occur, nothing where nothing was known."""
        seconds = name(f"state_s:{self.wanted.state}")
        windows = (f"time({duration(step.resolution.seconds)})", *self.wanted.by)
        both = f'sum({seconds}) AS "v", sum("good_s") AS "good"'
        inner = select(both, self.measurement, self._where(step), by=windows, fill="0", tail=self._zone(step))
        return self._outer(step, column, f"({inner})", ("$timeFilter", '"good" > 0'))

    def _outer(self, step: Step, column: str, source: str, where: tuple[str, ...]) -> str:
        # A day of which nothing came yet is there, without a value: else yesterday would stand for today.
        fill = "" if self.wanted.over != "time" else "null" if self.wanted.daily else "none"
        return select(self._named(column), source, where, by=self._groups(), fill=fill, tail=self._zone(step))

    def _where(self, step: Step) -> tuple[str, ...]:
        return ("$timeFilter", *self.where, *step.guard)

    @property
    def _in_state(self) -> str:
        return f'"v" = {value(self.wanted.state)}'

    def _groups(self, *more: str) -> tuple[str, ...]:
        """Return what is grouped by: the intervals of a history, none for one number of the whole range."""
        times = (
            ("time(1d)",)
            if self.wanted.daily
            else ("time($__interval)",)
            if self.wanted.over == "time"
            else ()
        )
        return (*times, *dict.fromkeys((*self.wanted.by, *more)))

    def _named(self, column: str) -> str:
        """Return a column with its factor, and with its name in a table."""
        factor = "" if self.wanted.factor == 1.0 else f" * {self.wanted.factor:g}"
        return column + factor + (f" AS {name(self.wanted.column)}" if self.wanted.column else "")

    def _zone(self, step: Step) -> str:
        """Days begin at the district's midnight; an inner query does not know it from the outer one.

        Not beside a variable: Grafana before 11.5.3 takes the `/` in a zone's name amiss there.
        """
        patterns = any(not one.startswith("=") for one in self.wanted.pick.values())
        fine = step.resolution.seconds < Resolution.HOUR.seconds and not self.wanted.daily
        return "" if patterns or fine or self.wanted.over != "time" else f"tz({value(self.zone)})"
