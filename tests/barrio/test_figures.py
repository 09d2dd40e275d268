"""Open figures from the store to the answer: published once, of what was there in time, and nothing of a dwelling."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from barrio.access.who import STATE, Who
from barrio.api.app import create_app
from barrio.assembly import load_all
from barrio.platform import Platform
from barrio.settings import Settings
from connectors.registry import Connectors
from tests.barrio.scripted import ScriptedConnector, write_district
from tests.twin.datasets.test_figures import smallest_combination, smallest_support
from twin.access.scope import OPEN, Scope, Tier
from twin.clock import SystemClock
from twin.frame import Batch
from twin.quality import Reason

SEQUENCE = count(1)
NS = 1_000_000_000
MINUTE = 60 * NS
HOUR = 60 * MINUTE
START = 1_800_000_000 * NS
assert START % HOUR == 0
DISTRICT = """\
district: town
name: Town
timezone: UTC
location: {lat: 41, lon: -1}
sites:
  - {id: quarter, kind: Quarter}
  - {id: north, kind: House, within: quarter}
  - {id: south, kind: House, within: quarter}
"""
PROFILE = """\
profile: thing
protocol: scripted
kind: Meter
points:
  energy: {quantity: active_energy_import, slot: 0, heartbeat: 5min}
  power: {quantity: active_power, slot: 1}
"""
DATASETS = """\
owners: [{id: city, name: City}]
datasets:
  - id: use
    title: Use
    owner: city
    contact: data@city.example
    licence: CC-BY-4.0
    tier: open
    points: {for: {kind: Meter}, names: energy}
    figures: {at_least: 10, every: 1h, after: 1h, by: [House, district]}
  - id: meters
    title: Meters
    owner: city
    contact: data@city.example
    licence: "https://city.example/terms"
    tier: partner
    points: {for: {kind: Meter}}
