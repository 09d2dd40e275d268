"""The store on InfluxDB 1.x, 2.x or 3 Core.

One database (bucket) per district, named by the district's id. Writes are line protocol: `/api/v2/write` on 2.x and
3.x, `/write` on 1.x, told apart by the version that `/ping` names. Reads are InfluxQL over `/query`, which all three
have, see `twin.store.influxql`. A measurement is a quantity; see `twin.store.lineprotocol` for tags and fields.

What InfluxDB cannot do: it has no transactions, so `applied` is 0 and a replay overwrites itself. Two writes to one
(series, time) are merged field by field. So a good reading over a bad one says `quality="good"`; a bad reading over a
good one hides the value in `latest`, `raw` and `before`, but the database's own aggregates still count it.
3 Core deletes no readings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from twin.clock import Clock, SystemClock
from twin.errors import StartError
from twin.facts import COVERAGE, Fact
from twin.frame import Batch, Ids, Times, Values, empty_batch, join
from twin.quality import FIRST_BAD, Reason
from twin.resolution import Resolution
from twin.store import influx_rollups, influxql
from twin.store.history import Cells, Grid, Reader, is_gauge, is_state
from twin.store.influx_http import Access, Api, InfluxHTTP, Missing
from twin.store.lineprotocol import Encoder, clean, line_of
from twin.store.newest import Newest, settle, sort_rows
from twin.store.port import Aggregate, Series, StoreBusy, StoreDenied, StoreRefused, StoreStats, Windows
from twin.store.rollup import Rollups

MOST_SERIES = 1_000_000

_SERIES_A_QUERY = 50
_SERIES_AT_ONCE = 8
_MOST_AT_ONCE = 500
_DAY = 86_400_000_000_000
_CODES = {one.slug: one.value for one in Reason}
_OF_STATES = frozenset({Aggregate.COUNT, Aggregate.FIRST, Aggregate.LAST})

_Key = tuple[str, str, str, str]
"""Database, measurement, device, point."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query is about: no answer to it holds another measurement, series (None: any) or time."""

    database: str
    measurement: str
    series: Sequence[Series] | None
    start: int | None = None
    stop: int | None = None

    def check(self, name: str, times: Sequence[Any]) -> None:
        """Raise ValueError or TypeError for a measurement, or times, that were not asked for."""
        if name != self.measurement or {*map(type, times)} != {int}:
            raise TypeError(name)
        if (self.start is not None and min(times) < self.start) or (
            self.stop is not None and max(times) >= self.stop
        ):
            raise ValueError(times[0])


