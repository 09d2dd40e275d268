"""The book of rollups: how far they are made, and what of them has to be made again.

What holds:

- `until` of a resolution: every window that ended before it was made from what the store held, or is stale.
- `since` of a district: so far back were its windows made; `goal`: so far back there are readings, None while nobody
  knows. What lies between the two is made when there is time.
- `stale`: readings came for windows that were made already. A mark is on disk (`synchronous=FULL`) before the spool
  lets go of the readings, so that whatever happens after it, the windows are made again. A mark that grew while its
  windows were made stays.
- `kept`: what was from before this time was let go, as the retention says. Nothing is made again from what is gone.
- `point`: which points were read at the last start; one that is read no more has the `until` of that time.
- `job`: somebody asked for a stretch to be made again; `done` says how far that is.

Times are ns UTC. Progress is held in memory too, so that asking for it costs nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.databook import DataBook
from twin.resolution import ROLLUPS, Resolution
from twin.sqlite import Database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from twin.frame import Ids, Times

_SCHEMA = """
CREATE TABLE IF NOT EXISTS until (
  district TEXT NOT NULL, resolution TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (district, resolution)
) STRICT;
CREATE TABLE IF NOT EXISTS since (district TEXT PRIMARY KEY, at INTEGER NOT NULL, goal INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS kept (
  district TEXT NOT NULL, resolution TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (district, resolution)
) STRICT;
CREATE TABLE IF NOT EXISTS point (
  series INTEGER PRIMARY KEY, district TEXT NOT NULL, left_at INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS stale (
  day INTEGER NOT NULL, series INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
  version INTEGER NOT NULL, PRIMARY KEY (day, series)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY AUTOINCREMENT, under TEXT NOT NULL, resolution TEXT NOT NULL,
  start INTEGER NOT NULL, stop INTEGER NOT NULL, asked INTEGER NOT NULL, done INTEGER NOT NULL
) STRICT;
"""
_MARK = (
    "INSERT INTO stale (day, series, start, stop, version) VALUES (?,?,?,?,1) ON CONFLICT DO UPDATE SET"
    " start = min(start, excluded.start), stop = max(stop, excluded.stop), version = version + 1"
)
_STALE = (
    "WITH wanted AS (SELECT * FROM stale WHERE series NOT IN (SELECT value FROM json_each(:without)))"
    " SELECT day, series, start, stop, version FROM wanted WHERE day = (SELECT min(day) FROM wanted)"
    " ORDER BY series LIMIT :most"
)
_UNTIL = "INSERT INTO until VALUES (?,?,?) ON CONFLICT DO UPDATE SET at = excluded.at"
_SINCE = "INSERT INTO since VALUES (?,?,?) ON CONFLICT DO UPDATE SET at = excluded.at, goal = excluded.goal"
_KEPT = "INSERT INTO kept VALUES (?,?,?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"
_READS = (
    "INSERT INTO point VALUES (?,?,NULL) ON CONFLICT DO UPDATE SET left_at = NULL WHERE left_at IS NOT NULL"
)
_STALE_OF = "SELECT series, start, stop, version FROM stale WHERE series IN (SELECT value FROM json_each(?))"
_LEFT = (
    "UPDATE point SET left_at = ? WHERE district = ? AND left_at IS NULL"
    " AND series NOT IN (SELECT value FROM json_each(?))"
)
_KEEPS = "UPDATE kept SET at = ? WHERE district = ? AND resolution = ?"
_JOB = "SELECT id, under, resolution, start, stop, asked, done FROM job"

DAY_NS = 86_400_000_000_000
MOST_ENDED_JOBS = 100
EVERY = "all"


@dataclass(frozen=True, slots=True, eq=False)
class Stale:
    """Marks of one day: series, and from when to when readings came late; both ends included."""

    day: int
    ids: Ids
    start: Times
    stop: Times
    version: Times


@dataclass(frozen=True, slots=True)
class Job:
    """A stretch that somebody asked for: `under` is a district or a prefix of points, `resolution` one or `all`."""

    id: int
    under: str
    resolution: str
    start: int
    stop: int
    asked: int
    done: int

    @property
    def ended(self) -> bool:
        """Whether all of it is made."""
        return self.done >= self.stop


class Book(DataBook):
    """The book of one data folder; methods that write block on the disk and raise `twin.sqlite.DatabaseBusy`."""

    def __init__(self, path: Path) -> None:
        super().__init__(Database(path, _SCHEMA, synchronous="FULL"))
        self._until: dict[tuple[str, str], int] = {}
        self._since: dict[str, tuple[int, int | None]] = {}
        self._kept: dict[tuple[str, str], int] = {}
        self.stale_marks = 0
        self.open_jobs = 0

    def open(self) -> Path | None:
        """Open the file and read how far everything is; see `DataBook.open`."""
        aside = super().open()
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM until")
            self._until = {(district, resolution): at for district, resolution, at in rows}
            rows = connection.execute("SELECT * FROM since")
            self._since = {district: (at, goal) for district, at, goal in rows}
            rows = connection.execute("SELECT * FROM kept")
            self._kept = {(district, resolution): at for district, resolution, at in rows}
        self._count()
        return aside

    # --- progress -------------------------------------------------------------------------------------------

    def until(self, district: str, resolution: Resolution) -> int:
        """Return until when windows are made, 0 when none was."""
        return self._until.get((district, resolution), 0)

    def since(self, district: str) -> int:
        """Return from when on windows are made; 0 when none was."""
        return self._since.get(district, (0, None))[0]

    def goal(self, district: str) -> int | None:
        """Return from when on there are readings, None while nobody looked."""
        return self._since.get(district, (0, None))[1]

    def begin(self, district: str, at: int, first: int) -> None:
        """Make windows from the beginning of a day on; what was before it comes when there is time.

        Of that day, nothing is to be made from before `first`.
        """
        until = {(district, str(one)): first if one is Resolution.QUARTER else at for one in ROLLUPS}
        with self._database.transaction() as connection:
            connection.executemany(_UNTIL, [(*key, time) for key, time in until.items()])
            connection.execute(_SINCE, (district, at, None))
        self._until |= until
        self._since[district] = (at, None)

    def advance(self, district: str, resolution: Resolution, at: int) -> None:
        """Note that windows are made until a time."""
        with self._database.transaction() as connection:
            connection.execute(_UNTIL, (district, resolution, at))
        self._until[district, resolution] = at

    def reach(self, district: str, at: int, goal: int | None) -> None:
        """Note how far back windows are made, and how far back there are readings."""
        with self._database.transaction() as connection:
            connection.execute(_SINCE, (district, at, goal))
        self._since[district] = (at, goal)

    def kept(self, district: str, resolution: Resolution) -> int:
        """Return since when readings or rollups are kept; 0 when none were let go."""
        return self._kept.get((district, resolution), 0)

    def forgets(self, district: str, resolution: Resolution, before: int) -> None:
        """Note that what is from before a time goes; to be said before it goes."""
        with self._database.transaction() as connection:
            connection.execute(_KEPT, (district, resolution, before))
        key = (district, str(resolution))
        self._kept[key] = max(self._kept.get(key, 0), before)

    def keeps(self, district: str, resolution: Resolution, since: int) -> None:
        """Note that what is from after a time is kept, whatever was said before."""
        with self._database.transaction() as connection:
            connection.execute(_KEEPS, (since, district, resolution))
        self._kept[district, str(resolution)] = since

    # --- points that come and go ----------------------------------------------------------------------------

    def returned(self, district: str, ids: Ids) -> dict[int, int]:
        """Return the points among `ids` that were not read at the last start, and until when their windows are made."""
        text = "SELECT series, left_at FROM point WHERE district = ? AND left_at IS NOT NULL"
        with self._database.reading() as connection:
            left = dict(connection.execute(text, (district,)))
        return {one: left[one] for one in ids.tolist() if one in left}

    def reads(self, district: str, ids: Ids) -> None:
        """Note which points of a district are read from now on."""
        known = ids.tolist()
        until = self.until(district, Resolution.QUARTER)
        with self._database.transaction() as connection:
            connection.executemany(_READS, [(one, district) for one in known])
            connection.execute(_LEFT, (until, district, json.dumps(known)))

    # --- what is stale --------------------------------------------------------------------------------------

    def mark(self, ids: Ids, time: Times) -> None:
        """Note that readings came for windows that are made; on disk when this returns."""
        day = time // DAY_NS
        order = np.lexsort((time, ids, day))
        ids, time, day = ids[order], time[order], day[order]
        first = np.flatnonzero(np.append(True, (ids[1:] != ids[:-1]) | (day[1:] != day[:-1])))
        last = np.append(first[1:], len(ids)) - 1
        columns = (day[first], ids[first], time[first], time[last])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        with self._database.transaction() as connection:
            connection.executemany(_MARK, rows)
        self._count()

    def stale(self, most: int, without: Ids) -> Stale | None:
        """Return marks of the oldest day that has any but of some series, None when there is none."""
        with self._database.reading() as connection:
            rows = connection.execute(
                _STALE, {"without": json.dumps(without.tolist()), "most": most}
            ).fetchall()
        if not rows:
            return None
        day, ids, start, stop, version = zip(*rows, strict=True)
        times = (np.array(column, np.int64) for column in (start, stop, version))
        return Stale(day[0], np.array(ids, np.int32), *times)

    def stale_of(self, ids: Ids) -> Stale:
        """Return all marks of some series, of whichever day; nothing is read while there are none."""
        rows = []
        if self.stale_marks:
            with self._database.reading() as connection:
                rows = connection.execute(_STALE_OF, (json.dumps(ids.tolist()),)).fetchall()
        found, start, stop, version = zip(*rows, strict=True) if rows else ((), (), (), ())
        times = (np.array(column, np.int64) for column in (start, stop, version))
        return Stale(0, np.array(found, np.int32), *times)

    def stale_days(self) -> int:
        """Return how many days have marks."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(DISTINCT day) FROM stale").fetchone()[0])

    def unmark(self, stale: Stale) -> None:
        """Note that the windows of marks are made again; marks that grew since stay."""
        rows = zip(stale.ids.tolist(), stale.version.tolist(), strict=True)
        with self._database.transaction() as connection:
            connection.executemany(
                "DELETE FROM stale WHERE day = ? AND series = ? AND version = ?",
                [(stale.day, series, version) for series, version in rows],
            )
        self._count()

    def _count(self) -> None:
        with self._database.reading() as connection:
            self.stale_marks = int(connection.execute("SELECT count(*) FROM stale").fetchone()[0])
            jobs = connection.execute("SELECT count(*) FROM job WHERE done < stop")
            self.open_jobs = int(jobs.fetchone()[0])

    # --- what was asked for ---------------------------------------------------------------------------------

    def ask(self, under: str, resolution: str, span: tuple[int, int], now: int) -> int:
        """Keep a stretch that has to be made again; returns its number."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO job (under, resolution, start, stop, asked, done) VALUES (?,?,?,?,?,?)",
                (under, resolution, *span, now, span[0]),
            )
            connection.execute(
                "DELETE FROM job WHERE done >= stop AND id NOT IN (SELECT id FROM job ORDER BY id DESC LIMIT ?)",
                (MOST_ENDED_JOBS,),
            )
        self._count()
        return int(cursor.lastrowid or 0)

    def jobs(self, *, open_only: bool = False) -> Sequence[Job]:
        """Return what was asked for, the oldest first."""
        where = " WHERE done < stop" if open_only else ""
        with self._database.reading() as connection:
            return [Job(*row) for row in connection.execute(f"{_JOB}{where} ORDER BY id")]

    def proceed(self, job: int, done: int) -> None:
        """Note how far a job is."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE job SET done = ? WHERE id = ?", (done, job))
        self._count()