"""


class Moved(SystemClock):
    """A clock that stands where a test puts it."""

    now = START

    def now_ns(self) -> int:
        return self.now


class Town:
    """A platform with meters whose readings a test writes."""

    def __init__(self, platform: Platform, clock: Moved, http: httpx.AsyncClient) -> None:
        self.platform = platform
        self.clock = clock
        self.http = http

    def read(
        self, meters: Iterable[int], hours: range, rate: float = 1.0, received: int | None = None
    ) -> None:
        """Store a register every five minutes of these hours after the start; received at once when left out."""
        minutes = range(hours.start * 60 - 5, hours.stop * 60 + 1, 5)
        ids, times, values = [], [], []
        for meter in meters:
            number = self.platform.catalogue.points[f"town/m{meter}/energy"].id
            ids += [number] * len(minutes)
            times += [START + one * MINUTE for one in minutes]
            values += [1_000.0 * meter + rate * one / 60 + 100 for one in minutes]
        time = np.array(times, np.int64)
        self.platform.store.write(
            Batch(
                np.array(ids, np.int32),
                time,
                time if received is None else np.full(len(time), received, np.int64),
                np.zeros(len(time), np.int64),
                np.array(values),
                np.full(len(time), Reason.GOOD, np.uint8),
                next(SEQUENCE),
            )
        )

    async def publish(self, hour: float) -> int:
        """Publish what is due so many hours after the start."""
        assert self.platform.living.figures is not None
        self.clock.now = START + round(hour * HOUR)
        return await self.platform.living.figures.step()

    async def figures(self, group: str = "district", **query: str) -> dict[str, list[Any]]:
        """What everybody is told of a group."""
        query = {"from": "2027-01-01", "to": "2027-12-31", "group": group} | query
        answer = await self.http.get("/api/v1/figures/use", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, list[Any]] = answer.json()["series"][0]
        return found


def write(folder: Path, meters: int, datasets: str = DATASETS) -> Path:
    """Write the town, half of its meters in each house."""
    house = ("north", "south")
    devices = "".join(
        f'  - {{id: m{one}, profile: thing, site: {house[one % 2]}, endpoint: "scripted://10.0.0.1:{one + 1}"}}\n'
        for one in range(meters)
    )
    folder.mkdir(exist_ok=True)
    (folder / "datasets.yaml").write_text(datasets)
    return write_district(folder, district=DISTRICT, devices=f"devices:\n{devices}", profile=PROFILE)


@asynccontextmanager
async def town(
    folder: Path, meters: int = 24, scope: Scope = OPEN, datasets: str = DATASETS
) -> AsyncIterator[Town]:
    """Open a platform on the town; nothing runs but what a test calls. Whoever asks has the scope."""
    connectors = Connectors({})
    connectors.add(ScriptedConnector())
    districts = load_all([str(write(folder / "town", meters, datasets))], Path(), connectors, folder)
    clock = Moved()
    platform = Platform(districts, Settings(data=folder / "data"), connectors, clock)
    app = create_app(platform)
    who = Who("somebody", app.state.sights.of(scope))

    async def door(one, receive, send) -> None:
        one.setdefault("state", {})[STATE] = who
        await app(one, receive, send)

    async with (
        platform,
        httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://test") as http,
    ):
        yield Town(platform, clock, http)


async def test_a_window_is_published_when_its_time_has_come(tmp_path):
    """24 meters of 1 kWh an hour are 24, an hour after the end of the window, and not before."""
    async with town(tmp_path) as found:
        found.read(range(24), range(4))
        await found.publish(1.9)
        before = len((await found.figures(**{"from": "2027-01-15T08:00Z"}))["start"])
        await found.publish(2.1)
        after = await found.figures(**{"from": "2027-01-15T08:00Z"})

    assert (before, len(after["start"])) == (0, 1)
    assert after["value"] == [pytest.approx(24.0)]
    assert (after["completeness"], after["status"]) == ([1.0], ["published"])


async def test_a_group_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    """The nearest one, or all."""
    async with town(tmp_path) as found:
        near = (await found.http.get("/api/v1/figures/use", params={"group": "norht"})).json()["detail"]
        far = (await found.http.get("/api/v1/figures/use", params={"group": "xyz"})).json()["detail"]

    assert near == "group: there is no group 'norht' (did you mean north?)"
    assert far.startswith("group: there is no group 'xyz', there are ")
    assert {"district", "north", "south"} <= set(far.replace(",", "").split())


async def test_fewer_than_k_are_suppressed_in_every_format_without_their_number(tmp_path):
    """Nine of the twelve of a house: no value, no share, the same words whether there are nine or none."""
    async with town(tmp_path) as found:
        found.read([one for one in range(24) if one not in {0, 2, 4}], range(1))
        await found.publish(3.1)
        north = await found.figures("north", **{"from": "2027-01-15T08:00Z"})
        answer = await found.http.get("/api/v1/figures/use?from=2027-01-15T08:00Z&to=2027-02-01&format=csv")

    assert (north["value"], north["completeness"]) == ([None, None], [None, None])
    assert north["status"] == ["suppressed: fewer than 10 contributed"] * 2
    rows = [line.split(",")[-3:] for line in answer.text.splitlines() if line.startswith("north")]
    assert rows == [["", "", "suppressed: fewer than 10 contributed"]] * 2


async def test_the_district_is_not_given_beside_a_house_when_that_tells_of_nine(tmp_path):
    """One house whole, nine of the other: the house is told, and the sum of both is not."""
    async with town(tmp_path) as found:
        found.read([one for one in range(24) if one not in {0, 2, 4}], range(1))
        await found.publish(2.1)
        since = {"from": "2027-01-15T08:00Z"}
        south, both = await found.figures("south", **since), await found.figures(**since)

    assert south["value"] == [pytest.approx(12.0)]
    assert (both["value"], both["status"]) == (
        [None],
        ["suppressed: fewer than 10 contributed beside its parts"],
    )


async def test_late_readings_change_nothing(tmp_path):
    """What was told stays, byte for byte, after a meter's readings came late."""
    query = {"from": "2027-01-15T08:00Z"}
    async with town(tmp_path) as found:
        found.read(range(23), range(1))
        await found.publish(2.1)
        first = await found.figures(**query)
        found.read([23], range(1), rate=500.0, received=START + round(2.2 * HOUR))
        await found.publish(2.3)
        second = await found.figures(**query)

    assert first == second
    assert first["value"] == [pytest.approx(23.0)]


