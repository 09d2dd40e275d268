"""Ask an InfluxDB what the panels of a dashboard would ask it, as Grafana does, and note how long each answer took."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from zoneinfo import ZoneInfo

import httpx

from dashboards.preview.frames import Frame, frames_of
from dashboards.preview.interpolate import (
    DEFAULT_POINTS,
    Value,
    chosen,
    interpolate,
    panel_interval,
    with_variables,
)
from dashboards.preview.span import Span, moment, panel_span
from twin.outgoing import terms

Panel = dict[str, Any]
MIXED = "-- Mixed --"
OTHER_PANEL = "-- Dashboard --"
OF_GRAFANA = frozenset({"-- Grafana --", "grafana", ""})
_PIXELS_A_COLUMN = 70


@dataclass(frozen=True, slots=True)
class Source:
    """Where a data source leads: a database of an InfluxDB, and the credentials; `least` is its `timeInterval`."""

    url: str
    database: str
    user: str = ""
    secret: str = field(default="", repr=False)
    least: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one query. `error` is "" where nothing went wrong; `query` is what the database got."""

    ref: str
    source: str
    query: str
    frames: tuple[Frame, ...]
    error: str
    seconds: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not any(frame.has_values for frame in self.frames)


@dataclass(frozen=True, slots=True)
class AskedPanel:
    """A panel, the time that it shows, `$__interval` in ms, and its answers."""

    panel: Panel
    span: Span
    interval_ms: int
    answers: tuple[Answer, ...]

    @property
    def frames(self) -> list[Frame]:
        """All that its queries gave."""
        return [frame for answer in self.answers for frame in answer.frames]


@dataclass(frozen=True, slots=True)
class AskedDashboard:
    """A dashboard with everything that it asks for."""

    json: Mapping[str, Any]
    span: Span
    zone: ZoneInfo
    variables: Mapping[str, Value]
    panels: tuple[AskedPanel, ...]
    annotations: tuple[tuple[str, Answer], ...]


_DENIED = (401, 403)


class Asker:
    """Puts queries to the InfluxDB behind each data source; `sources` by uid. Close it when done."""

    def __init__(self, sources: Mapping[str, Source], timeout_s: float = 30.0) -> None:
        self.sources = sources
        self._client = httpx.Client(timeout=timeout_s, **terms())

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, uid: str, query: str, target: Mapping[str, Any], interval_ms: int) -> Answer:
        """Send one query that is ready to be sent; what goes wrong is said in the answer."""
        ref = str(target.get("refId", ""))
        source = self.sources.get(uid)
        if source is None:
            return Answer(ref, uid, query, (), f"there is no data source {uid!r}", 0.0)
        begun = time.perf_counter()
        series, error = self._series(source, query)
        seconds = time.perf_counter() - begun
        return Answer(ref, uid, query, tuple(frames_of(series, target, interval_ms)), error, seconds)

    def _series(self, source: Source, query: str) -> tuple[list[dict[str, Any]], str]:
        access = httpx.BasicAuth(source.user or "barrio", source.secret) if source.secret else httpx.Auth()
        try:
            answer = self._client.post(
                f"{source.url.rstrip('/')}/query",
                params={"db": source.database, "epoch": "ms"},
                data={"q": query},
                auth=access,
            )
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return [], f"{source.url} does not answer as an InfluxDB does: {error}"
        found = (
            body.get("error") or body.get("message", "") if isinstance(body, dict) else "it is not an object"
        )
        results = body.get("results") if not found else None
        if answer.status_code in _DENIED or not (found or results):
            return [], f"answered {answer.status_code}: {found}".removesuffix(": ")
        if not answer.is_success or not results:
            return [], found
        return results[0].get("series", []), results[0].get("error", "")


