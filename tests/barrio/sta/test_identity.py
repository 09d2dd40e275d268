"""Ids: whole numbers that stand for one thing as long as the data folder lives, and where things were."""

import pytest

from barrio.sta.numbers import ReadingId, parse_reading, parse_whole, reading_id
from tests.barrio.sta.town import DEVICES, ROOT, Town, fill, seeing, town
from twin.resolution import Resolution

MOVED = (
    DEVICES.replace("site: yard", "site: house")
    .replace("probe, name", "probe-2, name")
    .replace(", location: {lat: 20.52, lon: -100.32}", "")
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch) -> None:
    """Links are up at once."""
    monkeypatch.setattr("barrio.supervisor.START_SPREAD_S", 0.0)


async def ids(found: Town) -> dict[str, dict[object, str]]:
    """The ids of everything, with what they stand for."""
    kinds = [one["name"] for one in (await found.get(""))["value"] if one["name"] != "Observations"]
    return {
        kind: {
            one["@iot.id"]: one.get("properties", {}).get("path", one.get("name", one.get("time")))
            for one in await found.all(f"/{kind}")
        }
        for kind in kinds
    }


async def test_ids_stay(tmp_path):
    """Over a restart all are the same; of a device that is gone they are never given to another."""
    async with town(tmp_path) as found:
        first = await ids(found)
    async with town(tmp_path) as found:
        again = await ids(found)
    async with town(tmp_path, devices=MOVED) as found:
        later = await ids(found)

    assert again == first
    for kind in first:
        both = first[kind].keys() & later[kind].keys()
        assert {one: first[kind][one] for one in both} == {one: later[kind][one] for one in both}
    gone = set(first["Things"]) - set(later["Things"])
    assert {first["Things"][one] for one in gone} == {"little/probe"}
    assert "little/probe-2" in later["Things"].values()


async def test_where_things_were(tmp_path):
    """A device that was moved has a stay at each site; who does not see the former site is not told of it."""
    async with town(tmp_path) as found:
        assert len(await found.all("/HistoricalLocations")) == 2
    async with town(tmp_path, devices=MOVED) as found:
        [meter] = (
            await found.get("/Things", filter="name eq 'meter'", expand="HistoricalLocations/Locations")
        )["value"]
        house = seeing(sites=frozenset({"little/house"}))
        stays = meter["HistoricalLocations"]

        assert [one["Locations"][0]["name"] for one in stays] == ["The house"]
        assert (await found.get("/HistoricalLocations", house, count="true"))["@iot.count"] == 2
    both = MOVED.replace(
        'probe-2, name: "Probe\'s one", profile: thing, site: house', "probe, profile: thing, site: yard"
    )
    async with town(tmp_path, devices=both) as found:
        path = f"{ROOT}/Things?$filter=name eq 'meter'&$expand=HistoricalLocations/Locations"
        [meter] = (await found.get(f"http://town.example{path}"))["value"]
        times = [one["time"] for one in meter["HistoricalLocations"]]
        names = [one["Locations"][0]["name"] for one in meter["HistoricalLocations"]]
        hidden = await found.get("/HistoricalLocations", seeing(sites=frozenset({"little/house"})))

    assert names == ["yard", "The house"]
    assert times == sorted(times)
    assert len(hidden["value"]) == 1


@pytest.mark.parametrize("resolution", list(Resolution))
@pytest.mark.parametrize("time", [0, 1, 1_795_780_800_000_000_000, 2**63 - 1])
def test_an_observation_is_named_by_what_it_is(resolution, time):
    """Series, resolution and time come back out of the id."""

    assert parse_reading(reading_id(12, resolution, time)) == ReadingId(12, resolution, time)


NO_READINGS = ["", "1", "0" * 21, "12 4", "1" * 40, "14" + "0" * 19, "10" + "9" * 19, "-1", "\uff11"]
NO_NUMBERS = ["", "0", "01", "-1", "1.0", "1e3", "\uff11", "9" * 19, "1 "]


def test_what_is_no_id():
    """Neither that of an observation nor a whole number: nothing is guessed."""

    assert [parse_reading(text) for text in NO_READINGS] == [None] * len(NO_READINGS)
    assert [parse_whole(text) for text in NO_NUMBERS] == [None] * len(NO_NUMBERS)
    assert parse_whole("12") == 12


async def test_links_begin_with_the_public_url(tmp_path, monkeypatch):
    """Behind a proxy the settings say how others reach it; else the request's own host does, an address as well."""
    async with town(tmp_path) as found:
        async with found.as_caller(None) as http:
            own = (await http.get(ROOT, headers={"host": "[::1]:8080"})).json()["value"][0]["url"]
        monkeypatch.setenv("BARRIO_PUBLIC_URL", "https://city.example/barrio/")
    async with town(tmp_path) as found:
        fill(found)
        public = (await found.get("/Observations", top="1"))["@iot.nextLink"]

    assert own == "http://[::1]:8080/sta/v1.1/Things"
    assert public.startswith("https://city.example/barrio/sta/v1.1/Observations?$top=1&$skiptoken=")