async def test_late_readings_do_not_count_where_a_window_is_made_late(tmp_path):
    """A platform that was off makes the window of what had been received in time: the same as if it had been on."""
    async with town(tmp_path) as found:
        found.read(range(23), range(1))
        found.read([23], range(1), rate=500.0, received=START + round(2.2 * HOUR))
        await found.publish(30.0)
        told = await found.figures(**{"from": "2027-01-15T08:00Z", "to": "2027-01-15T09:00Z"})

    assert told["value"] == [pytest.approx(23.0)]


async def test_a_meter_that_is_added_is_in_no_window_that_was_told_without_it(tmp_path):
    """Windows before stay as they are; those after are of the new group: no window is given of both."""
    async with town(tmp_path, 24) as found:
        found.read(range(24), range(2))
        await found.publish(2.1)
    async with town(tmp_path, 26) as found:
        found.read(range(24, 26), range(8), rate=100.0)
        found.read(range(24), range(2, 8))
        await found.publish(9.1)
        told = await found.figures(**{"from": "2027-01-15T08:00Z"})

    assert len(told["start"]) == len(set(told["start"])) == 8
    assert told["value"][0] == pytest.approx(24.0)
    assert told["value"][1:] == [pytest.approx(224.0)] * 7


async def test_a_spike_at_the_end_of_a_window_is_in_no_sum(tmp_path):
    """It is judged by what was read after it, as far as that had been received by the time of publication."""
    async with town(tmp_path, 24) as found:
        found.read(range(24), range(3))
        number = found.platform.catalogue.points["town/m3/energy"].id
        at = np.array([START + HOUR - MINUTE], np.int64)
        nothing, good = np.zeros(1, np.int64), np.full(1, Reason.GOOD, np.uint8)
        spike = Batch(np.array([number], np.int32), at, at, nothing, np.array([9e6]), good, next(SEQUENCE))
        found.platform.store.write(spike)
        found.platform.store.delete(np.array([number], np.int32), START + HOUR, START + HOUR + 1)
        await found.publish(3.1)
        told = await found.figures(**{"from": "2027-01-15T08:00Z"})

    assert told["value"][0] == pytest.approx(24.0, abs=0.2)


async def test_a_damaged_book_is_not_made_again(tmp_path):
    """What was told in it nobody can take back: windows go on from now, whatever was read since, or is read anew."""
    async with town(tmp_path, 24) as found:
        found.read(range(24), range(3))
        await found.publish(2.1)
        book = found.platform.folder.figures
    book.write_bytes(b"no database at all " * 1_000)
    async with town(tmp_path, 25) as found:
        found.read(range(25), range(3))
        again = await found.publish(5.5)
        found.read(range(25), range(5, 9))
        await found.publish(10.1)
        told = await found.figures(**{"from": "2027-01-15T08:00Z"})

    assert again == 0
    assert told["value"] == [pytest.approx(25.0)] * 3


async def test_a_change_of_the_windows_begins_after_all_that_was_told(tmp_path):
    """Hours become days: no day is told of which hours were told, or their sum would give away hours that were not."""
    daily = DATASETS.replace("every: 1h", "every: 1d")
    async with town(tmp_path) as found:
        found.read(range(24), range(72))
        await found.publish(5.1)
    async with town(tmp_path, datasets=daily) as found:
        await found.publish(72.0)
        told = await found.figures(**{"from": "2027-01-15T08:00Z"})

    lengths = [
        (np.datetime64(stop.rstrip("Z")) - np.datetime64(start.rstrip("Z"))) / np.timedelta64(1, "h")
        for start, stop in zip(told["start"], told["stop"], strict=True)
    ]
    assert lengths == [1.0] * 4 + [24.0] * 2
    assert all(stop <= start for stop, start in zip(told["stop"], told["start"][1:], strict=False))