def ask(
    dashboard: Mapping[str, Any],
    asker: Asker,
    now_ms: int,
    start: str = "",
    stop: str = "",
    values: Mapping[str, Value] | None = None,
) -> AskedDashboard:
    """Ask all that a dashboard asks for; without `start` and `stop` for the time that it opens with.

    `values` stand for variables instead of what is chosen at first.
    """
    zone = zone_of(dashboard)
    shown = dashboard.get("time", {})
    span = Span(
        moment(start or shown.get("from", "now-6h"), now_ms, zone),
        moment(stop or shown.get("to", "now"), now_ms, zone, round_up=True),
    )
    variables = {**chosen(dashboard), **(values or {})}
    panels = {
        id(panel): ask_panel(panel, asker, panel_span(panel, span, now_ms, zone), variables)
        for panel in panels_of(dashboard)
    }
    by_id = {one.panel.get("id"): one for one in panels.values()}
    return AskedDashboard(
        dashboard,
        span,
        zone,
        variables,
        tuple(_borrowed(one, by_id) for one in panels.values()),
        tuple(_annotations(dashboard, asker, span, variables)),
    )


def zone_of(dashboard: Mapping[str, Any]) -> ZoneInfo:
    """Return the time zone of a dashboard, UTC where it says `browser` or nothing."""
    name = str(dashboard.get("timezone") or "")
    return ZoneInfo("UTC" if name in ("", "browser", "utc") else name)


def panels_of(dashboard: Mapping[str, Any]) -> Iterator[Panel]:
    """Yield every panel, those inside collapsed rows too, rows themselves not."""
    for panel in dashboard.get("panels", ()):
        if panel.get("type") == "row":
            yield from panel.get("panels", ())
        else:
            yield panel


def source_of(panel: Panel, target: Mapping[str, Any], variables: Mapping[str, Value]) -> str:
    """Return the uid of the data source that a query goes to; "" where none is named."""
    for one in (target.get("datasource"), panel.get("datasource")):
        uid = one.get("uid") if isinstance(one, Mapping) else one
        if uid and uid != MIXED:
            return with_variables(str(uid), variables)
    return ""


def interval_of(panel: Panel, span: Span, sources: Mapping[str, Source]) -> int:
    """Return `$__interval_ms` of a panel as the browser computes it."""
    points = panel.get("maxDataPoints") or panel.get("gridPos", {}).get("w", 24) * _PIXELS_A_COLUMN
    own = panel.get("datasource")
    uid = own.get("uid", "") if isinstance(own, Mapping) else ""
    source = sources.get(uid)
    least = str(panel.get("interval") or (source.least if source is not None else ""))
    return panel_interval(span, int(points), least)


def ask_panel(panel: Panel, asker: Asker, span: Span, variables: Mapping[str, Value]) -> AskedPanel:
    """Ask what one panel asks for."""
    interval_ms = interval_of(panel, span, asker.sources)
    answers = []
    for target in panel.get("targets", ()):
        uid = source_of(panel, target, variables)
        if target.get("hide") or uid in OF_GRAFANA or uid == OTHER_PANEL:
            continue
        query = interpolate(str(target.get("query", "")), span, interval_ms, variables)
        titled = {**target, "alias": with_variables(str(target.get("alias") or ""), variables)}
        answers.append(asker.ask(uid, query, titled, interval_ms))
    return AskedPanel(panel, span, interval_ms, tuple(answers))


def _borrowed(one: AskedPanel, by_id: Mapping[Any, AskedPanel]) -> AskedPanel:
    """Give a panel on the data source "-- Dashboard --" what the panel that it names has got."""
    lenders = [
        by_id[target["panelId"]]
        for target in one.panel.get("targets", ())
        if source_of(one.panel, target, {}) == OTHER_PANEL and target.get("panelId") in by_id
    ]
    answers = one.answers + tuple(answer for lender in lenders for answer in lender.answers)
    return AskedPanel(one.panel, one.span, one.interval_ms, answers)


def _annotations(
    dashboard: Mapping[str, Any], asker: Asker, span: Span, variables: Mapping[str, Value]
) -> Iterator[tuple[str, Answer]]:
    interval_ms = panel_interval(span, DEFAULT_POINTS)
    for one in dashboard.get("annotations", {}).get("list", ()):
        uid = source_of({}, one, variables)
        target = one.get("target") or {}
        query = str(target.get("query") or one.get("query") or "")
        if uid in OF_GRAFANA or not query or one.get("enable") is False:
            continue
        text = interpolate(query, span, interval_ms, variables)
        yield str(one.get("name", "")), asker.ask(uid, text, {**target, "resultFormat": "table"}, interval_ms)
