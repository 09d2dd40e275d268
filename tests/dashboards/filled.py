"""A database for a small district, filled by hand, and queries put to it as Grafana does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx

from dashboards.kit.names import source_uid
from dashboards.preview.interpolate import interpolate, panel_interval
from dashboards.preview.span import Span
from twin.resolution import Resolution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dashboards.kit.series import Told
    from twin.model.district import District

Row = tuple[datetime, str, Any]
"""Local time of a value, the tags of its series (`device=…`), and the value: a number, the name of a state, or None."""


@dataclass
class Filled:
    """The databases of a district on a real InfluxDB; `lines` are written by `flush`, or before the next question."""

    url: str
    district: District
    lines: dict[Resolution, list[str]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The clock of the district."""
        return self.district.zone

    @property
    def sources(self) -> dict[Resolution, str]:
        """The uid of the data source of each resolution."""
        return {one: source_uid(self.district.id, one) for one in Resolution}

    def put(
        self,
        path: str,
        when: datetime,
        resolution: Resolution = Resolution.RAW,
        **fields: float | str,
    ) -> None:
        """Write a row of the point `owner/name`; `when` is on the district's clock."""
        owner, _, point = path.partition("/")
        device = self.district.devices[owner]
        quantity = device.points[point].quantity.name
        tags = f"district={self.district.id},site={device.site},device={owner},point={point}"
        self.line(f"{quantity},{tags}", when, resolution, fields)

    def line(
        self, series: str, when: datetime, resolution: Resolution, fields: Mapping[str, float | str]
    ) -> None:
        """Write a row of any series."""
        written = ",".join(
            f'{key}="{value}"' if isinstance(value, str) else f"{key}={float(value)!r}"
            for key, value in fields.items()
        )
        ns = int(when.replace(tzinfo=self.zone).timestamp()) * 1_000_000_000
        self.lines.setdefault(resolution, []).append(f"{series} {written} {ns}")

    def flush(self) -> None:
        """Write all that was put."""
        for resolution in Resolution:
            database = resolution.database(self.district.id)
            _post(self.url, "/query", {}, f'q=CREATE DATABASE "{database}"')
            if lines := self.lines.pop(resolution, []):
                answer = httpx.post(
                    f"{self.url}/write", params={"db": database}, content="\n".join(lines), trust_env=False
                )
                assert answer.status_code == 204, answer.text

    def ask(self, told: Iterable[Told], start: datetime, stop: datetime, points: int = 300) -> list[Row]:
        """Return the rows that come of queries over a time on the district's clock."""
        span = Span(*(int(one.replace(tzinfo=self.zone).timestamp() * 1000) for one in (start, stop)))
        interval = panel_interval(span, points)
        found: list[Row] = []
        for one in told:
            (resolution,) = one.resolutions
            found += self.rows(interpolate(one.query, span, interval), resolution)
        return found

    def rows(self, query: str, resolution: Resolution = Resolution.RAW) -> list[Row]:
        """Return the rows of a query as it is."""
        self.flush()
        params = {"db": resolution.database(self.district.id), "epoch": "ms"}
        body = httpx.post(f"{self.url}/query", params=params, data={"q": query}, trust_env=False).json()
        (result,) = body["results"]
        assert "error" not in result, (result, query)
        return [
            (self._when(row[0]), _tags(series, row), row[1])
            for series in result.get("series", ())
            for row in series["values"]
        ]

    def _when(self, ms: int) -> datetime:
        return (
            (datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(milliseconds=ms))
            .astimezone(self.zone)
            .replace(tzinfo=None)
        )


def _tags(series: dict[str, Any], row: list[Any]) -> str:
    further = dict(zip(series["columns"][2:], row[2:], strict=True))
    return ",".join(f"{key}={value}" for key, value in {**series.get("tags", {}), **further}.items())


def _post(url: str, path: str, params: dict[str, str], content: str) -> None:
    answer = httpx.post(
        f"{url}{path}",
        params=params,
        content=content,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