class InfluxStore:
    """Readings in the InfluxDB at `url`.

    `token` and `org` for 2.x and 3.x, `user` and `password` for 1.x. The database of a district is its id behind
    `database_prefix`. `api` forces the write path of a server that only takes writes; `create` says whether databases
    that are missing are made. `access_of` gives the credentials of a database that has its own, None elsewhere.
    """

    def __init__(  # noqa: PLR0913 -- each is one thing that differs from site to site
        self,
        url: str,
        *,
        token: str = "",
        user: str = "",
        password: str = "",
        org: str = "",
        database_prefix: str = "",
        timeout_s: float = 10.0,
        api: Api | None = None,
        create: bool = True,
        clock: Clock | None = None,
        access_of: Callable[[str], Access | None] | None = None,
    ) -> None:
        self._access = Access(token, user, password, org)
        self._http = InfluxHTTP(url, self._access, timeout_s, api, access_of)
        self._timeout_s = timeout_s
        self._prefix = database_prefix
        self._create = create
        self._clock = clock or SystemClock()
        self._made: set[str] = set()
        self._series: Mapping[int, Series] = {}
        self._states: Mapping[int, str] = {}
        self._codes: Mapping[str, int] = {}
        self._ids: Mapping[_Key, int] = {}
        self._sizes: Counter[tuple[str, str]] = Counter()
        self._databases: list[str] = []
        self._database_of = np.empty(0, np.int32)
        self._encoder = Encoder((), {})
        self._newest = Newest()

    def open(self, series: Sequence[Series], states: Mapping[int, str]) -> None:
        """Find out which InfluxDB this is and make the databases that are missing; see the port.

        ValueError for a series whose names line protocol cannot carry.
        """
        self._http.ping()
        self._encoder = Encoder(series, states)
        self._newest.reserve(max((one.id for one in series), default=0))
        self._series = {one.id: one for one in series}
        self._states = dict(states)
        self._codes = {clean(name): code for code, name in states.items()}
        self._ids = {self._key(one): one.id for one in series}
        self._sizes = Counter((self._database(one), one.quantity.name) for one in series)
        self._databases = sorted({self._database(one) for one in series})
        self._database_of = np.zeros(max((one.id for one in series), default=0) + 1, np.int32)
        for one in series:
            self._database_of[one.id] = self._databases.index(self._database(one))
        for name in self._databases:
            self._make(name)

    def write(self, batch: Batch, *, complete: bool = True) -> None:  # noqa: ARG002 -- the port's; there is no seq here
        """Store a batch, one request per district and kind of row; see the port."""
        if not self._series:
            raise StartError(f"{self._http.url}: the store is not open")
        rows = settle(batch)
        late = rows.time <= self._newest.times(rows.ids)
        database = self._database_of[rows.ids]
        for number in np.unique(database).tolist():
            here = database == number
            for explicit, chosen in ((False, here & ~late), (True, here & late)):
                if chosen.any():
                    self._post(number, self._encoder.encode(rows.take(chosen), explicit=explicit))
        self._newest.take(rows)

    def tell(self, facts: Iterable[Fact]) -> None:
        """Store facts, each in the raw database of its district; see `twin.facts`. Raises as `write`."""
        by_database: dict[str, list[str]] = {}
        for fact in facts:
            by_database.setdefault(f"{self._prefix}{fact.tags['district']}", []).append(line_of(fact))
        for database, lines in by_database.items():
            self._put(database, "\n".join(lines).encode())

    def latest(self, ids: Ids | None = None) -> Batch:
        """Return the newest reading of each series, any quality."""
        wanted = np.array(sorted(self._series), np.int32) if ids is None else ids
        return self._newest_rows(wanted, None)

    def raw(self, ids: Ids, start: int, stop: int) -> Batch:
        """Return readings ordered by (series, time)."""
        found = [empty_batch()]
        for database, measurement, some in self._groups(ids, _SERIES_A_QUERY):
            text = influxql.rows(measurement, some, start, stop)
            found += self._rows(_Asked(database, measurement, some, start, stop), text)
        return settle(sort_rows(join(found)))

    def before(self, ids: Ids, moment: int) -> Batch:
        """Return the newest good or uncertain reading of each series before `moment`."""
        return self.newest(ids, moment, usable=True)

    def asof(self, ids: Ids, moment: int) -> Batch:
        """Return the newest reading of each series at `moment`, any quality; see the port."""
        return self._newest_rows(ids, moment + 1)

    def windows(self, ids: Ids, edges: Times, aggregates: Sequence[Aggregate]) -> Mapping[int, Windows]:
        """Reduce readings to windows; see the port."""
        reader = Reader(self, self._series, self._states)
        return reader.windows(ids, edges, aggregates, self._clock.now_ns())

    def delete(self, ids: Ids, start: int, stop: int) -> None:
        """Delete readings; InfluxDB does not say how many. `StoreRefused` on 3 Core, which cannot."""
        self._refuse_deletion()
        for database, measurement, some in self._groups(ids, 1):
            for _ in self._http.query(database, influxql.delete(measurement, some, start, stop)):
                pass
        self._newest.forget(self._known(ids))

    def counts(self, ids: Ids, start: int, stop: int) -> tuple[Ids, Times]:
        """Return how many usable readings series have."""
        cells = self.cells(np.unique(ids), Grid(start, stop - start, 1), {Aggregate.COUNT})
        order = np.argsort(cells.ids)
        found = cells.columns[Aggregate.COUNT][order]
        return cells.ids[order][found > 0], found[found > 0].astype(np.int64)

    def first(self, ids: Ids, since: int) -> tuple[Ids, Times]:
        """Return when each series had its first good or uncertain reading from `since` on; see the port."""
        found: dict[int, int] = {}
        for database, measurement, some, of_states in self._whole_or_parts(ids):
            text = influxql.first_usable(measurement, some, "state" if of_states else "value", since)
            asked = _Asked(database, measurement, some, since)
            for one, columns in self._series_of(asked, text):
                found[one] = int(columns["time"][0])
        wanted = [one for one in np.unique(ids).tolist() if one in found]
        return np.array(wanted, np.int32), np.array([found[one] for one in wanted], np.int64)

    def write_rollups(self, rows: Rollups) -> None:
        """Store rollups, in the database of their resolution; see the port."""
        known = [one for one in rows.ids.tolist() if one in self._series]
        if not known:
            return
        database = rows.resolution.database(self._series[known[0]].district, self._prefix)
        lasting = np.array([one for one in known if not is_gauge(self._series[one])], np.int32)
        before = self.rollups(rows.resolution, lasting, rows.edges)
        for lines in influx_rollups.lines(rows, self._series, self._states, self._encoder.beginning, before):
            self._put(database, lines)

    def rollups(self, resolution: Resolution, ids: Ids, edges: Times) -> Rollups:
        """Return rollups; see the port."""
        grid = influx_rollups.RollupReader(resolution, np.unique(ids).astype(np.int32), edges, self._codes)
        for database, measurement, some, _ in self._whole_or_parts(ids):
            start, stop = int(edges[0]), int(edges[-1])
            text = influxql.everything(measurement, some, start, stop)
            asked = _Asked(database, measurement, some, start, stop)
            for one, columns in self._series_of(asked, text, f"{database}_{resolution.value}"):
                with self._understood(columns):
                    grid.take(one, columns)
        return grid.rollups()

    def forget_rollups(self, resolution: Resolution, district: str, before: int) -> None:
        """Delete the rollups of a district whose windows begin before a time; `StoreRefused` on 3 Core."""
        self._refuse_deletion()
        database = f"{self._prefix}{district}"
        measurements = sorted({name for home, name in self._sizes if home == database})
        for measurement in (*measurements, COVERAGE.name):
            text = influxql.forget(measurement, before)
            for _ in self._http.query(resolution.database(district, self._prefix), text):
                pass

    def stats(self) -> StoreStats:
        """Describe the server; what it holds it does not say cheaply."""
        databases = ", ".join(sorted(self._made))
        return StoreStats(
            "influxdb", self._http.version, None, None, {"url": self._http.url, "databases": databases}
        )

    def applied(self) -> int:
        """Return 0: InfluxDB keeps no sequence numbers."""
        return 0

    def close(self) -> None:
        """Release the connections."""
        self._http.close()
        self._series = {}

    def cells(self, ids: Ids, grid: Grid, wanted: Collection[Aggregate]) -> Cells:
        """Reduce usable readings to the cells of a grid; for `history.Reader`."""
        parts = []
        for database, measurement, some in self._groups(ids, _SERIES_A_QUERY):
            of_states = is_state(some[0])
            reduced = _OF_STATES.intersection(wanted) if of_states else wanted
            text = influxql.cells(measurement, some, "state" if of_states else "value", grid, reduced)
            asked = _Asked(database, measurement, some, grid.start, grid.stop)
            for one, columns_of in self._series_of(asked, text):
                with self._understood(columns_of):
                    parts.append(self._cells(one, columns_of, grid, reduced, wanted))
        columns = {
            one: np.concatenate([np.empty(0), *(part.columns[one] for part in parts)]) for one in wanted
        }
        return Cells(
            np.concatenate([np.empty(0, np.int32), *(part.ids for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.cell for part in parts)]),
            columns,
        )

    def chunks(self, ids: Ids, start: int, stop: int) -> Iterator[Batch]:
        """Yield readings ordered by (series, time), whole series at a time; for `history.Reader`."""
        # A day of a few series, or a quarter hour of many.
        most = min(max(_SERIES_AT_ONCE * _DAY // max(stop - start, 1), _SERIES_AT_ONCE), _MOST_AT_ONCE)
        for first in range(0, len(ids), most):
            yield self.raw(ids[first : first + most], start, stop)

    def newest(self, ids: Ids, before: int, *, usable: bool) -> Batch:
        """Return the newest reading of each series with `time < before`; for `history.Reader`."""
        if not usable:
            return self._newest_rows(ids, before)
        found = [empty_batch()]
        for database, measurement, some in self._groups(ids, _SERIES_A_QUERY):
            field = "state" if is_state(some[0]) else "value"
            text = influxql.newest_usable(measurement, some, field, before)
            found += self._rows(_Asked(database, measurement, some, None, before), text)
        rows = sort_rows(join(found))
        return rows.take(rows.quality < FIRST_BAD)

    def _newest_rows(self, ids: Ids, before: int | None) -> Batch:
        """Return newest readings."""
        found = [empty_batch()]
        for database, measurement, some, _ in self._whole_or_parts(ids):
            text = influxql.newest(measurement, some, before)
            found += self._rows(_Asked(database, measurement, some, None, before), text)
        rows = sort_rows(join(found))
        return rows.take(np.isin(rows.ids, ids))

    def _whole_or_parts(self, ids: Ids) -> Iterator[tuple[str, str, list[Series] | None, bool]]:
        """Yield database, measurement, series, and whether they are states.

        The series are None where most of a measurement are meant: then it is asked for whole, in one query.
        """
        for database, measurement, some in self._groups(ids, MOST_SERIES):
            of_states = is_state(some[0])
            if 2 * len(some) > self._sizes[database, measurement]:
                yield database, measurement, None, of_states
                continue
            for first in range(0, len(some), _SERIES_A_QUERY):
                yield database, measurement, some[first : first + _SERIES_A_QUERY], of_states

    def _refuse_deletion(self) -> None:
        if self._http.major >= 3:
            raise StoreRefused(
                self._http.url, "InfluxDB 3 Core deletes no readings; give the database a retention period"
            )

    def _rows(self, asked: _Asked, text: str) -> Iterator[Batch]:
        """Yield the readings that a query gives, a portion of one series at a time."""
        for one, columns in self._series_of(asked, text):
            with self._understood(columns):
                found = self._decode(one, columns)
            yield found

    def _series_of(
        self, asked: _Asked, text: str, database: str = ""
    ) -> Iterator[tuple[int, dict[str, Sequence[Any]]]]:
        """Yield id and columns of each portion of a series; `database` is one of another name that is asked.

        `StoreBusy` for what was not asked: better no answer than one to another question. Series that nobody knows
        any more are passed over where all of a measurement are asked for.
        """
        names = None if asked.series is None else {one.id for one in asked.series}
        for answer in self._http.query(database or asked.database, text):
            with self._understood(answer):
                one, columns = self._id_of(asked.database, answer), _columns(answer)
                asked.check(answer["name"], columns["time"])
                if names is not None and one not in names:
                    raise ValueError(one)
            if one is not None:
                yield one, columns

    @contextmanager
    def _understood(self, answer: Mapping[str, Any]) -> Iterator[None]:
        """Raise `StoreBusy` for an answer of another shape than InfluxDB's."""
        try:
            yield
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            words = f"the answer to a query was not understood: {str(answer)[:100]}"
            raise StoreBusy(self._http.url, words) from error

    def _decode(self, one: int, columns: Mapping[str, Sequence[Any]]) -> Batch:
        """Return rows as the encoder was given them; see `twin.store.lineprotocol`."""
        time = np.array(columns["time"], np.int64)
        received = _or_else(columns["received"], time)
        device = _or_else(columns["device_time"], np.where(received != time, time, 0))
        quality = np.array(
            [_CODES.get(slug or "good", Reason.BAD_STATUS) for slug in columns["quality"]], np.uint8
        )
        if is_state(self._series[one]):
            value = np.array([self._codes.get(name, np.nan) for name in columns["state"]], np.float64)
        else:
            value = _numbers(columns["value"])
        value[quality >= FIRST_BAD] = np.nan
        return Batch(np.full(len(time), one, np.int32), time, received, device, value, quality)

    def _cells(
        self,
        one: int,
        columns: Mapping[str, Sequence[Any]],
        grid: Grid,
        reduced: Collection[Aggregate],
        wanted: Collection[Aggregate],
    ) -> Cells:
        time = np.array(columns["time"], np.int64)
        if (np.diff(time) <= 0).any():
            raise ValueError(time)
        found = {name: np.full(len(time), np.nan) for name in wanted}
        for name in reduced:
            values = columns[name.value]
            if name is not Aggregate.COUNT and is_state(self._series[one]):
                values = [self._codes.get(text, np.nan) for text in values]
            found[name] = _numbers(values)
        if not (found[Aggregate.COUNT] > 0).all():
            found, time = _without_empty(found, time)
        return Cells(np.full(len(time), one, np.int32), (time - grid.start) // grid.step, found)

    def _groups(self, ids: Ids, most: int) -> Iterator[tuple[str, str, list[Series]]]:
        """Yield database, measurement and series, of which one query may hold at most so many."""
        groups: dict[tuple[str, str, bool], list[Series]] = {}
        for one in self._known(ids).tolist():
            series = self._series[one]
            key = (self._database(series), series.quantity.name, is_state(series))
            groups.setdefault(key, []).append(series)
        for (database, measurement, _), found in groups.items():
            for first in range(0, len(found), most):
                yield database, measurement, found[first : first + most]

    def _known(self, ids: Ids) -> Ids:
        return np.array([one for one in np.unique(ids).tolist() if one in self._series], np.int32)

    def _database(self, series: Series) -> str:
        return f"{self._prefix}{series.district}"

    def _key(self, series: Series) -> _Key:
        return self._database(series), series.quantity.name, series.device, series.point

    def _id_of(self, database: str, answer: Mapping[str, Any]) -> int | None:
        tags = answer.get("tags", {})
        return self._ids.get(
            (database, answer.get("name", ""), tags.get("device", ""), tags.get("point", ""))
        )

    def _post(self, number: int, lines: bytes) -> None:
        self._put(self._databases[number], lines)

    def _put(self, database: str, lines: bytes) -> None:
        """Store lines in a database, which is made when it is missing."""
        try:
            self._http.write(database, lines)
        except Missing:
            self._made.discard(database)
            self._make(database)
            self._http.write(database, lines)

    def _make(self, database: str) -> None:
        """Create a database or bucket that is missing; 3 Core does so at the first write."""
        if database in self._made or not self._create:
            return
        if self._http.major == 1:
            _make_database(self._http, database)
        elif self._http.major == 2:
            _make_bucket(self._http.url, self._http.access(database), database, self._timeout_s)
        self._made.add(database)


def _make_database(http: InfluxHTTP, name: str) -> None:
    """Create a database that is missing; whoever may only use it finds it among those that are shown to them."""
    for answer in http.query(name, "SHOW DATABASES"):
        if [name] in answer.get("values", ()):
            return
    try:
        for _ in http.query("", influxql.create_database(name)):
            pass
    except StoreDenied as error:
        words = f"there is no database {name!r} for these credentials, and they may not create it"
        raise StoreDenied(http.url, f"{words} (barrio apply does): {error.words}") from error


def _make_bucket(url: str, access: Access, name: str, timeout_s: float) -> None:
    from influxdb_client.client.exceptions import InfluxDBError
    from influxdb_client.client.influxdb_client import InfluxDBClient
    from influxdb_client.rest import ApiException
    from urllib3.exceptions import HTTPError

    try:
        with InfluxDBClient(url, token=access.token, org=access.org, timeout=int(timeout_s * 1000)) as client:
            buckets = client.buckets_api()
            if buckets.find_bucket_by_name(name) is None:
                buckets.create_bucket(bucket_name=name, org=access.org)
    except ApiException as error:
        if error.status in (401, 403):
            words = f"the token may not find or create the bucket {name!r} in the organisation {access.org!r}"
            words += " (barrio apply does)"
            raise StoreDenied(url, words) from error
        raise StoreBusy(
            url, f"the bucket {name!r} could not be created: {error.status} {error.reason}"
        ) from error
    except InfluxDBError as error:
        # The library's own: who may not see the organisation cannot be told its id, which making a bucket takes.
        words = f"the token may not find or create the bucket {name!r} in the organisation {access.org!r}"
        raise StoreDenied(url, f"{words} (barrio apply does)") from error
    except HTTPError as error:
        raise StoreBusy(url, f"cannot be reached: {error}") from error
    except ValueError as error:
        raise StoreBusy(
            url, f"the answer to a request for the bucket {name!r} was not understood: {error}"
        ) from error


def _numbers(column: Sequence[Any]) -> Values:
    """Return a column of numbers and nulls; TypeError where it holds anything else, which numpy would take for some."""
    if not {*map(type, column)} <= {float, int, type(None)}:
        raise TypeError(column)
    return np.array(column, np.float64)


def _without_empty(found: dict[Aggregate, Values], time: Times) -> tuple[dict[Aggregate, Values], Times]:
    """Leave out windows of which nothing was counted; ValueError where there is a value nevertheless.

    1.x and 2.x leave these out by themselves. An engine that counts rows, as that of 3 Core, may have one where every
    reading is bad.
    """
    count = found[Aggregate.COUNT]
    empty = np.isnan(count) | (count == 0)
    values = [column for name, column in found.items() if name is not Aggregate.COUNT]
    if (count < 0).any() or any(not np.isnan(column[empty]).all() for column in values):
        raise ValueError(found)
    return {name: column[~empty] for name, column in found.items()}, time[~empty]


def _columns(answer: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    return dict(zip(answer["columns"], zip(*answer["values"], strict=True), strict=True))


def _or_else(column: Sequence[int | None], other: Times) -> Times:
    return np.array([y if x is None else x for x, y in zip(column, other.tolist(), strict=True)], np.int64)