async def test_hours_with_meters_that_come_and_go_give_nobody_away(tmp_path):
    """Twelve hours, each with others silent: no sum of published sums of an hour is of fewer than ten meters."""
    rng = np.random.default_rng(7)
    hours = [sorted(rng.choice(24, int(count), replace=False).tolist()) for count in rng.integers(6, 22, 12)]
    async with town(tmp_path) as found:
        for hour, present in enumerate(hours):
            found.read(present, range(hour, hour + 1))
        await found.publish(14.0)
        told = {one: await found.figures(one) for one in ("district", "north", "south")}

    members = {"district": set(range(24)), "north": set(range(0, 24, 2)), "south": set(range(1, 24, 2))}
    starts = told["district"]["start"][:12]
    published = 0
    for hour, start in enumerate(starts):
        # Who was silent only meanwhile was read near both edges: the register has the whole hour.
        before, after = set(hours[max(hour - 1, 0)]), set(hours[min(hour + 1, 11)])
        there = set(hours[hour]) | (before & after)
        sums = []
        for group, rows in told.items():
            at = rows["start"].index(start)
            if rows["value"][at] is not None:
                sums.append(frozenset(members[group] & there))
                assert rows["value"][at] == pytest.approx(len(sums[-1]))
        published += len(sums)
        assert not sums or min(smallest_combination(sums), smallest_support(sums)) >= 10
    assert published > 5


async def test_no_route_gives_a_member(tmp_path):
    """The public is told sums; the meters do not exist for them, wherever they look."""
    async with town(tmp_path) as found:
        found.read(range(24), range(3))
        await found.publish(4.1)
        asked = [
            "/api/v1/points/town/m3/energy",
            "/api/v1/points/town/m3/energy/latest",
            "/api/v1/history?point=town/m3/energy&from=2027-01-15",
            "/api/v1/devices/town/m3",
            "/api/v1/datasets/town/meters",
            "/api/v1/profiles/thing",
            "/api/v1/figures/meters",
        ]
        answers = {path: (await found.http.get(path)).status_code for path in asked}
        lists = [
            await found.http.get(f"/api/v1/{one}")
            for one in ("points", "devices", "sites", "profiles", "quantities")
        ]
        catalog = (await found.http.get("/catalog")).text
        things = await found.http.get("/sta/v1.1/Things?$count=true")

    assert set(answers.values()) == {404}, answers
    assert [one.json()["total"] for one in lists] == [0] * 5
    assert "m3" not in catalog
    assert "town/meters" not in catalog
    assert things.status_code == 200
    assert things.json()["@iot.count"] == 0


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        (Scope(Tier.PARTNER), 200),
        (Scope(Tier.PARTNER, districts=frozenset({"elsewhere"})), 404),
        (Scope(Tier.PARTNER, sites=frozenset({"town/north"})), 404),
        (Scope(Tier.PARTNER, sites=frozenset({"town/quarter"})), 200),
        (Scope(Tier.PARTNER, quantities=frozenset({"active_power"})), 404),
        (Scope(Tier.PARTNER, kinds=frozenset({"Lamp"})), 404),
    ],
)
async def test_figures_exist_for_a_token_that_is_not_kept_from_their_meters(tmp_path, scope, status):
    """A token for one house is told nothing of a sum over two."""
    async with town(tmp_path, scope=scope) as found:
        listed = (await found.http.get("/api/v1/figures")).json()["figures"]
        answer = await found.http.get("/api/v1/figures/use")

    assert (answer.status_code, bool(listed)) == (status, status == 200)
